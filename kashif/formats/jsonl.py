"""JSON lines: one document a line, holding all that a document holds."""

from __future__ import annotations

from pathlib import Path

from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import parse_json, read_text
from kashif.formats import shapes
from kashif.formats.reading import Reading, TextLines


def read(path: Path) -> list[Reading]:
    """The documents of a file, one a line; empty lines are passed over.

    Raises:
        InputError: listing every line that does not fit.
    """
    text = read_text(path)
    faults: list[Fault] = []
    readings: list[Reading] = []
    first: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            document = Document.from_json(line, str(path), number)
        except InputError as error:
            faults += error.faults
            continue
        if not document.entities and (message := shapes.stray(parse_json(line, ""), "jsonl")):
            faults.append(Fault(str(path), message, number))
        if document.id in first:
            message = f"id '{document.id}' is taken by line {first[document.id]}; ids are unique"
            faults.append(Fault(str(path), message, number))
        first.setdefault(document.id, number)
        lines = {entity.id: number for entity in document.entities}
        relation_lines = (number,) * len(document.relations)
        readings.append(Reading(document, path, lines, relation_lines, text_lines=TextLines([0], [number])))
    if faults:
        raise InputError(_whole(text, str(path)) or faults)
    return readings


def _whole(text: str, where: str) -> list[Fault]:
    """The one fault of a file that is JSON, but not a document a line."""
    if text[:100].lstrip()[:1] not in ("[", "{"):
        return []
    try:
        value = parse_json(text, where)
    except InputError:
        return []
    what = "one array" if isinstance(value, list) else "one object over several lines"
    if isinstance(value, dict) and text.strip().count("\n") == 0:
        return []
    return [Fault(where, f"{what}, not JSON lines; write each document as an object on a line of its own")]


def write(document: Document) -> tuple[str, list[str]]:
    """The document as one line."""
    return document.to_json() + "\n", []
