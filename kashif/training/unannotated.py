"""Unannotated texts to pretrain on, without the held-out articles and what is nearly the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kashif.corpora.duplicates import FEW, overlaps, shingles
from kashif.corpora.texts import text_digest
from kashif.document import Document
from kashif.files import read_json_lines, read_lines


@dataclass
class Unannotated:
    """Paragraphs of text, the articles with ids that they come from, and how many texts were left out.

    ``articles`` gives the SHA-256 of each article's text by id; texts without ids are not in it. ``held_out``
    counts articles that are held out, by id or by text, ``near`` near-duplicates of these.
    """

    paragraphs: list[str] = field(default_factory=list)
    articles: dict[str, str] = field(default_factory=dict)
    held_out: int = 0
    near: int = 0


def read_unannotated(paths: Sequence[Path], *, held_out: Sequence[Document] = ()) -> Unannotated:
    """The texts of files, perhaps gzipped: a paragraph a line, or, in ``.jsonl``, an article a line.

    Raises:
        InputError: for a file that is not UTF-8 or not gzip as its name says; listing all lines of a
            ``.jsonl`` that are not JSON with a ``text``.
    """
    found = Unannotated()
    ids = {document.id for document in held_out}
    digests = {text_digest(document.text) for document in held_out}
    index: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, document in enumerate(held_out):
        for shingle in shingles(document.text):
            if len(index[shingle]) < FEW:  # a footer that all hold would compare each with all
                index[shingle].append(place)
    for path in paths:
        for id, text in _texts(path):
            if id in ids or text_digest(text) in digests:
                found.held_out += 1
                continue
            alike = {place for shingle in shingles(text) for place in index.get(shingle, ())}
            others = [held_out[place].text for place in alike]
            groups = [0] + [1] * len(others)  # the others are not compared with each other
            pairs = overlaps([text, *others], groups, footers_count=True)
            if any(pair.near_duplicate for pair in pairs):
                found.near += 1
                continue
            found.paragraphs += text.split("\n")
            if id:
                found.articles[id] = text_digest(text)
    return found


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """``(id, text)`` of a file; a paragraph has no id."""
    if ".jsonl" in map(str.lower, path.suffixes):
        for row in read_json_lines(path, strings=("text",)):
            yield str(row.get("id", "")), row["text"]
        return
    for _, line in read_lines(path):
        yield "", line.rstrip("\r\n")
