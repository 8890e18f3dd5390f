"""What a model has seen: the articles that ``manifest.json`` in its folder names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kashif import corpus, shares
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.formats import read_text

NAME = "manifest.json"


@dataclass(frozen=True)
class Articles:
    """Articles by id, each with the SHA-256 of its text."""

    texts: Mapping[str, str] = field(default_factory=dict)

    def among(self, documents: Iterable[Document]) -> set[str]:
        """The ids of those documents that are among these articles, by id, by lines or by text."""
        documents = list(documents)
        same = {document.id for document in documents if _digest(document) in self.texts.values()}
        return same | shares.among((document.id for document in documents), self.texts)


@dataclass(frozen=True)
class Seen:
    """The articles that a model was trained on, and those that selected it and its thresholds."""

    train: Articles = Articles()
    development: Articles = Articles()
    thresholds: Articles = Articles()

    @classmethod
    def of(cls, folder: Path) -> Seen | None:
        """What a model folder's manifest says; None where there is none.

        Raises:
            InputError: if it does not hold articles and their digests.
        """
        path = folder / NAME
        if not path.is_file():
            return None
        try:
            rows = json.loads(read_text(path))
            parts = (rows["train"], rows["development"], rows.get("thresholds", {"articles": {}}))
            return cls(*(Articles(dict(part["articles"])) for part in parts))
        except (ValueError, KeyError, TypeError) as error:
            message = f"expected the articles of train and development: {error!r}; train the model again"
            raise InputError(Fault(str(path), message)) from error


def row(documents: Sequence[Document]) -> dict[str, Any]:
    """Articles as they stand in a manifest, and the SHA-256 of them with their annotations."""
    return {
        "articles": {document.id: _digest(document) for document in documents},
        "sha256": corpus.digest(documents),
    }


def add_thresholds(folder: Path, documents: Sequence[Document]) -> None:
    """Notes in a folder's manifest which articles chose the thresholds."""
    path = folder / NAME
    rows = json.loads(read_text(path)) | {"thresholds": row(documents)}
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def code() -> str:
    """The SHA-256 of this package's own code."""
    whole = hashlib.sha256()
    package = Path(__file__).parent
    for file in sorted(package.rglob("*.py")):
        whole.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


def _digest(document: Document) -> str:
    return hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest()
