"""Scoring and comparing models, or other systems' predictions, on corpora and suites of corpora."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from kashif import corpus, formats
from kashif.comparing import Comparison, compare
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.scheme import Scheme, parsed
from kashif.scoring import Report, score


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
    """The reports of one run, one a corpus, and notices of what was left out or is not held out."""

    reports: tuple[Kind, ...]
    notices: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """The reports as JSON values."""
        return {"reports": [report.row() for report in self.reports], "notices": list(self.notices)}


@dataclass(frozen=True)
class Seen:
    """The ids of the articles that a model was trained on, and that selected it and its thresholds."""

    train: frozenset[str] = frozenset()
    development: frozenset[str] = frozenset()
    thresholds: frozenset[str] = frozenset()

    @classmethod
    def of(cls, folder: Path) -> Seen | None:
        """What a model folder's ``manifest.json`` says; None where there is none.

        Raises:
            InputError: if it does not hold lists of ids.
        """
        path = folder / "manifest.json"
        if not path.is_file():
            return None
        try:
            manifest = json.loads(formats.read_text(path))
            parts = (manifest["train"], manifest["development"], manifest.get("thresholds", {"articles": []}))
            return cls(*(frozenset(part["articles"]) for part in parts))
        except (ValueError, KeyError, TypeError) as error:
            message = f"expected the articles of train and development: {error!r}; train the model again"
            raise InputError(Fault(str(path), message)) from error


@dataclass(frozen=True)
class Answers:
    """What a system says of a corpus; of given entities' relations and its reach only a model can tell."""

    predicted: Sequence[Document]
    given_gold: Sequence[Document] | None = None
    unreachable: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """A model, or predictions, which bring no scheme; ``answer`` takes a corpus's name and gold."""

    name: str
    answer: Callable[[str, Sequence[Document]], Answers]
    scheme: Scheme | None = None
    seen: Seen | None = Seen()


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


def _unwatched(documents: Iterable[Document], what: str) -> Iterable[Document]:
    return documents


def run(path: Path, targets: Sequence[str], seed: int = 0, watch: Watch = _unwatched) -> Scored[Report]:
    """Scores a model folder or a JSON-lines file of predictions.

    ``watch`` is given the documents as they are predicted, with a word on what they are.

    Raises:
        InputError: if the system, a corpus or a suite does not fit, or no article is left to score.
    """
    system = _system(path, watch)
    scheme = system.scheme or Scheme.load()
    corpora, notices = _unseen(targets, [system])
    reports = []
    for name, gold in corpora:
        told = system.answer(name, gold)
        reports.append(score(name, gold, told.predicted, scheme, told.given_gold, told.unreachable, seed))
    return Scored(tuple(reports), tuple(notices))


def run_both(
    first: Path, second: Path, targets: Sequence[str], seed: int = 0, watch: Watch = _unwatched
) -> Scored[Comparison]:
    """Compares two systems, each as ``run`` takes it, on articles that neither was trained on.

    Raises:
        InputError: as ``run``.
    """
    systems = [_system(first, watch), _system(second, watch)]
    scheme = systems[0].scheme or systems[1].scheme or Scheme.load()
    corpora, notices = _unseen(targets, systems)
    reports = []
    for name, gold in corpora:
        a, b = (system.answer(name, gold) for system in systems)
        related = None
        if a.given_gold is not None and b.given_gold is not None:
            related = (a.given_gold, b.given_gold)
        reports.append(compare(name, gold, (a.predicted, b.predicted), scheme, related, seed))
    return Scored(tuple(reports), tuple(notices))


def _unseen(
    targets: Sequence[str], systems: Sequence[System]
) -> tuple[list[tuple[str, list[Document]]], list[str]]:
    """The corpora by name without the articles that a system was trained on, and notices."""
    found: list[tuple[str, list[Document]]] = []
    notices = [
        f"{system.name}: no manifest.json, so what it was trained on is not known"
        for system in systems
        if system.seen is None
    ]
    for name, text, base in named(targets):
        loaded = corpus.load(text, base)
        notices += loaded.notices
        ids = {document.id for document in loaded.documents}
        for system in systems:
            notices += [f"{name}: {told}" for told in _told(system, ids)]
            ids -= (system.seen or Seen()).train
        if ids:
            found.append((name, [document for document in loaded.documents if document.id in ids]))
    if not found:
        raise InputError("no article to score; " + "; ".join(notices))
    return found, notices


def _told(system: System, ids: set[str]) -> Iterator[str]:
    """In words, how many of these articles a system has seen."""
    seen = system.seen or Seen()
    for count, what in (
        (len(ids & seen.train), f"articles left out: {system.name} was trained on them"),
        (len(ids & seen.development), f"of these articles selected {system.name}: not held out"),
        (
            len(ids & seen.thresholds - seen.development),
            f"of these articles chose the thresholds of {system.name}: not held out",
        ),
    ):
        if count:
            yield f"{count} {what} (says its manifest.json)"


def _system(path: Path, watch: Watch) -> System:
    if path.is_dir():
        return _model(path, watch)
    if path.suffix == ".jsonl":
        return _predictions(path)
    raise InputError(Fault(str(path), "neither a model folder nor a .jsonl file of predictions"))


def _model(folder: Path, watch: Watch) -> System:
    from kashif import predicting
    from kashif.windows import causes, lay_out, reach

    predictor = predicting.load(folder)

    def answer(name: str, gold: Sequence[Document]) -> Answers:
        faults = [fault for d in gold for fault in corpus.unknown_labels(d, predictor.scheme)]
        if faults:
            raise InputError(faults)
        layouts = lay_out([d.text for d in gold], predictor.tokenizer, predictor.model.config.window)
        lost = [
            item
            for document, layout in zip(gold, layouts, strict=True)
            for item in reach(document, layout, predictor.scheme)
        ]
        texts = ((d.id, d.text) for d in gold)
        return Answers(
            list(watch(predictor.stream_documents(texts), f"scoring {name}")),
            predictor.relate(gold) if predictor.scheme.relations else None,
            dict(causes(lost).most_common()),
        )

    return System(str(folder), answer, predictor.scheme, Seen.of(folder))


def _predictions(path: Path) -> System:
    predicted = {reading.document.id: reading.document for reading in formats.read(path, "jsonl")}

    def answer(name: str, gold: Sequence[Document]) -> Answers:
        return Answers([predicted[d.id] for d in gold if d.id in predicted])

    return System(str(path), answer)
