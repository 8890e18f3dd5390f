"""What reading a file gives: a document, and the lines where its parts stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kashif.document import Document, Entity, Relation, json_line
from kashif.errors import Fault, InputError, listed


@dataclass(frozen=True, slots=True)
class Reading:
    """A document with its file and the line of every entity (by id) and relation (by index).

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

    def place(self, offset: int, line: int = 0) -> str:
        """The file and the line of a mark, else that of the text at an offset, as far as they are known."""
        line = line or self._line(offset)
        return f"{self.path}:{line}" if line else str(self.path)

    def _line(self, offset: int) -> int:
        if self.path.suffix.lower() == ".txt":
            return self.document.text.count("\n", 0, offset) + 1
        lines = {*self.entity_lines.values(), *self.relation_lines}
        return lines.pop() if len(lines) == 1 else 0


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


def refuse_large_ids(document: Document, most: int, *, format: str) -> None:
    """Raises InputError for ids of entities that are larger than what a format holds."""
    if large := [entity.id for entity in document.entities if entity.id > most]:
        message = f"{format} holds no id above {most:,}: {listed(map(str, large))}; renumber, or write jsonl"
        raise InputError(Fault(f"document '{document.id}'", message))


def refuse_blank_labels(document: Document, labels: Iterable[str], *, format: str) -> None:
    """Raises InputError for labels that are empty or hold white space, which parts a format's columns."""
    wrong = sorted({label for label in labels if label.split() != [label]})
    if wrong:
        named = listed(map(repr, wrong))
        message = f"{format} holds no label with blanks: {named}; rename them, or write plain or jsonl"
        raise InputError(Fault(f"document '{document.id}'", message))
