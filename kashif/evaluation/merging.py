"""Two annotators' articles become one: marks on which they agree are kept, the others listed to decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kashif.document import Document, Entity, Relation
from kashif.evaluation.counting import Item, ordered
from kashif.evaluation.pairing import Pairing
from kashif.formats import Reading
from kashif.scheme import Scheme

Key = TypeVar("Key")
Value = TypeVar("Value")
Span = tuple[int, int, str]
"""Start, end and label of an entity."""
Mark = tuple[int, str, int]
"""A mark: its offset, what it is in words, its line."""
NO_MARK = "-"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two marks at one place that are not alike, or a mark of one side alone; ``-`` stands for no mark.

    ``places`` are file and line on each side.
    """

    document: str
    places: tuple[str, str]
    marks: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.document}: {self.places[0]}: {self.marks[0]} | {self.places[1]}: {self.marks[1]}"


@dataclass(frozen=True, slots=True)
class Merged:
    """The articles that both annotated with the marks that agree, and what does not."""

    documents: tuple[Document, ...]
    differences: tuple[Difference, ...]


def merge(pairing: Pairing, *, scheme: Scheme) -> Merged:
    """The articles that both annotated, with the marks that both set alike.

    Entities agree in offsets and label, relations in label and both arguments; those of a symmetric relation
    either way round. Ids, meta and the text are the first side's.
    """
    merged = [_merge_one(a, b, scheme=scheme) for a, b in pairing.pairs]
    return Merged(
        tuple(document for document, _ in merged),
        tuple(difference for _, found in merged for difference in found),
    )


def _merge_one(a: Reading, b: Reading, *, scheme: Scheme) -> tuple[Document, list[Difference]]:
    sides = (a, b)
    spans = [{entity.key: entity for entity in reversed(side.document.entities)} for side in sides]
    links = [_relations(side, scheme) for side in sides]
    kept = {e.key: e for e in a.document.entities if e.key in spans[1] and spans[0][e.key] is e}
    relations = {
        item: Relation(relation.label, kept[head].id, kept[tail].id)
        for item, (relation, head, tail, _) in links[0].items()
        if item in links[1]
    }
    document = Document(
        a.document.id, a.document.text, tuple(kept.values()), tuple(relations.values()), a.document.meta
    )
    found = list(_entity_differences(sides, [_without(spans[0], spans[1]), _without(spans[1], spans[0])]))
    for side in (0, 1):
        for (label, *_), (_, head, tail, line) in _without(links[side], links[1 - side]).items():
            arguments = " -> ".join(mention(a.document, key) for key in (head, tail))
            mark = (head[0], f"{label} {arguments}", line)
            one, other = (None, mark) if side else (mark, None)
            found.append((head[0], _difference(sides, one, other)))
    return document, [difference for _, difference in sorted(found, key=lambda row: row[0])]


def _without(side: Mapping[Key, Value], other: Mapping[Key, Value]) -> dict[Key, Value]:
    return {key: value for key, value in side.items() if key not in other}


def _relations(reading: Reading, scheme: Scheme) -> dict[Item, tuple[Relation, Span, Span, int]]:
    """What identifies each relation: the relation, its arguments and its line, the first of copies."""
    by_id = reading.document.by_id()
    lines = reading.relation_lines or (0,) * len(reading.document.relations)
    found: dict[Item, tuple[Relation, Span, Span, int]] = {}
    for relation, line in zip(reading.document.relations, lines, strict=True):
        head, tail = by_id[relation.head].key, by_id[relation.tail].key
        found.setdefault(ordered(relation, head, tail, scheme=scheme), (relation, head, tail, line))
    return found


def _entity_differences(
    sides: tuple[Reading, Reading], rest: Sequence[Mapping[Span, Entity]]
) -> Iterator[tuple[int, Difference]]:
    """The entities of one side alone, those that overlap side by side, each difference with its offset."""

    def mark(side: int, key: Span | None) -> Mark | None:
        if key is None:
            return None
        line = sides[side].entity_lines.get(rest[side][key].id, 0)
        return key[0], mention(sides[side].document, key), line

    left = sorted(rest[1])
    for key in sorted(rest[0]):
        near = [other for other in left if other[0] < key[1] and key[0] < other[1]]
        match = max(near, key=lambda other: _likeness(key, other), default=None)
        if match:
            left.remove(match)
        yield key[0], _difference(sides, mark(0, key), mark(1, match))
    for key in left:
        yield key[0], _difference(sides, None, mark(1, key))


def _likeness(one: Span, other: Span) -> tuple[bool, bool, int]:
    common = min(one[1], other[1]) - max(one[0], other[0])
    return one[:2] == other[:2], one[2] == other[2], common


def mention(document: Document, key: Span) -> str:
    """An entity in words: its label and its text."""
    return f"{key[2]} «{' '.join(document.text[key[0] : key[1]].split())}»"


def _difference(sides: tuple[Reading, Reading], first: Mark | None, second: Mark | None) -> Difference:
    """The difference of two marks, of which one may be none."""
    [at, *_] = [mark[0] for mark in (first, second) if mark]
    one, other = (
        side.place(at, mark[2] if mark else 0) for side, mark in zip(sides, (first, second), strict=True)
    )
    texts = (first[1] if first else NO_MARK, second[1] if second else NO_MARK)
    return Difference(sides[0].document.id, (one, other), texts)
