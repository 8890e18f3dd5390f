"""WebAnno TSV 3 as INCEpTION reads it, from documents; ``webanno`` reads it."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from kashif.arabic import sentences, touched, words
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.formats import offsets
from kashif.formats.webanno import CONTROLS, ENTITY

_HEADER = (
    "#FORMAT=WebAnno TSV 3.3\n"
    f"#T_SP={ENTITY}|identifier|value\n"
    f"#T_RL=webanno.custom.Relation|label|BT_{ENTITY}\n\n"
)


def write(document: Document) -> tuple[str, list[str]]:
    """The document over our words, those that a span begins or ends in parted, and what was not held.

    Raises:
        InputError: if the text has no word.
    """
    found = words(document.text)
    if not found:
        raise InputError(
            Fault(f"document '{document.id}'", "webanno holds no text without a word; write jsonl")
        )
    marks: dict[tuple[int, int, int], list[str]] = {}
    first: dict[int, tuple[int, int, int]] = {}
    outside = wordless = 0
    for number, entity in enumerate(document.entities, start=1):
        place = touched(found, entity.start, entity.end)
        pieces = [(i, max(found[i][0], entity.start), min(found[i][1], entity.end)) for i in place]
        if not pieces:
            wordless += 1
            continue
        outside += (pieces[0][1], pieces[-1][2]) != (entity.start, entity.end)
        first[entity.id] = pieces[0]
        for piece in pieces:
            marks.setdefault(piece, []).append(f"{_escaped(entity.label)}[{number}]")
    units = list(_units(document.text, found, marks))
    named = {piece: unit for _, unit, piece in units}
    numbers = {entity.id: number for number, entity in enumerate(document.entities, start=1)}
    links: dict[tuple[int, int, int], list[tuple[str, str]]] = {}
    for relation in document.relations:
        if relation.head in first and relation.tail in first:
            ends = f"[{numbers[relation.head]}_{numbers[relation.tail]}]"
            link = _escaped(relation.label), named[first[relation.head]] + ends
            links.setdefault(first[relation.tail], []).append(link)
    table = offsets.code_units(document.text)
    count = {place: index for index, place in enumerate(table) if place != offsets.INSIDE}
    parts = [_HEADER]
    for behind, unit, piece in units:
        if behind is not None:  # INCEpTION puts the whole line at the first token
            parts.append(f"\n#Text={_line(document.text[piece[1] : behind])}\n")
        values = marks.get(piece, [])
        stars = [value[value.rindex("[") :] for value in values]
        cells = [
            unit,
            f"{count[piece[1]]}-{count[piece[2]]}",
            document.text[piece[1] : piece[2]],
            "|".join(f"*{star}" for star in stars) or "_",
            "|".join(values) or "_",
            "|".join(label for label, _ in links.get(piece, ())) or "_",
            "|".join(reference for _, reference in links.get(piece, ())) or "_",
        ]
        parts.append("\t".join(cells) + "\t\n")
    losses = []
    if units[0][2][1]:
        losses.append("what stands before the first word is written as blanks")
    if outside:
        losses.append(f"{outside} spans begin or end beside a word; they are written without that")
    if wordless:
        losses.append(f"{wordless} spans of no word, and their relations, are left out")
    return "".join(parts), [f"{document.id}: {loss}" for loss in losses]


def _units(
    text: str, found: list[tuple[int, int]], marks: dict[tuple[int, int, int], list[str]]
) -> Iterator[tuple[int | None, str, tuple[int, int, int]]]:
    """Words and marked parts of them: name and piece; of a sentence's first also where the next begins."""
    parted: dict[int, list[tuple[int, int, int]]] = {}
    for piece in marks:
        if piece[1:] != found[piece[0]]:
            parted.setdefault(piece[0], []).append(piece)
    places = [place for sentence in sentences(text) if (place := touched(found, *sentence))]
    begins = [*(found[place[0]][0] for place in places[1:]), len(text)]
    for number, (place, behind) in enumerate(zip(places, begins, strict=True), start=1):
        for index, word in enumerate(place, start=1):
            yield behind if index == 1 else None, f"{number}-{index}", (word, *found[word])
            for part, piece in enumerate(sorted(parted.get(word, ())), start=1):
                yield None, f"{number}-{index}.{part}", piece


def _escaped(label: str) -> str:
    escaped = regex.sub(r"([\\\[\]|_;*])", r"\\\1", label).replace("->", "\\->")
    return _line(escaped, backslash=False)


def _line(text: str, *, backslash: bool = True) -> str:
    """A text on one line."""
    text = text.replace("\\", "\\\\") if backslash else text
    for letter, char in CONTROLS.items():
        text = text.replace(char, f"\\{letter}")
    return text
