"""How far two annotators of the same articles agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kashif.arabic import words
from kashif.document import Document
from kashif.evaluation.counting import Counts, counts_by_label, entity_items, relation_items
from kashif.evaluation.pairing import Pairing
from kashif.scheme import Scheme


@dataclass(frozen=True, slots=True)
class Agreement:
    """F1 between two annotators (either taken as gold gives the same) and kappa over words.

    ``agreed_relations`` counts only relations whose both arguments the two marked alike.
    """

    documents: int
    entities: Counts
    relations: Counts
    agreed_relations: Counts
    kappa: float | None
    by_entity: dict[str, Counts]
    by_relation: dict[str, Counts]


def agreement(pairing: Pairing, *, scheme: Scheme) -> Agreement:
    """The agreement over the articles that both annotated."""
    pairs = [(a.document, b.document) for a, b in pairing.pairs]
    entities, relations, agreed = Counts(), Counts(), Counts()
    labels_a: list[frozenset[str]] = []
    labels_b: list[frozenset[str]] = []
    for a, b in pairs:
        spans = entity_items(a), entity_items(b)
        links = relation_items(a, scheme), relation_items(b, scheme)
        entities += Counts.of(*spans)
        relations += Counts.of(*links)
        both = {(start, end, label) for label, start, end in spans[0] & spans[1]}
        agreed += Counts.of(*({item for item in side if {item[1], item[2]} <= both} for side in links))
        labels_a += _word_labels(a)
        labels_b += _word_labels(b)
    shared = [a for a, _ in pairs]
    other = {a.id: b for a, b in pairs}
    by_entity = counts_by_label(shared, other, items=entity_items, labels=())
    by_relation = counts_by_label(
        shared, other, items=lambda document: relation_items(document, scheme), labels=()
    )
    return Agreement(
        len(pairs),
        entities,
        relations,
        agreed,
        kappa(labels_a, labels_b),
        dict(sorted(by_entity.items())),
        dict(sorted(by_relation.items())),
    )


def kappa(first: Sequence[object], second: Sequence[object]) -> float | None:
    """Cohen's kappa (1960): agreement beyond chance; None where chance alone would agree fully."""
    total = len(first)
    if not total:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / total
    counts_a, counts_b = Counter(first), Counter(second)
    chance = sum(counts_a[label] * counts_b[label] for label in counts_a) / total**2
    return (observed - chance) / (1 - chance) if chance < 1 else None


def _word_labels(document: Document) -> list[frozenset[str]]:
    """For each word the set of labels of the entities that cover it."""
    spans = words(document.text)
    labels: list[set[str]] = [set() for _ in spans]
    owner = {offset: index for index, (start, end) in enumerate(spans) for offset in range(start, end)}
    for entity in document.entities:
        for offset in range(entity.start, entity.end):
            if offset in owner:
                labels[owner[offset]].add(entity.label)
    return [frozenset(label) for label in labels]
