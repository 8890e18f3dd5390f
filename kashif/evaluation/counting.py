"""Counting: documents as sets of tuples, compared by three counters.

What a model cannot reach stands in the gold set and so counts as a miss. Precision, recall and F1 of
nothing at all are undefined (None), not 0 and not 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kashif.arabic import sentence_index, words
from kashif.document import Document, Relation
from kashif.errors import Fault, InputError, listed
from kashif.evaluation.bootstrap import Table
from kashif.evaluation.calibration import Scored
from kashif.folding import letters
from kashif.scheme import Scheme

Item = tuple[Any, ...]
Items = Callable[[Document], set[Item]]
"""A view of a document: its entities or relations as a set of tuples, the label first."""
Unit = tuple[str, int]
"""A document's id, and the number of a paragraph in it or 0 for the whole."""
Locate = Callable[[Document], Callable[[int], Unit]]
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


def entity_items(document: Document) -> set[Item]:
    """(label, start, end) of each entity."""
    return set(entity_scores(document))


def entity_scores(document: Document) -> dict[Item, float | None]:
    """The probability of each of ``entity_items``, None where it came without one."""
    return _highest(((entity.label, entity.start, entity.end), entity.score) for entity in document.entities)


def relation_items(document: Document, scheme: Scheme) -> set[Item]:
    """(label, head, tail) of each relation, its arguments as (start, end, label)."""
    return set(relation_scores(document, scheme))


def relation_scores(document: Document, scheme: Scheme) -> dict[Item, float | None]:
    """The probability of each of ``relation_items``, None where it came without one."""
    entities = document.by_id()
    return _highest(
        (ordered(r, entities[r.head].key, entities[r.tail].key, scheme=scheme), r.score)
        for r in document.relations
    )


def _highest(scored: Iterable[tuple[Item, float | None]]) -> dict[Item, float | None]:
    """The tuples once each, with the highest of their probabilities."""
    found: dict[Item, float | None] = {}
    for item, score in scored:
        known = found.get(item)
        found[item] = score if known is None else max(known, known if score is None else score)
    return found


def boundary_items(document: Document, scheme: Scheme) -> set[Item]:
    """(label, head, tail) of each relation, its arguments as (start, end) alone."""
    entities = document.by_id()
    return {
        ordered(r, entities[r.head].key[:2], entities[r.tail].key[:2], scheme=scheme)
        for r in document.relations
    }


def ordered(relation: Relation, head: Item, tail: Item, *, scheme: Scheme) -> Item:
    """(label, head, tail), the arguments of a symmetric relation in text order."""
    return (relation.label, *scheme.ordered(relation.label, head, tail))


def matched(gold: Sequence[Document], predicted: Sequence[Document]) -> tuple[dict[str, Document], list[str]]:
    """The prediction for each gold document by id, an empty one where there is none, and notices of those.

    Raises:
        InputError: if a predicted document's text is not the gold one's, or is no gold document.
    """
    texts = {document.id: document.text for document in gold}
    faults = []
    found: dict[str, Document] = {}
    for document in predicted:
        if document.id not in texts:
            faults.append(Fault(f"document '{document.id}'", "is predicted but is no document of the corpus"))
        elif document.text != texts[document.id]:
            alike = letters(document.text) == letters(texts[document.id])
            what = " in line ends, white space or invisible characters alone" if alike else ""
            message = f"the predicted text differs from the corpus's{what}; give the system the corpus's own"
            faults.append(Fault(f"document '{document.id}'", message))
        found[document.id] = document
    if faults:
        raise InputError(faults)
    missing = [document for document in gold if document.id not in found]
    found |= {document.id: Document(document.id, document.text) for document in missing}
    if not missing:
        return found, []
    count = f"{len(missing)} of {len(gold)} articles ({listed(document.id for document in missing)})"
    return found, [f"no prediction for {count}: all their gold counts as missed"]


def units_of(gold: Sequence[Document]) -> tuple[str, Locate, list[Unit]]:
    """What is resampled: its name, a function from a document to one from offsets to units, all units."""
    kind, locate = ("article", _whole) if len(gold) >= LEAST_ARTICLES else ("paragraph", _by_paragraph)
    found: dict[Unit, None] = {}
    for document in gold:
        place = locate(document)
        found.update(dict.fromkeys(place(start) for start, _ in words(document.text)))
        found.setdefault((document.id, 0))
    return kind, locate, list(found)


def _whole(document: Document) -> Callable[[int], Unit]:
    return lambda offset: (document.id, 0)


def _by_paragraph(document: Document) -> Callable[[int], Unit]:
    spans, start = [], 0
    for line in document.text.splitlines(keepends=True):
        if line.strip():
            spans.append((start, start + len(line)))
        start += len(line)
    index = sentence_index(spans or [(0, 0)])
    return lambda offset: (document.id, index(offset))


def _start(item: Item) -> int:
    """Where a tuple of any view begins: an entity's start, or its head's."""
    start = item[1] if isinstance(item[1], int) else item[1][0]
    return int(start)


def counts_by_unit(
    gold: Sequence[Document],
    found: Mapping[str, Document],
    *,
    items: Items,
    locate: Locate,
    units: Sequence[Unit],
) -> Table:
    """The counts of each unit, by where a tuple begins."""
    row = {unit: index for index, unit in enumerate(units)}
    table = np.zeros((len(units), 3), np.int64)
    for document in gold:
        place = locate(document)
        want, have = items(document), items(found[document.id])
        for column, group in enumerate((want & have, have - want, want - have)):
            for item in group:
                unit = row.get(place(_start(item)), row[document.id, 0])  # a paragraph may hold no word
                table[unit, column] += 1
    return table


def scored_by_unit(
    gold: Sequence[Document],
    found: Mapping[str, Document],
    *,
    scores: Callable[[Document], dict[Item, float | None]],
    locate: Locate,
    units: Sequence[Unit],
) -> list[Scored]:
    """All predictions with their probabilities, whether they are right, and the unit that they begin in."""
    row = {unit: index for index, unit in enumerate(units)}
    return [
        Scored(score, item in want, row.get(place(_start(item)), row[document.id, 0]))
        for document in gold
        for place, want in [(locate(document), scores(document).keys())]
        for item, score in scores(found[document.id]).items()
    ]


def total(table: Table) -> Counts:
    """The counts of all units together."""
    return Counts(*table.sum(0).tolist())


def counts_by_label(
    gold: Sequence[Document],
    found: Mapping[str, Document],
    *,
    items: Items,
    labels: Iterable[str],
) -> dict[str, Counts]:
    """The counts of each label that occurs, in the order of ``labels``."""
    table: dict[str, Counts] = dict.fromkeys(labels, Counts())
    for document in gold:
        want, have = items(document), items(found[document.id])
        for label in {item[0] for item in want | have}:
            counts = Counts.of(
                {item for item in want if item[0] == label}, {item for item in have if item[0] == label}
            )
            table[label] = table.get(label, Counts()) + counts
    return {label: counts for label, counts in table.items() if counts != Counts()}
