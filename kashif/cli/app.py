"""The command line. Exit status: 0 done, 1 the work failed, 2 the input or usage is wrong."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from errno import EACCES, EEXIST, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, EROFS
from io import TextIOWrapper
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated

import typer

from kashif import __version__, box
from kashif.cli import annotating, corpus, corpus_files, predicting, scoring
from kashif.cli.console import Changes, RecipeCommand, Resume, err, out, say
from kashif.config import dump_yaml
from kashif.corpora import loading
from kashif.corpora.provenance import other_version
from kashif.corpora.spec import Spec
from kashif.errors import Fault, InputError, WorkError
from kashif.libraries import quiet_libraries
from kashif.outputs import output_folder
from kashif.training.processes import is_first, refuse_several

app = typer.Typer(
    help="Train, score and run Arabic named-entity and relation extraction models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for below in (corpus_files.preannotate, corpus_files.split, corpus_files.merge):
    corpus.app.command()(below)
corpus.app.command("next")(annotating.next_)
corpus.app.command()(annotating.doubt)
app.add_typer(corpus.app, name="corpus")
for command in (predicting.predict, scoring.score, scoring.crossvalidate, scoring.compare, scoring.threshold):
    app.command()(command)


_PATHS = {ENOENT, EACCES, EPERM, EISDIR, ENOTDIR, EEXIST, ENAMETOOLONG, ELOOP, EROFS}
"""Errors of the machine that a path of the user's causes."""


_INTERRUPTED = 130
"""The exit status after Ctrl-C."""


def main() -> None:
    """The entry point: a user's mistake gives a message and no traceback."""
    _fill_closed_streams()
    if hasattr(
        os, "set_blocking"
    ):  # some programs hand on pipes that are said to be empty, or full, too soon
        for number in range(3):
            os.set_blocking(number, True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors="backslashreplace")  # letters that a terminal cannot show
    try:
        status = _run()
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except OSError:  # nobody reads what is printed, or there is no room for it
        status = 1
    _leave_nothing_to_flush()
    sys.exit(status)


def _run() -> int:
    """Runs the command that the arguments name.

    Returns:
        The exit status.
    """
    try:
        app()
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            err.print("interrupted; what was finished is kept: a training goes on with --resume")
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except InputError as error:
        for fault in error.faults if _speaks() else ():
            err.print(str(fault), style="red")
        return 2
    except WorkError as error:
        err.print(str(error), style="red")
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        err.print(f"{place}{error.strerror or error}", style="red")
        return 2 if error.filename and error.errno in _PATHS else 1
    return 0


def _speaks() -> bool:
    """Whether this process is the one that tells errors; where that is not known, each one does."""
    try:
        return is_first()
    except InputError:
        return True


