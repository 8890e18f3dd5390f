"""Whose JSON a file is, for messages that say how to name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kashif.errors import InputError
from kashif.files import parse_json, read_text


def of_row(row: Any) -> str | None:
    """The format of another tool that an object is of; None where it is of none, or our own."""
    if not isinstance(row, dict):
        return None
    if "tokenized_text" in row:
        return "gliner"
    if isinstance(row.get("data"), dict) and row.keys() & {"annotations", "predictions", "completions"}:
        return "label-studio"
    if _is_list(row.get("spans"), dict) and "text" in row:
        return "prodigy"
    triples = any(_is_list(row.get(key), list) for key in ("label", "labels", "entities"))
    entities: Any = row.get("entities")
    if triples or (_is_list(entities, dict) and "start_offset" in entities[0]):
        return "doccano"
    return None


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], kind)


def shape(text: str) -> str | None:
    """The format of another tool that a file's text is of, by the first objects that tell it."""
    begin = text[:100].lstrip()[:1]
    if begin not in ("[", "{"):
        return None
    try:
        value = parse_json(text, "")
        rows = value if isinstance(value, list) else [value]
    except InputError:
        rows = []
        for line in text.split("\n")[:_FIRST]:
            try:
                rows.append(parse_json(line, "") if line.strip() else None)
            except InputError:
                return None
    found = (of_row(row) for row in rows[:_FIRST])
    return next((format for format in found if format), None)


_FIRST = 50
"""How many objects of a file are looked at."""


def hint(path: Path, other_than: str = "") -> str:
    """What to write for a file that looks like one of another tool's format; else nothing."""
    try:
        format = shape(read_text(path))
    except InputError:
        return ""
    if format in (None, other_than):
        return ""
    return f"this looks like a file of {format}; write {format}:{path}"
