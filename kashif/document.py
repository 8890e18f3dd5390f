"""Document, Entity, Relation: frozen values that cannot be built wrong.

Offsets are half-open code-point offsets into the raw text, everywhere: ``text[start:end]``
is the mention.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from reprlib import repr as shortened
from typing import Any

from kashif.errors import Fault, InputError, nearest
from kashif.files import parse_json


@dataclass(frozen=True, slots=True)
class Entity:
    """A mention: ``document.text[start:end] == text``.

    ``normal`` is the mention's normal form (no diacritics, no tatweel, Persian letters folded)
    and ``score`` a probability; both are absent in what people annotated.
    """

    id: int
    start: int
    end: int
    label: str
    text: str
    normal: str | None = None
    score: float | None = None

    @property
    def key(self) -> tuple[int, int, str]:
        """What identifies the mention apart from its id: start, end, label."""
        return self.start, self.end, self.label


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed relation from the entity with id ``head`` to the one with id ``tail``."""

    label: str
    head: int
    tail: int
    score: float | None = None


@dataclass(frozen=True)
class Document:
    """A text with its entities and relations.

    ``meta`` is what came with the text (url, date, source …); it goes through untouched.

    Raises:
        InputError: listing every type, offset, text, id or argument that does not fit.
    """

    id: str
    text: str
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        faults = list(_wrong_types(self)) or list(_faults(self))
        if faults:
            raise InputError(faults)

    def entity(self, id: int) -> Entity:
        """The entity with this id.

        Raises:
            KeyError: if there is none.
        """
        for entity in self.entities:
            if entity.id == id:
                return entity
        raise KeyError(id)

    @property
    def labels(self) -> set[str]:
        """All labels of entities and of relations."""
        return {entity.label for entity in self.entities} | {relation.label for relation in self.relations}

    def by_id(self) -> dict[int, Entity]:
        """All entities by id."""
        return {entity.id: entity for entity in self.entities}

    def to_json(self) -> str:
        """One line of JSON, as docs/reference.md shows it.

        Raises:
            InputError: if JSON cannot hold the meta, or would make one character of two surrogates.
        """
        row = {
            "id": self.id,
            "text": self.text,
            "entities": [_present(entity) for entity in self.entities],
            "relations": [_present(relation) for relation in self.relations],
            **({"meta": dict(self.meta)} if self.meta else {}),
        }
        return json_line(row, self.id)

    @classmethod
    def from_json(cls, line: str, where: str = "document", number: int = 0) -> Document:
        """The document that one line of JSON holds; ``where`` and ``number`` name it in errors.

        Keys that are no document's go into ``meta``, unless they look like a slip of one that is.

        Raises:
            InputError: listing every key and value that does not fit.
        """
        if not isinstance(line, str):
            message = f"expected a line of JSON as a text, found {type(line).__name__}"
            raise InputError(Fault(where, message, number))
        faults: list[Fault] = []
        row, meta = part_meta(parse_json(line, where, number))
        row = _checked(row, _DOCUMENT, "a document", faults)
        entities, relations = (
            [_checked(item, keys, what, faults) for item in items] if isinstance(items, list) else []
            for items, keys, what in (
                (row.get("entities", []), _ENTITY, "an entity"),
                (row.get("relations", []), _RELATION, "a relation"),
            )
        )
        if not faults:
            text = row["text"]
            for entity in entities:
                entity.setdefault("text", text[entity["start"] : entity["end"]])
            try:
                return cls(
                    row["id"],
                    text,
                    tuple(Entity(**entity) for entity in entities),
                    tuple(Relation(**relation) for relation in relations),
                    meta,
                )
            except InputError as error:
                faults = error.faults
        told = Counter(fault.message for fault in faults)
        raise InputError(
            [
                Fault(where, message if count == 1 else f"{message} ({count} times)", number)
                for message, count in told.items()
            ]
        )


def part_meta(row: Any) -> tuple[Any, dict[str, Any]]:
    """A line's own keys, and the others together with what stands below ``meta``.

    A key that is nearly one of a document's that the line lacks (``entites``) stays with the own ones, to be
    refused.
    """
    if not isinstance(row, dict):
        return row, {}
    own: dict[str, Any] = {}
    others: dict[str, Any] = {}
    missing = [name for name in _DOCUMENT if name not in row]
    for key, value in row.items():
        if key == "meta":
            continue
        if key in _DOCUMENT or difflib.get_close_matches(key, missing, n=1, cutoff=_SLIP):
            own[key] = value
        else:
            others[key] = value
    return own, joined_meta(others, row.get("meta"))


def joined_meta(others: dict[str, Any], below: Any) -> dict[str, Any]:
    """A row's other keys, and what stands below its ``meta``, as one meta.

    Where a key stands in both with two values, neither is lost: ``meta`` stays one of the keys.
    """
    if below is None:
        return others
    if isinstance(below, dict) and all(_same(others[key], below[key]) for key in below if key in others):
        return others | below
    return others | {"meta": below}


def _same(one: Any, other: Any) -> bool:
    """Whether two values are one in JSON: to Python ``True`` is 1."""
    return len({json.dumps(each, sort_keys=True, default=repr) for each in (one, other)}) == 1


