"""Notices of many files, told once for all that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kashif.formats import Reading


def gathered(readings: Sequence[Reading], corpus: Path) -> list[str]:
    """The notices of a corpus's readings: what several files say stands once, omissions are summed."""
    said: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()
    for reading in readings:
        for notice in reading.notices:
            said.setdefault(notice.removeprefix(f"{reading.path}: "), []).append(notice)
        counts.update(reading.omitted)
    found = [
        notices[0] if len(notices) == 1 else f"{corpus}, {len(notices)} files: {message}"
        for message, notices in said.items()
    ]
    if counts:
        listed = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        found.append(f"{corpus}: documents have no place for {listed}")
    return found
