from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kashif import formats
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import gliner
from kashif.formats.writing import save


def export(path: Path, *rows: Any) -> Path:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def test_last_tokens_are_in_the_span(tmp_path: Path) -> None:
    row = {"tokenized_text": ["زار", "كيم", "جونغ", "عمان"], "ner": [[1, 2, "person"], [3, 3, "city"]]}
    side = {"mention": "كيم جونغ", "position": [1, 2], "type": "person"}
    glirel = row | {"relations": [{"head": side, "tail": {"position": [3, 3]}, "relation_text": "visits"}]}
    found = gliner.read(export(tmp_path / "a.json", row | {"relations": [[0, 1, "visits"]]}, glirel))
    for number, reading in enumerate(found, start=1):
        document = reading.document
        assert (document.id, document.text) == (f"a-000{number}", "زار كيم جونغ عمان")
        assert [(e.label, e.text) for e in document.entities] == [("person", "كيم جونغ"), ("city", "عمان")]
        assert document.relations == (Relation("visits", 1, 2),)


def test_a_mention_tells_how_ends_are_counted_and_other_keys_are_told(tmp_path: Path) -> None:
    """A span that ended before its last token took a word more, and a relation's other keys went unsaid."""
    row = {"tokenized_text": ["زار", "كيم", "جونغ", "-", "أون", "عمان"]}
    ner = [[1, 4, "person", "كيم جونغ-أون"], [5, 5, "city", "عمان"]]
    sides = {"head": {"position": [1, 4]}, "tail": {"position": [5, 5]}}
    relation = sides | {"relation_text": "visits", "relation_id": "P1"}
    [reading] = gliner.read(export(tmp_path / "a.json", row | {"ner": ner, "relations": [relation]}))
    assert reading.notices == (
        f"{tmp_path / 'a.json'}: 1 values of 'relation_id' of a relation are left out",
    )
    told = r"item 1: the tokens 1 to 2 are 'كيم جونغ', not 'كيم'; the last token of a span is in it"
    with pytest.raises(InputError, match=told):
        gliner.read(export(tmp_path / "b.json", row | {"ner": [[1, 2, "person", "كيم"]]}))


def test_whole_words_are_written(tmp_path: Path) -> None:
    document = Document(
        "d",
        "زار  كيم\nوعمان \u200c",
        (Entity(4, 5, 8, "P", "كيم"), Entity(5, 10, 14, "G", "عمان"), Entity(6, 15, 16, "X", "\u200c")),
        (Relation("r", 4, 5), Relation("r", 4, 6)),
        {"k": 1},
    )
    losses = save([document], "gliner", tmp_path / "a.json")
    assert losses == [
        "d: 1 spans begin or end inside a word; whole words are written",
        "d: 1 spans of no word, and their relations, are left out",
    ]
    [reading] = formats.read(tmp_path / "a.json", "gliner")
    assert reading.document == Document(
        "d",
        "زار كيم وعمان",
        (Entity(1, 4, 7, "P", "كيم"), Entity(2, 8, 13, "G", "وعمان")),
        (Relation("r", 1, 2),),
        {"k": 1},
    )


def test_what_cannot_be_read(tmp_path: Path) -> None:
    row = {"tokenized_text": ["زار", "كيم"]}
    wrong = [
        {"tokenized_text": "زار"},
        row | {"ner": [[1, 2, "X"]]},
        row | {"ner": [[1, 0, "X"]]},
        row | {"ner": [[1, 1]]},
        row | {"ner": [[1, 1, ""]]},
        row | {"ner": 3},
        row | {"relations": [[0, 1, "r"]]},
        row | {"relations": 3},
    ]
    with pytest.raises(InputError) as error:
        gliner.read(export(tmp_path / "a.json", *wrong))
    told = {fault.message.partition(":")[0] for fault in error.value.faults}
    assert told == {f"item {number}" for number in range(1, 9)}
