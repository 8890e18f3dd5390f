from __future__ import annotations

import random

from kashif.corpora.schemes import learn
from kashif.corpora.statistics import statistics
from kashif.document import Document, Entity, Relation


def test_statistics_count(article: Document) -> None:
    counts = statistics([article])
    assert counts["totals"] == {
        "documents": 1,
        "words": 24,
        "words and marks": 30,
        "sentences": 2,
        "entities": 13,
        "nested entities": 2,
        "relations": 4,
        "relations across sentences": 0,
    }
    assert counts["entities"]["GPE"] == 4


def test_nested_entities_are_those_inside_another() -> None:
    """Counted in one sweep; against every pair here."""
    rng = random.Random(0)
    for _ in range(50):
        bounds = [sorted(rng.sample(range(12), 2)) for _ in range(8)]
        entities = [
            Entity(i, start, end, "ORG", "a" * (end - start)) for i, (start, end) in enumerate(bounds)
        ]
        document = Document("d", "a" * 12, tuple(entities))
        inside = sum(any(b != c and c[0] <= b[0] and b[1] <= c[1] for c in bounds) for b in bounds)
        outermost = [b for b in bounds if not any(b != c and c[0] <= b[0] and b[1] <= c[1] for c in bounds)]
        expected = inside + len(outermost) - len(set(map(tuple, outermost)))
        assert statistics([document])["totals"]["nested entities"] == expected


def test_relations_are_counted_by_label_and_across_sentences() -> None:
    text = "زار كيم موسكو. ثم كييف."
    entities = (
        Entity(1, 4, 7, "PERS", "كيم"),
        Entity(2, 8, 13, "GPE", "موسكو"),
        Entity(3, 18, 22, "GPE", "كييف"),
    )
    counts = statistics([Document("d", text, entities, (Relation("visits", 1, 2), Relation("visits", 1, 3)))])
    assert counts["relations"] == {"visits": 2}
    assert (counts["totals"]["relations"], counts["totals"]["relations across sentences"]) == (2, 1)


def test_of_two_labels_on_one_span_one_is_nested() -> None:
    """The scheme learned from them says that spans nest; the count was once 0."""
    document = Document("d", "كييف", (Entity(1, 0, 4, "GPE", "كييف"), Entity(2, 0, 4, "LOC", "كييف")))
    assert statistics([document])["totals"]["nested entities"] == 1
    assert learn([document]).nested
