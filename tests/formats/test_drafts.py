from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from kashif import formats
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import drafts, offsets
from kashif.formats.tokens import joined, tokens
from kashif.formats.writing import save

TEXT = "زار 😀 بوتين\r\n  موسكو، و كَتَبَ\u200c ."
"""A text with a character of two code units, several spaces, marks and an invisible character."""


def make(text: str = TEXT, *mentions: str, score: float | None = None) -> Document:
    """A document whose entities are these mentions, each related to the next."""
    places = [text.index(mention) for mention in mentions]
    entities = tuple(
        Entity(number, start, start + len(mention), f"L{number}", mention, None, score)
        for number, (start, mention) in enumerate(zip(places, mentions, strict=True), start=3)
    )
    pairs = pairwise(entities)
    return Document(
        "d/1", text, entities, tuple(Relation("r", a.id, b.id, score) for a, b in pairs), {"k": [1]}
    )


EXACT = ["label-studio", "doccano", "prodigy"]


@pytest.mark.parametrize("format", EXACT)
@pytest.mark.parametrize("count", [1, 2])
def test_round_trip(tmp_path: Path, format: str, count: int) -> None:
    """Whole files, of one document and of several."""
    first = make(TEXT, "بوتين", "بوتين\r\n  موسكو", "وسك", "كَتَبَ")
    documents = [first, Document("e", "\ufeffنص")][:count]
    assert save(documents, format, tmp_path / "all") == []
    found = formats.read(tmp_path / "all", format)
    assert [reading.document for reading in found] == documents
    assert "left out" not in " ".join(found[0].notices)


@pytest.mark.parametrize("format", ["label-studio", "prodigy"])
def test_scores_come_back(tmp_path: Path, format: str) -> None:
    document = make(TEXT, "بوتين", "موسكو", score=0.5)
    save([document], format, tmp_path / "all")
    [reading] = formats.read(tmp_path / "all", format)
    assert reading.document == document


@pytest.mark.parametrize("format", EXACT)
def test_a_lone_surrogate_is_escaped(tmp_path: Path, format: str) -> None:
    document = Document("d", "a\ud83d b", (Entity(1, 3, 4, "X", "b"),))
    save([document], format, tmp_path / "all")
    assert formats.read(tmp_path / "all", format)[0].document == document


@pytest.mark.parametrize("format", [*EXACT, "gliner"])
@pytest.mark.parametrize(
    "content", ["[1, null]", '{"text": 3}', "{", "[[", '"x"', '{"data": 3}\n{"text": "x"}']
)
def test_what_is_not_of_the_format_is_told(tmp_path: Path, format: str, content: str) -> None:
    (tmp_path / "a").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=f"{tmp_path}/a"):
        formats.read(tmp_path / "a", format)


