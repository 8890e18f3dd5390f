"""CoNLL: a word and its tags a line, an empty line after a sentence; written ``word TAG [TAG…]`` in IOB2.

The scheme of tags and the columns are found from the file (``tagging``, ``columns``), or columns are named by
the options ``word=`` and ``tag=``. Several tags hold nested spans. A line that begins with
``-DOCSTART-`` or ``$#$``, or CoNLL-U's ``# newdoc``, begins a new document. The words of a sentence stand
with one space between them, its sentences a line each; the format holds no other white space, no relations
and no spans inside words.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import regex

from kashif.arabic import sentence_index, sentences, touched, words
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import read_text
from kashif.folding import FoldedText, fold
from kashif.formats import columns
from kashif.formats.columns import Layout, Row
from kashif.formats.reading import Reading, TextLines, build, refuse_blank_labels
from kashif.formats.tagging import Tag, Tagging, is_joined
from kashif.formats.tagging import find as find_tagging

OPTIONS = {
    "word": (regex.compile(r"[1-9]\d{0,3}"), "+word=2 (the column of words, the first is 1)"),
    "tag": (regex.compile(r"[1-9]\d{0,3}(,[1-9]\d{0,3})*"), "+tag=4 or +tag=3,4 (the columns of tags)"),
}
"""The options of the format: what their values look like and what they are."""
WORDLESS = "no word, so it has no place in CoNLL and is left out"
"""What is said of a document that is not written."""
JOINED = "joined tags (such as B-GPE|I-OCC) read as those of nested spans"
"""What is said of cells that hold several tags."""
_PART = regex.compile(r"(\d+)-(\d+)")


def read(path: Path, *, word: str = "", tag: str = "") -> list[Reading]:
    """The documents of a file; ids are the file's stem, numbered where there are several.

    ``word`` and ``tag`` name columns, the first is 1. A tag that goes on with no span begins one, and a
    notice counts them; others say which scheme of tags and which columns were found, where they are not the
    usual ones, and how many comments stand there.

    Raises:
        InputError: listing every line that does not fit.
    """
    where = str(path)
    rows = columns.rows(read_text(path), where)
    layout = _layout(rows, where, word, tag)
    taken = [layout.taken(row.cells) for row in rows if row.kind == "row"]
    tagging = find_tagging(Counter(tag for tags in taken for tag in tags or ()))
    rows = [_row_after_all(row, layout, tagging) for row in rows]
    faults = [
        Fault(where, fault, row.line)
        for row in rows
        if row.kind == "row" and (fault := _fault(row, layout, tagging))
    ]
    if faults:
        raise InputError(faults)
    filled = [builder for builder in _built(rows, layout, tagging) if builder.text]
    notices = [
        f"{path}: {notice}" for notice in _notices(rows, layout, tagging, filled, named=bool(word and tag))
    ]
    readings = []
    for index, builder in enumerate(filled):
        id = path.stem if len(filled) == 1 else f"{path.stem}-{index + 1:04d}"
        text = "".join(builder.text)
        folded = fold(text)
        spans = [
            (i, *_trimmed(folded, text, *span), label)
            for i, (*span, label) in enumerate(builder.spans, start=1)
        ]
        lines = dict(enumerate(builder.lines, start=1))
        document = build(path, id, text, spans, [])
        told = tuple(notices) if index == 0 else ()
        text_lines = TextLines(array("q", builder.starts), array("q", builder.rows))
        readings.append(Reading(document, path, lines, (), told, text_lines=text_lines))
    return readings


def _layout(rows: Sequence[Row], where: str, word: str, tag: str) -> Layout:
    """The columns of words and tags, from what the options name and what the rows show."""
    first = int(word) - 1 if word else None
    tags = tuple(dict.fromkeys(int(number) - 1 for number in tag.split(","))) if tag else None
    if first is None and tags is None and columns.says_so(rows):
        return Layout()
    if tags and first in tags:
        raise InputError(Fault(where, f"word={word} and tag={tag} name the same column"))
    return columns.find([row for row in rows if row.kind == "row"], where, word=first, tags=tags)


def _row_after_all(row: Row, layout: Layout, tagging: Tagging) -> Row:
    """A line that looks like a comment as a row, if it has the columns of one: the word is ``#``."""
    tags = layout.taken(row.cells) if row.kind == "comment" else None
    fits = tags is not None and not layout.key and all(map(tagging.fits, tags))
    return replace(row, kind="row") if fits else row


