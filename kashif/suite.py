"""Scoring and comparing models, or other systems' predictions, on corpora and suites of corpora."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from kashif import corpus, formats, mapping
from kashif.analysis import Analysis, analyse, tally
from kashif.comparing import Comparison, compare
from kashif.corpus import Corpus
from kashif.document import Document, Entity, Relation
from kashif.errors import Fault, InputError
from kashif.manifest import Seen
from kashif.scheme import Scheme, parsed
from kashif.scoring import Report, score
from kashif.windows import Unreachable, causes, lay_out, reach


class Suite(BaseModel):
    """An evaluation suite: what it is for, and its corpora by the name that reports give them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    corpora: dict[str, str]

    @classmethod
    def load(cls, path: Path) -> Suite:
        """The suite of a YAML file.

        Raises:
            InputError: listing what does not fit.
        """
        return parsed(cls, formats.read_text(path), str(path))


Watch = Callable[[Iterable[Document], str], Iterable[Document]]


Kind = TypeVar("Kind", Report, Comparison)


@dataclass(frozen=True)
class Scored(Generic[Kind]):
    """The reports of one run, one a corpus, and notices of what was left out or is not held out.

    ``analyses`` are each report's errors, article by article.
    """

    reports: tuple[Kind, ...]
    notices: tuple[str, ...]
    analyses: tuple[tuple[Analysis, ...], ...] = ()

    def row(self) -> dict[str, Any]:
        """The reports as JSON values."""
        return {"reports": [report.row() for report in self.reports], "notices": list(self.notices)}


@dataclass(frozen=True)
class Answers:
    """What a system says of a corpus; the rest only a model can tell.

    ``given_gold`` are its relations between the gold entities, ``scored`` its documents with every
    relation that it scored, however low, ``unreachable`` the gold that it cannot give.
    """

    predicted: Sequence[Document]
    given_gold: Sequence[Document] | None = None
    scored: Sequence[Document] | None = None
    unreachable: Sequence[Unreachable] = ()


@dataclass(frozen=True)
class System:
    """A model, or predictions, which bring no scheme; ``answer`` takes a corpus, and its name to tell."""

    name: str
    answer: Callable[[Corpus, str], Answers]
    scheme: Scheme | None = None
    seen: Seen | None = field(default_factory=Seen)


def named(targets: Sequence[str]) -> list[tuple[str, str, Path]]:
    """``(name, corpus, base)`` of corpora and suites; a suite's paths start at its folder's parent."""
    found = []
    for target in targets:
        if target.endswith((".yaml", ".yml")):
            path = Path(target)
            suite = Suite.load(path)
            base = path.resolve().parent.parent
            found += [(name, text, base) for name, text in suite.corpora.items()]
        else:
            found.append((target, target, Path()))
    return found


def unwatched(documents: Iterable[Document], what: str) -> Iterable[Document]:
    """The documents, told to nobody."""
    return documents


def run(
    path: Path, targets: Sequence[str], seed: int = 0, watch: Watch = unwatched, runtime: str = "torch"
) -> Scored[Report]:
    """Scores a model folder, run by ``runtime``, or a JSON-lines file of predictions.

    ``watch`` is given the documents as they are predicted, with a word on what they are.

    Raises:
        InputError: if the system, a corpus or a suite does not fit, or no article is left to score.
    """
    system = _system(path, watch, runtime)
    scheme = system.scheme or Scheme.load()
    corpora, notices = _unseen(targets, [system])
    found = [report(name, asked, system.answer(asked, name), scheme, seed) for name, asked in corpora]
    return Scored(tuple(told for told, _ in found), tuple(notices), tuple(errors for _, errors in found))


def report(
    name: str, asked: Corpus, told: Answers, scheme: Scheme, seed: int = 0
) -> tuple[Report, tuple[Analysis, ...]]:
    """The report of what a system says of a corpus, in that corpus's labels, and each article's errors."""
    gold, told, scheme, notices = _in_its_labels(asked, told, scheme)
    predicted = {document.id: document for document in told.predicted}
    scored = {document.id: document for document in told.scored or ()}
    lost: dict[str, set[int | Relation]] = {}
    for item in told.unreachable:
        what = item.gold.id if isinstance(item.gold, Entity) else item.gold
        lost.setdefault(item.document, set()).add(what)
    analyses = tuple(
        analyse(
            document,
            predicted.get(document.id, Document(document.id, document.text)),
            scheme,
            scored.get(document.id),
            [
                *(e for e in document.entities if e.id in lost.get(document.id, ())),
                *(r for r in document.relations if r in lost.get(document.id, ())),
            ],
        )
        for document in gold
    )
    found = score(
        name,
        gold,
        told.predicted,
        scheme,
        told.given_gold,
        dict(causes(told.unreachable).most_common()),
        seed,
        tally(analyses),
    )
    return replace(found, notices=(*found.notices, *notices)), analyses


def _in_its_labels(
    asked: Corpus, told: Answers, scheme: Scheme
) -> tuple[Sequence[Document], Answers, Scheme, list[str]]:
    """Gold, answers and scheme as they are compared: through the corpus's mapping, if it has one."""
    if not asked.mapping:
        return asked.documents, told, scheme, []
    through = scheme.mapping(asked.mapping)
    return (
        [mapping.gold(document, through) for document in asked.documents],
        Answers(
            [mapping.predicted(document, through) for document in told.predicted],
            unreachable=told.unreachable,
        ),
        mapping.merged(through),
        mapping.notices(asked.documents, scheme, through),
    )


