"""What readers of other tools' files share: rows of JSON, documents in the making, counts of the left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from kashif.document import Document, Entity, Relation, joined_meta
from kashif.errors import Fault, InputError
from kashif.files import parse_json, read_text
from kashif.formats import offsets, shapes
from kashif.formats.reading import Reading, TextLines


class Draft:
    """One document of another tool while it is read; ``faults`` are what is wrong with it.

    ``place`` names it where the file has no lines (``task 3``), ``line`` where it has.
    """

    def __init__(self, path: Path, text: str, *, line: int = 0, place: str = "") -> None:
        self.path, self.text, self.line, self.place = path, text, line, place
        self.faults: list[Fault] = []
        self.table: offsets.Table = offsets.code_points(text)
        self._entities: list[tuple[Any, Entity]] = []
        self._numbered = False
        self._relations: list[tuple[str, Any, Any, float | None]] = []

    @classmethod
    def of(cls, path: Path, text: Any, *, number: int, line: int) -> Draft:
        """One of an item's text; anything but a string is a fault."""
        draft = cls(
            path, text if isinstance(text, str) else "", line=line, place="" if line else f"item {number}"
        )
        if not isinstance(text, str):
            draft.fault(f"expected a string 'text', found {shortened(text)}")
        return draft

    def fault(self, message: str) -> None:
        """Notes what is wrong."""
        message = f"{self.place}: {message}" if self.place else message
        self.faults.append(Fault(str(self.path), message, self.line))

    def entity(
        self,
        start: Any,
        end: Any,
        label: Any,
        *,
        id: Any = None,
        mention: Any = None,
        normal: Any = None,
        score: Any = None,
    ) -> int | None:
        """Adds an entity at the tool's offsets; gives its place among the entities, None if it is wrong."""
        found = offsets.taken(self.table, start, end)
        if found is None:
            message = f"offsets {shortened(start)}-{shortened(end)} do not lie in the text"
            self.fault(f"{message} (0-{len(self.table) - 1}), or are empty")
            return None
        if not isinstance(label, str) or not label:
            self.fault(f"the label at {start}-{end} is a string, found {shortened(label)}")
            return None
        text = self.text[slice(*found)]
        if isinstance(mention, str) and not same(mention, text):
            self.fault(f"the text at {start}-{end} is {text!r:.80}, not {mention!r:.80}")
            return None
        number = len(self._entities)
        normal = normal if isinstance(normal, str) else None
        entity = Entity(number + 1, *found, label, text, normal, self._score(score, label))
        self._numbered = self._numbered or id is None
        self._entities.append((number if id is None else id, entity))
        return number

    def relation(self, label: Any, head: Any, tail: Any, *, score: Any = None) -> None:
        """Adds a relation between entities by the tool's ids, which may come later."""
        if not isinstance(label, str) or not label:
            self.fault(f"the label of a relation is a string, found {shortened(label)}")
        else:
            self._relations.append((label, head, tail, self._score(score, label)))

    def _score(self, score: Any, label: str) -> float | None:
        if score is None or (
            isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1
        ):
            return score
        self.fault(f"{label}: the score {shortened(score)} is no probability (0 to 1)")
        return None

    def finish(self, id: str, meta: Mapping[str, Any] | None = None) -> Reading | None:
        """The document, its ids the tool's own where all are whole numbers; None if it has faults."""
        ours: dict[str, int] = {}
        whole = all(str(id).isdecimal() and len(str(id)) <= 18 for id, _ in self._entities)
        keep = whole and not self._numbered
        for id_, entity in self._entities:
            if _key(id_) in ours:
                self.fault(f"the id {shortened(id_)} is taken by another entity; ids are unique")
            ours[_key(id_)] = int(id_) if keep else entity.id
        relations = []
        for label, head, tail, score in self._relations:
            for side, other in (("head", head), ("tail", tail)):
                if _key(other) not in ours:
                    self.fault(f"relation {label}: there is no entity {shortened(other)} ({side})")
            if not self.faults:
                relations.append(Relation(label, ours[_key(head)], ours[_key(tail)], score))
        if self.faults:
            return None
        entities = tuple(replace(entity, id=ours[_key(id_)]) for id_, entity in self._entities)
        try:
            document = Document(id, self.text, entities, tuple(relations), dict(meta or {}))
        except InputError as error:
            for fault in error.faults:
                self.fault(fault.message)
            return None
        if not self.line:
            return Reading(document, self.path)
        lines = {entity.id: self.line for entity in entities}
        relation_lines = (self.line,) * len(relations)
        return Reading(document, self.path, lines, relation_lines, text_lines=TextLines([0], [self.line]))


