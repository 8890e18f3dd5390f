"""The annotation scheme: labels, relation signatures, mappings to the labels of other corpora."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import zip_longest
from typing import Any, TypeVar

from pydantic import Field, model_validator

from kashif.config import StrictModel
from kashif.errors import InputError, nearest
from kashif.folding import fold

Argument = TypeVar("Argument", bound=Any)
"""How the arguments of a relation are given: values of one type that have an order."""


def alike(labels: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each label that looks like one before it, and what is wrong with that, in words."""
    first: dict[str, str] = {}
    for label in labels:
        other = first.setdefault(_look(label), label)
        if other != label:
            yield label, f"the labels {other!r} and {label!r} {_difference(other, label)}; write one of them"


def likely(label: str, known: Iterable[str]) -> str:
    """A hint that ends a message on an unknown label: a known one of the same look, else as ``nearest``."""
    known = list(known)
    same = next((other for other in known if _look(other) == _look(label)), None)
    return nearest(label, known) if same is None else f"it and {same!r} {_difference(label, same)}"


def _look(label: str) -> str:
    """A label as one sees it: no invisible character, composed, one space."""
    return " ".join(unicodedata.normalize("NFC", fold(label).text).split())


def _difference(one: str, other: str) -> str:
    pairs = enumerate(zip_longest(one, other), start=1)
    place, pair = next((place, pair) for place, pair in pairs if pair[0] != pair[1])
    found = [f"U+{ord(char):04X}" if char else "none" for char in pair]
    return f"look the same, but of their characters number {place} is {found[0]} and {found[1]}"


class RelationType(StrictModel):
    """A relation's signature: the entity labels that its head and its tail may have.

    A symmetric relation joins them in either order.
    """

    reads: str = ""
    head: tuple[str, ...]
    tail: tuple[str, ...]
    symmetric: bool = False

    @property
    def orders(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """The labels that head and tail may have, in each order that it allows."""
        order = self.head, self.tail
        return (order, order[::-1]) if self.symmetric else (order,)


class Mapping(StrictModel):
    """What the labels of another corpus may stand for, and what that corpus leaves open."""

    labels: dict[str, tuple[str, ...]]
    ignored: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()
    nested: bool = False
    proclitics: bool = False


class Beside(StrictModel):
    """Two mentions side by side, ``first`` before ``second``, that one expects to be in ``relation``."""

    first: str
    second: str
    relation: str


class Inside(StrictModel):
    """A word that is most often marked ``label``; one expects it marked inside mentions of ``of`` too."""

    label: str
    of: tuple[str, ...]


class WarningRules(StrictModel):
    """Common slips of annotators in this scheme, for ``kashif corpus check`` to warn of.

    ``names`` are the labels of names, which one expects to be marked wherever they stand.
    """

    names: tuple[str, ...] = ()
    beside: tuple[Beside, ...] = ()
    inside: tuple[Inside, ...] = ()


class Scheme(StrictModel):
    """Entity labels with their meaning, relation types, mappings by name of the foreign scheme.

    ``nested`` says whether spans stand inside spans, ``proclitics`` whether a span can begin behind
    the letters و ف ب ك ل س of a word, ``closing`` which characters besides letters and digits a span of
    a type may end with; None where spans may begin and end with anything.
    """

    entities: dict[str, str]
    nested: bool = True
    proclitics: bool = True
    closing: dict[str, str] | None = None
    relations: dict[str, RelationType] = Field(default_factory=dict)
    mappings: dict[str, Mapping] = Field(default_factory=dict)
    warnings: WarningRules = WarningRules()

    @model_validator(mode="after")
    def _labels_are_known(self) -> Scheme:
        used: dict[str, set[str]] = {
            f"relation {name}": {*relation.head, *relation.tail} for name, relation in self.relations.items()
        }
        for name, mapping in self.mappings.items():
            targets = {label for labels in mapping.labels.values() for label in labels}
            used[f"mapping {name}"] = targets | set(mapping.complete)
        used["closing"] = set(self.closing or {})
        rules = self.warnings
        used["warnings"] = {
            *rules.names,
            *(label for rule in rules.beside for label in (rule.first, rule.second)),
            *(label for rule in rules.inside for label in (rule.label, *rule.of)),
        }
        wrong = [
            f"{user}: no entity '{label}'; {likely(label, self.entities)}"
            for user, labels in used.items()
            for label in sorted(labels - set(self.entities))
        ]
        wrong += [
            f"warnings: no relation '{rule.relation}'; {likely(rule.relation, self.relations)}"
            for rule in rules.beside
            if rule.relation not in self.relations
        ]
        wrong += [told for _, told in (*alike(self.entities), *alike(self.relations))]
        if wrong:
            raise ValueError("\n".join(wrong))
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
        """Whether a relation may hold between entities of these labels.

        Raises:
            InputError: if the scheme has no such relation.
        """
        if relation not in self.relations:
            raise InputError(f"no relation '{relation}' in the scheme; {nearest(relation, self.relations)}")
        return any(head in heads and tail in tails for heads, tails in self.relations[relation].orders)

    def ordered(self, relation: str, head: Argument, tail: Argument) -> tuple[Argument, Argument]:
        """The arguments of a relation, those of a symmetric one sorted: both ways are one.

        Arguments that begin with their offsets are in text order.
        """
        signature = self.relations.get(relation)
        if signature is not None and signature.symmetric:
            return min(head, tail), max(head, tail)
        return head, tail

    def misfits(self, relation: str, head: str, tail: str) -> Iterator[str]:
        """What is wrong with a relation between entities of these labels, in words."""
        if relation not in self.relations:
            yield f"no relation '{relation}' in the scheme; {likely(relation, self.relations)}"
            return
        told = [
            [
                f"{relation}: the {side} is {label}, the scheme allows {', '.join(allowed)}"
                for side, label, allowed in (("head", head, heads), ("tail", tail, tails))
                if label not in allowed
            ]
            for heads, tails in self.relations[relation].orders
        ]
        yield from min(told, key=len)

    def mapping(self, name: str) -> Mapping:
        """The mapping to a foreign label set.

        Raises:
            InputError: if the scheme has none of this name.
        """
        if not self.mappings:
            raise InputError(f"no mapping '{name}': the scheme has none; take '@{name}' away")
        if name not in self.mappings:
            raise InputError(f"no mapping '{name}' in the scheme; {nearest(name, self.mappings)}")
        return self.mappings[name]
