"""Schemes of tags: what the tags of a CoNLL file say, found from the tags themselves.

A tag is ``O``, outside every span, or a label with a letter: ``B-PERS``, ``B_PERS``, ``PERS-B`` or
``PERS_B``. In IO the label stands alone, and neighbours of one label are one span. Letters:
https://en.wikipedia.org/wiki/Inside–outside–beginning_(tagging).
"""

from __future__ import annotations

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

    def read(self, tag: str) -> Tag | None:
        """What a tag says that is not ``O``; None if it is none of this scheme."""
        if self.scheme == "IO":
            odd = _AFFIXES["B-NAME"].fullmatch(tag) or _AFFIXES["B_NAME"].fullmatch(tag)
            return None if odd or len(tag) == 1 or tag.split() != [tag] else Tag(tag, False, False, bare=True)
        match = _AFFIXES[self.affix].fullmatch(tag)
        letter = match["letter"].upper() if match else ""
        if not match or letter not in SCHEMES[self.scheme]:
            return None
        return Tag(match["label"], letter in _BEGINS, letter in _ENDS)

    def fits(self, tag: str) -> bool:
        """Whether a tag is one of this scheme, ``O`` among them."""
        return tag in OUTSIDE or self.read(tag) is not None

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


def is_tag(value: str) -> bool:
    """Whether a value is ``O``, or a label with a letter of one of the schemes."""
    return value in OUTSIDE or is_lettered(value)


def is_lettered(value: str) -> bool:
    """Whether a value is a label with a letter of one of the schemes."""
    return any(_lettered(value, affix) for affix in _AFFIXES)


def like_tag(value: str) -> bool:
    """Whether a value is ``O`` or a label with any letter before it, if only by a slip."""
    return value in OUTSIDE or bool(_AFFIXES["B-NAME"].fullmatch(value))


def _lettered(value: str, affix: str) -> bool:
    match = _AFFIXES[affix].fullmatch(value)
    return match is not None and match["letter"].upper() in _KNOWN


def find(tags: Mapping[str, int]) -> Tagging:
    """The scheme that most of some tags follow; ``tags`` says how often each stands."""
    marked = {tag: count for tag, count in tags.items() if tag not in OUTSIDE}
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
