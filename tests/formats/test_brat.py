from __future__ import annotations

from pathlib import Path

import pytest

from kashif import formats
from kashif.document import Document, Entity
from kashif.errors import InputError
from kashif.formats.reading import Reading
from kashif.formats.writing import save


def test_all_faults_are_told_with_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("زار بوتين موسكو", encoding="utf-8")
    path = tmp_path / "a.ann"
    path.write_text(
        "T1\tPERS 4 9\tكيم\nT2\tGPE 10 99\tx\nT3\tGPE 0 3;4 9\tزار\nR1\tvisits Arg1:T1 Arg2:T8\n# note\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        formats.read(path, "brat")
    assert [fault.line for fault in caught.value.faults] == [1, 2, 3, 4]


def test_carriage_returns_are_no_part_of_a_mention(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes("بوتين".encode())
    (tmp_path / "b.ann").write_bytes("T1\tPERS 0 5\tبوتين\r\n".encode())
    assert formats.read(tmp_path / "b.ann", "brat")[0].document.entities[0].text == "بوتين"


def test_offsets_may_point_into_a_text_that_is_given(tmp_path: Path) -> None:
    path = tmp_path / "a.ann"
    path.write_text("T1\tPERS 4 9\tبوتين\n", encoding="utf-8")
    [reading] = formats.read(path, "brat", text="زار بوتين")
    assert reading.document.text == "زار بوتين"
    assert (reading.document.id, reading.entity_lines) == ("a", {1: 1})
    with pytest.raises(InputError, match=r"a\.txt: cannot be read"):
        formats.read(path, "brat")


@pytest.mark.parametrize(("mark", "counted"), [("", 0), ("\ufeff", 0), ("\ufeff", 1)])
def test_offsets_may_count_a_byte_order_mark_or_not(tmp_path: Path, mark: str, counted: int) -> None:
    (tmp_path / "a.txt").write_bytes(f"{mark}زار زار كيم".encode())
    rows = f"\ufeffT1\tX {counted} {3 + counted}\tزار\nT2\tY {8 + counted} {11 + counted}\tكيم\n"
    (tmp_path / "a.ann").write_bytes(rows.encode())
    [reading] = formats.read(tmp_path / "a.ann", "brat")
    assert reading.document.text == "زار زار كيم"
    assert [entity.key for entity in reading.document.entities] == [(0, 3, "X"), (8, 11, "Y")]


def test_a_text_that_begins_with_the_mark_of_byte_order_keeps_it(tmp_path: Path) -> None:
    document = Document("a", "\ufeffزار", (Entity(1, 1, 4, "X", "زار"),))
    save([document], "brat", tmp_path)
    assert formats.read(tmp_path / "a.ann", "brat")[0].document == document


def test_a_label_with_a_blank_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("كيم", encoding="utf-8")
    (tmp_path / "a.ann").write_text("T1\tشخص مهم 0 3\tكيم\n", encoding="utf-8")
    with pytest.raises(InputError, match="its label holds a blank"):
        formats.read(tmp_path / "a.ann", "brat")


def test_line_ends_in_a_mention_are_written_as_blanks(tmp_path: Path) -> None:
    """A carriage return at its end was taken for one of the line's, and the file refused."""
    document = Document("a", "كيم\r\nجونغ\r", (Entity(1, 0, 10, "PERS", "كيم\r\nجونغ\r"),))
    save([document], "brat", tmp_path)
    assert (tmp_path / "a.ann").read_bytes().decode() == "T1\tPERS 0 10\tكيم  جونغ \n"
    assert formats.read(tmp_path / "a.ann", "brat")[0].document == document


def read(folder: Path, text: str, rows: str, **options: str) -> Reading:
    """A text and its annotations."""
    (folder / "a.txt").write_bytes(text.encode())
    (folder / "a.ann").write_bytes(rows.encode())
    [reading] = formats.read(folder / "a.ann", "brat", options=tuple(options.items()))
    return reading


def test_what_documents_have_no_place_for_is_counted(tmp_path: Path) -> None:
    rows = (
        "R1\tvisits Arg2:T2 Arg1:T1\nA1\tNegation T1\nM2\tSure T1 high\n#1\tAnnotatorNotes T1\tملاحظة\n# free\n"
        "N1\tReference T2 Wikidata:Q1\tموسكو\nE1\tMEET:T3 Who:T1\n*\tEquiv T1 T2\nR2\tcause Arg1:E1 Arg2:T1\n"
        "T3\tMEET 0 3\tزار\nT2\tGPE 10 15\tموسكو\nT1\tPERS 4 9\tبوتين\nR3\tcoref Anaphora:T1 Antecedent:T2\n"
    ).replace("\n", "\r\n")
    (tmp_path / "annotation.conf").write_text("[entities]\nPERS\n", encoding="utf-8")
    reading = read(tmp_path, "زار بوتين موسكو", rows)
    assert [entity.id for entity in reading.document.entities] == [3, 2, 1]
    assert [(r.label, r.head, r.tail) for r in reading.document.relations] == [
        ("visits", 1, 2),
        ("coref", 1, 2),
    ]
    assert reading.omitted == {
        "attributes": 2,
        "notes": 2,
        "normalisations": 1,
        "events": 1,
        "equivalences": 1,
        "relations between events": 1,
    }
    assert [file.name for _, file in formats.files(tmp_path)] == ["a.ann"]


def test_a_span_in_several_parts_needs_a_choice(tmp_path: Path) -> None:
    text, rows = "وزارتا الصحة والتعليم", "T1\tORG 14 21;0 6\tوزارتا التعليم\n"
    with pytest.raises(InputError, match=r"a\.ann:1: T1 has 2 parts.*brat\+parts=cover:PATH"):
        read(tmp_path, text, rows)
    cover = read(tmp_path, text, rows, parts="cover")
    assert [e.text for e in cover.document.entities] == [text]
    assert cover.omitted == {"spans in several parts (read by parts=cover)": 1}
    largest = read(tmp_path, text, rows, parts="largest")
    assert [e.text for e in largest.document.entities] == ["التعليم"]
    with pytest.raises(InputError, match="the text at 0-6;14-21 is 'وزارتا التعليم', not 'وزارتا'"):
        read(tmp_path, text, "T1\tORG 0 6;14 21\tوزارتا\n", parts="cover")


@pytest.mark.parametrize("between", ["\n", " \n ", "\r\n"])
def test_a_span_that_was_cut_at_the_end_of_a_line_is_one(tmp_path: Path, between: str) -> None:
    end = 4 + len(between)
    reading = read(tmp_path, f"مجلس{between}الشورى", f"T1\tORG 0 4;{end} {end + 6}\tمجلس الشورى\n")
    assert [e.text for e in reading.document.entities] == [f"مجلس{between}الشورى"]
    assert reading.omitted == {}


@pytest.mark.parametrize("counted", [1, 2])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_of_two_characters_may_be_counted_as_one(tmp_path: Path, counted: int, mark: str) -> None:
    """A text that git or an editor gave other line ends than it was annotated with."""
    rows = f"T1\tX {3 + counted} {6 + counted}\tكيم\nT2\tY {6 + 3 * counted} {9 + 3 * counted}\tسول\n"
    document = read(tmp_path, f"{mark}زار\r\nكيم\r\n\r\nسول", rows).document
    assert [e.text for e in document.entities] == ["كيم", "سول"]


def test_a_read_document_is_written_as_json_lines(tmp_path: Path) -> None:
    reading = read(tmp_path, "وزارتا الصحة والتعليم", "T1\tORG 0 6;14 21\tوزارتا التعليم\n", parts="cover")
    save([reading.document], "jsonl", tmp_path / "a.jsonl")
    assert formats.read(tmp_path / "a.jsonl", "jsonl")[0].document == reading.document
