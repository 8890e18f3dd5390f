"""brat standoff: a ``.ann`` of offsets into a text, which stands beside it or is given.

Entities and binary relations are read; attributes, notes, normalisations, events and equivalences are read
over and counted. A span in several parts needs a choice, the option ``parts=``, unless brat cut it at the end
of a line.
Format: https://brat.nlplab.org/standoff.html.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import regex

from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import BOM, read_text
from kashif.formats.reading import Reading, TextLines, build, refuse_blank_labels

OPTIONS = {
    "parts": (
        regex.compile("cover|largest"),
        "+parts=cover (a span in several parts is all from first to last) or +parts=largest (the largest)",
    )
}
"""The options of the format: what their values look like and what they are."""
_ENTITY = regex.compile(r"T(\d{1,18})\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)\t(.*)")
_BLANK = regex.compile(r"T\d+\t\S+( \D\S*)+ \d+ \d+|R\d+\t\S+( [^\s:]+)+ \S+:")
_RELATION = regex.compile(r"R\d+\t(\S+)\s+([^\s:]+):([TE])(\d{1,18})\s+([^\s:]+):([TE])(\d{1,18})\s*")
_OTHERS = {
    "attributes": regex.compile(r"[AM]\d+\s.*"),
    "notes": regex.compile(r"#.*"),
    "normalisations": regex.compile(r"N\d+\s.*"),
    "events": regex.compile(r"E\d+\s.*"),
    "equivalences": regex.compile(r"\*\s.*"),
}
"""What a document has no place for."""
_GAP = regex.compile(r"\s*[\r\n]\s*|")
"""What stands between the parts of a span that brat cut at the end of a line."""


_Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Counting:
    """How a tool counted: ``mark`` is 1 if it counted the byte order mark.

    ``ends`` is where line ends of two characters stand, in its own offsets, if it counted each as one.
    """

    mark: int
    ends: tuple[int, ...]

    def place(self, offset: int) -> int:
        """The offset into the text without its mark."""
        offset -= self.mark
        return offset + bisect_left(self.ends, offset)


def text_path(path: Path) -> Path:
    """Where the text of a ``.ann`` stands if it stands beside it; the ending may be in capitals."""
    return _beside(path, ".txt") or path.with_suffix(".txt")


def annotations_path(text: Path) -> Path | None:
    """The ``.ann`` beside a text, if there is one; the ending may be in capitals."""
    return _beside(text, ".ann")


def _beside(path: Path, ending: str) -> Path | None:
    names = (path.with_suffix(name) for name in (ending, ending.upper(), ending.title()))
    return next((name for name in names if name.is_file()), None)


def read(path: Path, text: str | None = None, *, parts: str = "") -> list[Reading]:
    """The document of a ``.ann`` file; its id is the file's stem.

    ``text`` is what the offsets point into; None reads the text beside the file. A byte order mark before it
    is no part of the document; offsets that count it, or a line end of two characters as one, are moved.
    ``parts`` says what a span in several parts is: its ``cover`` or its ``largest`` part.

    Raises:
        InputError: listing every line that does not fit.
    """
    where = str(path)
    rows = list(enumerate(read_text(path).replace("\r\n", "\n").split("\n"), start=1))
    beside = text_path(path) if text is None else None
    if text is None:
        text = read_text(text_path(path), keep_bom=True)
    counting, text = _counting(text, [row for _, row in rows]), text.removeprefix(BOM)
    faults: list[Fault] = []
    entities: list[tuple[int, int, int, str]] = []
    lines: dict[int, int] = {}
    relations: list[tuple[str, int, int]] = []
    relation_lines: list[int] = []
    omitted: Counter[str] = Counter()
    for number, row in rows:
        if not row.strip():
            continue
        if match := _ENTITY.fullmatch(row):
            id = int(match[1])
            if id in lines:
                faults.append(Fault(where, f"T{id} is taken by line {lines[id]}; ids are unique", number))
                continue
            lines[id] = number
            spans = sorted(_spans(match[3], counting))
            if message := _misfit(spans, text, match[4]):
                faults.append(Fault(where, message, number))
                continue
            spans = _joined(spans, text)
            if len(spans) > 1 and not parts:
                message = (
                    f"T{id} has {len(spans)} parts, a document's spans have one; choose what it is: write"
                    " brat+parts=cover:PATH (from the first to the last) or brat+parts=largest:PATH"
                )
                faults.append(Fault(where, message, number))
                continue
            if len(spans) > 1:
                omitted[f"spans in several parts (read by parts={parts})"] += 1
            start, end = _chosen(spans, parts)
            entities.append((id, start, end, match[2]))
        elif match := _RELATION.fullmatch(row):
            if "E" in (match[3], match[6]):
                omitted["relations between events"] += 1
                continue
            head, tail = int(match[4]), int(match[7])
            if (match[2], match[5]) == ("Arg2", "Arg1"):
                head, tail = tail, head
            relations.append((match[1], head, tail))
            relation_lines.append(number)
        elif kind := next((kind for kind, other in _OTHERS.items() if other.fullmatch(row)), ""):
            omitted[kind] += 1
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
    text_lines = TextLines.of(text, beside) if beside else TextLines()
    return [
        Reading(document, path, lines, tuple(relation_lines), omitted=dict(omitted), text_lines=text_lines)
    ]


def _one_line(mention: str) -> str:
    """A mention as a line shows it, without line ends."""
    return mention.replace("\r", " ").replace("\n", " ")


def _spans(offsets: str, counting: _Counting) -> _Spans:
    """The parts of a span as it is written: ``0 5;8 12``."""
    pairs = (part.split() for part in offsets.split(";"))
    return [(counting.place(int(start)), counting.place(int(end))) for start, end in pairs]


def _shown(spans: _Spans, text: str) -> str:
    """A mention as brat shows it: its parts with a blank between them."""
    return regex.sub(r"\s+", " ", " ".join(text[start:end] for start, end in spans))


def _misfit(spans: _Spans, text: str, mention: str) -> str:
    """Why the parts of a span are none of the text's, if they are not."""
    listed = ";".join(f"{start}-{end}" for start, end in spans)
    if not all(0 <= start < end <= len(text) for start, end in spans):
        return f"offsets {listed} do not lie in the text (0-{len(text)}) or are empty"
    if _shown(spans, text) != regex.sub(r"\s+", " ", mention):
        return f"the text at {listed} is {_shown(spans, text)!r:.80}, not {mention!r:.80}"
    return ""


