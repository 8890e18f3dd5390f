"""From which probability a relation is given out: found on development articles, for all labels or each.

A model's relations are predicted once with threshold 0; every choice is then a matter of counting.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kashif.decoding import THRESHOLD
from kashif.document import Document
from kashif.scheme import Scheme
from kashif.scoring import Counts, relation_scores

LEAST_GOLD = 20
"""A label with fewer gold relations keeps the threshold of all."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Relations predicted with threshold 0: probabilities, which of them are right, how many gold ones."""

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    gold: int

    def at(self, thresholds: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many are right, and how many are given out, from each threshold on."""
        order = np.argsort(self.scores)
        below = np.searchsorted(self.scores[order], thresholds, side="left")
        right = np.concatenate([[0], np.cumsum(self.right[order])])
        return right[-1] - right[below], len(self.scores) - below


def outcomes(gold: Sequence[Document], predicted: Sequence[Document], scheme: Scheme) -> dict[str, Outcomes]:
    """The outcomes by relation label of documents in the same order; no probability counts as 1."""
    scores: dict[str, list[float]] = defaultdict(list)
    right: dict[str, list[bool]] = defaultdict(list)
    number = Counter[str]()
    for want, have in zip(gold, predicted, strict=True):
        wanted = relation_scores(want, scheme)
        number.update(item[0] for item in wanted)
        for item, score in relation_scores(have, scheme).items():
            scores[item[0]].append(1.0 if score is None else score)
            right[item[0]].append(item in wanted)
    return {
        label: Outcomes(np.array(scores[label], float), np.array(right[label], bool), number[label])
        for label in dict.fromkeys((*scheme.relation_labels, *number, *scores))
    }


def counted(table: Mapping[str, Outcomes], thresholds: Mapping[str, float]) -> Counts:
    """The counts of all labels together, each given out from its threshold on."""
    counts = Counts()
    for label, found in table.items():
        right, given = (int(n[0]) for n in found.at(np.array([thresholds.get(label, THRESHOLD)])))
        counts += Counts(right, given - right, found.gold - right)
    return counts


def best_threshold(gold: Sequence[Document], predicted: Sequence[Document], scheme: Scheme) -> float:
    """The one threshold with the highest strict relation F1; ``predicted`` with threshold 0.

    Among equals the nearest to the default, then the lowest; the default where there is no gold relation.
    """
    return _one(outcomes(gold, predicted, scheme))


def cross_fitted(
    gold: Sequence[Document], predicted: Sequence[Document], scheme: Scheme, per_label: bool, seed: int = 0
) -> Counts | None:
    """The counts of each half of the articles, by the thresholds that the other half chose.

    An estimate for new articles, with half of the data to choose by. Undefined below two articles.
    """
    order = random.Random(seed).sample(range(len(gold)), len(gold))
    halves = [order[: len(order) // 2], order[len(order) // 2 :]]
    if not halves[0]:
        return None
    tables = [outcomes([gold[i] for i in half], [predicted[i] for i in half], scheme) for half in halves]
    counts = Counts()
    for chosen_on, measured_on in (tables, tables[::-1]):
        counts += counted(measured_on, chosen(chosen_on, per_label))
    return counts


def chosen(table: Mapping[str, Outcomes], per_label: bool) -> dict[str, float]:
    """The thresholds by label with the highest strict relation F1 together: one for all, or one for each.

    With one for each, labels with fewer than ``LEAST_GOLD`` gold relations keep the best one for all; among
    equals the nearest to that one, then the lowest.
    """
    start = dict.fromkeys(table, _one(table))
    if not per_label:
        return start
    return _search(table, start, {label for label, found in table.items() if found.gold >= LEAST_GOLD})


def _one(table: Mapping[str, Outcomes]) -> float:
    together = Outcomes(
        np.concatenate([found.scores for found in table.values()] or [np.zeros(0)]),
        np.concatenate([found.right for found in table.values()] or [np.zeros(0, bool)]),
        sum(found.gold for found in table.values()),
    )
    return _search({"all": together}, {"all": THRESHOLD})["all"]


def _search(
    table: Mapping[str, Outcomes], start: Mapping[str, float], free: set[str] | None = None
) -> dict[str, float]:
    """The thresholds that maximise F1 = 2 tp / (given + gold) of all labels together.

    F1 over several labels is no sum, but 2 tp - F1 (given + gold) is one: to maximise it label by label,
    with the F1 reached so far, until F1 stays, ends at the maximum (Dinkelbach 1967). In whole numbers.
    """
    gold = sum(found.gold for found in table.values())
    if not gold:
        return dict(start)
    cuts, sums = {}, {}
    for label, found in table.items():
        known = np.unique([0.0, *found.scores.tolist(), 1.0])
        between = (known[1:] + known[:-1]) / 2
        mine = between if free is None or label in free else between[:0]
        options = np.unique([start[label], *mine.tolist()])
        # The wanted one of equals first: argmax takes the first.
        cuts[label] = options[np.lexsort((options, np.abs(options - start[label])))]
        sums[label] = found.at(cuts[label])
    best = (0, 1)
    while True:
        index = {
            label: int(np.argmax(2 * right * best[1] - best[0] * given))
            for label, (right, given) in sums.items()
        }
        right = sum(int(sums[label][0][at]) for label, at in index.items())
        given = sum(int(sums[label][1][at]) for label, at in index.items())
        if 2 * right * best[1] == best[0] * (given + gold):
            return {label: float(cuts[label][at]) for label, at in index.items()}
        best = (2 * right, given + gold)
