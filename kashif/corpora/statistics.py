"""What a corpus holds, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kashif.arabic import sentence_index, sentences, words
from kashif.document import Document

_NAMED = 5
"""How many articles a line names."""


def unmarked(documents: Sequence[Document]) -> list[str]:
    """A line that names the articles in which nothing is marked, if in others something is."""
    bare = [document.id for document in documents if not document.entities]
    if not bare or len(bare) == len(documents):
        return []
    named = ", ".join(bare[:_NAMED]) + (" …" if len(bare) > _NAMED else "")
    return [f"nothing is marked in {len(bare)} of {len(documents)} articles: {named}"]


def statistics(documents: Sequence[Document]) -> dict[str, dict[str, int]]:
    """Counts of a corpus: ``totals``, ``entities`` by label, ``relations`` by label."""
    entities = Counter(entity.label for document in documents for entity in document.entities)
    relations = Counter(rel.label for document in documents for rel in document.relations)
    crossing = 0
    for document in documents:
        sentence = sentence_index(sentences(document.text))
        start = {entity.id: entity.start for entity in document.entities}
        crossing += sum(
            sentence(start[relation.head]) != sentence(start[relation.tail])
            for relation in document.relations
        )
    totals = {
        "documents": len(documents),
        "words": sum(count_words(document.text) for document in documents),
        "words and marks": sum(len(words(document.text)) for document in documents),
        "sentences": sum(len(sentences(document.text)) for document in documents),
        "entities": entities.total(),
        "nested entities": sum(_nested(document) for document in documents),
        "relations": relations.total(),
        "relations across sentences": crossing,
    }
    return {
        "totals": totals,
        "entities": dict(entities.most_common()),
        "relations": dict(relations.most_common()),
    }


def count_words(text: str) -> int:
    """The words a person would count: runs between white space that hold a letter or digit."""
    return sum(any(char.isalnum() for char in run) for run in text.split())


def _nested(document: Document) -> int:
    """How many entities stand inside another; of several on one span all but one do."""
    spans = Counter((entity.start, -entity.end) for entity in document.entities)
    reached = nested = 0
    for (_, end), count in sorted(spans.items()):  # an outer span comes before those inside it
        nested += count if -end <= reached else count - 1
        reached = max(reached, -end)
    return nested
