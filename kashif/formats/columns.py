"""Columns of a CoNLL file: what parts them, which one holds the words and which ones the tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from kashif.errors import Fault, InputError
from kashif.formats.tagging import is_lettered, is_tag, like_tag

DIVIDERS = ("-DOCSTART-", "$#$")
"""What begins a line between two documents."""
_NEW_DOCUMENT = regex.compile(r"#\s*newdoc\b|#begin document")
_COMMENT = regex.compile(r"#(?:\s|$|begin |end |[\w.]+ ?=)")
_BLANKS = regex.compile(r"[ \t]+")
_INDEX = regex.compile(r"\d{1,9}(?:[-.]\d{1,9})?")
_FILLERS = frozenset({"_", "-", "-X-", "*", "--"})
_CHUNKS = frozenset(["ADJP", "ADVP", "CONJP", "INTJ", "LST", "NP", "PP", "PRT", "SBAR", "UCP", "VP"])
"""The labels of syntactic chunks, which stand in tags like those of names (CoNLL-2000)."""
_KEYS = ("NER", "NE", "Entity")
"""What tags are called in the last column of CoNLL-U, ``MISC``, the likeliest first."""
_PAIR = regex.compile(r"(\w+)=(.*)", regex.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """A line with its number, cut into cells; its ``kind`` is row, blank, divider or comment."""

    line: int
    kind: str
    cells: tuple[str, ...]
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of words and tags, from 0; ``tags`` of None is all but the first, however many a row has.

    ``key`` is what tags are called in CoNLL-U's last column, ``width`` the number of cells that each row has,
    0 for any. ``conllu`` says whether the rows are CoNLL-U's, which have an index first and say in the last
    column where no blank follows.
    """

    word: int = 0
    tags: tuple[int, ...] | None = None
    key: str = ""
    width: int = 0
    conllu: bool = False

    def taken(self, cells: Sequence[str]) -> list[str] | None:
        """The tags of a row; None if it lacks a column."""
        if self.key:
            return [pairs(cells[-1]).get(self.key, "O")] if len(cells) == _CONLLU else None
        if self.tags is None:
            return list(cells[1:]) if len(cells) > 1 else None
        if len(cells) <= max(self.word, *self.tags) or (self.width and len(cells) != self.width):
            return None
        return [cells[index] for index in self.tags]

    @property
    def usual(self) -> bool:
        """Whether the word comes first and all others are tags."""
        return self.tags is None or (
            self.word == 0 and not self.key and (0, *self.tags) == tuple(range(self.width))
        )

    @property
    def shown(self) -> str:
        """What a notice says of the columns."""
        if self.key:
            return f"CoNLL-U: words are column 2, tags are {self.key}= in column {_CONLLU}"
        tags = ", ".join(str(index + 1) for index in self.tags or ())
        return f"words are column {self.word + 1}, tags column{'s' * (',' in tags)} {tags} of {self.width}"


_CONLLU = 10
"""How many columns CoNLL-U has: https://universaldependencies.org/format.html."""


def pairs(misc: str) -> dict[str, str]:
    """The ``key=value`` pairs of CoNLL-U's last column; a bar may join the tags of a value, too."""
    found: dict[str, str] = {}
    key = ""
    for part in misc.split("|"):
        if match := _PAIR.fullmatch(part):
            key = match[1]
            found[key] = match[2]
        elif key and is_tag(part):
            found[key] += f"|{part}"
        else:
            key = ""
    return found


def rows(text: str, where: str) -> list[Row]:
    """The lines of a file. Tabs alone part the columns if most rows hold one, else blanks and tabs do.

    Raises:
        InputError: if lines end in a carriage return alone.
    """
    if "\r" in text and "\n" not in text:
        message = "its lines end in carriage returns alone; save it with line feeds"
        raise InputError(Fault(where, message))
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    full = [line for line in lines if line.strip() and not _COMMENT.match(line)]
    tabbed = 2 * sum("\t" in line for line in full) > len(full)
    return [_row(number, line, tabbed) for number, line in enumerate(lines, start=1)]


def _row(number: int, line: str, tabbed: bool) -> Row:
    if not line.strip():
        return Row(number, "blank", ())
    if tabbed:
        cells = tuple(cell.strip(" ") for cell in line.rstrip("\t ").split("\t"))
    else:
        cells = tuple(_BLANKS.split(line.strip(" \t")))
    if cells[0].split(" ")[0] in DIVIDERS or DIVIDERS[0] in cells or _NEW_DOCUMENT.match(line):
        return Row(number, "divider", cells)
    return Row(number, "comment" if _COMMENT.match(line) else "row", cells, line)


def says_so(found: Sequence[Row]) -> bool:
    """Whether the line between documents says that all columns but the first hold tags, and they do."""
    dividers = [row.cells for row in found if row.kind == "divider"]
    told = {len(cells) for cells in dividers if len(cells) > 1 and is_outside(cells[1:])}
    rest = (row.cells for row in found if row.kind == "row")
    return len(told) > 0 and all(len(cells) in told and all(map(is_tag, cells[1:])) for cells in rest)


