"""Documents are written: into a folder, a file for each, or into one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import regex

from kashif.arabic import words
from kashif.document import Document, Entity, Relation
from kashif.errors import Fault, InputError, listed
from kashif.files import read_bytes, read_text, write_text
from kashif.folding import letters
from kashif.formats import FORMATS, Reading, brat, conll, dataset, html, read, render, usable, webanno
from kashif.outputs import IS_INPUT, TABLES, Sources, is_folder, is_stream, named_errors
from kashif.replacing import replaced_file

HTML = "html"
_NOT_READ = {HTML: html.HEAD, "csv": FORMATS["csv"].frame[0]}
"""How files of formats begin that are written from articles, and hold none."""
Mark = tuple[object, ...]
"""An entity as label, start, end and normal form, or a relation as label, head and tail."""
_SPACED_ANEW = ("conll", "gliner", "webanno")
"""Formats that do not hold the white space of a text, or not in files of the tool itself."""
_NOTHING = Sources()
_FILE_NAME = regex.compile(r"[^./\p{Cc}\p{Cs}][^/\p{Cc}\p{Cs}]*")
_LONGEST_NAME = 240
"""Bytes; a file that is being written stands beside its place under a longer name."""


def _nowhere(path: Path, document: Document) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Output:
    """Where documents are written and in which format.

    ``labels`` are those that a page of HTML has colours for. ``predicted`` says that the documents are
    a model's. ``has_text(path, document)`` says whether the
    text that a standoff file points into is elsewhere; if not, it is written beside the file. ``sources`` are
    what the documents were read from, which is never written over.
    """

    path: Path
    format: str
    folder: bool
    labels: tuple[str, ...] = ()
    has_text: Callable[[Path, Document], bool] = _nowhere
    sources: Sources = _NOTHING
    predicted: bool = False

    @classmethod
    def at(
        cls,
        output: str | Path,
        format: str,
        *,
        labels: Iterable[str] = (),
        has_text: Callable[[Path, Document], bool] = _nowhere,
        sources: Sources = _NOTHING,
    ) -> Output:
        """The output that a path means: a format that holds one document a file needs a folder.

        Raises:
            InputError: if nothing can be written there, the documents were read there, or a dataset would
                replace a folder of anything else.
        """
        entry = None if format == HTML else usable(format)
        folder = is_folder(output, needed=entry is not None and (entry.tree or not entry.many))
        whole = entry is not None and entry.tree  # the folder is what is written, not where
        place = cls(Path(output), format, folder and not whole, tuple(labels), has_text, sources)
        if not place.folder:
            sources.refuse(place.path)
        if whole:
            dataset.refuse_foreign(place.path)
        return place

    def file(self, id: str) -> Path:
        """The file that holds the document of this id."""
        ending = ".html" if self.format == HTML else FORMATS[self.format].ending
        return self.path / f"{id}{ending}" if self.folder else self.path

    def refusal(self, id: str) -> str:
        """Why no document of this id can be written; empty if one can."""
        if not self.folder:
            return ""
        if not _FILE_NAME.fullmatch(id) or len(self.file(id).name.encode()) > _LONGEST_NAME:
            return (
                f"the id {id!r:.80} is no file name; rename the document, or write one file (--format jsonl)"
            )
        file = self.file(id)
        if file.name.lower() in TABLES:
            return f"{file.name} is a table of Kashif's own; rename the document, or write another format"
        return f"{file} {IS_INPUT} folder" if self.sources.hold(file) else ""

    def check(self, document: Document) -> None:
        """Makes sure that a document can be written.

        Raises:
            InputError: for its id, listing what its format cannot hold, or files that hold another article.
        """
        if refusal := self.refusal(document.id):
            raise InputError(Fault(f"document {document.id!r:.80}", refusal))
        render_one(document, self.format)
        if self.folder and (cause := self._loss(self.file(document.id), document)):
            message = f"{cause}; name another folder, or move the file away"
            raise InputError(Fault(f"document '{document.id}'", message))

    def _loss(self, file: Path, document: Document) -> str:
        """What would be lost if a document were written to a file; empty if nothing."""
        if self.format == "plain" and brat.annotations_path(file):
            return f"{file} is the text of the .ann beside it"
        standoff, elsewhere = self.format == "brat", False
        if standoff and (text := brat.text_path(file)).exists():
            if read_text(text) != document.text:
                return f"{text} holds another text"
        elif standoff:
            elsewhere = file.exists() and self.has_text(file, document)
        if not file.exists() or is_stream(file):
            return ""
        if head := _NOT_READ.get(self.format, ""):
            ours = read_bytes(file).startswith(head.encode())
            return "" if ours else f"{file} was not written by Kashif, and would be lost"
        if self._content(document) == read_bytes(file):
            return ""
        found: list[Reading] = []
        for options in dict.fromkeys(((), FORMATS[self.format].whole)):
            with suppress(InputError):  # a tool's own file may lack what ours has
                found = read(file, self.format, text=document.text if elsewhere else None, options=options)
        if [letters(reading.document.text) for reading in found] != [letters(document.text)]:
            return f"{file} holds another article, which would be lost"
        [there] = [reading.document for reading in found]
        if self.format not in _SPACED_ANEW and there.text != document.text:
            return f"{file} holds the article with other white space, which would be lost"
        told = (notice for notice in found[0].notices if not notice.endswith(webanno.GAPS))
        if passed := [*told, *found[0].omitted]:
            return f"{file} holds what is not read ({passed[0]}), which would be lost"
        return self._loss_of_work(file, there, document)

    def _content(self, document: Document) -> bytes:
        """What a file of one document holds; scores are rounded on their way."""
        kept = rounded(document)
        if (pack := FORMATS[self.format].pack) is None:
            pieces = contents([kept], self.format, predicted=self.predicted, tell=_unsaid)
            return "".join(pieces).encode()
        with TemporaryDirectory() as folder:
            path = Path(folder) / "document"
            pack([kept], path)
            return read_bytes(path)

    def _loss_of_work(self, file: Path, there: Document, document: Document) -> str:
        """What people did in a file that the document does not have; empty if nothing.

        A mark that is not there may be one that they took away.
        """
        hand = _by_hand(there)
        other = [key for key, value in there.meta.items() if document.meta.get(key) != value]
        if other and (hand or not self.predicted):
            return f"{file} holds other meta ({listed(other)}), which would be lost"
        if not hand:
            return ""
        if lost := len(hand - _all_marks(document)):
            return f"{file} holds {lost:,} marks of people's, which would be lost"
        kept, new = ({mark[:3] for mark in _all_marks(each)} for each in (there, document))
        if back := len(new - kept):
            return f"{file} lacks {back:,} marks, which people may have taken away"
        return (
            f"{file} holds marks of people's, and a model's would take their place" if self.predicted else ""
        )

    def write(self, documents: Iterable[Document], *, tell: Callable[[str], None]) -> None:
        """Writes documents, and tells in words what the format could not hold."""
        if not self.folder:
            self._write_file(self.path, documents, tell)
            return
        for document in documents:
            if self.format == "conll" and not words(document.text):
                tell(f"{document.id}: {conll.WORDLESS}")
                continue
            file = self.file(document.id)
            text = brat.text_path(file)
            if self.format == "brat" and not text.exists() and not self.has_text(file, document):
                write_text(text, document.text)
            self._write_file(file, [document], tell)

    def _write_file(self, path: Path, documents: Iterable[Document], tell: Callable[[str], None]) -> None:
        entry = FORMATS.get(self.format)
        if entry is not None and entry.pack is not None:
            with named_errors(path):
                entry.pack((document for document, _ in _rendered(documents, self.format, tell)), path)
            return
        with named_errors(path), replaced_file(path) as file:
            pieces = contents(documents, self.format, labels=self.labels, predicted=self.predicted, tell=tell)
            for content in pieces:
                file.write(content.encode())


def render_one(document: Document, format: str) -> str:
    """A document in a format that is not HTML's; nothing for HTML, which holds every document.

    Raises:
        InputError: if the format cannot hold the document.
    """
    return "" if format == HTML else render(document, format)[0]


def rounded(document: Document) -> Document:
    """A document as JSON lines give it back, its scores with four decimals."""
    return Document.from_json(document.to_json())


def contents(
    documents: Iterable[Document],
    format: str,
    *,
    labels: Iterable[str] = (),
    predicted: bool = False,
    tell: Callable[[str], None],
) -> Iterator[str]:
    """The content of one file of documents, piece by piece; ``tell`` takes what the format could not hold."""
    if format == HTML:
        yield from html.page(documents, labels=labels)
        return
    before, between, behind = FORMATS[format].frame
    yield before
    for index, (_, content) in enumerate(_rendered(documents, format, tell, predicted=predicted)):
        yield between + content if index else content
    yield behind


def _rendered(
    documents: Iterable[Document], format: str, tell: Callable[[str], None], *, predicted: bool = False
) -> Iterator[tuple[Document, str]]:
    for document in documents:
        content, losses = render(document, format, predicted=predicted)
        for loss in losses:
            tell(loss)
        yield document, content


def _are_predicted(documents: Iterable[Document]) -> bool:
    """Whether a model made the documents: something is marked, and every entity has a score."""
    scores = [entity.score for document in documents for entity in document.entities]
    return bool(scores) and None not in scores


def _by_hand(document: Document) -> set[Mark]:
    """The marks of a document that have no score, which a model gives."""
    entities, relations = _marks(document)
    found = {mark for entity, mark in entities if entity.score is None}
    return found | {mark for link, mark in relations if link.score is None}


def _all_marks(document: Document) -> set[Mark]:
    """The marks of a document, each also without its normal form."""
    entities, relations = _marks(document)
    found = {mark for _, mark in entities} | {(*mark[:3], None) for _, mark in entities}
    return found | {mark for _, mark in relations}


def _marks(document: Document) -> tuple[list[tuple[Entity, Mark]], list[tuple[Relation, Mark]]]:
    """What each entity and relation says; places are counted in letters, which all formats hold."""
    before = [0, *accumulate(bool(letters(char)) for char in document.text)]
    places = {e.id: (e.label, before[e.start], before[e.end]) for e in document.entities}
    entities: list[tuple[Entity, Mark]] = [(e, (*places[e.id], e.normal)) for e in document.entities]
    return entities, [(r, (r.label, places[r.head], places[r.tail])) for r in document.relations]


def _unsaid(line: str) -> None:
    """Takes what is told at another time."""


def save(
    documents: Sequence[Document],
    format: str,
    output: str | Path,
    *,
    has_text: Callable[[Path, Document], bool] = _nowhere,
    sources: Sources = _NOTHING,
) -> list[str]:
    """Writes documents, read from ``sources``; nothing is written unless all of them can be.

    Returns:
        What the format could not hold, in words.

    Raises:
        InputError: listing every document that cannot be written.
    """
    if not documents or (format == "conll" and not any(words(document.text) for document in documents)):
        raise InputError(f"no document to write; {output} is left as it is")
    place = Output.at(output, format, has_text=has_text, sources=sources)
    place = replace(place, predicted=_are_predicted(documents))
    faults = [
        Fault(f"document {id!r:.80}", f"{count} documents have this id; ids are unique")
        for id, count in Counter(document.id for document in documents).items()
        if count > 1
    ]
    for document in documents:
        try:
            place.check(document)
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    losses: list[str] = []
    place.write(documents, tell=losses.append)
    return losses
