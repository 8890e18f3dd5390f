"""Leakage between splits: near-duplicates, repeated sentences, entities seen in training."""

from __future__ import annotations

import math
import os
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from kashif import formats
from kashif.arabic import normal_form, restored, sentence_index, sentences, words
from kashif.corpora import slices
from kashif.corpora.duplicates import Overlap, overlaps, repeated_sentences
from kashif.corpora.loading import SPLITS, chosen, files_of, split_file, splits_place
from kashif.corpora.notices import might_be_articles
from kashif.corpora.spec import Spec
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import files_below
from kashif.folding import fold, letters
from kashif.formats import Reading

TRAIN = "train"
"""The name of the split that the others are compared with."""
APART = (TRAIN, "development", "test", "held-out")
"""The names of splits that may have no article of a corpus in common."""
QUANTILES = (0.5, 0.9, 0.99, 1.0)


@dataclass(frozen=True, slots=True)
class Part:
    """A split or slice of a corpus, or a corpus without splits, that shares no article with another part."""

    name: str
    split: str | None
    readings: tuple[Reading, ...]

    @property
    def documents(self) -> list[Document]:
        return [reading.document for reading in self.readings]

    @property
    def trains(self) -> bool:
        """Whether it counts as seen in training: a split named ``train``, or a slice from 0 % on."""
        part = slices.parse(self.split)
        return self.split == TRAIN or (part is not None and part[0] == 0)


@dataclass(frozen=True, slots=True)
class Division:
    """The parts that articles are divided into, and what is not compared and why."""

    parts: tuple[Part, ...]
    notices: tuple[str, ...] = ()

    @property
    def training(self) -> list[Document]:
        """The articles of every part that trains."""
        return [document for part in self.parts if part.trains for document in part.documents]

    @property
    def evaluation(self) -> list[Part]:
        return [part for part in self.parts if not part.trains]


def divide(specs: Sequence[Spec], readings: Sequence[Reading]) -> Division:
    """Divides what was read by the splits of each corpus; a corpus that has none is a part of its own.

    Only parts with no article in common are compared. In the order of ``APART``, then of the splits
    file, a part is left out with a notice if one of its articles (same id and text) stands in a part
    before it, as those of a subset of ``train`` do. Articles in no split are counted in a notice.
    """
    asked = sorted(_read(specs).items(), key=lambda item: _rank(item[0].split))
    paths = Counter(path.name for path in {spec.path for spec, _ in asked})
    parts: list[Part] = []
    notices: list[str] = []
    owner: dict[tuple[str, str], str] = {}
    placed: set[tuple[Path, str]] = set()
    for spec, ids in asked:
        corpus = spec.path.name if spec.split and paths[spec.path.name] == 1 else str(spec.path)
        name = f"{corpus}#{spec.split}" if spec.split else corpus
        mine = _readings(spec, ids, readings)
        placed |= {(reading.path, reading.document.id) for reading in mine}
        keys = [(reading.document.id, letters(reading.document.text)) for reading in mine]
        common = [owner[key] for key in keys if key in owner]
        if common:
            others = " and ".join(dict.fromkeys(common))
            notices.append(f"{name} is not compared: {len(common)} of {len(mine)} articles are in {others}")
        elif mine:
            owner.update(dict.fromkeys(keys, name))
            parts.append(Part(name, spec.split, tuple(mine)))
    outside = Counter(str(r.path.parent) for r in readings if (r.path, r.document.id) not in placed)
    if outside:
        where = ", ".join(f"{folder} {count}" for folder, count in outside.items())
        notices.append(f"articles in no split: {outside.total()} ({where})")
    return Division(tuple(parts), tuple(notices))


