from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from textwrap import fill

import pytest
from helpers import ARTICLE, SCHEME

from kashif.corpora import slices
from kashif.corpora.articles import Articles
from kashif.corpora.checks import check
from kashif.corpora.loading import load
from kashif.corpora.spec import Spec
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import FORMATS, Reading
from kashif.formats.writing import save


def reading(id: str, text: str, *names: str) -> Reading:
    entities = [
        Entity(i, at, at + len(name), "PERS", name)
        for i, name in enumerate(names)
        if (at := text.find(name)) >= 0
    ]
    return Reading(Document(id, text, tuple(entities)), Path(f"{id}.txt"), {e.id: e.id for e in entities})


def test_parts_put_together_are_the_corpus() -> None:
    texts = ["\n\nزار كيم\n\nأوسلو\n", "عاد", "", "قال بوتين\nثم عاد\n \nجونغ\n\n"]
    corpus = [reading(f"d{i}", text, "كيم", "بوتين", "جونغ") for i, text in enumerate(texts)]
    for cuts in ((0, 100), (0, 50, 100), (0, 1, 33, 34, 90, 100), tuple(range(101))):
        parts = [part for bounds in pairwise(cuts) for part in slices.take(corpus, bounds)]
        assert "".join(part.document.text for part in parts) == "".join(texts)
        assert [e.text for part in parts for e in part.document.entities] == ["كيم", "بوتين", "جونغ"]
        assert [id for part in parts for id in part.entity_lines] == [0, 1, 2]
        assert len({part.document.id for part in parts}) == len(parts)
    # Six lines, the empty document being one; a third of them are two.
    assert [part.document.text for part in slices.take(corpus, (0, 34))] == ["\n\nزار كيم\n\nأوسلو\n"]
    [first, *_, last] = slices.take(corpus, (20, 80))
    assert (first.document.id, last.document.id) == ("d0[20-80%]", "d3[20-80%]")
    assert first.document.text == "أوسلو\n"


def test_percentages_are_in_order() -> None:
    assert slices.parse("0-80%") == (0, 80)
    assert slices.parse("train") is None
    for wrong in ("80-80%", "90-10%", "0-101%"):
        with pytest.raises(InputError, match="0 <= A < B <= 100"):
            slices.parse(wrong)


def test_what_a_cut_would_sever_is_a_fault() -> None:
    text = "كيم\nجونغ\nبوتين\n"
    entities = (Entity(1, 0, 8, "PERS", text[:8]), Entity(2, 9, 14, "PERS", "بوتين"))
    whole = Reading(
        Document("d", text, entities, (Relation("meets", 1, 2),)), Path("d.txt"), {1: 1, 2: 3}, (5,)
    )
    with pytest.raises(InputError) as told:
        slices.take([whole], (0, 34))
    [fault] = told.value.faults
    assert (fault.where, fault.line) == ("d.txt", 1)
    assert "choose other percentages" in fault.message
    with pytest.raises(InputError, match=r"d\.txt:5: meets 1 2 would be cut at an end of #67-100%"):
        slices.take([whole], (67, 100))
    assert slices.take([whole], (0, 100)) == [whole]


def test_slices_of_one_article_overlap_by_id_or_text() -> None:
    def overlap(first: str, second: str) -> bool:
        return any(slices.overlapping([Document(first, "a")], [Document(second, "b")]))

    assert overlap("t[0-50%]", "t[49-100%]")
    assert overlap("t", "t[49-100%]")
    assert not overlap("t[0-50%]", "t[50-100%]")
    assert not overlap("t[0-50%]", "u[0-50%]")
    for copy in ("a b c d e", "a b c\r\nd e\r\n"):
        assert slices.overlapping([Document("x", "a b c\nd e")], [Document("y", copy)]) == ({"x"}, {"y"})


def test_short_rows_that_come_back_are_not_refused_and_others_are_named_twice() -> None:
    """One short row in two of a set's own splits once kept it from training; check had said that all is well."""
    train, held = [Document("t1", "عاد كيم إلى كييف.")], [Document("d7", "عاد كيم إلى كييف.")]
    slices.refuse_overlap({"train": train, "development": held})
    train, held = ([*part, Document(f"{part[0].id}0", "a b c d e")] for part in (train, held))
    with pytest.raises(InputError, match=r"has t10 in both train and development \(development has d70\)"):
        slices.refuse_overlap({"train": train, "development": held})


