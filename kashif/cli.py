"""The command line. Exit status: 0 done, 1 the work failed, 2 the input or usage is wrong."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import track

from kashif.errors import Fault, InputError

app = typer.Typer(
    help="Train, score and run Arabic named-entity and relation extraction models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
corpus_app = typer.Typer(help="Check, count, compare and convert annotated corpora.", no_args_is_help=True)
app.add_typer(corpus_app, name="corpus")
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Item = TypeVar("Item")
Corpora = Annotated[list[str], typer.Argument(help="[FORMAT:]PATH[#SPLIT][@MAPPING]", metavar="CORPUS…")]


def main() -> None:
    """The entry point: a user's mistake gives a message and no traceback."""
    try:
        app()
    except InputError as error:
        for fault in error.faults:
            err.print(str(fault), style="red", markup=False)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        err.print(str(error), style="red", markup=False)
        sys.exit(2 if error.filename else 1)  # a path of the user's, or the machine


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="a recipe, such as train/quickstart.yaml")],
    output: Annotated[
        Path | None, typer.Option(help="model folder; models/<recipe's stem> by default")
    ] = None,
    set: Annotated[list[str] | None, typer.Option(help="KEY=VALUE, changes a setting of the recipe")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from the last finished epoch")] = False,
) -> None:
    """Train a model from a recipe."""
    from kashif.recipe import Recipe

    settings = Recipe.load(recipe, tuple(set or ()))
    base = recipe.resolve().parent.parent
    folder = output or Path("models") / recipe.stem
    _quiet_libraries()
    from kashif import training

    found = training.train(settings, folder, base, resume, say=_say, quiet=not sys.stderr.isatty())
    _say(
        f"best development score {found['score']:.3f}: entity F1 {found['entity_f1']:.3f}, "
        f"relation F1 {found['relation_f1']:.3f}\nwrote {folder}"
    )


@app.command()
def score(
    system: Annotated[Path, typer.Argument(help="a model folder, or predictions as JSON lines")],
    targets: Annotated[
        list[str], typer.Argument(help="corpora, or suites (.yaml)", metavar="CORPUS|SUITE.yaml…")
    ],
    json_file: Annotated[Path | None, typer.Option("--json", help="also write the report here")] = None,
    seed: Annotated[int, typer.Option(help="seed of the bootstrap")] = 0,
) -> None:
    """Score a model, or another system's predictions, on held-out articles."""
    _quiet_libraries()
    from kashif import suite, tables

    scored = suite.run(system, targets, seed, watch=_watched)
    for report in scored.reports:
        for table in tables.report(report):
            out.print(table)
    for notice in scored.notices:
        _say(notice)
    stamp = {"date": f"{date.today():%Y-%m-%d}", "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    row = {**stamp, "system": system.resolve().name.removesuffix(".jsonl"), "seed": seed, **scored.row()}
    text = json.dumps(row, ensure_ascii=False, indent=2) + "\n"
    for path in [json_file] if json_file else []:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        _say(f"wrote {path}")
    for target in targets:
        if target.endswith((".yaml", ".yml")):
            name = f"{Path(target).stem}-{system.resolve().name.removesuffix('.jsonl')}.json"
            path = Path(target).parent / "reports" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            _say(f"wrote {path}")


@app.command()
def predict(
    files: Annotated[
        list[Path] | None, typer.Argument(help="texts, JSON lines, folders of them; standard input if none")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="model folder")] = None,
    format: Annotated[str, typer.Option(help="jsonl, plain, brat, conll, html or table")] = "jsonl",
    output: Annotated[Path | None, typer.Option(help="file or folder; standard output if none")] = None,
) -> None:
    """Tag entities and relations. Standard input is one text, or JSON lines if it begins with an object."""
    from kashif import formats, tables
    from kashif.errors import nearest

    kinds = {*formats.FORMATS, "html", "table"}
    if format not in kinds:
        raise InputError(f"no format '{format}'; {nearest(format, kinds)}")
    if output is not None and format == "table":
        raise InputError("a table is for the terminal; for a file choose another --format")
    texts = _inputs(files or [])
    _quiet_libraries()
    from kashif import predicting

    documents = _watched(predicting.load(model).stream_documents(texts), "articles read")
    losses: list[str] = []
    if format == "table":
        for document in documents:
            for table in tables.document(document):
                out.print(table)
    elif format == "html":
        from kashif.html import page

        _write(page(list(documents)), output)
    elif output is not None and (output.is_dir() or not formats.FORMATS[format].many):
        losses = formats.save(list(documents), format, output)
    else:
        pieces: Iterator[tuple[str, list[str]]] = (formats.render(d, format) for d in documents)
        losses = _stream(pieces, output)
    for loss in losses:
        _say(loss)
    if output is not None:
        _say(f"wrote {output}")


@app.command()
def encoder(
    name: Annotated[str, typer.Argument(help="e5-small-ar, a hub name or a folder")],
    output: Annotated[Path, typer.Option(help="folder to write it to")],
) -> None:
    """Build the embedded encoder, or copy another, as a folder of its own."""
    _quiet_libraries()
    from kashif import encoder as encoders

    if name == encoders.EMBEDDED:
        encoders.build(output)
    else:
        encoders.copy(name, output)
    _say(f"wrote {output}")


