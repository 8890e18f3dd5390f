"""Documents as tag sequences, which seqeval counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from kashif.arabic import sentence_index, sentences, touched, words
from kashif.document import Document


def counted(pairs: Iterable[tuple[Document, Document]]) -> tuple[int, int, int]:
    """True positives, false positives and false negatives of ``(gold, predicted)`` in seqeval's strict IOB2.

    Spans are taken over whole words, in a sequence for each sentence and entity label.
    """
    from seqeval.metrics.v1 import precision_recall_fscore_support
    from seqeval.scheme import IOB2

    true, guessed = [], []
    for document, guess in pairs:
        labels = sorted({entity.label for entity in (*document.entities, *guess.entities)})
        true += _tags(document, labels)
        guessed += _tags(guess, labels)
    if not true:
        return 0, 0, 0
    precision, recall, _, support = precision_recall_fscore_support(
        true, guessed, average="micro", scheme=IOB2, zero_division=0
    )
    tp = round(float(recall) * int(support))
    predicted = round(tp / float(precision)) if precision else _begun(guessed)
    return tp, predicted - tp, int(support) - tp


def _begun(sequences: list[list[str]]) -> int:
    return sum(tag.startswith("B-") for tags in sequences for tag in tags)


def _tags(document: Document, labels: Sequence[str]) -> list[list[str]]:
    """The tags of each sentence, for one label after the other."""
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
                    tags[index] = f"{'I' if number else 'B'}-{label}"
        result += [tags[first:last] for first, last in pairwise(bounds) if first < last]
    return result
