"""Gold in words and back to code points, and the gold that no prediction can reach.

Word ranges are half-open indices into a layout's words.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kashif.arabic import EDGE, proclitic_length, proclitic_letters
from kashif.document import Document, Entity, Relation
from kashif.folding import Span, fold
from kashif.modeling.windows import MAX_SENTENCE_DISTANCE, Layout, Window
from kashif.scheme import Mapping, Scheme


@dataclass(frozen=True, slots=True)
class AlignedEntity:
    """An entity in words ``[first, last)``, ``proclitic_count`` letters into the first of them.

    ``labels`` are those of the scheme that it may have: its own, or what a mapping says.
    """

    entity: Entity
    first: int
    last: int
    proclitic_count: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Gold that no prediction can give, and why. It stays in the score as a miss."""

    document: str
    gold: Entity | Relation
    cause: str


@dataclass(frozen=True, slots=True)
class Alignment:
    """A document's entities in words, in text order, and those that no tag sequence can express."""

    entities: tuple[AlignedEntity, ...]
    unreachable: tuple[Unreachable, ...]


def align(document: Document, layout: Layout, *, scheme: Scheme, mapping: Mapping | None = None) -> Alignment:
    """The document's entities in words.

    A model finds spans that begin at a word or behind up to three proclitic letters of it (the same
    number for all spans that begin in the word), end with a word, lie in one window, and do not
    overlap a span of their own label, or any span where the scheme is not nested. Through a mapping whose
    spans keep proclitics, the words that a span touches count. Invisible characters at its edges do not.
    Of marks with the same span and label there is one, that with the lowest id.
    """
    folded = layout.folded
    begins = {start: index for index, (start, _) in enumerate(layout.words)}
    finishes = {end: index + 1 for index, (_, end) in enumerate(layout.words)}
    inside = {}
    for index, (start, end) in enumerate(layout.words):
        inside.update(dict.fromkeys(range(start, end), index))
    letters_of: dict[int, int] = {}
    taken: set[tuple[str, int]] = set()
    known = scheme.entities if mapping is None else {*mapping.labels, *mapping.ignored}
    aligned: list[AlignedEntity] = []
    unreachable: list[Unreachable] = []
    marks: dict[tuple[int, int, str], Entity] = {}
    for entity in sorted(document.entities, key=lambda item: (item.start, -item.end, item.id)):
        marks.setdefault(entity.key, entity)
    for entity in marks.values():
        begin, finish = folded.position(entity.start), folded.position(entity.end)
        first = begins.get(begin, inside.get(begin))
        last = finishes.get(finish)
        if mapping is not None and not mapping.proclitics and finish - 1 in inside:
            last = inside[finish - 1] + 1
        cause = ""
        letters: int | None = 0
        labels = (entity.label,) if mapping is None else mapping.labels.get(entity.label, ())
        if entity.label not in known:
            cause = "its label is not in the scheme"
        elif first is None or last is None or first >= last:
            cause = "an edge is not at a word that the encoder sees"
        else:
            start, end = layout.words[first]
            if mapping is None or mapping.proclitics:
                letters = proclitic_letters(folded.text[start:end], begin - start)
            own = labels[0] if len(labels) == 1 and scheme.nested else ""
            cells = {(own, word) for word in range(first, last)} if len(labels) == 1 else set()
            if letters is None or (letters and not scheme.proclitics):
                cause = "it begins inside a word" + (", not behind proclitics" if scheme.proclitics else "")
            elif letters_of.get(first, letters) != letters:
                cause = "another span begins elsewhere in the same word"
            elif cells & taken:
                cause = "it overlaps a span" + (" of its own type" if scheme.nested else "")
            elif not layout.has_window_over(first, last):
                cause = "it is longer than a window holds"
            else:
                letters_of[first] = letters
                taken |= cells
                aligned.append(AlignedEntity(entity, first, last, letters, labels))
        # What a mapping ignores is no gold, so it cannot be missed.
        if cause and (mapping is None or entity.label not in mapping.ignored):
            unreachable.append(Unreachable(document.id, entity, cause))
    return Alignment(tuple(aligned), tuple(unreachable))


