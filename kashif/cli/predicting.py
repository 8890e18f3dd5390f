"""``kashif predict``: texts in, documents out, each on its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from kashif import box
from kashif import selection as selecting
from kashif.cli.console import Device, Runtime, err, say
from kashif.cli.prediction_run import LOG_KEYS, TABLE, Failures, Run
from kashif.corpora.notices import unread_texts
from kashif.corpora.provenance import other_version
from kashif.document import Document
from kashif.errors import Fault, InputError, nearest
from kashif.files import parse_json, read_lines
from kashif.formats import FORMATS, inputs
from kashif.formats.inputs import Failure, Input
from kashif.formats.writing import HTML, Output
from kashif.libraries import quiet_libraries
from kashif.outputs import Sources, is_stream, open_stream, output_file
from kashif.replacing import replaced_file

_LOG = "predict.errors"
"""The file of what failed, in a folder of documents."""
_DIGITS = 16
"""How much of a digest names a model."""
OnError = Annotated[
    str, typer.Option(help="stop at an input that fails, or skip it and go on", metavar="stop|skip")
]
Errors = Annotated[
    str | None, typer.Option(help="with skip: the file of what failed; by default beside the output")
]
Resume = Annotated[bool, typer.Option("--resume", help="go on with a run that was cut short")]


def predict(
    files: Annotated[
        list[str] | None, typer.Argument(help="texts, JSON lines, folders of them; standard input if none")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="model folder; $KASHIF_MODEL by default, else news, which comes with Kashif"),
    ] = None,
    format: Annotated[
        str, typer.Option(help="jsonl, plain, brat, conll, html, table, or another tool's: docs/formats.md")
    ] = "jsonl",
    output: Annotated[
        str | None,
        typer.Option(
            help="a folder if it ends in /, exists as one, or the format needs one; a file otherwise;"
            " standard output if none",
            metavar="PATH",
        ),
    ] = None,
    on_error: OnError = "stop",
    errors: Errors = None,
    resume: Resume = False,
    threshold: Annotated[
        float | None,
        typer.Option(help="show only what is at least so probable; never more than the model predicts"),
    ] = None,
    labels: Annotated[
        str, typer.Option(help="show only entities and relations of these labels", metavar="A,B")
    ] = "",
    meta: Annotated[
        bool, typer.Option("--meta", help="with jsonl: put the model's name and digest into each meta")
    ] = False,
    runtime: Runtime = "auto",
    device: Device = None,
) -> None:
    """Predict entities and relations.

    Standard input is one text, or JSON lines if it begins with an object.
    """
    if on_error not in ("stop", "skip"):
        raise InputError(f"--on-error {on_error}: write stop or skip")
    if meta and format != "jsonl":
        raise InputError("--meta goes with --format jsonl; other formats hold no meta")
    selecting.check_threshold(threshold)
    skip = on_error == "skip"
    found = inputs.find(files) if files else None
    read = Sources([*(file for file in found or () if isinstance(file, Path)), *box.files(box.meant(model))])
    place = _place(output, format, resume=resume, read=read)
    log = _log(errors, place, skip=skip)
    read.refuse(*([place.path] if place and not place.folder else []), *([log] if log else []))
    if log and not is_stream(log) and log.is_file() and not _is_log(log):
        raise InputError(Fault(str(log), "this is no file of what failed, and would be lost; name another"))
    refusal = place.refusal if place else _no_refusal
    if log and place and place.folder and log.name != _LOG and log.resolve().parent == place.path.resolve():
        raise InputError(Fault(str(log), f"documents may have this name; write {_LOG}, or another folder"))
    if found is None and sys.stdin is not None and sys.stdin.isatty():
        err.print("reading a text from standard input; end it with Ctrl-D", style="dim")
    if found is not None and not skip:
        inputs.check(found, refusal=refusal)
    known = [*(file for file in found or () if isinstance(file, Path)), *([place.path] if place else [])]
    for notice in unread_texts(files or (), known):
        say(notice)
    folder = box.find(model)
    quiet_libraries()
    from kashif.modeling import bulk

    if model is None:
        say(f"model: {os.environ.get('KASHIF_MODEL') or box.NAME}")
    if line := other_version(folder):
        say(line)
    named = bool(meta or place)
    predictor, weights, digest = bulk.load(folder, digests=named, device=device, runtime=runtime)
    stamp = _Stamp.of(folder, weights) if meta else None
    selection = selecting.Selection.parse(threshold, labels, predictor.scheme)
    texts = inputs.read(found, refusal=refusal)
    if stamp:  # before the work: a resumed run looks whether an input's meta is as it was
        texts = map(stamp.on, texts)

    def predict_each(texts: Iterable[Input]) -> Iterator[Document | Failure]:
        for result in bulk.predict_each(predictor, texts):
            yield selection.of(result) if isinstance(result, Document) else result

    colours = predictor.scheme.labels
    with ExitStack() as stack:
        failures = Failures(stack.enter_context(replaced_file(log)) if log else None, stop=not skip)
        run = Run(texts, predict_each, failures)
        if place is None or is_stream(place.path):
            file = stack.enter_context(open_stream(place.path, buffering=0)) if place else None
            run.stream(format, labels=colours, file=file, name=output or "")
        else:
            if stamp or not selection.keeps_all:  # other documents, so another run
                digest += f" {selection} {stamp}"
            run.write(replace(place, labels=colours, predicted=True), digest=digest, resume=resume)
    if log and not failures.count and not is_stream(log):
        log.unlink()
    run.tell(log)
    if failures.count:
        raise typer.Exit(1)


@dataclass
class _Stamp:
    """The model's name and digest, for the meta of its documents."""

    name: str
    digest: str
    _told: bool = field(default=False, repr=False)

    @classmethod
    def of(cls, folder: Path, weights: str) -> _Stamp:
        """The stamp of a model's folder: the start of its weights' SHA-256."""
        return cls(folder.resolve().name, weights[:_DIGITS])

    def on(self, item: Input) -> Input:
        """A text with the stamp; one that came with a model of its own in its meta keeps that."""
        if isinstance(item, Failure):
            return item
        if "model" not in item.meta:
            return replace(item, meta={**item.meta, "model": {"name": self.name, "digest": self.digest}})
        if not self._told:
            self._told = True
            say(f"{item.id}: its meta has a 'model', which is kept, here and in any other text")
        return item


