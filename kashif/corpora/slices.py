"""Slices of a corpus: ``#A-B%`` is a run of its lines of text, in the order of its files.

A line holds a word; blank lines belong to the line before. Slices that do not overlap have no text in common,
if they are slices of one whole: percentages of a file, of its folder and of the file after a change name
other lines. So pieces are compared by runs of their words, too, with each other and with whole articles.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from kashif.corpora.duplicates import normal_words, recurs
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.folding import letters
from kashif.formats import Reading

Slice = tuple[int, int]
"""Percentages ``[A, B)`` of a corpus's lines."""
Part = tuple[float, float]
"""The same of an article's lines."""
_letters = lru_cache(10_000)(letters)
"""Of the articles of a cross-validation, which each fold compares."""
Runs = Mapping[str, frozenset[str]]
"""Digests of runs of words of pieces of articles, by the pieces' ids."""
_RUN = 16
"""Words in a row, in their normal forms and without punctuation, so that no format writes others."""
_STEP = 8
"""A digest is kept at every so many words; kept at each, they would let the text be guessed word by word.
Of ``_RUN - 1 + n * _STEP`` words in a row that two texts share, n digests are known."""
_OF_ONE = 4
"""Digests that follow each other, 47 words in a row; even long texts seldom have so many twice."""
_OF_OTHERS = 6
"""Digests, 63 words; articles may have fewer in common, such as a footer or a paragraph of an agency."""

_SLICE = re.compile(r"(\d{1,9})-(\d{1,9})%")
_PART = re.compile(r"(.*)\[(\d{1,3})-(\d{1,3})%\]", re.DOTALL)
_LINE = re.compile(r"^[^\n]*\S[^\n]*", re.MULTILINE)


def parse(split: str | None) -> Slice | None:
    """The percentages of a split ``A-B%``; None for a split with a name.

    Raises:
        InputError: unless 0 <= A < B <= 100.
    """
    match = _SLICE.fullmatch(split or "")
    if not match:
        return None
    low, high = int(match[1]), int(match[2])
    if not low < high <= 100:
        raise InputError(f"#{split}: no slice of a corpus; write #A-B% with 0 <= A < B <= 100")
    return low, high