def test_load_and_check_take_the_same_slice(tmp_path: Path) -> None:
    for name in ("n1", "n2"):
        (tmp_path / f"{name}.txt").write_text(ARTICLE, encoding="utf-8")
    loaded = load(f"{tmp_path}#50-100%").documents
    assert [document.id for document in loaded] == ["n2"]
    checked = check([Spec.parse(f"{tmp_path}#50-100%")], given=str(SCHEME))
    assert (checked.faults, [reading.document for reading in checked.readings]) == ([], list(loaded))
    assert check([Spec.parse(f"{tmp_path}#50-75%")], given=str(SCHEME)).faults == []
    [last] = check([Spec.parse(f"{tmp_path}#75-100%")], given=str(SCHEME)).readings
    assert last.document.id == "n2[75-100%]"
    assert last.entity_lines == dict.fromkeys(range(8, 14), 2)
    assert last.relation_lines == (6, 7)


def test_lines_of_a_document_are_known_by_its_id() -> None:
    others = ["a", "b[0-80%]"]
    ids = ["a[10-20%]", "b[80-90%]", "b[79-90%]", "b", "c"]
    assert slices.among(ids, others) == {"a[10-20%]", "b[79-90%]", "b"}


def test_a_cut_document_keeps_its_meta() -> None:
    whole = Reading(Document("d", "زار\nعاد", meta={"url": "x"}), Path("d.txt"))
    [half] = slices.take([whole], (0, 50))
    assert half.document.meta == {"url": "x"}


def test_a_number_without_end_is_no_slice() -> None:
    assert slices.parse("0-" + "9" * 5000 + "%") is None
    long = f"d[0-{'9' * 5000}%]"
    assert slices.among([long], ["d"]) == set()


def test_a_long_blank_line_costs_no_squares() -> None:
    blank = Reading(Document("d", " " * 1_000_000 + "\nزار\nعاد"), Path("d.txt"))
    [last] = slices.take([blank], (50, 100))
    assert last.document.text == "عاد"


def sentence(number: int, words: int = 24) -> str:
    return " ".join(f"كلمة{word}من{number}" for word in range(words)) + "."


def numbered(numbers: range, id: str = "x") -> Reading:
    return reading(id, "".join(f"{sentence(number)}\n" for number in numbers))


def test_pieces_of_one_article_are_compared_by_their_words() -> None:
    """Percentages of a file and of its folder are not of one whole; by them no line was shared."""
    x, others = numbered(range(10)), numbered(range(100, 105), "a")
    [alone] = slices.take([x], (0, 70))
    rest = [found.document for found in slices.take([others, x], (70, 100))]
    assert [document.id for document in rest] == ["x[70-100%]"]
    assert slices.overlapping([alone.document], rest) == ({"x[0-70%]"}, {"x[70-100%]"})
    apart = [found.document for found in slices.take([x], (70, 100))]
    assert slices.overlapping([alone.document], apart) == (set(), set())


def test_pieces_are_known_in_a_file_of_another_name_whole_or_cut() -> None:
    """A slice was trained on, and a copy of its file under another name scored as held out."""
    [seen] = slices.take([numbered(range(40))], (0, 70))
    copy = numbered(range(40), "y")
    runs = slices.runs_of([seen.document])
    [rest], [half] = (slices.take([copy], part) for part in ((70, 100), (50, 100)))
    for other, known in ((copy, True), (half, True), (rest, False)):
        expected = {other.document.id} if known else set()
        assert slices.sharing([other.document], runs) == expected
        both = ({seen.document.id} if known else set(), expected)
        assert slices.overlapping([seen.document], [other.document]) == both
    short = [numbered(range(at, at + 1), f"y{at}").document for at in (0, 39)]
    assert slices.sharing(short, runs) == {"y0"}  # a copy that is cut into articles of a sentence
    for sets in ([seen.document], short), (short, [seen.document]):  # it was known one way only
        with pytest.raises(InputError, match="in both train and development"):
            slices.refuse_overlap({"train": sets[0], "development": sets[1]})
    whole = numbered(range(39)).document
    assert slices.overlapping([copy.document], [whole]) == (set(), set())  # no slice has cut these


