"""From tag and relation probabilities over windows to the entities and relations of a document.

Numpy only. Tags are 0 (O), 1 (B), 2 (I), one column for each entity label.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kashif.arabic import normal_form, restored, words
from kashif.document import Document, Entity, Relation
from kashif.modeling.alignment import span_offsets, without_punctuation
from kashif.modeling.windows import MAX_SENTENCE_DISTANCE, Layout
from kashif.scheme import Scheme

OUTSIDE, BEGIN, INSIDE = 0, 1, 2
THRESHOLD = 0.5
"""The probability from which a relation is predicted where the model's configuration names no other."""

Calibration = tuple[float, float]
"""Slope and intercept of a probability's log-odds (Platt scaling); a slope below 1 makes it less sure."""
NO_CALIBRATION: Calibration = (1.0, 0.0)

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of several windows: words ``[first, last)`` counted in the window, entity label, probability."""

    window: Ints
    first: Ints
    last: Ints
    label: Ints
    score: Floats

    @classmethod
    def of(cls, columns: Ints) -> Spans:
        """Spans of ``[span, 4]``: window, first word, behind the last word, label; each is certain."""
        window, first, last, label = columns.T
        return cls(window, first, last, label, np.ones(len(columns), np.float32))

    @property
    def columns(self) -> Ints:
        """``[span, 4]``: window, first word, behind the last word, label."""
        return np.stack([self.window, self.first, self.last, self.label], 1)

    def calibrated(self, calibration: Calibration) -> Spans:
        """The same spans with calibrated probabilities."""
        return replace(self, score=calibrated(self.score, calibration))

    def above(self, threshold: float) -> Spans:
        """The spans whose probability is at least a threshold."""
        kept = self.score >= threshold
        bounds = self.window[kept], self.first[kept], self.last[kept], self.label[kept]
        return Spans(*bounds, self.score[kept])


@dataclass(frozen=True, slots=True)
class Pairs:
    """Ordered pairs of spans that the scheme allows: indices into the spans.

    ``allowed[pair, relation]`` says which relations may hold; ``distance`` is words from head to
    tail, negative where the tail comes first; ``cross_sentence`` whether they stand in two sentences.
    """

    head: Ints
    tail: Ints
    distance: Ints
    cross_sentence: Ints
    allowed: NDArray[np.bool_]


def log_odds(scores: Any) -> Any:
    """The log-odds of probabilities, those of 0 and 1 being far out but finite."""
    kept = np.clip(np.asarray(scores, np.float64), 1e-7, 1 - 1e-7)
    return np.log(kept / (1 - kept))


def calibrated(scores: Any, calibration: Calibration) -> Any:
    """Probabilities as they are right: their order stays, their log-odds are stretched and moved."""
    if calibration == NO_CALIBRATION:
        return scores
    slope, intercept = calibration
    return 1 / (1 + np.exp(-(slope * log_odds(scores) + intercept)))


def decode(probabilities: Floats, lengths: Sequence[int]) -> Spans:
    """The spans of a batch of windows.

    ``probabilities`` is ``[window, word, label, tag]``, of which window ``w`` has ``lengths[w]`` words.
    A span's probability is the product over its tags and of no further I behind it.
    """
    _, longest, labels, _ = probabilities.shape
    # One stop word behind each window, so that no span runs on into the next.
    width = longest + 1
    real = np.arange(width)[None, :] < np.asarray(lengths)[:, None]
    padded = np.zeros((len(lengths), width, labels, 3), np.float64)
    padded[:, :longest] = probabilities
    padded[~real] = (1, 0, 0)
    logs = np.log(np.maximum(padded, 1e-12))
    flat = np.moveaxis(viterbi(logs), 2, 0).reshape(-1)  # label, then window, then word
    stops = np.flatnonzero(flat != INSIDE)
    first = np.flatnonzero(flat == BEGIN)
    last = stops[np.searchsorted(stops, first, side="right")] if len(first) else first

    columns = np.moveaxis(logs, 2, 0).reshape(-1, 3)
    total = np.concatenate([[0.0], np.cumsum(columns[np.arange(len(flat)), flat])])
    ending = np.log(np.maximum(1 - np.exp(columns[last, INSIDE]), 1e-12)) if len(first) else 0.0
    score = np.exp(total[last] - total[first] + ending).astype(np.float32)

    span_label, position = np.divmod(first, len(lengths) * width)
    window, word = np.divmod(position, width)
    order = np.lexsort((span_label, -(last - first), word, window))
    spans = Spans(window, word, word + (last - first), span_label, score)
    return Spans(*(getattr(spans, name)[order] for name in ("window", "first", "last", "label", "score")))


def viterbi(logs: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most probable tags ``[window, word, label]`` in which no I follows O or comes first.

    ``logs`` ``[window, word, label, tag]`` are log-probabilities. Where each word's own best tags are in
    order already, no others are more probable; the few other sequences take the search.
    """
    tags: NDArray[np.int64] = logs.argmax(-1)
    behind = np.concatenate([np.full_like(tags[:, :1], OUTSIDE), tags[:, :-1]], 1)
    for window, label in np.argwhere(((tags == INSIDE) & (behind == OUTSIDE)).any(1)):
        tags[window, :, label] = _search(logs[window, :, label].tolist())
    return tags