def _fault(row: Row, layout: Layout, tagging: Tagging) -> str:
    """What is wrong with a row, if anything."""
    tags = layout.taken(row.cells)
    if tags is None:
        wanted = f"{layout.width} columns" if layout.width else "'word TAG …'"
        return f"expected {wanted} in {tagging.scheme}, found {row.raw!r:.80}"
    if not row.cells[layout.word].strip():
        return f"its word is blank: {row.raw!r:.80}; take the line out"
    wrong = [tag for tag in tags if not tagging.fits(tag)]
    if wrong:
        return f"{wrong[0]!r:.80} is no tag of {tagging.scheme} ({tagging.shown}), in {row.raw!r:.80}"
    return ""


def _trimmed(folded: FoldedText, text: str, start: int, end: int) -> tuple[int, int]:
    """A span without invisible characters and white space at its edges, which a token may have."""
    start, end = folded.trimmed(start, end)
    while end - start > 1 and text[start].isspace():
        start += 1
    while end - start > 1 and text[end - 1].isspace():
        end -= 1
    return start, end


def _built(rows: Sequence[Row], layout: Layout, tagging: Tagging) -> list[Builder]:
    """The documents of rows without faults."""
    documents: list[Builder] = [Builder()]
    for row, glued, again in _words(rows, layout):
        if row.kind == "divider":
            if documents[-1].text:
                documents.append(Builder())
        elif row.kind == "blank":
            documents[-1].end_sentence()
        else:
            cells = [tagging.read(cell) for cell in layout.taken(row.cells) or ()]
            documents[-1].add("" if again else row.cells[layout.word], cells, row.line, glued=glued)
    for builder in documents:
        builder.end_sentence()
    return documents


def _words(rows: Sequence[Row], layout: Layout) -> Iterator[tuple[Row, bool, bool]]:
    """Rows, whether a word follows the one before without a blank, and whether its tags are that one's.

    In CoNLL-U a token such as ``3-4`` is written in words 3 and 4. They are taken for its parts if they spell
    it, else their tags are those of the whole token.
    """
    if not layout.conllu:
        yield from ((row, False, False) for row in rows if row.kind != "comment")
        return
    glued = False
    last, whole, spaced = -1, False, False
    for index, row in enumerate(rows):
        if row.kind != "row":
            glued, last = False, -1
            if row.kind != "comment":
                yield row, False, False
            continue
        after = columns.pairs(row.cells[-1]).get("SpaceAfter") == "No"
        number = row.cells[0]
        if match := _PART.fullmatch(number):
            parts = _parts(rows, index, int(match[1]), int(match[2]))
            last, spaced = int(match[2]), after
            whole = "".join(part.cells[layout.word] for part in parts) != row.cells[layout.word]
            if whole:
                yield row, glued, False
                glued = True
        elif number.isdigit() and int(number) <= last:
            yield row, glued, whole
            glued = spaced if int(number) == last else True
        elif number.isdigit():
            yield row, glued, False
            glued = after


def _parts(rows: Sequence[Row], index: int, first: int, last: int) -> list[Row]:
    """The words that a token of CoNLL-U is written in."""
    following = rows[index + 1 : index + 2 + last - first]
    return [row for row in following if row.kind == "row" and row.cells[0].isdigit()]


