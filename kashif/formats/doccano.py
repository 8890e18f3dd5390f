"""doccano's JSON lines: spans as ``label: [[start, end, label]]``, or entities and relations by id.

Older versions wrote ``annotations``, whose labels are numbers unless they are exported as text.

Format: https://doccano.github.io/doccano/. doccano counts offsets in UTF-16 code units, or in grapheme
clusters if the project says so; files that people make for it count code points. Its files hold no mentions:
the way is taken by which most spans begin and end at words.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from kashif.arabic import words
from kashif.document import Document, json_line
from kashif.errors import Fault
from kashif.formats import offsets
from kashif.formats.drafts import Draft, count_others, gathered, listed, meta_of, name, rows
from kashif.formats.reading import Reading

_WAYS = ("UTF-16 code units", "code points", "grapheme clusters")
_HOLDERS = ("label", "labels", "entities", "annotations")
"""The keys below which spans stand."""
_OWN = {"id", "text", "data", "relations", "Comments", "comments", *_HOLDERS}
_NAMES = ("start_offset", "end_offset", "label")
_SPAN = {"id", *_NAMES}
_RELATION = {"id", "type", "from_id", "to_id"}


def read(path: Path) -> list[Reading]:
    """The documents of an export, one a line.

    Raises:
        InputError: listing every line that does not fit.
    """
    faults: list[Fault] = []
    passed: Counter[str] = Counter()
    drafts: list[tuple[Draft, str, dict[str, Any]]] = []
    spans: list[tuple[Draft, list[dict[str, Any]]]] = []
    for number, line, row in rows(path, "doccano", faults):
        text = row.get("text", row.get("data"))
        draft = Draft.of(path, text, number=number, line=line)
        spans.append((draft, _spans(draft, row)))
        for relation in listed(draft, row.get("relations"), "relations"):
            count_others(relation, _RELATION, passed, of="a relation")
            draft.relation(relation.get("type"), relation.get("from_id"), relation.get("to_id"))
        comments = row.get("Comments") or row.get("comments") or []
        passed["comments are left out"] += len(comments) if isinstance(comments, list) else 1
        drafts.append((draft, name(row, ["id"], f"{path.stem}-{number}"), meta_of(row, _OWN)))
    counted = offsets.best(_WAYS, lambda way: sum(_fits(draft, found, way) for draft, found in spans))
    for draft, found in spans:
        draft.table = offsets.COUNTS[counted](draft.text)
        passed[f"texts with characters that tools count differently, read in {counted}"] += (
            len({len(offsets.COUNTS[way](draft.text)) for way in _WAYS[:2]}) > 1 or counted == _WAYS[2]
        )
        for span in found:
            count_others(span, _SPAN, passed)
            draft.entity(
                span.get("start_offset"), span.get("end_offset"), span.get("label"), id=span.get("id")
            )
    return gathered(path, drafts, passed, faults)


def _spans(draft: Draft, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The spans of a line, whichever way it holds them."""
    spans: list[dict[str, Any]] = []
    for key in _HOLDERS:
        value = row.get(key)
        if value is not None and not isinstance(value, list):
            draft.fault(f"'{key}' is a list of spans, found {shortened(value)}")
            continue
        for item in value or ():
            if isinstance(item, dict):
                spans.append(item)
            elif isinstance(item, list) and len(item) == len(_NAMES):
                spans.append(dict(zip(_NAMES, item, strict=True)))
            else:
                draft.fault(f"'{key}' holds [start, end, label], found {shortened(item)}")
    numbers = [span["label"] for span in spans if isinstance(span.get("label"), int)]
    if numbers:
        remedy = "export text labels from doccano, or put the labels' names in their place"
        draft.fault(f"its labels are numbers, such as {numbers[0]}; {remedy}")
    return [span for span in spans if not isinstance(span.get("label"), int)]


def _fits(draft: Draft, spans: list[dict[str, Any]], way: str) -> int:
    """How many spans begin and end at a word, if offsets are counted so."""
    found = words(draft.text)
    starts, ends = {start for start, _ in found}, {end for _, end in found}
    pairs = [(span.get("start_offset"), span.get("end_offset")) for span in spans]
    table = offsets.COUNTS[way](draft.text)
    return sum(
        offsets.count_fits(table, pairs, fits)
        for fits in (lambda start, end: start in starts, lambda start, end: end in ends)
    )


def write(document: Document) -> tuple[str, list[str]]:
    """The document as a line with entities and relations, its offsets in UTF-16 code units."""
    table = offsets.code_units(document.text)
    unit = {place: index for index, place in enumerate(table) if place != offsets.INSIDE}
    entities = [
        {"id": e.id, "label": e.label, "start_offset": unit[e.start], "end_offset": unit[e.end]}
        for e in document.entities
    ]
    relations = [
        {"id": number, "from_id": relation.head, "to_id": relation.tail, "type": relation.label}
        for number, relation in enumerate(document.relations, start=1)
    ]
    row: dict[str, Any] = {
        "id": document.id,
        "text": document.text,
        "entities": entities,
        "relations": relations,
        "meta": dict(
            document.meta
        ),  # also where there is none: doccano refuses a file of which only some have it
    }
    return json_line(row, document.id) + "\n", []