def faults(specs: Sequence[Spec]) -> list[Fault]:
    """A fault for every two splits of ``APART`` that have articles of a corpus in common."""
    found: list[Fault] = []
    try:
        corpora = {spec.path: _splits(spec) for spec in _asked(specs)}
    except InputError as error:
        return error.faults
    for path, splits in corpora.items():
        for first, second in combinations([name for name in APART if name in splits], 2):
            both = ", ".join(sorted({*splits[first]} & {*splits[second]}))
            if both:
                file, corpus = splits_place(path)
                message = f"{corpus}: {both} in both {first} and {second}; keep each in one of them"
                found.append(Fault(str(file), message))
    return found


def lacking(specs: Sequence[Spec], readings: Sequence[Reading]) -> list[Fault]:
    """A fault for every split that names articles which the corpus does not have."""
    found: list[Fault] = []
    for spec, ids in _read(specs).items():
        if ids is None:
            continue
        try:
            files = files_of(spec)
        except InputError as error:
            found += error.faults
            continue
        # An article whose text is not on this machine has a file all the same.
        known = {file.stem for name, file in files if not formats.FORMATS[name].many}
        known |= {reading.document.id for reading in _readings(spec, ids, readings)}
        if ids - known:
            missing = ", ".join(sorted(ids - known))
            file, corpus = splits_place(spec.path)
            message = f"{corpus}.{spec.split}: {missing}: no such document in {spec.path}"
            found.append(Fault(str(file), message))
    return list(dict.fromkeys(found))


def _rank(split: str | None) -> int:
    return APART.index(split) if split in APART else len(APART)


def _asked(specs: Sequence[Spec]) -> dict[Spec, set[str] | None]:
    """The corpora asked for, one spec a split where they have splits, each with the split's ids."""
    named = named_with_formats(specs)
    return {part: ids for spec in specs for part, ids in _each(spec, named)}


def _read(specs: Sequence[Spec]) -> dict[Spec, set[str] | None]:
    """As ``_asked``, without what a splits file names and is not read, as nobody says its format."""
    return {spec: ids for spec, ids in _asked(specs).items() if not _lacks_format(spec)}


def _lacks_format(spec: Spec) -> bool:
    """Whether articles may stand at a path, all in formats that no ending tells: a notice says so."""
    if spec.format or not spec.path.exists() or not might_be_articles(spec.path):
        return False
    files = files_below(spec.path) if spec.path.is_dir() else [spec.path]
    return not any(file.suffix.lower() in formats.ENDINGS for file in files)


def named_with_formats(specs: Sequence[Spec]) -> set[str]:
    """The paths of whole corpora that are named with a format: below a folder they are read in no other."""
    return {os.path.realpath(spec.path) for spec in specs if spec.format and not spec.split}


def holds_corpora(spec: Spec) -> bool:
    """Whether this is a folder of corpora, with their splits in it; with a split it is one corpus."""
    return not spec.format and not spec.split and (spec.path / SPLITS).is_file()


def _each(spec: Spec, named: Collection[str]) -> Iterator[tuple[Spec, set[str] | None]]:
    if holds_corpora(spec):
        for corpus, splits in split_file(spec.path / SPLITS).items():
            for name, ids in () if os.path.realpath(spec.path / corpus) in named else splits.items():
                yield Spec(spec.path / corpus, split=name), set(ids)
    elif spec.split is None and (splits := _splits(spec)):
        for name, ids in splits.items():
            yield replace(spec, split=name), set(ids)
    else:
        yield spec, chosen(spec)


def _splits(spec: Spec) -> dict[str, list[str]]:
    file, corpus = splits_place(spec.path)
    return split_file(file).get(corpus, {}) if file.is_file() and not spec.own_splits else {}


def _readings(spec: Spec, ids: set[str] | None, readings: Sequence[Reading]) -> list[Reading]:
    files = {file for _, file in files_of(spec)}
    mine = (
        reading
        for reading in readings
        if reading.path in files
        and reading.slice == spec.slice
        and (ids is None or reading.document.id in ids)
    )
    return list({(reading.path, reading.document.id): reading for reading in mine}.values())


