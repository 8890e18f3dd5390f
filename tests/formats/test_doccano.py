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


def test_annotations_of_older_versions_are_spans(tmp_path: Path) -> None:
    """They went into the meta, and the article was read without a mark."""
    row = (
        '{"id": 7, "text": "زار كيم", "annotations": [{"id": 5, "label": %s, "start_offset": 4, '
        '"end_offset": 7, "user": 1}, {"id": 6, "label": %s, "start_offset": 0, "end_offset": 3}]}'
    )
    path = tmp_path / "a.jsonl"
    assert read(path, row % ('"PERS"', '"ACT"')) == [("7", [("PERS", "كيم"), ("ACT", "زار")])]
    assert doccano.read(path)[0].notices == (f"{path}: 1 values of 'user' of a span are left out",)
    with pytest.raises(
        InputError, match=r"a\.jsonl:1: its labels are numbers, such as 2; export text"
    ) as error:
        read(path, row % (2, 3))
    assert len(error.value.faults) == 1


def test_what_is_no_span_is_refused_below_each_key(tmp_path: Path) -> None:
    """A label that is no list, and a list below a second key, were left out without a word."""
    for wrong in ('"label": "sport"', '"label": ["sport"]', '"labels": [], "entities": {}'):
        with pytest.raises(InputError, match=r"is a list of spans|holds \[start, end, label\]"):
            read(tmp_path / "a.jsonl", f'{{"text": "زار كيم", {wrong}}}')
    both = '{"text": "زار كيم", "label": [[4, 7, "PERS"]], "entities": [[0, 3, "ACT"]]}'
    assert read(tmp_path / "a.jsonl", both) == [("a-1", [("PERS", "كيم"), ("ACT", "زار")])]


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