@corpus_app.command()
def check(
    corpora: Corpora,
    accept: Annotated[bool, typer.Option("--accept", help="note the warnings as read and right")] = False,
) -> None:
    """Find every fault of a corpus in one run, each with file and line; warn of what is worth a look."""
    from kashif import review
    from kashif.checks import check as run
    from kashif.corpus import Spec, statistics
    from kashif.scheme import Scheme

    readings, faults, notices = run([Spec.parse(text) for text in corpora], Scheme.load())
    for fault in faults:
        out.print(str(fault), style="red", markup=False)
    for notice in notices:
        _say(notice)
    totals = statistics([reading.document for reading in readings])["totals"]
    counted = ", ".join(
        f"{totals[name]:,} {name}" for name in ("documents", "words", "entities", "relations")
    )
    out.print(f"read {counted}")
    if faults:
        files = len({fault.where for fault in faults})
        out.print(f"{len(faults)} faults in {files} files; mend them and check again", style="red")
        raise typer.Exit(2)
    if not readings:
        return
    warnings = review.warnings(readings)
    if accept:
        out.print(f"accepted {review.accept(warnings)} warnings in {review.ACCEPTED}")
        warnings = []
    for warning in warnings:
        out.print(str(warning.fault), style="yellow", markup=False)
    if warnings:
        out.print(f"{len(warnings)} warnings; mend the marks, or accept what is right with --accept")
    out.print("✓ digests, offsets and marks fit their texts", style="green")
    out.print("✓ spans begin and end at words, nest or stand apart; labels are the scheme's", style="green")
    out.print("✓ relations fit their signatures, stand once, within two adjoining sentences", style="green")


@corpus_app.command()
def stats(corpora: Corpora) -> None:
    """Count a corpus: articles, words, entities and relations by label."""
    from kashif import tables
    from kashif.corpus import load_all, statistics

    documents, notices = load_all(corpora)
    for table in tables.statistics(statistics(documents)):
        out.print(table)
    for notice in notices:
        _say(notice)


@corpus_app.command()
def agree(
    first: Annotated[str, typer.Argument(help="one annotator's corpus")],
    second: Annotated[str, typer.Argument(help="the other's; articles are matched by id")],
    differences: Annotated[bool, typer.Option("--differences", help="list every difference by line")] = False,
) -> None:
    """Measure how far two annotators of the same articles agree."""
    from kashif import tables
    from kashif.agreement import agreement
    from kashif.corpus import load
    from kashif.scheme import Scheme

    sides = [load(text) for text in (first, second)]
    found = agreement(sides[0].documents, sides[1].documents, Scheme.load())
    for table in tables.agreement(found):
        out.print(table)
    if differences:
        for line in found.differences:
            out.print(line, markup=False)
    for side in sides:
        for notice in side.notices:
            _say(notice)


@corpus_app.command()
def convert(
    corpora: Corpora,
    format: Annotated[str, typer.Option(help="plain, brat, jsonl or conll")],
    output: Annotated[Path, typer.Option(help="folder, or a file where the format holds many documents")],
) -> None:
    """Write a corpus in another format, and say what that format cannot hold."""
    from kashif import formats
    from kashif.corpus import load_all

    documents, notices = load_all(corpora)
    losses = formats.save(documents, format, output)
    for line in (*notices, *losses):
        _say(line)
    _say(f"wrote {len(documents)} articles to {output}")


def _say(text: str) -> None:
    err.print(text, markup=False)


def _quiet_libraries() -> None:
    """No load reports, and no progress bars where the output is not a terminal."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    if not sys.stderr.isatty():
        logging.disable_progress_bar()


def _watched(items: Iterable[Item], what: str) -> Iterator[Item]:
    """The items, counted on the terminal as they come; in silence where there is no terminal."""
    yield from track(items, what, console=err, transient=True, disable=not err.is_terminal)


def _inputs(paths: list[Path]) -> Iterable[tuple[str, str]]:
    """``(id, text)`` of every input; all faults of names are told before anything is predicted."""
    from kashif.formats import read_text

    if not paths:
        if sys.stdin.isatty():
            err.print("reading a text from standard input; end it with Ctrl-D", style="dim")
        return _standard_input()
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
                    yield from _json_lines(lines, str(file))
            else:
                yield file.stem, read_text(file)

    return texts()


def _standard_input() -> Iterator[tuple[str, str]]:
    stream = sys.stdin.buffer
    first = stream.readline()
    if first.lstrip().startswith(b"{"):
        yield from _json_lines(_with(first, stream), "standard input")
        return
    try:
        yield "text", (first + stream.read()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(Fault("standard input", f"not UTF-8 at byte {error.start}")) from error


def _with(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _json_lines(lines: Iterable[bytes], where: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except ValueError as error:
            raise InputError(Fault(where, f"not JSON: {error}", number)) from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InputError(Fault(where, "expected an object with a string 'text'", number))
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
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", newline="")