def _search(logs: Sequence[Sequence[float]]) -> list[int]:
    """The most probable tags of the words of one sequence, from each word's three (Viterbi 1967)."""
    paths = (0.0, -math.inf, -math.inf)  # the best up to the word before, by its tag
    before: list[tuple[int, int]] = []  # of each word: the best tag before O and B, and before I
    for outside, begin, inside in logs:
        any_tag = max(range(3), key=paths.__getitem__)
        going_on = BEGIN if paths[BEGIN] >= paths[INSIDE] else INSIDE
        before.append((any_tag, going_on))
        paths = (paths[any_tag] + outside, paths[any_tag] + begin, paths[going_on] + inside)
    tag = max(range(3), key=paths.__getitem__)
    tags = []
    for any_tag, going_on in reversed(before):
        tags.append(tag)
        tag = going_on if tag == INSIDE else any_tag
    return tags[::-1]


def relation_table(scheme: Scheme) -> NDArray[np.bool_]:
    """``[head label, tail label, relation]``: what the scheme allows."""
    table = np.zeros((len(scheme.labels), len(scheme.labels), len(scheme.relations)), bool)
    for index, signature in enumerate(scheme.relations.values()):
        for heads, tails in signature.orders:
            for head, tail in product(heads, tails):
                table[scheme.labels.index(head), scheme.labels.index(tail), index] = True
    return table


def candidate_pairs(spans: Spans, sentence: Callable[[int], Sequence[int]], *, scheme: Scheme) -> Pairs:
    """The pairs of a batch's spans that can be related.

    ``sentence(window)`` gives the sentence of each word of that window. Arguments stand in one
    sentence or two adjoining ones, not inside one another; a symmetric relation runs in text order.
    """
    table = relation_table(scheme)
    any_relation: NDArray[np.bool_] = np.any(table, axis=-1)
    symmetric = np.array([relation.symmetric for relation in scheme.relations.values()], bool)
    heads, tails, crossings = [], [], []
    windows = int(spans.window[-1]) + 1 if len(spans.window) else 0
    bounds = np.searchsorted(spans.window, np.arange(windows + 1)).tolist()
    for window, (low, high) in enumerate(pairwise(bounds)):
        if high - low < 2:
            continue
        first, last, label = spans.first[low:high], spans.last[low:high], spans.label[low:high]
        where = np.asarray(sentence(window))[first]
        apart = np.abs(where[:, None] - where[None, :])
        disjoint = (first[:, None] >= last[None, :]) | (first[None, :] >= last[:, None])
        possible = any_relation[label[:, None], label[None, :]] & disjoint & (apart <= MAX_SENTENCE_DISTANCE)
        head, tail = np.nonzero(possible)
        heads.append(head + low)
        tails.append(tail + low)
        crossings.append(apart[head, tail])
    head = np.concatenate(heads) if heads else np.zeros(0, np.int64)
    tail = np.concatenate(tails) if tails else np.zeros(0, np.int64)
    cross_sentence = np.concatenate(crossings) if crossings else np.zeros(0, np.int64)
    forward = spans.first[head] < spans.first[tail]
    allowed = table[spans.label[head], spans.label[tail]] & (forward[:, None] | ~symmetric[None, :])
    distance = np.where(
        forward, spans.first[tail] - spans.last[head] + 1, spans.last[tail] - spans.first[head] - 1
    )
    kept = allowed.any(-1)
    return Pairs(head[kept], tail[kept], distance[kept], cross_sentence[kept], allowed[kept])


