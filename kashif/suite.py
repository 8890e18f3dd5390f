"""Scoring a model, or another system's predictions, on corpora and suites of corpora."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from kashif import corpus, formats, mapping
from kashif.corpus import Corpus
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.scheme import Mapping, Scheme, parsed
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


@dataclass(frozen=True)
class Scored:
    """The reports of one run, and notices of what was left out of it."""

    reports: tuple[Report, ...]
    notices: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """The reports as JSON values."""
        return {"reports": [report.row() for report in self.reports], "left out": list(self.notices)}


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


def run(system: Path, targets: Sequence[str], seed: int = 0, watch: Watch = _unwatched) -> Scored:
    """Scores a model folder or a JSON-lines file of predictions.

    ``watch`` is given the documents as they are predicted, with a word on what they are.

    Raises:
        InputError: if the system, a corpus or a suite does not fit, or no article is left to score.
    """
    if system.is_dir():
        predict = _model(system, watch)
    elif system.suffix == ".jsonl":
        predict = _predictions(system)
    else:
        raise InputError(Fault(str(system), "neither a model folder nor a .jsonl file of predictions"))
    reports: list[Report] = []
    notices: list[str] = []
    for name, text, base in named(targets):
        loaded = corpus.load(text, base)
        notices += loaded.notices
        if not loaded.documents:
            continue
        reports.append(predict(name, loaded, seed))
    if not reports:
        raise InputError("no article to score; " + "; ".join(notices))
    return Scored(tuple(reports), tuple(notices))


Scorer = Callable[[str, Corpus, int], Report]


def _model(folder: Path, watch: Watch) -> Scorer:
    from kashif import predicting
    from kashif.windows import causes, lay_out, reach

    predictor = predicting.load(folder)

    def scorer(name: str, asked: Corpus, seed: int) -> Report:
        scheme, gold = predictor.scheme, asked.documents
        through = scheme.mapping(asked.mapping) if asked.mapping else None
        _refuse_unknown(asked, scheme)
        layouts = lay_out([d.text for d in gold], predictor.tokenizer, predictor.model.config.window)
        lost = [
            item
            for document, layout in zip(gold, layouts, strict=True)
            for item in reach(document, layout, scheme, through)
        ]
        unreachable = dict(causes(lost).most_common())
        texts = ((d.id, d.text) for d in gold)
        found = list(watch(predictor.stream_documents(texts), f"scoring {name}"))
        if through is not None:
            return _through(name, gold, found, scheme, through, unreachable, seed)
        related = predictor.relate(gold) if scheme.relations else None
        return score(name, gold, found, scheme, related, unreachable, seed)

    return scorer


def _predictions(path: Path) -> Scorer:
    predicted = {reading.document.id: reading.document for reading in formats.read(path, "jsonl")}
    scheme = Scheme.load()

    def scorer(name: str, asked: Corpus, seed: int) -> Report:
        found = [predicted[d.id] for d in asked.documents if d.id in predicted]
        if asked.mapping:
            _refuse_unknown(asked, scheme)
            return _through(name, asked.documents, found, scheme, scheme.mapping(asked.mapping), {}, seed)
        return score(name, asked.documents, found, scheme, seed=seed)

    return scorer


def _refuse_unknown(asked: Corpus, scheme: Scheme) -> None:
    own = scheme.foreign(asked.mapping) if asked.mapping else scheme
    faults = [fault for document in asked.documents for fault in corpus.unknown_labels(document, own)]
    if faults:
        raise InputError(faults)


def _through(
    name: str,
    gold: Sequence[Document],
    found: Sequence[Document],
    scheme: Scheme,
    through: Mapping,
    unreachable: dict[str, int],
    seed: int,
) -> Report:
    """Scores predictions in our labels against gold in another corpus's."""
    report = score(
        name,
        [mapping.gold(document, through) for document in gold],
        [mapping.predicted(document, through) for document in found],
        mapping.merged(through),
        unreachable=unreachable,
        seed=seed,
    )
    return replace(report, notices=(*report.notices, *mapping.notices(gold, scheme, through)))
