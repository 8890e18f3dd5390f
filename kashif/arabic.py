"""Arabic text: words, sentences, proclitics, the normal form of a mention.

All of them see a text as it is read (``folding``). Offsets are those of the very text given.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

import regex

from kashif.folding import Span, fold

PROCLITICS = "وفبكلس"
MAX_PROCLITICS = 3
"""The most proclitic letters that one word carries before a mention (``وسل…``, ``فبال…`` has 2)."""

EDGE = regex.compile(r"[\p{L}\p{M}\p{Nd}]")
"""What a mention begins and ends with."""

_WORD = regex.compile(r"[\p{L}\p{M}\p{Nd}]+|\S")
# A point ends no sentence in `...`, between digits (1.47), or in an abbreviation (أ.ف.ب).
_ENDING = regex.compile(
    r"\n|[؟!]+[»”\"')\]]*"
    r"|(?<![.…])(?<!\p{Nd}(?=\.\p{Nd}))(?<!(?<![\p{L}\p{M}\p{Nd}])\p{L}(?=\.\p{L}))\.(?!\.)[»”\"')\]]*"
)
_ATTACHED = regex.compile(r"[\p{M}ـ]*")
_DROPPED = regex.compile(r"[\p{Mn}ـ\p{Cf}]+")
_PERSIAN = str.maketrans({"ک": "ك", "ی": "ي", "ې": "ي", "ہ": "ه", "ھ": "ه", "ە": "ه"})


def words(text: str) -> list[Span]:
    """The words of a text: runs of letters, marks, digits and tatweel; any other non-space alone.

    Invisible characters inside a run belong to it, those at its edges do not.
    """
    folded = fold(text)
    spans = [match.span() for match in _WORD.finditer(folded.text)]
    return spans if folded.origins is None else [folded.original(*span) for span in spans]


def touched(spans: Sequence[Span], start: int, end: int) -> range:
    """The indices of the words (or other spans in order, apart) that overlap ``[start, end)``."""
    first = bisect_right(spans, start, key=lambda span: span[1])
    return range(first, bisect_left(spans, end, key=lambda span: span[0]))


def sentences(text: str) -> list[Span]:
    """The sentences of a text, covering it without a gap.

    One ends behind a newline, ``.``, ``؟`` or ``!`` and the closing quotes that follow it, but not
    at ``...``, ``…``, the point in ``1.47`` or the points in ``أ.ف.ب``. Only a sentence with a word
    counts: white space alone goes to the sentence before.
    """
    folded = fold(text)
    read = folded.text
    ends = [match.end() for match in _ENDING.finditer(read)] + [len(read)]
    spans: list[Span] = []
    start = done = 0
    for end in ends:
        blank = not read[done:end].strip()
        done = end
        if blank and not spans:
            continue
        if blank:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
        start = end
    if folded.origins is None or not spans:
        return spans
    bounds = [0, *(folded.original(*span)[1] for span in spans[:-1]), len(text)]
    return list(pairwise(bounds))


def sentence_index(spans: Sequence[Span]) -> Callable[[int], int]:
    """A function from an offset to the index of the sentence that holds it."""
    starts = [start for start, _ in spans]
    return lambda offset: max(0, bisect_right(starts, offset) - 1)


def proclitic_length(word: str, letters: int) -> int:
    """The code points that the first ``letters`` proclitic letters of a word take up.

    Marks, tatweel and invisible characters after a letter count with it: ``لـ21`` with one letter gives 2.

    Raises:
        ValueError: if the word does not begin with so many proclitic letters and go on after them, or if
            the last of them shares a ligature with what follows (``ﻷوسلو``).
    """
    folded = fold(word)
    position = _behind_proclitics(folded.text, letters)
    start, _ = folded.original(position, position + 1)
    if position and start == folded.original(position - 1, position)[0]:
        raise ValueError(f"{word!r}: a ligature holds proclitic letter {letters} and what follows it")
    return start


def _behind_proclitics(word: str, letters: int) -> int:
    """As ``proclitic_length``, of a word that is folded already."""
    position = 0
    for _ in range(letters):
        if position >= len(word) or word[position].translate(_PERSIAN) not in PROCLITICS:
            raise ValueError(f"{word!r} does not begin with {letters} proclitic letters")
        attached = _ATTACHED.match(word, position + 1)
        position = attached.end() if attached else position + 1
    if position >= len(word):
        raise ValueError(f"nothing is left of {word!r} after {letters} proclitic letters")
    return position


def proclitic_letters(word: str, length: int) -> int | None:
    """How many proclitic letters take up the first ``length`` code points; None if none do so."""
    folded = fold(word)
    wanted = folded.position(length)
    for letters in range(MAX_PROCLITICS + 1):
        try:
            reached = _behind_proclitics(folded.text, letters)
        except ValueError:
            return None
        if reached == wanted:
            return letters
    return None


def normal_form(mention: str) -> str:
    """The mention without marks, tatweel and format characters, Persian letters folded, one space."""
    return " ".join(_DROPPED.sub("", fold(mention).text).translate(_PERSIAN).split())


def restored(text: str, start: int, end: int, known: Callable[[str], bool]) -> str:
    """The normal form of a mention, with the article that a ``لل`` hides put back on evidence.

    The mention is ``text[start:end]`` of a folded text; ``known`` says whether a form is attested elsewhere
    (in the article or the corpus). ``للجيش`` may be ``الجيش``, ``للجنة`` ``اللجنة`` and ``لليبيا`` plain
    ``ليبيا``: without evidence the mention stays as it stands.
    """
    normal = normal_form(text[start:end])
    if not (normal.startswith("ل") and normal_form(text[max(0, start - 6) : start]).endswith("ل")):
        return normal
    if known(normal):
        return normal
    for full in ("ا" + normal, "ال" + normal):
        if known(full):
            return full
    return normal