def _place(output: str | None, format: str, *, resume: bool, read: Sources) -> Output | None:
    """Where the documents go; None for standard output."""
    from kashif.corpora.texts import is_named

    kinds = {*FORMATS, HTML, TABLE}
    if format not in kinds:
        raise InputError(f"no format '{format}'; {nearest(format, kinds)}")
    if output is not None and format == TABLE:
        raise InputError("a table is for the terminal; for a file choose another --format")
    if format in FORMATS and FORMATS[format].pack and (output is None or is_stream(Path(output))):
        raise InputError(f"{format} is no text that can be printed; name a place with --output")
    if resume and (output is None or is_stream(Path(output))):
        raise InputError("--resume goes on with a file or folder; name it with --output")
    if output is None and sys.stdout is None:
        raise typer.Exit(1)  # nobody is there to read
    return None if output is None else Output.at(output, format, has_text=is_named, sources=read)


def _log(errors: str | None, place: Output | None, *, skip: bool) -> Path | None:
    """The file of what failed; none where failures are only printed."""
    if not skip:
        if errors is not None:
            raise InputError("--errors goes with --on-error skip")
        return None
    if errors is None:
        if place is None or is_stream(place.path):
            return None
        errors = str(place.path / _LOG if place.folder else f"{place.path}.errors")
    return output_file(errors, _LOG)


def _is_log(path: Path) -> bool:
    """Whether a file is a log of an earlier run, or empty."""
    try:
        rows = (parse_json(line, str(path)) for _, line in read_lines(path))
        return all(isinstance(row, dict) and tuple(row) == LOG_KEYS for row in rows)
    except InputError:
        return False


def _no_refusal(id: str) -> str:
    """No reason against any id: on standard output none is a file's name."""
    return ""
