"""The command line. Exit status: 0 done, 1 the work failed, 2 the input or usage is wrong."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any

import typer

from kashif import __version__
from kashif.cli import corpus, scoring
from kashif.cli.console import Changes, Device, Resume, Runtime, err, out, say, watched
from kashif.document import part_meta
from kashif.errors import Fault, InputError, WorkError, nearest
from kashif.files import read_text, write_text
from kashif.libraries import quiet_libraries
from kashif.training.processes import is_first, refuse_several

app = typer.Typer(
    help="Train, score and run Arabic named-entity and relation extraction models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(corpus.app, name="corpus")
for command in (scoring.score, scoring.crossvalidate, scoring.compare, scoring.threshold):
    app.command()(command)


def main() -> None:
    """The entry point: a user's mistake gives a message and no traceback."""
    try:
        app()
    except InputError as error:
        for fault in error.faults if is_first() else ():
            err.print(str(fault), style="red", markup=False)
        sys.exit(2)
    except WorkError as error:
        err.print(str(error), style="red", markup=False)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        err.print(str(error), style="red", markup=False)
        sys.exit(2 if error.filename else 1)  # a path of the user's, or the machine


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
    if context.invoked_subcommand not in (None, "train"):
        refuse_several(context.invoked_subcommand)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="a recipe, such as train/quickstart.yaml")],
    output: Annotated[
        Path | None, typer.Option(help="model folder; models/<recipe's stem> by default")
    ] = None,
    changes: Changes = None,
    resume: Resume = False,
    seeds: Annotated[
        str,
        typer.Option(help="such as 13,14,15: train with each of these, into folders of their own"),
    ] = "",
) -> None:
    """Train a model from a recipe, or several that differ in their seed."""
    from kashif.training.recipe import Recipe

    settings = Recipe.load(recipe, changes=changes or ())
    folder = output or Path("models") / recipe.stem
    quiet_libraries()
    from kashif.evaluation.development import SELECTED_BY, in_words
    from kashif.training.train import train as run

    found: list[dict[str, float]] = []
    numbers: list[int | None] = [*_seeds(seeds)] or [None]
    for seed in numbers:
        one = settings if seed is None else settings.model_copy(update={"seed": seed})
        place = folder if seed is None else folder.with_name(f"{folder.name}-{seed}")
        if seed is not None:
            say(f"seed {seed}:")
        trained = run(one, place, resume=resume, say=say, progress=sys.stderr.isatty())
        say(f"best development score {trained.scores[SELECTED_BY]:.3f}: {in_words(trained.scores)}")
        found.append(trained.scores)
    if len(found) > 1:
        spread = {name: [scores[name] for scores in found] for name in found[0]}
        mean = {name: fmean(values) for name, values in spread.items()}
        deviation = {name: stdev(values) for name, values in spread.items()}
        say(f"mean of {len(found)} seeds: {in_words(mean)}; standard deviation: {in_words(deviation)}")


def _seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")] if text else []
    except ValueError as error:
        raise InputError(
            f"--seeds {text}: write numbers with commas between them, such as 13,14,15"
        ) from error


@app.command()
def pretrain(
    recipe: Annotated[Path, typer.Argument(help="a recipe with texts, such as train/newswire.yaml")],
    output: Annotated[
        Path | None, typer.Option(help="encoder's folder; models/<recipe's stem> by default")
    ] = None,
    changes: Changes = None,
    resume: Resume = False,
) -> None:
    """Pretrain an encoder further on unannotated text, for recipes to name as theirs."""
    from kashif.training.recipe import PretrainingRecipe

    settings = PretrainingRecipe.load(recipe, changes=changes or ())
    folder = output or Path("models") / recipe.stem
    quiet_libraries()
    from kashif.training.pretraining import pretrain as run

    run(settings, folder, resume=resume, say=say, progress=sys.stderr.isatty())


