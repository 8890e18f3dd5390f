"""Provenance of a training run: versions, machine, digests of code, encoder and scheme, articles."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from kashif.corpora import provenance as seen
from kashif.errors import Fault, InputError, counted, listed
from kashif.files import file_digest, parse_json, read_json, read_text
from kashif.modeling import encoder
from kashif.replacing import settle
from kashif.scheme import Scheme
from kashif.training.auxiliary import AuxiliaryCorpus
from kashif.training.data import Data
from kashif.training.precision import use_bfloat16
from kashif.training.recipe import BaseRecipe, PretrainingRecipe, Recipe

SCORES = "scores.json"
"""The file in a model's folder of the scores that selected it."""
PRETRAINING = "pretraining.json"
"""The file in an encoder's folder that says what it came from, and how well it guesses."""
RECIPE = seen.RECIPE
"""The file in a model's folder of the recipe that it was trained by."""


_PACKAGES = ("kashif", "torch", "transformers", "tokenizers")
"""The packages whose versions may change what is trained."""
_NOT_TRAINING = {
    *("modeling/graphs.py", "modeling/probing.py", "modeling/runtime.py", "modeling/weights.py"),
    *("training/exporting.py", "training/crossvalidation.py"),
    *("training/card.py", "training/checkpoints.py", "training/guards.py", "training/provenance.py"),
    *("training/recalibration.py", "training/releasing.py", "training/starter.py"),
}
"""Code of the floors that train which does not change what is trained."""
_ONE_KIND = {
    PretrainingRecipe: {"training/pretraining.py", "training/masking.py", "training/unannotated.py"},
    Recipe: {"training/train.py", "training/data.py"},
}
"""Code that serves the trainings of one kind of recipe alone."""
_TOLD = (seen.TERMS, "corpora", "environment", "notices", "seed")
"""What a manifest tells beside what makes a training what it is; the recipe has seed and corpora."""


def origin(recipe: Recipe, data: Data) -> dict[str, Any]:
    """What a model came from, as its manifest says it."""
    return {
        **versions(recipe),
        "scheme": _digest(data.scheme),
        "train": seen.articles_row(data.train),
        "development": seen.articles_row(data.development),
        "calibration": seen.articles_row(data.calibration),
        "encoder articles": seen.seen_by(recipe.encoder).row,
        "encoder recipe": _encoder_recipe(recipe.encoder),
        seen.TERMS: seen.terms_of(Path(encoder.resolve(recipe.encoder))),
        **auxiliary_rows(data.auxiliary),
        "corpora": dict(data.corpora),
        "notices": data.notices,
    }


def auxiliary_rows(corpora: Sequence[AuxiliaryCorpus]) -> dict[str, Any]:
    """The articles of auxiliary corpora and the digests of their schemes, as a manifest says them."""
    return {
        "auxiliary": seen.articles_row([d for corpus in corpora for d in corpus.documents]),
        "auxiliary schemes": {corpus.name: _digest(corpus.scheme) for corpus in corpora},
    }


def _digest(scheme: Scheme) -> str:
    return hashlib.sha256(scheme.dump().encode()).hexdigest()


def as_trained(folder: Path, data: Data, *, scheme: Scheme) -> tuple[Data, list[str]]:
    """Of the articles that a model's recipe gives now those that its manifest names, and notices.

    They are told by id and by the digest of the text. ``scheme`` is the model's own.

    Raises:
        InputError: if there is no manifest, or none of its development articles is here.
    """
    path = folder / seen.NAME
    named = seen.SeenArticles.of(folder)
    if named is None:
        message = "no such file, so what the model was trained on is not known; copy it beside the weights"
        raise InputError(Fault(str(path), message))
    here = [*data.development, *data.train]
    development, train = named.development.very(here), named.train.very(here)
    if not development:
        message = "none of the development articles that it names is here, by id and text; bring them back"
        raise InputError(Fault(str(path), message))
    kept = {document.id for document in development}
    notices = []
    if other := [document.id for document in data.development if document.id not in kept]:
        told = f"{counted(len(other), 'development article')} of the recipe left out ({listed(other)})"
        notices.append(f"{told}: not one by which {folder} was selected, says its {seen.NAME}")
    if away := [id for id in named.development.texts if id not in kept]:
        told = f"{len(away):,} of {counted(len(named.development.texts), 'article')} by which {folder} was"
        notices.append(f"{told} selected are not here, or with another text ({listed(away)})")
    return replace(data, scheme=scheme, train=train, development=development), notices


def _encoder_recipe(name: str) -> Any:
    """The recipe that ``kashif pretrain`` made an encoder by; None for another encoder."""
    path = Path(encoder.resolve(name)) / PRETRAINING
    if not path.is_file():
        return None
    rows = read_json(path)
    if not isinstance(rows, dict) or not isinstance(rows.get("recipe"), dict):
        raise InputError(Fault(str(path), "no recipe of a pretraining; make the encoder again"))
    return rows["recipe"]


def versions(recipe: BaseRecipe) -> dict[str, Any]:
    """What a training runs on: versions, seed, digests of the code and of the encoder, environment."""
    return {
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        "seed": recipe.seed,
        "bfloat16": use_bfloat16(recipe),
        "code": code_digests(recipe),
        "encoder": encoder.digest(recipe.encoder),
        "environment": {
            "python": platform.python_version(),
            "numpy": metadata.version("numpy"),
            "datasets": metadata.version("datasets"),
            "machine": platform.machine(),
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        },
    }


def code_digests(recipe: BaseRecipe) -> dict[str, str]:
    """The SHA-256 of each file of this package that decides what a recipe trains."""
    others = {name for kind, names in _ONE_KIND.items() for name in names if not isinstance(recipe, kind)}
    package = Path(__file__).parents[1]
    files = [
        package / "arabic.py",
        package / "folding.py",
        *package.glob("modeling/*.py"),
        *package.glob("training/*.py"),
    ]
    files += [
        package / "evaluation" / name
        for name in ("calibration.py", "counting.py", "development.py", "thresholds.py")
    ]
    named = {file.relative_to(package).as_posix(): file for file in sorted(files)}
    return {name: file_digest(file) for name, file in named.items() if name not in _NOT_TRAINING | others}


def note_of(origin: Mapping[str, Any], recipe: BaseRecipe) -> dict[str, Any]:
    """All that a training run depends on, as JSON values: runs of the same note give the same model."""
    kept = {name: value for name, value in origin.items() if name not in _TOLD}
    note: dict[str, Any] = parse_json(
        json.dumps({**kept, "recipe": recipe.model_dump(mode="json")}), "the note of the run"
    )
    return note


def run_note(recipe: Recipe, data: Data) -> dict[str, Any]:
    """The note of a model's training."""
    return note_of(origin(recipe, data), recipe)


def is_model_of(folder: Path, recipe: Recipe, *, data: Data) -> bool:
    """Whether a folder holds the finished model of this recipe, these articles and these versions.

    A threshold chosen since, and what runs the model beside torch, change nothing.
    """
    settle(folder)
    if not (folder / seen.NAME).is_file():
        return False
    note = run_note(recipe, data)
    del note["recipe"]
    try:
        rows, *_ = [read_json(folder / name) for name in (seen.NAME, "config.json", "tokenizer.json")]
        note["weights"] = seen.weights_digest(folder)
        return bool(rows | note == rows) and read_text(folder / RECIPE) == recipe.dump()
    except (InputError, TypeError):  # it is not whole
        return False
