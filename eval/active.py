"""Do chosen articles teach more than drawn ones? Learning curves of both, on a pool that is annotated.

python eval/active.py train/quickstart.yaml --set epochs=8 --set batch_size=2

For each seed some articles are drawn, and others that select the models; a model is trained on the first.
Then more come, round by round: by `kashif corpus next` with the model of the round before, or at random.
A training that is there already is not run again, and one that was cut short goes on. Writes
reports/active.json and reports/active.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from kashif.corpora import loading
from kashif.corpora.partition import together
from kashif.corpora.schemes import scheme_of
from kashif.corpora.spec import Spec
from kashif.corpora.statistics import count_words
from kashif.document import Document
from kashif.errors import InputError, WorkError
from kashif.evaluation import reporting, systems
from kashif.evaluation.active import Article, choose
from kashif.files import write_json, write_text
from kashif.formats.writing import save
from kashif.libraries import quiet_libraries
from kashif.modeling import predictor as predictors
from kashif.modeling.probing import probe
from kashif.training.crossvalidation import train_once
from kashif.training.recipe import Recipe

REPORTS = Path(__file__).parent / "reports"
WAYS = ("random", "next")
MEASURES = ("entities", "relations")


@dataclass(frozen=True)
class Point:
    """A model of one seed, trained on so many articles that were added in one way, and its F1 by measure."""

    way: str
    seed: int
    articles: int
    words: int
    f1: dict[str, float | None]


@dataclass(frozen=True)
class Plan:
    """How many articles are drawn to begin with, come in each round, and select the models."""

    pool: str = "annotations/newswire#train"
    scored: str = "annotations/newswire#development"
    start: int = 40
    step: int = 40
    rounds: int = 3
    development: int = 20
    seeds: tuple[int, ...] = (1, 2, 3)


def measure(recipe: Recipe, plan: Plan, folder: Path, *, say: Callable[[str], None] = print) -> list[Point]:
    """The points of both curves, seed by seed; models and their articles go to ``folder``."""
    pool = loading.load(plan.pool).documents
    needed = plan.development + plan.start + plan.rounds * plan.step
    if needed > len(pool):
        raise SystemExit(f"{plan.pool}: {needed} articles are needed, it has {len(pool)}")
    folder.mkdir(parents=True, exist_ok=True)
    scheme = folder / "scheme.yaml"
    write_text(scheme, scheme_of([Spec.parse(plan.pool)], pool).scheme.dump())
    fixed = {"calibration": (), "held_out": (plan.scored,), "scheme": str(scheme)}
    points: list[Point] = []
    for seed in plan.seeds:
        order = random.Random(seed).sample(pool, len(pool))
        development, rest = order[: plan.development], order[plan.development :]
        place = folder / f"seed-{seed}"
        save(development, "jsonl", place / "development.jsonl")

        def train(name: str, articles: Sequence[Document], seed: int = seed, place: Path = place) -> Path:
            corpus = place / f"{name}.jsonl"
            save(articles, "jsonl", corpus)
            own = {"train": (str(corpus),), "development": (str(place / "development.jsonl"),), "seed": seed}
            settings = Recipe.check({**recipe.model_dump(), **fixed, **own}, "the recipe")
            train_once(settings, place / name, name=f"seed {seed}, {name}", say=say)
            return place / name

        for way in WAYS:
            chosen = rest[: plan.start]
            model = train(f"start-{len(chosen)}", chosen)
            points.append(_point(way, seed, chosen, model, plan.scored))
            for _ in range(plan.rounds):
                if way == "next":
                    chosen = [*chosen, *_next(model, rest, chosen, development, count=plan.step)]
                else:
                    chosen = rest[: len(chosen) + plan.step]
                model = train(f"{way}-{len(chosen)}", chosen)
                points.append(_point(way, seed, chosen, model, plan.scored))
    return points


def _next(
    model: Path,
    pool: Sequence[Document],
    chosen: Sequence[Document],
    development: Sequence[Document],
    *,
    count: int,
) -> list[Document]:
    """The articles of the pool that a model would have annotated next."""
    taken = {document.id for document in chosen}
    left = {document.id: document for document in pool if document.id not in taken}
    predictor = predictors.load(model)

    def read(documents: Sequence[Document]) -> list[Article]:
        found = probe(predictor, ((document.id, document.text) for document in documents))
        return [Article.of(each, predictor) for each in found]

    asked = list(left.values())
    choices = choose(read(asked), read([*chosen, *development]), count=count, groups=together(asked))
    return [left[choice.article.id] for choice in choices]


def _point(way: str, seed: int, chosen: Sequence[Document], model: Path, scored: str) -> Point:
    [report] = reporting.score_system(systems.open_model(model), [scored]).reports
    f1 = {name: report.measures[name].counts.f1 for name in MEASURES if name in report.measures}
    return Point(way, seed, len(chosen), sum(count_words(document.text) for document in chosen), f1)


def table(points: Sequence[Point]) -> str:
    """Both curves in Markdown: means over the seeds, and the mean difference with its standard deviation."""
    heads = ["articles", *(f"words, {way}" for way in WAYS)]
    for name in MEASURES:
        heads += [*(f"{name}, {way}" for way in WAYS), "difference"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for size in sorted({point.articles for point in points}):
        ways = {way: [p for p in points if p.way == way and p.articles == size] for way in WAYS}
        row = [str(size), *(f"{fmean(point.words for point in found):,.0f}" for found in ways.values())]
        for name in MEASURES:
            both = [[point.f1.get(name) or 0.0 for point in found] for found in ways.values()]
            gains = [b - a for a, b in zip(*both, strict=True)]
            spread = f" ± {stdev(gains):.3f}" if len(gains) > 1 else ""
            row += [*(f"{fmean(values):.3f}" for values in both), f"{fmean(gains):+.3f}{spread}"]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def report(recipe: Recipe, plan: Plan, points: Sequence[Point], folder: Path) -> None:
    """Writes the curves as JSON and as a table."""
    told: dict[str, Any] = {
        "date": f"{date.today():%Y-%m-%d}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "recipe": recipe.model_dump(mode="json", exclude_unset=True),
        "plan": asdict(plan),
        "points": [asdict(point) for point in points],
    }
    write_json(folder / "active.json", told)
    count = len(plan.seeds)
    head = (
        f"Strict F1 on `{plan.scored}`, means over {count} seeds. The articles are of `{plan.pool}`: drawn at"
        " random, or chosen by `kashif corpus next` with the model of the row above. ± is the standard"
        " deviation of the difference. Written by `eval/active.py`.\n\n"
    )
    write_text(folder / "active.md", head + table(points))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"write 1 or more, found {number}")
    return number


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="learning curves of chosen and of drawn articles")
    parser.add_argument("recipe", type=Path, help="its corpora and seed are set here")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--pool", default=Plan.pool)
    parser.add_argument("--scored", default=Plan.scored)
    for name in ("start", "step", "development"):
        parser.add_argument(f"--{name}", type=_positive, default=getattr(Plan, name))
    parser.add_argument("--rounds", type=int, default=Plan.rounds)
    parser.add_argument("--seeds", type=_seeds, default=Plan.seeds)
    parser.add_argument("--folder", type=Path, default=Path("models/active"), help="of the models")
    asked = vars(parser.parse_args(words))
    path, changes, folder = asked.pop("recipe"), asked.pop("set"), asked.pop("folder")
    plan = Plan(**asked)
    try:
        recipe = Recipe.load(path, changes=changes)
        quiet_libraries()
        points = measure(recipe, plan, folder)
    except (InputError, WorkError) as error:
        raise SystemExit(str(error)) from error
    report(recipe, plan, points, REPORTS)
    print(table(points), end="")


if __name__ == "__main__":
    main()
