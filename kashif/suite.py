"""Scoring a model, or another system's predictions, on corpora and suites of corpora."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from kashif import corpus, formats
from kashif.analysis import Analysis, analyse, tally
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


@dataclass(frozen=True)
class Scored:
    """The reports of one run, each article's errors for each of them, notices of what was left out."""

    reports: tuple[Report, ...]
    analyses: tuple[tuple[Analysis, ...], ...]
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
    found: list[tuple[Report, list[Analysis]]] = []
    notices: list[str] = []
    for name, text, base in named(targets):
        loaded = corpus.load(text, base)
        notices += loaded.notices
        if not loaded.documents:
            continue
        found.append(predict(name, loaded.documents, seed))
    if not found:
        raise InputError("no article to score; " + "; ".join(notices))
    return Scored(
        tuple(report for report, _ in found),
        tuple(tuple(analyses) for _, analyses in found),
        tuple(notices),
    )


Scorer = Callable[[str, Sequence[Document], int], tuple[Report, list[Analysis]]]


def _model(folder: Path, watch: Watch) -> Scorer:
    from kashif import predicting
    from kashif.windows import causes, lay_out, reach

    predictor = predicting.load(folder)

    def scorer(name: str, gold: Sequence[Document], seed: int) -> tuple[Report, list[Analysis]]:
        scheme = predictor.scheme
        layouts = lay_out([d.text for d in gold], predictor.tokenizer, predictor.model.config.window)
        lost = [reach(document, layout, scheme) for document, layout in zip(gold, layouts, strict=True)]
        # One pass gives every relation that was scored; those that the model gives out are among them.
        scored = watch(
            predictor.stream_documents(((d.id, d.text) for d in gold), threshold=0.0), f"scoring {name}"
        )
        analyses = [
            analyse(document, predictor.confident(seen), scheme, seen, (item.gold for item in out_of_reach))
            for document, seen, out_of_reach in zip(gold, scored, lost, strict=True)
        ]
        report = score(
            name,
            gold,
            [analysis.predicted for analysis in analyses],
            scheme,
            given_gold=predictor.relate(gold),
            unreachable=dict(causes([item for items in lost for item in items]).most_common()),
            seed=seed,
            errors=tally(analyses),
        )
        return report, analyses

    return scorer


def _predictions(path: Path) -> Scorer:
    predicted = {reading.document.id: reading.document for reading in formats.read(path, "jsonl")}
    scheme = Scheme.load()

    def scorer(name: str, gold: Sequence[Document], seed: int) -> tuple[Report, list[Analysis]]:
        found = [predicted[d.id] for d in gold if d.id in predicted]
        analyses = [analyse(d, predicted.get(d.id, Document(d.id, d.text)), scheme) for d in gold]
        return score(name, gold, found, scheme, seed=seed, errors=tally(analyses)), analyses

    return scorer
