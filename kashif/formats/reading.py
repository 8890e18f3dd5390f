"""What reading a file gives: a document, and the lines where its parts stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kashif.document import Document
from kashif.errors import Fault, InputError


@dataclass(frozen=True, slots=True)
class Reading:
    """A document with its file and the line of every entity (by id) and relation (by index).

    ``share`` is the percentages of its corpus that it was read as part of, if only those were asked for.
    """

    document: Document
    path: Path
    entity_lines: dict[int, int] = field(default_factory=dict)
    relation_lines: tuple[int, ...] = ()
    notices: tuple[str, ...] = ()
    share: tuple[int, int] | None = None


class MissingText(Exception):
    """The text that a file's annotations point into is not on this machine."""


def read_text(path: Path) -> str:
    """A file's text to the letter: UTF-8, no newline translated, no BOM stripped.

    Raises:
        InputError: if the file is not there or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}; save the file as UTF-8"
        raise InputError(Fault(str(path), message)) from error
    except OSError as error:
        raise InputError(Fault(str(path), f"cannot be read: {error.strerror}")) from error


def build(
    path: Path,
    id: str,
    text: str,
    entities: list[tuple[int, int, int, str]],
    relations: list[tuple[str, int, int]],
) -> Document:
    """A document of raw parts ``(id, start, end, label)`` and ``(label, head, tail)``."""
    from kashif.document import Entity, Relation

    try:
        return Document(
            id,
            text,
            tuple(Entity(i, start, end, label, text[start:end]) for i, start, end, label in entities),
            tuple(Relation(*parts) for parts in relations),
        )
    except InputError as error:
        raise InputError([Fault(str(path), fault.message) for fault in error.faults]) from error