@dataclass(frozen=True, slots=True)
class Place:
    """Code points of an article of a part."""

    part: str
    document: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.document} ({self.part}) {self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Shared:
    """What articles of different parts have in common.

    ``pairs``: the longest stretch that two articles share, in both, with their overlap, the most alike
    first; ``repeated``: for each sentence that stands in several parts, where.
    """

    pairs: tuple[tuple[Place, Place, Overlap], ...]
    repeated: tuple[tuple[Place, ...], ...]


def shared(parts: Sequence[Part]) -> Shared:
    """Compares every article with those of the other parts."""
    articles = [(part.name, document) for part in parts for document in part.documents]
    texts, groups = [document.text for _, document in articles], [name for name, _ in articles]

    def place(index: int, span: tuple[int, int]) -> Place:
        return Place(groups[index], articles[index][1].id, *span)

    found = sorted(
        overlaps(texts, groups), key=lambda pair: (-pair.near_duplicate, -pair.containment, -pair.run)
    )
    return Shared(
        tuple((place(o.first, o.first_span), place(o.second, o.second_span), o) for o in found),
        tuple(
            tuple(place(index, span) for index, span in places)
            for places in repeated_sentences(texts, groups)
        ),
    )


@dataclass(frozen=True, slots=True)
class SeenCounts:
    """Counts of entities, as mentions and as distinct names, and how many of them stand in training."""

    mentions: int
    mentions_seen: int
    names: int
    names_seen: int


def seen_in_training(training: Sequence[Document], held: Sequence[Document]) -> dict[str, SeenCounts]:
    """The entities of ``held`` that stand in training, in all (``all``) and by label, most first.

    A name is a mention's normal form and label. The article that a ``لل`` hides is put back where
    the training articles show the full form.
    """
    known = {(normal_form(e.text), e.label) for document in training for e in document.entities}
    forms = {form for form, _ in known}
    mentions: Counter[tuple[str, str]] = Counter()
    for document in held:
        folded = fold(document.text)
        for entity in document.entities:
            start, end = folded.position(entity.start), folded.position(entity.end)
            mentions[restored(folded.text, start, end, forms.__contains__), entity.label] += 1
    by_label: dict[str, Counter[tuple[str, str]]] = {"all": mentions}
    for name, count in mentions.items():
        by_label.setdefault(name[1], Counter())[name] = count
    rows = {
        label: SeenCounts(
            names.total(),
            sum(count for name, count in names.items() if name in known),
            len(names),
            sum(name in known for name in names),
        )
        for label, names in by_label.items()
    }
    return dict(sorted(rows.items(), key=lambda row: (row[0] != "all", -row[1].mentions, row[0])))


@dataclass(frozen=True, slots=True)
class Distances:
    """How far apart the arguments of relations stand.

    ``within`` counts those in one sentence, ``adjoining`` those in two adjoining ones; ``words`` are the
    ``QUANTILES`` (nearest rank) of the whole words between, punctuation too; None if there is no relation.
    """

    relations: int
    within: int
    adjoining: int
    words: tuple[int, ...] | None


def distances(documents: Sequence[Document]) -> Distances:
    """The distances of all relations of some documents."""
    apart: Counter[int] = Counter()
    between: list[int] = []
    for document in documents:
        sentence = sentence_index(sentences(document.text))
        spans = words(document.text)
        starts, ends = [start for start, _ in spans], [end for _, end in spans]
        by_id = document.by_id()
        for relation in document.relations:
            head, tail = by_id[relation.head], by_id[relation.tail]
            apart[abs(sentence(head.start) - sentence(tail.start))] += 1
            first, second = sorted((head, tail), key=lambda entity: (entity.start, entity.end))
            between.append(max(0, bisect_right(ends, second.start) - bisect_left(starts, first.end)))
    between.sort()
    ranks = [math.ceil(share * len(between)) - 1 for share in QUANTILES]
    words_between = tuple(between[rank] for rank in ranks) if between else None
    return Distances(len(between), apart[0], apart[1], words_between)
