"""``kashif predict``: texts in, documents out, each on its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from kashif import box
from kashif import selection as selecting
from kashif.cli.console import Device, FirstLines, Marks, Runtime, emit, err, out, say, watched
from kashif.corpora.notices import unread_texts
from kashif.corpora.provenance import other_version
from kashif.document import Document
from kashif.errors import Fault, InputError, nearest
from kashif.files import parse_json, read_lines
from kashif.formats import FORMATS, inputs
from kashif.formats.inputs import Failure, Input, Text
from kashif.formats.results import Results, open_results
from kashif.formats.writing import HTML, Output, contents, render_one
from kashif.libraries import quiet_libraries
from kashif.outputs import Sources, is_stream, named_errors, open_stream, output_file, write_whole
from kashif.replacing import replaced_file

TABLE = "table"
_LOG = "predict.errors"
"""The file of what failed, in a folder of documents."""
_LOG_KEYS = ("name", "where", "cause")
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
        failures = _Failures(stack.enter_context(replaced_file(log)) if log else None, stop=not skip)
        run = _Run(texts, predict_each, failures)
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
        return all(isinstance(row, dict) and tuple(row) == _LOG_KEYS for row in rows)
    except InputError:
        return False


def _no_refusal(id: str) -> str:
    """No reason against any id: on standard output none is a file's name."""
    return ""


class _Failures:
    """What failed: raised at once, or written down, or printed where there is no file for it."""

    def __init__(self, file: BinaryIO | None, *, stop: bool) -> None:
        self.stop = stop
        self.count = 0
        self._file = file

    def add(self, failure: Failure) -> None:
        if self.stop:
            raise failure.error
        self.count += 1
        if self._file is None:
            say(str(failure.fault))
            return
        fault = failure.fault
        row = dict(zip(_LOG_KEYS, (failure.id or fault.place, fault.place, fault.message), strict=True))
        line = json.dumps(row, ensure_ascii=False)
        self._file.write(line.encode("utf-8", "backslashreplace") + b"\n")  # a lone surrogate as JSON has it


class _Run:
    """Documents of inputs, to a stream or to an output."""

    def __init__(
        self,
        texts: Iterable[Input],
        predict_each: Callable[[Iterable[Input]], Iterator[Document | Failure]],
        failures: _Failures,
    ) -> None:
        self._texts = self._noted(texts)
        self._predict_each = predict_each
        self._failures = failures
        self._marks, self._losses = Marks(), FirstLines()
        self._notes: list[str] = []
        self._count = 0

    def stream(self, format: str, *, labels: Sequence[str], file: BinaryIO | None, name: str) -> None:
        """Prints documents as they come; ``file`` is a pipe or device of this name, None standard output."""

        def check(document: Document) -> None:
            if self._count and format in FORMATS and not FORMATS[format].many:
                message = f"one file of {format} holds one document; name a folder with --output, or"
                raise InputError(Fault(f"document {document.id!r:.80}", f"{message} take --format jsonl"))
            render_one(document, "jsonl" if format == TABLE else format)

        documents = self._documents(self._texts, check)
        if format == TABLE:
            from kashif.cli import tables

            for document in documents:
                for table in tables.document(document):
                    out.print(table)
            return
        for content in contents(documents, format, labels=labels, predicted=True, tell=self._losses.add):
            if file is None:
                emit(content)
                continue
            with named_errors(name):
                write_whole(file, content.encode())
        if not self._count:
            self._notes.append("no document to write")

    def write(self, place: Output, *, digest: str, resume: bool) -> None:
        """Writes documents beside the output, and puts them in place when all are there."""
        with open_results(place, run=digest, resume=resume) as results:
            try:
                for document in self._documents(results.left(self._texts), place.check):
                    results.add(document)
                refused = list(results.refused(place, lambda document: _checked(document, place.check)))
                if refused and self._failures.stop:
                    raise InputError([failure.fault for failure in refused])
                for failure in refused:
                    self._failures.add(failure)
                self._count = results.written
                if results.written:
                    results.finish(place, tell=self._losses.add)
            except BaseException:
                if results.count:
                    say(f"{results.count:,} documents are kept in {results.path}; go on with --resume")
                raise
        self._notes += _notes(results, place)

    def tell(self, log: Path | None) -> None:
        """Says what became of the inputs."""
        self._marks.say()
        self._losses.say()
        for note in self._notes:
            say(note)
        if failed := self._failures.count:
            where = f"; see {log}" if log else ""
            say(f"{failed:,} of {self._count + failed:,} inputs failed{where}")

    def _noted(self, texts: Iterable[Input]) -> Iterator[Input]:
        """The inputs, those that held marks written down; the first failure ends them if it ends the run."""
        for item in texts:
            if isinstance(item, Text):
                self._marks.add(item)
            yield item
            if isinstance(item, Failure) and self._failures.stop:
                return

    def _documents(self, texts: Iterable[Input], check: Callable[[Document], None]) -> Iterator[Document]:
        """The documents that ``check`` lets pass; failures are added to the others."""
        for item in watched(self._predict_each(texts), "articles read"):
            result = item if isinstance(item, Failure) else _checked(item, check)
            if isinstance(result, Failure):
                self._failures.add(result)
            else:
                self._count += 1
                yield result


def _checked(document: Document, check: Callable[[Document], None]) -> Document | Failure:
    try:
        document.to_json()
        check(document)
    except InputError as error:
        fault = Fault(error.faults[0].where, "; ".join(fault.message for fault in error.faults))
        return Failure(fault, document.id, error)
    except RecursionError:
        return Failure(Fault(f"document {document.id!r:.80}", "its meta is nested too deep"), document.id)
    return document


def _notes(results: Results, place: Output) -> Iterator[str]:
    if results.kept:
        yield f"{results.kept:,} documents were there already"
    if results.unasked:
        yield f"{results.unasked:,} of them are of no input of this run; they are kept"
    if results.written:
        yield f"wrote {place.path}"
    else:
        yield f"no document to write; {place.path} is left as it was"
