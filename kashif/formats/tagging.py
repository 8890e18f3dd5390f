"""Schemes of tags: what the tags of a CoNLL file say, found from the tags themselves.

A tag is ``O``, outside every span, or a label with a letter: ``B-PERS``, ``B_PERS``, ``PERS-B`` or
``PERS_B``. In IO the label stands alone, and neighbours of one label are one span. Letters:
https://en.wikipedia.org/wiki/Inside–outside–beginning_(tagging). A cell may join the tags of nested spans,
``B-GPE|I-OCC`` (Straková et al. 2019, https://aclanthology.org/P19-1527).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import regex

OUTSIDE = frozenset({"O", "o"})
SCHEMES = {"IOB2": "BI", "BIOES": "BIES", "BILOU": "BILU", "BMES": "BMES", "BMEWO": "BMEW"}
"""The letters of each scheme, the likeliest first."""
_BEGINS, _ENDS = "BSUW", "ELSUW"
_KNOWN = "".join(sorted(set("".join(SCHEMES.values()))))
_AFFIXES = {
    "B-NAME": regex.compile(r"(?P<letter>[A-Za-z])-(?P<label>\S+)"),
    "B_NAME": regex.compile(r"(?P<letter>[A-Za-z])_(?P<label>\S+)"),
    "NAME-B": regex.compile(r"(?P<label>\S+)-(?P<letter>[A-Za-z])"),
    "NAME_B": regex.compile(r"(?P<label>\S+)_(?P<letter>[A-Za-z])"),
}
"""How letter and label may be put together, the likeliest first."""
_JOINTS = regex.compile(r"[|,;:/+&#\s]+")
"""What may stand between the tags of one cell."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A label, and whether the word begins its span or ends it; ``bare`` is a tag of IO."""

    label: str
    begins: bool
    ends: bool
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Tagging:
    """How the tags of one file are read: the letters of a scheme, and where the letter stands."""

    scheme: str
    affix: str

    def read(self, cell: str) -> list[Tag]:
        """What the tags of a cell say that are not ``O`` and are of this scheme."""
        tags = (self._one(part) for part in parted(cell) if part not in OUTSIDE)
        return [tag for tag in tags if tag]

    def _one(self, tag: str) -> Tag | None:
        if self.scheme == "IO":
            odd = _AFFIXES["B-NAME"].fullmatch(tag) or _AFFIXES["B_NAME"].fullmatch(tag)
            return None if odd or len(tag) == 1 or tag.split() != [tag] else Tag(tag, False, False, bare=True)
        match = _AFFIXES[self.affix].fullmatch(tag)
        letter = match["letter"].upper() if match else ""
        if not match or letter not in SCHEMES[self.scheme]:
            return None
        return Tag(match["label"], letter in _BEGINS, letter in _ENDS)

    def fits(self, cell: str) -> bool:
        """Whether a cell holds tags of this scheme, ``O`` among them."""
        return all(part in OUTSIDE or self._one(part) is not None for part in parted(cell))

    @property
    def name(self) -> str:
        """The scheme, and how its tags are written where that is not ``B-NAME``."""
        plain = self.affix in ("B-NAME", "NAME")
        return self.scheme if plain else f"{self.scheme}, written {self.affix}"

    @property
    def shown(self) -> str:
        """The tags of the scheme, as a message shows them."""
        if self.scheme == "IO":
            return "O or a label"
        return "O, " + ", ".join(self.affix.replace("B", letter, 1) for letter in SCHEMES[self.scheme])


def parted(cell: str) -> list[str]:
    """The tags that a cell joins; else the cell alone."""
    parts = _JOINTS.split(cell)
    return parts if len(parts) > 1 and all(map(_is_one, parts)) else [cell]


def is_joined(cell: str) -> bool:
    """Whether a cell joins tags, one of them of a span."""
    parts = parted(cell)
    return len(parts) > 1 and any(part not in OUTSIDE for part in parts)


def is_tag(cell: str) -> bool:
    """Whether a cell is ``O``, or labels with a letter of one of the schemes."""
    return all(map(_is_one, parted(cell)))


def is_lettered(cell: str) -> bool:
    """Whether a cell holds a label with a letter of one of the schemes."""
    return any(_lettered(part, affix) for part in parted(cell) for affix in _AFFIXES)


def like_tag(cell: str) -> bool:
    """Whether a cell is ``O`` or labels with any letter before it, if only by a slip."""
    return all(part in OUTSIDE or _AFFIXES["B-NAME"].fullmatch(part) for part in parted(cell))


def _is_one(tag: str) -> bool:
    return tag in OUTSIDE or any(_lettered(tag, affix) for affix in _AFFIXES)


def _lettered(value: str, affix: str) -> bool:
    match = _AFFIXES[affix].fullmatch(value)
    return match is not None and match["letter"].upper() in _KNOWN


def find(cells: Mapping[str, int]) -> Tagging:
    """The scheme that most of the tags in some cells follow; ``cells`` says how often each stands."""
    marked: Counter[str] = Counter()
    for cell, count in cells.items():
        marked.update({tag: count for tag in parted(cell) if tag not in OUTSIDE})
    total = sum(marked.values())

    def fitting(affix: str) -> int:
        return sum(count for tag, count in marked.items() if _lettered(tag, affix))

    affix = max(_AFFIXES, key=fitting)  # the first of equals
    slips = sum(count for tag, count in marked.items() if like_tag(tag) or len(tag) == 1)
    if marked and 2 * fitting(affix) < total and 2 * slips < total:
        return Tagging("IO", "NAME")
    if not fitting(affix):
        return Tagging("IOB2", "B-NAME")
    letters = [(_letter(tag, affix), count) for tag, count in marked.items() if _lettered(tag, affix)]
    used = {letter for letter, _ in letters}
    for scheme, known in SCHEMES.items():
        if used <= set(known):
            return Tagging(scheme, affix)
    best = max(SCHEMES, key=lambda name: sum(count for letter, count in letters if letter in SCHEMES[name]))
    return Tagging(best, affix)


def _letter(tag: str, affix: str) -> str:
    match = _AFFIXES[affix].fullmatch(tag)
    return match["letter"].upper() if match else ""
