"""Processes that are killed while they write."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

CHANGES = ("fsync", "mkdir", "rename", "replace", "rmdir", "unlink")
"""The calls of ``os`` before which a process may be killed."""


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder and what stands in each, without those below ``checkpoints``."""
    files = (file for file in folder.rglob("*") if file.is_file())
    named = {file.relative_to(folder).as_posix(): file for file in files}
    return {name: file.read_bytes() for name, file in named.items() if not name.startswith("checkpoints/")}


def killed(operation: Callable[[], object], point: int) -> bool:
    """Whether an operation, in a process of its own, was killed before its change of the disk number ``point``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        child = os.fork()
    if not child:
        try:
            if torch := sys.modules.get("torch"):
                torch.set_num_threads(1)  # a pool of threads does not outlive the fork
            _kill_before(point)
            operation()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or not os.WEXITSTATUS(status)
    return os.WIFSIGNALED(status)


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


def _kill_before(point: int) -> None:
    """Has this process kill itself before a call of ``CHANGES``, counted from 1."""
    numbers = count(1)

    def watched(call: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **named: object) -> object:
            if next(numbers) == point:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return run

    for name in CHANGES:
        setattr(os, name, watched(getattr(os, name)))
