"""Documents <-> encoder-sized windows of words, without torch.

A text is cut into pieces: its sentences, and parts of a sentence that is longer than half a window.
Windows are runs of pieces, each beginning with the last piece of the one before, so every two
adjoining pieces share a window. Words that the tokenizer gives no sub-word (a lone bidi mark) are
left out. Word ranges are half-open indices into a layout's words.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kashif.arabic import EDGE, Span, proclitic_length, proclitic_letters, sentences, words
from kashif.document import Document, Entity, Relation
from kashif.scheme import Mapping, Scheme

_SURROGATE = re.compile("[\ud800-\udfff]")

REACH = 1
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
    """A text's words, the sentence of each word, and the windows over them."""

    words: list[Span]
    sentence: list[int]
    windows: list[Window]


@dataclass(frozen=True, slots=True)
class Aligned:
    """An entity in words ``[first, last)``, ``letters`` proclitic letters into the first of them.

    ``types`` are the labels of the scheme that it may have: its own, or what a mapping says.
    """

    entity: Entity
    first: int
    last: int
    letters: int
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Gold that no prediction can give, and why. It stays in the score as a miss."""

    document: str
    what: str
    cause: str
    gold: Entity | Relation


def lay_out(texts: Sequence[str], tokenizer: Any, size: int) -> list[Layout]:
    """The layouts of several texts, tokenised in one call.

    ``tokenizer`` is a fast tokenizer of transformers; ``size`` counts sub-words with the special ones.
    """
    ends_ids = tokenizer("").input_ids
    before, after = ends_ids[:1], ends_ids[1:]
    room = size - len(ends_ids)
    cut = [sentences(text) for text in texts]
    strings = []
    offsets = []
    for text, spans in zip(texts, cut, strict=True):
        for start, end in spans:
            # A lone surrogate is no character that a tokenizer takes; the stand-in is as long.
            string = _SURROGATE.sub("\ufffd", text[start:end])
            offsets.append(start + len(string) - len(string.lstrip()))
            strings.append(string.strip())
    if not strings:
        return [Layout([], [], []) for _ in texts]
    encoded = tokenizer(strings, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    layouts = []
    row = 0
    for text, spans in zip(texts, cut, strict=True):
        builder = _Builder(words(text), room // 2)
        for index in range(len(spans)):
            builder.add(index, encoded["input_ids"][row], encoded["offset_mapping"][row], offsets[row])
            row += 1
        layouts.append(Layout(builder.words, builder.sentence, builder.windows(room, before, after)))
    return layouts


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


def align(
    document: Document, layout: Layout, scheme: Scheme, mapping: Mapping | None = None
) -> tuple[list[Aligned], list[Unreachable]]:
    """The document's entities in words, and those that no tag sequence can express.

    A model finds spans that begin at a word or behind up to three proclitic letters of it (the same
    number for all spans that begin in the word), end with a word, lie in one window, and do not
    overlap a span of their own type, or any span where the scheme is not nested. Through a mapping whose
    spans keep proclitics, the words that a span touches count.
    """
    begins = {start: index for index, (start, _) in enumerate(layout.words)}
    finishes = {end: index + 1 for index, (_, end) in enumerate(layout.words)}
    inside = {}
    for index, (start, end) in enumerate(layout.words):
        inside.update(dict.fromkeys(range(start, end), index))
    letters_of: dict[int, int] = {}
    taken: set[tuple[str, int]] = set()
    known = scheme.entities if mapping is None else {*mapping.labels, *mapping.ignored}
    aligned: list[Aligned] = []
    unreachable: list[Unreachable] = []
    for entity in sorted(document.entities, key=lambda item: (item.start, -item.end, item.id)):
        first = begins.get(entity.start, inside.get(entity.start))
        last = finishes.get(entity.end)
        if mapping is not None and not mapping.proclitics and entity.end - 1 in inside:
            last = inside[entity.end - 1] + 1
        cause = ""
        letters: int | None = 0
        types = (entity.label,) if mapping is None else mapping.labels.get(entity.label, ())
        if entity.label not in known:
            cause = "its label is not in the scheme"
        elif first is None or last is None:
            cause = "an edge is not at a word that the encoder sees"
        else:
            start, end = layout.words[first]
            if mapping is None or mapping.proclitics:
                letters = proclitic_letters(document.text[start:end], entity.start - start)
            kind = types[0] if len(types) == 1 and scheme.nested else ""
            cells = {(kind, word) for word in range(first, last)} if len(types) == 1 else set()
            if letters is None or (letters and not scheme.proclitics):
                cause = "it begins inside a word" + (", not behind proclitics" if scheme.proclitics else "")
            elif letters_of.get(first, letters) != letters:
                cause = "another span begins elsewhere in the same word"
            elif cells & taken:
                cause = "it overlaps a span" + (" of its own type" if scheme.nested else "")
            elif not _in_one_window(layout, first, last):
                cause = "it is longer than a window holds"
            else:
                letters_of[first] = letters
                taken |= cells
                aligned.append(Aligned(entity, first, last, letters, types))
        # What a mapping ignores is no gold, so it cannot be missed.
        if cause and (mapping is None or entity.label not in mapping.ignored):
            unreachable.append(Unreachable(document.id, f"{entity.label} «{entity.text}»", cause, entity))
    return aligned, unreachable


def reach(
    document: Document, layout: Layout, scheme: Scheme, mapping: Mapping | None = None
) -> list[Unreachable]:
    """All gold of a document that a model over these windows cannot give, entities and relations.

    Beside what no tags express it is what punctuation at an edge is taken off from, for all types that it
    may have. Tags are learned from such a span all the same: they are right but for that.
    """
    aligned, unreachable = align(document, layout, scheme, mapping)
    by_id: dict[int, Aligned] = {}
    for item in aligned:
        span = item.first, item.last
        bare = [without_punctuation(document.text, layout, *span, scheme, label) for label in item.types]
        if span in bare or not bare:
            by_id[item.entity.id] = item
            continue
        edge = "begins with" if all(first > item.first for first, _ in bare) else "ends in"
        cause = f"it {edge} punctuation that the scheme takes off"
        what = f"{item.entity.label} «{item.entity.text}»"
        unreachable.append(Unreachable(document.id, what, cause, item.entity))
    entities = document.by_id()
    for relation in document.relations:
        head, tail = by_id.get(relation.head), by_id.get(relation.tail)
        cause = ""
        if head is None or tail is None:
            cause = "an argument is unreachable"
        elif not in_reach(layout, head.first, tail.first):
            cause = f"the arguments are more than {REACH} sentence apart"
        elif not _in_one_window(layout, min(head.first, tail.first), max(head.last, tail.last)):
            cause = "no window holds both arguments"
        elif relation.label not in scheme.relations or not scheme.allows(
            relation.label, head.entity.label, tail.entity.label
        ):
            cause = "the scheme does not allow it"
        elif head.first < tail.last and tail.first < head.last:
            cause = "one argument stands inside the other"
        if cause:
            pair = f"«{entities[relation.head].text}» -> «{entities[relation.tail].text}»"
            unreachable.append(Unreachable(document.id, f"{relation.label} {pair}", cause, relation))
    return unreachable


def _in_one_window(layout: Layout, first: int, last: int) -> bool:
    """Whether a window holds the words ``[first, last)``; the last to begin by then reaches farthest."""
    place = bisect_right(layout.windows, first, key=lambda window: window.first) - 1
    return place >= 0 and last <= layout.windows[place].last


def cut_short(layout: Layout, window: Window, first: int, last: int) -> bool:
    """Whether a span touches an edge of its window amid a sentence, and a neighbour sees it whole.

    There the span may go on where this window cannot see it. A span that is just the piece which two
    windows share counts in the first of them.
    """
    place = bisect_left(layout.windows, window.first, key=lambda other: other.first)

    def amid(word: int) -> bool:
        return 0 < word < len(layout.words) and layout.sentence[word - 1] == layout.sentence[word]

    left = first == window.first and amid(first) and last <= layout.windows[place - 1].last
    right = last == window.last and amid(last) and first > layout.windows[place + 1].first
    return left or right


def in_reach(layout: Layout, head: int, tail: int) -> bool:
    """Whether two words stand in one sentence or in adjoining ones."""
    return abs(layout.sentence[head] - layout.sentence[tail]) <= REACH


def without_punctuation(text: str, layout: Layout, first: int, last: int, scheme: Scheme, label: str) -> Span:
    """Words ``[first, last)`` without what punctuation the scheme does not allow a label at either end."""
    if scheme.closing is None:
        return first, last
    closing = scheme.closing.get(label, "")

    def is_edge(word: int, place: int) -> bool:
        start, end = layout.words[word]
        return EDGE.match(text[start:end][place]) is not None

    while first < last and not is_edge(first, 0):
        first += 1
    while first < last and not is_edge(last - 1, -1) and text[layout.words[last - 1][1] - 1] not in closing:
        last -= 1
    return first, last


def span_offsets(text: str, layout: Layout, first: int, last: int, letters: int) -> Span:
    """The code points of words ``[first, last)``, ``letters`` proclitic letters left out in front.

    Fewer letters are left out where the word does not begin with that many.
    """
    start, end = layout.words[first]
    word = text[start:end]
    for count in range(letters, 0, -1):
        try:
            return start + proclitic_length(word, count), layout.words[last - 1][1]
        except ValueError:
            continue
    return start, layout.words[last - 1][1]


def causes(unreachable: Sequence[Unreachable]) -> Counter[str]:
    """How often each cause occurs."""
    return Counter(item.cause for item in unreachable)
