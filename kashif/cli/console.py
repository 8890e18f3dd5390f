"""The terminal: where the commands write, and the options that they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import track

from kashif.training.processes import is_first

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Item = TypeVar("Item")
Corpora = Annotated[list[str], typer.Argument(help="[FORMAT:]PATH[#SPLIT][@MAPPING]", metavar="CORPUS…")]

Scheme = Annotated[
    str, typer.Option(help="scheme file, or `learned`; by default the scheme.yaml that the corpora lead to")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE, changes a setting of the recipe")
]
Resume = Annotated[bool, typer.Option("--resume", help="go on from the last finished epoch")]
Runtime = Annotated[str, typer.Option(help="auto, torch, onnx or openvino; the last two after an export")]
Device = Annotated[
    str | None, typer.Option(help="a device of torch, such as cpu or cuda:1; the GPU by default, if any")
]


def say(text: str) -> None:
    """Prints a line for the user on standard error; of several processes the first one does."""
    if is_first():
        err.print(text, markup=False)


def watched(items: Iterable[Item], what: str) -> Iterator[Item]:
    """The items, counted on the terminal as they come; in silence where there is no terminal."""
    yield from track(items, what, console=err, transient=True, disable=not err.is_terminal)
