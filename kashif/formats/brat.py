"""brat standoff: a ``.ann`` of offsets into a text that stands beside it or is named by a manifest.

``seeds/manifest.json``, found in the file's folder or one above, names texts that are not in the
repository by file name, SHA-256 and length. They are looked for in ``$KASHIF_SEEDS``, then beside
the manifest; a text whose digest differs is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import regex

from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.formats.reading import MissingText, Reading, build, read_text

_ENTITY = regex.compile(r"T(\d+)\t(\S+) (\d+) (\d+)\t(.*)")
_RELATION = regex.compile(r"R\d+\t(\S+) Arg1:T(\d+) Arg2:T(\d+)\s*")


def read(path: Path) -> list[Reading]:
    """The document of a ``.ann`` file; its id is the file's stem.

    Raises:
        InputError: listing every line that does not fit, or a text of another digest.
        MissingText: if a text named by a manifest is not on this machine.
    """
    text = _text(path)
    where = str(path)
    faults: list[Fault] = []
    entities: list[tuple[int, int, int, str]] = []
    lines: dict[int, int] = {}
    relations: list[tuple[str, int, int]] = []
    relation_lines: list[int] = []
    for number, row in enumerate(read_text(path).replace("\r\n", "\n").split("\n"), start=1):
        if not row.strip() or row.startswith("#"):
            continue
        if match := _ENTITY.fullmatch(row):
            id, start, end = int(match[1]), int(match[3]), int(match[4])
            if id in lines:
                faults.append(Fault(where, f"T{id} is taken by line {lines[id]}; ids are unique", number))
                continue
            lines[id] = number
            if not 0 <= start < end <= len(text):
                message = f"offsets {start}-{end} do not lie in the text (0-{len(text)}) or are empty"
                faults.append(Fault(where, message, number))
                continue
            found = text[start:end].replace("\n", " ")
            if found != match[5]:
                message = f"the text at {start}-{end} is {found!r}, not {match[5]!r}"
                faults.append(Fault(where, message, number))
            entities.append((id, start, end, match[2]))
        elif match := _RELATION.fullmatch(row):
            relations.append((match[1], int(match[2]), int(match[3])))
            relation_lines.append(number)
        else:
            message = f"not an entity or relation of brat's: {row!r} (attributes, events and spans in"
            faults.append(Fault(where, message + " several parts have no place here)", number))
    for (label, head, tail), number in zip(relations, relation_lines, strict=True):
        for id in (head, tail):
            if id not in lines:
                faults.append(Fault(where, f"{label}: there is no entity T{id}", number))
    if faults:
        raise InputError(sorted(faults, key=lambda fault: fault.order))
    document = build(path, path.stem, text, entities, relations)
    return [Reading(document, path, lines, tuple(relation_lines))]


def write(document: Document) -> tuple[str, list[str]]:
    """The document's annotations; scores and normal forms are not held."""
    rows = [
        f"T{entity.id}\t{entity.label} {entity.start} {entity.end}\t{entity.text}".replace("\n", " ")
        for entity in document.entities
    ]
    rows += [
        f"R{number}\t{relation.label} Arg1:T{relation.head} Arg2:T{relation.tail}"
        for number, relation in enumerate(document.relations, start=1)
    ]
    return "".join(row + "\n" for row in rows), []


def write_beside(document: Document, path: Path) -> None:
    """Writes the text beside ``path``, unless a manifest names it with the same digest."""
    named = _named(path)
    digest = hashlib.sha256(document.text.encode()).hexdigest()
    if named is None or named[1]["sha256"] != digest:
        path.with_suffix(".txt").write_text(document.text, encoding="utf-8", newline="")


def _named(path: Path) -> tuple[Path, dict[str, str]] | None:
    """The manifest's folder and its entry for the text of this ``.ann``."""
    for folder in path.resolve().parents:
        manifest = folder / "seeds" / "manifest.json"
        if manifest.is_file():
            for entry in json.loads(read_text(manifest))["articles"]:
                if entry["file"] == path.with_suffix(".txt").name:
                    return manifest.parent, entry
    return None


def _text(path: Path) -> str:
    beside = path.with_suffix(".txt")
    if beside.exists():
        return read_text(beside)
    named = _named(path)
    if named is None:
        message = f"no text: {beside.name} is not beside it and no seeds/manifest.json names it"
        raise InputError(Fault(str(path), message))
    folder, entry = named
    places = [Path(os.environ["KASHIF_SEEDS"])] if os.environ.get("KASHIF_SEEDS") else []
    for place in (*places, folder):
        file = place / entry["file"]
        if file.is_file():
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            if digest != entry["sha256"]:
                message = f"SHA-256 is {digest[:12]}…, the manifest says {entry['sha256'][:12]}…: not the"
                raise InputError(Fault(str(file), message + " text that was annotated; replace it"))
            return read_text(file)
    raise MissingText(
        f"{entry['file']} is not here: set KASHIF_SEEDS to the folder that holds it, or put it into"
        f" {folder.name}/"
    )
