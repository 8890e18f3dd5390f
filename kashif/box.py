"""Models by their names: a folder, or ``news``, the model in the box, which comes with Kashif."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from os import PathLike
from pathlib import Path
from time import sleep
from typing import TypeVar

from kashif.errors import Fault, InputError, WorkError
from kashif.files import read_json
from kashif.replacing import settle
from kashif.validation import as_path

WEIGHTS = "model.safetensors"
"""The file that a model's or an encoder's folder has its weights in."""
MANIFEST = "manifest.json"
"""The file that names the articles which a model has seen, and its weights by their SHA-256."""
OWN_FILES = (
    *(
        "*.safetensors",
        "*.safetensors.index.json",
        "pytorch_model*.bin",
        "config.json",
        "generation_config.json",
    ),
    *("tokenizer*", "*tokens*.json", "vocab.*", "merges.txt", "*.model", "chat_template*"),
    *("scheme.yaml", "recipe.yaml", "scores.json", "pretraining.json", "README.md", MANIFEST),
    *("export.json", "encoder.xml", "encoder.bin", "encoder.onnx"),
)
"""The files of a model's or encoder's folder, as patterns: a new model leaves none of an old one's."""

_READ = (
    *("config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json", MANIFEST),
    *("export.json", "encoder.xml", "encoder.bin", "encoder.onnx"),
)
"""The files of a model's folder that are read to predict, and that say what it has seen."""
_TRIES = 8
_WAIT = 0.2
"""Seconds to wait after the second try to read a model, twice that after the third, and so on."""

Mark = tuple[tuple[str, int, int], ...]
Read = TypeVar("Read")

NAME = "news"
"""Its name, wherever a model or an encoder is expected; a folder of that name is ``./news``."""
_PLACES = [Path(__file__).parents[up] / "models" / NAME for up in (0, 1)]
"""Where it lies: inside the package in a wheel, beside it in the repository."""


def folder() -> Path:
    """The folder of the model in the box.

    Raises:
        InputError: if it is not there.
    """
    for place in _PLACES:
        if (place / "config.json").is_file():
            return place
    raise InputError(f"'{NAME}', the model that comes with Kashif, is not here; install Kashif again")


def holds(place: Path) -> bool:
    """Whether a folder is the box's own."""
    return place.resolve() in (own.resolve() for own in _PLACES)


def located(name: str | PathLike[str], what: str = "model") -> Path:
    """The folder that a model's name means: the box, or the path that it is.

    Raises:
        InputError: for what is no path; if the box is meant and not there.
    """
    return folder() if name == NAME else as_path(name, what)


def meant(model: str | PathLike[str] | None) -> Path:
    """The folder given, else ``$KASHIF_MODEL``, else the box, whether a model stands there or not.

    Raises:
        InputError: as ``located``.
    """
    return located(os.environ.get("KASHIF_MODEL") or NAME if model is None else model)


def is_model(place: Path) -> bool:
    """Whether a folder holds a model of Kashif's, whole or not.

    Raises:
        InputError: if its ``config.json`` is no JSON.
    """
    config = place / "config.json"
    if not (place / WEIGHTS).is_file() or not config.is_file():
        return False
    row = read_json(config)
    return isinstance(row, dict) and row.get("model_type") == "kashif"


def files(place: Path) -> list[Path]:
    """The files of the model or encoder in a folder; none where there is none."""
    return sorted({file for pattern in OWN_FILES for file in place.glob(pattern)})


def find(model: str | PathLike[str] | None) -> Path:
    """The model folder meant: the one given, else ``$KASHIF_MODEL``, else the box; ``news`` is the box.

    Raises:
        InputError: if there is none, with the command that makes one.
    """
    place = meant(model)
    settle(place)
    if not is_model(place):
        source = "" if model is not None else " (from $KASHIF_MODEL)"
        raise InputError(f"{place}{source}: no model folder of Kashif's; train one: kashif train RECIPE")
    return place


def mark(place: Path) -> Mark:
    """What tells that the model in a folder was written to: each file with its time and its size."""
    settle(place)
    found = []
    for name in _READ:
        with suppress(OSError):
            file = (place / name).stat()
            found.append((name, file.st_mtime_ns, file.st_size))
    return tuple(found)


def unchanging(place: Path, read: Callable[[], Read]) -> Read:
    """What ``read`` makes of the model in a folder; it reads again where files were written to meanwhile.

    Raises:
        WorkError: if that happens again and again.
    """
    for count in range(_TRIES):
        sleep(_WAIT * max(0, count - 1))
        before = mark(place)
        try:
            found = read()
        except (InputError, OSError):  # of files that are half there
            if mark(place) == before:
                raise
        else:
            if mark(place) == before:
                return found
    message = "its files are written to all the while; load the model when they are all there"
    raise WorkError(f"{place}: {message}")


def refuse(place: Path) -> None:
    """Refuses to change the model in the box.

    Raises:
        InputError: if the folder is its own.
    """
    if holds(place):
        message = "the model that comes with Kashif stays as it is; name another folder"
        raise InputError(Fault(str(place), message))
