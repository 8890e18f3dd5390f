from __future__ import annotations

from pathlib import Path

import pytest

from kashif.errors import InputError
from kashif.formats import doccano


def read(path: Path, *lines: str) -> list[tuple[str, list[tuple[str, str]]]]:
    path.write_text("\n".join(lines), encoding="utf-8")
    found = doccano.read(path)
    return [(r.document.id, [(e.label, e.text) for e in r.document.entities]) for r in found]


@pytest.mark.parametrize("key", ["label", "labels", "entities"])
def test_spans_as_triples(tmp_path: Path, key: str) -> None:
    rows = [
        '{"id": 41, "text": "زار كيم", "%s": [[4, 7, "PERS"]], "Comments": []}',
        '{"text": "x", "%s": []}',
    ]
    assert read(tmp_path / "a.jsonl", *[row % key for row in rows]) == [
        ("41", [("PERS", "كيم")]),
        ("a-2", []),
    ]


def test_entities_and_relations(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": 1, "text": "زار كيم عمان", "entities": [{"id": 900, "label": "P", "start_offset": 4, "end_offset": 7, "note": "?"},'
        ' {"id": 901, "label": "G", "start_offset": 8, "end_offset": 12}], "relations": [{"id": 7, "from_id": 900,'
        ' "to_id": 901, "type": "visits"}], "Comments": ["?", "!"], "source": "x"}',
        encoding="utf-8",
    )
    [reading] = doccano.read(path)
    assert [e.id for e in reading.document.entities] == [900, 901]
    assert [(r.label, r.head, r.tail) for r in reading.document.relations] == [("visits", 900, 901)]
    assert reading.document.meta == {"source": "x"}
    assert reading.notices == (
        f"{path}: 2 comments are left out",
        f"{path}: 1 values of 'note' of a span are left out",
    )
    assert (reading.entity_lines, reading.relation_lines) == ({900: 1, 901: 1}, (1,))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [("😀😀 زار كيم هنا", 9, 12), ("😀😀 زار كيم هنا", 7, 10), ("زَارَ كيم هنا", 4, 7), ("زَارَ كيم هنا", 6, 9)],
)
def test_offsets_are_counted_the_way_that_gives_words(
    tmp_path: Path, text: str, start: int, end: int
) -> None:
    row = f'{{"text": "{text}", "label": [[{start}, {end}, "PERS"]]}}'
    assert read(tmp_path / "a.jsonl", row) == [("a-1", [("PERS", "كيم")])]


def test_all_faults_come_in_one_round(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(
            tmp_path / "a.jsonl",
            '{"text": "زار كيم", "label": [[4, 99, "P"], [4, 7], [4, 7, 3]]}',
            "{",
            '{"text": "زار", "relations": [{"from_id": 1, "to_id": 2, "type": "r"}]}',
        )
    assert [fault.line for fault in error.value.faults] == [1, 1, 1, 2, 3, 3]
