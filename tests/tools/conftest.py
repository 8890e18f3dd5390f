"""What the tests of other tools' packages share: an article, and a package that may not be installed."""

from __future__ import annotations

import pytest

from kashif.document import Document, Entity, Relation

TEXT = "📰 زار  الرئيس الفرنسي إيمانويل ماكرون بيروت.\nوفرنسا عضو في الاتحاد الأوروبي."
MARKS = {
    "الرئيس الفرنسي": "OCC",
    "الفرنسي": "NORP",
    "إيمانويل ماكرون": "PERS",
    "بيروت": "GPE",
    "فرنسا": "GPE",
    "الاتحاد الأوروبي": "ORG",
}
LINKS = [("occupation", 3, 1), ("affiliation", 3, 2), ("visits", 3, 4), ("member", 5, 6)]


@pytest.fixture
def article() -> Document:
    """An article with nesting, a proclitic, two blanks, two lines and a character of two UTF-16 code units."""
    places = [(TEXT.index(mention), mention, label) for mention, label in MARKS.items()]
    entities = tuple(
        Entity(id, start, start + len(mention), label, mention)
        for id, (start, mention, label) in enumerate(places, start=1)
    )
    return Document(
        "a1", TEXT, entities, tuple(Relation(*link) for link in LINKS), {"url": "https://example.org/1"}
    )


@pytest.fixture
def flat() -> Document:
    """An article whose words have one blank between them, and whose entities are flat and of whole words."""
    text = "زار إيمانويل ماكرون بيروت أمس"
    person, place = "إيمانويل ماكرون", "بيروت"
    entities = tuple(
        Entity(id, text.index(mention), text.index(mention) + len(mention), label, mention)
        for id, mention, label in ((1, person, "PERS"), (2, place, "GPE"))
    )
    return Document("f1", text, entities, (Relation("visits", 1, 2),))