SPACED = {
    "direction marks": lambda text: "\n".join(f"\u200f{line}" for line in text.split("\n")),
    "blanks before points": lambda text: text.replace(".", " ."),
    "one line": lambda text: " ".join(text.split()),
    "short lines": lambda text: fill(text, 30),
    "diacritics": lambda text: text.replace("كلمة", "كَلِمة"),
}


@pytest.mark.parametrize("spaced", SPACED.values(), ids=SPACED)
def test_pieces_are_known_in_other_lines_and_with_other_spaces(spaced: Callable[[str], str]) -> None:
    """Digests of lines as they stood knew no copy with direction marks, or with spaces around its points."""
    [seen] = slices.take([numbered(range(10))], (0, 70))
    copy = Document("y", spaced(numbered(range(10)).document.text))
    assert slices.sharing([copy], slices.runs_of([seen.document])) == {"y"}


@pytest.mark.parametrize("format", ["conll", "gliner"])
def test_pieces_are_known_in_a_file_of_another_format(tmp_path: Path, format: str) -> None:
    """Names, spaces and lines are others there, and copies of what was trained on were scored as clean."""
    texts = [
        f"عنوان {n}\n\n{sentence(n)} قال: «{sentence(n + 50, 60)}»\n{sentence(n + 90)}" for n in range(3)
    ]
    whole = [reading(f"n{n}", text) for n, text in enumerate(texts)]
    trained = [found.document for found in slices.take(whole, (0, 60))]
    assert [document.id for document in trained] == ["n0", "n1[0-60%]"]
    output = tmp_path / f"all{FORMATS[format].ending}"
    save([Document(f"all-{n}", text) for n, text in enumerate(texts)], format, output)
    copies = load(f"{format}:{output}").documents
    assert {copy.text for copy in copies}.isdisjoint(texts)
    assert Articles.of(trained).among(copies) == {copies[0].id, copies[1].id}


def test_a_footer_makes_no_other_article_known() -> None:
    footer = sentence(99, 54)
    one, other = (f"{numbered(numbers).document.text}{footer}" for numbers in (range(6), range(50, 56)))
    piece = Document("x[0-50%]", one)
    assert not slices.sharing([Document("y", other)], slices.runs_of([piece]))
    assert slices.overlapping([piece], [Document("y", other)]) == (set(), set())
    assert any(slices.overlapping([piece], [Document("x[60-100%]", other)]))  # so many tell one article


def test_a_short_article_is_known_by_all_of_it_and_not_by_its_footer() -> None:
    """Half of it was enough."""
    footer = sentence(99, 24)
    piece = Document("x[0-50%]", f"{numbered(range(9)).document.text}{footer}\n{sentence(7)}")
    short = Document("y", f"{sentence(50, 12)} {footer}")
    assert slices.overlapping([short], [piece]) == (set(), set())
    assert slices.overlapping([Document("z", f"{sentence(50, 3)} {footer}")], [piece])[0] == {"z"}


def test_words_that_come_back_and_few_ones_tell_no_text() -> None:
    first = Document("x[0-50%]", f"{sentence(1, 60)}\n{sentence(2)}\n{sentence(1, 60)}\n{sentence(3, 38)}")
    for other in (f"{sentence(4)}\n{sentence(1, 60)}", f"{sentence(5)}\n{sentence(3, 38)}"):
        assert slices.overlapping([first], [Document("x[50-100%]", other)]) == (set(), set())
    few = "".join(sentence(n) for n in range(300, 500)) + "".join(sentence(n * 2) for n in range(10))
    long = Document("x[0-50%]", numbered(range(200)).document.text)
    assert slices.overlapping([long], [Document("x[50-100%]", few)]) == (set(), set())


def test_a_slice_of_a_slice_is_a_part_of_the_article() -> None:
    half = "x[0-50%]"
    assert slices.among([f"{half}[50-100%]"], [half]) == {f"{half}[50-100%]"}
    assert slices.among([half], [f"{half}[50-100%]"]) == {half}
    assert slices.among([f"{half}[50-100%]"], [f"{half}[0-50%]", "x[50-100%]"]) == set()
    assert slices.origin(f"{half}[50-100%]") == ("x", (25, 50))
