"""A text as tokens, and tokens as a text, for tools that work on tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from kashif.arabic import words


def tokens(text: str, spans: Iterable[tuple[int, int]] = ()) -> list[tuple[int, int, bool]]:
    """Tokens that make up a text to the letter: start, end, whether one space follows that is in no token.

    They are words, cut where one of ``spans`` begins or ends; further white space is tokens of its own.
    """
    spans = list(spans)
    starts, ends = {start for start, _ in spans}, {end for _, end in spans}
    cuts = sorted({0, len(text), *starts, *ends, *(edge for span in words(text) for edge in span)})
    found: list[tuple[int, int, bool]] = []
    for start, end in pairwise(cuts):
        between = start not in starts and end not in ends and not text[start:end].strip()
        if found and between and text[start] == " ":
            found[-1] = (*found[-1][:2], True)
            start += 1
        if start < end:
            found.append((start, end, False))
    return found


def joined(parts: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The text of tokens with one space between them, and where each stands in it."""
    places = []
    length = 0
    for part in parts:
        places.append((length, length + len(part)))
        length += len(part) + 1
    return " ".join(parts), places
