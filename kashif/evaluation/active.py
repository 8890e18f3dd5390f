"""Active learning: which articles, if people annotated them next, would teach a model most.

Three things count (Settles, "Active learning literature survey", 2009): how unsure the model is of an
article, how unlike it is to those annotated, and how unlike to the others chosen. An article's gain is

    the wrong decisions that the model expects in 100 words x the distance to the nearest article

that is annotated or chosen. The distance, and the greedy choice that keeps it large, are those of Sener and
Savarese, "Active learning for convolutional neural networks: a core-set approach" (2018). To weigh it by the
model's doubt is the thought of BADGE, whose vectors are the longer the less sure the model is (Ash et al.,
"Deep batch active learning by diverse, uncertain gradient lower bounds", 2020), and of ALPS for text (Yuan et
al., "Cold-start active learning through self-supervised language modeling", 2020).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kashif.corpora.articles import Articles
from kashif.corpora.partition import together
from kashif.corpora.provenance import OTHER_TEXTS, SeenArticles
from kashif.corpora.statistics import count_words
from kashif.document import Document
from kashif.errors import listed
from kashif.evaluation.counting import relation_scores

if TYPE_CHECKING:
    from kashif.modeling.predictor import Predictor
    from kashif.modeling.probing import Probe

_POSSIBLE = 0.05
"""What is not predicted and less probable than this is not counted; calibration does not heed it either."""
_DOUBTFUL = 0.25
"""From this probability on that a decision is wrong it is called doubtful."""
_LEAST_WORDS = 50
"""A shorter text counts as one of so many words: one doubt in a headline is not many in an article."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Article:
    """An article as a model sees it.

    ``wrong`` is the number of wrong decisions that the model expects of itself: for each entity and relation
    that it predicts the probability that it is none, for each that it does not predict that it is one.
    ``mentions`` and ``relations`` count the doubtful ones by label. ``vector`` is the encoder's mean over the
    words.
    """

    id: str
    words: int
    wrong: float
    mentions: Mapping[str, int]
    relations: Mapping[str, int]
    vector: NDArray[np.float32]

    @classmethod
    def of(cls, probe: Probe, predictor: Predictor) -> Article:
        """The article that a predictor's probe tells of."""
        document = probe.document
        predicted = {(entity.label, entity.start, entity.end) for entity in document.entities}
        mentions = [
            (item[0], 1 - p if item in predicted else p)
            for item, p in probe.spans.items()
            if item in predicted or p >= _POSSIBLE
        ]
        least = predictor.model.config.relation_threshold
        scores = relation_scores(document, predictor.scheme).items()
        relations = [
            (item[0], 1 - p if p >= least else p)
            for item, p in scores
            if p is not None and (p >= least or p >= _POSSIBLE)
        ]
        return cls(
            document.id,
            count_words(document.text),
            sum(chance for _, chance in (*mentions, *relations)),
            Counter(label for label, chance in mentions if chance >= _DOUBTFUL),
            Counter(label for label, chance in relations if chance >= _DOUBTFUL),
            probe.vector,
        )

    @property
    def rate(self) -> float:
        """The wrong decisions expected in 100 words."""
        return 100 * self.wrong / max(self.words, _LEAST_WORDS)


@dataclass(frozen=True, slots=True)
class Choice:
    """An article to annotate, the first choice first.

    ``distance`` is that to the ``nearest`` article, given by id, that is annotated, or chosen before this one
    (``beside_chosen``). 1 is the distance of two articles drawn at random; it is 1 where there is no other.
    """

    article: Article
    distance: float
    nearest: str = ""
    beside_chosen: bool = False

    @property
    def gain(self) -> float:
        """What articles are chosen by; see the module."""
        return self.article.rate * self.distance

    def why(self) -> str:
        """The reasons in words."""
        parts = []
        for what, counts in (("mention", self.article.mentions), ("relation", self.article.relations)):
            labels = sorted(counts, key=lambda label: (-counts[label], label))
            if count := sum(counts.values()):
                parts.append(f"{count} doubtful {what}{'s' * (count > 1)} ({listed(labels, most=3)})")
        if self.nearest:
            kind = "chosen" if self.beside_chosen else "annotated"
            parts.append(f"unlike the nearest {kind} article ({self.distance:.2f})")
        return ", ".join(parts) or "nothing doubtful"

    def row(self) -> dict[str, Any]:
        """The choice as JSON values."""
        return {
            "id": self.article.id,
            "words": self.article.words,
            "wrong per 100 words": round(self.article.rate, 3),
            "doubtful mentions": dict(self.article.mentions),
            "doubtful relations": dict(self.article.relations),
            "distance": round(self.distance, 4),
            "nearest": self.nearest or None,
            "nearest is": ("chosen" if self.beside_chosen else "annotated") if self.nearest else None,
            "gain": round(self.gain, 4),
        }


