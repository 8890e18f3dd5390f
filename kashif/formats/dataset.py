"""Datasets of Hugging Face: a folder of ``save_to_disk``, with splits or without, or parquet files.

A row is a document: ``tokens`` and a column of tags, or ``text`` with lists of entities and of relations.
Written are ``id``, ``text``, ``entities``, ``relations``, and ``meta`` as JSON.
"""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import regex

from kashif.document import Document, json_line
from kashif.errors import Fault, InputError, first_line, listed, nearest
from kashif.files import files_below, list_folder, read_json
from kashif.formats import conll, drafts
from kashif.formats.drafts import Draft
from kashif.formats.reading import Reading, refuse_surrogates
from kashif.formats.tagging import find as find_tagging
from kashif.formats.tagging import is_joined
from kashif.replacing import replaced_files, settle

ENDING = ".parquet"
OPTIONS = {
    "tag": (regex.compile(r"\S+"), "+tag=ner_tags (the column of tags)"),
}
_TOKENS = ("tokens", "words")
_TAGS = ("ner_tags", "ner", "tags", "labels")
_TEXTS = ("text", "sentence", "content")
_SPANS = ("entities", "spans", "label", "labels")
_KEYS = {
    "start": ("start", "start_offset", "begin"),
    "end": ("end", "end_offset"),
    "label": ("label", "type"),
    "head": ("head", "from_id", "source"),
    "tail": ("tail", "to_id", "target"),
}
"""The names that tools give to one thing, ours first."""
_SPAN = ("start", "end", "label", "id", "text", "normal", "score")
_RELATION = ("label", "head", "tail", "score", "id")
_INFO = "dataset_info.json"
_STATE, _DICT = "state.json", "dataset_dict.json"
"""The files of ``save_to_disk`` that name the files of rows, and a DatasetDict's splits."""
_SPLITS = ("train", "validation", "valid", "dev", "test")
"""A folder with a parquet file, or a folder of some, so named has splits, each of the files of a name."""
_SHARD = regex.compile(r"-\d{5}-of-\d{5}")


def is_saved(path: Path) -> bool:
    """Whether a path is a folder of ``save_to_disk``."""
    return any((path / name).is_file() for name in (_STATE, _DICT))


