from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kashif.document import Document, Entity, Relation
from kashif.errors import InputError, nearest

TEXT = "زار بوتين بيونغ يانغ"
PUTIN = Entity(1, 4, 9, "PERS", "بوتين")
CITY = Entity(2, 10, 20, "GPE", "بيونغ يانغ", normal="بيونغ يانغ", score=0.98765)


def test_json_round_trip_keeps_everything() -> None:
    document = Document("d", TEXT, (PUTIN, CITY), (Relation("visits", 1, 2, 0.5),))
    again = Document.from_json(document.to_json())
    assert again.entities[0] == PUTIN
    assert again.relations == document.relations
    assert json.loads(document.to_json())["entities"][1]["score"] == 0.9877


def test_absent_values_stay_out_of_json() -> None:
    row = json.loads(Document("d", TEXT, (PUTIN,)).to_json())
    assert set(row["entities"][0]) == {"id", "start", "end", "label", "text"}


def test_every_fault_is_told_at_once() -> None:
    wrong = (Entity(1, 4, 9, "PERS", "كيم"), Entity(1, 15, 99, "GPE", "x"))
    with pytest.raises(InputError) as caught:
        Document("d", TEXT, wrong, (Relation("visits", 1, 7),))
    told = str(caught.value)
    assert len(caught.value.faults) == 4
    assert "'بوتين', not 'كيم'" in told
    assert "ids are unique" in told
    assert "15-99" in told
    assert "no entity 7" in told


@pytest.mark.parametrize("score", ["1.5", "-0.1"])
def test_a_score_is_a_probability(score: str) -> None:
    entity = f'{{"id": 1, "start": 0, "end": 1, "label": "PERS", "score": {score}}}'
    with pytest.raises(InputError, match=r"f\.jsonl:3: PERS: score .* is no probability"):
        Document.from_json(f'{{"id": "d", "text": "x", "entities": [{entity}]}}', "f.jsonl", 3)


def test_unknown_keys_suggest_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'entities'"):
        Document.from_json('{"id": "d", "text": "", "entites": []}', "f.jsonl", 3)
    with pytest.raises(InputError, match=r"f\.jsonl:3"):
        Document.from_json("{", "f.jsonl", 3)


@pytest.mark.parametrize(
    "row",
    [
        '{"id": 1, "text": ""}',
        '{"text": ""}',
        '{"id": "d", "text": "", "entities": [1]}',
        '{"id": "d", "text": null}',
        '{"id": "d", "text": "", "entities": {}}',
        "[]",
    ],
)
def test_wrong_types_are_refused(row: str) -> None:
    with pytest.raises(InputError):
        Document.from_json(row)


def test_nearest_lists_all_when_nothing_is_near() -> None:
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", map(str, range(2000))).endswith(" and 1,970 more")


def test_what_came_with_a_text_goes_through_untouched() -> None:
    line = '{"id": "a", "text": "نص", "url": "http://x", "meta": {"day": 3}, "tags": ["a", null]}'
    document = Document.from_json(line)
    assert document.meta == {"url": "http://x", "day": 3, "tags": ["a", None]}
    assert Document.from_json(document.to_json()) == document
    assert "meta" not in Document("a", "نص").to_json()
    beside = Document.from_json('{"id": "a", "text": "نص", "uid": 7, "texts": 1}')
    assert beside.meta == {"uid": 7, "texts": 1}  # what is like a key that is there is no slip for it
    for slip in ("entites", "relation"):
        with pytest.raises(InputError, match=f"unknown key '{slip}' in a document; did you mean"):
            Document.from_json(f'{{"id": "a", "text": "نص", "{slip}": []}}')


@pytest.mark.parametrize("line", [{"id": "a"}, 5, None, b"{}"])
def test_only_a_text_is_a_line_of_json(line: Any) -> None:
    with pytest.raises(InputError, match="expected a line of JSON as a text, found"):
        Document.from_json(line)


def test_a_key_beside_meta_and_in_it_loses_neither_value() -> None:
    """The one beside was lost, and `predict` refused the same line."""
    line = '{"id": "a", "text": "نص", "url": "a", "day": 3, "meta": {"url": "b", "day": 3}}'
    document = Document.from_json(line)
    assert document.meta == {"url": "a", "day": 3, "meta": {"url": "b", "day": 3}}
    assert Document.from_json(document.to_json()) == document
    assert Document.from_json(line.replace('"b"', '"a"')).meta == {"url": "a", "day": 3}
    true = Document.from_json('{"id": "a", "text": "نص", "a": true, "meta": {"a": 1}}').meta
    assert true["a"] is True  # which Python holds for 1
    assert true["meta"] == {"a": 1}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"id": 5}, "its id is a string, found int"),
        ({"text": None}, "its text is a string, found NoneType"),
        ({"text": b"x"}, "its text is a string, found bytes"),
        ({"entities": [PUTIN]}, "expected a tuple of Entity, found list"),
        ({"entities": (Relation("r", 1, 2),)}, "expected Entity, found Relation"),
        ({"entities": (replace(PUTIN, start="4"),)}, "start of Entity is a whole number, found '4'"),
        ({"entities": (replace(PUTIN, id=-1),)}, "ids are numbers from 0 on"),
        ({"meta": ["a"]}, "its meta is a mapping, found list"),
    ],
)
def test_a_document_of_wrong_types_cannot_be_built(document: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Document(**({"id": "d", "text": TEXT} | document))


def test_meta_that_json_cannot_hold_is_told() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    for value in ({1, 2}, float("nan"), deep):
        with pytest.raises(InputError, match="document 'd': JSON cannot hold its meta"):
            Document("d", TEXT, meta={"a": value}).to_json()


def test_two_surrogates_in_a_row_are_no_json() -> None:
    """JSON made one character of them, and all offsets behind it were one off."""
    assert Document.from_json(Document("a", "\ud83d أ").to_json()).text == "\ud83d أ"
    with pytest.raises(InputError, match="document 'a': two surrogates in a row"):
        Document("a", "\ud83d\ude00 أ").to_json()


def test_null_counts_as_absent() -> None:
    entity = '{"id": 1, "start": 0, "end": 1, "label": "X", "normal": null, "score": null}'
    document = Document.from_json(f'{{"id": "a", "text": "x", "entities": [{entity}], "relations": null}}')
    assert document == Document("a", "x", (Entity(1, 0, 1, "X", "x"),))


def test_ids_and_labels_are_such_that_every_format_holds_them() -> None:
    with pytest.raises(InputError, match="at most 18 digits"):
        Document("d", "كيم", (Entity(10**18, 0, 3, "PERS", "كيم"),))
    with pytest.raises(InputError, match="its label is empty"):
        Document("d", "كيم", (Entity(1, 0, 3, "", "كيم"),))
    entity = Entity(10**18 - 1, 0, 3, "PERS", "كيم")
    with pytest.raises(InputError, match="its label is empty"):
        Document("d", "كيم", (entity,), (Relation("", entity.id, entity.id),))


def test_labels_that_look_alike_are_refused() -> None:
    """Four GPE with a direction mark were another label than the others, and learned as one."""
    for entities, relations in (((1, "GPE\u200e"), ()), ((1, "GPE"), (Relation("\u200fin", 1, 1),))):
        with pytest.raises(InputError, match=r"the label '.*\\u200.*' holds what nobody sees"):
            Document("a", "سول", (Entity(entities[0], 0, 3, entities[1], "سول"),), relations)
