"""Warnings: common annotation slips, none of them certain.

A person who has read a place and finds it right accepts the warning:
it then stands in ``accepted.tsv`` in the corpus's folder (document id, warning) and is not shown again.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from pathlib import Path

from kashif.arabic import PROCLITICS, normal_form, touched, words
from kashif.corpora.duplicates import SHINGLE, overlaps
from kashif.document import Document, Entity
from kashif.errors import Fault, InputError
from kashif.files import read_text, write_text
from kashif.folding import fold
from kashif.formats import Reading
from kashif.formats.reading import TextLines
from kashif.outputs import ACCEPTED, Sources
from kashif.replacing import changing
from kashif.scheme import Beside, Inside, Scheme

_LEAST_LETTERS = 4
"""Shorter names are too often parts of common words once a proclitic is taken off."""
_BEFORE = tuple("".join(letters) for count in range(3) for letters in product(PROCLITICS, repeat=count))
"""What may stand before a name in its word: two proclitics at most."""
_SHOWN = 60
"""So many code points of a long mention are shown."""
_BLANKS = re.compile(" *")


@dataclass(frozen=True, slots=True)
class AnnotationWarning:
    """A warning, and the document and folder that it is accepted in."""

    folder: Path
    document: str
    fault: Fault


def warnings(readings: Sequence[Reading], scheme: Scheme) -> list[AnnotationWarning]:
    """The warnings of a corpus that nobody has accepted, in the order of files and lines.

    Which slips to look for is data in the scheme; near-duplicates and mentions of several lines are looked
    for always.

    Raises:
        InputError: if an ``accepted.tsv`` has a line that is not an id and a warning.
    """
    rules = scheme.warnings
    documents = [reading.document for reading in readings]
    typical = {rule.label: _typical(documents, rule.label) for rule in rules.inside}
    found: list[AnnotationWarning] = []
    accepted: dict[Path, set[tuple[str, str]]] = {}
    for reading in readings:
        folder = reading.path.parent
        if folder not in accepted:
            accepted[folder] = set(read_accepted(folder))
        document = reading.document
        lines = TextLines.of(document.text)
        told: dict[str, Entity] = {}  # each line is accepted alone; two slips of one kind there are one
        for entity, slip, place in (
            *_over_lines(document),
            *_unmarked(document, rules.names),
            *(item for rule in rules.beside for item in _unrelated(document, rule)),
            *(item for rule in rules.inside for item in _hidden(document, rule, typical[rule.label])),
        ):
            told.setdefault(_one_line(f"{slip} on line {lines.at(place)} of the text"), entity)
        for message, entity in told.items():
            if (_one_line(document.id), message) not in accepted[folder]:
                line = reading.entity_lines.get(entity.id, 0)
                fault = reading.fault(message, offset=entity.start, line=line)
                found.append(AnnotationWarning(folder, document.id, fault))
    for first, message, start in _near_duplicates(readings):
        message = _one_line(message)
        if (_one_line(first.document.id), message) not in accepted[first.path.parent]:
            fault = first.fault(message, offset=start)
            found.append(AnnotationWarning(first.path.parent, first.document.id, fault))
    return sorted(found, key=lambda warning: warning.fault.order)


def accept(found: Iterable[AnnotationWarning]) -> int:
    """Adds warnings to the ``accepted.tsv`` of their folders; gives how many.

    Raises:
        InputError: if that is the corpus itself, or has a line that is not an id and a warning.
    """
    by_folder: dict[Path, list[tuple[str, str]]] = defaultdict(list)
    files: set[Path] = set()
    for warning in found:
        by_folder[warning.folder].append((_one_line(warning.document), warning.fault.message))
        files.add(Path(warning.fault.where))
    Sources(files).refuse(*(folder / ACCEPTED for folder in by_folder))
    for folder, new in by_folder.items():
        with changing(folder / ACCEPTED):
            rows = sorted({*read_accepted(folder), *new})
            text = "".join(f"{id}\t{message}\n" for id, message in rows)
            write_text(folder / ACCEPTED, text)
    return sum(len(new) for new in by_folder.values())


def read_accepted(folder: Path) -> list[tuple[str, str]]:
    """The accepted warnings of a folder: document id, warning, white space in each as one blank."""
    path = folder / ACCEPTED
    if not path.is_file():
        return []
    rows, faults = [], []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        id, tab, message = line.partition("\t")
        if line.strip() and not tab:
            faults.append(Fault(str(path), "expected a document id, a tab and a warning", number))
        elif line.strip():
            rows.append((_one_line(id), _one_line(message)))
    if faults:
        raise InputError(faults)
    return rows


def _one_line(text: str) -> str:
    """An id or a warning as a table holds it, whatever its line ends."""
    return " ".join(text.split())


_Slip = tuple[Entity, str, int]
"""The entity that tells of a slip, the slip, and where it is, a code point."""


def _over_lines(document: Document) -> Iterator[_Slip]:
    """A mention of several lines, as two forgotten brackets make one."""
    for entity in document.entities:
        if "\n" in entity.text:
            text = entity.text if len(entity.text) <= _SHOWN else f"{entity.text[:_SHOWN]}…"
            yield entity, f"{entity.label} «{text}» runs over the end of a line", entity.start


def _unmarked(document: Document, names: Sequence[str]) -> Iterator[_Slip]:
    """A name marked in one place and standing unmarked in others."""
    marked = [entity for entity in document.entities if entity.label in names]
    if not marked:
        return
    spans = words(document.text)
    forms = [normal_form(document.text[start:end]) for start, end in spans]
    places: dict[str, list[int]] = defaultdict(list)
    for index, form in enumerate(forms):
        places[form].append(index)
    covered = {index for entity in document.entities for index in touched(spans, entity.start, entity.end)}
    tried: set[str] = set()
    for entity in marked:
        name = [normal_form(entity.text[start:end]) for start, end in words(entity.text)]
        whole = " ".join(name)
        if len(whole) < _LEAST_LETTERS or whole in tried or not name[0]:
            continue
        tried.add(whole)
        found = [
            at
            for before in _BEFORE
            for at in places.get(before + name[0], ())
            if forms[at + 1 : at + len(name)] == name[1:] and covered.isdisjoint(range(at, at + len(name)))
        ]
        for at in sorted(found):
            yield entity, f"{entity.label} «{entity.text}» stands unmarked", spans[at][0]


def _unrelated(document: Document, rule: Beside) -> Iterator[_Slip]:
    """Two mentions right beside each other, and no relation between them."""
    related = {
        frozenset((relation.head, relation.tail))
        for relation in document.relations
        if relation.label == rule.relation
    }
    text = fold(document.text)
    behind = {
        text.position(entity.start): entity for entity in document.entities if entity.label == rule.second
    }
    for first in document.entities:
        if first.label != rule.first:
            continue
        end = text.position(first.end)
        blanks = _BLANKS.match(text.text, end)
        second = behind.get(blanks.end() if blanks else end)
        if second and frozenset((first.id, second.id)) not in related:
            pair = f"{rule.first} «{first.text}» stands beside {rule.second} «{second.text}»"
            yield first, f"{pair} without {rule.relation}", first.start


def _typical(documents: Iterable[Document], label: str) -> set[str]:
    """The single words that have this label in most places where the corpus marks them at all."""
    marked: Counter[str] = Counter()
    otherwise: Counter[str] = Counter()
    for document in documents:
        for entity in document.entities:
            (marked if entity.label == label else otherwise)[normal_form(entity.text)] += 1
    return {
        form for form, count in marked.items() if count >= 3 and count > otherwise[form] and " " not in form
    }


def _hidden(document: Document, rule: Inside, known: set[str]) -> Iterator[_Slip]:
    """A word that typically has a label, unmarked inside a longer mention."""
    around = _holding(document.entities)
    for entity in document.entities:
        if entity.label not in rule.of:
            continue
        for start, end in words(entity.text):
            place = (entity.start + start, entity.start + end)
            word = entity.text[start:end]
            if normal_form(word) not in known:
                continue
            # Inside another mention (كوريا الشمالية) it is part of that name.
            if not any(
                other.label == rule.label or other.end - other.start < entity.end - entity.start
                for other in around(*place)
            ):
                holds = f"{entity.label} «{entity.text}» holds «{word}»"
                yield entity, f"{holds}, elsewhere a {rule.label}, unmarked", place[0]


def _holding(entities: Iterable[Entity]) -> Callable[[int, int], Iterator[Entity]]:
    """A function that gives the entities that hold ``[start, end)``, without looking at all of them."""
    ordered = sorted(entities, key=lambda entity: entity.start)
    starts = [entity.start for entity in ordered]
    reached = list(accumulate((entity.end for entity in ordered), max))

    def holding(start: int, end: int) -> Iterator[Entity]:
        for index in range(bisect_right(starts, start) - 1, -1, -1):
            if reached[index] < end:
                return
            if ordered[index].end >= end:
                yield ordered[index]

    return holding


def _near_duplicates(readings: Sequence[Reading]) -> Iterator[tuple[Reading, str, int]]:
    """Two articles (not two annotations of one) that share long stretches: the first, what, from where."""
    documents = [reading.document for reading in readings]
    for pair in overlaps([d.text for d in documents], [d.id for d in documents]):
        if pair.near_duplicate:
            here, there = ("{}-{}".format(*span) for span in (pair.first_span, pair.second_span))
            yield (
                readings[pair.first],
                f"shares {pair.containment:.0%} of its runs of {SHINGLE} words with"
                f" '{documents[pair.second].id}', at most {pair.run} words in a row:"
                f" code points {here} of the text, {there} there",
                pair.first_span[0],
            )
