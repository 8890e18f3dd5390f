"""Where documents come from: the files of a corpus, and its splits by article."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from kashif import formats
from kashif.config import parse_yaml
from kashif.corpora import slices, texts
from kashif.corpora.notices import gathered, uncorrected, unread
from kashif.corpora.spec import Spec, without_folders
from kashif.document import Document
from kashif.errors import Fault, InputError, nearest
from kashif.files import read_text
from kashif.formats import Reading

SPLITS = "splits.yaml"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents under the name they were asked for, and what was left out and why.

    With a ``mapping`` the documents carry that corpus's own labels, which the mapping translates.
    """

    name: str
    documents: tuple[Document, ...]
    notices: tuple[str, ...] = ()
    mapping: str | None = None


def load(text: str) -> Corpus:
    """The documents of a corpus. What is not on this machine is left out with a notice.

    Raises:
        InputError: listing every fault of every file.
    """
    spec = Spec.parse(text)
    read = contents(spec)
    if faults := read.faults or _lacking(spec, read):
        raise InputError(faults)
    readings, notices = read.readings, [*unread(spec.path, read.files), *read.notices]
    documents = tuple(reading.document for reading in readings)
    if spec.mapping and (unused := sum(len(document.relations) for document in documents)):
        notices.append(f"{text}: {unused} relations left out; a mapping translates entities alone")
        documents = tuple(replace(document, relations=()) for document in documents)
    return Corpus(text, documents, tuple(without_folders(text, notices)), spec.mapping)


def refuse_unknown(corpora: Iterable[str]) -> None:
    """Raises InputError for corpora that are not there and splits that they have not; reads no document."""
    faults: list[Fault] = []
    for text in corpora:
        try:
            spec = Spec.parse(text)
            files_of(spec)
            if not spec.own_splits:  # these are known when the dataset is read
                chosen(spec)
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)


def _lacking(spec: Spec, found: Contents) -> list[Fault]:
    """A fault if a corpus does not hold all that its split names."""
    known = {reading.document.id for reading in found.readings} | found.missing
    lacking = sorted((chosen(spec) or set()) - known)
    if not lacking:
        return []
    message = f"split '{spec.split}' names {', '.join(lacking)}: no such document in {spec.path}"
    return [Fault(str(splits_place(spec.path)[0]), message)]


def load_each(corpora: Iterable[str]) -> list[Corpus]:
    """Several corpora.

    Raises:
        InputError: listing every fault, among them an id that stands in two corpora.
    """
    found: list[Corpus] = []
    ids: set[str] = set()
    faults: list[Fault] = []
    for text in corpora:
        try:
            corpus = load(text)
        except InputError as error:
            faults += error.faults
            continue
        for document in corpus.documents:
            if document.id in ids:
                faults.append(Fault(text, f"'{document.id}' already comes from another corpus"))
            ids.add(document.id)
        found.append(corpus)
    if faults:
        raise InputError(faults)
    return found


def load_all(corpora: Iterable[str]) -> tuple[list[Document], list[str]]:
    """The documents of several corpora one after the other, and all notices; see ``load_each``."""
    found = load_each(corpora)
    return [d for part in found for d in part.documents], [n for part in found for n in part.notices]


@dataclass
class Contents:
    """What could be read of a corpus's files, the faults of the others, and notices.

    ``files`` are all of the corpus, whatever its split; ``missing`` are the ids of articles whose text is not
    on this machine.
    """

    files: list[tuple[str, Path]] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)


