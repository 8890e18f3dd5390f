"""The plain format: marks stand inside the untouched text, relations below a line ``---``.

``[[`` opens a span and ``|LABEL#id]]`` closes it; spans nest. Of an odd number of ``[`` the first is text. A
relation is ``label head tail``. A label may hold any letters, and blanks inside.
Taking the marks out gives the article back to the letter.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import regex

from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import BOM, read_text
from kashif.formats.reading import Reading, TextLines, build

_LABEL = regex.compile(r"[^|#\[\]\s](?:[^|#\[\]\n\r]*[^|#\[\]\s])?")
"""What a label may be: no bracket, bar or hash, no blank at either end."""
_END = rf"\|(?P<label>{_LABEL.pattern})#(?P<id>\d{{1,18}})"
_MARK = regex.compile(rf"(?P<open>\[{{2,}})|{_END}\]\]")
_ID = regex.compile(r"\d{1,18}")
_HALF = regex.compile(rf"\]\]|{_END}")
"""What is left of a mark that is not whole."""
_RULE = regex.compile(r"\r?\n---(?=\r?(?:\n|$))")
"""The last such line parts text and relations; the line end before it is its own, not the text's."""
_LIKE_RULE = regex.compile(r"^(?=[^\n]*[\p{P}\p{S}ـ])(?:[\p{P}\p{S}ـ\p{Cf}]|[^\S\n])++$", regex.MULTILINE)
"""A line without a letter or digit, and not of blanks alone."""
_LIKE_RELATION = regex.compile(r"\s*\S[^\n]*?\s(\d{1,18})[^\S\n]+(\d{1,18})[^\S\n]*$", regex.MULTILINE)
_DASHES = regex.compile(r"(?=.*[\p{Pd}ـ−_])[\p{Pd}ـ−_\s\p{Cf}]+")
"""A line of dashes; stars and the like may end an article."""
_CONFLICT = regex.compile(r"^(?:<{7}|>{7}) [^\n]*", regex.MULTILINE)
"""A line that git leaves around two versions."""
_TELLING = regex.compile(rf"[\[\]|]|{_LIKE_RULE.pattern}|{_CONFLICT.pattern}", regex.MULTILINE)
"""What a text holds that may be read as a part of marks."""


def read(path: Path) -> list[Reading]:
    """The document of a plain file; its id is the file's stem.

    Raises:
        InputError: listing every mark and relation line that does not fit.
    """
    return [parse(read_text(path), path)]


def has_rule(raw: str) -> bool:
    """Whether a file's content holds the line that relations stand below, as all that Kashif writes does."""
    return _RULE.search(raw) is not None


def parse(raw: str, path: Path) -> Reading:
    """The document of a plain file's content; its id is the stem of ``path``, which names it in errors.

    Raises:
        InputError: listing every mark and relation line that does not fit.
    """
    where = str(path)
    *_, rule = [None, *_RULE.finditer(raw)]
    body, below = (raw[: rule.start()], raw[rule.end() :]) if rule else (raw, "")
    faults: list[Fault] = []
    text, entities, lines = _spans(body, where, faults)
    ids = {id for id, *_ in entities}
    _tell_rules(body, where, ids, faults)
    if rule is None:
        _tell_last_line(body, where, ids, faults)
    for conflict in _CONFLICT.finditer(body):
        message = (
            f"{conflict[0].rstrip()!r:.80} is git's: keep one version, without <<<<<<<, ======= and >>>>>>>"
        )
        faults.append(Fault(where, message, body.count("\n", 0, conflict.start()) + 1))
    relations, relation_lines = [], []
    for number, row in enumerate(below.split("\n"), start=body.count("\n") + 2):
        parts = row.rsplit(None, 2)  # a label may hold blanks
        if not parts:
            continue
        if len(parts) != 3 or not all(_ID.fullmatch(part) for part in parts[1:]):
            faults.append(Fault(where, f"expected 'label head-id tail-id', found {row!r:.80}", number))
            continue
        label, head, tail = parts[0].strip(), int(parts[1]), int(parts[2])
        for id in (head, tail):
            if id not in ids:
                faults.append(Fault(where, f"{label}: there is no entity #{id}", number))
        relations.append((label, head, tail))
        relation_lines.append(number)
    if faults:
        raise InputError(sorted(faults, key=lambda fault: fault.order))
    entities.sort(key=lambda item: (item[1], -item[2]))
    document = build(path, path.stem, text, entities, relations)
    return Reading(document, path, lines, tuple(relation_lines), text_lines=TextLines.of(text))


def _spans(
    body: str, where: str, faults: list[Fault]
) -> tuple[str, list[tuple[int, int, int, str]], dict[int, int]]:
    """The text without marks, its spans ``(id, start, end, label)`` and the line of each id."""
    parts: list[str] = []
    open_at: list[tuple[int, int]] = []
    entities: list[tuple[int, int, int, str]] = []
    lines: dict[int, int] = {}
    length = done = 0
    line = 1
    for mark in _MARK.finditer(body):
        plain = body[done : mark.start()]
        _tell_half(plain, where, line, faults)
        line += plain.count("\n")
        parts.append(plain)
        length += len(plain)
        done = mark.end()
        if mark["open"]:
            count, odd = divmod(len(mark["open"]), 2)
            parts.append("[" * odd)
            length += odd
            open_at += [(length, line)] * count
            continue
        id, label = int(mark["id"]), mark["label"]
        if not open_at:
            faults.append(Fault(where, f"|{label}#{id}]] closes no span; write [[ where it begins", line))
            continue
        start, _ = open_at.pop()
        if id in lines:
            message = f"id {id} is taken by the span on line {lines[id]}; ids are unique"
            faults.append(Fault(where, message, line))
        lines.setdefault(id, line)
        if start == length:
            faults.append(Fault(where, f"{label}#{id} marks no text", line))
        entities.append((id, start, length, label))
    for _, opened in open_at:
        faults.append(Fault(where, "[[ is never closed; write |LABEL#id]] where the span ends", opened))
    parts.append(body[done:])
    _tell_half(body[done:], where, line, faults)
    return "".join(parts), entities, lines


