"""Texts to predict on: files, folders of them, JSON lines, standard input; each that fails is told alone."""

from __future__ import annotations

import codecs
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from kashif.document import joined_meta
from kashif.errors import Fault, InputError
from kashif.files import BOM, decode, opened, parse_json, read_text
from kashif.formats import plain, shapes
from kashif.formats.columns import looks_like_conll
from kashif.outputs import is_stream, missing

STANDARD_INPUT = "standard input"
_ENDINGS = (".txt", ".jsonl")
_OWN = {"id", "text", "entities", "relations", "meta"}
"""The keys of a line that are not passed through."""
_CLOSING = re.compile(r"\|[^|#\[\]\n]+#\d")
"""What the end of a mark of the plain format begins with."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its id and meta, and where it stands.

    ``marked`` says that its marks are left out, ``slip`` why those that it holds could not be.
    """

    id: str
    text: str
    where: str
    line: int = 0
    meta: dict[str, Any] = field(default_factory=dict)
    marked: bool = False
    slip: Fault | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that failed: what is wrong with it, its id if it has one, and the error to raise for it."""

    fault: Fault
    id: str = ""
    cause: Exception | None = None

    @property
    def error(self) -> Exception:
        """What to raise."""
        return self.cause or InputError(self.fault)


Input = Text | Failure


def find(paths: Iterable[str | Path]) -> list[Path | Failure]:
    """The files at paths, those of folders sorted; a failure for each path where there is none.

    Raises:
        InputError: if a name is empty.
    """
    found: list[Path | Failure] = []
    for name in paths:
        if not str(name):
            message = "the name of an input is empty, as from a variable that is not set"
            raise InputError(f"{message}; name a file or folder (. is the current one)")
        path = Path(name)
        try:
            found += _files(path) if path.is_dir() else [path if path.exists() else _missing(path)]
        except OSError as error:
            found.append(Failure(Fault(str(path), f"cannot be read: {error.strerror}")))
    return found


def _missing(path: Path) -> Failure:
    return Failure(Fault(str(path), missing(path)))


def _files(folder: Path) -> list[Path | Failure]:
    inside = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    files = [file for file in inside if file.suffix.lower() in _ENDINGS and not file.is_dir()]
    if files:
        return [*files]
    hint = "; name the folders in it" if any(file.is_dir() for file in inside) else ""
    return [Failure(Fault(str(folder), f"no .txt or .jsonl file in this folder{hint}"))]


def read(
    files: Iterable[Path | Failure] | None, *, refusal: Callable[[str], str] = lambda id: ""
) -> Iterator[Input]:
    """The texts of files, or of standard input for None, as they are asked for.

    An id that another text has, or that ``refusal`` has a reason against, is a failure.
    """
    taken: dict[str, tuple[str, int]] = {}
    for item in _standard_input() if files is None else _each(files):
        if isinstance(item, Failure):
            yield item
            continue
        cause = refusal(item.id)
        if not cause and item.id in taken:
            other = str(Fault(taken[item.id][0], "", taken[item.id][1])).removesuffix(": ")
            cause = f"the id {item.id!r:.80} is taken by {other}; ids are unique"
        taken.setdefault(item.id, (item.where, item.line))
        yield Failure(Fault(item.where, cause, item.line), item.id) if cause else item


def check(files: Sequence[Path | Failure], *, refusal: Callable[[str], str] = lambda id: "") -> None:
    """Reads all that can be read twice, so that a fault is known before the work; pipes are passed over.

    Raises:
        InputError: listing every fault of every file.
    """
    lasting = [file for file in files if isinstance(file, Failure) or not is_stream(file)]
    faults = [item.fault for item in read(lasting, refusal=refusal) if isinstance(item, Failure)]
    if faults:
        raise InputError(faults)


def _each(files: Iterable[Path | Failure]) -> Iterator[Input]:
    for file in files:
        if isinstance(file, Failure):
            yield file
        else:
            try:
                yield from _file(file)
            except InputError as error:
                yield from (Failure(fault, file.stem) for fault in error.faults)
            except OSError as error:
                yield Failure(Fault(str(file), f"cannot be read: {error.strerror}"), file.stem)


def _file(file: Path) -> Iterator[Input]:
    if file.suffix.lower() == ".jsonl":
        with opened(file) as lines:
            yield from _json_lines(lines, str(file), stem=file.stem)
    elif is_stream(file):
        with opened(file) as stream:
            yield from _stream(stream, str(file), stem=file.stem)
    else:
        yield _text(read_text(file), file.stem, str(file))


def _standard_input() -> Iterator[Input]:
    if sys.stdin is None:
        raise InputError("standard input is closed; name a file")
    try:
        yield from _stream(sys.stdin.buffer, STANDARD_INPUT, stem="text")
    except OSError as error:
        yield Failure(Fault(STANDARD_INPUT, f"cannot be read: {error.strerror}"))


def _stream(stream: BinaryIO, where: str, *, stem: str) -> Iterator[Input]:
    """JSON lines if the first that is not blank begins with an object, else one text; no text of blanks."""
    head = [stream.readline()]
    while head[-1] and not head[-1].removeprefix(codecs.BOM_UTF8).strip():
        head.append(stream.readline())
    if not head[-1]:
        return  # nothing came, as from a program that failed
    if head[-1].removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        yield from _json_lines(_joined(head, stream), where, stem=stem)
        return
    try:
        yield _text(decode(b"".join(head) + stream.read(), where), stem, where)
    except InputError as error:
        yield Failure(error.faults[0])


def _joined(head: Iterable[bytes], rest: Iterable[bytes]) -> Iterator[bytes]:
    yield from head
    yield from rest


def _text(raw: str, id: str, where: str) -> Input:
    """A text without its byte order mark, and without marks if all of it fits the plain format."""
    raw = raw.removeprefix(BOM)
    if _is_json(raw):
        message = "JSON, not a text; write each text as an object on a line of its own, in a *.jsonl"
        if format := shapes.shape(raw):
            message += f", with: {_conversion(format, where)}"
        return Failure(Fault(where, message), id)
    if looks_like_conll(raw) and not plain.has_rule(raw):
        message = f"words and tags in columns, not an article; for its texts: {_conversion('conll', where)}"
        return Failure(Fault(where, message), id)
    try:
        document = plain.parse(raw, Path(where)).document
    except InputError as error:
        return Text(id, raw, where, slip=error.faults[0] if "[[" in raw and _CLOSING.search(raw) else None)
    return Text(id, document.text, where, marked=document.text != raw)


def _conversion(format: str, where: str) -> str:
    """The command that makes JSON lines of a file of another format."""
    file = "FILE" if where == STANDARD_INPUT else where
    return f"kashif corpus convert {shlex.quote(f'{format}:{file}')} --format jsonl --output FILE.jsonl"


def _is_json(raw: str) -> bool:
    """Whether a text is an array of JSON, such as an export, or begins with an object, such as JSON lines."""
    text = raw.lstrip()
    if not text.startswith(("[", "{")):
        return False
    try:
        _, end = json.JSONDecoder().raw_decode(text)  # stops at the first letter of an article
    except (ValueError, RecursionError):
        return False
    return text.startswith("{") or not text[end:].strip()


def _json_lines(lines: Iterable[bytes], where: str, *, stem: str) -> Iterator[Input]:
    for number, line in enumerate(lines, start=1):
        raw = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if raw.strip():
            yield _row(raw, where, number, stem=stem)


def _row(raw: bytes, where: str, number: int, *, stem: str) -> Input:
    """The text of one line of JSON; a line without an id is named after its file and number."""

    def failure(message: str, id: str = "") -> Failure:
        return Failure(Fault(where, message, number), id)

    try:
        row = parse_json(decode(raw, where, number), where, number)
    except InputError as error:
        return Failure(error.faults[0])
    if not isinstance(row, dict):
        return failure("expected an object with a string 'text'")
    id = row.get("id")
    if id is None:
        id = f"{stem}-{number}"
    if not isinstance(id, str | int) or isinstance(id, bool):
        return failure(f"'id' is a string or a whole number, found {type(id).__name__}")
    text = row.get("text")
    if not isinstance(text, str):
        found = f"found {type(text).__name__}" if "text" in row else "found none"
        if format := shapes.of_row(row):
            found += f"; for texts from {format}: {_conversion(format, where)}"
        return failure(f"expected an object with a string 'text', {found}", str(id))
    meta = {key: value for key, value in row.items() if key not in _OWN}
    marked = bool(row.get("entities") or row.get("relations") or shapes.of_row(row))
    return Text(str(id), text, where, number, joined_meta(meta, row.get("meta")), marked=marked)
