"""The decision threshold for relations, chosen on development articles.

A model's relations are predicted once at threshold 0; every choice is then a matter of counting.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kashif.corpora import loading, provenance
from kashif.corpora.provenance import SeenArticles
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.evaluation.counting import Counts, relation_scores
from kashif.evaluation.suite import Watch, unwatched
from kashif.files import write_json
from kashif.modeling.decoding import THRESHOLD
from kashif.replacing import replaced_files
from kashif.scheme import Scheme


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Relations predicted at threshold 0: probabilities, which of them are right, how many gold ones."""

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    gold: int

    def counts(self, threshold: float) -> Counts:
        """The counts of what is predicted from a threshold on."""
        predicted = self.scores >= threshold
        tp = int(self.right[predicted].sum())
        return Counts(tp, int(predicted.sum()) - tp, self.gold - tp)

    def best_threshold(self) -> float:
        """The threshold with the highest F1, half-way between two probabilities.

        Among equals the nearest to the default, then the lowest; the default where there is no gold relation.
        """
        if not self.gold:
            return THRESHOLD
        known = np.unique([0.0, *self.scores.tolist(), 1.0])
        options = np.unique([THRESHOLD, *((known[1:] + known[:-1]) / 2).tolist()])
        options = options[np.lexsort((options, np.abs(options - THRESHOLD)))]
        order = np.argsort(self.scores)
        below = np.searchsorted(self.scores[order], options, side="left")
        right = np.concatenate([[0], np.cumsum(self.right[order])])
        # Equal fractions of whole numbers give the same float, and argmax takes the first of equals.
        f1 = 2 * (right[-1] - right[below]) / (len(self.scores) - below + self.gold)
        return float(options[f1.argmax()])


def outcomes(gold: Sequence[Document], predicted: Sequence[Document], *, scheme: Scheme) -> Outcomes:
    """The outcomes of documents in the same order; a relation without a probability counts as 1."""
    scores: list[float] = []
    right: list[bool] = []
    number = 0
    for want, have in zip(gold, predicted, strict=True):
        wanted = relation_scores(want, scheme)
        number += len(wanted)
        for item, score in relation_scores(have, scheme).items():
            scores.append(1.0 if score is None else score)
            right.append(item in wanted)
    return Outcomes(np.array(scores, float), np.array(right, bool), number)


def cross_fitted(
    gold: Sequence[Document], predicted: Sequence[Document], *, scheme: Scheme, seed: int = 0
) -> Counts | None:
    """The counts of each half of the articles, by the threshold that the other half chose.

    An estimate for new articles, with half of the data to choose by. Undefined below two articles.
    """
    order = random.Random(seed).sample(range(len(gold)), len(gold))
    halves = [order[: len(order) // 2], order[len(order) // 2 :]]
    if not halves[0]:
        return None
    first, second = (
        outcomes([gold[i] for i in half], [predicted[i] for i in half], scheme=scheme) for half in halves
    )
    return second.counts(first.best_threshold()) + first.counts(second.best_threshold())


@dataclass(frozen=True)
class ThresholdChoice:
    """A model's new threshold and its former one, and relation counts on the articles that chose it.

    ``crossed`` are the counts of ``cross_fitted``.
    """

    threshold: float
    former: float
    before: Counts
    after: Counts
    crossed: Counts | None
    notices: tuple[str, ...]


def choose_threshold(folder: Path, corpora: Sequence[str], *, watch: Watch = unwatched) -> ThresholdChoice:
    """Chooses the threshold of a model's relations and writes it into its ``config.json``.

    ``manifest.json`` then names the articles that chose it.

    Raises:
        InputError: if the model was trained on one of the articles or does not say on which it was, or
            if they hold no relation.
    """
    from kashif.modeling import predictor as predictors

    predictor = predictors.load(folder, runtime="torch")
    config = predictor.model.config
    gold, notices = loading.load_all(corpora)
    notices += _not_development(folder, gold)
    if not any(document.relations for document in gold):
        raise InputError("; ".join(["no gold relation to choose the threshold by", *notices]))
    texts = [(document.id, document.text) for document in gold]
    predicted = list(watch(predictor.stream_documents(texts, threshold=0.0), "predicting"))
    found = outcomes(gold, predicted, scheme=predictor.scheme)
    former, best = config.relation_threshold, found.best_threshold()
    config.relation_threshold = best
    with replaced_files(folder) as new:
        config.save_pretrained(new)
        write_json(new / provenance.NAME, provenance.with_thresholds(folder, gold))
    before, after = found.counts(former), found.counts(best)
    crossed = cross_fitted(gold, predicted, scheme=predictor.scheme)
    if crossed and (crossed.f1 or 0) <= (before.f1 or 0) < (after.f1 or 0):
        notices.append(
            "chosen on half of the articles, the gain did not show on the other half: do not rely on it"
        )
    return ThresholdChoice(best, former, before, after, crossed, tuple(notices))


def _not_development(folder: Path, gold: Sequence[Document]) -> list[str]:
    """Notices of articles beside the development ones. Raises InputError for training articles."""
    seen = SeenArticles.of(folder)
    if seen is None:
        message = "no such file, so what the model was trained on is not known; copy it beside the weights"
        raise InputError(Fault(str(folder / provenance.NAME), message))
    if learnt := sorted(seen.train.among(gold)):
        message = f"the model was trained on {', '.join(learnt)}; choose thresholds on development articles"
        raise InputError(Fault(str(folder), message))
    other = sorted({document.id for document in gold} - seen.development.among(gold))
    if not other:
        return []
    return [
        f"{len(other)} of {len(gold)} articles are not the model's development ones ({', '.join(other)}): "
        "its scores on them are no longer held out"
    ]
