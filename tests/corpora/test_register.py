from __future__ import annotations

from random import Random

import pytest
from helpers import disguise_document

from kashif.corpora.register import register
from kashif.document import Document, Entity, Relation

TEXT = 'وقال مصدر امني الى رويترز CNN: "انه يوم طويل جدا جدا لا ينتهي ابدا يا ناس".\nتم ذلك.'


def test_the_register_is_counted() -> None:
    at = TEXT.index("رويترز")
    entities = (Entity(1, at, at + 6, "ORG", "رويترز"), Entity(2, 5, 9, "OCC", "مصدر"))
    document = Document("a", TEXT, entities, (Relation("works_for", 2, 1),))
    found = register([document])
    assert register([disguise_document(document, Random(1))]) == found
    words = 18
    assert found["entities per 100 words"] == pytest.approx(200 / words)
    assert found["relations per 100 words"] == pytest.approx(100 / words)
    for name in ("verbs of saying", "مصدر and مسؤول", "تم", "long quotes", "Latin words"):
        assert found[f"{name} per 1,000 words"] == pytest.approx(1000 / words), name
    assert found["dropped hamzas per 1,000 words"] == pytest.approx(2000 / words)
    assert found["sentences without an entity, %"] == 50
    assert found["mentions per name"] == 1
    assert found["OCC without a relation, %"] == 0


def test_a_name_with_a_conjunction_inside_is_no_dropped_hamza() -> None:
    """واحد was once taken for و + احد."""
    assert register([Document("a", "واحد من الناس")])["dropped hamzas per 1,000 words"] == 0


def test_nothing_gives_zeros() -> None:
    assert set(register([]).values()) == {0.0}


def test_a_word_behind_a_quotation_mark_or_bracket_is_one_of_the_sentence() -> None:
    """Words that begin with « or ( were once not counted."""
    text = "قال «نعم» (أمس) في كييف.\nثم «عاد» إلى."
    assert register([Document("a", text)])["words of the median sentence"] == 4
