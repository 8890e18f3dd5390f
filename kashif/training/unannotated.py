"""Unannotated texts to pretrain on, without the held-out articles and what is nearly the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kashif.corpora.articles import by_id
from kashif.corpora.duplicates import FEW, overlaps, shingles
from kashif.corpora.texts import article_digest
from kashif.document import Document
from kashif.files import read_json_lines, read_lines


@dataclass
class Unannotated:
    """Paragraphs of text, the articles that they come from, and how many texts were left out.

    ``articles`` gives the ``article_digest`` of each article by id, or by itself for one without an id; the
    paragraphs of other files than ``.jsonl`` are not in it. ``held_out`` counts articles that are held out,
    by id or by text, ``near`` near-duplicates of these.
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
    articles: list[tuple[str, str]] = []
    ids = {document.id for document in held_out}
    digests = {article_digest(document.text) for document in held_out}
    index: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, document in enumerate(held_out):
        for shingle in shingles(document.text):
            if len(index[shingle]) < FEW:  # a footer that all hold would compare each with all
                index[shingle].append(place)
    for path in paths:
        for id, text in _texts(path):
            digest = article_digest(text)
            if id in ids or digest in digests:
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
            if id is not None:
                articles.append((id or digest, digest))
    found.articles = by_id(articles)
    return found


def _texts(path: Path) -> Iterator[tuple[str | None, str]]:
    """``(id, text)`` of a file; the id is empty for an article that has none, None for a paragraph."""
    if ".jsonl" in map(str.lower, path.suffixes):
        for row in read_json_lines(path, strings=("text",)):
            id = row.get("id")
            yield "" if id is None else str(id), row["text"]
        return
    for _, line in read_lines(path):
        yield None, line.rstrip("\r\n")
