from __future__ import annotations

from pathlib import Path

import pytest

from kashif.corpora.slices import take
from kashif.document import Document
from kashif.evaluation.merging import Merged
from kashif.evaluation.merging import merge as merged
from kashif.evaluation.pairing import pair
from kashif.formats import FORMATS, Reading, jsonl, plain, read
from kashif.scheme import RelationType, Scheme

SCHEME = Scheme(
    entities={"PERS": "", "GPE": "", "ORG": ""},
    relations={
        "visits": RelationType(head=("PERS",), tail=("GPE",)),
        "meets": RelationType(head=("PERS",), tail=("PERS",), symmetric=True),
    },
)
FIRST = """\
[[بوتين|PERS#1]] يزور [[كييف|GPE#2]].
[[كيم|PERS#3]] يلتقي [[بوتين|PERS#4]] في [[موسكو الكبرى|GPE#5]].
---
visits 1 2
meets 3 4
visits 4 5
"""
SECOND = """\
[[بوتين|PERS#11]] يزور [[كييف|ORG#12]].
[[كيم|PERS#13]] يلتقي [[بوتين|PERS#14]] في [[موسكو|GPE#15]] الكبرى.
---
meets 14 13
"""


def reading(text: str, folder: str, id: str = "a") -> Reading:
    return plain.parse(text, Path(f"{folder}/{id}.txt"))


def merge(first: list[Reading], second: list[Reading]) -> Merged:
    return merged(pair(first, second), scheme=SCHEME)


def test_marks_that_agree_are_kept_and_the_others_told_with_file_and_line() -> None:
    found = merge([reading(FIRST, "A")], [reading(SECOND, "B")])
    [document] = found.documents
    assert [(e.id, e.text, e.label) for e in document.entities] == [
        (1, "بوتين", "PERS"),
        (3, "كيم", "PERS"),
        (4, "بوتين", "PERS"),
    ]
    assert [(r.label, r.head, r.tail) for r in document.relations] == [("meets", 3, 4)]
    assert sorted(map(str, found.differences)) == [
        "a: A/a.txt:1: GPE «كييف» | B/a.txt:1: ORG «كييف»",
        "a: A/a.txt:2: GPE «موسكو الكبرى» | B/a.txt:2: GPE «موسكو»",
        "a: A/a.txt:4: visits PERS «بوتين» -> GPE «كييف» | B/a.txt:1: -",
        "a: A/a.txt:6: visits PERS «بوتين» -> GPE «موسكو الكبرى» | B/a.txt:2: -",
    ]
    turned = merge([reading(SECOND, "B")], [reading(FIRST, "A")])
    assert [(e.key) for e in turned.documents[0].entities] == [e.key for e in document.entities]
    assert {d.marks[::-1] for d in turned.differences} == {d.marks for d in found.differences}


def test_a_mark_of_one_side_alone_has_the_other_s_place(tmp_path: Path) -> None:
    second = plain.parse("سطر\nبوتين", Path("B/a.txt"))
    found = merge([plain.parse("سطر\n[[بوتين|PERS#1]]", Path("A/a.txt"))], [second])
    assert list(map(str, found.differences)) == ["a: A/a.txt:2: PERS «بوتين» | B/a.txt:2: -"]
    assert found.documents == (Document("a", "سطر\nبوتين"),)
    file = tmp_path / "b.jsonl"
    file.write_text(second.document.to_json() + "\n", encoding="utf-8")
    found = merge(jsonl.read(file), [plain.parse("سطر\n[[بوتين|PERS#1]]", Path("a.txt"))])
    assert found.differences[0].marks == ("-", "PERS «بوتين»")
    assert found.differences[0].places[0] == f"{file}:1"


def test_white_space_at_the_end_makes_no_other_text() -> None:
    """A `---` behind the text of one side alone was refused as another text."""
    text = "زار [[بوتين|PERS#1]] كييف"
    for end in ("", "\n---\n", "\n\n"):
        found = merge([reading(text, "A")], [reading(text + end, "B")])
        [document] = found.documents
        assert (document.text, len(document.entities), found.differences) == ("زار بوتين كييف", 1, ())


def test_the_first_side_s_text_is_kept_and_the_lines_are_those_of_the_files() -> None:
    other = "\u200f" + SECOND.replace(".\n", " .\r\n\r\n")
    found = merge([reading(FIRST, "A")], [reading(other, "B")])
    assert found.documents == merge([reading(FIRST, "A")], [reading(SECOND, "B")]).documents
    assert sorted(map(str, found.differences)) == [
        "a: A/a.txt:1: GPE «كييف» | B/a.txt:1: ORG «كييف»",
        "a: A/a.txt:2: GPE «موسكو الكبرى» | B/a.txt:3: GPE «موسكو»",
        "a: A/a.txt:4: visits PERS «بوتين» -> GPE «كييف» | B/a.txt:1: -",
        "a: A/a.txt:6: visits PERS «بوتين» -> GPE «موسكو الكبرى» | B/a.txt:3: -",
    ]


@pytest.mark.parametrize(
    ("format", "place"),
    [
        ("plain", "z.txt:3"),
        ("brat", "z.txt:3"),  # the line of its one mark was once told, in the .ann
        ("conll", "z.conll:12"),  # the same
        ("jsonl", "z.jsonl:1"),
        ("doccano", "z.jsonl:1"),
        ("label-studio", "z.json, document 'a'"),
    ],
)
def test_a_mark_that_is_not_there_has_the_line_of_its_text(tmp_path: Path, format: str, place: str) -> None:
    text = "[[كيم|PERS#1]] عاد.\nسطر.\nثم زار كييف.\n"
    file = tmp_path / f"z{FORMATS[format].ending}"
    begin, _, end = FORMATS[format].frame
    document = reading(text, "A").document
    (tmp_path / "z.txt").write_text(document.text, encoding="utf-8")
    file.write_text(begin + FORMATS[format].write(document)[0] + end, encoding="utf-8")
    [one] = read(file, format)
    assert one.place(one.document.text.index("كييف")) == f"{tmp_path}/{place}"
    assert one.place(one.document.text.index("كييف"), 7) == f"{file}:7"


def test_a_place_in_a_slice_is_that_in_the_file() -> None:
    [piece] = take([reading("سطر.\n[[كيم|PERS#1]] عاد.\nثم زار كييف.", "A")], (34, 100))
    assert piece.document.text.startswith("كيم")
    assert piece.place(piece.document.text.index("كييف")) == "A/a.txt:3"
