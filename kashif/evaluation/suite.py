"""Evaluation suites: files that name corpora to score on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kashif.config import StrictModel
from kashif.corpora.sources import sources
from kashif.document import Document
from kashif.errors import InputError

Watch = Callable[[Iterable[Document], str], Iterable[Document]]
"""Passes documents on and tells somebody of the progress; the string says what they are."""


def unwatched(documents: Iterable[Document], what: str) -> Iterable[Document]:
    """The documents, without telling anybody."""
    return documents


class Suite(StrictModel):
    """An evaluation suite: what it is for, and its corpora by the name that reports give them."""

    about: str
    corpora: dict[str, str]


def named_corpora(targets: Sequence[str]) -> list[tuple[str, str]]:
    """``(name, corpus)`` of corpora and of suites (``.yaml``), in order.

    Raises:
        InputError: listing what does not fit in a suite's file; for a suite without corpora.
    """
    found: list[tuple[str, str]] = []
    for target in targets:
        if target.endswith((".yaml", ".yml")):
            if not (corpora := Suite.load(Path(target)).corpora):
                raise InputError(f"no corpus to score on: {target} names none; write NAME: CORPUS in it")
            found += corpora.items()
        else:
            found.append((target, target))
    return found


def places(targets: Sequence[str]) -> list[Path]:
    """The paths that corpora and suites are read from.

    Raises:
        InputError: as ``named_corpora``.
    """
    suites = [Path(target) for target in targets if target.endswith((".yaml", ".yml"))]
    return [*suites, *sources(corpus for _, corpus in named_corpora(targets))]
