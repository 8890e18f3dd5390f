"""Texts that share long stretches: word shingles, resemblance, the longest run of words in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, combinations, groupby

import numpy as np
from numpy.typing import NDArray

from kashif.arabic import normal_form, sentences, words
from kashif.folding import Span

SHINGLE = 8
"""Words in a shingle; what two texts share in shorter runs is not seen."""
CONTAINMENT = 0.2
RUN = 20
"""Words in a row."""
FEW = 20
"""Texts; what stands in more, or in over half of a small corpus, may be a footer or a disclaimer."""
FOOTER = 60
"""Words in a row; more of what many texts share is a story that they copy, and no footer."""
_LEAST = 3
"""Texts; what stands in no more is no footer, however small the corpus."""
_OWN = 0.25
"""The share of a text that must be its own for footers not to count."""
_KEPT = 512
"""Texts whose words are kept while pairs are compared."""
_PRIME, _BASE = (1 << 61) - 1, 1_000_003
"""Of the rolling hash."""
_SENTENCE = 5
"""Shorter sentences (datelines, headings) recur by nature."""


Shingle = tuple[str, ...]
Digests = NDArray[np.int64]
"""``[shingle]``: numbers that differ where shingles do, nearly always."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two texts, given by index, have in common.

    With S(A) the set of a text's shingles, ``resemblance`` is |S(A) ∩ S(B)| / |S(A) ∪ S(B)| and
    ``containment`` |S(A) ∩ S(B)| / min(|S(A)|, |S(B)|): the larger of the two containments of Broder,
    "On the resemblance and containment of documents" (1997), section 2. ``run`` is the longest run of
    words in common; ``first_span`` and ``second_span`` are its code points in the two texts.
    """

    first: int
    second: int
    resemblance: float
    containment: float
    run: int
    first_span: Span
    second_span: Span

    @property
    def near_duplicate(self) -> bool:
        return self.containment > CONTAINMENT or self.run >= RUN


def overlaps(
    texts: Sequence[str], groups: Sequence[Hashable], *, footers_count: bool = False
) -> list[Overlap]:
    """The overlaps of texts of different groups that share a shingle, by index.

    A shingle is ``SHINGLE`` words in a row, in their normal forms, punctuation left out. Those that stand in
    over ``FEW`` texts, or in over half of them, are a footer if they are at most ``FOOTER`` words in a row;
    footers do not count unless ``footers_count``, but between two texts of which over three quarters stand in
    so many: copies of one. Where all that two texts share stands in over ``FEW``, each of these is compared
    with the first of another group alone, so that the pairs grow as the texts do. Each overlap is exact.
    """

    @lru_cache(_KEPT)
    def tokens(index: int) -> tuple[list[str], list[Span]]:
        return _tokens(texts[index])

    digests = [_digests(tokens(index)[0]) for index in range(len(texts))]
    spread = np.empty(0, np.int64) if footers_count else _spread(digests)
    copies = [len(each) * (1 - _OWN) < np.isin(each, spread).sum() for each in digests]
    many = set(spread.tolist())
    result = []
    for first, second in _candidates(digests, groups, copies):
        (one, spans), (other, other_spans) = tokens(first), tokens(second)
        ours, theirs = _runs(one), _runs(other)
        sizes = len(set(ours)), len(set(theirs))
        if not (copies[first] and copies[second]):
            ours, theirs = _without_footers(ours, many), _without_footers(theirs, many)
        common = len(({*ours} & {*theirs}) - {()})
        if common:  # else they share a footer, or two shingles have the same digest
            run, at, there = _longest(ours, theirs)
            result.append(
                Overlap(
                    first,
                    second,
                    common / (sum(sizes) - common),
                    common / min(sizes),
                    run,
                    _span(spans, at, run),
                    _span(other_spans, there, run),
                )
            )
    return result


def _digests(forms: list[str]) -> Digests:
    """The digests of a text's shingles, each once."""
    return np.unique(np.fromiter(map(hash, _runs(forms)), np.int64))


