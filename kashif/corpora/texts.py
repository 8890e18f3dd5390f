"""Texts that are not in the repository: a manifest names them, the environment says where they lie.

``seeds/manifest.json``, found in the annotations' folder or one above, names texts by file name,
SHA-256 and length. They are looked for in ``$KASHIF_SEEDS``, then beside the manifest; a text whose
digest differs is refused.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from kashif import formats
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import read_json, read_text
from kashif.formats import Reading, brat


class MissingText(Exception):
    """The text that a file's annotations point into is not on this machine."""


def read(path: Path, format: str) -> list[Reading]:
    """The documents of one file; the text of standoff annotations may be one that a manifest names.

    Raises:
        InputError: listing every fault of the file, or for a text of another digest.
        MissingText: if a text that a manifest names is not on this machine.
    """
    text = None
    if format == "brat" and not brat.text_path(path).exists():
        text = _named_text(path)
    return formats.read(path, format, text=text)


def is_named(path: Path, document: Document) -> bool:
    """Whether a manifest names the text of this ``.ann``, with the digest of the document's text."""
    named = _named(path)
    return named is not None and named[1]["sha256"] == text_digest(document.text)


def text_digest(text: str) -> str:
    """The SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _named(path: Path) -> tuple[Path, dict[str, str]] | None:
    """The manifest's folder and its entry for the text of this ``.ann``."""
    for folder in path.resolve().parents:
        manifest = folder / "seeds" / "manifest.json"
        if manifest.is_file():
            for entry in read_json(manifest)["articles"]:
                if entry["file"] == brat.text_path(path).name:
                    return manifest.parent, entry
    return None


def _named_text(path: Path) -> str:
    named = _named(path)
    if named is None:
        beside = brat.text_path(path).name
        message = f"no text: {beside} is not beside it and no seeds/manifest.json names it"
        raise InputError(Fault(str(path), message))
    folder, entry = named
    places = [Path(os.environ["KASHIF_SEEDS"])] if os.environ.get("KASHIF_SEEDS") else []
    for place in (*places, folder):
        file = place / entry["file"]
        if file.is_file():
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            if digest != entry["sha256"]:
                message = f"SHA-256 is {digest[:12]}…, the manifest says {entry['sha256'][:12]}…: not the"
                raise InputError(Fault(str(file), message + " text that was annotated; replace it"))
            return read_text(file)
    raise MissingText(
        f"{entry['file']} is not here: set KASHIF_SEEDS to the folder that holds it, or put it into"
        f" {folder.name}/"
    )