def unreachable(
    documents: Sequence[Document],
    layouts: Sequence[Layout],
    *,
    scheme: Scheme,
    alignments: Iterable[Alignment] | None = None,
    mapping: Mapping | None = None,
) -> list[Unreachable]:
    """All gold that a model over these windows cannot give, entities and relations.

    Beside what no tags express it is the spans with punctuation at an edge that ``merge_windows`` strips, or
    with invisible characters there, and of two spans that cross the second: ``merge_windows`` gives one, of
    equal probabilities the first. These are still training targets. What a document holds twice (a span
    and label, a relation, a symmetric one both ways) is one item, as scores count. ``alignments`` are those
    of the documents, made here if None.
    """
    if alignments is None:
        alignments = (
            align(document, layout, scheme=scheme, mapping=mapping)
            for document, layout in zip(documents, layouts, strict=True)
        )
    found: list[Unreachable] = []
    for document, layout, alignment in zip(documents, layouts, alignments, strict=True):
        lost = list(alignment.unreachable)
        reached: dict[tuple[int, int, str], AlignedEntity] = {}
        around: list[AlignedEntity] = []  # those reached that go on behind the span's first word
        for item in alignment.entities:
            around = [other for other in around if other.last > item.first]
            cause = _unreachable_edge(item, layout, scheme, mapping)
            crosses = any(other.first < item.first and other.last < item.last for other in around)
            if not cause and item.labels and crosses:
                cause = "it crosses a span that begins before it"
            if cause:
                lost.append(Unreachable(document.id, item.entity, cause))
            else:
                reached[item.entity.key] = item
                around += [item] if item.labels else []  # what a mapping ignores is no gold
        found += lost
        relations: dict[tuple[Any, ...], Unreachable] = {}
        by_id = document.by_id()
        for relation in document.relations:
            ends = scheme.ordered(relation.label, by_id[relation.head].key, by_id[relation.tail].key)
            head, tail = reached.get(ends[0]), reached.get(ends[1])
            cause = _unreachable_relation(relation.label, head, tail, layout, scheme)
            if cause:
                relations.setdefault((relation.label, *ends), Unreachable(document.id, relation, cause))
        found += relations.values()
    return found


def _unreachable_edge(item: AlignedEntity, layout: Layout, scheme: Scheme, mapping: Mapping | None) -> str:
    """What at its edges no prediction has, so that none can give a span in words; empty if one can."""
    span, whole = (item.first, item.last), (item.entity.start, item.entity.end)
    bare = [without_punctuation(layout, *span, scheme=scheme, label=label) for label in item.labels]
    if bare and span not in bare:
        edge = "begins with" if all(first > item.first for first, _ in bare) else "ends in"
        return f"it {edge} punctuation that the scheme takes off"
    exact = mapping is None or mapping.proclitics
    if exact and layout.folded.trimmed(*whole) != whole:
        return "an invisible character stands at its edge"
    return ""


def _unreachable_relation(
    label: str, head: AlignedEntity | None, tail: AlignedEntity | None, layout: Layout, scheme: Scheme
) -> str:
    """Why no prediction can give a relation between two entities that can be given; empty if one can."""
    if head is None or tail is None:
        return "an argument is unreachable"
    if not layout.near(head.first, tail.first):
        return f"the arguments are more than {MAX_SENTENCE_DISTANCE} sentence apart"
    if not layout.has_window_over(min(head.first, tail.first), max(head.last, tail.last)):
        return "no window holds both arguments"
    if label not in scheme.relations or not scheme.allows(label, head.entity.label, tail.entity.label):
        return "the scheme does not allow it"
    if head.first < tail.last and tail.first < head.last:
        return "one argument stands inside the other"
    return ""


def count_causes(items: Sequence[Unreachable]) -> dict[str, int]:
    """How often each cause occurs, the most frequent first."""
    return dict(Counter(item.cause for item in items).most_common())


def is_cut_short(layout: Layout, window: Window, first: int, last: int) -> bool:
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


def without_punctuation(layout: Layout, first: int, last: int, *, scheme: Scheme, label: str) -> Span:
    """Words ``[first, last)`` without punctuation at either end, but what the scheme allows the label."""
    if scheme.closing is None:
        return first, last
    closing = fold(scheme.closing.get(label, "")).text
    text = layout.folded.text

    def is_edge(word: int, place: int) -> bool:
        start, end = layout.words[word]
        return EDGE.match(text[start:end][place]) is not None

    while first < last and not is_edge(first, 0):
        first += 1
    while first < last and not is_edge(last - 1, -1) and text[layout.words[last - 1][1] - 1] not in closing:
        last -= 1
    return first, last


def span_offsets(layout: Layout, first: int, last: int, *, proclitic_count: int) -> Span:
    """The span of words ``[first, last)`` in the folded text, ``proclitic_count`` letters left out in front.

    Fewer letters are left out where the word does not begin with that many.
    """
    start, end = layout.words[first]
    word = layout.folded.text[start:end]
    for count in range(proclitic_count, 0, -1):
        try:
            return start + proclitic_length(word, count), layout.words[last - 1][1]
        except ValueError:
            continue
    return start, layout.words[last - 1][1]