@app.command()
def predict(
    files: Annotated[
        list[Path] | None, typer.Argument(help="texts, JSON lines, folders of them; standard input if none")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="model folder")] = None,
    format: Annotated[str, typer.Option(help="jsonl, plain, brat, conll, html or table")] = "jsonl",
    output: Annotated[Path | None, typer.Option(help="file or folder; standard output if none")] = None,
    runtime: Runtime = "auto",
    device: Device = None,
) -> None:
    """Predict entities and relations.

    Standard input is one text, or JSON lines if it begins with an object.
    """
    from kashif import formats
    from kashif.cli import tables
    from kashif.corpora.texts import is_named

    kinds = {*formats.FORMATS, "html", "table"}
    if format not in kinds:
        raise InputError(f"no format '{format}'; {nearest(format, kinds)}")
    if output is not None and format == "table":
        raise InputError("a table is for the terminal; for a file choose another --format")
    waiting: deque[dict[str, Any]] = deque()  # the meta of texts that are being read, in order
    texts = _inputs(files or [], waiting)
    quiet_libraries()
    from kashif.modeling import predictor as predictors

    predictor = predictors.load(model, device=device, runtime=runtime)
    stream = (replace(found, meta=waiting.popleft()) for found in predictor.stream_documents(texts))
    documents = watched(stream, "articles read")
    losses: list[str] = []
    if format == "table":
        for document in documents:
            for table in tables.document(document):
                out.print(table)
    elif format == "html":
        from kashif.formats.html import page

        _write(page(list(documents)), output)
    elif output is not None and (output.is_dir() or not formats.FORMATS[format].many):
        losses = formats.save(list(documents), format, output, has_text=is_named)
    else:
        pieces: Iterator[tuple[str, list[str]]] = (formats.render(d, format) for d in documents)
        losses = _stream(pieces, output)
    for loss in losses:
        say(loss)
    if output is not None:
        say(f"wrote {output}")


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="model folder, trained from a recipe")],
    int8: Annotated[bool, typer.Option("--int8", help="8-bit weights and activations")] = False,
) -> None:
    """Write a model's encoder as a graph that runs faster on a CPU, and tell what that loses and gains.

    Reads the corpora of the model's recipe: run it where the model was trained.
    """
    quiet_libraries()
    from kashif.cli import tables
    from kashif.modeling import predictor, runtime
    from kashif.training import exporting

    folder = predictor.find(model)
    with err.status("exporting"):
        found = exporting.export(folder, int8=int8)
    out.print(tables.exported(found))
    chosen = runtime.choose(folder, "auto", device="cpu")
    say(f"wrote {folder / runtime.REPORT}; --runtime auto takes {chosen}")


@app.command()
def encoder(
    name: Annotated[str, typer.Argument(help="e5-small-ar, a hub name or a folder")],
    output: Annotated[Path, typer.Option(help="folder to write it to")],
) -> None:
    """Build the embedded encoder, or copy another, as a folder of its own."""
    quiet_libraries()
    from kashif.modeling import encoder as encoders

    if name == encoders.EMBEDDED:
        encoders.build(output)
    else:
        encoders.copy(name, output)
    say(f"wrote {output}")


def _inputs(paths: list[Path], waiting: deque[dict[str, Any]]) -> Iterable[tuple[str, str]]:
    """``(id, text)`` of every input, whose meta goes to ``waiting``.

    All faults of names are reported before anything is predicted.
    """
    if not paths:
        if sys.stdin.isatty():
            err.print("reading a text from standard input; end it with Ctrl-D", style="dim")
        return _standard_input(waiting)
    files: list[Path] = []
    faults = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.suffix in (".txt", ".jsonl"))
            if not inside:
                faults.append(Fault(str(path), "no .txt or .jsonl file in this folder"))
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            faults.append(Fault(str(path), "no such file or folder"))
    if faults:
        raise InputError(faults)

    def texts() -> Iterator[tuple[str, str]]:
        for file in files:
            if file.suffix == ".jsonl":
                with file.open("rb") as lines:
                    yield from _json_lines(lines, str(file), waiting=waiting)
            else:
                waiting.append({})
                yield file.stem, read_text(file)

    return texts()


def _standard_input(waiting: deque[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    stream = sys.stdin.buffer
    first = stream.readline()
    if first.lstrip().startswith(b"{"):
        yield from _json_lines(_with(first, stream), "standard input", waiting=waiting)
        return
    waiting.append({})
    try:
        yield "text", (first + stream.read()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(Fault("standard input", f"not UTF-8 at byte {error.start}")) from error


def _with(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _json_lines(
    lines: Iterable[bytes], where: str, *, waiting: deque[dict[str, Any]]
) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except ValueError as error:
            raise InputError(Fault(where, f"not JSON: {error}", number)) from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InputError(Fault(where, "expected an object with a string 'text'", number))
        waiting.append(part_meta(row)[1])
        yield str(row.get("id", f"text-{number}")), row["text"]


def _stream(pieces: Iterator[tuple[str, list[str]]], output: Path | None) -> list[str]:
    """Writes document after document as they come."""
    losses: list[str] = []
    if output is None:
        for content, lost in pieces:
            sys.stdout.buffer.write(content.encode("utf-8", "surrogatepass"))
            sys.stdout.buffer.flush()
            losses += lost
        return losses
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="") as file:
        for content, lost in pieces:
            file.write(content)
            losses += lost
    return losses


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(text.encode())
    else:
        write_text(output, text)