def take(readings: Sequence[Reading], part: Slice) -> list[Reading]:
    """The lines of a whole corpus from ``part[0]`` to ``part[1]`` per cent of their number.

    A document that is cut is named after the slice, ``train[0-80%]``, and its offsets are its own.

    Raises:
        InputError: listing every span and relation that a cut would sever.
    """
    starts = [_lines(reading.document.text) for reading in readings]
    total = sum(len(lines) for lines in starts)
    first, last = (total * percent // 100 for percent in part)
    taken: list[Reading] = []
    faults: list[Fault] = []
    for reading, lines in zip(readings, starts, strict=True):
        low, high = max(first, 0), min(last, len(lines))
        first, last = first - len(lines), last - len(lines)
        if low >= high:
            continue
        if (low, high) != (0, len(lines)):
            begin, end = lines[low], [*lines, len(reading.document.text)][high]
            faults += _severed(reading, begin, end, part)
            reading = _cut(reading, begin, end, part)
        taken.append(reading)
    if faults:
        raise InputError(faults)
    return taken


def overlapping(first: Sequence[Document], second: Sequence[Document]) -> tuple[set[str], set[str]]:
    """The ids of documents of each that share text with some of the other, by id, runs of words or text.

    A text under five words is not one that they share.
    """
    return _shared(first, second), _shared(second, first)


def _shared(first: Sequence[Document], second: Sequence[Document]) -> set[str]:
    texts = {_letters(document.text) for document in second}
    same = {d.id for d in first if _letters(d.text) in texts and not recurs(d.text)}
    same |= among((document.id for document in first), (document.id for document in second))
    same |= sharing(first, runs_of(second))
    pieces = [document for document in first if _is_piece(document)]
    return same | sharing(pieces, {d.id: _kept(d.text) for d in second} if pieces else {})


def refuse_overlap(sets: Mapping[str, Sequence[Document]]) -> None:
    """Raises InputError for documents of one of two sets of a recipe, by name, that the other has, too."""
    (first, one), (second, other) = sets.items()
    here, there = overlapping(one, other)
    if here or there:
        others = there - here if here else set()
        named = f" ({second} has {', '.join(sorted(others))})" if others else ""
        message = f"the recipe has {', '.join(sorted(here or there))} in both {first} and {second}{named}"
        raise InputError(f"{message}; keep one")


def runs_of(documents: Iterable[Document]) -> dict[str, frozenset[str]]:
    """The digests of those documents that a slice has cut, as ``_kept`` has them."""
    return {document.id: _kept(document.text) for document in documents if _is_piece(document)}


def _is_piece(document: Document) -> bool:
    return origin(document.id) != (document.id, (0, 100))


def _digests(text: str) -> list[str]:
    """The digest of every ``_RUN`` words in a row of a text."""
    forms = normal_words(text)
    runs = (" ".join(forms[at : at + _RUN]) for at in range(len(forms) - _RUN + 1))
    return [hashlib.sha256(run.encode("utf-8", "surrogatepass")).hexdigest()[:12] for run in runs]


def _kept(text: str) -> frozenset[str]:
    """Every ``_STEP``-th digest of a text, of runs that stand there once."""
    digests = _digests(text)
    counts = Counter(digests)
    return frozenset(digest for digest in digests[::_STEP] if counts[digest] == 1)


def sharing(documents: Iterable[Document], others: Runs) -> set[str]:
    """The ids of those documents that have runs of words in common with others, standing once in each.

    Of one article ``_OF_ONE`` in a row tell it; of articles of other names ``_OF_OTHERS``, and a tenth of
    the shorter one's; of either a row through all of the document but less than ``_STEP`` words at an end.
    """
    holders: dict[str, list[str]] = defaultdict(list)
    for id, kept in others.items():
        for digest in kept:
            holders[digest].append(id)
    if not holders:
        return set()
    found = set()
    for document in documents:
        digests, name = _digests(document.text), origin(document.id)[0]
        counts = Counter(digests)
        common: Counter[str] = Counter()
        rows: dict[tuple[str, int], int] = {}  # how many in a row end at a place, by the other's id
        for at, digest in enumerate(digests):
            for id in holders.get(digest, ()) if counts[digest] == 1 else ():
                common[id] += 1
                rows[id, at] = rows.get((id, at - _STEP), 0) + 1
        many = any(
            count >= max(_OF_OTHERS, min(len(digests) / _STEP, len(others[id])) / 10)
            for id, count in common.items()
        )
        if many or any(
            (row >= _OF_ONE and origin(id)[0] == name)
            or (at - (row - 1) * _STEP < _STEP and at + _STEP >= len(digests))  # from end to end
            for (id, at), row in rows.items()
        ):
            found.add(document.id)
    return found


def among(ids: Iterable[str], others: Iterable[str]) -> set[str]:
    """Those of ``ids`` that name a document, or lines of one, that ``others`` name too."""
    parts: dict[str, list[Part]] = {}
    for id in others:
        name, part = origin(id)
        parts.setdefault(name, []).append(part)
    found = set()
    for id in ids:
        name, (low, high) = origin(id)
        if any(low < stop and start < high for start, stop in parts.get(name, ())):
            found.add(id)
    return found


def origin(id: str) -> tuple[str, Part]:
    """The article that an id names, and the part of it: all of one that no slice has cut is ``(0, 100)``.

    A slice of a slice, ``x[0-50%][50-100%]``, is a part of the article, too.
    """
    part: Part = (0, 100)
    while match := _PART.fullmatch(id):
        id, low, high = match[1], int(match[2]), int(match[3])
        part = (low + (high - low) * part[0] / 100, low + (high - low) * part[1] / 100)
    return id, part


def _lines(text: str) -> list[int]:
    """Where each line of a text begins; the first at 0, and a text without a word is one line."""
    return [0, *[match.start() for match in _LINE.finditer(text)][1:]]


def _severed(reading: Reading, begin: int, end: int, part: Slice) -> Iterator[Fault]:
    document = reading.document
    remedy = f"at an end of #{part[0]}-{part[1]}%; choose other percentages"
    inside = {entity.id for entity in document.entities if begin <= entity.start and entity.end <= end}
    for entity in document.entities:
        if entity.id not in inside and entity.start < end and entity.end > begin:
            line = reading.entity_lines.get(entity.id, 0)
            message = f"{entity.label} «{entity.text}» would be cut {remedy}"
            yield reading.fault(message, offset=entity.start, line=line)
    for index, relation in enumerate(document.relations):
        if (relation.head in inside) != (relation.tail in inside):
            line = reading.relation_lines[index] if reading.relation_lines else 0
            message = f"{relation.label} {relation.head} {relation.tail} would be cut {remedy}"
            yield reading.fault(message, line=line)


def _cut(reading: Reading, begin: int, end: int, part: Slice) -> Reading:
    document = reading.document
    entities = tuple(
        replace(entity, start=entity.start - begin, end=entity.end - begin)
        for entity in document.entities
        if begin <= entity.start and entity.end <= end
    )
    ids = {entity.id for entity in entities}
    kept = [i for i, relation in enumerate(document.relations) if {relation.head, relation.tail} <= ids]
    piece = Document(
        f"{document.id}[{part[0]}-{part[1]}%]",
        document.text[begin:end],
        entities,
        tuple(document.relations[index] for index in kept),
        document.meta,
    )
    lines = tuple(reading.relation_lines[index] for index in kept) if reading.relation_lines else ()
    entity_lines = {id: line for id, line in reading.entity_lines.items() if id in ids}
    return replace(
        reading,
        document=piece,
        entity_lines=entity_lines,
        relation_lines=lines,
        text_lines=reading.text_lines.behind(begin),
    )
