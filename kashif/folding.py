"""A text as it is read: letters whole and as themselves, invisible characters gone.

A presentation form is the letters that it stands for, and a hamza or madda of its own is one with its letter.

Words, sentences, proclitics, normal forms and tokenizers work on the folded text, so that they agree;
offsets are mapped where they come in and go out.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import regex

Span = tuple[int, int]
"""``[start, end)`` in code points."""

# Unicode's Default_Ignorable_Code_Point but for shorthand and musical controls (every further range slows the
# search): joiners, direction marks, soft hyphen, word joiner, byte order mark, variation selectors, tags; and
# control characters that are no white space.
_INVISIBLE = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
_LETTERS = regex.compile(r"[\p{L}\p{M}]+")
_UNSEEN = regex.compile(r"\p{C}+")
_PRESENTATION_FORMS = range(0xFB50, 0xFEFF)


def _forms() -> dict[str, str]:
    """What each character that is folded stands for.

    A sign that stands for a phrase (``ﷺ``) or for a word (``﷼``) stays a sign, and so a word of its own.
    """
    forms = {**dict.fromkeys("\u200b\x1c\x1d\x1e\x1f", " "), "٪": "%", "％": "%"}
    for char in map(chr, _PRESENTATION_FORMS):
        form = unicodedata.normalize("NFKC", char).strip()  # a mark alone has a space before it
        is_letter = _LETTERS.fullmatch(char) is not None
        if form != char and is_letter == bool(_LETTERS.fullmatch(form)) and (is_letter or len(form) == 1):
            forms[char] = form
    return forms


_FORMS = _forms()
_FOLDED = re.compile(f"[{_INVISIBLE}{re.escape(''.join(_FORMS))}]")
_MARKS, _COMPOSING = "\u064b-\u065f\u0670", "\u0653-\u0655"
_DECOMPOSED = re.compile(f"[اويەہے][{_MARKS}]*?[{_COMPOSING}]")
"""A letter, and a hamza or madda that stands behind it as a character of its own (NFD)."""
_SUSPECTED = re.compile(f"{_FOLDED.pattern[:-1]}{_COMPOSING}]")


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A folded text, and where it comes from.

    Character ``i`` of ``text`` stands for the code points ``[origins[i], ends[i])`` of the original; one code
    point can be several characters (``ﻻ``), and two can be one. Both are None where nothing was folded.
    """

    text: str
    origins: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def position(self, offset: int) -> int:
        """How many characters of the folded text stand before an offset of the original."""
        return offset if self.origins is None else bisect_left(self.origins, offset)

    def original(self, start: int, end: int) -> Span:
        """The span of the original that characters ``[start, end)`` stand for; not for an empty span.

        Invisible characters inside belong to it, those at its edges do not.
        """
        if self.origins is None or self.ends is None:
            return start, end
        return self.origins[start], self.ends[end - 1]

    def trimmed(self, start: int, end: int) -> Span:
        """A span of the original without invisible characters at its edges; as it is if it holds no other."""
        first, last = self.position(start), self.position(end)
        return self.original(first, last) if first < last else (start, end)


def fold(text: str) -> FoldedText:
    """The folded text of a text. Nearly all texts are their own, and cost one search."""
    if _SUSPECTED.search(text) is None:
        return FoldedText(text)
    parts: list[str] = []
    origins: list[int] = []
    done = 0
    for match in _FOLDED.finditer(text):
        at = match.start()
        form = _FORMS.get(text[at], "")
        parts += (text[done:at], form)
        origins += range(done, at)
        origins += [at] * len(form)
        done = at + 1
    parts.append(text[done:])
    origins += range(done, len(text))
    folded = _composed("".join(parts), origins)
    return FoldedText(text) if folded.text == text else folded


def letters(text: str) -> str:
    """What all formats hold of a text: no white space, no invisible character. By it an article is told."""
    return _UNSEEN.sub("", "".join(text.split()))


def letter_offsets(text: str) -> list[int]:
    """The code points at which the characters of ``letters(text)`` stand."""
    return [at for at, char in enumerate(text) if not char.isspace() and not _UNSEEN.match(char)]


def _composed(text: str, origins: list[int]) -> FoldedText:
    """The text with a letter and its hamza or madda in one character; ``origins`` as in ``FoldedText``."""
    ends = [at + 1 for at in origins]
    parts: list[str] = []
    starts: list[int] = []
    stops: list[int] = []
    done = 0
    for match in _DECOMPOSED.finditer(text):
        form = unicodedata.normalize("NFC", match[0])
        last = match.start() + len(form) - 1  # it ends where what it was made of does
        parts += (text[done : match.start()], form)
        starts += origins[done : last + 1]
        stops += (*ends[done:last], ends[match.end() - 1])
        done = match.end()
    return FoldedText("".join([*parts, text[done:]]), starts + origins[done:], stops + ends[done:])
