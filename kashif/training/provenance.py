"""Provenance of a training run: versions, machine, digests of code, encoder and scheme, articles."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from kashif.corpora import provenance as seen
from kashif.files import read_json, read_text
from kashif.modeling import encoder
from kashif.training.data import Data
from kashif.training.precision import use_bfloat16
from kashif.training.recipe import BaseRecipe, Recipe

RECIPE = "recipe.yaml"
"""The file in a model's folder of the recipe that it was trained by."""


def origin(recipe: Recipe, data: Data) -> dict[str, Any]:
    """What a model came from, as its manifest says it."""
    return {
        **versions(recipe),
        "scheme": hashlib.sha256(data.scheme.dump().encode()).hexdigest(),
        "train": seen.articles_row(data.train),
        "development": seen.articles_row(data.development),
        "encoder articles": {"articles": seen.seen_by(recipe.encoder)},
        "auxiliary": seen.articles_row([d for corpus in data.auxiliary for d in corpus.documents]),
        "notices": data.notices,
    }


def versions(recipe: BaseRecipe) -> dict[str, Any]:
    """What a training runs on: versions, machine, seed, the digests of the code and of the encoder."""
    packages = ("kashif", "torch", "transformers", "datasets", "tokenizers", "numpy")
    return {
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in packages},
        "seed": recipe.seed,
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "bfloat16": use_bfloat16(recipe),
        "code": code_digest(),
        "encoder": encoder.digest(recipe.encoder),
    }


def code_digest() -> str:
    """The SHA-256 of this package's own code."""
    whole = hashlib.sha256()
    package = Path(__file__).parents[1]
    for file in sorted(package.rglob("*.py")):
        whole.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


def run_note(recipe: Recipe, data: Data) -> str:
    """All that a training run depends on, in one string: runs of the same note give the same model."""
    return json.dumps({**origin(recipe, data), "recipe": recipe.dump()})


def is_model_of(folder: Path, recipe: Recipe, *, data: Data) -> bool:
    """Whether a folder holds the finished model of this recipe, these articles and these versions."""
    manifest, trained_by = folder / seen.NAME, folder / RECIPE
    if not (manifest.is_file() and trained_by.is_file()):
        return False
    return bool(read_json(manifest) == origin(recipe, data)) and read_text(trained_by) == recipe.dump()