def contents(spec: Spec) -> Contents:
    """All that is to be said of a corpus's files, in one round; what a split names is not looked for here."""
    found = Contents()
    try:
        found.files, wanted, parts = files_of(spec), chosen(spec), spec.own_splits
    except InputError as error:
        found.faults += error.faults
        return found
    files = found.files
    own = (("split", spec.split),) if spec.split and parts and not spec.slice else ()
    if wanted is not None:
        many = any(formats.FORMATS[name].many for name, _ in files)
        files = [(name, file) for name, file in files if many or file.stem in wanted]
    remedy = ""
    all_read: list[Reading] = []
    for name, file in files:
        try:
            got = texts.read(file, name, options=(*spec.options, *own))
        except texts.MissingText as error:
            found.missing.add(file.stem)
            remedy = remedy or str(error).partition(": ")[2]
            continue
        except InputError as error:
            found.faults += error.faults
            continue
        all_read += got
        found.readings += [r for r in got if wanted is None or r.document.id in wanted]
    found.notices += gathered(all_read, spec.path)
    if len(parts) > 1 and wanted is None:
        message = f"its splits {', '.join(parts)} are read together; #{parts[0]} names one"
        found.notices.append(f"{spec.path}: {message}")
    count = f"{len(found.missing)} of {len(files)} articles of {spec.path}"
    if found.missing and spec.slice:
        message = f"no slice of a corpus without all its texts; not here: {count}; {remedy}"
        found.faults.append(Fault(str(spec.path), message))
    elif found.missing:
        found.notices.append(f"left out, their text is not here: {count}; {remedy}")
    if spec.slice and not found.faults:
        try:
            taken = slices.take(found.readings, spec.slice)
            found.readings = [replace(reading, slice=spec.slice) for reading in taken]
        except InputError as error:
            found.faults += error.faults
    found.notices += uncorrected(found.readings, spec.path)
    seen: dict[str, Path] = {}
    for reading in found.readings:
        if reading.document.id in seen:
            message = f"id '{reading.document.id}' is also in {seen[reading.document.id]}; ids are unique"
            found.faults.append(Fault(str(reading.path), message))
        seen.setdefault(reading.document.id, reading.path)
    return found


def files_of(spec: Spec) -> list[tuple[str, Path]]:
    """The document files of a corpus, each with its format.

    Raises:
        InputError: as ``formats.files``.
    """
    try:
        return formats.files(spec.path, spec.format)
    except InputError as error:
        options = "".join(f"+{key}={value}" for key, value in spec.options)
        whole = f"{spec.format}{options}:" if spec.format else ""
        whole += str(spec.path)
        whole += f"#{spec.split}" if spec.split else ""
        whole += f"@{spec.mapping}" if spec.mapping else ""
        if os.path.lexists(spec.path) or whole == str(spec.path):
            raise
        hint = f"; nor is there one named '{whole}'"
        raise InputError([Fault(fault.where, fault.message + hint) for fault in error.faults]) from error


def splits_place(path: Path) -> tuple[Path, str]:
    """The splits file of the corpus at a path, and the corpus's name in it; ``.`` has that of its folder.

    It stands beside the corpus as that is written, else beside where a link leads.
    """
    whole = Path(os.path.abspath(path)) if path.name in ("", "..") else path
    for place in (whole, Path(os.path.realpath(path))):
        file = place.parent / SPLITS
        if file.is_file() and place.name in split_file(file):
            return file, place.name
    return whole.parent / SPLITS, whole.name


def split_file(path: Path) -> dict[str, dict[str, list[str]]]:
    """A splits file: corpus -> split -> ids, all as they are written: ``2024`` is a name.

    Raises:
        InputError: if it is not of this shape, or an id stands twice in one split.
    """
    data = parse_yaml(read_text(path), str(path), strings=True)
    faults = []
    if not isinstance(data, dict) or not all(isinstance(splits, dict) for splits in data.values()):
        raise InputError(Fault(str(path), "expected corpus: {split: [ids]}"))
    for corpus, splits in data.items():
        for name, ids in splits.items():
            if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
                faults.append(Fault(str(path), f"{corpus}.{name}: expected a list of ids"))
                continue
            for id, count in Counter(ids).items():
                if count > 1:
                    faults.append(Fault(str(path), f"{corpus}.{name}: {id} stands {count} times"))
    if faults:
        raise InputError(faults)
    return data


def chosen(spec: Spec) -> set[str] | None:
    """The ids of a corpus's split; None where it names none or is a slice.

    Raises:
        InputError: if there is no such split.
    """
    if spec.split is None or spec.slice:
        return None
    if spec.own_splits:
        if spec.split not in spec.own_splits:
            message = f"no split '{spec.split}'; {nearest(spec.split, spec.own_splits)}"
            raise InputError(Fault(str(spec.path), message))
        readings = formats.read(spec.path, "datasets", options=(*spec.options, ("split", spec.split)))
        return {reading.document.id for reading in readings}
    path, name = splits_place(spec.path)
    if not path.is_file():
        raise InputError(Fault(str(path), f"no such file, so '{name}' has no split '{spec.split}'"))
    known = split_file(path)
    splits = known.get(name)
    if splits is None:
        message = f"no splits for the corpus '{name}'; {nearest(name, known)}"
        if known:
            message += " (a corpus has its splits by its name: after a new export, give the file its old one)"
        raise InputError(Fault(str(path), message))
    if spec.split not in splits:
        message = f"'{name}' has no split '{spec.split}'; {nearest(str(spec.split), splits)}"
        raise InputError(Fault(str(path), message))
    return set(splits[spec.split])
