"""Where a command writes: the rules of ``--output`` and its like, and paths that are not there."""

from __future__ import annotations

import difflib
import os
import re
import stat
import sys
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kashif.errors import Fault, InputError

ACCEPTED = "accepted.tsv"
"""The table of the warnings that were accepted, in a corpus's folder."""
DIFFERENCES = "differences.tsv"
"""The table of what two annotators do not agree on, in the folder of the merged articles."""
TABLES = frozenset((ACCEPTED, DIFFERENCES))
"""Kashif's own files that stand among articles; no article has such a name."""
_OPEN = re.compile(r"/(?:dev|proc/(?:self|thread-self))/fd/(\d{1,9})")
_MOST_LINKS = 40
IS_INPUT = "is an input, or stands in a folder that is read; name another"
"""What is said of an output that ``Sources`` hold."""


def is_folder(output: str | Path, *, needed: bool = False) -> bool:
    """Whether an output is a folder: it ends in ``/``, exists as one, or what is written needs one.

    Raises:
        InputError: if nothing can be written there, or the name is empty.
    """
    if not str(output):
        message = "the name of an output is empty, as from a variable that is not set"
        raise InputError(f"{message}; name a file or folder (. is the current one)")
    folder = needed or str(output).endswith(("/", os.sep)) or Path(output).is_dir()
    cause = _refusal(Path(output), folder=folder)
    if cause:
        raise InputError(Fault(str(output), cause))
    return folder


def output_folder(output: str | Path) -> Path:
    """The folder that an output is.

    Raises:
        InputError: if a file stands there, or nothing can be written.
    """
    is_folder(output, needed=True)
    return Path(output)


def output_file(output: str | Path, name: str) -> Path:
    """The file that an output is, or the one of this name in it if it is a folder.

    Raises:
        InputError: if nothing can be written there.
    """
    return Path(output) / name if is_folder(output) else Path(output)


class Sources:
    """What a command reads: files, and folders with all that stands right in them. No output goes there."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._known = {key for path in paths for key in _keys(path)}

    def hold(self, path: Path) -> bool:
        """Whether a path is one of them or stands right in one, by whatever name; no pipe or device does."""
        if is_stream(path):
            return False
        places = (path, Path(os.path.realpath(path)).parent)
        return not all(self._known.isdisjoint(_keys(place)) for place in places)

    def refuse(self, *outputs: Path) -> None:
        """Refuses outputs that would be written over what is read, or over one another.

        Raises:
            InputError: for each that these sources hold, or that is an earlier one.
        """
        faults: list[Fault] = []
        earlier: set[Hashable] = set()
        for output in outputs:
            keys = set() if is_stream(output) else _keys(output)
            if self.hold(output):
                faults.append(Fault(str(output), f"this {IS_INPUT} place"))
            elif keys & earlier:
                faults.append(Fault(str(output), "this is another output too; name another place"))
            earlier |= keys
        if faults:
            raise InputError(faults)


def _keys(path: Path) -> set[Hashable]:
    """What tells a path from others: where it leads, and the file itself where it exists."""
    keys: set[Hashable] = {os.path.realpath(path)}
    with suppress(OSError):
        found = path.stat()
        keys.add((found.st_dev, found.st_ino))
    return keys


def _descriptor(path: Path) -> int | None:
    """The number of the open file of this process that a path such as ``/dev/stdout`` stands for."""
    name = os.path.abspath(path)
    for _ in range(_MOST_LINKS):
        if match := _OPEN.fullmatch(name):
            return int(match[1])
        try:
            name = os.path.normpath(os.path.join(os.path.dirname(name), os.readlink(name)))
        except (OSError, ValueError):
            return None
    return None


def open_stream(path: Path, *, buffering: int = -1) -> BinaryIO:
    """A stream to write to; one that is open already goes on where it stands, even if a file is behind it."""
    handle = _descriptor(path)
    if handle is None:
        return path.open("wb", buffering=buffering)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    if hasattr(os, "set_blocking"):
        os.set_blocking(handle, True)
    return os.fdopen(os.dup(handle), "wb", buffering=buffering)


def write_whole(stream: BinaryIO, content: bytes) -> None:
    """Writes all of a content at once; a stream without a buffer may take a part of it at a time."""
    rest = memoryview(content)
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()


def is_stream(path: Path) -> bool:
    """Whether a path is a pipe, a device, or an open file such as ``/dev/stdout``.

    Its bytes come or go once, and nothing can stand beside it.
    """
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def named_errors(place: str | Path) -> Iterator[None]:
    """Gives an error of the machine that names no file, such as a full disk, the name of the place."""
    try:
        yield
    except OSError as error:
        if error.filename or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(place)) from error


def missing(path: Path) -> str:
    """Says that a path does not exist, where it was looked for, and what of a like name stands there."""
    if str(path).startswith("~"):
        return f"no such file or folder; '~' stands for your home only where the shell sees it: {_home(path)}"
    told = "no such file or folder" + ("" if path.is_absolute() else f"; looked in {Path.cwd()}")
    try:
        beside = os.listdir(path.parent)
    except (OSError, ValueError):
        return told
    if path.name in beside:
        return "neither a file nor a folder"
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f"{told}; did you mean '{path.parent / near[0]}'?" if near else told


def _home(path: Path) -> str:
    return f"write {os.path.expanduser(path)}"


def _refusal(path: Path, *, folder: bool) -> str:
    """Why nothing can be written to a path; empty if it can."""
    if str(path).startswith("~") and not Path(path.parts[0]).exists():
        return f"'~' stands for your home only where the shell sees it: {_home(path)}"
    if folder and path.exists() and not path.is_dir():
        return "this is a file, and a folder is needed; name another"
    if is_stream(path):
        return "" if os.access(path, os.W_OK) else "it cannot be written to"
    above = path if folder else path.absolute().parent
    place = next(place for place in (above, *above.absolute().parents) if place.exists())
    if not place.is_dir():
        return f"{place} is a file, not a folder"
    if not os.access(place, os.W_OK) or (path.is_file() and not os.access(path, os.W_OK)):
        return "you may not write here; name another place"
    return ""
