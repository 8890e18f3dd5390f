"""The documents of a run, kept beside its output as JSON lines until all are there.

What stood at the output is not touched before, and a run that was cut short can go on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import opened
from kashif.formats.inputs import Failure, Input, Text
from kashif.formats.writing import Output
from kashif.outputs import named_errors
from kashif.replacing import try_lock

_ENDING = ".unfinished"


class Results:
    """The documents of a run so far; made by ``open_results``."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._inputs = dict(_whole(file))
        self.count = self.kept = len(self._inputs)
        self._passed = 0
        self._left_out: set[str] = set()

    @property
    def written(self) -> int:
        """How many of the documents are of the texts that were given, and not refused."""
        return self.count - len(self._left_out)

    @property
    def unasked(self) -> int:
        """How many documents of the resumed run none of the inputs so far is the text of."""
        return self.kept - self._passed

    def left(self, inputs: Iterable[Input]) -> Iterator[Input]:
        """The inputs whose documents are not here; one whose text or meta has changed since is a failure."""
        for item in inputs:
            if not isinstance(item, Text) or item.id not in self._inputs:
                yield item
                continue
            before, now = self._inputs[item.id], _digests(item.text, item.meta)
            if before == now:
                self._passed += 1
                continue
            what = "meta" if before[0] == now[0] else "text"
            message = f"its {what} is not the one that the run began with; run without --resume"
            self.kept -= 1
            self._left_out.add(item.id)
            yield Failure(Fault(item.where, message, item.line), item.id)

    def add(self, document: Document) -> None:
        """Writes a document down.

        Raises:
            OSError: if there is no room for it; the documents before it stay.
        """
        self._file.write(document.to_json().encode() + b"\n")
        self._file.flush()
        self.count += 1

    def refused(self, output: Output, check: Callable[[Document], Document | Failure]) -> Iterator[Failure]:
        """The failures of all documents that ``check`` does not let pass; ``finish`` leaves them out.

        One that it let pass before may be refused: people have worked on its file since, or it was kept for
        another format.
        """
        if _is_as_kept(output):
            return
        for document in self._documents():
            result = check(document)
            if isinstance(result, Failure):
                self._left_out.add(document.id)
                yield result

    def finish(self, output: Output, *, tell: Callable[[str], None]) -> None:
        """Puts the documents into their place; ``tell`` takes what the format could not hold."""
        os.fsync(self._file.fileno())
        if _is_as_kept(output) and not self._left_out:
            place = Path(os.path.realpath(output.path))
            if place.exists():
                shutil.copymode(place, self.path)
            self.path.replace(place)
        else:
            output.write(self._documents(), tell=tell)
            self.path.unlink()

    def _documents(self) -> Iterator[Document]:
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            document = Document.from_json(line.decode(), str(self.path), number)
            if document.id not in self._left_out:
                yield document


@contextmanager
def open_results(output: Output, *, run: str, resume: bool) -> Iterator[Results]:
    """The results of a new run, or of one to go on with; they stay if the block fails and there are any.

    ``run`` stands for what the documents depend on, such as the model: only a run of the same is resumed.

    Raises:
        InputError: if there is nothing to resume, or another process writes to the same output.
    """
    path = _path(output, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    others = [file for file in _unfinished(output) if file != path]
    if resume and not path.exists() and (others or _exists(output)):
        raise InputError(Fault(str(output.path), _nothing(others)))
    with named_errors(path), path.open("a+b") as file:
        if not (
            try_lock(file.fileno())
            and path.exists()
            and os.path.samestat(os.fstat(file.fileno()), path.stat())
        ):
            message = "another process is writing to it; wait, or name another output"
            raise InputError(Fault(str(output.path), message))
        if not resume:
            file.truncate(0)
            for other in others:
                _remove(other)
        results = Results(path, file)
        try:
            yield results
        finally:
            if not results.count:
                path.unlink(missing_ok=True)


def _is_as_kept(output: Output) -> bool:
    """Whether the output is a file like the one in which the documents are kept."""
    return output.format == "jsonl" and not output.folder


def _nothing(others: list[Path]) -> str:
    if others:
        what = "is of another model, version, --threshold, --labels or --meta"
        return f"{others[0].name} {what}; give the same, or run without --resume, which removes it"
    ended = "its run has ended, and left out what failed: there is nothing to resume"
    return f"{ended}; run without --resume to predict anew"


def _path(output: Output, run: str) -> Path:
    digest = hashlib.sha256(run.encode()).hexdigest()[:12]
    return _folder(output) / f"{_stem(output)}.{digest}{_ENDING}"


def _unfinished(output: Output) -> list[Path]:
    """What runs to this output left unfinished."""
    begins = f"{_stem(output)}."
    folder = _folder(output)
    return [file for file in sorted(folder.iterdir()) if _is_ours(file.name, begins)]


def _is_ours(name: str, begins: str) -> bool:
    middle = name.removeprefix(begins).removesuffix(_ENDING)
    return name == f"{begins}{middle}{_ENDING}" and len(middle) == 12 and "." not in middle


def _folder(output: Output) -> Path:
    return output.path if output.folder else Path(os.path.realpath(output.path)).parent


def _stem(output: Output) -> str:
    return "documents" if output.folder else output.path.name


def _exists(output: Output) -> bool:
    return any(output.path.iterdir()) if output.folder else output.path.exists()


def _whole(file: BinaryIO) -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    """Ids and inputs' digests of the whole documents at the start of a file; what follows is cut off."""
    file.seek(0)
    end = 0
    for line in file:
        try:
            document = Document.from_json(line.decode()) if line.endswith(b"\n") else None
        except (InputError, UnicodeDecodeError):
            document = None
        if document is None:
            break
        end += len(line)
        yield document.id, _digests(document.text, document.meta)
    file.seek(end)
    file.truncate()


def _digests(text: str, meta: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Those of a text and of its meta, in which the order of keys says nothing."""
    try:
        row = json.dumps(meta, sort_keys=True)
    except RecursionError:  # no document has such a one
        row = ""
    return _digest(text), _digest(row)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _remove(path: Path) -> None:
    """Removes what an earlier run left, unless it is still running."""
    with opened(path) as file:
        if try_lock(file.fileno()):
            path.unlink(missing_ok=True)
