"""What other tools count by: code points, UTF-16 code units as JavaScript and Java do, grapheme clusters.

A table of a text gives, for each offset of a tool's, the code point that stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import regex

_CLUSTER = regex.compile(r"\X")
INSIDE = -1
"""Stands in a table for an offset between the two code units of one code point."""

Table = Sequence[int]


def code_points(text: str) -> Table:
    return range(len(text) + 1)


def code_units(text: str) -> Table:
    if text.isascii() or max(text, default="") < "\U00010000":
        return range(len(text) + 1)
    places: list[int] = []
    for index, char in enumerate(text):
        places += [index] if char < "\U00010000" else [index, INSIDE]
    return [*places, len(text)]


def clusters(text: str) -> Table:
    return [*(match.start() for match in _CLUSTER.finditer(text)), len(text)]


COUNTS: dict[str, Callable[[str], Table]] = {
    "code points": code_points,
    "UTF-16 code units": code_units,
    "grapheme clusters": clusters,
}


def taken(table: Table, start: object, end: object) -> tuple[int, int] | None:
    """A tool's span in code points; None if the text has no such place."""
    if isinstance(start, bool) or isinstance(end, bool):
        return None
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end < len(table)):
        return None
    first, last = table[start], table[end]
    return None if INSIDE in (first, last) else (first, last)


def best(names: Sequence[str], fits: Callable[[str], int]) -> str:
    """The way of counting by which most spans fit, the earlier of equals."""
    return max(names, key=fits)


def count_fits(table: Table, spans: Iterable[tuple[object, object]], fits: Callable[[int, int], bool]) -> int:
    """How many spans lie in the text and fit."""
    places = (taken(table, *span) for span in spans)
    return sum(place is not None and fits(*place) for place in places)
