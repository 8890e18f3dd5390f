"""The model card: ``README.md`` of a model's folder, in the format of the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import yaml
from pydantic import ConfigDict, Field

from kashif.config import StrictModel
from kashif.controls import visible_on_page
from kashif.corpora.provenance import FORMER, NOT_HELD_OUT, TERMS, UNKNOWN
from kashif.corpora.provenance import NAME as MANIFEST
from kashif.scheme import Scheme
from kashif.training.recipe import Recipe

NAME = "README.md"
REPORTED = "Strict F1 on text that the model never saw, with 95 % bootstrap intervals."
"""The line above the scores of reports."""
CHOSEN_BY = (
    "On text of which some articles selected the model or its thresholds, so that it is no test of it."
)
"""The line above those of reports on articles that are not all held out."""
_CHOSE = re.compile(rf"(\d+) of these articles .*{NOT_HELD_OUT}.*", re.DOTALL)
_FOLDS = re.compile(r".*, \d+ folds", re.DOTALL)
"""How the corpus of a cross-validation's report is called."""


class _Row(StrictModel):
    """What is read of a row of JSON, whatever else it has."""

    model_config = ConfigDict(extra="ignore")


class _Measure(_Row):
    f1: float | None
    interval: tuple[float, float] | None


class _Truth(_Row):
    ece: float | None


class ReportRow(_Row):
    """What a card takes of a report of ``kashif score --json``."""

    corpus: str
    documents: int
    measures: dict[str, _Measure]
    calibration: dict[str, _Truth]
    notices: tuple[str, ...] = ()


class Reports(_Row):
    """The reports in a file of ``kashif score --json``, and what they are of.

    ``model`` are the digests of a model, None for predictions or a cross-validation, ``runtime`` is what ran
    it; older files lack both, and have the notices of a report among those of all.
    """

    system: str
    model: dict[str, str] | None = None
    runtime: str | None = None
    reports: tuple[ReportRow, ...]
    notices: tuple[str, ...] = ()

    def fault(self, models: Sequence[Mapping[str, str]], names: Collection[str]) -> str:
        """Why these are no reports of one of ``models``, by their digests, in older files by their name."""
        if self.model is None and ("model" in self.model_fields_set or self._are_folds()):
            return "of predictions or of a cross-validation, not of this model; score the model itself"
        if self.model is None and self.system not in names:
            return f"of '{self.system}', not of this model; score the model itself"
        if self.model is not None and self.model not in models:
            return f"of another model than this, or of other thresholds ('{self.system}'); score it again"
        if self.runtime not in (None, "torch"):
            return (
                f"measured in {self.runtime}, and the card tells of the weights; score with --runtime torch"
            )
        if any(notice.endswith(UNKNOWN) for notice in self.notices):
            return f"was made without the model's {MANIFEST}, so articles may be trained on; score it again"
        return ""

    def chose(self, report: ReportRow) -> int:
        """How many articles of a report selected the model or its thresholds, as the notices say."""
        begins = f"{report.corpus}: "
        older = (notice.removeprefix(begins) for notice in self.notices if notice.startswith(begins))
        told = (*report.notices, *older)
        return sum(int(match[1]) for notice in told if (match := _CHOSE.fullmatch(notice)))

    def rows(self) -> list[tuple[ReportRow, int]]:
        """Each report with the number of its articles that ``chose`` the model."""
        return [(report, self.chose(report)) for report in self.reports]

    def _are_folds(self) -> bool:
        return any(_FOLDS.fullmatch(report.corpus) for report in self.reports)


class _Articles(_Row):
    articles: dict[str, str]


class _Versions(_Row):
    kashif: str


class _Environment(_Row):
    device: str


class ManifestRow(_Row):
    """What a card cannot do without of a ``manifest.json``."""

    versions: _Versions
    seed: int
    encoder: str
    environment: _Environment
    train: _Articles
    development: _Articles
    corpora: dict[str, list[str]] = Field(default={})


class ScoresRow(_Row):
    """What a card takes of a ``scores.json``."""

    development: dict[str, float]


