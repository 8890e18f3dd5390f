"""Reading and writing files: the one place for each."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from kashif.errors import Fault, InputError
from kashif.outputs import named_errors
from kashif.replacing import replaced_file


def read_text(path: Path) -> str:
    """A file's text to the letter: UTF-8, no newline translated, no BOM stripped.

    Raises:
        InputError: if the file is not there or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}; save the file as UTF-8"
        raise InputError(Fault(str(path), message)) from error
    except OSError as error:
        raise InputError(Fault(str(path), f"cannot be read: {error.strerror}")) from error


def file_digest(path: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(Fault(str(path), f"cannot be read: {error.strerror}")) from error


def read_json(path: Path) -> Any:
    """The value that a JSON file holds.

    Raises:
        InputError: if the file is not there or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        line = getattr(error, "lineno", 0)
        raise InputError(Fault(str(path), f"not JSON: {error}", line)) from error


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all: beside its place, synced, then renamed.

    Folders above the file are made.
    """
    data = text.encode("utf-8")
    with named_errors(path), replaced_file(path) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented JSON, as ``write_text`` writes; lone surrogates are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    write_text(path, re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")
