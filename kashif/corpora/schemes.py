"""Whose labels: the scheme of a corpus, from a file beside it or learned from its gold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from kashif.arabic import proclitic_letters, touched, words
from kashif.corpora.spec import Spec
from kashif.document import Document
from kashif.errors import Fault, InputError, counted, listed
from kashif.scheme import RelationType, Scheme, alike, likely

NAME = "scheme.yaml"
LEARNED = "learned"
"""What a recipe's ``scheme`` says to take the scheme from the gold."""
_RARE = 2
"""A label seen so often or less is named as a likely slip."""
_RARE_TOLD = 20
"""How many of these are named; the others are counted."""
_FEW = 100
"""So many labels are listed, and a rare one is compared with the others only where there are no more.

More are no scheme that a person wrote but ids, say, which all look alike.
"""


@dataclass(frozen=True)
class Found:
    """A scheme, and where it comes from: its file, or in words how it was learned."""

    scheme: Scheme
    file: Path | None = None
    notices: tuple[str, ...] = ()


def scheme_of(specs: Sequence[Spec], documents: Iterable[Document], *, given: str = "") -> Found:
    """The scheme of corpora: the file ``given``, the one that they all lead to, or one learned from the gold.

    A corpus leads to the ``scheme.yaml`` in its folder or in one of the two folders above it. ``given`` may
    be ``learned``. ``documents`` are those of the corpora, to learn from.

    Raises:
        InputError: if the corpora lead to different files, or some to one and others to none; for a file that
            does not fit; if a scheme is to be learned and the gold holds no entity.
    """
    if given and given != LEARNED:
        path = Path(given)
        if not path.is_file():
            looked = "" if path.is_absolute() else f" in {Path.cwd()}"
            raise InputError(Fault(given, f"no such scheme file{looked}; write its path, or `{LEARNED}`"))
        return Found(Scheme.load(path), path)
    files = {spec: _file(spec) for spec in specs}
    if given != LEARNED and any(files.values()):
        if len(set(files.values())) > 1:
            lines = [f"{spec.path}: {file or 'no scheme.yaml'}" for spec, file in files.items()]
            message = "; ".join(lines)
            raise InputError(
                f"the corpora do not share one scheme ({message}); name it: scheme: PATH, or --scheme"
            )
        [file] = {file for file in files.values() if file}
        return Found(Scheme.load(file), file)
    documents = list(documents)
    scheme = learn(documents)
    return Found(scheme, notices=tuple(describe(documents, scheme)))


def _file(spec: Spec) -> Path | None:
    """The scheme file that a corpus leads to."""
    folder = (spec.path if spec.path.is_dir() else spec.path.parent).resolve()
    for place in (folder, *folder.parents[:2]):
        if (place / NAME).is_file():
            return place / NAME
    return None


def learn(documents: Iterable[Document]) -> Scheme:
    """The scheme that annotated documents follow.

    It has their entity labels, the most frequent first; their relation labels with the entity labels that
    stand as head and as tail; whether spans stand inside spans; whether spans begin inside words, behind
    proclitics. Symmetry and the punctuation that may end a span are not learned.

    Raises:
        InputError: if no entity is marked, or labels look the same.
    """
    entities: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    holding: dict[str, str] = {}
    arguments: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    nested = proclitics = False
    for document in documents:
        entities.update(entity.label for entity in document.entities)
        holding |= dict.fromkeys(document.labels, document.id)
        by_id = document.by_id()
        for relation in document.relations:
            relations[relation.label] += 1
            for side, id in zip(arguments[relation.label], (relation.head, relation.tail), strict=True):
                side.add(by_id[id].label)
        proclitics = proclitics or _behind_proclitics(document)
        reached = 0
        for start, end, _ in sorted({entity.key for entity in document.entities}):  # each mark once
            nested = nested or start < reached
            reached = max(reached, end)
    if not entities:
        message = "no entity is marked, so there is no scheme to learn; is the format the right one?"
        raise InputError(f"{message} CoNLL is written conll:PATH")
    order = [label for label, _ in _ranked(entities)]
    twins = [*alike(order), *alike(label for label, _ in _ranked(relations))]
    if twins:
        raise InputError([Fault(f"document '{holding[label]}'", told) for label, told in twins])
    return Scheme(
        entities=dict.fromkeys(order, ""),
        nested=nested,
        proclitics=proclitics,
        relations={
            label: RelationType(
                head=tuple(name for name in order if name in arguments[label][0]),
                tail=tuple(name for name in order if name in arguments[label][1]),
            )
            for label, _ in _ranked(relations)
        },
    )


