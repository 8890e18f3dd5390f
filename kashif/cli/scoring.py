"""The commands that measure models on held-out articles."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kashif import box
from kashif.cli.console import (
    Changes,
    Device,
    Html,
    Json,
    Runtime,
    out,
    say,
    watched,
)
from kashif.corpora import loading
from kashif.corpora.provenance import other_version
from kashif.corpora.schemes import LEARNED
from kashif.evaluation import suite
from kashif.files import write_json, write_text
from kashif.libraries import quiet_libraries
from kashif.outputs import Sources, output_file, output_folder

if TYPE_CHECKING:
    from kashif.evaluation.reporting import Scored
    from kashif.evaluation.scoring import Report
    from kashif.evaluation.systems import System

Targets = Annotated[
    list[str], typer.Argument(help="corpora, or suites (.yaml)", metavar="CORPUS|SUITE.yaml…")
]
Scheme = Annotated[
    str,
    typer.Option(
        help="of bare predictions: scheme file, or `learned`; by default the scheme.yaml that the corpora"
        " lead to; a model is scored by its own"
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="seed of the bootstrap")]


def score(
    system: Annotated[str, typer.Argument(help="a model folder, news, or predictions as JSON lines")],
    targets: Targets,
    json_file: Json = None,
    html_file: Html = None,
    seed: Seed = 0,
    runtime: Runtime = "torch",
    device: Device = None,
    scheme: Scheme = "",
) -> None:
    """Score a model, or another system's predictions, on held-out articles."""
    place = box.located(system)
    files = _files(json_file, html_file, _name(place), inputs=[place, *_given(scheme)], corpora=targets)
    loading.refuse_unknown(corpus for _, corpus in suite.named_corpora(targets))
    quiet_libraries()
    from kashif.evaluation import reporting, systems

    _tell_version(place)
    opened = systems.open_system(place, watch=watched, runtime=runtime, device=device)
    scored = reporting.score_system(opened, targets, scheme=scheme, seed=seed)
    _show(scored, _name(place), seed, *files, of=opened)


def crossvalidate(
    recipe: Annotated[Path, typer.Argument(help="a recipe, such as train/default.yaml")],
    over: Annotated[
        str | None,
        typer.Option(help="fold this corpus alone, the rest is always trained on", metavar="CORPUS"),
    ] = None,
    folds: Annotated[int, typer.Option(help="as many as articles: each is left out when it is alone")] = 5,
    jobs: Annotated[int, typer.Option(min=1, help="trainings at a time")] = 1,
    output: Annotated[
        str | None, typer.Option(help="folder of the models; models/<recipe's stem>-folds by default")
    ] = None,
    changes: Changes = None,
    json_file: Json = None,
    html_file: Html = None,
    seed: Seed = 0,
) -> None:
    """Score a recipe on articles of its own training corpora, each by a model trained without it."""
    folder = output_folder(f"models/{recipe.stem}-folds" if output is None else output)
    quiet_libraries()
    from kashif.training import crossvalidation
    from kashif.training.recipe import Recipe

    settings = Recipe.load(recipe, changes=changes or ())
    corpora = (*settings.train, *settings.development, *settings.calibration, *settings.held_out)
    corpora += settings.auxiliary
    inputs = [recipe, *_given(settings.scheme)]
    files = _files(json_file, html_file, recipe.stem, inputs=inputs, corpora=corpora)
    scored = crossvalidation.crossvalidate(
        settings,
        folder,
        over=over,
        count=folds,
        workers=jobs,
        seed=seed,
        watch=watched,
        say=say,
    )
    _show(scored, recipe.stem, seed, *files)


