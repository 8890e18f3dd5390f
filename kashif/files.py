"""Reading and writing files: the one place for each, and for JSON."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

from kashif.errors import Fault, InputError
from kashif.outputs import named_errors
from kashif.replacing import replaced_file

BOM = "\ufeff"
"""The mark that some editors put before a text: no part of it."""
_UTF16_BYTES = frozenset(b"\x00\x06")
"""The upper bytes of Latin and of Arabic letters in UTF-16."""
_KINDS = {
    b"\x1f\x8b": "gzip; unpack it first: gunzip -k FILE",
    b"BZh": "bzip2; unpack it first: bunzip2 -k FILE",
    b"\xfd7zXZ\0": "xz; unpack it first: unxz -k FILE",
    b"\x28\xb5\x2f\xfd": "zstd; unpack it first: unzstd FILE",
    b"7z\xbc\xaf\x27\x1c": "7z; unpack it first: 7z x FILE",
    b"{\\rtf": "RTF; save it as plain text, in UTF-8",
    b"PK\x03\x04": "a zip, as .docx and .xlsx are; unpack it, or save it as plain text",
    b"\xd0\xcf\x11\xe0": "an old .doc or .xls; save it as plain text, in UTF-8",
    b"%PDF-": "a PDF; save its text, in UTF-8",
}
"""Files of other kinds by their first bytes, and what to do with them."""


def read_bytes(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        InputError: if the file is not there or cannot be read.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise _unreadable(path, error) from error


def opened(path: Path) -> BufferedReader:
    """A file to read bytes from.

    Raises:
        InputError: if the file is not there or cannot be read.
    """
    try:
        return path.open("rb")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_text(path: Path, *, keep_bom: bool = False) -> str:
    """A file's text to the letter, no newline translated; a byte order mark before it only if ``keep_bom``.

    Raises:
        InputError: if the file is not there or is not UTF-8.
    """
    text = decode(read_bytes(path), str(path))
    return text if keep_bom else text.removeprefix(BOM)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file, each with its number and its line end, read as they are asked for.

    A ``.gz`` is unpacked. A byte order mark is taken away.

    Raises:
        InputError: if the file is not there, is not UTF-8, or is no whole gzip file as its name says.
    """
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else opened(path) as file:
            yield from decoded_lines(file, str(path))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(Fault(str(path), f"not a whole gzip file: {error}; get it again")) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def decoded_lines(stream: Iterable[bytes], where: str) -> Iterator[tuple[int, str]]:
    """The lines of a stream, as ``read_lines`` gives those of a file; ``where`` names it in errors.

    Raises:
        InputError: if a line is not UTF-8.
    """
    for number, line in enumerate(stream, start=1):
        text = decode(line, where, number)
        yield number, text.removeprefix(BOM) if number == 1 else text


def read_json_lines(path: Path, *, strings: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines, perhaps a ``.gz``; ``strings`` are keys that must hold strings.

    Raises:
        InputError: as ``read_lines``; at the end, for all lines that do not fit.
    """
    faults: list[Fault] = []
    wanted = " and ".join(f"'{name}'" for name in strings)
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            row = parse_json(line, str(path), number)
        except InputError as error:
            faults += error.faults
            continue
        if isinstance(row, dict) and all(isinstance(row.get(name), str) for name in strings):
            yield row
        else:
            faults.append(Fault(str(path), f"expected an object with a string for {wanted}", number))
    if faults:
        raise InputError(faults)


def list_folder(path: Path) -> list[Path]:
    """What stands in a folder, sorted; hidden files are passed over.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        return sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def files_below(path: Path) -> Iterator[Path]:
    """The files in a folder and in those below it; what is hidden is passed over."""
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder, name) for name in files if not name.startswith("."))


def file_digest(path: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        with opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def possible(path: Path) -> Path:
    """The path itself, whether anything stands there or not.

    Raises:
        InputError: if no file can have that name.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return path


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(Fault(str(path), f"cannot be read: {reason}"))


def decode(data: bytes, where: str, line: int = 0) -> str:
    """The text of UTF-8; ``where`` and ``line`` name it in errors, a ``line`` of 0 is counted.

    Raises:
        InputError: if it is not UTF-8, or a file of another kind.
    """
    kind = next((kind for head, kind in _KINDS.items() if data.startswith(head)), "")
    if kind and line <= 1:
        raise InputError(Fault(where, f"no text: it is {kind}", line))
    if _is_utf16(data):
        raise InputError(Fault(where, "UTF-16; save it as UTF-8", line))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}; save it as UTF-8"
        raise InputError(Fault(where, message, line or data.count(b"\n", 0, error.start) + 1)) from error


def _is_utf16(data: bytes) -> bool:
    """Whether bytes begin with the mark of UTF-16, or every second byte is the upper one of a letter."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    head = data[:1000]
    if len(head) < 8 or not _UTF16_BYTES.intersection(head):
        return False
    even, odd = (sum(byte in _UTF16_BYTES for byte in half) / len(half) for half in (head[::2], head[1::2]))
    return max(even, odd) > 0.8 and min(even, odd) < 0.2


def read_json(path: Path) -> Any:
    """The value that a JSON file holds.

    Raises:
        InputError: if the file is not there or is not JSON.
    """
    return parse_json(read_text(path), str(path))


def parse_json(text: str, where: str, line: int = 0) -> Any:
    """The value of a JSON text; ``where`` and ``line`` name it in errors, a ``line`` of 0 is counted.

    Raises:
        InputError: if it is not JSON, such as a number that is not finite, or is nested too deep.
    """
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise InputError(Fault(where, f"not JSON: {error}", line or error.lineno)) from error
    except RecursionError as error:
        raise InputError(Fault(where, "not JSON that can be read: it is nested too deep", line)) from error
    except ValueError as error:
        raise InputError(Fault(where, f"not JSON: {str(error).partition(';')[0]}", line)) from error


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"the number {number:.20} is not finite")
    return value


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all: beside its place, synced, then renamed.

    Folders above the file are made. ``read_text`` gives the same text.

    Raises:
        InputError: for a lone surrogate, which UTF-8 does not hold.
    """
    try:
        data = (BOM + text if text.startswith(BOM) else text).encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"not written: UTF-8 does not hold the lone surrogate at code point {error.start}"
        raise InputError(Fault(str(path), message)) from error
    with named_errors(path), replaced_file(path) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented JSON, as ``write_text`` writes; lone surrogates are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    write_text(path, re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")
