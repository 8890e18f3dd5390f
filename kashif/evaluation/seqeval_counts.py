"""Documents as tag sequences, which seqeval counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from kashif.arabic import sentence_index, sentences, touched, words
from kashif.document import Document


def seqeval_counts(pairs: Iterable[tuple[Document, Document]]) -> tuple[int, int, int]:
    """True positives, false positives and false negatives of ``(gold, predicted)`` in seqeval's strict IOB2.

    Spans are taken over whole words, in a sequence for each sentence and entity label.
    """
    from seqeval.scheme import IOB2, Entities

    true, guessed = [], []
    for document, guess in pairs:
        labels = sorted({entity.label for entity in (*document.entities, *guess.entities)})
        true += _tags(document, labels)
        guessed += _tags(guess, labels)
    gold, predicted = (
        {
            (entity.sent_id, entity.start, entity.end)
            for row in Entities(rows, IOB2).entities
            for entity in row
        }
        for rows in (true, guessed)
    )
    return len(gold & predicted), len(predicted - gold), len(gold - predicted)


def _tags(document: Document, labels: Sequence[str]) -> list[list[str]]:
    """The tags B-, I- and O of each sentence, for one label after the other.

    All tags name one label: a sequence holds no other, and a label's own hyphens cannot mislead seqeval.
    """
    spans = words(document.text)
    sentence = sentence_index(sentences(document.text))
    where = [sentence(start) for start, _ in spans]
    bounds = [0, *(i for i in range(1, len(where)) if where[i] != where[i - 1]), len(where)]
    result: list[list[str]] = []
    for label in labels:
        tags = ["O"] * len(spans)
        for entity in sorted(document.entities, key=lambda item: (item.start, -item.end)):
            if entity.label == label:
                for number, index in enumerate(touched(spans, entity.start, entity.end)):
                    tags[index] = "I-span" if number else "B-span"
        result += [tags[first:last] for first, last in pairwise(bounds) if first < last]
    return result
