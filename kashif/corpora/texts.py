"""Texts that are not in the repository: a manifest names them, the environment says where they lie.

A ``manifest.json`` stands in the folder of the annotations, or in a folder of the same name in one of the
three folders above it: for ``annotations/seeds`` in ``seeds``, for ``annotations/second/news-b`` (a second
reading) in ``annotations/news``. It names each text by its id (the stem of the ``.ann``), with the file that
holds it, its SHA-256 and its length. A ``.txt`` is the text itself; a ``.jsonl.gz`` holds texts with ids, one
a line. The files are looked for in the folder that the manifest's environment variable names, then beside the
manifest. A text whose digest differs is refused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from kashif import formats
from kashif.config import StrictModel
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import read_json, read_json_lines, read_text
from kashif.folding import letters
from kashif.formats import Options, Reading, brat

NAME = "manifest.json"
_ABOVE = 3
"""How many folders above the annotations the folder of the same name may stand in."""


class MissingText(Exception):
    """The text that a file's annotations point into is not on this machine."""


class NamedText(StrictModel):
    """A text: its id, the file that holds it, its SHA-256 in UTF-8, its code points."""

    id: str
    source: str
    sha256: str
    characters: int


class TextManifest(StrictModel):
    """Texts that annotations point into; an environment variable names the folder of their files."""

    about: str = ""
    variable: str
    articles: tuple[NamedText, ...]


def read(path: Path, format: str, *, options: Options = ()) -> list[Reading]:
    """The documents of one file; the text of standoff annotations may be one that a manifest names.

    Raises:
        InputError: listing every fault of the file, or for a text of another digest.
        MissingText: if a text that a manifest names is not on this machine.
    """
    text = None
    if format == "brat" and not brat.text_path(path).exists():
        text = _named_text(path)
    return formats.read(path, format, text=text, options=options)


def sources(path: Path, format: str) -> list[Path]:
    """What else is read for a file: for standoff annotations the text, and the manifest that names it."""
    if format != "brat":
        return []
    beside = brat.text_path(path)
    named = None if beside.exists() else _named(path)
    return [beside] if named is None else [named[0], *_places(*named)]


def is_named(path: Path, document: Document) -> bool:
    """Whether a manifest names the text of this ``.ann``, with the digest of the document's text."""
    named = _named(path)
    return named is not None and named[1].sha256 == text_digest(document.text)


def text_digest(text: str) -> str:
    """The SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def article_digest(text: str) -> str:
    """What tells an article in a manifest of articles that were read: the digest of its letters.

    Line ends, white space and invisible characters make no other article of one.
    """
    return text_digest(letters(text))


def article_digests(text: str) -> set[str]:
    """The digests that a manifest may name an article by; older ones hold that of a text as it stood."""
    lines = text.replace("\r\n", "\n")
    older = {text, lines, lines.strip(), f"{lines.strip()}\n"}
    return {article_digest(text), *map(text_digest, older)}


def _named(path: Path) -> tuple[Path, NamedText] | None:
    """The manifest that names the text of this ``.ann``, and its entry."""
    for manifest in _manifests(path.resolve().parent):
        entry = _entries(manifest, manifest.stat().st_mtime_ns).get(path.stem)
        if entry is not None:
            return manifest, entry
    return None


def _manifests(folder: Path) -> Iterator[Path]:
    """Where the manifest of a folder of annotations may stand."""
    corpus = folder.name.rpartition("-")[0] or folder.name  # a second reading's folder is named news-b
    places = [folder, *(above / name for above in folder.parents[:_ABOVE] for name in (folder.name, corpus))]
    for file in dict.fromkeys(place / NAME for place in places):
        if file.is_file():
            yield file


@lru_cache(maxsize=8)
def _entries(manifest: Path, _modified: int) -> dict[str, NamedText]:
    """The texts that a manifest names, by id; none for a manifest of something else, such as a model's."""
    values = read_json(manifest)
    if not isinstance(values, dict) or "articles" not in values:
        return {}
    return {entry.id: entry for entry in TextManifest.check(values, str(manifest)).articles}


def _variable(manifest: Path) -> str:
    return TextManifest.check(read_json(manifest), str(manifest)).variable


def _places(manifest: Path, entry: NamedText) -> list[Path]:
    """Where the file that holds a named text may lie."""
    folder = os.environ.get(_variable(manifest))
    return [place / entry.source for place in (*([Path(folder)] if folder else ()), manifest.parent)]


def _named_text(path: Path) -> str:
    named = _named(path)
    if named is None:
        beside = brat.text_path(path).name
        message = f"no text: {beside} is not beside it and no {NAME} names it"
        raise InputError(Fault(str(path), message))
    manifest, entry = named
    for file in _places(manifest, entry):
        if file.is_file():
            text = _text(file, entry.id)
            digest = text_digest(text)
            if digest != entry.sha256:
                message = (
                    f"{entry.id}: SHA-256 is {digest[:12]}…, {manifest} says {entry.sha256[:12]}…: not the"
                )
                raise InputError(Fault(str(file), message + " text that was annotated; replace it"))
            return text
    raise MissingText(
        f"{entry.source} is not here: set {_variable(manifest)} to the folder with {entry.source} in it,"
        f" or have it so in the folder {manifest.parent.name} that {NAME} stands in"
    )


def _text(file: Path, id: str) -> str:
    """The text of an id in a file, to the letter."""
    if file.suffix != ".gz":
        return read_text(file, keep_bom=True)
    texts = _json_lines(file, file.stat().st_mtime_ns)
    if id not in texts:
        raise InputError(Fault(str(file), f"holds no text with the id '{id}'; get the release again"))
    return texts[id]


@lru_cache(maxsize=2)
def _json_lines(file: Path, _modified: int) -> dict[str, str]:
    """The texts of gzipped JSON lines by id."""
    return {row["id"]: row["text"] for row in read_json_lines(file, strings=("id", "text"))}
