"""Processes that are killed while they write."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

CHANGES = ("fsync", "mkdir", "rename", "replace", "rmdir", "unlink")
"""The calls of ``os`` before which a process may be killed."""
Call = tuple[Any, str]
"""A call, by what it is an attribute of and its name."""


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder and what stands in each, without those below ``checkpoints``."""
    files = (file for file in folder.rglob("*") if file.is_file())
    named = {file.relative_to(folder).as_posix(): file for file in files}
    return {name: file.read_bytes() for name, file in named.items() if not name.startswith("checkpoints/")}


def killed(operation: Callable[[], object], point: int, *, beside: Sequence[Call] = ()) -> bool:
    """Whether an operation, in a process of its own, was killed at its change of the disk number ``point``.

    ``beside`` are calls that count as changes too.
    """
    status, _ = _forked(operation, point, beside)
    return os.WIFSIGNALED(status)


def count_changes(operation: Callable[[], object], *, beside: Sequence[Call] = ()) -> int:
    """How many changes of the disk an operation makes, in a process of its own: the last one to be killed at."""
    return _forked(operation, 0, beside)[1]


def each_kill(
    operation: Callable[[], object], folder: Path, *, before: Path, every: int = 1
) -> Iterator[dict[str, bytes]]:
    """What is in ``folder``, a copy of ``before``, after each kill of an operation; after the last it was whole."""
    for point in count(1, every):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder)
        dead = killed(operation, point)
        yield contents(folder)
        if not dead:
            return


def _forked(operation: Callable[[], object], point: int, beside: Sequence[Call]) -> tuple[int, int]:
    """The status of a process that ran an operation to a point, and its changes if it came to the end."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        child = os.fork()
    if not child:
        try:
            if torch := sys.modules.get("torch"):
                torch.set_num_threads(1)  # a pool of threads does not outlive the fork
            numbers = _kill_at(point, beside)
            operation()
            os.write(writing, str(next(numbers) - 1).encode())
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        changes = int(pipe.read() or 0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or not os.WEXITSTATUS(status)
    return status, changes


def _kill_at(point: int, beside: Sequence[Call]) -> Iterator[int]:
    """Has this process kill itself before a call of ``CHANGES``, counted from 1.

    Before a file is synced stands a change of its own, after which half of the file is there.
    """
    numbers = count(1)

    def watched(call: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: Any, **named: Any) -> object:
            if call is fsync and next(numbers) == point:
                with suppress(OSError):  # of a folder
                    os.truncate(f"/proc/self/fd/{arguments[0]}", os.fstat(arguments[0]).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            if next(numbers) == point:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return run

    fsync = os.fsync
    for owner, name in (*((os, name) for name in CHANGES), *beside):
        setattr(owner, name, watched(getattr(owner, name)))
    return numbers
