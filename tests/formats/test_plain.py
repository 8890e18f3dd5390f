from __future__ import annotations

from pathlib import Path

import pytest

from kashif import formats
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import plain
from kashif.formats.writing import save


def test_all_faults_are_told_with_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(
        "[[بوتين|PERS#1]] و[[كيم|PERS#1]]\nزار|GPE#2]]\n[[موسكو\nثم ]] عاد\n---\nmeets 1 9\nmeets 1\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        formats.read(path, "plain")
    lines = [(fault.line, fault.message.split(";")[0]) for fault in caught.value.faults]
    assert lines == [
        (1, "id 1 is taken by the span on line 1"),
        (2, "|GPE#2]] closes no span"),
        (3, "[[ is never closed"),
        (4, "']]' closes no span"),
        (6, "meets: there is no entity #9"),
        (7, "expected 'label head-id tail-id', found 'meets 1'"),
    ]


def test_the_text_is_kept_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff[[بوتين|PERS#1]]\r\n\n---\n".encode())
    document = formats.read(path, "plain")[0].document
    assert document.text == "بوتين\r\n"  # a byte order mark is no letter of a text
    assert formats.render(document, "plain")[0] == path.read_bytes().decode("utf-8-sig")


def test_carriage_returns_do_not_hide_relations(tmp_path: Path) -> None:
    """A CRLF file once lost its relations to the text without a word."""
    path = tmp_path / "a.txt"
    path.write_bytes("[[بوتين|PERS#1]] زار [[موسكو|GPE#2]]\r\n---\r\nvisits 1 2\r\n".encode())
    document = formats.read(path, "plain")[0].document
    assert document.text == "بوتين زار موسكو"
    assert document.relations == (Relation("visits", 1, 2),)


@pytest.mark.parametrize("text", ["كيم\r", "كيم\r\r", "كيم\r\n", "\r", "كيم\n---", "\n---\n"])
def test_a_text_that_ends_like_the_line_below_it_is_kept(tmp_path: Path, text: str) -> None:
    """A carriage return was taken for a part of the line end before the rule, a rule of the text for that one."""
    document = Document("a", text, (Entity(1, 0, len(text), "A", text),))
    save([document], "plain", tmp_path)
    assert formats.read(tmp_path / "a.txt", "plain")[0].document == document


def test_what_marks_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match="looks like marks"):
        formats.render(Document("d", "a [[b]]"), "plain")
    with pytest.raises(InputError, match="look"):
        formats.render(Document("d", "كيم|X#1 [b"), "plain")
    with pytest.raises(InputError, match="look"):  # the bracket would be read as outside
        formats.render(Document("d", "[b]", (Entity(1, 0, 3, "A", "[b]"),)), "plain")
    crossing = (Entity(1, 0, 3, "A", "abc"), Entity(2, 2, 4, "B", "cd"))
    with pytest.raises(InputError, match="crosses"):
        formats.render(Document("d", "abcd", crossing), "plain")


@pytest.mark.parametrize("half", ["]]", "|X]]", "\n]]"])
def test_halves_of_marks_cost_no_squares(half: str) -> None:
    """All lines before each one were counted anew: this took minutes."""
    with pytest.raises(InputError) as told:
        plain.parse(half * 120_000, Path("a.txt"))
    lines = [fault.line for fault in told.value.faults]
    assert len(lines) == 120_000
    assert (lines[0], lines[-1]) == ((2, 120_001) if half.startswith("\n") else (1, 1))


def test_a_bracket_before_a_mark_is_text(tmp_path: Path) -> None:
    """Every such span was moved: it began at the bracket."""
    text = "قالت [رويترز] في [باريس"
    spans = [(6, 13, "X"), (6, 12, "ORG"), (18, 23, "GPE")]
    entities = tuple(Entity(n, s, e, label, text[s:e]) for n, (s, e, label) in enumerate(spans, start=1))
    document = Document("a", text, entities)
    save([document], "plain", tmp_path)
    assert "[[[[[رويترز|" in (tmp_path / "a.txt").read_text(encoding="utf-8")
    assert formats.read(tmp_path / "a.txt", "plain")[0].document == document


@pytest.mark.parametrize(
    "slip",
    [
        "--- ",
        "---\u200f",
        " ---",
        "----",
        "—",
        "-",
        "ـــ",
        "- - -",
        "***",
        "===",
        "−−",
        "___",
        "---\nmeets 1 2\n---\nvisits 1 2\n---",
    ],
)
def test_a_line_that_is_nearly_the_rule_hides_no_relations(slip: str) -> None:
    """They became text, without a word."""
    raw = f"زار [[كيم|PERS#1]] [[سول|GPE#2]]\n{slip}\n\nvisits 1 2\n"
    with pytest.raises(
        InputError, match=r"a\.txt:2: .* is not the line that relations stand below; write ---"
    ):
        plain.parse(raw, Path("a.txt"))


@pytest.mark.parametrize("slip", ["--- ", "--", "---\u200f", "—", "--\n\n", "ـــ\r\n"])
def test_a_last_line_that_is_nearly_the_rule_is_told(slip: str) -> None:
    """Without relations below it became text, without a word."""
    raw = f"زار [[كيم|PERS#1]]\n{slip}"
    told = r"a\.txt:2: .* is not the line that relations stand below; write --- there, alone and once, or below it"
    with pytest.raises(InputError, match=told):
        plain.parse(raw, Path("a.txt"))
    assert plain.parse(f"{raw}\n---\n", Path("a.txt")).document.text == f"زار كيم\n{slip}"
    for text in ("زار كيم\n--", "زار [[كيم|PERS#1]]\n***"):  # as articles end
        assert plain.parse(text, Path("a.txt")).document.text.endswith(text[-2:])
    with pytest.raises(InputError, match=r"a\.txt:2: '--- ' is not the line"):
        plain.parse("زار كيم\n--- \n", Path("a.txt"))


def test_a_conflict_of_git_is_told(tmp_path: Path) -> None:
    """Both versions became the text."""
    lines = "زار", "<<<<<<< HEAD", "كيم", "=======", "كيم جونغ", ">>>>>>> main", "سول"
    with pytest.raises(InputError) as told:
        plain.parse("\n".join([*lines, "---", ""]), Path("a.txt"))
    assert [fault.line for fault in told.value.faults] == [2, 6]
    assert "'<<<<<<< HEAD' is git's: keep one version" in str(told.value)
    with pytest.raises(InputError, match=r"looks like marks .*git's"):
        save([Document("a", "\n".join(lines))], "plain", tmp_path)
    assert plain.parse("عنوان\n=======\n", Path("a.txt")).document.text == "عنوان\n=======\n"


@pytest.mark.parametrize("below", ["visits 1 2", "\nحليف لـ 2 1\n\n"])
def test_a_relation_without_a_rule_is_told(below: str) -> None:
    text = f"زار [[كيم|PERS#1]] [[سول|GPE#2]]\n{below}"
    with pytest.raises(InputError, match=r"a\.txt:[23]: .*no line --- stands above this relation; write one"):
        plain.parse(text, Path("a.txt"))
    assert plain.parse(f"{text}\n---\n", Path("a.txt")).document.text.endswith(below)
    with pytest.raises(InputError, match="carriage return alone"):
        plain.parse(text.replace("\n", "\r") + "\r", Path("a.txt"))


@pytest.mark.parametrize("slip", ["[باريس|GPE#2]", "((باريس|GPE#2))", "باريس|GPE#2 ]]"])
def test_a_mark_in_other_brackets_is_told(slip: str) -> None:
    with pytest.raises(InputError, match=r"a\.txt:2: \|GPE#2 is no mark; write \|GPE#2\]\]"):
        plain.parse(f"[[كيم|PERS#1]] زار\n{slip}", Path("a.txt"))


@pytest.mark.parametrize(
    "text",
    [
        "كيم B-PERS\nجون I-PERS\nزار O\nسول B-GPE",
        '{"text": "زار كيم", "spans": [{"start": 4, "end": 7, "label": "PERS"}]}',
    ],
)
def test_an_article_that_looks_like_another_format_comes_back(tmp_path: Path, text: str) -> None:
    """It was written, and refused as CoNLL, or later as Prodigy's, when read."""
    document = Document("a", text)
    save([document], "plain", tmp_path)
    assert formats.read(tmp_path / "a.txt", "plain")[0].document == document


def test_a_table_below_dashes_is_text() -> None:
    raw = "زار [[كيم|PERS#1]]\n-----\nالهلال 2 1\n---\n"
    assert plain.parse(raw, Path("a.txt")).document.text == "زار كيم\n-----\nالهلال 2 1"


def test_a_run_of_brackets_costs_no_squares() -> None:
    """All that follow were read anew at each: 60,000 took half a minute."""
    with pytest.raises(InputError) as told:
        plain.parse("[" * 200_001, Path("a.txt"))
    assert len(told.value.faults) == 100_000
