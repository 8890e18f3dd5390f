"""Two systems on the same articles: the difference of their F1, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kashif.document import Document
from kashif.evaluation import bootstrap
from kashif.evaluation.bootstrap import Table
from kashif.evaluation.counting import (
    Counts,
    Item,
    Items,
    counts_by_label,
    counts_by_unit,
    entity_items,
    matched,
    relation_items,
    total,
    units_of,
)
from kashif.evaluation.scoring import Measure
from kashif.scheme import Scheme

Both = tuple[Sequence[Document], Sequence[Document]]


@dataclass(frozen=True, slots=True)
class Difference:
    """Counts of both systems, and of F1 of the second less that of the first the 95 % interval and p."""

    first: Counts
    second: Counts
    interval: tuple[float, float] | None = None
    p: float | None = None

    @property
    def f1(self) -> float | None:
        """F1 of the second less that of the first, undefined where either is."""
        if self.first.f1 is None or self.second.f1 is None:
            return None
        return self.second.f1 - self.first.f1

    def row(self) -> dict[str, Any]:
        """The difference as JSON values."""
        return {
            "A": _row(self.first),
            "B": _row(self.second),
            "difference": self.f1,
            "interval": list(self.interval) if self.interval else None,
            "p": self.p,
        }


def _row(counts: Counts) -> dict[str, Any]:
    return {key: value for key, value in Measure(counts).row().items() if key != "interval"}


@dataclass(frozen=True)
class Comparison:
    """What ``compare`` finds: differences by name, those of single labels without intervals."""

    name: str
    documents: int
    unit: str
    units: int
    measures: dict[str, Difference]
    entities: dict[str, Difference]
    relations: dict[str, Difference]
    notices: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """The comparison as JSON values."""
        return {
            "corpus": self.name,
            "documents": self.documents,
            "resampled": f"{bootstrap.RESAMPLES} paired bootstraps over {self.units} {self.unit}s",
            "measures": {name: item.row() for name, item in self.measures.items()},
            "entities": {label: _change(item) for label, item in self.entities.items()},
            "relations": {label: _change(item) for label, item in self.relations.items()},
            "notices": list(self.notices),
        }


def _change(item: Difference) -> dict[str, Any]:
    first, second = item.first, item.second
    return {"difference": item.f1, "right": second.tp - first.tp, "spurious": second.fp - first.fp}


def compare(
    gold: Sequence[Document],
    predicted: Both,
    *,
    name: str,
    scheme: Scheme,
    given_gold: Both | None = None,
    seed: int = 0,
) -> Comparison:
    """Compares the predictions of two systems, over the units and with the draws of ``scoring.score``.

    ``given_gold`` are both systems' relations between gold entities.

    Raises:
        InputError: if a predicted document's text is not the gold one's, or is no gold document.
    """
    (first, told_first), (second, told_second) = (matched(gold, side) for side in predicted)
    unit, locate, units = units_of(gold)

    def relations(document: Document) -> set[Item]:
        return relation_items(document, scheme)

    def measure(a: dict[str, Document], b: dict[str, Document], items: Items) -> Difference:
        tables = [counts_by_unit(gold, found, items=items, locate=locate, units=units) for found in (a, b)]
        return difference(tables[0], tables[1], seed=seed)

    def labels(items: Items, known: Sequence[str]) -> dict[str, Difference]:
        a, b = (counts_by_label(gold, found, items=items, labels=known) for found in (first, second))
        return {
            label: Difference(a.get(label, Counts()), b.get(label, Counts()))
            for label in dict.fromkeys((*known, *a, *b))
            if label in a or label in b
        }

    measures = {"entities": measure(first, second, entity_items)}
    if scheme.relations:
        measures["relations"] = measure(first, second, relations)
    if given_gold is not None and scheme.relations:
        a, b = (matched(gold, side)[0] for side in given_gold)
        measures["relations given gold entities"] = measure(a, b, relations)
    return Comparison(
        name,
        len(gold),
        unit,
        len(units),
        measures,
        labels(entity_items, scheme.labels),
        labels(relations, scheme.relation_labels) if scheme.relations else {},
        (*(f"A: {notice}" for notice in told_first), *(f"B: {notice}" for notice in told_second)),
    )


def of_both(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Two systems' notices: those that both have once, the others by the system's letter."""
    return [
        *(notice if notice in second else f"A: {notice}" for notice in first),
        *(f"B: {notice}" for notice in second if notice not in first),
    ]


def difference(first: Table, second: Table, *, seed: int = 0) -> Difference:
    """The difference of two systems by their counts ``[unit, (tp, fp, fn)]`` over the same units.

    The interval is the percentile one of paired resamples, p that of ``bootstrap.p_value``; both are
    undefined below two units.
    """
    found = Difference(total(first), total(second))
    if len(first) < 2 or found.f1 is None:
        return found
    drawn = bootstrap.resampled(second, seed) - bootstrap.resampled(first, seed)
    return Difference(
        found.first, found.second, bootstrap.interval(drawn), bootstrap.p_value(found.f1, drawn)
    )
