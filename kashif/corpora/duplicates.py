"""Texts that share long stretches: word shingles, resemblance, the longest run of words in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from kashif.arabic import normal_form, sentences, words
from kashif.folding import Span

SHINGLE = 8
"""Words in a shingle; what two texts share in shorter runs is not seen."""
CONTAINMENT = 0.2
RUN = 20
"""Words in a row."""
_SENTENCE = 5
"""Shorter sentences (datelines, headings) recur by nature."""


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


def overlaps(texts: Sequence[str], groups: Sequence[Hashable]) -> list[Overlap]:
    """The overlap of every two texts of different groups that share a shingle, by index.

    A shingle is ``SHINGLE`` words in a row, in their normal forms, punctuation left out. The result is
    exact; the time is linear in the words and in the pairs of places that hold the same shingle.
    """
    tokens = [_tokens(text) for text in texts]
    places: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    sizes = []
    for index, (forms, _) in enumerate(tokens):
        runs = _runs(forms)
        sizes.append(len(set(runs)))
        for at, shingle in enumerate(runs):
            places[shingle].append((index, at))
    matches: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for found in places.values():
        pairs = [(a, b) for a, b in combinations(found, 2) if groups[a[0]] != groups[b[0]]]
        for (first, at), (second, other) in pairs:
            matches[first, second].append((at, other))
        for pair in {(a[0], b[0]) for a, b in pairs}:
            shared[pair] += 1
    result = []
    for (first, second), starts in sorted(matches.items()):
        run, at, other = _longest(starts)
        common = shared[first, second]
        result.append(
            Overlap(
                first,
                second,
                common / (sizes[first] + sizes[second] - common),
                common / min(sizes[first], sizes[second]),
                run,
                _span(tokens[first][1], at, run),
                _span(tokens[second][1], other, run),
            )
        )
    return result


def shingles(text: str) -> set[tuple[str, ...]]:
    """The shingles of a text."""
    return set(_runs(_tokens(text)[0]))


def _runs(forms: list[str]) -> list[tuple[str, ...]]:
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


def _tokens(text: str) -> tuple[list[str], list[Span]]:
    """The normal forms of a text's words, punctuation left out, and where they stand."""
    spans = [(start, end) for start, end in words(text) if any(map(str.isalnum, text[start:end]))]
    return [normal_form(text[start:end]) for start, end in spans], spans


def _longest(starts: Sequence[tuple[int, int]]) -> tuple[int, int, int]:
    """The longest run of words in common and its first word in both texts, the earliest if several."""
    length: dict[tuple[int, int], int] = {}
    best = (0, 0, 0)
    for at, other in sorted(starts):
        steps = length[at, other] = length.get((at - 1, other - 1), 0) + 1
        if steps > best[0]:
            best = (steps, at - steps + 1, other - steps + 1)
    return best[0] + SHINGLE - 1, best[1], best[2]


def _span(spans: Sequence[Span], at: int, run: int) -> Span:
    return spans[at][0], spans[at + run - 1][1]
