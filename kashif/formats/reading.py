"""What reading a file gives: a document, and the lines where its parts stand."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kashif.document import Document, Entity, Relation, json_line
from kashif.errors import Fault, InputError, listed


@dataclass(frozen=True, slots=True)
class TextLines:
    """The lines of a file that a text stands on: at ``starts[i]``, a code point, line ``numbers[i]`` begins.

    ``path`` is the file, if it is not the one that the marks stand in. Without ``starts`` nothing is known.
    """

    starts: Sequence[int] = ()
    numbers: Sequence[int] = ()
    path: Path | None = None

    @classmethod
    def of(cls, text: str, path: Path | None = None) -> TextLines:
        """Those of a text that stands in a file as it is."""
        starts = [0, *(match.end() for match in re.finditer("\n", text))]
        return cls(array("q", starts), range(1, len(starts) + 1), path)

    def at(self, offset: int) -> int:
        """The line of a code point; 0 if it is not known."""
        place = bisect_right(self.starts, offset) - 1
        return self.numbers[place] if place >= 0 else 0

    def behind(self, begin: int) -> TextLines:
        """Those of the rest of the text, from a code point on."""
        return replace(self, starts=array("q", (start - begin for start in self.starts)))


@dataclass(frozen=True, slots=True)
class Reading:
    """A document with its file, the line of every entity (by id) and relation (by index), those of the text.

    ``omitted`` counts, by kind, what was read that a document has no place for, or that is read otherwise.
    ``slice`` is the percentages of its corpus that it was read as part of, if only those were asked for.
    """

    document: Document
    path: Path
    entity_lines: dict[int, int] = field(default_factory=dict)
    relation_lines: tuple[int, ...] = ()
    notices: tuple[str, ...] = ()
    slice: tuple[int, int] | None = None
    omitted: dict[str, int] = field(default_factory=dict)
    text_lines: TextLines = TextLines()

    def fault(self, message: str, *, offset: int = 0, line: int = 0) -> Fault:
        """A fault at the line of a mark, else of the text at an offset, else in a document of the file."""
        if line:
            return Fault(str(self.path), message, line)
        if line := self.text_lines.at(offset):
            return Fault(str(self.text_lines.path or self.path), message, line)
        named = "" if self.document.id == self.path.stem else self.document.id
        return Fault(str(self.path), message, document=named)

    def place(self, offset: int, line: int = 0) -> str:
        """The place of a fault, in words."""
        return self.fault("", offset=offset, line=line).place


def build(
    path: Path,
    id: str,
    text: str,
    entities: list[tuple[int, int, int, str]],
    relations: list[tuple[str, int, int]],
) -> Document:
    """A document of raw parts ``(id, start, end, label)`` and ``(label, head, tail)``."""
    try:
        return Document(
            id,
            text,
            tuple(Entity(i, start, end, label, text[start:end]) for i, start, end, label in entities),
            tuple(Relation(*parts) for parts in relations),
        )
    except InputError as error:
        raise InputError([Fault(str(path), fault.message) for fault in error.faults]) from error


def refuse_surrogates(document: Document) -> None:
    """Raises InputError for a lone surrogate in an id, a text or a label, and for meta that is no JSON."""
    try:
        json_line(dict(document.meta), document.id)
        for text in (document.id, document.text, *document.labels):
            text.encode()
    except UnicodeEncodeError as error:
        message = "it holds a lone surrogate, which UTF-8 cannot; only jsonl holds it (escaped)"
        raise InputError(Fault(f"document '{document.id}'", message)) from error


def refuse_blank_labels(document: Document, labels: Iterable[str], *, format: str) -> None:
    """Raises InputError for labels that are empty or hold white space, which parts a format's columns."""
    wrong = sorted({label for label in labels if label.split() != [label]})
    if wrong:
        named = listed(map(repr, wrong))
        message = f"{format} holds no label with blanks: {named}; rename them, or write plain or jsonl"
        raise InputError(Fault(f"document '{document.id}'", message))
