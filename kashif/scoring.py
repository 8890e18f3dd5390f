"""Scores: sets of tuples, three counters, and statistics over them.

What a model cannot reach stands in the gold set and so counts as a miss. Precision, recall and F1 of
nothing at all are undefined (None), not 0 and not 1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from kashif.arabic import sentence_index, sentences, words
from kashif.document import Document, Relation
from kashif.errors import Fault, InputError
from kashif.scheme import Scheme

Item = tuple[Any, ...]
RESAMPLES = 2000
LEAST_ARTICLES = 10
"""From so many articles on, whole articles are resampled; below, paragraphs."""


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives, false negatives."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @classmethod
    def of(cls, gold: set[Item], predicted: set[Item]) -> Counts:
        """Counts of two sets."""
        common = len(gold & predicted)
        return cls(common, len(predicted) - common, len(gold) - common)

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float | None:
        """tp / (tp + fp)."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def recall(self) -> float | None:
        """tp / (tp + fn)."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def f1(self) -> float | None:
        """2 tp / (2 tp + fp + fn), the harmonic mean of precision and recall."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else None


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
    unreachable: dict[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "corpus": self.name,
            "documents": self.documents,
            "interval": f"95 %, bootstrap over {self.units} {self.unit}s",
            "measures": {name: measure.row() for name, measure in self.measures.items()},
            "entities": {label: Measure(counts).row() for label, counts in self.entities.items()},
            "relations": {label: Measure(counts).row() for label, counts in self.relations.items()},
            "unreachable": self.unreachable,
            "notices": list(self.notices),
        }


def score(
    name: str,
    gold: Sequence[Document],
    predicted: Sequence[Document],
    scheme: Scheme,
    given_gold: Sequence[Document] | None = None,
    unreachable: dict[str, int] | None = None,
    seed: int = 0,
) -> Report:
    """Scores predictions against gold, documents matched by id.

    ``given_gold`` are predictions whose entities are the gold ones, for the relations alone. A gold
    document without a prediction is a document of misses, and a notice says so.

    Raises:
        InputError: if a predicted document's text is not the gold one's, or is no gold document.
    """
    found, notices = _matched(gold, predicted)
    unit, locate = _unit(gold)
    views: dict[str, Callable[[Document], set[Item]]] = {"entities": entity_items}
    if scheme.relations:
        views["relations"] = lambda document: relation_items(document, scheme)
        views["relations by boundaries"] = lambda document: boundary_items(document, scheme)
    measures: dict[str, Measure] = {}
    units = _units(gold, locate)
    for view, items in views.items():
        counts = _counts_by_unit(gold, found, items, locate, units)
        measures[view] = _measure(counts, seed)
    if given_gold is not None and scheme.relations:
        related, _ = _matched(gold, given_gold)
        counts = _counts_by_unit(gold, related, views["relations"], locate, units)
        measures["relations given gold entities"] = _measure(counts, seed)
    measures["entities over words (seqeval)"] = Measure(_seqeval(gold, found))
    by_label = {
        view: _by_label(gold, found, views[view], labels)
        for view, labels in (("entities", scheme.labels), ("relations", scheme.relation_labels))
        if view in views
    }
    return Report(
        name,
        len(gold),
        unit,
        len(units),
        measures,
        by_label["entities"],
        by_label.get("relations", {}),
        dict(unreachable or {}),
        tuple(notices),
    )


def entity_items(document: Document) -> set[Item]:
    """(label, start, end) of each entity."""
    return {(entity.label, entity.start, entity.end) for entity in document.entities}


def relation_items(document: Document, scheme: Scheme) -> set[Item]:
    """(label, head, tail) of each relation, its arguments as (start, end, label)."""
    entities = document.by_id()
    return {
        _ordered(relation, entities[relation.head].key, entities[relation.tail].key, scheme)
        for relation in document.relations
    }


def boundary_items(document: Document, scheme: Scheme) -> set[Item]:
    """(label, head, tail) of each relation, its arguments as (start, end) alone."""
    entities = document.by_id()
    return {
        _ordered(relation, entities[relation.head].key[:2], entities[relation.tail].key[:2], scheme)
        for relation in document.relations
    }


def _ordered(relation: Relation, head: Item, tail: Item, scheme: Scheme) -> Item:
    signature = scheme.relations.get(relation.label)
    if signature is not None and signature.symmetric:
        head, tail = min(head, tail), max(head, tail)
    return (relation.label, head, tail)


def _matched(
    gold: Sequence[Document], predicted: Sequence[Document]
) -> tuple[dict[str, Document], list[str]]:
    texts = {document.id: document.text for document in gold}
    faults, notices = [], []
    found: dict[str, Document] = {}
    for document in predicted:
        if document.id not in texts:
            faults.append(Fault(f"document '{document.id}'", "is predicted but is no document of the corpus"))
        elif document.text != texts[document.id]:
            faults.append(
                Fault(f"document '{document.id}'", "the predicted text is not the corpus's; offsets differ")
            )
        found[document.id] = document
    if faults:
        raise InputError(faults)
    for document in gold:
        if document.id not in found:
            notices.append(f"no prediction for '{document.id}': all its gold counts as missed")
            found[document.id] = Document(document.id, document.text)
    return found, notices


