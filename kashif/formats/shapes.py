"""Whose JSON a file is, for messages that say how to name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kashif.errors import InputError
from kashif.files import parse_json, read_text

_MARKS = {
    "gliner": {"tokenized_text"},
    "label-studio": {"data"},
    "prodigy": {"spans", "relations"},
    "doccano": {"label", "labels", "entities", "annotations"},
    "jsonl": {"entities"},
}
"""The keys, one of which a row of each format has whether anything is marked in it or not."""


def of_row(row: Any, *, own: str = "") -> str:
    """The format that an object shows to be of by its marks, ``own`` if by that too; nothing if by none."""
    if not isinstance(row, dict):
        return ""
    text = isinstance(row.get("text"), str)
    fits = {
        "gliner": "tokenized_text" in row,
        "label-studio": _is_task(row) or (text and _is_minimal(row)),
        "prodigy": text and (_holds(row, "spans", "start", "end") or _holds(row, "relations", "head_span")),
        "doccano": any(_is_triple(row.get(key)) for key in ("label", "labels", "entities"))
        or any(_holds(row, key, "start_offset") for key in ("entities", "annotations")),
        "jsonl": text and _holds(row, "entities", "start", "end", "label"),
    }
    return own if fits.get(own) else next((format for format, fit in fits.items() if fit), "")


def _is_task(row: dict[str, Any]) -> bool:
    keys = {"annotations", "predictions", "completions"}
    return isinstance(row.get("data"), dict) and not keys.isdisjoint(row)


def _is_minimal(row: dict[str, Any]) -> bool:
    """Whether an object is of Label Studio's JSON-MIN, where spans stand below the name of their control."""
    return any(_holds(row, key, "start", "end", "labels") for key in row)


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], kind)


def _is_triple(value: Any) -> bool:
    """Whether a list begins with the start, the end and the label of a span."""
    return _is_list(value, list) and len(value[0]) == 3 and all(type(place) is int for place in value[0][:2])


def _holds(row: dict[str, Any], key: str, *keys: str) -> bool:
    """Whether objects with some keys stand in a list below a key."""
    value: Any = row.get(key)
    return _is_list(value, dict) and value[0].keys() >= {*keys}


def shape(text: str, *, own: str = "") -> str:
    """The format that a file's text is of, by the first object that tells it; nothing if none does."""
    if text[:100].lstrip()[:1] not in ("[", "{"):
        return ""
    try:
        value = parse_json(text, "")
    except InputError:
        return _shape_of_lines(text, own)
    rows = value if isinstance(value, list) else [value]
    return next(filter(None, (of_row(row, own=own) for row in rows)), "")


def _shape_of_lines(text: str, own: str) -> str:
    for line in filter(str.strip, text.split("\n")):
        try:
            found = of_row(parse_json(line, ""), own=own)
        except InputError:
            return ""
        if found:
            return found
    return ""


def hint(path: Path, *, own: str = "") -> str:
    """What to write for a file that looks like one of a format other than ``own``; else nothing."""
    try:
        format = shape(read_text(path), own=own)
    except InputError:
        return ""
    return "" if format in ("", own) else f"this looks like a file of {format}; write {format}:{path}"


def stray(row: dict[str, Any], own: str) -> str:
    """What is wrong with a row of another format in a file of ``own``, which would be read without marks."""
    other = "" if row.keys() & _MARKS[own] else of_row(row, own=own)
    if other in ("", own):
        return ""
    return f"this looks like {other}, in a file of {own}; what two tools wrote is read file by file"
