"""Articles by id and text, as a model's manifest names those that it has seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kashif.corpora import slices
from kashif.corpora.duplicates import recurs
from kashif.corpora.texts import article_digest, article_digests
from kashif.document import Document


@dataclass(frozen=True)
class Articles:
    """Articles by id, each with its ``article_digest``; ``runs`` are those of articles that a slice cut."""

    texts: Mapping[str, str] = field(default_factory=dict)
    runs: slices.Runs = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Sequence[Document]) -> Articles:
        """These documents."""
        texts = {document.id: article_digest(document.text) for document in documents}
        return cls(texts, slices.runs_of(documents))

    def __or__(self, other: Articles) -> Articles:
        ids = {*self.runs, *other.runs}
        runs = {id: self.runs.get(id, frozenset()) | other.runs.get(id, frozenset()) for id in ids}
        return Articles(by_id((*other.texts.items(), *self.texts.items())), runs)

    @property
    def row(self) -> dict[str, Any]:
        """These articles as they stand in a manifest."""
        runs = {id: " ".join(sorted(found)) for id, found in self.runs.items()}
        return {**({"runs": runs} if runs else {}), "articles": dict(self.texts)}

    def among(self, documents: Iterable[Document]) -> set[str]:
        """The ids of those documents that are among these articles, by id, by runs of words or by text."""
        documents = list(documents)
        texts = set(self.texts.values())
        same = {d.id for d in documents if not texts.isdisjoint(article_digests(d.text))}
        same |= slices.among((document.id for document in documents), self.texts)
        return same | slices.sharing(documents, self.runs)

    def surely(self, documents: Sequence[Document]) -> set[str]:
        """As ``among``, but a text under five words alone tells no article."""
        short = {document.id for document in documents if recurs(document.text)}
        return self.among(documents) - (short - slices.among(short, self.texts))

    def very(self, documents: Iterable[Document]) -> list[Document]:
        """Those documents that are these articles, by id and by text."""
        return [d for d in documents if self.texts.get(d.id) in article_digests(d.text)]

    def namesakes(self, documents: Iterable[Document]) -> set[str]:
        """The ids of those documents that have an article's id, and a text that none of these has."""
        named = [document for document in documents if document.id in self.texts]
        texts = set(self.texts.values())
        return {d.id for d in named if texts.isdisjoint(article_digests(d.text))}


def by_id(articles: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Articles by id, each with the digest of its text; a further text of an id stands under both."""
    found: dict[str, str] = {}
    for id, text in articles:
        if found.setdefault(id, text) != text:
            found[f"{id}#{text}"] = text
    return found