def _joined(spans: _Spans, text: str) -> _Spans:
    """The parts of a span; those that touch, but for white space that holds the end of a line, are one."""
    joined = spans[:1]
    for start, end in spans[1:]:
        first, last = joined[-1]
        if start <= last or _GAP.fullmatch(text[last:start]):
            joined[-1] = first, max(last, end)
        else:
            joined.append((start, end))
    return joined


def _chosen(spans: _Spans, parts: str) -> tuple[int, int]:
    """The one span that several parts are read as."""
    if parts == "largest":
        return max(spans, key=lambda span: span[1] - span[0])
    return spans[0][0], spans[-1][1]


def _counting(text: str, rows: Sequence[str]) -> _Counting:
    """How the offsets into a text were counted, by which way most mentions fit; the first of equals."""
    bare = text.removeprefix(BOM)
    ends = tuple(match.start() - before for before, match in enumerate(regex.finditer("\r\n", bare)))
    ways = [
        _Counting(mark, counted)
        for counted in ([(), ends] if ends else [()])
        for mark in ([0, 1] if text.startswith(BOM) else [0])
    ]
    if len(ways) == 1:
        return ways[0]
    matches = [match for match in map(_ENTITY.fullmatch, rows) if match]

    def fitting(way: _Counting) -> int:
        return sum(not _misfit(sorted(_spans(match[3], way)), bare, match[4]) for match in matches)

    return max(ways, key=fitting)  # the first of equals


def write(document: Document) -> tuple[str, list[str]]:
    """The document's annotations; scores and normal forms are not held.

    Raises:
        InputError: if a label holds white space, which parts the columns of the format, or an id has more
            than 18 digits.
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
    return (
        "expected T1, a tab, LABEL START END, a tab and the mention, or R1, a tab and LABEL Arg1:T1 Arg2:T2"
    )
