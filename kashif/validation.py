"""Arguments of the public functions: what is of a wrong type is told before any work."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

from kashif.document import Document
from kashif.errors import InputError
from kashif.files import possible


def as_path(value: Any, what: str) -> Path:
    """The path that a caller gave as a string or path; ``what`` names it.

    Raises:
        InputError: for anything else, or an empty string.
    """
    if isinstance(value, str | PathLike) and isinstance(path := os.fspath(value), str) and path:
        return possible(Path(path))
    raise InputError(f"{what}: write a path, found {value!r:.40} ({type(value).__name__})")


def as_seed(value: Any) -> int:
    """The seed that a caller gave.

    Raises:
        InputError: unless it is a whole number from 0 to 2**32 - 1.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32:
        return value
    raise InputError(f"seed: write a whole number from 0 to {2**32 - 1}, found {value!r:.40}")


def as_corpora(value: Any) -> list[str]:
    """The corpora that a caller gave, one or several.

    Raises:
        InputError: for anything but strings and paths, or none of them.
    """
    if isinstance(value, str | PathLike):
        return [str(as_path(value, "corpora"))]
    if not isinstance(value, Sequence) or isinstance(value, bytes | bytearray) or not value:
        found = f"{value!r:.40} ({type(value).__name__})"
        raise InputError(f"corpora: write one or a list of them, found {found}")
    return [str(as_path(corpus, "corpora")) for corpus in value]


def refuse_no_texts(texts: Any) -> None:
    """Raises InputError for what is no text and no number of texts, or would be read as something else."""
    kind = type(texts).__name__
    if isinstance(texts, str):
        raise InputError("expected several texts, found one string; give it to predict, or a list of it")
    if isinstance(texts, bytes | bytearray | memoryview):
        raise InputError(f"predict takes strings, found {kind}; decode it: .decode('utf-8')")
    if isinstance(texts, PathLike):
        raise InputError(f"predict takes texts, found the path {texts}; read the file first")
    if hasattr(texts, "columns"):
        raise InputError(f"predict takes texts, found {kind}; give it the column of texts")
    if isinstance(texts, Document):
        raise InputError("predict takes texts, found a Document; give its .text")
    bare = getattr(texts, "ndim", 1) == 0  # an array of numpy without dimensions has __iter__, too
    if bare or isinstance(texts, Mapping) or not isinstance(texts, Iterable):
        raise InputError(f"predict takes a string or several, found {kind}")


def as_named_text(item: Any) -> tuple[str, str]:
    """The ``(id, text)`` that a caller gave.

    Raises:
        InputError: for anything else.
    """
    if not isinstance(item, tuple | list) or len(item) != 2 or not isinstance(item[0], str):
        raise InputError(f"write (id, text), found {item!r:.40}")
    if not isinstance(item[1], str):
        raise InputError(f"{item[0]}: predict takes a string, found {type(item[1]).__name__}")
    return item[0], item[1]


def named_texts(texts: Any) -> Iterator[tuple[str, str]]:
    """``(id, text)`` of several texts that a caller gave, the ids ``text-1``, ``text-2`` ….

    Raises:
        InputError: for no number of texts; when it gets there, for what is no string.
    """
    refuse_no_texts(texts)
    return (as_named_text((f"text-{i}", text)) for i, text in enumerate(texts, start=1))


def refuse_no_documents(documents: Any) -> None:
    """Raises InputError for what is no list of documents."""
    if not isinstance(documents, Sequence) or not all(isinstance(item, Document) for item in documents):
        raise InputError(f"write a list of documents, found {documents!r:.40}")


def check_number(value: Any, what: str) -> None:
    """Raises InputError for what is no number, and not None."""
    if value is not None and (not isinstance(value, Real) or math.isnan(value)):
        raise InputError(f"{what} {value!r:.40}: write a number")