def run_both(
    first: Path, second: Path, targets: Sequence[str], seed: int = 0, watch: Watch = unwatched
) -> Scored[Comparison]:
    """Compares two systems, each as ``run`` takes it, on articles that neither was trained on.

    Raises:
        InputError: as ``run``.
    """
    systems = [_system(first, watch), _system(second, watch)]
    scheme = systems[0].scheme or systems[1].scheme or Scheme.load()
    corpora, notices = _unseen(targets, systems)
    reports = []
    for name, asked in corpora:
        a, b = (system.answer(asked, name) for system in systems)
        gold, a, own, told = _in_its_labels(asked, a, scheme)
        _, b, _, _ = _in_its_labels(asked, b, scheme)
        related = None
        if a.given_gold is not None and b.given_gold is not None:
            related = (a.given_gold, b.given_gold)
        found = compare(name, gold, (a.predicted, b.predicted), own, related, seed)
        reports.append(replace(found, notices=(*found.notices, *told)))
    return Scored(tuple(reports), tuple(notices))


def _unseen(targets: Sequence[str], systems: Sequence[System]) -> tuple[list[tuple[str, Corpus]], list[str]]:
    """The corpora by name without the articles that a system was trained on, and notices."""
    found: list[tuple[str, Corpus]] = []
    notices = [
        f"{system.name}: no manifest.json, so what it was trained on is not known"
        for system in systems
        if system.seen is None
    ]
    for name, text, base in named(targets):
        loaded = corpus.load(text, base)
        notices += loaded.notices
        unseen = loaded.documents
        for system in systems:
            notices += [f"{name}: {told}" for told in _told(system, unseen)]
            learnt = (system.seen or Seen()).train.among(unseen)
            unseen = tuple(document for document in unseen if document.id not in learnt)
        if unseen:
            found.append((name, replace(loaded, documents=unseen)))
    if not found:
        raise InputError("no article to score; " + "; ".join(notices))
    return found, notices


def _told(system: System, documents: Sequence[Document]) -> Iterator[str]:
    """In words, how many of these articles a system has seen."""
    seen = system.seen or Seen()
    train, development, tuned = (
        articles.among(documents) for articles in (seen.train, seen.development, seen.thresholds)
    )
    for count, what in (
        (len(train), f"articles left out: {system.name} was trained on them"),
        (len(development), f"of these articles selected {system.name}: not held out"),
        (len(tuned - development), f"of these articles chose the thresholds of {system.name}: not held out"),
    ):
        if count:
            yield f"{count} {what} (says its manifest.json)"


def _system(path: Path, watch: Watch, runtime: str = "torch") -> System:
    if path.is_dir():
        return model(path, watch, runtime)
    if path.suffix == ".jsonl":
        return _predictions(path)
    raise InputError(Fault(str(path), "neither a model folder nor a .jsonl file of predictions"))


def model(folder: Path, watch: Watch, runtime: str = "torch") -> System:
    """The model of a folder as a system to score."""
    from kashif import predicting

    predictor = predicting.load(folder, runtime=runtime)
    scheme = predictor.scheme

    def answer(asked: Corpus, name: str) -> Answers:
        gold = asked.documents
        own = scheme.foreign(asked.mapping) if asked.mapping else scheme
        faults = [fault for d in gold for fault in corpus.unknown_labels(d, own)]
        if faults:
            raise InputError(faults)
        through = scheme.mapping(asked.mapping) if asked.mapping else None
        layouts = lay_out([d.text for d in gold], predictor.tokenizer, predictor.model.config.window)
        # One pass gives every relation that was scored; those that the model gives out are among them.
        texts = ((d.id, d.text) for d in gold)
        scored = list(watch(predictor.stream_documents(texts, threshold=0.0), f"scoring {name}"))
        return Answers(
            [predictor.confident(document) for document in scored],
            predictor.relate(gold) if scheme.relations and not through else None,
            scored,
            [
                item
                for document, layout in zip(gold, layouts, strict=True)
                for item in reach(document, layout, scheme, through)
            ],
        )

    return System(str(folder), answer, scheme, Seen.of(folder))


def _predictions(path: Path) -> System:
    predicted = {reading.document.id: reading.document for reading in formats.read(path, "jsonl")}

    def answer(asked: Corpus, name: str) -> Answers:
        found = [predicted[d.id] for d in asked.documents if d.id in predicted]
        if asked.mapping:
            scheme = Scheme.load()
            own = scheme.foreign(asked.mapping)
            faults = [fault for d in asked.documents for fault in corpus.unknown_labels(d, own)]
            faults += [fault for d in found for fault in _not_ours(path, d, scheme, asked.mapping)]
            if faults:
                raise InputError(faults)
        return Answers(found)

    return System(str(path), answer)


def _not_ours(path: Path, document: Document, scheme: Scheme, mapping: str) -> Iterator[Fault]:
    """A fault if a prediction has entity labels that a mapping to another corpus cannot translate."""
    labels = sorted({entity.label for entity in document.entities} - set(scheme.labels))
    if labels:
        message = f"{document.id}: {', '.join(labels)}: no labels of ours, which '@{mapping}' translates"
        yield Fault(str(path), f"{message}; score predictions in the corpus's labels without '@{mapping}'")
