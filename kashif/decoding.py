"""From tag and relation probabilities over windows to the entities and relations of a document.

Numpy only. Tags are 0 (O), 1 (B), 2 (I), one column for each entity type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kashif.arabic import normal_form, restored, words
from kashif.document import Document, Entity, Relation
from kashif.scheme import Scheme
from kashif.windows import REACH, Layout, span_offsets, without_punctuation

OUTSIDE, BEGIN, INSIDE = 0, 1, 2
THRESHOLD = 0.5
"""The probability from which a relation is given out where the model's configuration names no other."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of several windows: words ``[first, last)`` counted in their window, type, probability."""

    window: Ints
    first: Ints
    last: Ints
    type: Ints
    score: Floats


@dataclass(frozen=True, slots=True)
class Pairs:
    """Ordered pairs of spans that the scheme allows: indices into the spans.

    ``allowed[pair, relation]`` says which relations may hold; ``distance`` is words from head to
    tail, negative where the tail comes first; ``crossing`` whether they stand in two sentences.
    """

    head: Ints
    tail: Ints
    distance: Ints
    crossing: Ints
    allowed: NDArray[np.bool_]


def decode(probabilities: Floats, lengths: Sequence[int]) -> Spans:
    """The spans of a batch of windows.

    ``probabilities`` is ``[window, word, type, tag]``, of which window ``w`` has ``lengths[w]`` words.
    A span's probability is the product over its tags and of no further I behind it.
    """
    _, longest, types, _ = probabilities.shape
    # One stop word behind each window, so that no span runs on into the next.
    width = longest + 1
    real = np.arange(width)[None, :] < np.asarray(lengths)[:, None]
    padded = np.zeros((len(lengths), width, types, 3), np.float64)
    padded[:, :longest] = probabilities
    padded[~real] = (1, 0, 0)
    logs = np.log(np.maximum(padded, 1e-12))
    flat = np.moveaxis(best_tags(logs), 2, 0).reshape(-1)  # type, then window, then word
    stops = np.flatnonzero(flat != INSIDE)
    first = np.flatnonzero(flat == BEGIN)
    last = stops[np.searchsorted(stops, first, side="right")] if len(first) else first

    columns = np.moveaxis(logs, 2, 0).reshape(-1, 3)
    total = np.concatenate([[0.0], np.cumsum(columns[np.arange(len(flat)), flat])])
    ending = np.log(np.maximum(1 - np.exp(columns[last, INSIDE]), 1e-12)) if len(first) else 0.0
    score = np.exp(total[last] - total[first] + ending).astype(np.float32)

    span_type, position = np.divmod(first, len(lengths) * width)
    window, word = np.divmod(position, width)
    order = np.lexsort((span_type, -(last - first), word, window))
    spans = Spans(window, word, word + (last - first), span_type, score)
    return Spans(*(getattr(spans, name)[order] for name in ("window", "first", "last", "type", "score")))