def splits(path: Path) -> tuple[str, ...]:
    """The splits of a DatasetDict's folder, in its order, or of a folder of parquet files; else none."""
    file = path / _DICT
    if not file.is_file():
        return tuple(name for name in _parquet_files(path) if name)
    found = read_json(file)
    names = found.get("splits") if isinstance(found, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(Fault(str(file), "expected the names of the splits; save the DatasetDict again"))
    return tuple(names)


def read(path: Path, *, split: str = "", tag: str = "") -> list[Reading]:
    """The documents of a dataset, one a row; those without ``id`` are numbered.

    In a DatasetDict ids begin with the name of the split, of which one or all are read.

    Raises:
        InputError: for what is no dataset, or without the columns; listing every row that does not fit.
    """
    passed: Counter[str] = Counter()
    found: list[tuple[Draft, str, Mapping[str, Any]]] = []
    for name, data in _opened(path, split).items():
        stem = f"{path.stem}-{name}" if name else path.stem
        words = _first(_TOKENS, data.features)
        make = _tagged(path, data, words, tag, passed) if words else _marked(path, data, passed)
        for number, (draft, row, meta) in enumerate(make, start=1):
            id = drafts.name(row, ["id"], "")
            found.append((draft, f"{name}-{id}" if name and id else id or f"{stem}-{number:05d}", meta))
    return drafts.gathered(path, found, passed, [])


@contextmanager
def _no_bars() -> Iterator[None]:
    """No progress bars of the library inside, and its setting as before outside."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


def _opened(path: Path, split: str) -> dict[str, Any]:
    """The datasets of a path by split; one that has none is named by an empty string."""
    import datasets

    parts: dict[str, Any]
    try:
        with _no_bars():
            if is_saved(path):
                found = datasets.load_from_disk(path)
                parts = dict(found) if isinstance(found, datasets.DatasetDict) else {"": found}
            else:
                parts = _parquet(path)
    except InputError:
        raise
    except Exception as error:  # the library raises errors of no common kind
        message = f"not a dataset that can be read: {first_line(error)}"
        raise InputError(Fault(str(path), message)) from error
    if not split:
        return parts
    if split not in parts:
        hint = nearest(split, parts) if "" not in parts else "it has none; leave the option out"
        raise InputError(Fault(str(path), f"no split '{split}'; {hint}"))
    return {split: parts[split]}


def _parquet(path: Path) -> dict[str, Any]:
    """The rows of a parquet file, or of a folder's by split; labels that are numbers keep their names."""
    import datasets
    from pyarrow import parquet

    found = _parquet_files(path)
    if not found:
        message = "no dataset in this folder: neither save_to_disk's state.json nor a .parquet file"
        raise InputError(Fault(str(path), message))
    for first, *others in found.values():
        columns = set(parquet.read_schema(first).names)
        if other := [file for file in others if set(parquet.read_schema(file).names) != columns]:
            raise InputError(Fault(str(other[0]), f"its columns are not those of {first}; read each alone"))
    return {
        name: datasets.concatenate_datasets([datasets.Dataset(parquet.read_table(file)) for file in files])
        for name, files in found.items()
    }


def _parquet_files(path: Path) -> dict[str, list[Path]]:
    """The parquet files of a path by split, as Hugging Face's hub names them; by an empty string without.

    Raises:
        InputError: if a split stands in several folders, each a configuration of the dataset.
    """
    if not path.is_dir():
        return {"": [path]}
    by_name: dict[str, list[Path]] = {}
    for file in [] if (path / _STATE).is_file() else sorted(files_below(path)):
        if file.suffix.lower() == ENDING:
            name = _SHARD.sub("", file.stem)
            by_name.setdefault(file.parent.name if _is_split_s(file, path) else name, []).append(file)
    known = [name for name in _SPLITS if name in by_name]
    if by_name and not known:
        return {"": [file for files in by_name.values() for file in files]}
    for name, files in by_name.items():
        folders = sorted({file.parent for file in files})
        if len(folders) > 1:
            named = listed(f"datasets:{folder}" for folder in folders)
            raise InputError(
                Fault(str(path), f"the split {name} stands in several folders; give one: {named}")
            )
    return {name: by_name[name] for name in dict.fromkeys((*known, *by_name))}


def _is_split_s(file: Path, path: Path) -> bool:
    """Whether a file stands in a split's folder below a path, as in ``default/train/0000.parquet``."""
    return file.parent != path and file.parent.name in _SPLITS


def _first(names: Sequence[str], columns: Iterable[str]) -> str:
    """The first of some names that is a column; empty if none is."""
    known = set(columns)
    return next((name for name in names if name in known), "")


def _tagged(
    path: Path, data: Any, words: str, tag: str, passed: Counter[str]
) -> Iterator[tuple[Draft, Mapping[str, Any], dict[str, Any]]]:
    """Documents of rows of words and tags."""
    column = tag or _first(_TAGS, data.features)
    if column not in data.features or column == words:
        known = listed(name for name in data.features if name != words)
        raise InputError(Fault(str(path), f"which column holds the tags of '{words}'? +tag=NAME of {known}"))
    names = getattr(getattr(data.features[column], "feature", None), "names", None)
    rows = [(row, _tags(row[column], names)) for row in data]
    tagging = find_tagging(Counter(str(tag) for _, tags in rows for tag in tags))
    if tagging.name != "IOB2":
        passed[f"documents whose tags are {tagging.name}"] += len(rows)
    for number, (row, tags) in enumerate(rows, start=1):
        parts = row[words] or []
        wrong = [tag for tag in tags if not isinstance(tag, str) or not tagging.fits(tag)]
        wrong += [word for word in parts if not isinstance(word, str) or not word.strip()]
        if wrong or len(parts) != len(tags):
            draft = Draft(path, "", place=f"row {number}")
            reason = f"{shortened(wrong[0])} is no word or no tag" if wrong else f"{len(tags)} tags"
            draft.fault(f"{len(parts)} words, and {reason}; {tagging.scheme} has {tagging.shown}")
        else:
            builder = conll.Builder()
            for word, found in zip(parts, tags, strict=True):
                builder.add(word, [tagging.read(found)], 0, glued=False)
            draft = Draft(path, "".join(builder.text), place=f"row {number}")
            for start, end, label in builder.spans:
                draft.entity(start, end, label)
            passed["stray inner tags read as the beginning of a span"] += builder.stray
            passed[conll.JOINED] += sum(map(is_joined, tags))
        yield draft, row, _meta(row, {words, column}, passed)


def _tags(given: Any, names: Sequence[str] | None) -> list[Any]:
    """The tags of a row, by name where they are numbers."""
    values: list[Any] = given if isinstance(given, list) else []
    if names is None:
        return values
    return [names[tag] if isinstance(tag, int) and 0 <= tag < len(names) else tag for tag in values]


def _marked(
    path: Path, data: Any, passed: Counter[str]
) -> Iterator[tuple[Draft, Mapping[str, Any], dict[str, Any]]]:
    """Documents of rows of texts and spans."""
    text, spans = _first(_TEXTS, data.features), _first(_SPANS, data.features)
    if not text or not spans:
        wanted = "'tokens' and 'ner_tags', or 'text' and 'entities'"
        message = f"its columns are {listed(data.features)}; a dataset has {wanted}; rename_columns does that"
        raise InputError(Fault(str(path), message))
    for number, row in enumerate(data, start=1):
        draft = Draft(path, row[text] if isinstance(row[text], str) else "", place=f"row {number}")
        if not isinstance(row[text], str):
            draft.fault(f"its text is {shortened(row[text])}, no string")
        for span in drafts.listed(draft, row[spans], spans):
            start, end, label, id, mention, normal, score = _values(span, _SPAN, passed, of="a span")
            draft.entity(start, end, label, id=id, mention=mention, normal=normal, score=score)
        for link in drafts.listed(draft, row.get("relations"), "relations"):
            label, head, tail, score, _ = _values(link, _RELATION, passed, of="a relation")
            draft.relation(label, head, tail, score=score)
        yield draft, row, _meta(row, {text, spans, "relations"}, passed)


def _values(row: Mapping[str, Any], names: Sequence[str], passed: Counter[str], *, of: str) -> list[Any]:
    """The values of a span or a relation by our names for them; counts those that are not read."""
    keys = [_first(_KEYS.get(name, ()), (key for key in row if row[key] is not None)) for name in names]
    keys = [key or name for key, name in zip(keys, names, strict=True)]
    drafts.count_others(row, keys, passed, of=of)
    return [row.get(key) for key in keys]


def _meta(row: Mapping[str, Any], used: set[str], passed: Counter[str]) -> dict[str, Any]:
    """The single values of a row's other columns, and what stands in ``meta``; lists are counted."""
    others = ((name, value) for name, value in row.items() if name != "id" and name not in used)
    return drafts.single_values(others, passed, what="the column")


def write(document: Document) -> tuple[str, list[str]]:
    """No content, since ``pack`` writes documents together; everything is held.

    Raises:
        InputError: for a lone surrogate or a number of more than 64 bits, which Arrow cannot hold.
    """
    refuse_surrogates(document)
    return "", []


def refuse_foreign(path: Path) -> None:
    """Refuses to write a dataset where anything stands but one that ``save_to_disk`` has written.

    Raises:
        InputError: naming what stands there.
    """
    _replaced(path)


def _replaced(path: Path) -> list[str]:
    """The names of the files of the dataset in a folder, all of which a new one replaces."""
    settle(path)
    found = [file.name for file in list_folder(path)] if path.is_dir() else []
    if not found:
        return []
    own = {_STATE, _INFO, *_named(path / _STATE)} if {_STATE, _INFO} <= {*found} else set()
    if others := [name for name in found if name not in own]:
        message = f"{listed(others)} in this folder would be lost, or be no part of the new dataset"
        raise InputError(Fault(str(path), f"{message}; name a new folder"))
    return found


def _named(state: Path) -> list[str]:
    """The files of rows that a ``state.json`` names; none if it is no dataset's."""
    with suppress(InputError):
        row = read_json(state)
        files = row.get("_data_files") if isinstance(row, dict) else None
        if isinstance(files, list) and all(isinstance(file, dict) for file in files):
            return [str(file.get("filename")) for file in files]
    return []


def pack(documents: Iterable[Document], path: Path) -> None:
    """Writes documents as a dataset that ``datasets.load_from_disk`` reads, in the place of an older one.

    Raises:
        InputError: as ``refuse_foreign``.
    """
    import datasets

    text, number, score = (datasets.Value(kind) for kind in ("string", "int64", "float64"))
    entity = {"id": number, "start": number, "end": number, "label": text}
    entity |= {"text": text, "normal": text, "score": score}
    relation = {"label": text, "head": number, "tail": number, "score": score}
    features = datasets.Features(id=text, text=text, entities=[entity], relations=[relation], meta=text)
    rows = [
        {
            "id": document.id,
            "text": document.text,
            "entities": [asdict(entity) for entity in document.entities],
            "relations": [asdict(relation) for relation in document.relations],
            "meta": json_line(dict(document.meta), document.id) if document.meta else None,
        }
        for document in documents
    ]
    columns = {name: [row[name] for row in rows] for name in features}
    old = [glob.escape(name) for name in _replaced(path)]
    path.mkdir(parents=True, exist_ok=True)
    with _no_bars(), replaced_files(path, stale=old) as new:
        made = datasets.Dataset.from_dict(columns, features=features)
        made.save_to_disk(new, num_shards=None if rows else 1)  # of no file the library reads nothing
