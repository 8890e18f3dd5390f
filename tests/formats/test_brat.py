from __future__ import annotations

from pathlib import Path

import pytest

from kashif import formats
from kashif.document import Document, Entity
from kashif.errors import InputError
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