def find(found: Sequence[Row], where: str, *, word: int | None, tags: tuple[int, ...] | None) -> Layout:
    """Where the words and the tags of rows stand; ``word`` and ``tags`` (from 0) are known if given.

    Raises:
        InputError: if the rows leave it open; it says how to name the columns.
    """
    cells = [row.cells for row in found]
    widths = Counter(map(len, cells))
    width = max(widths, default=0, key=widths.__getitem__)
    alike = [row for row in cells if len(row) == width]
    conllu = width == _CONLLU and all(_INDEX.fullmatch(row[0]) for row in alike)
    named = [index for index in (word, *(tags or ())) if index is not None]
    if cells and max(named, default=0) >= max(widths):
        raise _doubt(where, f"there is no column {max(named) + 1}", alike, tag="N")
    if word is not None and tags is not None:
        return Layout(word, tags, conllu=conllu)
    if word is None and tags is None:
        if conllu and (key := _conllu_key(alike)):
            return Layout(1, (), key, width, conllu)
        if len(alike) < len(cells) or width < 2:
            fitting = sum(len(row) > 1 and all(map(like_tag, row[1:])) for row in cells)
            if width < 2 or 2 * fitting >= len(cells):
                return Layout()
    columns = list(zip(*alike, strict=True))
    marked = tags if tags is not None else _tag_columns(columns)
    if tags is None:
        marked = tuple(index for index in marked if index != word)
        twice = [(a, b) for i, b in enumerate(marked) for a in marked[:i] if _alike(columns[a], columns[b])]
        if twice:
            first, second = twice[0]
            told = f"columns {first + 1} and {second + 1} hold the same tags, as of gold and predictions"
            raise _doubt(where, told, alike, tag=str(first + 1))
        if not marked:
            raise _doubt(where, "no column holds tags such as O and B-NAME", alike, word=word)
    if word is None:
        word = _word_column(columns, marked)
    if word is None:
        known = ",".join(str(index + 1) for index in marked)
        raise _doubt(where, "it is not clear which column holds the words", alike, tag=known)
    return Layout(word, marked, width=width, conllu=conllu)


def _doubt(
    where: str, message: str, alike: Sequence[Sequence[str]], *, word: int | None = None, tag: str = "N"
) -> InputError:
    shown = ", ".join(f"{index} {cell!r:.30}" for index, cell in enumerate(alike[0], start=1))
    named = "N" if word is None else str(word + 1)
    remedy = f"name the columns, the first is 1: conll+word={named}+tag={tag}:PATH"
    return InputError(Fault(where, f"{message} ({shown}); {remedy}"))


def _conllu_key(alike: Sequence[Sequence[str]]) -> str:
    """What tags are called in the last column of CoNLL-U; nothing if it holds none."""
    found = [pairs(row[-1]) for row in alike]
    for key in _KEYS:
        values = [pair[key] for pair in found if key in pair]
        # The same name is used for coreference, whose values are in brackets.
        if values and not any("(" in value or ")" in value for value in values):
            return key
    return ""


def _tag_columns(columns: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """The columns of tags: with letters, or else one of labels alone among which O stands."""
    lettered, bare = [], []
    for index, values in enumerate(columns):
        letters = [value for value in values if is_lettered(value)]
        outside = sum(value in ("O", "o") for value in values)
        if _CHUNKS.issuperset(value[2:] for value in letters) and letters:
            continue
        if outside == len(values) or (letters and 2 * (len(letters) + outside) > len(values)):
            lettered.append(index)
        elif not letters and 5 * outside >= len(values):
            bare.append(index)
    some = any(not is_outside(columns[index]) for index in lettered)
    return tuple(lettered if some or not bare else (*lettered, *bare))


def is_outside(values: Sequence[str]) -> bool:
    """Whether nothing is marked in a column."""
    return all(value in ("O", "o") for value in values)


def _alike(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether most tags of two columns are the same."""
    both = [(a, b) for a, b in zip(first, second, strict=True) if not is_outside((a, b))]
    return len(both) > 1 and 2 * sum(a == b for a, b in both) > len(both)


def _word_column(columns: Sequence[Sequence[str]], marked: Sequence[int]) -> int | None:
    """The column of words: the first that may be, if no later one has more different values."""
    others = [index for index in range(len(columns)) if index not in marked]
    if len(others) == 1:
        return others[0]
    maybe = [
        index
        for index in others
        if not _FILLERS.issuperset(columns[index])
        and not all(map(_INDEX.fullmatch, columns[index]))
        and not 2 * sum(map(is_tag, columns[index])) > len(columns[index])
    ]
    different = [len(set(columns[index])) for index in maybe]
    return maybe[0] if maybe and different[0] == max(different) else None


def looks_like_conll(text: str) -> bool:
    """Whether a text is lines of words and tags, not an article, by its first rows, three or more."""
    seen = tagged = marked = 0
    for line in text[:20_000].split("\n"):
        cells = line.split()
        if not cells or cells[0] in DIVIDERS or _COMMENT.match(line):
            continue
        seen += 1
        tags = [cell for cell in (cells[-1], cells[0]) if is_tag(cell)]
        conllu = line.count("\t") == _CONLLU - 1 and _INDEX.fullmatch(cells[0]) is not None
        tagged += conllu or (1 < len(cells) <= 12 and bool(tags))
        marked += conllu or any(map(is_lettered, tags))
    return seen >= 3 and 10 * tagged >= 9 * seen and marked > 0