def compare(
    first: Annotated[
        str, typer.Argument(help="a model folder, news, or predictions as JSON lines", metavar="A")
    ],
    second: Annotated[str, typer.Argument(help="another", metavar="B")],
    targets: Targets,
    json_file: Json = None,
    seed: Seed = 0,
    scheme: Scheme = "",
) -> None:
    """Compare two systems on the same held-out articles, by a paired bootstrap."""
    places = box.located(first), box.located(second)
    name = "-".join(map(_name, places))
    file, _ = _files(json_file, None, name, inputs=[*places, *_given(scheme)], corpora=targets)
    quiet_libraries()
    from kashif.cli import tables
    from kashif.evaluation import reporting, systems

    for place in places:
        _tell_version(place)
    one, other = (systems.open_system(place, watch=watched) for place in places)
    compared = reporting.compare_systems((one, other), targets, scheme=scheme, seed=seed)
    if file:
        _write_json({"A": first, "B": second, "seed": seed, **compared.row()}, file)
    for report in compared.reports:
        for table in tables.comparison(report, first=first, second=second):
            out.print(table)
    for notice in compared.notices:
        say(notice)


def threshold(
    model: Annotated[str, typer.Argument(help="a model folder")],
    corpora: Annotated[list[str], typer.Argument(help="PATH, FORMAT:PATH, PATH#SPLIT", metavar="CORPUS…")],
) -> None:
    """Choose on development articles anew from which probability a model predicts; fit its probabilities."""
    quiet_libraries()
    from kashif.cli import tables
    from kashif.training.recalibration import choose_threshold

    folder = box.located(model)
    _tell_version(folder)
    found = choose_threshold(folder, corpora, watch=watched)
    for table in tables.threshold(found):
        out.print(table)
    for notice in found.notices:
        say(notice)
    say(f"{folder} stays as it was" if found.kept else f"wrote {folder / 'config.json'}")


def _show(
    scored: Scored[Report],
    name: str,
    seed: int,
    json_file: Path | None,
    html_file: Path | None,
    *,
    of: System | None = None,
) -> None:
    """Writes the files that were asked for, then prints reports and notices: a pipe may close.

    ``of`` is the system, whose digests and runtime are told if it is a model; a cross-validation has none.
    """
    from kashif.cli import error_page, tables

    if json_file:
        model = {"model": of and of.digests, "runtime": of and of.runtime}
        _write_json({"system": name, **model, "seed": seed, **scored.row()}, json_file)
    if html_file:
        write_text(html_file, error_page.page(name, scored.reports, analyses=scored.analyses))
        say(f"wrote {html_file}")
    for report in scored.reports:
        for table in tables.report(report):
            out.print(table)
    for notice in scored.notices:
        say(notice)


def _files(
    json_file: str | None,
    html_file: str | None,
    name: str,
    *,
    inputs: Iterable[Path],
    corpora: Sequence[str],
) -> tuple[Path | None, Path | None]:
    """The files that reports go to, named after the system where an option names a folder.

    ``inputs`` are models and files, ``corpora`` may have suites among them.

    Raises:
        InputError: if one would be written over an input or the other one.
    """
    report = output_file(json_file, f"{name}.json") if json_file is not None else None
    page = output_file(html_file, f"{name}.html") if html_file is not None else None
    if report or page:
        files = (file for path in inputs for file in (box.files(path) if path.is_dir() else [path]))
        Sources([*files, *suite.places(corpora)]).refuse(*filter(None, (report, page)))
    return report, page


def _given(scheme: str) -> list[Path]:
    """The scheme file of an option, if it is one."""
    return [Path(scheme)] if scheme and scheme != LEARNED else []


def _tell_version(system: Path) -> None:
    """Says that a model is of another version of Kashif."""
    if line := other_version(system):
        say(line)


def _name(system: Path) -> str:
    return system.resolve().name.removesuffix(".jsonl")


def _write_json(row: dict[str, Any], path: Path) -> None:
    """Writes a report with the date and the machine."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    stamped = {"date": f"{date.today():%Y-%m-%d}", "machine": machine, **row}
    write_json(path, stamped)
    say(f"wrote {path}")
