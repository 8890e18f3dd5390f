"""Errors: each missed gold item and each spurious prediction with its one cause."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from kashif.document import Document, Entity, Relation
from kashif.evaluation.counting import Item, entity_items, ordered, relation_items, relation_scores
from kashif.evaluation.scoring import Tally
from kashif.scheme import Scheme

CAUSES = {
    "unreachable": "gold that no tag sequence or window of the model can give, or not beside other gold",
    "type wrong": "the same span, with another label",
    "boundary wrong": "a span of the same label that overlaps",
    "boundary and type wrong": "a span of another label that shares more than half of the longer one",
    "missed": "nothing like it is predicted",
    "head missed": "the relation's head is not predicted, or not with this span and label",
    "tail missed": "the relation's tail is not predicted, or not with this span and label",
    "head and tail missed": "neither argument is predicted with its span and label",
    "pair not scored": "both arguments are predicted, but no window showed the pair to the model",
    "wrong argument": "an argument of the predicted relation is no gold entity",
    "wrong label": "the same pair, with another label or the other way round",
    "below threshold": "the model scored this relation too low to give it out",
    "not predicted": "both arguments are predicted; what the system thought of the pair is not known",
    "spurious": "nothing like it is gold",
}
"""Every cause in the order of reports, with its meaning. An item gets the first of its kind that fits."""


@dataclass(frozen=True, slots=True)
class Error:
    """An item that is ``missed`` or ``spurious`` (its ``side``), with its cause.

    ``view`` is ``entities`` or ``relations`` and ``item`` the tuple that ``counting`` counts. ``score``
    is the probability that the system gave a relation, None where it gave none. ``why`` tells of an
    unreachable one why it is.
    """

    side: str
    view: str
    item: Item
    cause: str
    score: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Analysis:
    """A gold document, its prediction, and every error: entities, then relations, in text order."""

    gold: Document
    predicted: Document
    errors: tuple[Error, ...]


def analyse(
    gold: Document,
    predicted: Document,
    *,
    scheme: Scheme,
    scored: Document | None = None,
    unreachable: Mapping[Entity | Relation, str] | None = None,
) -> Analysis:
    """The errors of one document.

    ``scored`` holds the predicted entities with every relation that the model scored, however low; it is
    unknown for another system. ``unreachable`` is the gold that the model cannot give, and why. Relations
    have no errors in a scheme without any, as they have no score.

    Only a prediction that is itself wrong explains a miss: a right one of another type may well nest in,
    or stand around, what was missed. So also for what is spurious.
    """
    by_id = gold.by_id()
    lost: dict[Item, str] = {}
    for mark, why in (unreachable or {}).items():
        if isinstance(mark, Entity):
            lost[mark.label, mark.start, mark.end] = why
        else:
            lost[ordered(mark, by_id[mark.head].key, by_id[mark.tail].key, scheme=scheme)] = why
    want, have = entity_items(gold), entity_items(predicted)
    near = [_Spans(side) for side in (want - have, have - want)]
    errors = _errors(
        "entities",
        want,
        have,
        lambda item: near[1].explain(item) or "missed",
        lambda item: near[0].explain(item) or "spurious",
        lost,
    )
    if not scheme.relations:
        return Analysis(gold, predicted, tuple(errors))
    gold_keys = {entity.key for entity in gold.entities}
    predicted_keys = {entity.key for entity in predicted.entities}
    scores = relation_scores(predicted if scored is None else scored, scheme)
    want, have = relation_items(gold, scheme), relation_items(predicted, scheme)
    pairs = [{_pair(item) for item in side} for side in (want - have, have - want)]

    def missed(item: Item) -> str:
        sides = [
            side for side, key in zip(("head", "tail"), item[1:], strict=True) if key not in predicted_keys
        ]
        if sides:
            return f"{' and '.join(sides)} missed"
        if scored is not None and item not in scores:
            return "pair not scored"
        if _pair(item) in pairs[1]:
            return "wrong label"
        return "not predicted" if scored is None else "below threshold"

    def spurious(item: Item) -> str:
        if not gold_keys.issuperset(item[1:]):
            return "wrong argument"
        return "wrong label" if _pair(item) in pairs[0] else "spurious"

    errors += [
        replace(error, score=scores.get(error.item))
        for error in _errors("relations", want, have, missed, spurious, lost)
    ]
    return Analysis(gold, predicted, tuple(errors))


def tally(analyses: Iterable[Analysis]) -> Tally:
    """How often each label has each cause, in the order of causes."""
    order = list(CAUSES)
    counts = Counter(
        (error.side, error.view, str(error.item[0]), error.cause)
        for analysis in analyses
        for error in analysis.errors
    )
    return dict(sorted(counts.items(), key=lambda entry: (order.index(entry[0][3]), entry[0])))


def whys(analyses: Iterable[Analysis]) -> dict[str, int]:
    """Why what was missed is unreachable, and how often; the most frequent first."""
    errors = (error for analysis in analyses for error in analysis.errors)
    return dict(Counter(error.why for error in errors if error.why).most_common())


Judge = Callable[[Item], str]
"""The cause of an item, from the unmatched items of the other side."""


def _errors(
    view: str, want: set[Item], have: set[Item], missed: Judge, spurious: Judge, lost: Mapping[Item, str]
) -> list[Error]:
    found = [
        Error("missed", view, item, "unreachable", why=lost[item])
        if item in lost
        else Error("missed", view, item, missed(item))
        for item in want - have
    ]
    found += [Error("spurious", view, item, spurious(item)) for item in have - want]
    return sorted(found, key=lambda error: (error.item[1:], error.item[0], error.side))


def like(item: Item, other: Item) -> str | None:
    """What tells an entity from an unmatched one of the other side; None where they are not alike."""
    label, start, end = item
    other_label, other_start, other_end = other
    shared = min(end, other_end) - max(start, other_start)
    longest = max(end - start, other_end - other_start)
    if shared == longest:
        return "type wrong"
    if shared > 0 and other_label == label:
        return "boundary wrong"
    # A short span inside a long one is more often another mention, nested, than the same one.
    return "boundary and type wrong" if 2 * shared > longest else None


class _Spans:
    """The unmatched entities of one side by place, so that one is compared with few of them."""

    def __init__(self, items: set[Item]) -> None:
        self.items = sorted(items, key=lambda item: item[1])
        self.starts = [start for _, start, _ in self.items]
        self.by_label: dict[str, tuple[list[int], list[Item]]] = {}
        for item in self.items:
            starts, last = self.by_label.setdefault(item[0], ([], []))
            starts.append(item[1])
            last.append(max([*last[-1:], item], key=lambda one: one[2]))

    def explain(self, item: Item) -> str | None:
        """What tells an entity of the other side from the one that is most like it."""
        label, start, end = item
        # What shares more than half of the longer span begins less than a length before the other does.
        low, high = bisect_right(self.starts, 2 * start - end), bisect_left(self.starts, end)
        near = self.items[low:high]
        # Of one label, the one that ends last of all that begin before the end overlaps if any does.
        starts, last = self.by_label.get(label, ([], []))
        if before := bisect_left(starts, end):
            near.append(last[before - 1])
        causes = {like(item, other) for other in near}
        return next((cause for cause in CAUSES if cause in causes), None)


def same_pair(item: Item, other: Item) -> bool:
    """Whether two relations join the same two entities."""
    return _pair(item) == _pair(other)


def _pair(item: Item) -> frozenset[Item]:
    return frozenset(item[1:])
