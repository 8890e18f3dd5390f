"""A run of ``kashif predict``: documents of inputs, to a stream or an output, and what failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from kashif.cli.console import FirstLines, Marks, emit, out, say, watched
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.formats import FORMATS
from kashif.formats.inputs import Failure, Input, Text
from kashif.formats.results import Results, open_results
from kashif.formats.writing import Output, contents, render_one, rounded
from kashif.outputs import named_errors, write_whole

TABLE = "table"
LOG_KEYS = ("name", "where", "cause")
"""What stands in each line of a file of what failed."""


class Failures:
    """What failed: raised at once, or written down, or printed where there is no file for it."""

    def __init__(self, file: BinaryIO | None, *, stop: bool) -> None:
        self.stop = stop
        self.count = 0
        self._file = file

    def add(self, failure: Failure) -> None:
        """Writes one down.

        Raises:
            InputError: its own, if the first failure ends the run.
        """
        if self.stop:
            raise failure.error
        self.count += 1
        if self._file is None:
            say(str(failure.fault))
            return
        fault = failure.fault
        row = dict(zip(LOG_KEYS, (failure.id or fault.place, fault.place, fault.message), strict=True))
        line = json.dumps(row, ensure_ascii=False)
        self._file.write(line.encode("utf-8", "backslashreplace") + b"\n")  # a lone surrogate as JSON has it


class Run:
    """Documents of inputs, to a stream or to an output."""

    def __init__(
        self,
        texts: Iterable[Input],
        predict_each: Callable[[Iterable[Input]], Iterator[Document | Failure]],
        failures: Failures,
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
        if format != "jsonl":  # which rounds by itself
            documents = map(rounded, documents)
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