def card(
    name: str,
    recipe: Recipe,
    *,
    scheme: Scheme,
    manifest: Mapping[str, Any],
    development: Mapping[str, float],
    uncalibrated: Sequence[str] = (),
    reports: Sequence[tuple[ReportRow, int]] = (),
) -> str:
    """The card of a model trained by a recipe.

    ``manifest`` is the content of its ``manifest.json``, ``development`` the scores that selected it, before
    thresholds were chosen; ``uncalibrated`` are the views whose probabilities are as they were trained,
    ``reports`` are each of a corpus, with the number of its articles that chose the model.
    """
    parts = [
        _front(recipe),
        f"# {name}",
        recipe.about or "An Arabic named-entity and relation extraction model, trained with Kashif.",
        _use(),
        "## What it finds",
        *_labels(scheme),
        "## Scores",
        *_scores(development, reports),
        "## Data",
        *_data(recipe, manifest, calibrated=len(uncalibrated) < (2 if scheme.relations else 1)),
        "## Limits",
        f"{_LIMITS}\n{_truth(uncalibrated)}",
        "## How to cite",
        f"{name}, trained with Kashif {manifest['versions']['kashif']}; weights: `{manifest['weights']}`.",
        "## Where it comes from",
        _origin(recipe, manifest),
    ]
    return visible_on_page("\n\n".join(part.strip() for part in parts if part)) + "\n"


def changed(text: str, before: str, after: str) -> str | None:
    """The card ``text`` with the lines changed in which two cards differ; None where it has not these lines.

    All else in it stays, such as its name, reports and what the user wrote.
    """
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        above = old[max(a - 1, 0) : a]  # the line above tells where lines are new
        lines = "".join([*above, *old[a:b]])
        if text.count(lines) != 1:
            return None
        text = text.replace(lines, "".join([*above, *new[c:d]]))
    return text


_NONE: Mapping[str, Any] = {"articles": {}}
"""A part of a manifest that an older one lacks."""
_USES = {
    "train": "trained on",
    "development": "selected by",
    "calibration": "calibrated by",
    "auxiliary": "its encoder beside",
}
"""The parts of a manifest that are a row of the card, and what it calls them."""
_IN_VAIN = {"calibration": "looked at for calibration and thresholds"}
"""What it calls those that calibrated nothing."""
_CHOSEN = {
    "thresholds": "chose thresholds or calibration by `kashif threshold`",
    FORMER: "chose what these left as it was",
}
"""The same of those that ``kashif threshold`` writes, whose corpora are not told."""
_LIMITS = """It knows the kind of text that it was trained on; score it on yours before you rely on it.
Relations are found within a sentence or two adjoining ones. A span begins at a word or behind proclitics and
ends with a word."""


def _truth(uncalibrated: Sequence[str]) -> str:
    if not uncalibrated:
        return "Probabilities were fitted to be true of the calibrating articles."
    views = " and ".join(uncalibrated)
    return (
        f"The probabilities of {views} could not be calibrated and are as they were trained: trust them less."
    )


def _front(recipe: Recipe) -> str:
    """The YAML that the hub reads."""
    rows: dict[str, Any] = {
        "language": ["ar"],
        "license": recipe.license or None,
        "library_name": "kashif",
        "pipeline_tag": "token-classification",
        "tags": ["named-entity-recognition", "relation-extraction"],
    }
    kept = {key: value for key, value in rows.items() if value}
    return f"---\n{yaml.safe_dump(kept, sort_keys=False, allow_unicode=True)}---"


def _use() -> str:
    return """```python
import kashif

document = kashif.load("PATH OF THIS FOLDER").predict("…")
for entity in document.entities:
    print(entity.label, entity.text, entity.score)
```"""


def _labels(scheme: Scheme) -> Iterator[str]:
    if any(scheme.entities.values()):
        rows = [(f"`{label}`", meaning) for label, meaning in scheme.entities.items()]
        yield _table(("entity", "what it is"), rows)
    else:  # a scheme that was learned from the articles knows the labels alone
        yield "Entities: " + ", ".join(f"`{label}`" for label in scheme.entities) + "."
    if scheme.relations:
        yield _table(
            ("relation", "from", "to"),
            [
                (f"`{label}`", ", ".join(signature.head), ", ".join(signature.tail))
                for label, signature in scheme.relations.items()
            ],
        )
    spans = "stand inside each other" if scheme.nested else "stand apart"
    yield f"Spans {spans}."