def _key(id: Any) -> str:
    return str(id)


def same(mention: str, text: str) -> bool:
    """Whether a tool's copy of a mention is the text's, but for white space."""
    return mention == text or mention.replace("\\n", " ").split() == text.replace("\\n", " ").split()


def gathered(
    path: Path,
    drafts: Iterable[tuple[Draft, str, Mapping[str, Any]]],
    passed: Counter[str],
    faults: list[Fault],
) -> list[Reading]:
    """The readings of drafts, each with its id and meta; ``passed`` counts, in words, what was left out.

    Raises:
        InputError: listing every fault, ids that stand twice among them, or if all was left out.
    """
    readings: list[Reading] = []
    faults = list(faults)
    taken: dict[str, int] = {}
    for draft, id, meta in drafts:
        if id in taken:
            draft.fault(f"the id {id!r:.80} is taken by another document; ids are unique")
        taken[id] = draft.line
        reading = draft.finish(id, meta)
        faults += draft.faults
        readings += [reading] if reading else []
    if faults:
        raise InputError(sorted(faults, key=lambda fault: (fault.where, fault.line)))
    notices = tuple(f"{path}: {count:,} {what}" for what, count in passed.items() if count)
    if notices and not readings:
        raise InputError(
            Fault(str(path), "no document is left: " + "; ".join(n[len(f"{path}: ") :] for n in notices))
        )
    return [replace(readings[0], notices=notices), *readings[1:]] if readings else []


def name(row: Mapping[str, Any], keys: Sequence[str], otherwise: str) -> str:
    """A document's id: the first of some keys that holds a string or a whole number."""
    for key in keys:
        value = row.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return otherwise


def meta_of(row: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """A row's keys that are not the format's own, together with what stands below ``meta``."""
    others = {key: value for key, value in row.items() if key not in own and key != "meta"}
    return joined_meta(others, row.get("meta"))


def single_values(items: Iterable[tuple[str, Any]], passed: Counter[str], *, what: str) -> dict[str, Any]:
    """Meta of named values: strings, numbers and booleans, and what stands as JSON in ``meta``.

    Others are counted as values of ``what``, by name.
    """
    meta: dict[str, Any] = {}
    below = None
    for name, value in items:
        if name == "meta" and isinstance(value, str):
            below = parse_json(value, "meta") if value.startswith("{") else value
        elif isinstance(value, str | int | float | bool):
            meta[name] = value
        elif value is not None:
            passed[f"values of {what} '{name}' are left out"] += 1
    return joined_meta(meta, below)


def count_others(
    row: Mapping[str, Any], own: Collection[str], passed: Counter[str], *, of: str = "a span"
) -> None:
    """Counts, by key, the values of a span or a relation that a document has no place for."""
    for key, value in row.items():
        if key not in own and value not in EMPTY:
            passed[f"values of '{key}' of {of} are left out"] += 1


EMPTY: tuple[Any, ...] = (None, "", [], {}, "*", "_")
"""Values that say nothing; WebAnno's ``*`` and ``_`` among them."""


def rows(path: Path, format: str, faults: list[Fault]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The objects of JSON lines, or of one array: number, line (0 in an array), object.

    What is no object, or one of another format, is added to ``faults``.
    """
    text = read_text(path)
    if text[:100].lstrip().startswith("["):
        value = parse_json(text, str(path))
        found = [(0, item) for item in value] if isinstance(value, list) else []
    else:
        found = []
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                try:
                    found.append((number, parse_json(line, str(path), number)))
                except InputError as error:
                    faults += error.faults
    for number, (line_number, row) in enumerate(found, start=1):
        if not isinstance(row, dict):
            message = f"expected an object, found {shortened(row)}"
        elif not (message := shapes.stray(row, format)):
            yield number, line_number, row
            continue
        where = "" if line_number else f"item {number}: "
        faults.append(Fault(str(path), where + message, line_number))


def listed(draft: Draft, value: Any, what: str) -> list[dict[str, Any]]:
    """The objects of a list; absent counts as empty, anything else is a fault."""
    if value is None:
        return []
    if not isinstance(value, list):
        draft.fault(f"'{what}' is a list, found {shortened(value)}")
        return []
    for item in value:
        if not isinstance(item, dict):
            draft.fault(f"'{what}' holds objects, found {shortened(item)}")
    return [item for item in value if isinstance(item, dict)]
