"""CSV of mentions and triples, a row each, for spreadsheets and graphs; written, not read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.formats.reading import Reading

_COLUMNS = (
    *("document", "kind", "label", "id", "start", "end", "mention", "normal"),
    *("head", "head_label", "head_mention", "tail", "tail_label", "tail_mention", "score"),
)
FRAME = (",".join(_COLUMNS) + "\n", "", "")


def read(path: Path) -> list[Reading]:
    """Raises InputError: the texts are not in the file."""
    raise InputError(Fault(str(path), "csv has no texts and is only written; read jsonl, or another format"))


def write(document: Document) -> tuple[str, list[str]]:
    """A row for each entity (``kind`` entity) and each relation (``kind`` relation) of the document."""
    lines = io.StringIO()
    table = csv.DictWriter(lines, _COLUMNS, lineterminator="\n")
    for entity in document.entities:
        table.writerow(
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
        )
    by_id = document.by_id()
    for relation in document.relations:
        head, tail = by_id[relation.head], by_id[relation.tail]
        table.writerow(
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
    return lines.getvalue(), []
