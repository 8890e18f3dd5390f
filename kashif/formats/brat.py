"""brat standoff: a ``.ann`` of offsets into a text, which stands beside it or is given.

Format: https://brat.nlplab.org/standoff.html.
"""

from __future__ import annotations

from pathlib import Path

import regex

from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import BOM, read_text
from kashif.formats.reading import Reading, build, refuse_blank_labels

_ENTITY = regex.compile(r"T(\d{1,18})\t(\S+) (\d{1,18}) (\d{1,18})\t(.*)")
_BLANK = regex.compile(r"T\d+\t\S+( \D\S*)+ \d+ \d+\t|R\d+\t\S+( \S+)+ Arg1:")
_RELATION = regex.compile(r"R\d+\t(\S+) Arg1:T(\d{1,18}) Arg2:T(\d{1,18})\s*")


def text_path(path: Path) -> Path:
    """Where the text of a ``.ann`` stands if it stands beside it; the ending may be in capitals."""
    capitals = path.with_suffix(".TXT")
    return capitals if capitals.exists() else path.with_suffix(".txt")


def read(path: Path, text: str | None = None) -> list[Reading]:
    """The document of a ``.ann`` file; its id is the file's stem.

    ``text`` is what the offsets point into; None reads the text beside the file. A byte order mark before it
    is no part of the document; offsets that count it are moved.

    Raises:
        InputError: listing every line that does not fit.
    """
    where = str(path)
    rows = list(enumerate(read_text(path).replace("\r\n", "\n").split("\n"), start=1))
    if text is None:
        text = read_text(text_path(path), keep_bom=True)
    before, text = _bom_counted(text, [row for _, row in rows]), text.removeprefix(BOM)
    faults: list[Fault] = []
    entities: list[tuple[int, int, int, str]] = []
    lines: dict[int, int] = {}
    relations: list[tuple[str, int, int]] = []
    relation_lines: list[int] = []
    for number, row in rows:
        if not row.strip() or row.startswith("#"):
            continue
        if match := _ENTITY.fullmatch(row):
            id, start, end = int(match[1]), int(match[3]) - before, int(match[4]) - before
            if id in lines:
                faults.append(Fault(where, f"T{id} is taken by line {lines[id]}; ids are unique", number))
                continue
            lines[id] = number
            if not 0 <= start < end <= len(text):
                message = f"offsets {start}-{end} do not lie in the text (0-{len(text)}) or are empty"
                faults.append(Fault(where, message, number))
                continue
            found = text[start:end]
            if _one_line(found) != _one_line(match[5]):
                message = f"the text at {start}-{end} is {found!r:.80}, not {match[5]!r:.80}"
                faults.append(Fault(where, message, number))
            entities.append((id, start, end, match[2]))
        elif match := _RELATION.fullmatch(row):
            relations.append((match[1], int(match[2]), int(match[3])))
            relation_lines.append(number)
        else:
            message = f"not an entity or relation of brat's: {row!r:.80} ({_why(row)})"
            faults.append(Fault(where, message, number))
    for (label, head, tail), number in zip(relations, relation_lines, strict=True):
        for id in (head, tail):
            if id not in lines:
                faults.append(Fault(where, f"{label}: there is no entity T{id}", number))
    if faults:
        raise InputError(sorted(faults, key=lambda fault: fault.order))
    document = build(path, path.stem, text, entities, relations)
    return [Reading(document, path, lines, tuple(relation_lines))]


def _one_line(mention: str) -> str:
    """A mention as a line shows it, without line ends."""
    return mention.replace("\r", " ").replace("\n", " ")


def _bom_counted(text: str, rows: list[str]) -> int:
    """1 if the offsets count the byte order mark before a text, by which way more mentions fit; else 0."""
    if not text.startswith(BOM):
        return 0
    fits = [0, 0]
    for match in filter(None, map(_ENTITY.fullmatch, rows)):
        for before in (0, 1):
            start, end = int(match[3]) - before + 1, int(match[4]) - before + 1
            fits[before] += _one_line(text[max(1, start) : end]) == _one_line(match[5])
    return int(fits[1] > fits[0])


def write(document: Document) -> tuple[str, list[str]]:
    """The document's annotations; scores and normal forms are not held.

    Raises:
        InputError: if a label holds white space, which parts the columns of the format.
    """
    refuse_blank_labels(document, document.labels, format="brat")
    rows = [
        f"T{entity.id}\t{entity.label} {entity.start} {entity.end}\t{_one_line(entity.text)}"
        for entity in document.entities
    ]
    rows += [
        f"R{number}\t{relation.label} Arg1:T{relation.head} Arg2:T{relation.tail}"
        for number, relation in enumerate(document.relations, start=1)
    ]
    return "".join(row + "\n" for row in rows), []


def _why(row: str) -> str:
    """What a line that is no entity and no relation may be."""
    if _BLANK.match(row):
        return "its label holds a blank, which brat has no place for"
    return "attributes, events and spans in several parts have no place here"
