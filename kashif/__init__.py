"""Kashif trains, scores and runs Arabic named-entity and relation extraction models."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, overload

from kashif.document import Document, Entity, Relation
from kashif.errors import InputError

if TYPE_CHECKING:
    from kashif.predicting import Predictor

__all__ = ["Document", "Entity", "InputError", "Relation", "load", "predict"]
__version__ = "0.1.0"


def load(model: str | Path | None = None, runtime: str = "auto") -> Predictor:
    """The predictor of a model folder: the one given, ``$KASHIF_MODEL``, or one in ``models/``.

    ``runtime`` is ``auto``, ``torch``, ``onnx`` or ``openvino``, see ``predicting.load``.

    Raises:
        InputError: if there is no model, or no such runtime for it.
    """
    from kashif import predicting

    return predicting.load(model, runtime=runtime)


@overload
def predict(  # type: ignore[overload-overlap]
    texts: str, model: str | Path | None = None
) -> Document: ...


@overload
def predict(texts: Iterable[str], model: str | Path | None = None) -> list[Document]: ...


def predict(texts: str | Iterable[str], model: str | Path | None = None) -> Document | list[Document]:
    """The document of a text, or those of several texts in order, with entities and relations.

    Offsets are code points of the very string given. The model is loaded on the first call and kept;
    no answer is.

    Raises:
        InputError: if there is no model or a text is not a string.
    """
    from kashif import predicting

    return _kept(predicting.find(model).resolve()).predict(texts)


@lru_cache(maxsize=1)
def _kept(folder: Path) -> Predictor:
    return load(folder)