def _behind_proclitics(document: Document) -> bool:
    """Whether a span begins inside a word, behind proclitics."""
    spans = words(document.text)
    for entity in document.entities:
        for start, end in (spans[index] for index in touched(spans, entity.start, entity.start + 1)):
            if start < entity.start and proclitic_letters(document.text[start:end], entity.start - start):
                return True
    return False


def describe(documents: Sequence[Document], scheme: Scheme) -> list[str]:
    """A learned scheme in lines: labels with counts, and those so rare that they may be slips."""
    entities, relations = Counter[str](), Counter[str]()
    holding: dict[str, dict[str, None]] = defaultdict(dict)
    for document in documents:
        entities.update(entity.label for entity in document.entities)
        relations.update(relation.label for relation in document.relations)
        for label in document.labels:
            holding[label][document.id] = None
    lines = [f"learned from the gold: {_listed(entities)}"]
    lines += [f"relations: {_listed(relations)}"] if relations else ["no relations"]
    spans = "nest" if scheme.nested else "stand apart"
    begin = "may begin behind proclitics" if scheme.proclitics else "begin at words"
    lines.append(f"spans {spans} and {begin}")
    rare = [
        f"{label} (in {', '.join(holding[label])}{_near(label, counts)})"
        for counts in (entities, relations)
        for label, count in sorted(counts.items())
        if count <= _RARE
    ]
    if rare:
        lines.append(f"seen once or twice, perhaps slips: {listed(rare, _RARE_TOLD)}")
    return lines


def _near(label: str, counts: Counter[str]) -> str:
    """The more frequent label that a rare one looks like, as a question; nothing where labels are many."""
    if len(counts) > _FEW:
        return ""
    others = [other for other, count in counts.items() if count > max(_RARE, counts[label])]
    close = get_close_matches(label, others, n=1)
    return f"; {close[0]}?" if close else ""


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """Labels with their counts, the most frequent first."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _listed(counts: Counter[str]) -> str:
    return listed((f"{label} {count:,}" for label, count in _ranked(counts)), _FEW)


def lacking(documents: Iterable[Document], scheme: Scheme) -> str:
    """What of the gold a scheme has no label for, in words; empty if nothing.

    Of relations it tells where the scheme has some; else ``unscored`` does.
    """
    unknown: Counter[str] = Counter()
    for document in documents:
        unknown.update(e.label for e in document.entities if e.label not in scheme.entities)
        if scheme.relations:
            unknown.update(r.label for r in document.relations if r.label not in scheme.relations)
    if not unknown:
        return ""
    what = f"{unknown.total()} marks have labels that the scheme lacks; a model of it misses them"
    return f"{what}: {_listed(unknown)}"


def unscored(documents: Iterable[Document], scheme: Scheme) -> str:
    """That of gold and scheme one alone has relations, in words; empty if both do, or neither."""
    count = sum(len(document.relations) for document in documents)
    if count and not scheme.relations:
        return f"the gold has {counted(count, 'relation')}, the scheme none: they are not scored"
    if scheme.relations and not count:
        return "no relation is marked in the gold: what is said of relations here is no measure of them"
    return ""


def refuse_mappings(specs: Iterable[Spec]) -> None:
    """Raises InputError for corpora that name a mapping, where labels are taken as they stand."""
    faults = [
        Fault(
            str(spec.path),
            f"take '@{spec.mapping}' away: labels are taken as they stand; a mapping is for scores",
        )
        for spec in specs
        if spec.mapping
    ]
    if faults:
        raise InputError(faults)


def unknown_labels(document: Document, scheme: Scheme) -> list[Fault]:
    """A fault for each entity and relation label of a document that the scheme does not have."""
    used = {
        "entity": ({entity.label for entity in document.entities}, scheme.labels),
        "relation": ({relation.label for relation in document.relations}, scheme.relation_labels),
    }
    return [
        Fault(document.id, f"no {what} '{label}' in the scheme; {likely(label, known)}")
        for what, (labels, known) in used.items()
        for label in sorted(labels - set(known))
    ]
