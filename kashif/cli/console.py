"""The terminal: where the commands write, and the options that they share."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import track
from rich.segment import Segment
from rich.text import Text
from typer.core import TyperCommand

from kashif.controls import visible_on_terminal
from kashif.errors import Fault, InputError
from kashif.formats import inputs
from kashif.outputs import named_errors, write_whole
from kashif.training.processes import is_first

Item = TypeVar("Item")
Corpora = Annotated[list[str], typer.Argument(help="PATH, FORMAT:PATH, PATH#SPLIT", metavar="CORPUS…")]

Output = Annotated[
    str,
    typer.Option(
        help="a folder if it ends in /, exists as one, or the format needs one; a file otherwise",
        metavar="PATH",
    ),
]
Json = Annotated[str | None, typer.Option("--json", help="also write the report to this file or folder")]
Html = Annotated[
    str | None,
    typer.Option("--html", help="also write a page of every error to this file, or into this folder"),
]
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


class RecipeCommand(TyperCommand):
    """A command that says how a recipe's key is set, where it is written as an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer's."""
        known = {option for parameter in self.params for option in parameter.opts}
        for arg in args:
            name = arg.partition("=")[0]
            if name.startswith("--") and name not in known:
                _refuse_key(name)
        return super().parse_args(ctx, args)


def _refuse_key(option: str) -> None:
    from kashif.training.recipe import PretrainingRecipe, Recipe

    key = option.removeprefix("--").replace("-", "_")
    if key in Recipe.model_fields | PretrainingRecipe.model_fields:
        raise InputError(Fault(option, f"a key of the recipe, not an option; write --set {key}=VALUE"))


class Terminal(Console):
    """A console on which nothing acts that comes from a text, an id, a label or a path.

    Control characters are shown as escapes, and what looks like rich's markup is text.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(highlight=False, soft_wrap=True, markup=False, emoji=False, **settings)

    def render_str(self, text: str, **settings: Any) -> Text:
        """As rich's, so that a table knows how wide an escape is."""
        return super().render_str(visible_on_terminal(text), **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """As rich's: all that is printed passes here."""
        for segment in super().render(renderable, options):
            safe = segment.control or segment.text == (shown := visible_on_terminal(segment.text))
            yield segment if safe else Segment(shown, segment.style)


out = Terminal()
err = Terminal(stderr=True)


def emit(content: str) -> None:
    """Prints what is the content of a file: UTF-8, whatever the locale; nothing of it acts on a terminal."""
    if sys.stdout is None:  # nobody is there to read
        return
    if sys.stdout.isatty():
        out.print(content, end="")
        return
    with named_errors("standard output"):
        write_whole(sys.stdout.buffer, content.encode())


def say(text: str) -> None:
    """Prints a line for the user on standard error; of several processes the first one does."""
    if is_first():
        err.print(text)


class FirstLines:
    """Lines of which only the first are kept, and printed; the others are counted."""

    def __init__(self, most: int = 20) -> None:
        self.lines: list[str] = []
        self.count = 0
        self._most = most

    def add(self, line: str) -> None:
        """Takes a line."""
        self.count += 1
        if self.count <= self._most:
            self.lines.append(line)

    def say(self) -> None:
        """Prints the first lines on standard error, and how many there were more."""
        for line in self.lines:
            say(line)
        if more := self.count - len(self.lines):
            say(f"… and {more:,} more such lines")


class Marks:
    """What is told of texts that came with marks, or that are nearly in the plain annotation format."""

    def __init__(self) -> None:
        self._marked, self._slips = FirstLines(1), FirstLines(5)

    def add(self, text: inputs.Text) -> None:
        """Takes a text."""
        if text.marked:
            told = "holds marks" if text.line else "in the plain annotation format"
            told += "; read for the text, without the marks"
            self._marked.add(str(Fault(text.where, told, text.line)))
        if text.slip:
            self._slips.add(f"{text.slip}; read as it stands, with its marks")

    def say(self) -> None:
        """Prints the first of them on standard error, and how many there were more."""
        self._marked.say()
        self._slips.say()


def watched(items: Iterable[Item], what: str) -> Iterator[Item]:
    """The items, counted on the terminal as they come; in silence where there is no terminal."""
    yield from track(items, escape(what), console=err, transient=True, disable=not err.is_terminal)
