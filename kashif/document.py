"""Document, Entity, Relation: frozen values that cannot be built wrong.

Offsets are half-open code-point offsets into the raw text, everywhere: ``text[start:end]``
is the mention.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kashif.errors import Fault, InputError, nearest


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
        InputError: listing every offset, text, id or argument that does not fit.
    """

    id: str
    text: str
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        faults = list(_faults(self))
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
        """One line of JSON, as the README shows it."""
        row = {
            "id": self.id,
            "text": self.text,
            "entities": [_present(entity) for entity in self.entities],
            "relations": [_present(relation) for relation in self.relations],
            **({"meta": dict(self.meta)} if self.meta else {}),
        }
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(row, ensure_ascii=False))

    @classmethod
    def from_json(cls, line: str, where: str = "document", number: int = 0) -> Document:
        """The document that one line of JSON holds; ``where`` and ``number`` name it in errors.

        Keys that are no document's go into ``meta``, unless they look like a slip of one that is.

        Raises:
            InputError: listing every key and value that does not fit.
        """
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(Fault(where, f"not JSON: {error}", number)) from error
        faults: list[Fault] = []
        row, meta = part_meta(row)
        row = _checked(row, _DOCUMENT, "document", faults)
        if faults:
            raise InputError([Fault(where, fault.message, number) for fault in faults])
        entities = [_checked(e, _ENTITY, "entity", faults) for e in row.get("entities", [])]
        relations = [_checked(r, _RELATION, "relation", faults) for r in row.get("relations", [])]
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
        raise InputError([Fault(where, fault.message, number) for fault in faults])


def part_meta(row: Any) -> tuple[Any, dict[str, Any]]:
    """A line's own keys, and the others together with what stands below ``meta``.

    A key that is nearly a document's (``entites``) stays with the own ones, to be refused.
    """
    if not isinstance(row, dict):
        return row, {}
    own: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    for key, value in row.items():
        if key == "meta" and isinstance(value, dict):
            meta |= value
        elif key in _DOCUMENT or difflib.get_close_matches(key, _DOCUMENT, n=1, cutoff=_SLIP):
            own[key] = value
        else:
            meta[key] = value
    return own, meta


_SLIP = 0.8
"""How alike a key is to a document's own, from 0 to 1, to be taken for a slip."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = (int, float)
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
    if not isinstance(row, dict):
        faults.append(Fault(what, f"a {what} is an object, found {type(row).__name__}"))
        return {}
    for key, value in row.items():
        if key not in keys:
            faults.append(Fault(what, f"unknown key '{key}' in a {what}; {nearest(key, keys)}"))
        elif not isinstance(value, keys[key][0]) or isinstance(value, bool):
            faults.append(Fault(what, f"'{key}' of a {what} cannot be {value!r}"))
    for key, (_, needed) in keys.items():
        if needed and key not in row:
            faults.append(Fault(what, f"a {what} lacks '{key}'"))
    return dict(row)


def _faults(document: Document) -> Iterator[Fault]:
    where, text = f"document '{document.id}'", document.text
    ids: set[int] = set()
    scored: tuple[Entity | Relation, ...] = (*document.entities, *document.relations)
    for item in scored:
        if item.score is not None and not 0 <= item.score <= 1:
            yield Fault(where, f"{item.label}: score {item.score} is no probability (0 to 1)")
    for entity in document.entities:
        name = f"entity {entity.id}"
        if entity.id in ids:
            yield Fault(where, f"{name}: this id is taken by another entity; ids are unique")
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
