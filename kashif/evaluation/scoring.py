"""Scores of predictions against gold: measures with intervals, counts by label, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kashif.document import Document
from kashif.errors import InputError, nearest
from kashif.evaluation.bootstrap import Table, interval, resampled
from kashif.evaluation.calibration import Reliability, reliability
from kashif.evaluation.counting import (
    Counts,
    Items,
    boundary_items,
    counts_by_label,
    counts_by_unit,
    entity_items,
    entity_scores,
    matched,
    relation_items,
    relation_scores,
    scored_by_unit,
    total,
    units_of,
)
from kashif.evaluation.seqeval_counts import seqeval_counts
from kashif.scheme import Scheme

_SIDES = ("missed", "spurious")
"""On which side an item is wrong: gold that is not predicted, or what is predicted and no gold."""
Tally = dict[tuple[str, str, str, str], int]
"""How often: missed or spurious; entities or relations; label; cause."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Counts with the percentile-bootstrap 95 % interval of their F1 (Efron 1979)."""

    counts: Counts
    interval: tuple[float, float] | None = None

    def row(self) -> dict[str, Any]:
        """The measure as JSON values."""
        counts = self.counts
        return {
            "f1": counts.f1,
            "interval": list(self.interval) if self.interval else None,
            "precision": counts.precision,
            "recall": counts.recall,
            "tp": counts.tp,
            "fp": counts.fp,
            "fn": counts.fn,
        }


@dataclass(frozen=True)
class Report:
    """What ``score`` finds: measures by name, counts by label, and what was left out."""

    name: str
    documents: int
    unit: str
    units: int
    measures: dict[str, Measure]
    entities: dict[str, Counts]
    relations: dict[str, Counts]
    calibration: dict[str, Reliability] = field(default_factory=dict)
    unreachable: dict[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    errors: Tally = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "corpus": self.name,
            "documents": self.documents,
            "interval": f"95 %, bootstrap over {self.units} {self.unit}s",
            "measures": {name: measure.row() for name, measure in self.measures.items()},
            "entities": {label: Measure(counts).row() for label, counts in self.entities.items()},
            "relations": {label: Measure(counts).row() for label, counts in self.relations.items()},
            "calibration": {view: table.row() for view, table in self.calibration.items()},
            "unreachable": self.unreachable,
            "errors": {
                side: {view: self._error_rows(side, view) for view in ("entities", "relations")}
                for side in _SIDES
            },
            "notices": list(self.notices),
        }

    def causes(self, side: str, view: str, label: str | None = None) -> dict[str, tuple[int, float]]:
        """By cause, how many items are missed and their share of gold, or spurious and of what is predicted.

        ``side`` is ``missed`` or ``spurious``, ``view`` ``entities`` or ``relations``; all labels or one.

        Raises:
            InputError: for another side or view, or a label that the report does not have.
        """
        by_view = {"entities": self.entities, "relations": self.relations}
        for what, name, known in (("side", side, _SIDES), ("view", view, tuple(by_view))):
            if name not in known:
                raise InputError(f"no {what} '{name}' of errors; {nearest(name, known)}")
        by_label = by_view[view]
        if label is not None and label not in by_label:
            raise InputError(f"no label '{label}' of {view} in the report; {nearest(label, by_label)}")
        if view not in self.measures:
            return {}
        counts = self.measures[view].counts if label is None else by_label[label]
        total = counts.tp + (counts.fn if side == "missed" else counts.fp)
        found: dict[str, int] = {}
        for (*kind, one, cause), count in self.errors.items():
            if kind == [side, view] and label in (None, one):
                found[cause] = found.get(cause, 0) + count
        return {cause: (count, count / total) for cause, count in found.items()}

    def _error_rows(self, side: str, view: str) -> dict[str, Any]:
        def rows(label: str | None = None) -> dict[str, Any]:
            found = self.causes(side, view, label)
            return {cause: {"count": count, "share": share} for cause, (count, share) in found.items()}

        labels = self.entities if view == "entities" else self.relations
        by_label = {label: rows(label) for label in labels}
        return {"all": rows(), "by label": {label: row for label, row in by_label.items() if row}}


def score(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    name: str,
    scheme: Scheme,
    given_gold: Sequence[Document] | None = None,
    unreachable: dict[str, int] | None = None,
    seed: int = 0,
    errors: Tally | None = None,
) -> Report:
    """Scores predictions against gold, documents matched by id.

    ``given_gold`` are predictions whose entities are the gold ones, for the relations alone. A gold
    document without a prediction is a document of misses, and a notice says so.

    Raises:
        InputError: if a predicted document's text is not the gold one's, or is no gold document.
    """
    found, notices = matched(gold, predicted)
    unit, locate, units = units_of(gold)
    views: dict[str, Items] = {"entities": entity_items}
    if scheme.relations:
        views["relations"] = lambda document: relation_items(document, scheme)
        views["relations by boundaries"] = lambda document: boundary_items(document, scheme)
    measures = {
        view: _measure(counts_by_unit(gold, found, items=items, locate=locate, units=units), seed)
        for view, items in views.items()
    }
    if given_gold is not None and scheme.relations:
        related, _ = matched(gold, given_gold)
        table = counts_by_unit(gold, related, items=views["relations"], locate=locate, units=units)
        measures["relations given gold entities"] = _measure(table, seed)
    over_words = seqeval_counts((document, found[document.id]) for document in gold)
    measures["entities over words (seqeval)"] = Measure(Counts(*over_words))
    by_label = {
        view: counts_by_label(gold, found, items=views[view], labels=labels)
        for view, labels in (("entities", scheme.labels), ("relations", scheme.relation_labels))
        if view in views
    }
    return Report(
        name=name,
        documents=len(gold),
        unit=unit,
        units=len(units),
        measures=measures,
        entities=by_label["entities"],
        relations=by_label.get("relations", {}),
        calibration={
            view: reliability(
                scored_by_unit(gold, found, scores=scores, locate=locate, units=units),
                units=len(units),
                seed=seed,
            )
            for view, scores in (
                ("entities", entity_scores),
                ("relations", lambda document: relation_scores(document, scheme)),
            )
            if view in views
        },
        unreachable=dict(unreachable or {}),
        notices=tuple(notices),
        errors=errors or {},
    )


def _measure(table: Table, seed: int) -> Measure:
    return Measure(total(table), interval(resampled(table, seed)) if len(table) > 1 else None)
