"""What makes a model's probabilities true, and from which it predicts: fitted on development articles.

Thresholds are counted: what a model predicts at threshold 0 is listed once, with its probabilities.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kashif.document import Document
from kashif.evaluation.calibration import fitted
from kashif.evaluation.counting import Counts, Item, entity_scores, relation_scores
from kashif.evaluation.suite import Watch, unwatched
from kashif.modeling.decoding import NO_CALIBRATION, THRESHOLD, Calibration, calibrated
from kashif.scheme import Scheme

if TYPE_CHECKING:
    from kashif.modeling.predictor import Predictor

DEFAULTS = {"entities": 0.0, "relations": THRESHOLD}
"""The thresholds that no articles have chosen."""
_POSSIBLE = 0.05
"""Below this probability nothing is predicted, so that calibration does not heed it."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What is predicted at threshold 0: probabilities, which of it is right, how much gold there is."""

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    gold: int

    @classmethod
    def joined(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """The outcomes of several articles together."""
        scores = np.concatenate([np.zeros(0), *(part.scores for part in parts)])
        right = np.concatenate([np.zeros(0, bool), *(part.right for part in parts)])
        return cls(scores, right, sum(part.gold for part in parts))

    def counts(self, threshold: float) -> Counts:
        """The counts of what is predicted from a threshold on."""
        predicted = self.scores >= threshold
        tp = int(self.right[predicted].sum())
        return Counts(tp, int(predicted.sum()) - tp, self.gold - tp)

    def best_threshold(self, default: float) -> float:
        """The threshold with the highest F1, half-way between two probabilities.

        Among equals the nearest to the default, then the lowest; the default where there is no gold.
        """
        if not self.gold:
            return default
        known = np.unique([0.0, *self.scores.tolist(), 1.0])
        options = np.unique([default, *((known[1:] + known[:-1]) / 2).tolist()])
        options = options[np.lexsort((options, np.abs(options - default)))]
        order = np.argsort(self.scores)
        below = np.searchsorted(self.scores[order], options, side="left")
        right = np.concatenate([[0], np.cumsum(self.right[order])])
        # Equal fractions of whole numbers give the same float, and argmax takes the first of equals.
        f1 = 2 * (right[-1] - right[below]) / (len(self.scores) - below + self.gold)
        return float(options[f1.argmax()])

    def threshold_of(self, count: int, *, near: float) -> float:
        """A threshold from which so many are predicted: ``near``, or half-way between two probabilities."""
        if (self.scores >= near).sum() == count:
            return near
        edges: list[float] = [1.0, *sorted(self.scores.tolist(), reverse=True), 0.0]
        count = min(count, len(self.scores))
        return (edges[count] + edges[count + 1]) / 2

    def calibration(self) -> Calibration | None:
        """What makes the probabilities true, of all that might be predicted; None where none is fitted."""
        possible = self.scores >= _POSSIBLE
        return fitted(self.scores[possible].tolist(), self.right[possible].tolist())

    def through(self, calibration: Calibration) -> Outcomes:
        """The same with calibrated probabilities."""
        return replace(self, scores=calibrated(self.scores, calibration))


def outcomes(gold: Document, predicted: Document, *, scheme: Scheme, view: str) -> Outcomes:
    """The outcomes of an article's ``entities`` or ``relations``; what has no probability is certain."""

    def items(document: Document) -> dict[Item, float | None]:
        return entity_scores(document) if view == "entities" else relation_scores(document, scheme)

    wanted, found = items(gold), items(predicted)
    scores = [1.0 if score is None else score for score in found.values()]
    return Outcomes(np.array(scores, float), np.array([item in wanted for item in found], bool), len(wanted))


def cross_fitted(articles: Sequence[Outcomes], *, default: float, seed: int = 0) -> Counts | None:
    """The counts of each half of the articles, by the threshold that the other half chose.

    An estimate for new articles, with half of the data to choose by. Undefined below two articles.
    """
    order = random.Random(seed).sample(range(len(articles)), len(articles))
    halves = [order[: len(order) // 2], order[len(order) // 2 :]]
    if not halves[0]:
        return None
    first, second = (Outcomes.joined([articles[index] for index in half]) for half in halves)
    return second.counts(first.best_threshold(default)) + first.counts(second.best_threshold(default))


@dataclass(frozen=True)
class Choice:
    """A threshold, the calibration before it, and the counts that they give on the articles that chose it.

    ``fitted`` is whether these articles could calibrate; else the calibration is the model's former one.
    ``crossed`` are the counts of ``cross_fitted``; ``gained`` is whether they showed a better threshold.
    """

    threshold: float
    calibration: Calibration
    fitted: bool
    after: Counts
    crossed: Counts | None
    gained: bool


@dataclass(frozen=True)
class ThresholdChoice:
    """A model's new thresholds of ``entities`` and ``relations``, and the former ones with their counts."""

    former: dict[str, float]
    before: dict[str, Counts]
    chosen: dict[str, Choice]
    notices: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether the articles chose nothing better, so that the model is as it was."""
        return not any(
            choice.fitted or choice.gained or choice.threshold != self.former[view]
            for view, choice in self.chosen.items()
        )


def calibrate(
    predictor: Predictor,
    gold: Sequence[Document],
    *,
    before: Mapping[str, Counts] | None = None,
    watch: Watch = unwatched,
) -> dict[str, Choice]:
    """Fits calibration and thresholds on development articles, and sets them in the model's configuration.

    First of entities, then of relations, whose probabilities hold those of their arguments; relations stay
    as they were where no gold has any, and so does a calibration that too few predictions could fit. A
    threshold is taken if one chosen on half of the articles gains on the other half; else it is the default,
    for on a few articles the best one is chance. With the counts ``before`` the model's own one stands for
    the default, moved to where the model predicts as much as before.
    """
    config, scheme = predictor.model.config, predictor.scheme
    texts = [(document.id, document.text) for document in gold]

    def predicted(view: str) -> list[Outcomes]:
        stream = predictor.stream_documents(texts, threshold=0.0 if view == "relations" else 1.1)
        found = list(watch(stream, f"predicting {view}"))
        return [outcomes(a, b, scheme=scheme, view=view) for a, b in zip(gold, found, strict=True)]

    def choose(view: str, default: float, former: Calibration) -> Choice:
        articles = predicted(view)
        found = Outcomes.joined(articles).calibration()
        calibration = former if found is None else found
        articles = [part.through(calibration) for part in articles]
        whole = Outcomes.joined(articles)
        if before:
            count = before[view].tp + before[view].fp
            default = whole.threshold_of(count, near=_moved(default, former, calibration))
        crossed = cross_fitted(articles, default=default)
        best = whole.best_threshold(default)
        gained = crossed is not None and (crossed.f1 or 0) > (whole.counts(default).f1 or 0)
        best = best if gained else default
        return Choice(best, calibration, found is not None, whole.counts(best), crossed, gained)

    former, default = config.entity_calibration, config.entity_threshold if before else DEFAULTS["entities"]
    config.entity_calibration, config.entity_threshold = NO_CALIBRATION, 0.0
    choices = {"entities": choose("entities", default, former)}
    config.entity_calibration = choices["entities"].calibration
    config.entity_threshold = choices["entities"].threshold
    if any(document.relations for document in gold) and scheme.relations:
        former, config.relation_calibration = config.relation_calibration, NO_CALIBRATION
        default = config.relation_threshold if before else DEFAULTS["relations"]
        choices["relations"] = choose("relations", default, former)
        config.relation_calibration = choices["relations"].calibration
        config.relation_threshold = choices["relations"].threshold
    return choices


def _moved(threshold: float, before: Calibration, after: Calibration) -> float:
    """A threshold ``before`` a calibration, as it parts the same predictions ``after`` it."""
    if not 0 < threshold < 1 or before == after:
        return threshold
    slope = after[0] / before[0]
    return float(calibrated(threshold, (slope, after[1] - slope * before[1])))
