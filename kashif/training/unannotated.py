"""Unannotated texts to pretrain on, without the held-out articles and what is nearly the same."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kashif.corpora.duplicates import overlaps, shingles
from kashif.corpora.texts import text_digest
from kashif.document import Document
from kashif.errors import Fault, InputError


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
        InputError: for a file that is not UTF-8, not gzip as its name says, or not JSON lines of ``text``.
    """
    found = Unannotated()
    ids = {document.id for document in held_out}
    digests = {text_digest(document.text) for document in held_out}
    index: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for place, document in enumerate(held_out):
        for shingle in shingles(document.text):
            index[shingle].add(place)
    for path in paths:
        for id, text in _texts(path):
            if id in ids or text_digest(text) in digests:
                found.held_out += 1
                continue
            alike = {place for shingle in shingles(text) for place in index.get(shingle, ())}
            others = [held_out[place].text for place in alike]
            pairs = overlaps([text, *others], range(len(others) + 1)) if others else []
            if any(pair.first == 0 and pair.near_duplicate for pair in pairs):
                found.near += 1
                continue
            found.paragraphs += text.split("\n")
            if id:
                found.articles[id] = text_digest(text)
    return found


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """``(id, text)`` of a file; a paragraph has no id."""
    where = str(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                line = raw.decode("utf-8")
                if ".jsonl" not in path.suffixes:
                    yield "", line.rstrip("\r\n")
                    continue
                row = json.loads(line)
                if not isinstance(row, dict) or not isinstance(row.get("text"), str):
                    raise InputError(Fault(where, "expected an object with a string 'text'", number))
                yield str(row.get("id", "")), row["text"]
    except UnicodeDecodeError as error:
        raise InputError(Fault(where, f"not UTF-8 text: {error}")) from error
    except json.JSONDecodeError as error:
        raise InputError(Fault(where, f"not JSON lines: {error}")) from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise InputError(Fault(where, f"not a whole gzip file: {error}")) from error