SpanKey = tuple[int, int, int]
"""First word, behind the last word (both in the layout), entity label."""


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """A span that one window shows, with its proclitic letters and its probability."""

    key: SpanKey
    proclitic_count: int
    score: float


@dataclass(frozen=True, slots=True)
class ScoredRelation:
    """A relation that one window shows, its label an index in the scheme's order, and its probability."""

    head: SpanKey
    tail: SpanKey
    label: int
    score: float


def merge_relations(
    relations: Iterable[ScoredRelation], ids: Mapping[SpanKey, int], *, scheme: Scheme
) -> tuple[Relation, ...]:
    """What several windows say of each pair of spans, merged by the highest probability.

    ``ids`` are the entity ids of the spans that are kept; a relation stays if both its arguments do.
    The order is that of heads, tails and labels.
    """
    best: dict[tuple[int, int, int], float] = {}
    for item in relations:
        if item.head in ids and item.tail in ids:
            key = (ids[item.head], ids[item.tail], item.label)
            best[key] = max(best.get(key, 0.0), item.score)
    return tuple(
        Relation(scheme.relation_labels[label], head, tail, score)
        for (head, tail, label), score in sorted(best.items())
    )


def merge_windows(
    id: str,
    text: str,
    *,
    layout: Layout,
    spans: Iterable[ScoredSpan],
    relations: Iterable[ScoredRelation],
    scheme: Scheme,
) -> Document:
    """The document that several windows together tell of.

    What they say of one span or relation is merged by the highest probability; punctuation at the edges
    of spans is stripped where the scheme says so. Of spans that cross, or overlap within a label or in a
    scheme that is not nested, the more probable one stays; a relation stays if both its arguments do.
    Entities are in text order, outer ones first. ``text`` is the one laid out, and offsets are its own.
    """
    stripped: dict[SpanKey, SpanKey] = {}
    best: dict[SpanKey, tuple[float, int]] = {}
    for item in spans:
        first, last, label = item.key
        edges = without_punctuation(layout, first, last, scheme=scheme, label=scheme.labels[label])
        key = (*edges, label)
        stripped[item.key] = key
        if key[0] < key[1] and (key not in best or item.score > best[key][0]):
            best[key] = (item.score, item.proclitic_count if key[0] == first else 0)
    kept = _without_conflicts(best, scheme.nested)
    letters_of: dict[int, tuple[float, int]] = {}
    for key in kept:
        letters_of[key[0]] = max(letters_of.get(key[0], (0.0, 0)), best[key])
    folded = layout.folded
    known = _attested(folded.text)
    ids: dict[SpanKey, int] = {}
    entities: list[Entity] = []
    for key in sorted(kept, key=lambda span: (span[0], -span[1], span[2])):
        letters = letters_of[key[0]][1]
        span = span_offsets(layout, key[0], key[1], proclitic_count=letters)
        ids[key] = len(entities) + 1
        normal = restored(folded.text, *span, known)
        start, end = folded.original(*span)
        entities.append(
            Entity(ids[key], start, end, scheme.labels[key[2]], text[start:end], normal, best[key][0])
        )
    ids |= {whole: ids[key] for whole, key in stripped.items() if key in ids}
    return Document(id, text, tuple(entities), merge_relations(relations, ids, scheme=scheme))


def _without_conflicts(best: dict[SpanKey, tuple[float, int]], nested: bool) -> list[SpanKey]:
    kept: list[SpanKey] = []
    by_word: dict[int, list[SpanKey]] = {}
    for key in sorted(best, key=lambda item: (-best[item][0], item)):
        first, last, label = key
        touching = {other for word in range(first, last) for other in by_word.get(word, ())}
        if any(
            not nested
            or other[2] == label
            or first < other[0] < last < other[1]
            or other[0] < first < other[1] < last
            for other in touching
        ):
            continue
        kept.append(key)
        for word in range(first, last):
            by_word.setdefault(word, []).append(key)
    return kept


def _attested(text: str) -> Callable[[str], bool]:
    """Whether a normal form stands in the text at the beginning of a word, to its end."""
    forms: list[str] = []
    places: dict[str, list[int]] = {}

    def known(form: str) -> bool:
        if not forms:  # few articles ever ask
            forms.extend(normal_form(text[start:end]) for start, end in words(text))
            for place, word in enumerate(forms):
                places.setdefault(word, []).append(place)
        wanted = [form[start:end] for start, end in words(form)]
        return any(forms[place : place + len(wanted)] == wanted for place in places.get(wanted[0], ()))

    return known
