"""Faults of an annotated corpus: all of them in one run, each with file and line."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kashif.arabic import EDGE, proclitic_letters, sentence_index, sentences, words
from kashif.corpora import slices, splits
from kashif.corpora.loading import contents
from kashif.corpora.notices import unread
from kashif.corpora.schemes import refuse_mappings, scheme_of
from kashif.corpora.spec import Spec
from kashif.document import Document, Entity
from kashif.errors import Fault, InputError
from kashif.files import files_below
from kashif.folding import fold
from kashif.formats import ENDINGS, FORMATS, Reading
from kashif.scheme import Scheme, likely


@dataclass(frozen=True)
class Checked:
    """What could be read of some corpora, their scheme, the faults by file and line, notices.

    ``readings`` are those of every split and slice asked for, ``articles`` the same, each once.
    """

    readings: list[Reading]
    scheme: Scheme | None
    faults: list[Fault]
    notices: list[str]

    @property
    def articles(self) -> list[Reading]:
        return _once(self.readings)


def check(specs: list[Spec], *, given: str = "") -> Checked:
    """Reads every file of every corpus and checks it against the scheme of the corpora.

    ``given`` and the scheme are those of ``schemes.scheme_of``; the scheme is None if nothing could be read,
    or if none can be had, which is a fault among the others.

    Raises:
        InputError: for corpora that name a mapping.
    """
    refuse_mappings(specs)
    readings: list[Reading] = []
    faults: list[Fault] = []
    notices: list[str] = []
    whole = [part for spec in specs for part in _parts(spec, specs)]
    parts = {(os.path.realpath(part.path), part.format, part.split, part.options): part for part in whole}
    files: dict[Path, list[tuple[str, Path]]] = {}
    for part in parts.values():
        found = contents(part)
        files[part.path] = found.files
        readings += found.readings
        faults += found.faults
        notices += found.notices
    notices = [*_unread(specs, files), *notices]
    scheme = None
    try:
        if readings:
            here = [spec for spec in specs if spec.path.exists()]
            ruling = scheme_of(here, [reading.document for reading in _once(readings)], given=given)
            scheme = ruling.scheme
            notices += ruling.notices
    except InputError as error:
        faults += error.faults
    if scheme is not None:
        faults += [fault for reading in _once(readings) for fault in faults_of(reading, scheme)]
    faults = list(dict.fromkeys([*faults, *splits.faults(specs)]))
    # What could not be read might be what a split names.
    faults = faults or splits.lacking(specs, readings)
    notices = list(dict.fromkeys(notices))
    return Checked(readings, scheme, sorted(faults, key=lambda fault: fault.order), notices)


def _once(readings: list[Reading]) -> list[Reading]:
    """Readings without those whose lines another one holds, as a whole article holds what a slice takes."""
    found: dict[tuple[str, str], Reading] = {}
    for reading in readings:
        found.setdefault((os.path.realpath(reading.path), reading.document.id), reading)
    parts: dict[tuple[str, str], set[slices.Part]] = defaultdict(set)
    for path, id in found:
        name, part = slices.origin(id)
        parts[path, name].add(part)

    def held(path: str, id: str) -> bool:
        name, (low, high) = slices.origin(id)
        others = parts[path, name] - {(low, high)}
        return any(start <= low and high <= stop for start, stop in others)

    return [reading for place, reading in found.items() if not held(*place)]


def _parts(spec: Spec, specs: Sequence[Spec]) -> list[Spec]:
    """The corpora below a folder that has splits, every one of them; else the corpus itself.

    Those that ``specs`` name with a format are not among them.
    """
    if not splits.holds_corpora(spec):
        return [spec]
    files = (file for file in files_below(spec.path) if file.suffix.lower() in ENDINGS)
    # A file of many articles right in the folder is a corpus of its own, as the splits file has it.
    places = {file if file.parent == spec.path and _holds_many(file) else file.parent for file in files}
    named = splits.named_with_formats(specs)
    found = [Spec(place) for place in sorted(places) if os.path.realpath(place) not in named]
    return found if found or named else [spec]  # which tells that there is nothing to read


def _holds_many(file: Path) -> bool:
    return FORMATS[ENDINGS[file.suffix.lower()]].many


def _unread(specs: Sequence[Spec], files: Mapping[Path, list[tuple[str, Path]]]) -> list[str]:
    """Notices of what is not read of the folders of corpora, nor of those between them and what was given."""
    places = {
        place
        for path, found in files.items()
        for place in (path, *path.parents)
        if found and any(place.is_relative_to(spec.path) for spec in specs)
    }
    notices: list[str] = []
    for place in sorted(places):
        others = [("", other) for other in places - {place}]
        notices += unread(place, [*files.get(place, ()), *others])
    return notices


def faults_of(reading: Reading, scheme: Scheme) -> list[Fault]:
    """All faults of one document under the scheme, by line."""
    document = reading.document
    faults = [
        reading.fault(message, offset=entity.start, line=reading.entity_lines.get(entity.id, 0))
        for find in (_labels, _edges, _overlaps)
        for entity, message in find(document, scheme)
    ]
    faults += [
        reading.fault(message, line=reading.relation_lines[index] if reading.relation_lines else 0)
        for index, message in _relations(document, scheme)
    ]
    return sorted(faults, key=lambda fault: fault.order)


def _name(entity: Entity) -> str:
    return f"{entity.label}#{entity.id} «{entity.text}»"


def _labels(document: Document, scheme: Scheme) -> Iterator[tuple[Entity, str]]:
    for entity in document.entities:
        if entity.label not in scheme.entities:
            hint = likely(entity.label, scheme.entities)
            yield entity, f"{_name(entity)}: no entity '{entity.label}' in the scheme; {hint}"


def _edges(document: Document, scheme: Scheme) -> Iterator[tuple[Entity, str]]:
    folded = fold(document.text)
    text = folded.text
    starts: dict[int, int] = {}
    word_end = dict(words(text))
    ends = set(word_end.values())
    for start, end in word_end.items():
        starts.update((offset, start) for offset in range(start, end))
    ruled = scheme.closing is not None
    for entity in document.entities:
        first, last = fold(entity.text[0]).text, fold(entity.text[-1]).text
        begin, finish = folded.position(entity.start), folded.position(entity.end)
        # White space is no word; what is invisible has no text.
        if begin not in starts or not first or (ruled and not EDGE.match(first)):
            yield entity, f"{_name(entity)}: a span cannot begin with {_shown(entity.text[0])}"
        elif (word := starts[begin]) != begin:
            whole = text[word : word_end[word]]
            letters = proclitic_letters(whole, begin - word)
            if letters is None:
                remedy = "take the whole word"
                if scheme.proclitics:
                    remedy = "only the proclitics و ف ب ك ل س may stand before a span"
                yield entity, f"{_name(entity)}: begins inside the word '{whole}'; {remedy}"
            elif letters and not scheme.proclitics:
                remedy = "take the whole word, or write `proclitics: true` in the scheme"
                yield entity, f"{_name(entity)}: begins behind proclitics of '{whole}'; {remedy}"
        closing = fold((scheme.closing or {}).get(entity.label, "")).text
        closes = not ruled or EDGE.match(last) or last in closing
        if finish - 1 not in starts or not last or not closes:
            yield entity, f"{_name(entity)}: a span cannot end with {_shown(entity.text[-1])}"
        elif finish not in ends:
            yield entity, f"{_name(entity)}: ends inside a word; take the whole word"


def _shown(char: str) -> str:
    return repr(char) if fold(char).text else f"the invisible character U+{ord(char):04X}"


def _overlaps(document: Document, scheme: Scheme) -> Iterator[tuple[Entity, str]]:
    entities = sorted(document.entities, key=lambda entity: (entity.start, -entity.end))
    for index, entity in enumerate(entities):
        for other in entities[index + 1 :]:
            if other.start >= entity.end:
                break
            if other.key == entity.key:
                yield other, f"{_name(other)}: the same span and label as #{entity.id}; keep one"
            elif other.end > entity.end:
                apart = "nest or stand apart" if scheme.nested else "stand apart"
                yield other, f"{_name(other)}: crosses {_name(entity)}; spans {apart}"
            elif other.label == entity.label:
                yield other, f"{_name(other)}: inside {_name(entity)} of the same type; mark the longer one"
            elif not scheme.nested:
                remedy = "mark one of them, or write `nested: true` in the scheme"
                yield other, f"{_name(other)}: inside {_name(entity)}; {remedy}"


def _relations(document: Document, scheme: Scheme) -> Iterator[tuple[int, str]]:
    by_id = document.by_id()
    sentence = sentence_index(sentences(document.text))
    seen: dict[tuple[str, int, int], int] = {}
    for index, relation in enumerate(document.relations):
        head, tail = by_id[relation.head], by_id[relation.tail]
        label, name = relation.label, f"{relation.label} {relation.head} {relation.tail}"
        pair = f"{_name(head)} -> {_name(tail)}"
        misfits = list(scheme.misfits(label, head.label, tail.label))
        for misfit in misfits:
            yield index, f"{name}: {misfit} ({pair})"
        if head.id == tail.id:
            yield index, f"{name}: relates an entity to itself"
            continue
        if head.start < tail.end and tail.start < head.end:
            yield index, f"{name}: one argument stands inside the other ({pair})"
        if abs(sentence(head.start) - sentence(tail.start)) > 1:
            yield index, f"{name}: the arguments are more than one sentence apart ({pair})"
        symmetric = not misfits and scheme.relations[label].symmetric
        if symmetric and head.start > tail.start:
            yield index, f"{name}: {label} is symmetric; the head is the mention that comes first"
        key = (label, *scheme.ordered(label, head.id, tail.id))
        if key in seen:
            yield index, f"{name}: stands twice (first as relation {seen[key] + 1})"
        seen.setdefault(key, index)
