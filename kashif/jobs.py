"""What a training job is of, what an interrupted one left, and the precision it runs in."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from kashif import encoder, manifest, runtime
from kashif.data import Data
from kashif.errors import InputError
from kashif.recipe import Job, Recipe

CHECKPOINTS = "checkpoints"
"""The folder in a model's folder of what ``resume`` goes on from."""
_FILLS_A_GPU = 8192
"""Sub-words of a step from which autocast is taken to pay on a GPU; with 512 it did not (eval/speed.md)."""


def begin(folder: Path, resume: bool, job: str) -> Path | None:
    """The checkpoint to go on from, of this very job; a fresh start clears what an older one left."""
    note = folder / "job.json"
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(job, encoding="utf-8")
        return None
    last = _last(folder)
    if last is None or not note.is_file():
        raise InputError(f"nothing to resume in {folder}; run without --resume")
    if note.read_text(encoding="utf-8") != job:
        raise InputError(f"{folder} is of another recipe, corpus or version; run without --resume")
    return last


def _last(folder: Path) -> Path | None:
    """The last checkpoint that was written to its end."""
    found = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def described(recipe: Recipe, data: Data, base: Path) -> str:
    """A model's training job, all that it depends on, in one string."""
    return json.dumps({**origin(recipe, data, base), "recipe": recipe.dump()})


def is_begun(output: Path, recipe: Recipe, data: Data, base: Path) -> bool:
    """Whether a folder holds what an interrupted training of this very job has left, to be resumed."""
    folder = output / CHECKPOINTS
    note = folder / "job.json"
    same = note.is_file() and note.read_text(encoding="utf-8") == described(recipe, data, base)
    return same and _last(folder) is not None


def is_of(output: Path, recipe: Recipe, data: Data, base: Path) -> bool:
    """Whether a folder holds the finished model of this recipe, these articles and these versions."""
    files = (output / manifest.NAME, output / "recipe.yaml")
    if not all(file.is_file() for file in files):
        return False
    made_of, made_by = (file.read_text(encoding="utf-8") for file in files)
    return bool(json.loads(made_of) == origin(recipe, data, base)) and made_by == recipe.dump()


def origin(recipe: Recipe, data: Data, base: Path) -> dict[str, Any]:
    """What a model came from: versions and digests of code, encoder and scheme, seed, machine, articles."""
    return {
        **versions(recipe, base),
        "scheme": hashlib.sha256(data.scheme.dump().encode()).hexdigest(),
        "train": manifest.row(data.train),
        "development": manifest.row(data.development),
        "left out": data.notices,
    }


def versions(job: Job, base: Path) -> dict[str, Any]:
    """What a training job ran on: versions, machine, seed, the digests of the code and of the encoder."""
    packages = ("kashif", "torch", "transformers", "datasets", "tokenizers", "numpy")
    return {
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in packages},
        "seed": job.seed,
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "bfloat16": half_precision(job),
        "code": manifest.code(),
        "encoder": encoder.digest(job.encoder, base),
    }


def half_precision(job: Job) -> bool:
    """Whether to train in bfloat16: where it is wanted, or where it is the faster one.

    On a CPU that is where the processor multiplies in it; on a GPU from ``_FILLS_A_GPU`` sub-words a step on,
    for with fewer the casts of autocast are only more kernels to start.
    """
    if job.precision != "auto":
        return job.precision == "bfloat16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported() and job.batch_size * job.window >= _FILLS_A_GPU
    return runtime.has_bfloat16()