def _fill_closed_streams() -> None:
    """Lets no file that is opened take the number of a standard stream that was closed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _leave_nothing_to_flush() -> None:
    """Throws away what could not be printed, which Python would try again, and complain, at its end."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"kashif {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Train, score and run Arabic named-entity and relation extraction models."""
    if context.invoked_subcommand is not None:
        refuse_several(context.invoked_subcommand)


@app.command()
def init(
    folder: Annotated[str, typer.Argument(help="the folder to write; a new or an empty one", metavar="DIR")],
) -> None:
    """Write a recipe, a scheme and annotated articles to begin with, ready to train."""
    from kashif.training import starter

    lacking = starter.start(output_folder(folder))
    say(f"wrote {folder}: recipe.yaml, annotations/scheme.yaml, annotated articles in {starter.NEWS}/")
    if lacking:
        say(lacking)
    place = shlex.quote(folder)
    enter = "" if folder == "." else f"cd {'-- ' * folder.startswith('-')}{place} && "
    out.print(f"{enter}kashif train {starter.RECIPE}")


@app.command(cls=RecipeCommand)
def train(
    recipe: Annotated[
        str,
        typer.Argument(help="a recipe, such as train/quickstart.yaml; or a corpus, to train on by defaults"),
    ],
    output: Annotated[
        str | None, typer.Option(help="model folder; models/<recipe's stem or corpus's name> by default")
    ] = None,
    changes: Changes = None,
    resume: Resume = False,
    seeds: Annotated[
        str,
        typer.Option(help="such as 13,14,15: train with each of these, into folders of their own"),
    ] = "",
) -> None:
    """Train a model from a recipe, or several that differ in their seed."""
    from kashif.training import starter
    from kashif.training.recipe import Recipe

    if starter.is_corpus(recipe):
        given, name = Spec.parse(recipe).path, starter.name_of(recipe)
        settings = starter.recipe_of(recipe, changes=changes or ())
        folder = output_folder(f"models/{name}" if output is None else output)
        say(f"no recipe: {recipe} is trained on as by this one, which --set changes:")
        say(dump_yaml(settings.model_dump(mode="json", exclude_unset=True)).rstrip())
        for notice in starter.left_out(recipe):
            say(notice)
    else:
        given = Path(recipe)
        settings = Recipe.load(given, changes=changes or ())
        folder = output_folder(f"models/{given.stem}" if output is None else output)
    used = (*settings.train, *settings.development, *settings.calibration, *settings.held_out)
    loading.refuse_unknown((*used, *settings.auxiliary))
    quiet_libraries()
    from kashif.evaluation.development import SELECTED_BY, in_words
    from kashif.training import checkpoints
    from kashif.training.train import refuse_output
    from kashif.training.train import train as run

    runs = {folder: settings}
    if given_seeds := _seeds(seeds):
        name = folder.resolve().name
        runs = {
            folder.parent / f"{name}-{seed}": Recipe.check({**settings.model_dump(), "seed": seed}, "--seeds")
            for seed in given_seeds
        }
    for place, one in runs.items():  # all of them before the first one trains
        refuse_output(output_folder(place), one, beside=[given])
    found: list[dict[str, float]] = []
    for place, one in runs.items():
        if given_seeds:
            say(f"seed {one.seed}:")
        begun = not given_seeds or box.is_model(place) or checkpoints.has_run(checkpoints.folder_of(place))
        trained = run(one, place, resume=resume and begun, say=say, progress=sys.stderr.isatty())
        say(f"best development score {trained.scores[SELECTED_BY]:.3f}: {in_words(trained.scores)}")
        found.append(trained.scores)
    if len(found) > 1:
        spread = {name: [scores[name] for scores in found] for name in found[0]}
        mean = {name: fmean(values) for name, values in spread.items()}
        deviation = {name: stdev(values) for name, values in spread.items()}
        say(f"mean of {len(found)} seeds: {in_words(mean)}; standard deviation: {in_words(deviation)}")


def _seeds(text: str) -> list[int]:
    try:
        seeds = [int(seed) for seed in text.split(",")] if text else []
        if len(set(seeds)) < len(seeds):
            raise InputError(f"--seeds {text}: a seed stands twice")
        return seeds
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"--seeds {text}: write numbers with commas between them, such as 13,14,15"
        ) from error


@app.command(cls=RecipeCommand)
def pretrain(
    recipe: Annotated[Path, typer.Argument(help="a recipe with texts, such as train/newswire.yaml")],
    output: Annotated[
        str | None, typer.Option(help="encoder's folder; models/<recipe's stem> by default")
    ] = None,
    changes: Changes = None,
    resume: Resume = False,
) -> None:
    """Pretrain an encoder further on unannotated text, for recipes to name as theirs."""
    from kashif.training.recipe import PretrainingRecipe

    settings = PretrainingRecipe.load(recipe, changes=changes or ())
    folder = output_folder(f"models/{recipe.stem}" if output is None else output)
    quiet_libraries()
    from kashif.training.pretraining import pretrain as run

    run(settings, folder, resume=resume, say=say, progress=sys.stderr.isatty())


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="model folder, trained from a recipe")],
    int8: Annotated[bool, typer.Option("--int8", help="8-bit weights and activations")] = False,
    release: Annotated[
        str | None,
        typer.Option(help="instead: the folder for what is carried of the model, in half the bytes"),
    ] = None,
    reports: Annotated[
        list[Path] | None, typer.Option("--report", help="with --release: a report of `score`, for the card")
    ] = None,
) -> None:
    """Write a model's encoder as a graph that runs faster on a CPU, and tell what that loses and gains.

    Reads the corpora of the model's recipe: run it where the model was trained. That of news, the model that
    comes with Kashif, goes into the cache and needs no articles.
    """
    if reports and release is None:
        raise InputError(Fault("--report", "is for the card of a release; name its folder: --release DIR"))
    if release is not None and int8:
        raise InputError(
            Fault("--int8", "a release has weights of 16 bits; leave it out, or export the model")
        )
    if release is not None:
        _release(model, output_folder(release), reports or [])
        return
    folder = box.find(model)
    quiet_libraries()
    from kashif.cli import tables
    from kashif.modeling import runtime
    from kashif.training import exporting

    if line := other_version(folder):
        say(line)
    with err.status("exporting"):
        found = exporting.export(folder, int8=int8, say=say)
    out.print(tables.exported(found))
    chosen = runtime.choose(folder, "auto", device="cpu")
    say(f"wrote {runtime.graphs_of(folder) / runtime.REPORT}; --runtime auto takes {chosen}")


def _release(model: str, output: Path, reports: list[Path]) -> None:
    folder = box.find(model)
    quiet_libraries()
    from kashif.evaluation.development import in_words
    from kashif.training import releasing

    if line := other_version(folder):
        say(line)
    with err.status("releasing"):
        lost = releasing.release(folder, output, reports=reports, say=say)
    size = sum(file.stat().st_size for file in output.iterdir() if file.is_file()) / 1e6
    say(f"lost on the development articles: {in_words(lost)}")
    say(f"wrote {output}, {size:.1f} MB")


@app.command()
def encoder(
    name: Annotated[str, typer.Argument(help="e5-small-ar, a hub name or a folder")],
    output: Annotated[str, typer.Option(help="folder to write it to")],
) -> None:
    """Build the embedded encoder, or copy another, as a folder of its own."""
    folder = output_folder(output)
    box.refuse(folder)
    quiet_libraries()
    from kashif.corpora.provenance import untold
    from kashif.modeling import encoder as encoders
    from kashif.modeling.weights import refuse_foreign

    for line in untold(name):
        say(line)
    refuse_foreign(folder, model=False, inputs=[Path(name)] if os.path.lexists(name) else [])
    if name == encoders.EMBEDDED:
        encoders.build(folder)
    else:
        encoders.copy(name, folder)
    say(f"wrote {folder}")