def _notices(
    rows: Sequence[Row], layout: Layout, tagging: Tagging, filled: Sequence[Builder], *, named: bool
) -> Iterator[str]:
    """What was found that is not ``word TAG`` in IOB2, and what was passed over."""
    stray, begun = (sum(getattr(builder, name) for builder in filled) for name in ("stray", "begun"))
    if not layout.usual and not named:
        yield layout.shown
    if tagging.scheme == "IOB2" and stray and not begun:
        yield f"tags are {tagging.name.replace('IOB2', 'IOB1')}"
        stray = 0
    elif tagging.scheme == "IO" and filled:
        yield "tags are IO: labels alone; neighbours of one label are read as one span"
    elif tagging.name != "IOB2":
        yield f"tags are {tagging.name}"
    if stray:
        letters = "I-" if tagging.scheme == "IOB2" else "inner"
        yield f"{stray} stray {letters} tags read as the beginning of a span"
    taken = [layout.taken(row.cells) or () for row in rows if row.kind == "row"]
    if joined := sum(is_joined(cell) for cells in taken for cell in cells):
        yield f"{joined} {JOINED}"
    if small := sum("o" in cells for cells in taken):
        yield f"{small} tags 'o' read as 'O'"
    if comments := sum(row.kind == "comment" for row in rows):
        yield f"{comments} comments (lines that begin with #) read over"


class Builder:
    """Grows one document's text and spans, word by word.

    ``stray`` counts tags that go on with no span, ``begun`` those that begin one where none of its label
    stands before. ``starts`` are the code points at which words begin, ``rows`` their lines in the file,
    ``lines`` those of spans.
    """

    def __init__(self) -> None:
        self.text: list[str] = []
        self.spans: list[tuple[int, int, str]] = []
        self.lines: list[int] = []
        self.starts: list[int] = []
        self.rows: list[int] = []
        self.stray = 0
        self.begun = 0
        self._start = 0
        self._length = 0
        self._open: dict[tuple[int, int, str], int] = {}

    def add(self, word: str, cells: Iterable[Iterable[Tag]], line: int, *, glued: bool) -> None:
        """Adds a word with its tags, a cell for each column; no word adds tags to the one before.

        Of spans of one label in one cell the outermost goes on, whatever the order of the tags.
        """
        if word:
            if self.text and self.text[-1] != "\n" and not glued:
                self._put(" ")
            self._start = self._length
            self.starts.append(self._start)
            self.rows.append(line)
            self._put(word)
        still_open: dict[tuple[int, int, str], int] = {}
        used: set[int] = set()
        for column, cell in enumerate(cells):
            depths: Counter[str] = Counter()
            for tag in sorted(cell, key=lambda tag: (tag.begins, tag.ends)):
                label = tag.label
                key = column, depths[label], label
                depths[label] += 1
                # Some corpora shift inner tags to the left: then the label alone says what goes on.
                by_label = [index for (*_, known), index in self._open.items() if known == label]
                index = self._open.get(key, next((index for index in by_label if index not in used), -1))
                if not tag.begins and index >= 0:
                    self.spans[index] = (self.spans[index][0], self._length, label)
                else:
                    self.stray += not tag.begins and not tag.bare
                    self.begun += tag.begins and not by_label
                    index = len(self.spans)
                    self.spans.append((self._start, self._length, label))
                    self.lines.append(line)
                used.add(index)
                if not tag.ends:
                    still_open[key] = index
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

    A document without a word is not written: the format has no line for it.

    Raises:
        InputError: if a label holds white space, which parts the columns of the format.
    """
    refuse_blank_labels(document, (entity.label for entity in document.entities), format="conll")
    spans = words(document.text)
    if not spans:
        return "", [f"{document.id}: {WORDLESS}"]
    starts = {start: index for index, (start, _) in enumerate(spans)}
    columns: list[list[str]] = []
    inside = beside = 0
    for entity in sorted(document.entities, key=lambda item: (item.start, -item.end)):
        place = touched(spans, entity.start, entity.end)
        if not place:
            beside += 1
            continue
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
    if beside:
        losses.append(f"{document.id}: {beside} spans of no word are left out")
    if document.relations:
        losses.append(f"{document.id}: {len(document.relations)} relations have no place in CoNLL")
    return "".join(rows), losses
