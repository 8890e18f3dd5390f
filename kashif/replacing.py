"""Replacing a file, or files of a folder that belong together: whole or not at all, even if killed.

New content is written beside the old, synced, then renamed. What a killed process leaves beside is swept
away by the next one that writes there; a lock tells it from what a living one is writing.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from kashif.errors import Fault, InputError
from kashif.outputs import is_stream, open_stream

if sys.platform != "win32":
    import fcntl

READY = ".ready"
"""The folder, in the one that is written to, of new files that count already and are on their way."""
_STALE = ".stale.json"
"""The file in it that lists the old files to remove."""
_PARTIAL = ".partial"
"""The ending of what is being written."""
PARTIAL_NAME = f".{'[0-9a-f]' * 12}{_PARTIAL}"
"""The pattern of its whole name; other programs use the ending, too."""
_TRIES = 100
"""How often to begin again where other processes write to the same folder."""
_IN_USE = (errno.ENOTEMPTY, errno.EEXIST)


@contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which then takes the place of the one at ``path``; if the block fails, that one stays.

    Folders above the file are made. A link stays one. A device or pipe is written to as it is.
    """
    if is_stream(path):
        with open_stream(path) as file:
            yield file
        return
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_once(path.parent)
    with _partial(path.parent) as partial:
        try:
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                shutil.copymode(path, partial)
            partial.replace(path)
            _sync(path.parent)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def replaced_files(folder: Path, *, stale: Collection[str] = ()) -> Iterator[Path]:
    """A folder to write files into, which then all together take their places in ``folder``.

    ``stale`` are patterns of the names of old files that go with the same stroke, if no new one has their
    name; everything else in ``folder`` stays. From the renaming to ``READY`` on the new files count: after a
    kill ``settle`` puts them in their places. The folder itself is not swapped for another, since it may
    be a mount point, somebody's current folder, or hold checkpoints. If the block fails, all stays as it was.
    """
    settle(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    with _partial(folder, directory=True) as partial:
        try:
            yield partial
            new = {file.name for file in partial.iterdir()}
            old = {file.name for pattern in stale for file in folder.glob(pattern) if file.is_file()}
            listed = partial / _STALE
            listed.write_text(json.dumps(sorted(old - new)), encoding="utf-8")
            for file in partial.iterdir():
                shutil.copymode(listed, file)  # safetensors lets nobody else read its files
                _sync(file)
            _sync(partial)
            _commit(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    settle(folder)


def settle(folder: Path) -> None:
    """Ends a replacement of a folder's files that was cut short after it began to count.

    Whoever reads files that ``replaced_files`` writes calls this first.

    Raises:
        InputError: if the files cannot be moved, such as in a folder that is read only.
    """
    ready = folder / READY
    for _ in range(_TRIES):
        if not ready.is_dir() or ready.is_symlink() or not _is_ours(ready):
            return
        try:
            _move(ready, folder)
        except FileNotFoundError:  # another process moves them too
            continue
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in _IN_USE:  # another process writes anew
                continue
            message = f"a write to this folder was cut short, and cannot be ended ({error})"
            raise InputError(Fault(str(folder), f"{message}; is it writable?")) from error


def _is_ours(ready: Path) -> bool:
    """Whether a folder holds the list that stands in it until all files have left it."""
    with suppress(FileNotFoundError):
        return (ready / _STALE).is_file() or not any(ready.iterdir())
    return False


def _move(ready: Path, folder: Path) -> None:
    listed = ready / _STALE
    for name in json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else ():
        if name == Path(str(name)).name:  # whoever made the folder, no file elsewhere is touched
            (folder / name).unlink(missing_ok=True)
    for file in ready.iterdir():
        if file != listed:
            file.replace(folder / file.name)
    _sync(folder)
    listed.unlink(missing_ok=True)
    ready.rmdir()


def _commit(partial: Path, folder: Path) -> None:
    for _ in range(_TRIES):
        try:
            partial.rename(folder / READY)
            break
        except OSError as error:
            if error.errno not in _IN_USE:
                raise
            settle(folder)
    else:
        message = f"{READY} in it is another program's, or other processes write without end; move it away"
        raise InputError(Fault(str(folder), message))
    _sync(folder)


@contextmanager
def _partial(folder: Path, *, directory: bool = False) -> Iterator[Path]:
    """A new file or folder in ``folder``, locked as long as the block runs."""
    while True:
        path = folder / f".{secrets.token_hex(6)}{_PARTIAL}"
        path.mkdir() if directory else path.touch(exist_ok=False)
        with suppress(FileNotFoundError):  # swept away before it was locked
            lock = _locked(path, wait=True)
            if path.exists():
                break
            _unlock(lock)
    try:
        yield path
    finally:
        _unlock(lock)


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Has other processes wait that would change a file, too, while the block reads, changes and writes it.

    Its folder is locked, so no file of a lock stays behind. Where there are no locks nothing happens.
    """
    folder = Path(os.path.realpath(path)).parent
    lock = None
    with suppress(OSError):  # it is not there, or nobody may open it
        lock = _locked(folder, wait=True)
    try:
        yield
    finally:
        _unlock(lock)


def try_lock(handle: int) -> bool:
    """Whether no other process has locked what a handle is of; then this one has, until it is closed.

    Where there are no locks, on Windows or such a file system, it counts as not locked.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
    return True


def _locked(path: Path, *, wait: bool) -> int | None:
    """An open handle that holds a lock on a file or folder; None if another process has it."""
    if sys.platform == "win32":
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # or the file system knows no locks
        os.close(handle)
        return None
    return handle


def _unlock(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)


@cache
def _sweep_once(folder: Path) -> None:
    _sweep(folder)


def _sweep(folder: Path) -> None:
    """Removes what killed processes left in a folder."""
    for path in folder.glob(PARTIAL_NAME):
        with suppress(OSError):
            lock = _locked(path, wait=False)
            if lock is not None:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            _unlock(lock)


def _sync(path: Path) -> None:
    """Has the disk hold a file or folder now."""
    if sys.platform == "win32" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