_UNSEEN = re.compile("[\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Characters by which labels differ that look the same, such as direction marks."""
_IDS = 10**18
"""What an entity's id is below: every format holds it."""
_SLIP = 0.8
"""How alike a key is to a document's own, from 0 to 1, to be taken for a slip."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_NUMBER = (int, float)
_NAMES: dict[Any, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    _NUMBER: "a number",
    list: "a list",
    dict: "an object",
    bool: "true or false",
}
"""What the types of JSON are called."""
_DOCUMENT: dict[str, tuple[Any, bool]] = {
    "id": (str, True),
    "text": (str, True),
    "entities": (list, False),
    "relations": (list, False),
}
_ENTITY: dict[str, tuple[Any, bool]] = {
    "id": (int, True),
    "start": (int, True),
    "end": (int, True),
    "label": (str, True),
    "text": (str, False),
    "normal": (str, False),
    "score": (_NUMBER, False),
}
_RELATION: dict[str, tuple[Any, bool]] = {
    "label": (str, True),
    "head": (int, True),
    "tail": (int, True),
    "score": (_NUMBER, False),
}


def _present(value: Entity | Relation) -> dict[str, Any]:
    names = _ENTITY if isinstance(value, Entity) else _RELATION
    row = {name: getattr(value, name) for name in names}
    return {
        name: round(item, 4) if name == "score" else item for name, item in row.items() if item is not None
    }


def _checked(
    row: Any, keys: Mapping[str, tuple[Any, bool]], what: str, faults: list[Fault]
) -> dict[str, Any]:
    """An object's keys and values; optional ones that are null count as absent."""
    if not isinstance(row, dict):
        faults.append(Fault(what, f"{what} is an object, found {_NAMES.get(type(row), 'null')}"))
        return {}
    given = {key: value for key, value in row.items() if value is not None or keys.get(key, (0, True))[1]}
    for key, value in given.items():
        if key not in keys:
            faults.append(Fault(what, f"unknown key '{key:.40}' in {what}; {nearest(key, keys)}"))
        elif not _is(value, keys[key][0]):
            expected = _NAMES[keys[key][0]]
            faults.append(Fault(what, f"'{key}' of {what} is {expected}, found {shortened(value)}"))
    for key, (_, needed) in keys.items():
        if needed and key not in given:
            faults.append(Fault(what, f"{what} lacks '{key}'"))
    return given


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of a type; a boolean is no number."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _wrong_types(document: Document) -> Iterator[Fault]:
    """What no other check could look at."""
    where = f"document {shortened(document.id)}"
    for name, value in (("id", document.id), ("text", document.text)):
        if not isinstance(value, str):
            yield Fault(where, f"its {name} is a string, found {type(value).__name__}")
    if not isinstance(document.meta, Mapping):
        yield Fault(where, f"its meta is a mapping, found {type(document.meta).__name__}")
    groups: tuple[tuple[Any, Any, Any], ...] = (
        (document.entities, Entity, _ENTITY),
        (document.relations, Relation, _RELATION),
    )
    for items, kind, keys in groups:
        name = kind.__name__
        if not isinstance(items, tuple):
            yield Fault(where, f"expected a tuple of {name}, found {type(items).__name__}")
            continue
        for item in items:
            if not isinstance(item, kind):
                yield Fault(where, f"expected {name}, found {type(item).__name__}")
                continue
            for key, (expected, _) in keys.items():
                value = getattr(item, key)
                if not _is(value, expected) and (value is not None or key not in ("normal", "score")):
                    yield Fault(where, f"{key} of {name} is {_NAMES[expected]}, found {shortened(value)}")


def _faults(document: Document) -> Iterator[Fault]:
    where, text = f"document '{document.id}'", document.text
    ids: set[int] = set()
    scored: tuple[Entity | Relation, ...] = (*document.entities, *document.relations)
    for item in scored:
        if item.score is not None and not 0 <= item.score <= 1:
            yield Fault(where, f"{item.label}: score {item.score} is no probability (0 to 1)")
        if not item.label:
            yield Fault(where, f"{item}: its label is empty")
        if _UNSEEN.search(item.label):
            yield Fault(where, f"the label {item.label!r} holds what nobody sees; take it away")
    for entity in document.entities:
        name = f"entity {entity.id}"
        if entity.id in ids:
            yield Fault(where, f"{name}: this id is taken by another entity; ids are unique")
        if not 0 <= entity.id < _IDS:
            yield Fault(where, f"{name}: ids are numbers from 0 on, of at most 18 digits")
        ids.add(entity.id)
        if not 0 <= entity.start < entity.end <= len(text):
            yield Fault(
                where,
                f"{name}: offsets {entity.start}-{entity.end} do not lie in the text"
                f" (0-{len(text)}) or are empty",
            )
        elif text[entity.start : entity.end] != entity.text:
            yield Fault(
                where,
                f"{name}: the text at {entity.start}-{entity.end} is"
                f" {text[entity.start : entity.end]!r}, not {entity.text!r}",
            )
    for relation in document.relations:
        for side, id in (("head", relation.head), ("tail", relation.tail)):
            if id not in ids:
                yield Fault(where, f"relation {relation.label}: there is no entity {id} ({side})")


def json_line(value: Any, id: str) -> str:
    """What a format holds of the document of this id as one line of JSON; lone surrogates are escaped.

    Raises:
        InputError: if JSON cannot hold the meta, or would make one character of two surrogates.
    """
    try:
        line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"JSON cannot hold its meta: {error or 'nested too deep'}; take it away"
        raise InputError(Fault(f"document '{id}'", message)) from error
    if _PAIR.search(line):
        message = "two surrogates in a row, of which JSON makes one character: offsets would move; join them"
        remedy = "text.encode('utf-16', 'surrogatepass').decode('utf-16')"
        raise InputError(Fault(f"document '{id}'", f"{message}: {remedy}"))
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