def _tell_half(plain: str, where: str, line: int, faults: list[Fault]) -> None:
    """Notes every mark that is not whole; ``line`` is where ``plain`` begins."""
    done = 0
    for half in _HALF.finditer(plain):
        line += plain.count("\n", done, half.start())
        done = half.start()
        bare = half["label"] is None
        message = (
            "']]' closes no span; write |LABEL#id]]" if bare else f"{half[0]} is no mark; write {half[0]}]]"
        )
        faults.append(Fault(where, message, line))


def _tell_rules(body: str, where: str, ids: Collection[int], faults: list[Fault]) -> None:
    """Notes every line that is nearly a rule and has a relation of these spans below it."""
    for rule in _LIKE_RULE.finditer(body):
        below = _LIKE_RELATION.match(body, rule.end())
        if below and {int(below[1]), int(below[2])} <= {*ids}:
            message = f"{rule[0]!r} {_NO_RULE}; if both are text, write jsonl"
            faults.append(Fault(where, message, body.count("\n", 0, rule.start()) + 1))


_NO_RULE = "is not the line that relations stand below; write --- there, alone and once"


def _tell_last_line(body: str, where: str, ids: Collection[int], faults: list[Fault]) -> None:
    """Notes a last line that is a relation of these spans, or nearly a rule, where no rule is seen."""
    if ids and "\r" in body and "\n" not in body:
        faults.append(Fault(where, "its lines end in a carriage return alone; save it with LF or CRLF", 1))
    start = body.rstrip().rfind("\n") + 1
    relation = _LIKE_RELATION.match(body, start)
    if relation and {int(relation[1]), int(relation[2])} <= {*ids}:
        told = f"{relation[0].strip()!r:.80}: no line --- stands above this relation"
        message = f"{told}; write one there, or below it if it is text"
        faults.append(Fault(where, message, body.count("\n", 0, start) + 1))
    last = body[start:].partition("\n")[0]
    if _DASHES.fullmatch(last) and (ids or regex.sub(r"[\s\p{Cf}]", "", last) == "---"):
        message = f"{last!r} {_NO_RULE}, or below it if it is text"
        faults.append(Fault(where, message, body.count("\n", 0, start) + 1))


def write(document: Document) -> tuple[str, list[str]]:
    """The document with its marks; scores and normal forms are not held.

    Raises:
        InputError: if spans cross, the text itself holds marks, which the format cannot tell apart, a label
            holds what marks are made of, or an id has more than 18 digits.
    """
    where = f"document '{document.id}'"
    for label in sorted(document.labels):
        if not _LABEL.fullmatch(label):
            message = f"the label {label!r} holds brackets, a bar, a hash, or blanks at an end; rename it"
            raise InputError(Fault(where, f"{message}, or write jsonl"))
    spans = sorted(document.entities, key=lambda entity: (entity.start, -entity.end, entity.id))
    open_spans: list[int] = []
    for entity in spans:
        while open_spans and open_spans[-1] <= entity.start:
            open_spans.pop()
        if open_spans and open_spans[-1] < entity.end:
            raise InputError(Fault(where, f"{entity.text!r} crosses another span; plain spans only nest"))
        open_spans.append(entity.end)
    opening: dict[int, int] = {}
    closing: dict[int, list[str]] = {}
    for entity in spans:
        opening[entity.start] = opening.get(entity.start, 0) + 1
        closing.setdefault(entity.end, []).insert(0, f"|{entity.label}#{entity.id}]]")
    parts, done = [], 0
    for place in sorted({*opening, *closing}):
        parts += [document.text[done:place], *closing.get(place, []), "[[" * opening.get(place, 0)]
        done = place
    parts.append(document.text[done:])
    rows = [f"{relation.label} {relation.head} {relation.tail}\n" for relation in document.relations]
    end = "\r\n" if document.text.endswith("\r") else "\n"  # the line end before the rule is not the text's
    whole = "".join([*parts, end, "---\n", *rows])
    if _TELLING.search(document.text) and not _is_read(whole, document):
        found = "the text holds what looks like marks ([[, |X#1, [ where a mention begins, git's <<<<<<<)"
        raise InputError(Fault(where, f"{found}; write jsonl"))
    return BOM + whole if whole.startswith(BOM) else whole, []  # reading takes one away


def _is_read(whole: str, document: Document) -> bool:
    """Whether a file's content gives the document back."""
    try:
        there = parse(whole, Path(document.id)).document
    except InputError:
        return False
    marks = [{(e.id, e.start, e.end, e.label) for e in each.entities} for each in (there, document)]
    return there.text == document.text and marks[0] == marks[1]