def _spread(digests: Sequence[Digests]) -> Digests:
    """The digests of shingles that stand in many texts."""
    whole, counts = np.unique(np.concatenate([*digests, np.empty(0, np.int64)]), return_counts=True)
    return whole[counts > min(FEW, max(_LEAST, len(digests) // 2))]


def _without_footers(runs: list[Shingle], many: Collection[int]) -> list[Shingle]:
    """A text's shingles, an empty one for each of a footer; ``many`` are the digests of such as many have."""
    kept: list[Shingle] = []
    for is_spread, stretch in groupby(runs, lambda shingle: hash(shingle) in many):
        found = list(stretch)
        kept += [()] * len(found) if is_spread and len(found) + SHINGLE - 1 <= FOOTER else found
    return kept


def _candidates(
    digests: Sequence[Digests], groups: Sequence[Hashable], copies: Sequence[bool]
) -> list[tuple[int, int]]:
    """The texts to compare, two by two, in order, by the digests of each one's shingles.

    Where many hold one, each is compared with the first alone, one of the ``copies`` if any is.
    """
    if not digests:
        return []
    owners = np.repeat(np.arange(len(digests)), [len(each) for each in digests])
    whole = np.concatenate(digests)
    order = np.argsort(whole, kind="stable")  # the owners of one digest stay in order
    ends = [*(np.flatnonzero(np.diff(whole[order])) + 1).tolist(), len(whole)]
    pairs: set[tuple[int, int]] = set()
    for start, end in zip([0, *ends], ends, strict=False):
        if end - start < 2:
            continue
        holders = owners[order[start:end]].tolist()
        if len(holders) <= FEW:
            pairs.update((a, b) for a, b in combinations(holders, 2) if groups[a] != groups[b])
            continue
        holders.sort(key=lambda index: not copies[index])
        first = holders[0]
        other = next((index for index in holders if groups[index] != groups[first]), None)
        if other is not None:
            chosen = ((index, other if groups[index] == groups[first] else first) for index in holders)
            pairs.update((min(pair), max(pair)) for pair in chosen)
    return sorted(pairs)


def shingles(text: str) -> set[Shingle]:
    """The shingles of a text."""
    return set(_runs(_tokens(text)[0]))


def _runs(forms: list[str]) -> list[Shingle]:
    return list(zip(*(forms[skip:] for skip in range(SHINGLE)), strict=False))


def repeated_sentences(texts: Sequence[str], groups: Sequence[Hashable]) -> Iterator[list[tuple[int, Span]]]:
    """The places, as text and code points, of each sentence that stands in texts of several groups.

    Sentences are the same if their words are in normal form; those of fewer than five words do not count.
    """
    places: dict[tuple[str, ...], list[tuple[int, Span]]] = defaultdict(list)
    for index, text in enumerate(texts):
        for start, end in sentences(text):
            forms, spans = _tokens(text[start:end])
            if len(forms) >= _SENTENCE:
                places[tuple(forms)].append((index, (start + spans[0][0], start + spans[-1][1])))
    for found in places.values():
        if len({groups[index] for index, _ in found}) > 1:
            yield found


def recurs(text: str) -> bool:
    """Whether a text is so short (under five words) that others have the same by nature."""
    return len(_tokens(text)[0]) < _SENTENCE


def normal_words(text: str) -> list[str]:
    """The normal forms of a text's words, punctuation left out."""
    return _tokens(text)[0]


def _tokens(text: str) -> tuple[list[str], list[Span]]:
    """The normal forms of a text's words, punctuation left out, and where they stand."""
    spans = [(start, end) for start, end in words(text) if any(map(str.isalnum, text[start:end]))]
    return [normal_form(text[start:end]) for start, end in spans], spans


def _longest(ours: Sequence[Shingle], theirs: Sequence[Shingle]) -> tuple[int, int, int]:
    """The longest run of words in common and its first word in both texts, the earliest if several.

    A shingle that is empty does not count. The length is found by bisection, runs of one length by a rolling
    hash (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987).
    """
    numbers: dict[object, int] = {}
    sides = []
    for side, shingles in enumerate((ours, theirs)):
        keys = (shingle or (side, at) for at, shingle in enumerate(shingles))  # an empty one is like no other
        codes = [numbers.setdefault(key, len(numbers) + 1) for key in keys]
        sides.append(list(accumulate(codes, lambda total, code: (total * _BASE + code) % _PRIME, initial=0)))

    def shared(size: int) -> tuple[int, int, int]:
        """The first run of so many shingles in common; one of none if there is none."""
        high = pow(_BASE, size, _PRIME)
        mine, others = (
            [(totals[at + size] - totals[at] * high) % _PRIME for at in range(len(totals) - size)]
            for totals in sides
        )
        places = {code: at for at, code in reversed(list(enumerate(others)))}
        return next(((size, at, places[code]) for at, code in enumerate(mine) if code in places), (0, 0, 0))

    best, most = (0, 0, 0), min(len(ours), len(theirs))
    while best[0] < most:
        middle = (best[0] + most + 1) // 2
        found = shared(middle)
        best, most = (found, most) if found[0] else (best, middle - 1)
    size, at, there = best
    return size + SHINGLE - 1, at, there


def _span(spans: Sequence[Span], at: int, run: int) -> Span:
    return spans[at][0], spans[at + run - 1][1]
