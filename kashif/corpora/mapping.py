"""Documents in the labels of another corpus, so that its gold can judge what a model of ours finds.

Labels that share a type of ours cannot be kept apart and go by one name. Where that corpus keeps
proclitics in its spans, whole words are compared; where it is flat, only outermost spans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from kashif.arabic import touched, words
from kashif.document import Document, Entity
from kashif.errors import Fault, nearest
from kashif.folding import fold
from kashif.scheme import Mapping, Scheme


def names(mapping: Mapping) -> dict[str, str]:
    """The name of each foreign label in scores: ``DATE/TIME`` for both where they share a type of ours."""
    groups: list[tuple[list[str], set[str]]] = []
    for label, types in mapping.labels.items():
        near = [group for group in groups if group[1] & set(types)]
        groups = [group for group in groups if group not in near]
        labels = [known for group in near for known in group[0]]
        groups.append(([*labels, label], set(types).union(*(group[1] for group in near))))
    found = {label: "/".join(labels) for labels, _ in groups for label in labels}
    return {label: found[label] for label in mapping.labels}


def merged(mapping: Mapping) -> Scheme:
    """The scheme of scores through a mapping."""
    entities = dict.fromkeys(names(mapping).values(), "")
    return Scheme(entities=entities, nested=mapping.nested, proclitics=mapping.proclitics)


def gold(document: Document, mapping: Mapping) -> Document:
    """A document of the foreign corpus with the names of its labels, ignored labels taken out."""
    return _renamed(document, names(mapping), mapping)


def predicted(document: Document, mapping: Mapping) -> Document:
    """A document in our labels as the foreign corpus would have it.

    Types that none of its labels stand for are taken out. In a flat corpus the outermost of spans that
    overlap stays, of equal spans the more probable.
    """
    of_label = names(mapping)
    of_type = {kind: of_label[label] for label, types in mapping.labels.items() for kind in types}
    found = _renamed(document, of_type, mapping)
    return found if mapping.nested else replace(found, entities=_outermost(found.entities))


def notices(documents: Iterable[Document], scheme: Scheme, mapping: Mapping) -> list[str]:
    """What a score of documents of the foreign corpus leaves out or puts together, in words."""
    labels = Counter(entity.label for document in documents for entity in document.entities)
    ignored = {label: labels[label] for label in mapping.ignored if labels[label]}
    complete = set(mapping.complete)
    uncounted = set(scheme.labels).difference(*mapping.labels.values())
    found = [
        f"scored as one label, a type of ours may be either: {name}"
        for name in merged(mapping).labels
        if name not in mapping.labels
    ]
    if ignored:
        listed = ", ".join(f"{count} {label}" for label, count in ignored.items())
        found.append(f"left out of the gold, the mapping ignores the label: {listed}")
    partial = {name for label, name in names(mapping).items() if not {*mapping.labels[label]} <= complete}
    if partial:
        listed = ", ".join(name for name in merged(mapping).labels if name in partial)
        found.append(f"not every mention is marked there, so precision is a lower bound: {listed}")
    if uncounted:
        listed = ", ".join(label for label in scheme.labels if label in uncounted)
        found.append(f"not counted in the predictions, no label of the corpus stands for them: {listed}")
    if not mapping.proclitics:
        found.append("spans are compared over whole words, proclitics included")
    if not mapping.nested:
        found.append("of nested predictions only the outermost count")
    return found


def unknown(documents: Iterable[Document], mapping: Mapping) -> list[Fault]:
    """A fault for each label of the foreign corpus that a mapping neither translates nor ignores."""
    labels = {entity.label for document in documents for entity in document.entities}
    known = {*mapping.labels, *mapping.ignored}
    return [
        Fault("mapping", f"it has no label '{label}' of the corpus; {nearest(label, known)}")
        for label in sorted(labels - known)
    ]


def untranslatable(documents: Iterable[Document], scheme: Scheme) -> list[Fault]:
    """A fault for each label of predictions that is not the scheme's, so that no mapping translates it."""
    labels = {entity.label for document in documents for entity in document.entities}
    return [
        Fault(
            "predictions",
            f"'{label}' is no label of the scheme, so no mapping translates it; score without '@'",
        )
        for label in sorted(labels - set(scheme.labels))
    ]


def _renamed(document: Document, name: dict[str, str], mapping: Mapping) -> Document:
    kept = [replace(e, label=name[e.label]) for e in document.entities if e.label in name]
    if not mapping.proclitics:
        kept = _over_words(document.text, kept)
    return Document(document.id, document.text, tuple(kept))


def _over_words(text: str, entities: Sequence[Entity]) -> list[Entity]:
    spans, folded = words(text), fold(text)
    found = []
    for entity in entities:
        over = [spans[index] for index in touched(spans, entity.start, entity.end)]
        start, end = folded.trimmed(entity.start, entity.end)
        start = min([start, *(first for first, _ in over)])
        end = max([end, *(last for _, last in over)])
        found.append(replace(entity, start=start, end=end, text=text[start:end], normal=None))
    return found


def _outermost(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    kept: list[Entity] = []
    for entity in sorted(entities, key=lambda e: (e.start, -e.end, -(e.score or 0.0))):
        if not kept or entity.start >= kept[-1].end:
            kept.append(entity)
    return tuple(kept)
