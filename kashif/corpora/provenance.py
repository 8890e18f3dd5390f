"""Which articles a model has seen: those that ``manifest.json`` in its folder names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kashif.corpora import slices
from kashif.corpora.loading import digest
from kashif.corpora.texts import text_digest
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import read_json, write_json

NAME = "manifest.json"


@dataclass(frozen=True)
class Articles:
    """Articles by id, each with the SHA-256 of its text."""

    texts: Mapping[str, str] = field(default_factory=dict)

    def among(self, documents: Iterable[Document]) -> set[str]:
        """The ids of those documents that are among these articles, by id, by lines or by text."""
        documents = list(documents)
        same = {document.id for document in documents if text_digest(document.text) in self.texts.values()}
        return same | slices.among((document.id for document in documents), self.texts)


@dataclass(frozen=True)
class SeenArticles:
    """The articles that a model was trained on, those that selected it and its threshold, and its encoder's.

    ``encoder`` are those that its encoder has seen otherwise: in pretraining, as another model's, or in
    auxiliary corpora.
    """

    train: Articles = Articles()
    development: Articles = Articles()
    thresholds: Articles = Articles()
    encoder: Articles = Articles()

    @classmethod
    def of(cls, folder: Path) -> SeenArticles | None:
        """What a model folder's manifest says; None where there is none.

        Raises:
            InputError: if it does not hold articles and their digests.
        """
        path = folder / NAME
        if not path.is_file():
            return None
        rows = read_json(path)
        nothing: dict[str, Any] = {"articles": {}}
        try:
            parts = (rows["train"], rows["development"], rows.get("thresholds", nothing))
            others = (rows.get(name, nothing) for name in ("encoder articles", "auxiliary"))
            encoder = {id: text for part in others for id, text in dict(part["articles"]).items()}
            own = (dict(part["articles"]) for part in parts)
            return cls(*(Articles(texts) for texts in (*own, encoder)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            message = f"expected the articles of train and development: {error!r}; train the model again"
            raise InputError(Fault(str(path), message)) from error

    @property
    def learned(self) -> Articles:
        """The articles that the weights have been trained on, in whatever way."""
        return Articles({**self.encoder.texts, **self.train.texts})


def seen_by(encoder: str) -> dict[str, str]:
    """The articles that an encoder's folder says it has seen, with the digests of their texts.

    The folder is one of ``kashif pretrain``, or a model's; any other encoder says nothing.
    """
    path = Path(encoder) / NAME
    rows = read_json(path) if path.is_file() else None
    if not isinstance(rows, dict):
        return {}
    parts = (
        rows.get(name) for name in ("pretraining", "train", "development", "encoder articles", "auxiliary")
    )
    found: dict[str, str] = {}
    for part in parts:
        if isinstance(part, dict) and isinstance(part.get("articles"), dict):
            found |= part["articles"]
    return found


def articles_row(documents: Sequence[Document]) -> dict[str, Any]:
    """Articles as they stand in a manifest, and the SHA-256 of them with their annotations."""
    return {
        "articles": {document.id: text_digest(document.text) for document in documents},
        "sha256": digest(documents),
    }


def add_thresholds(folder: Path, documents: Sequence[Document]) -> None:
    """Notes in a folder's manifest which articles chose the thresholds."""
    path = folder / NAME
    write_json(path, read_json(path) | {"thresholds": articles_row(documents)})
