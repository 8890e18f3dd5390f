"""The score on the development articles that selects a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kashif.document import Document
from kashif.evaluation.counting import Counts, entity_items, relation_items
from kashif.scheme import Scheme

SELECTED_BY = "score"
"""The mean of strict entity F1 and strict end-to-end relation F1; more is better.

Entity F1 alone in a scheme without relations.
"""


def development_scores(
    gold: Sequence[Document], predicted: Sequence[Document], *, scheme: Scheme
) -> dict[str, float]:
    """``entity_f1``, ``relation_f1`` where the scheme has relations, and ``SELECTED_BY``; 0 where undefined.

    The documents are in the same order.
    """
    entities, relations = Counts(), Counts()
    for want, have in zip(gold, predicted, strict=True):
        entities += Counts.of(entity_items(want), entity_items(have))
        relations += Counts.of(relation_items(want, scheme), relation_items(have, scheme))
    found = {"entity_f1": entities.f1 or 0.0}
    if scheme.relations:
        found["relation_f1"] = relations.f1 or 0.0
    return {**found, SELECTED_BY: sum(found.values()) / len(found)}


def in_words(scores: Mapping[str, float]) -> str:
    """Development scores in words."""
    names = {"entity_f1": "entity F1", "relation_f1": "relation F1"}
    return ", ".join(f"{names[key]} {scores[key]:.3f}" for key in names if key in scores)
