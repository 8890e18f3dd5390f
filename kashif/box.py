"""The model in the box: ``news``, which comes with Kashif, in its wheel and in its repository."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from kashif.errors import Fault, InputError
from kashif.validation import as_path

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


def refuse(place: Path) -> None:
    """Refuses to change the model in the box.

    Raises:
        InputError: if the folder is its own.
    """
    if holds(place):
        message = "the model that comes with Kashif stays as it is; name another folder"
        raise InputError(Fault(str(place), message))
