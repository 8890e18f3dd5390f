"""Texts cut into encoder-sized windows of words, without torch.

A text is folded first (``folding``), so that every tokenizer sees it as our words do. Then it is cut into
pieces: its sentences, and parts of a sentence that is longer than half a window. Windows are runs of
pieces. Each begins with the last piece of the one before, so every two adjoining
pieces share a window. Words that the tokenizer gives no sub-word (a mark alone) are left out.
Word ranges are half-open indices into a layout's words.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kashif.arabic import sentences, words
from kashif.errors import InputError
from kashif.folding import FoldedText, Span, fold

_SURROGATE = re.compile("[\ud800-\udfff]")

MAX_SENTENCE_DISTANCE = 1
"""How many sentences apart the arguments of a relation may stand."""


@dataclass(frozen=True, slots=True)
class Window:
    """A run of words as an encoder sees it.

    ``input_ids`` carry the special tokens; word ``first + i`` of the layout has the sub-words
    ``[starts[i], ends[i])`` of them.
    """

    first: int
    input_ids: list[int]
    starts: list[int]
    ends: list[int]

    @property
    def last(self) -> int:
        """Behind the window's last word."""
        return self.first + len(self.starts)


@dataclass(frozen=True, slots=True)
class Layout:
    """A text as a model reads it: its words ``[start, end)``, the sentence of each, the windows over them.

    Words count in ``folded``, which maps offsets from and to the text that was laid out.
    """

    folded: FoldedText
    words: list[Span]
    sentence: list[int]
    windows: list[Window]

    def has_window_over(self, first: int, last: int) -> bool:
        """Whether a window holds the words ``[first, last)``; the last to begin by then reaches farthest."""
        place = bisect_right(self.windows, first, key=lambda window: window.first) - 1
        return place >= 0 and last <= self.windows[place].last

    def near(self, head: int, tail: int) -> bool:
        """Whether two words stand in one sentence or in adjoining ones."""
        return abs(self.sentence[head] - self.sentence[tail]) <= MAX_SENTENCE_DISTANCE


def lay_out(texts: Sequence[str], tokenizer: Any, *, size: int) -> list[Layout]:
    """The layouts of several texts, tokenised in one call.

    ``tokenizer`` is a fast tokenizer of transformers; ``size`` counts sub-words with the special ones.
    """
    ends_ids = tokenizer("").input_ids
    before, after = ends_ids[:1], ends_ids[1:]
    room = size - len(ends_ids)
    folded = [fold(text) for text in texts]
    cut = [sentences(each.text) for each in folded]
    strings = []
    offsets = []
    for each, spans in zip(folded, cut, strict=True):
        for start, end in spans:
            # A lone surrogate is no character that a tokenizer takes; the stand-in is as long.
            string = _SURROGATE.sub("\ufffd", each.text[start:end])
            offsets.append(start + len(string) - len(string.lstrip()))
            strings.append(string.strip())
    if not strings:
        return [Layout(each, [], [], []) for each in folded]
    encoded = tokenizer(strings, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    layouts = []
    row = 0
    for each, spans in zip(folded, cut, strict=True):
        builder = _Builder(words(each.text), room // 2)
        for index in range(len(spans)):
            builder.add(index, encoded["input_ids"][row], encoded["offset_mapping"][row], offsets[row])
            row += 1
        windows = builder.windows(room, before, after)
        layouts.append(Layout(each, builder.words, builder.sentence, windows))
    return layouts


def refuse_no_layouts(layouts: Any) -> None:
    """Raises InputError for what is no list of layouts."""
    if not isinstance(layouts, Sequence) or not all(isinstance(item, Layout) for item in layouts):
        raise InputError(
            f"layouts: expected a list of them, found {layouts!r:.40}; give those of lay_out, or none"
        )


def refuse_other_number(layouts: Sequence[Layout], count: int) -> None:
    """Raises InputError unless there are as many layouts as texts."""
    if len(layouts) != count:
        raise InputError(f"{len(layouts)} layouts of {count} texts; give those of lay_out, or none")


def refuse_others(layouts: Sequence[Layout], texts: Sequence[str]) -> None:
    """Raises InputError for layouts that are not those of the texts."""
    refuse_no_layouts(layouts)
    refuse_other_number(layouts, len(texts))
    for index, (layout, text) in enumerate(zip(layouts, texts, strict=True)):
        if layout.folded != fold(text):
            raise InputError(f"layouts[{index}] is of another text; give those of lay_out, or none")


class _Builder:
    """Gathers a text's visible words and pieces, sentence by sentence."""

    def __init__(self, spans: list[Span], room: int) -> None:
        self.words: list[Span] = []
        self.sentence: list[int] = []
        self._spans = spans
        self._next = 0
        self._room = room
        # Each piece: its first word, its sub-words, each word's sub-word range in them.
        self._pieces: list[tuple[int, list[int], list[Span]]] = []

    def add(self, sentence: int, ids: list[int], offsets: list[Span], base: int) -> None:
        """Adds a sentence's sub-words, whose offsets count from ``base`` in the text."""
        filled = [(i, base + a, base + b) for i, (a, b) in enumerate(offsets) if b > a]
        if not filled:
            return
        end_of_sentence = filled[-1][2]
        found: list[tuple[Span, Span]] = []  # word, its sub-word range
        at = 0
        while self._next < len(self._spans) and self._spans[self._next][0] < end_of_sentence:
            start, end = self._spans[self._next]
            self._next += 1
            while at < len(filled) and filled[at][2] <= start:
                at += 1
            last = at
            while last < len(filled) and filled[last][1] < end:
                last += 1
            if last > at:
                found.append(((start, end), (filled[at][0], filled[last - 1][0] + 1)))
        index = 0
        while index < len(found):
            begin = found[index][1][0]
            stop = index + 1
            while stop < len(found) and found[stop][1][1] - begin <= self._room:
                stop += 1
            # A single word longer than a piece is seen by its first sub-words.
            piece = ids[begin : min(found[stop - 1][1][1], begin + self._room)]
            ranges = [(a - begin, min(b - begin, len(piece))) for _, (a, b) in found[index:stop]]
            self._pieces.append((len(self.words), piece, ranges))
            self.words += [word for word, _ in found[index:stop]]
            self.sentence += [sentence] * (stop - index)
            index = stop

    def windows(self, room: int, before: list[int], after: list[int]) -> list[Window]:
        result: list[Window] = []
        begin = 0
        while begin < len(self._pieces):
            stop, total = begin, 0
            while stop < len(self._pieces) and total + len(self._pieces[stop][1]) <= room:
                total += len(self._pieces[stop][1])
                stop += 1
            ids = list(before)
            starts: list[int] = []
            ends: list[int] = []
            for _, piece, ranges in self._pieces[begin:stop]:
                starts += [len(ids) + a for a, _ in ranges]
                ends += [len(ids) + b for _, b in ranges]
                ids += piece
            result.append(Window(self._pieces[begin][0], ids + after, starts, ends))
            if stop == len(self._pieces):
                break
            begin = stop - 1
        return result