def _scores(development: Mapping[str, float], reports: Sequence[tuple[ReportRow, int]]) -> Iterator[str]:
    for line, rows in (
        (REPORTED, [_report(report) for report, chose in reports if not chose]),
        (CHOSEN_BY, [_report(report, chose) for report, chose in reports if chose]),
    ):
        if rows:
            yield line
            yield _table(
                ("text", "entities", "relations", "relations, gold entities given", "calibration error"), rows
            )
    selected = ", ".join(f"{key.replace('_f1', ' F1')} {value:.3f}" for key, value in development.items())
    told = "On the development articles, which selected it and so are no test of it"
    yield f"{told}, before thresholds were chosen: {selected}."


def _report(report: ReportRow, chose: int = 0) -> tuple[str, ...]:
    views = ("entities", "relations", "relations given gold entities")
    found = [report.measures.get(view) for view in views]
    errors = [
        f"{view} {table.ece:.3f}" for view, table in report.calibration.items() if table.ece is not None
    ]
    text = f"{report.corpus}, {report.documents} articles"
    text += f", {chose} of which chose it" if chose else ""
    return (text, *map(_measure, found), ", ".join(errors))


def _measure(measure: _Measure | None) -> str:
    if measure is None or measure.f1 is None:
        return "–"
    around = " ({:.3f}–{:.3f})".format(*measure.interval) if measure.interval else ""
    return f"{measure.f1:.3f}{around}"


def _data(recipe: Recipe, manifest: Mapping[str, Any], *, calibrated: bool) -> Iterator[str]:
    asked = {
        "train": recipe.train,
        "development": recipe.development,
        "calibration": recipe.calibration or recipe.development,
        "auxiliary": recipe.auxiliary,
    }
    corpora = asked | manifest.get("corpora", {})  # of those, the ones that were there; an older one lacks it
    articles = {key: manifest.get(key, _NONE)["articles"] for key in _USES}
    if "thresholds" in manifest:
        articles["calibration"] = {}
    rows = [
        (what, ", ".join(f"`{corpus}`" for corpus in corpora[key]) or "set aside of these", str(len(found)))
        for key, what in {**_USES, **({} if calibrated else _IN_VAIN)}.items()
        if (found := articles[key])
    ]
    for key, what in _CHOSEN.items():
        if found := manifest.get(key, _NONE)["articles"]:
            articles[key] = found
            rows.append((what, "`manifest.json` names them", str(len(found))))
    yield _table(("", "corpora", "articles"), rows)
    before = manifest.get("encoder articles", _NONE)["articles"]
    told = {each for part in articles.values() for article in part.items() for each in article}
    if more := sum(told.isdisjoint(article) for article in before.items()):
        yield f"Its encoder has seen {more:,} more articles before."
    if pretraining := manifest.get("encoder recipe"):
        heard = ", ".join(f"`{name}`" for name in (*pretraining["texts"], *pretraining["auxiliary"]))
        yield f"`kashif pretrain` made it of {heard}; `manifest.json` has that recipe too."
    terms = manifest.get(TERMS) or {"license": "", "credits": []}
    if credits := dict.fromkeys((*recipe.credits, *terms["credits"])):
        yield "\n".join(f"- {line}" for line in credits)
    licence = recipe.license or "none is stated"
    if terms["license"] not in ("", recipe.license):
        licence += f"; its encoder came under {terms['license']}"
    yield f"Licence of the weights: {licence}."


def _origin(recipe: Recipe, manifest: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
    return (
        f"Recipe: `recipe.yaml`, seed {manifest['seed']}. Encoder: `{recipe.encoder}`, "
        f"`{manifest['encoder']}`. Versions: {versions}. Device: {manifest['environment']['device']}. "
        "`manifest.json` names each article with the SHA-256 of its text."
    )


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
