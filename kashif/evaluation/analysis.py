"""Errors: each missed gold item and each spurious prediction with its one cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from kashif.document import Document, Entity, Relation
from kashif.evaluation.counting import Item, entity_items, ordered, relation_items, relation_scores
from kashif.evaluation.scoring import Tally
from kashif.scheme import Scheme

CAUSES = {
    "unreachable": "gold that no tag sequence or window of the model can give",
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
    errors = _errors(
        "entities",
        want,
        have,
        lambda item, wrong: like(item, wrong) or "missed",
        lambda item, wrong: like(item, wrong) or "spurious",
        lost,
    )
    gold_keys = {entity.key for entity in gold.entities}
    predicted_keys = {entity.key for entity in predicted.entities}
    scores = relation_scores(predicted if scored is None else scored, scheme)

    def missed(item: Item, wrong: set[Item]) -> str:
        sides = [
            side for side, key in zip(("head", "tail"), item[1:], strict=True) if key not in predicted_keys
        ]
        if sides:
            return f"{' and '.join(sides)} missed"
        if scored is not None and item not in scores:
            return "pair not scored"
        if same_pair(item, wrong):
            return "wrong label"
        return "not predicted" if scored is None else "below threshold"

    def spurious(item: Item, wrong: set[Item]) -> str:
        if not gold_keys.issuperset(item[1:]):
            return "wrong argument"
        return "wrong label" if same_pair(item, wrong) else "spurious"

    if scheme.relations:
        want, have = relation_items(gold, scheme), relation_items(predicted, scheme)
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


Judge = Callable[[Item, set[Item]], str]
"""The cause of an item, given the unmatched items of the other side."""


def _errors(
    view: str, want: set[Item], have: set[Item], missed: Judge, spurious: Judge, lost: Mapping[Item, str]
) -> list[Error]:
    lacking, surplus = want - have, have - want
    found = [
        Error("missed", view, item, "unreachable", why=lost[item])
        if item in lost
        else Error("missed", view, item, missed(item, surplus))
        for item in lacking
    ]
    found += [Error("spurious", view, item, spurious(item, lacking)) for item in surplus]
    return sorted(found, key=lambda error: (error.item[1:], error.item[0], error.side))


def like(item: Item, others: set[Item]) -> str | None:
    """What tells an entity from the unmatched one of the other side that is most like it."""
    label, start, end = item
    found = None
    for other_label, other_start, other_end in others:
        shared = min(end, other_end) - max(start, other_start)
        longest = max(end - start, other_end - other_start)
        if shared == longest:
            return "type wrong"
        if shared > 0 and other_label == label:
            found = "boundary wrong"
        # A short span inside a long one is more often another mention, nested, than the same one.
        elif 2 * shared > longest:
            found = found or "boundary and type wrong"
    return found


def same_pair(item: Item, others: set[Item]) -> bool:
    """Whether one of the relations of the other side joins the same two entities."""
    return any({item[1], item[2]} == {other[1], other[2]} for other in others)
