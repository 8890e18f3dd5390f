from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from helpers import INVISIBLE

from kashif.document import Document, Entity
from kashif.errors import InputError
from kashif.evaluation.pairing import pair
from kashif.formats import Reading, plain


def reading(id: str, text: str, folder: str = "A") -> Reading:
    return plain.parse(text, Path(f"{folder}/{id}.txt"))


def test_articles_are_matched_by_id_and_text() -> None:
    texts = {"x": "زار كيم", "y": "عاد كيم", "z": "عاد كيم"}
    first, second = (
        [reading(id, texts[id], folder) for id in side] for folder, side in (("A", "xyz"), ("B", "zy"))
    )
    found = pair(first, second)
    assert [(a.document.id, b.document.id) for a, b in found.pairs] == [("y", "y"), ("z", "z")]
    assert (found.alone, found.notices) == ((("x",), ()), ())


def test_articles_of_other_ids_are_matched_by_text() -> None:
    """Tasks of two projects, which are numbered on and on, were told to share no article."""
    first = [reading("101", "زار كيم"), reading("102", "عاد كيم"), reading("104", "قال")]
    second = [reading("102", "زار كيم"), reading("103", "عاد\u200f كيم"), reading("104", "نام")]
    found = pair(first, second)
    assert [(a.document.id, b.document.id) for a, b in found.pairs] == [("101", "102"), ("102", "103")]
    assert found.alone == (("104",), ("104",))
    assert found.notices == (
        "2 articles matched by text, the second has other ids (101 is 102, 102 is 103)",
        "the texts of 1 article differ in line ends, white space or invisible characters alone; the first's are"
        " taken (102)",
    )


def test_a_text_that_stands_twice_is_matched_by_id_alone() -> None:
    twice = [reading("a", "زار كيم"), reading("b", "زار كيم"), reading("c", "عاد")]
    found = pair(twice, [reading("b", "زار كيم", "B"), reading("d", "عاد", "B")])
    assert [(a.document.id, b.document.id) for a, b in found.pairs] == [("b", "b"), ("c", "d")]
    assert found.alone == (("a",), ())


def test_other_texts_of_one_id_are_refused_where_their_letters_part() -> None:
    """A line end of another kind was shown for the place, or none at all."""
    first, second = reading("a", "زار.\nعاد كيم"), reading("a", "\u200fزار.\r\n\r\nعاد بوتين", "B")
    with pytest.raises(InputError) as error:
        pair([first], [second])
    assert str(error.value) == (
        "A/a.txt:2: its text is not that of B/a.txt:3: «كيم» here, «بوتين» there; both must annotate the same text,"
        " and two articles have two ids"
    )
    with pytest.raises(InputError, match=r"A/a\.txt:2: .* of B/a\.txt:1: «عاد كيم» here, it ends there"):
        pair([first], [reading("a", "زار.", "B")])


def test_corpora_of_other_articles_are_told_with_their_ids() -> None:
    """File stems were named as the ids of every format."""
    with pytest.raises(InputError, match="neither by id nor by text: the first has a, b, the second c"):
        pair([reading("a", "زار"), reading("b", "عاد")], [reading("c", "قال")])


@pytest.mark.parametrize("end", ["", "\n---\n", "\n\n"])
def test_white_space_at_the_end_makes_no_other_text(end: str) -> None:
    """A `---` behind the text of one side alone was refused as another text."""
    text = "زار [[بوتين|PERS#1]] كييف"
    [(a, b)] = pair([reading("a", text)], [reading("a", text + end, "B")]).pairs
    assert a.document.entities == b.document.entities
    assert not pair([a], [b]).notices


def test_marks_lie_on_the_first_text_whatever_stands_between_letters() -> None:
    draw = Random(13)
    signs = [" ", "\n", "\r\n", "\t", "\xa0", *INVISIBLE[:4]]
    letters = "زاركيمجونغ"

    def spaced() -> tuple[str, list[int]]:
        text, places = "", []
        for letter in letters:
            text += "".join(draw.choices(signs, k=draw.randint(0, 2)))
            places.append(len(text))
            text += letter
        return text + draw.choice(["", "\n"]), places

    for _ in range(100):
        spans = [sorted(draw.sample(range(len(letters) + 1), 2)) for _ in range(3)]
        sides = []
        for folder in "AB":
            text, places = spaced()
            # An edge may stand anywhere between the letter inside and the one outside.
            before = [0, *(place + 1 for place in places)]
            entities = []
            for number, (first, last) in enumerate(spans, start=1):
                start = draw.randint(before[first], places[first]) if folder == "B" else places[first]
                end = draw.randint(places[last - 1] + 1, [*places, len(text)][last])
                entities.append(Entity(number, start, end, f"L{number}", text[start:end]))
            sides.append(Reading(Document("a", text, tuple(entities)), Path(folder)))
        if len({tuple(span) for span in spans}) < len(spans):
            continue
        [(a, b)] = pair(sides[:1], sides[1:]).pairs
        if a.document.text.rstrip() != sides[1].document.text.rstrip():
            assert b.document.text == a.document.text
            assert [entity.key for entity in b.document.entities] == [e.key for e in a.document.entities]


def test_a_span_without_a_letter_has_no_place_in_another_text() -> None:
    with pytest.raises(InputError, match=r"B/a\.txt:1: X marks white space or invisible characters alone"):
        pair([reading("a", "زار كيم")], [reading("a", "زار[[ \u200f|X#1]]كيم", "B")])
