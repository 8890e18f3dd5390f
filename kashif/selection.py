"""What is shown of a predicted document: marks from a probability on, of some labels alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real

from kashif.document import Document
from kashif.errors import Fault, InputError, nearest
from kashif.scheme import Scheme


@dataclass(frozen=True, slots=True)
class Selection:
    """The least probability of entities and relations, and the labels of both to keep; None keeps all."""

    threshold: float = 0.0
    labels: frozenset[str] | None = None

    @classmethod
    def parse(cls, threshold: float | None, labels: str, scheme: Scheme) -> Selection:
        """The selection of a probability and of labels with commas between them, as a user writes them.

        Raises:
            InputError: for what is no probability; listing every label that the scheme does not have, and
                every relation whose arguments' labels are not all among those named.
        """
        check_threshold(threshold)
        named = [label.strip() for label in labels.split(",") if label.strip()]
        if labels and not named:
            raise InputError(Fault("--labels", "write labels with commas between them"))
        if faults := _faults(named, scheme):
            raise InputError(faults)
        return cls(threshold or 0.0, frozenset(named) if named else None)

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is left out."""
        return not self.threshold and self.labels is None

    def __str__(self) -> str:
        return f"{self.threshold} {sorted(self.labels) if self.labels is not None else 'all'}"

    def of(self, document: Document) -> Document:
        """The document without what is left out; a relation goes with its arguments, ids stay."""
        if self.keeps_all:
            return document
        entities = tuple(e for e in document.entities if self._keeps(e.label, e.score))
        ids = {entity.id for entity in entities}
        relations = tuple(
            r for r in document.relations if self._keeps(r.label, r.score) and r.head in ids and r.tail in ids
        )
        return replace(document, entities=entities, relations=relations)

    def _keeps(self, label: str, score: float | None) -> bool:
        likely = score is None or score >= self.threshold
        return likely and (self.labels is None or label in self.labels)


def check_threshold(threshold: float | None) -> None:
    """Raises InputError for a threshold that is no probability."""
    if threshold is not None and not (isinstance(threshold, Real) and 0 <= threshold <= 1):
        raise InputError(Fault("--threshold", f"{threshold!r:.40}: write a probability from 0 to 1"))


def _faults(named: list[str], scheme: Scheme) -> list[Fault]:
    known = {*scheme.labels, *scheme.relation_labels}
    faults = [
        Fault("--labels", f"the model has no label '{label}'; {nearest(label, known)}")
        for label in dict.fromkeys(named)
        if label not in known
    ]
    for label in (label for label in dict.fromkeys(named) if label in scheme.relations):
        signature = scheme.relations[label]
        for side, allowed in (("head", signature.head), ("tail", signature.tail)):
            if not set(allowed) & set(named):
                message = f"{label}: no label of its {side} is named, so it could not be shown; add one of"
                faults.append(Fault("--labels", f"{message} {', '.join(allowed)}"))
    return faults