def _unit(gold: Sequence[Document]) -> tuple[str, Callable[[Document], Callable[[int], tuple[str, int]]]]:
    """What is resampled, and for a document the function from an offset to its unit."""
    if len(gold) >= LEAST_ARTICLES:
        return "article", lambda document: lambda offset: (document.id, 0)

    def by_paragraph(document: Document) -> Callable[[int], tuple[str, int]]:
        spans, start = [], 0
        for line in document.text.splitlines(keepends=True):
            if line.strip():
                spans.append((start, start + len(line)))
            start += len(line)
        index = sentence_index(spans or [(0, 0)])
        return lambda offset: (document.id, index(offset))

    return "paragraph", by_paragraph


def _units(
    gold: Sequence[Document], locate: Callable[[Document], Callable[[int], tuple[str, int]]]
) -> list[tuple[str, int]]:
    found: dict[tuple[str, int], None] = {}
    for document in gold:
        place = locate(document)
        found.update(dict.fromkeys(place(start) for start, _ in words(document.text)))
        found.setdefault((document.id, 0))
    return list(found)


def _start(item: Item) -> int:
    """Where a tuple of any view begins: an entity's start, or its head's."""
    start = item[1] if isinstance(item[1], int) else item[1][0]
    return int(start)


def _counts_by_unit(
    gold: Sequence[Document],
    found: dict[str, Document],
    items: Callable[[Document], set[Item]],
    locate: Callable[[Document], Callable[[int], tuple[str, int]]],
    units: list[tuple[str, int]],
) -> list[Counts]:
    table: dict[tuple[str, int], list[int]] = {unit: [0, 0, 0] for unit in units}
    for document in gold:
        place = locate(document)
        want, have = items(document), items(found[document.id])
        for column, group in enumerate((want & have, have - want, want - have)):
            for item in group:
                table[place(_start(item))][column] += 1
    return [Counts(*row) for row in table.values()]


def _measure(units: Sequence[Counts], seed: int) -> Measure:
    table = np.array([(c.tp, c.fp, c.fn) for c in units], float).reshape(-1, 3)
    total = Counts(*(int(value) for value in table.sum(0)))
    draws = np.random.default_rng(seed).integers(len(units), size=(RESAMPLES, len(units)))
    sums = table[draws].sum(1)
    weight = 2 * sums[:, 0] + sums[:, 1] + sums[:, 2]
    f1 = 2 * sums[weight > 0, 0] / weight[weight > 0]
    if not len(f1) or len(units) < 2:
        return Measure(total)
    low, high = np.percentile(f1, [2.5, 97.5])
    return Measure(total, (float(low), float(high)))


def _by_label(
    gold: Sequence[Document],
    found: dict[str, Document],
    items: Callable[[Document], set[Item]],
    labels: Iterable[str],
) -> dict[str, Counts]:
    table: dict[str, Counts] = dict.fromkeys(labels, Counts())
    for document in gold:
        want, have = items(document), items(found[document.id])
        for label in {item[0] for item in want | have}:
            counts = Counts.of(
                {item for item in want if item[0] == label}, {item for item in have if item[0] == label}
            )
            table[label] = table.get(label, Counts()) + counts
    return {label: counts for label, counts in table.items() if counts != Counts()}


def _seqeval(gold: Sequence[Document], found: dict[str, Document]) -> Counts:
    """seqeval's strict IOB2 over whole words: a sequence for each sentence and entity label."""
    from seqeval.metrics.v1 import precision_recall_fscore_support
    from seqeval.scheme import IOB2

    true, guessed = [], []
    for document in gold:
        guess = found[document.id]
        labels = sorted({entity.label for entity in (*document.entities, *guess.entities)})
        true += _tags(document, labels)
        guessed += _tags(guess, labels)
    if not true:
        return Counts()
    precision, recall, _, support = precision_recall_fscore_support(
        true, guessed, average="micro", scheme=IOB2, zero_division=0
    )
    tp = round(float(recall) * int(support))
    predicted = round(tp / float(precision)) if precision else _begun(guessed)
    return Counts(tp, predicted - tp, int(support) - tp)


def _begun(sequences: list[list[str]]) -> int:
    return sum(tag.startswith("B-") for tags in sequences for tag in tags)


def _tags(document: Document, labels: Sequence[str]) -> list[list[str]]:
    """The tags of each sentence, for one label after the other."""
    spans = words(document.text)
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    sentence = sentence_index(sentences(document.text))
    where = [sentence(start) for start in starts]
    bounds = [0, *(i for i in range(1, len(where)) if where[i] != where[i - 1]), len(where)]
    result: list[list[str]] = []
    for label in labels:
        tags = ["O"] * len(spans)
        for entity in sorted(document.entities, key=lambda item: (item.start, -item.end)):
            if entity.label == label:
                touched = range(bisect_right(ends, entity.start), bisect_left(starts, entity.end))
                for number, index in enumerate(touched):
                    tags[index] = f"{'I' if number else 'B'}-{label}"
        result += [tags[first:last] for first, last in pairwise(bounds) if first < last]
    return result
