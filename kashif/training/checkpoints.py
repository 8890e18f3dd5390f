"""Checkpoints of a training run, and how an interrupted run is resumed."""

from __future__ import annotations

import fnmatch
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kashif.box import WEIGHTS
from kashif.errors import Fault, InputError
from kashif.files import file_digest, read_json, write_json
from kashif.replacing import replaced_files, settle, try_lock
from kashif.training import processes

FOLDER = "checkpoints"
"""The folder of the checkpoints in a model's folder."""
_NOTE = "run.json"
"""The file that says of which run the checkpoints are."""
_STATE = "trainer_state.json"
_DIGESTS = "digests.json"
"""The file of the SHA-256 of a checkpoint's files; it is written when they are there."""
_SEALED = (WEIGHTS, _STATE, "optimizer.pt", "scheduler.pt", "rng_state*.pth")
"""The files that training goes on from, as patterns; each process has a random state."""
_BEST = "best_model_checkpoint"
"""The key of the state that holds the path of the best checkpoint."""
_SHOWN = 60
"""Code points of a value that an error shows."""


def folder_of(output: Path) -> Path:
    """Where the checkpoints of a model's folder lie; a link there may lead to another disk."""
    return (output.resolve() / FOLDER).resolve()


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Keeps others that write to a model's folder away while one does; of several processes the first locks.

    Raises:
        InputError: if another training, export or choice of thresholds works there.
    """
    if not processes.is_first() or sys.platform == "win32":
        yield
        return
    output.mkdir(parents=True, exist_ok=True)
    handle = os.open(output, os.O_RDONLY)  # of the folder: a kill leaves nothing behind
    try:
        if not try_lock(handle):
            message = "another training, export or threshold writes here; wait for it, or name another folder"
            raise InputError(Fault(str(output), message))
        yield
    finally:
        os.close(handle)


def begin(folder: Path, note: Mapping[str, Any], *, resume: bool) -> Path | None:
    """Clears a folder of checkpoints for a new run, or finds the checkpoint to resume from.

    ``note`` are JSON values of all that the run depends on. A checkpoint that is not whole is passed over
    for the one before it, with a warning. A run that was killed before its first one begins anew.

    Raises:
        InputError: if there is nothing to resume, or it is of another run.
    """
    if not resume:
        (folder / _NOTE).unlink(missing_ok=True)
        for checkpoint in _checkpoints(folder):  # what else lies there is not ours
            shutil.rmtree(checkpoint)
        write_json(folder / _NOTE, note)
        return None
    if not (folder / _NOTE).is_file():
        raise InputError(f"nothing to resume in {folder}; run without --resume")
    if lines := differences(read_json(folder / _NOTE), note):
        faults = [Fault(str(folder), f"the checkpoints are of another run: {line}") for line in lines]
        raise InputError([*faults, Fault(str(folder), "run without --resume, or as it was")])
    lost: list[Fault] = []
    found = _checkpoints(folder)
    for checkpoint in found:
        if not (faults := damage(checkpoint)):
            _remove(found[: found.index(checkpoint)], lost)
            _name_best(checkpoint)
            return checkpoint
        lost += faults
    if not any((checkpoint / _DIGESTS).is_file() for checkpoint in found):
        return begin(folder, note, resume=False)
    raise InputError([*lost, Fault(str(folder), "no checkpoint is whole; run without --resume")])


def has_run(folder: Path) -> bool:
    """Whether a folder holds checkpoints of a run, or a run began there and was killed before the first."""
    return (folder / _NOTE).is_file()


def can_resume(folder: Path, note: Mapping[str, Any]) -> bool:
    """Whether a folder holds a whole checkpoint of the run that ``note`` describes."""
    try:
        same = read_json(folder / _NOTE) == note
    except InputError:
        return False
    return same and last_whole(folder) is not None


def last_whole(folder: Path) -> Path | None:
    """The last checkpoint of a folder that training can go on from; None where there is none."""
    return next((checkpoint for checkpoint in _checkpoints(folder) if not damage(checkpoint)), None)


def differences(then: Any, now: Any, name: str = "") -> list[str]:
    """In words, where two notes differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*then, *now])
        inside = (differences(then.get(key), now.get(key), f"{name}.{key}".strip(".")) for key in keys)
        return [line for lines in inside for line in lines]
    if then == now:
        return []
    before, after = ("nothing" if value is None else f"{value}" for value in (then, now))
    long = max(len(before), len(after)) > _SHOWN
    return [f"{name} has changed" if long else f"{name} was {before}, is {after}"]


def seal(checkpoint: Path) -> None:
    """Notes that a checkpoint has been written, and what the files are that training goes on from."""
    files = sorted(file for pattern in _SEALED for file in checkpoint.glob(pattern))
    write_json(checkpoint / _DIGESTS, {file.name: file_digest(file) for file in files})


def damage(checkpoint: Path) -> list[Fault]:
    """What a checkpoint lacks that training would need to go on from it as if it had not stopped."""
    settle(checkpoint)
    digests = _digests(checkpoint)
    if not all(fnmatch.filter(digests, pattern) for pattern in _SEALED):
        return [Fault(str(checkpoint / _DIGESTS), "not there, or not whole")]
    files = [checkpoint / name for name in digests]
    if _is_sealed(checkpoint / _STATE) and (best := read_json(checkpoint / _STATE).get(_BEST)):
        files.append(checkpoint.parent / Path(best).name / WEIGHTS)
    broken = [path for path in dict.fromkeys(files) if not _is_sealed(path)]
    return [Fault(str(path), "cut short or damaged" if path.exists() else "not there") for path in broken]


def _digests(checkpoint: Path) -> dict[str, Any]:
    """The files of a checkpoint by name, each with its SHA-256; none if it was not sealed."""
    try:
        digests = read_json(checkpoint / _DIGESTS)
    except InputError:
        return {}
    return digests if isinstance(digests, dict) else {}


def _is_sealed(path: Path) -> bool:
    """Whether a file of a checkpoint is the one that ``seal`` saw."""
    try:
        return bool(_digests(path.parent).get(path.name) == file_digest(path))
    except InputError:
        return False


def _checkpoints(folder: Path) -> list[Path]:
    """The folders of checkpoints, the last first."""
    found = [path for path in folder.glob("checkpoint-*") if path.is_dir() and _step(path) >= 0]
    return sorted(found, key=_step, reverse=True)


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1


def _remove(later: list[Path], lost: list[Fault]) -> None:
    """Removes the checkpoints behind the one that training goes on from; they are written anew."""
    for fault in lost:
        logging.getLogger("kashif").warning("%s; going on from the checkpoint before it", fault)
    for checkpoint in later:
        shutil.rmtree(checkpoint)


def _name_best(checkpoint: Path) -> None:
    """Has a checkpoint's state name the best one where it lies now: the folder may have been moved."""
    state = read_json(checkpoint / _STATE)
    best = state.get(_BEST) and str(checkpoint.parent / Path(state[_BEST]).name)
    if best != state.get(_BEST):
        with replaced_files(checkpoint) as new:
            write_json(new / _STATE, state | {_BEST: best})
            digests = {**read_json(checkpoint / _DIGESTS), _STATE: file_digest(new / _STATE)}
            write_json(new / _DIGESTS, digests)
