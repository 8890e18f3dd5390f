"""The commands that measure models on held-out articles."""

from __future__ import annotations

import json
import os
import platform
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kashif.console import Changes, Corpora, Runtime, out, quiet_libraries, say, watched

if TYPE_CHECKING:
    from kashif.scoring import Report
    from kashif.suite import Scored

Targets = Annotated[
    list[str], typer.Argument(help="corpora, or suites (.yaml)", metavar="CORPUS|SUITE.yaml…")
]
Json = Annotated[Path | None, typer.Option("--json", help="also write the report here")]
Html = Annotated[Path | None, typer.Option("--html", help="also write a page that shows every error here")]
Seed = Annotated[int, typer.Option(help="seed of the bootstrap")]


def score(
    system: Annotated[Path, typer.Argument(help="a model folder, or predictions as JSON lines")],
    targets: Targets,
    json_file: Json = None,
    html_file: Html = None,
    seed: Seed = 0,
    runtime: Runtime = "torch",
) -> None:
    """Score a model, or another system's predictions, on held-out articles."""
    quiet_libraries()
    from kashif import suite

    scored = suite.run(system, targets, seed, watched, runtime)
    suites = [Path(target) for target in targets if target.endswith((".yaml", ".yml"))]
    reports = [path.parent / "reports" / f"{path.stem}-{_name(system)}.json" for path in suites]
    _tell(scored, _name(system), seed, [json_file, *reports], html_file)


def crossvalidate(
    recipe: Annotated[Path, typer.Argument(help="a recipe, such as train/default.yaml")],
    over: Annotated[
        str | None,
        typer.Option(help="fold this corpus alone, the rest is always trained on", metavar="CORPUS"),
    ] = None,
    folds: Annotated[int, typer.Option(help="as many as articles: each is left out when it is alone")] = 5,
    jobs: Annotated[int, typer.Option(min=1, help="trainings at a time")] = 1,
    output: Annotated[
        Path | None, typer.Option(help="folder of the models; models/<recipe's stem>-folds by default")
    ] = None,
    changes: Changes = None,
    json_file: Json = None,
    html_file: Html = None,
    seed: Seed = 0,
) -> None:
    """Score a recipe on articles of its own training corpora, each by a model trained without it."""
    quiet_libraries()
    from kashif import crossvalidation
    from kashif.recipe import Recipe

    settings = Recipe.load(recipe, tuple(changes or ()))
    folder = output or Path("models") / f"{recipe.stem}-folds"
    scored = crossvalidation.run(
        settings, folder, recipe.resolve().parent.parent, over, folds, jobs, seed, watched, say
    )
    _tell(scored, recipe.stem, seed, [json_file], html_file)


def compare(
    first: Annotated[Path, typer.Argument(help="a model folder, or predictions as JSON lines", metavar="A")],
    second: Annotated[Path, typer.Argument(help="another", metavar="B")],
    targets: Targets,
    json_file: Json = None,
    seed: Seed = 0,
) -> None:
    """Compare two systems on the same held-out articles, by a paired bootstrap."""
    quiet_libraries()
    from kashif import suite, tables

    compared = suite.run_both(first, second, targets, seed, watch=watched)
    for report in compared.reports:
        for table in tables.comparison(report, str(first), str(second)):
            out.print(table)
    for notice in compared.notices:
        say(notice)
    row = {**_stamp(), "A": str(first), "B": str(second), "seed": seed, **compared.row()}
    _write(row, [json_file] if json_file else [])


def threshold(
    model: Annotated[Path, typer.Argument(help="a model folder")],
    corpora: Corpora,
    per_label: Annotated[
        bool, typer.Option("--per-label", help="one for each label, not one for all")
    ] = False,
) -> None:
    """Choose on development articles the probability from which the model gives a relation out."""
    quiet_libraries()
    from kashif import tables, tuning

    found = tuning.tune(model, corpora, per_label, watched)
    for table in tables.tuned(found):
        out.print(table)
    for notice in found.notices:
        say(notice)
    say(f"wrote {model / 'config.json'}")


def _tell(
    scored: Scored[Report], name: str, seed: int, json_files: list[Path | None], html_file: Path | None
) -> None:
    from kashif import error_page, tables

    for report in scored.reports:
        for table in tables.report(report):
            out.print(table)
    for notice in scored.notices:
        say(notice)
    row = {**_stamp(), "system": name, "seed": seed, **scored.row()}
    _write(row, [path for path in json_files if path])
    if html_file:
        _write_text(error_page.page(name, scored.reports, scored.analyses), html_file)


def _name(system: Path) -> str:
    return system.resolve().name.removesuffix(".jsonl")


def _stamp() -> dict[str, Any]:
    return {"date": f"{date.today():%Y-%m-%d}", "machine": f"{platform.machine()}, {os.cpu_count()} cores"}


def _write(row: dict[str, Any], paths: list[Path]) -> None:
    text = json.dumps(row, ensure_ascii=False, indent=2) + "\n"
    for path in paths:
        _write_text(text, path)


def _write_text(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")
    say(f"wrote {path}")
