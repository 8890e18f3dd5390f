"""CSV of mentions and triples, a row each, for spreadsheets and graphs; written, not read."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.formats.reading import Reading

_COLUMNS = (
    *("document", "kind", "label", "id", "start", "end", "mention", "normal"),
    *("head", "head_label", "head_mention", "tail", "tail_label", "tail_mention", "score"),
)
_END = "\r\n"
FRAME = (",".join(_COLUMNS) + "\n", "", "")


def read(path: Path) -> list[Reading]:
    """Raises InputError: the texts are not in the file."""
    raise InputError(Fault(str(path), "csv has no texts and is only written; read jsonl, or another format"))


def write(document: Document) -> tuple[str, list[str]]:
    """A row for each entity (``kind`` entity) and each relation (``kind`` relation) of the document."""
    by_id = document.by_id()
    rows: list[dict[str, object]] = [
        {
            "document": document.id,
            "kind": "entity",
            "label": entity.label,
            "id": entity.id,
            "start": entity.start,
            "end": entity.end,
            "mention": entity.text,
            "normal": entity.normal,
            "score": entity.score,
        }
        for entity in document.entities
    ]
    for relation in document.relations:
        head, tail = by_id[relation.head], by_id[relation.tail]
        rows.append(
            {
                "document": document.id,
                "kind": "relation",
                "label": relation.label,
                "head": head.id,
                "head_label": head.label,
                "head_mention": head.text,
                "tail": tail.id,
                "tail_label": tail.label,
                "tail_mention": tail.text,
                "score": relation.score,
            }
        )
    return "".join(map(_line, rows)), []


def _line(row: Mapping[str, object]) -> str:
    """A row as a line; the library quotes a carriage return only where lines end in one."""
    line = io.StringIO()
    csv.DictWriter(line, _COLUMNS, lineterminator=_END).writerow(row)
    return line.getvalue().removesuffix(_END) + "\n"