def paths(value: object) -> Iterator[list[object]]:
    """Where the parts of a value of JSON stand in it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield [key]
        yield from ([key, *rest] for rest in paths(part))


@pytest.mark.parametrize("format", [*EXACT, "gliner"])
def test_no_value_of_json_ends_in_a_traceback(tmp_path: Path, format: str) -> None:
    document = make("زار كيم عمان وبيروت", "كيم", "عمان", "بيروت", score=0.5)
    content, _ = formats.render(document, format)
    junk: list[object] = [None, True, -1, 1.5, 10**40, "", "x", [], [None], [[1]], {}, {"a": []}]
    refused = 0
    for place in paths(json.loads(content)):
        for value in junk:
            row = json.loads(content)
            part = row
            for key in place[:-1]:
                part = part[key]
            part[place[-1]] = value
            (tmp_path / "a").write_text(json.dumps([row]), encoding="utf-8")
            try:
                assert len(formats.read(tmp_path / "a", format)) == 1
            except InputError:
                refused += 1
    assert refused > 100


def test_ids_are_unique(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"id": 1, "text": "x"}\n{"id": "1", "text": "y"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="a:2: the id '1' is taken by another document"):
        formats.read(tmp_path / "a", "doccano")


def test_a_file_of_another_tool_is_told_with_its_name(tmp_path: Path) -> None:
    for name, content, format in (
        ("a.json", '[{"id": 1, "data": {"text": "x"}, "annotations": []}]', "label-studio"),
        ("b.json", '[{"tokenized_text": ["x"], "ner": []}]', "gliner"),
        (
            "c.jsonl",
            '{"id": 1, "text": "x", "label": []}\n{"id": 2, "text": "x", "label": [[0, 1, "X"]]}',
            "doccano",
        ),
        ("d.jsonl", '{"text": "x", "spans": [{"start": 0, "end": 1, "label": "X"}]}', "prodigy"),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(
            InputError, match=f"looks like a file of {format}; write {format}:{tmp_path}/{name}"
        ):
            formats.read(*reversed(formats.files(tmp_path / name)[0]))  # type: ignore[arg-type]


def test_a_file_read_by_the_wrong_format_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"id": i, "data": {"text": "x"}, "annotations": []} for i in range(5)]))
    for format in ("doccano", "prodigy", "gliner"):
        with pytest.raises(InputError, match=f"write label-studio:{path}") as caught:
            formats.read(path, format)
        assert len(caught.value.faults) == 1
    path.write_text('[{"id": 1, "data": {"text": 3}, "annotations": []}]')
    with pytest.raises(InputError, match="text"):  # its own format tells its faults
        formats.read(path, "label-studio")


def test_a_folder_of_files_of_a_format(tmp_path: Path) -> None:
    save([make(TEXT, "بوتين")], "doccano", tmp_path / "a.jsonl")
    assert formats.files(tmp_path, "doccano") == [("doccano", tmp_path / "a.jsonl")]


def test_ways_of_counting() -> None:
    text = "a😀كَ"
    assert [len(count(text)) - 1 for count in offsets.COUNTS.values()] == [4, 5, 3]
    assert offsets.taken(offsets.code_units(text), 1, 3) == (1, 2)
    assert offsets.taken(offsets.code_units(text), 1, 2) is None
    assert offsets.taken(offsets.clusters(text), 2, 3) == (2, 4)
    for wrong in ((1, 1), (-1, 2), (0, 9), (True, 2), ("0", 2), (None, None), (0, 1.5)):
        assert offsets.taken(offsets.code_points(text), *wrong) is None


def test_tokens_make_up_the_text() -> None:
    for text in (TEXT, "", " ", "\n", "  a", "a  ", "a \n b"):
        for spans in ([], [(0, 1)], [(1, 2)], [(0, len(text))], [(2, 4), (3, 4)]):
            spans = [span for span in spans if span[0] < span[1] <= len(text)]
            found = tokens(text, spans)
            assert "".join(text[start:end] + " " * space for start, end, space in found) == text
            assert {start for start, _ in spans} <= {start for start, _, _ in found}
            assert {end for _, end in spans} <= {end for _, end, _ in found}
    assert joined(["ab", "c"]) == ("ab c", [(0, 2), (3, 4)])


@pytest.mark.parametrize("format", [*EXACT, "datasets"])
def test_ids_of_18_digits_are_kept(tmp_path: Path, format: str) -> None:
    """Ids of 16 digits and more were numbered anew, though every other format keeps them."""
    entities = (Entity(10**18 - 1, 0, 3, "X", "زار"), Entity(10**15, 4, 7, "X", "كيم"))
    document = Document("d", "زار كيم", entities, (Relation("r", 10**15, 10**18 - 1),))
    assert save([document], format, tmp_path / "all") == []
    assert formats.read(tmp_path / "all", format)[0].document == document


@pytest.mark.parametrize("format", [*EXACT, "datasets"])
def test_ids_that_count_from_0_are_kept(tmp_path: Path, format: str) -> None:
    """They counted from 1 when they came back, as if the tool had given none."""
    entities = (Entity(0, 0, 3, "X", "زار"), Entity(1, 4, 7, "X", "كيم"))
    document = Document("d", "زار كيم", entities, (Relation("r", 0, 1),))
    assert save([document], format, tmp_path / "all") == []
    assert formats.read(tmp_path / "all", format)[0].document == document


def test_a_key_beside_meta_and_in_it_loses_neither_value() -> None:
    row = {"text": "نص", "url": "a", "meta": {"url": "b"}}
    assert drafts.meta_of(row, {"text"}) == {"url": "a", "meta": {"url": "b"}}
    values = [("url", "a"), ("meta", '{"url": "b"}')]
    assert drafts.single_values(values, Counter(), what="x") == {"url": "a", "meta": {"url": "b"}}
