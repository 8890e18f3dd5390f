"""Files <-> documents: one module a format, each with ``read`` and ``write``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kashif.document import Document
from kashif.errors import Fault, InputError, nearest
from kashif.formats import brat, conll, jsonl, plain
from kashif.formats.reading import Reading, read_text

__all__ = ["FORMATS", "Format", "Reading", "files", "read", "read_text", "render", "save"]


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is read and written.

    ``write`` gives a document's file content and, in words, what the format could not hold.
    ``many`` says whether one file holds many documents.
    """

    ending: str
    read: Callable[[Path], list[Reading]]
    write: Callable[[Document], tuple[str, list[str]]]
    many: bool


FORMATS = {
    "plain": Format(".txt", plain.read, plain.write, many=False),
    "brat": Format(".ann", brat.read, brat.write, many=False),
    "jsonl": Format(".jsonl", jsonl.read, jsonl.write, many=True),
    "conll": Format(".conll", conll.read, conll.write, many=True),
}
_BY_ENDING = {entry.ending: name for name, entry in FORMATS.items()}


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise InputError(f"no format '{name}'; {nearest(name, FORMATS)}")
    return FORMATS[name]


def files(path: Path, format: str | None = None) -> list[tuple[str, Path]]:
    """The document files at a path, each with its format: the file itself, or a folder's, sorted.

    A format given wins over the ending; a ``.txt`` with a ``.ann`` beside it is that one's text.

    Raises:
        InputError: if the path does not exist, holds no document file or has an unknown ending.
    """
    chosen = _format(format).ending if format else None
    if path.is_file():
        if format:
            return [(format, path)]
        if path.suffix == ".txt" and path.with_suffix(".ann").exists():
            return [("brat", path.with_suffix(".ann"))]
        if path.suffix not in _BY_ENDING:
            known = ", ".join(_BY_ENDING)
            message = f"cannot tell the format from '{path.suffix}' (known: {known}); write FORMAT:PATH"
            raise InputError(Fault(str(path), message))
        return [(_BY_ENDING[path.suffix], path)]
    if not path.is_dir():
        raise InputError(Fault(str(path), "no such file or folder"))
    found = []
    for file in sorted(path.iterdir()):
        if chosen and file.suffix == chosen:
            found.append((str(format), file))
        elif not chosen and file.suffix in _BY_ENDING:
            if file.suffix == ".txt" and file.with_suffix(".ann").exists():
                continue
            found.append((_BY_ENDING[file.suffix], file))
    if not found:
        raise InputError(Fault(str(path), f"no {chosen or 'document'} file in this folder"))
    return found


def read(path: Path, format: str) -> list[Reading]:
    """The documents of one file.

    Raises:
        InputError: listing every fault of the file, with its line.
        MissingText: if the text that the annotations point into is not there.
    """
    return _format(format).read(path)


def render(document: Document, format: str) -> tuple[str, list[str]]:
    """A document in a format, and in words what the format could not hold."""
    return _format(format).write(document)


def save(documents: Sequence[Document], format: str, path: Path) -> list[str]:
    """Writes documents to a folder (one file each) or, where the format allows, to one file.

    Returns:
        What the format could not hold, in words.
    """
    entry = _format(format)
    losses: list[str] = []
    _refuse_ids(documents)
    if entry.many and path.suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            for document in documents:
                content, lost = entry.write(document)
                file.write(_encodable(content, document))
                losses += lost
        return losses
    if path.suffix and len(documents) > 1:
        message = f"{format} holds one document a file and there are {len(documents)}; name a folder"
        raise InputError(Fault(str(path), message))
    for document in documents:
        target = path if path.suffix else path / f"{document.id}{entry.ending}"
        target.parent.mkdir(parents=True, exist_ok=True)
        content, lost = entry.write(document)
        target.write_text(_encodable(content, document), encoding="utf-8", newline="")
        losses += lost
        if format == "brat":
            brat.write_beside(document, target)
    return losses


def _refuse_ids(documents: Sequence[Document]) -> None:
    """Raises InputError for ids that would overwrite one another or leave the folder."""
    faults = [
        Fault(f"document '{id}'", f"{count} documents have this id; ids are unique")
        for id, count in Counter(document.id for document in documents).items()
        if count > 1
    ]
    faults += [
        Fault(f"document '{document.id}'", "this id is no file name; rename the document")
        for document in documents
        if document.id in ("", ".", "..") or Path(document.id).name != document.id
    ]
    if faults:
        raise InputError(faults)


def _encodable(content: str, document: Document) -> str:
    try:
        content.encode()
    except UnicodeEncodeError as error:
        message = "the text holds a lone surrogate, which UTF-8 cannot; only jsonl holds it (escaped)"
        raise InputError(Fault(f"document '{document.id}'", message)) from error
    return content
