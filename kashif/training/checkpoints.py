"""Checkpoints of a training run, and how an interrupted run is resumed."""

from __future__ import annotations

import shutil
from pathlib import Path

from kashif.errors import InputError
from kashif.files import read_text, write_text

FOLDER = "checkpoints"
"""The folder of the checkpoints in a model's folder."""
_NOTE = "run.json"
"""The file that says of which run the checkpoints are."""


def begin(folder: Path, note: str, *, resume: bool) -> Path | None:
    """Clears a folder of checkpoints for a new run, or finds the checkpoint to resume from.

    ``note`` says what the run depends on.

    Raises:
        InputError: if there is nothing to resume, or it is of another run.
    """
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
        write_text(folder / _NOTE, note)
        return None
    last = _last(folder)
    if last is None or not (folder / _NOTE).is_file():
        raise InputError(f"nothing to resume in {folder}; run without --resume")
    if read_text(folder / _NOTE) != note:
        raise InputError(f"{folder} is of another recipe, corpus or version; run without --resume")
    return last


def can_resume(folder: Path, note: str) -> bool:
    """Whether a folder holds a checkpoint of the run that ``note`` describes."""
    file = folder / _NOTE
    return file.is_file() and read_text(file) == note and _last(folder) is not None


def _last(folder: Path) -> Path | None:
    """The last checkpoint that was written to its end."""
    found = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
