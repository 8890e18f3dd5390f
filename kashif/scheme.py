"""The annotation scheme: labels, relation signatures, mappings to the labels of other corpora."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from kashif.errors import Fault, InputError, nearest


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RelationType(_Frozen):
    """A relation's signature: the entity labels that its head and its tail may have."""

    reads: str = ""
    head: tuple[str, ...]
    tail: tuple[str, ...]
    symmetric: bool = False


class Mapping(_Frozen):
    """What the labels of another corpus may stand for, and what that corpus leaves open."""

    labels: dict[str, tuple[str, ...]]
    ignored: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()
    nested: bool = False
    proclitics: bool = False


class Scheme(_Frozen):
    """Entity labels with their meaning, relation types, mappings by name of the foreign scheme.

    ``nested`` says whether spans stand inside spans, ``proclitics`` whether a span can begin behind
    the letters و ف ب ك ل س of a word, ``closing`` which characters besides letters and digits a span of
    a type may end with; None where spans may begin and end with anything.
    """

    entities: dict[str, str]
    nested: bool = True
    proclitics: bool = True
    closing: dict[str, str] | None = None
    relations: dict[str, RelationType] = {}
    mappings: dict[str, Mapping] = {}

    @model_validator(mode="after")
    def _labels_are_known(self) -> Scheme:
        used: dict[str, set[str]] = {
            f"relation {name}": {*relation.head, *relation.tail} for name, relation in self.relations.items()
        }
        for name, mapping in self.mappings.items():
            targets = {label for labels in mapping.labels.values() for label in labels}
            used[f"mapping {name}"] = targets | set(mapping.complete)
        used["closing"] = set(self.closing or {})
        for user, labels in used.items():
            for label in sorted(labels - set(self.entities)):
                raise ValueError(f"{user}: no entity '{label}'; {nearest(label, self.entities)}")
        return self

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The entity labels in the scheme's order, which is the order of a model's heads."""
        return tuple(self.entities)

    @cached_property
    def relation_labels(self) -> tuple[str, ...]:
        """The relation labels in the scheme's order."""
        return tuple(self.relations)

    def allows(self, relation: str, head: str, tail: str) -> bool:
        """Whether a relation may hold between entities of these labels."""
        signature = self.relations[relation]
        return head in signature.head and tail in signature.tail

    def misfits(self, relation: str, head: str, tail: str) -> Iterator[str]:
        """What is wrong with a relation between entities of these labels, in words."""
        if relation not in self.relations:
            yield f"no relation '{relation}' in the scheme; {nearest(relation, self.relations)}"
            return
        signature = self.relations[relation]
        for side, label, allowed in (("head", head, signature.head), ("tail", tail, signature.tail)):
            if label not in allowed:
                yield f"{relation}: the {side} is {label}, the scheme allows {', '.join(allowed)}"

    def mapping(self, name: str) -> Mapping:
        """The mapping to a foreign label set.

        Raises:
            InputError: if the scheme has none of this name.
        """
        if not self.mappings:
            raise InputError(f"no mapping '{name}': the labels are a corpus's own; take '@{name}' away")
        if name not in self.mappings:
            raise InputError(f"no mapping '{name}' in the scheme; {nearest(name, self.mappings)}")
        return self.mappings[name]

    def foreign(self, name: str) -> Scheme:
        """The scheme of a mapping's own labels, without relations.

        Raises:
            InputError: if there is no mapping of this name.
        """
        mapping = self.mapping(name)
        entities = {label: f"may be {', '.join(ours)}" for label, ours in mapping.labels.items()}
        entities |= dict.fromkeys(mapping.ignored, "none of ours")
        return Scheme(entities=entities, nested=mapping.nested, proclitics=mapping.proclitics)

    @classmethod
    def load(cls, path: Path | None = None) -> Scheme:
        """The scheme of a YAML file; without a path, the one that this package carries.

        Raises:
            InputError: listing what does not fit.
        """
        if path is None:
            return cls.parse(_packaged(), "scheme.yaml")
        try:
            return cls.parse(path.read_text(encoding="utf-8"), str(path))
        except FileNotFoundError as error:
            raise InputError(Fault(str(path), "no such scheme file")) from error

    @classmethod
    def parse(cls, text: str, where: str) -> Scheme:
        """The scheme that a YAML text holds."""
        return parsed(cls, text, where)

    def dump(self) -> str:
        """The scheme as YAML, which ``parse`` reads back."""
        return yaml.safe_dump(self.model_dump(mode="json"), allow_unicode=True, sort_keys=False)


def _packaged() -> str:
    """The scheme's text: package data in a wheel, the repository's own file in a checkout."""
    packaged = resources.files("kashif") / "scheme.yaml"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    source = Path(__file__).parents[1] / "annotations" / "scheme.yaml"
    return source.read_text(encoding="utf-8")


Model = TypeVar("Model", bound=BaseModel)


def parsed(model: type[Model], text: str, where: str) -> Model:
    """A pydantic model from YAML, every fault of it told in the user's terms.

    Raises:
        InputError: for what is not YAML, unknown keys (with the nearest known one), wrong values.
    """
    try:
        data: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(Fault(where, f"not YAML: {problem}", line)) from error
    if not isinstance(data, dict):
        raise InputError(Fault(where, f"expected keys and values, found {type(data).__name__}"))
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError([_told(model, where, item) for item in error.errors()]) from error


def _told(model: type[BaseModel], where: str, item: Any) -> Fault:
    path = [str(part) for part in item["loc"]]
    if item["type"] != "extra_forbidden":
        message = item["msg"].removeprefix("Value error, ")
        return Fault(where, f"{'.'.join(path)}: {message}" if path else message)
    owner: Any = model
    for part in path[:-1]:
        field = getattr(owner, "model_fields", {}).get(part)
        owner = field.annotation if field else None
    known = getattr(owner, "model_fields", {})
    hint = f"; {nearest(path[-1], known)}" if known else ""
    return Fault(where, f"unknown key '{'.'.join(path)}'{hint}")
