"""CoNLL in IOB2: ``word TAG [TAG…]`` a line, an empty line after a sentence.

Several tag columns hold nested spans. A line that begins with ``-DOCSTART-`` or ``$#$`` begins a
new document. The words of a sentence stand with one space between them, its sentences a line each;
the format holds no other white space, no relations and no spans inside words.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from kashif.arabic import sentence_index, sentences, touched, words
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import read_text
from kashif.folding import fold
from kashif.formats.reading import Reading, build, refuse_blank_labels

_DIVIDERS = ("-DOCSTART-", "$#$")


def read(path: Path) -> list[Reading]:
    """The documents of a file; ids are the file's stem, numbered where there are several.

    A tag I- that continues no span begins one, and a notice counts them.

    Raises:
        InputError: listing every line that is not words and IOB2 tags.
    """
    faults: list[Fault] = []
    documents: list[_Builder] = [_Builder()]
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        parts = line.split()
        if parts and parts[0] in _DIVIDERS:
            if documents[-1].text:
                documents.append(_Builder())
        elif not parts:
            documents[-1].end_sentence()
        elif len(parts) < 2 or not all(_is_tag(tag) for tag in parts[1:]):
            faults.append(Fault(str(path), f"expected 'word TAG …' in IOB2, found {line!r:.80}", number))
        else:
            documents[-1].add(parts[0], parts[1:], number)
    if faults:
        raise InputError(faults)
    filled = [builder for builder in documents if builder.text]
    for builder in filled:
        builder.end_sentence()
    stray = sum(builder.stray for builder in filled)
    notices = (f"{path}: {stray} stray I- tags read as the beginning of a span",) if stray else ()
    readings = []
    for index, builder in enumerate(filled):
        id = path.stem if len(filled) == 1 else f"{path.stem}-{index + 1:04d}"
        text = "".join(builder.text)
        trimmed = fold(text).trimmed  # a token's invisible ends are in no span
        spans = [(i, *trimmed(*span), label) for i, (*span, label) in enumerate(builder.spans, start=1)]
        lines = dict(enumerate(builder.lines, start=1))
        document = build(path, id, text, spans, [])
        readings.append(Reading(document, path, lines, (), notices if index == 0 else ()))
    return readings


def _is_tag(tag: str) -> bool:
    return tag == "O" or (tag[:2] in ("B-", "I-") and len(tag) > 2)


class _Builder:
    """Grows one document's text and spans, word by word."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.spans: list[tuple[int, int, str]] = []
        self.lines: list[int] = []
        self.stray = 0
        self._length = 0
        self._open: dict[tuple[int, str], int] = {}

    def add(self, word: str, tags: list[str], line: int) -> None:
        if self.text and self.text[-1] != "\n":
            self._put(" ")
        start = self._length
        self._put(word)
        still_open: dict[tuple[int, str], int] = {}
        for column, tag in enumerate(tags):
            if tag == "O":
                continue
            label = tag[2:]
            # Some corpora shift inner tags to the left: then the label alone says what goes on.
            by_label = [i for (_, known), i in self._open.items() if known == label]
            index = self._open.get((column, label), by_label[0] if by_label else -1)
            if tag[0] == "I" and index >= 0:
                self.spans[index] = (self.spans[index][0], self._length, label)
            else:
                self.stray += tag[0] == "I"
                index = len(self.spans)
                self.spans.append((start, self._length, label))
                self.lines.append(line)
            still_open[column, label] = index
        self._open = still_open

    def end_sentence(self) -> None:
        self._open = {}
        if self.text and self.text[-1] != "\n":
            self._put("\n")

    def _put(self, piece: str) -> None:
        self.text.append(piece)
        self._length += len(piece)


def write(document: Document) -> tuple[str, list[str]]:
    """The document over our words, a column for each depth of nesting, and what was not held.

    Raises:
        InputError: if a label holds white space, which parts the columns of the format.
    """
    refuse_blank_labels(document, (entity.label for entity in document.entities), format="conll")
    spans = words(document.text)
    starts = {start: index for index, (start, _) in enumerate(spans)}
    columns: list[list[str]] = []
    inside = 0
    for entity in sorted(document.entities, key=lambda item: (item.start, -item.end)):
        place = touched(spans, entity.start, entity.end)
        inside += entity.start not in starts or spans[place[-1]][1] != entity.end
        for column in columns:
            if all(column[index] == "O" for index in place):
                break
        else:
            column = ["O"] * len(spans)
            columns.append(column)
        for index in place:
            column[index] = ("B-" if index == place[0] else "I-") + entity.label
    columns = columns or [["O"] * len(spans)]
    rows = [f"-DOCSTART- {' '.join('O' for _ in columns)}\n\n"]
    for start, end in sentences(document.text):
        for index in touched(spans, start, end):
            word = document.text[slice(*spans[index])]
            rows.append(" ".join([word, *(column[index] for column in columns)]) + "\n")
        rows.append("\n")
    sentence = sentence_index(sentences(document.text))
    across = sum(sentence(entity.start) != sentence(entity.end - 1) for entity in document.entities)
    losses = []
    edges = pairwise([(0, 0), *spans, (len(document.text), 0)])
    invisible = len("".join(document.text[end:start] for (_, end), (start, _) in edges).split())
    if invisible:
        losses.append(f"{document.id}: {invisible} invisible characters beside words are left out")
    if across:
        losses.append(f"{document.id}: {across} spans run over the end of a sentence and are cut there")
    if inside:
        losses.append(f"{document.id}: {inside} spans begin or end inside a word; whole words are written")
    if document.relations:
        losses.append(f"{document.id}: {len(document.relations)} relations have no place in CoNLL")
    return "".join(rows), losses
