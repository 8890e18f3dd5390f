from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kashif import formats
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import shapes

TEXT = "زار كيم"
SPAN = {"start": 4, "end": 7, "label": "PERS"}
OFFSETS = {"id": 1, "start_offset": 4, "end_offset": 7, "label": "PERS"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "prodigy": [{"text": TEXT, "spans": [SPAN], "answer": "accept"}],
    "doccano": [
        {"id": 1, "text": TEXT, "label": [[4, 7, "PERS"]], "Comments": []},
        {"id": 1, "text": TEXT, "entities": [OFFSETS], "relations": []},
        {"id": 1, "text": TEXT, "annotations": [OFFSETS], "meta": {}},
    ],
    "jsonl": [{"id": "a", "text": TEXT, "entities": [{"id": 1, **SPAN}]}],
    "label-studio": [
        {"id": 1, "data": {"text": TEXT}, "annotations": []},
        {"id": 1, "text": TEXT, "label": [{"start": 4, "end": 7, "text": "كيم", "labels": ["PERS"]}]},
    ],
    "gliner": [{"tokenized_text": TEXT.split(), "ner": [[1, 1, "PERS"]]}],
}
PAIRS = [(row, own, format) for own, rows in ROWS.items() for row in rows for format in (*ROWS, "plain")]


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(("row", "own", "format"), [pair for pair in PAIRS if pair[1] != pair[2]])
def test_a_file_of_another_format_is_refused_with_its_name(
    tmp_path: Path, row: dict[str, Any], own: str, format: str
) -> None:
    """Articles were read without marks, wherever the keys of the other tool went into the meta."""
    path = tmp_path / "a.jsonl"
    empty = {"id": 0, "text": "بلا علامة"}
    for content in (lines(row), lines(*({**empty, "id": f"{n}"} for n in range(60)), row)):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(
            InputError, match=f"looks like a file of {own}; write {own}:{re.escape(str(path))}"
        ):
            formats.read(path, format)


@pytest.mark.parametrize("format", ["jsonl", "doccano", "prodigy"])
def test_a_line_of_another_tool_is_refused_among_the_format_s_own(tmp_path: Path, format: str) -> None:
    path = tmp_path / "a.jsonl"
    for other in {"jsonl", "doccano", "prodigy"} - {format}:
        path.write_text(lines(ROWS[format][0], {**ROWS[other][0], "id": "2"}), encoding="utf-8")
        with pytest.raises(InputError, match=f"a.jsonl:2: (this looks like {other}|offsets None)"):
            formats.read(path, format)


@pytest.mark.parametrize("name", ["jsonl", "doccano", "prodigy", "gliner", "label-studio"])
def test_what_kashif_writes_is_of_its_own_format(name: str) -> None:
    entities = (Entity(1, 0, 3, "ACT", "زار"), Entity(2, 4, 7, "PERS", "كيم"))
    document = Document("a", TEXT, entities, (Relation("who", 1, 2),), {"spans": [SPAN]})
    begin, _, end = formats.FORMATS[name].frame
    assert shapes.shape(begin + formats.render(document, name)[0] + end) == name


def test_other_keys_of_a_marked_file_are_no_other_format(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    unmarked = {"id": "b", "text": TEXT, "entities": [], "spans": [SPAN]}
    path.write_text(lines(ROWS["jsonl"][0], unmarked), encoding="utf-8")
    assert formats.read(path, "jsonl")[1].document.meta == {"spans": [SPAN]}


def test_values_that_are_no_spans_show_no_other_format(tmp_path: Path) -> None:
    """A right corpus was refused for what its articles said of themselves."""
    path = tmp_path / "a.jsonl"
    meta = {"labels": [["politics", 0.9]], "spans": [{"page": 3}]}
    path.write_text(lines({"id": "b", "text": TEXT, **meta}, ROWS["jsonl"][0]), encoding="utf-8")
    assert formats.read(path, "jsonl")[0].document.meta == meta