@dataclass(frozen=True, slots=True)
class Pool:
    """Articles to choose from, in groups of near-duplicates by id, and notices of what was passed over."""

    documents: tuple[Document, ...]
    groups: tuple[tuple[str, ...], ...]
    notices: tuple[str, ...]


def pool_of(
    texts: Sequence[Document],
    annotated: Sequence[Document],
    *,
    seen: SeenArticles | None = None,
    most: int | None = None,
    seed: int = 0,
) -> Pool:
    """The texts that nobody has annotated; of more than ``most`` so many are drawn by ``seed``.

    Passed over are those without a word, those among the annotated ones or those that the model was trained
    on or selected by (``seen``), by id or by text, and near-duplicates of annotated ones. Of near-duplicates
    among themselves ``choose`` takes one; the others are counted.
    """
    notices: list[str] = []

    def without(documents: Sequence[Document], ids: set[str], why: str) -> list[Document]:
        if ids:
            notices.append(f"passed over: {len(ids):,} texts {why}")
        return [document for document in documents if document.id not in ids]

    left = without(texts, {d.id for d in texts if not count_words(d.text)}, "without a word")
    known = Articles.of(annotated)
    names = known.namesakes(left)
    left = without(left, known.among(left) - names, "that are annotated in the corpus")
    left = without(left, names, f"with the ids of some that are annotated in the corpus, {OTHER_TEXTS}")
    if seen is not None:
        learnt = seen.train | seen.development | seen.thresholds
        names = learnt.namesakes(left)
        left = without(left, learnt.among(left) - names, "that the model was trained on or chosen by")
        why = f"with the ids of some that the model was trained on or chosen by, {OTHER_TEXTS}"
        left = without(left, names, why)
    if most is not None and len(left) > most:
        notices.append(f"drawn at random: {most:,} of {len(left):,} texts")
        drawn = sorted(Random(seed).sample(range(len(left)), most))
        left = [left[index] for index in drawn]
    groups = together([*annotated, *left])
    marked = {document.id for document in annotated}
    copies = {id for group in groups if marked.intersection(group) for id in group} - marked
    left = without(left, copies, "that are near-duplicates of annotated articles")
    kept = tuple(tuple(group) for group in groups if not marked.intersection(group))
    if further := sum(len(group) - 1 for group in kept):
        notices.append(f"passed over: {further:,} texts that are near-duplicates of others to choose from")
    return Pool(tuple(left), kept, tuple(notices))


def choose(
    pool: Sequence[Article],
    annotated: Sequence[Article] = (),
    *,
    count: int,
    groups: Sequence[Sequence[str]] = (),
) -> list[Choice]:
    """At most ``count`` articles of a pool, each the one of the highest gain after those before it.

    Of each of the ``groups`` of ids one article is chosen. Among equals the first in the pool is.
    """
    if not pool:
        return []
    everyone = [*pool, *annotated]
    vectors = _places(everyone)
    ours = vectors[: len(pool)]
    # The distance to the nearest, and its place in everyone.
    near = (np.ones(len(pool)), np.full(len(pool), -1))
    for place in range(len(pool), len(everyone)):
        near = _nearer(*near, new=vectors[place] - ours, place=place)
    rates = np.array([article.rate for article in pool])
    group_of = {id: number for number, group in enumerate(groups) for id in group}
    numbers = np.array([group_of.get(article.id, -1 - place) for place, article in enumerate(pool)])
    is_open = np.ones(len(pool), bool)
    chosen: list[Choice] = []
    while len(chosen) < count and is_open.any():
        best = int(np.where(is_open, rates * near[0], -1.0).argmax())
        other = int(near[1][best])
        name = everyone[other].id if other >= 0 else ""
        chosen.append(Choice(pool[best], float(near[0][best]), name, 0 <= other < len(pool)))
        is_open &= numbers != numbers[best]
        near = _nearer(*near, new=vectors[best] - ours, place=best)
    return chosen


def _places(articles: Sequence[Article]) -> NDArray[np.float64]:
    """The directions of the vectors, stretched so that two drawn at random are 1 apart: ``[article, width]``.

    That is the root of the mean of the squares.
    """
    vectors = np.stack([article.vector for article in articles]).astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _TINY)
    apart = np.sqrt(2 * vectors.var(0).sum())
    places: NDArray[np.float64] = vectors / max(float(apart), _TINY)
    return places


def _nearer(
    distance: NDArray[np.float64], nearest: NDArray[np.int64], *, new: NDArray[np.float64], place: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances and nearest places, after one more article, which is ``new`` (``[article, width]``) away."""
    other = np.linalg.norm(new, axis=1)
    is_nearer = (other < distance) | (nearest < 0)
    return np.where(is_nearer, other, distance), np.where(is_nearer, place, nearest)