def best_tags(logs: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most probable tags ``[window, word, type]`` in which no I follows O or comes first.

    ``logs`` ``[window, word, type, tag]`` are log-probabilities. Where each word's own best tags are in
    order already, no others are more probable; the few other sequences take the search.
    """
    tags: NDArray[np.int64] = logs.argmax(-1)
    behind = np.concatenate([np.full_like(tags[:, :1], OUTSIDE), tags[:, :-1]], 1)
    for window, kind in np.argwhere(((tags == INSIDE) & (behind == OUTSIDE)).any(1)):
        tags[window, :, kind] = _search(logs[window, :, kind].tolist())
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
    """``[head type, tail type, relation]``: what the scheme allows."""
    table = np.zeros((len(scheme.labels), len(scheme.labels), len(scheme.relations)), bool)
    for index, signature in enumerate(scheme.relations.values()):
        for head in signature.head:
            for tail in signature.tail:
                table[scheme.labels.index(head), scheme.labels.index(tail), index] = True
    return table


def pair(spans: Spans, sentence: Callable[[int], Sequence[int]], scheme: Scheme) -> Pairs:
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
        first, last, kind = spans.first[low:high], spans.last[low:high], spans.type[low:high]
        where = np.asarray(sentence(window))[first]
        apart = np.abs(where[:, None] - where[None, :])
        disjoint = (first[:, None] >= last[None, :]) | (first[None, :] >= last[:, None])
        possible = any_relation[kind[:, None], kind[None, :]] & disjoint & (apart <= REACH)
        head, tail = np.nonzero(possible)
        heads.append(head + low)
        tails.append(tail + low)
        crossings.append(apart[head, tail])
    head = np.concatenate(heads) if heads else np.zeros(0, np.int64)
    tail = np.concatenate(tails) if tails else np.zeros(0, np.int64)
    crossing = np.concatenate(crossings) if crossings else np.zeros(0, np.int64)
    forward = spans.first[head] < spans.first[tail]
    allowed = table[spans.type[head], spans.type[tail]] & (forward[:, None] | ~symmetric[None, :])
    distance = np.where(
        forward, spans.first[tail] - spans.last[head] + 1, spans.last[tail] - spans.first[head] - 1
    )
    kept = allowed.any(-1)
    return Pairs(head[kept], tail[kept], distance[kept], crossing[kept], allowed[kept])


SpanKey = tuple[int, int, int]
"""First word, behind the last word (both in the layout), entity type."""


def assemble(
    id: str,
    text: str,
    layout: Layout,
    spans: Iterable[tuple[SpanKey, int, float]],
    relations: Iterable[tuple[SpanKey, SpanKey, int, float]],
    scheme: Scheme,
) -> Document:
    """The document that several windows together tell of.

    What they say of one span (``key, proclitic letters, probability``) or relation (``head, tail,
    relation, probability``) is merged by the highest probability, punctuation at the edges of spans
    taken off where the scheme says so. Of spans that cross, or overlap within a type or in a scheme
    that is not nested, the more probable one stays; a relation stays if both its arguments do.
    Entities are in text order, outer ones first.
    """
    bare: dict[SpanKey, SpanKey] = {}
    best: dict[SpanKey, tuple[float, int]] = {}
    for whole, letters, score in spans:
        first, last, kind = whole
        key = (*without_punctuation(text, layout, first, last, scheme, scheme.labels[kind]), kind)
        bare[whole] = key
        if key[0] < key[1] and (key not in best or score > best[key][0]):
            best[key] = (score, letters if key[0] == first else 0)
    kept = _without_conflicts(best, scheme.nested)
    letters_of: dict[int, tuple[float, int]] = {}
    for key in kept:
        letters_of[key[0]] = max(letters_of.get(key[0], (0.0, 0)), best[key])
    known = _attested(text)
    ids: dict[SpanKey, int] = {}
    entities: list[Entity] = []
    for key in sorted(kept, key=lambda item: (item[0], -item[1], item[2])):
        start, end = span_offsets(text, layout, key[0], key[1], letters_of[key[0]][1])
        ids[key] = len(entities) + 1
        normal = restored(text, start, end, known)
        entities.append(
            Entity(ids[key], start, end, scheme.labels[key[2]], text[start:end], normal, float(best[key][0]))
        )
    strongest: dict[tuple[int, int, int], float] = {}
    for head, tail, label_index, score in relations:
        head, tail = bare.get(head, head), bare.get(tail, tail)
        if head in ids and tail in ids:
            triple = (ids[head], ids[tail], label_index)
            strongest[triple] = max(strongest.get(triple, 0.0), float(score))
    found = tuple(
        Relation(scheme.relation_labels[label], head, tail, score)
        for (head, tail, label), score in sorted(strongest.items())
    )
    return Document(id, text, tuple(entities), found)


def _without_conflicts(best: dict[SpanKey, tuple[float, int]], nested: bool) -> list[SpanKey]:
    kept: list[SpanKey] = []
    by_word: dict[int, list[SpanKey]] = {}
    for key in sorted(best, key=lambda item: (-best[item][0], item)):
        first, last, kind = key
        touching = {other for word in range(first, last) for other in by_word.get(word, ())}
        if any(
            not nested
            or other[2] == kind
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
