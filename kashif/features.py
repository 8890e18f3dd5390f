"""Windows as the rows that training reads, and rows as batches of tensors."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch

from kashif import decoding
from kashif.document import Document
from kashif.model import IGNORED
from kashif.scheme import Mapping, Scheme
from kashif.windows import Aligned, Layout, Window, align

Row = dict[str, Any]


def rows(document: Document, layout: Layout, scheme: Scheme, mapping: Mapping | None = None) -> list[Row]:
    """A row for each window of a document, with the gold that lies in it.

    Through a mapping only what that corpus's guidelines say is known: of ``known`` types that no span
    is elsewhere; nothing of other types there, inside flat spans, of proclitics (unless they stand
    outside spans there too) and of relations. ``choices`` are spans that may be of several types;
    ``ended`` are the words behind spans with the types that do not go on there: a longer span of one of
    them would be the one that is marked.
    """
    aligned, _ = align(document, layout, scheme, mapping)
    known = scheme.labels if mapping is None else mapping.complete
    flat = mapping is not None and not mapping.nested
    judged = mapping is None or mapping.proclitics
    starts = {entity.id: entity.start for entity in document.entities}
    related: dict[int, list[tuple[int, int]]] = {}  # head: its tails and relations
    for relation in document.relations:
        index = scheme.relation_labels.index(relation.label)
        head, tail = relation.head, relation.tail
        if scheme.relations[relation.label].symmetric:  # scored in text order only
            head, tail = sorted((head, tail), key=starts.__getitem__)
        related.setdefault(head, []).append((tail, index))
    # Spans stand by their first word; how far those up to each one reach grows likewise.
    reached = list(accumulate((item.last for item in aligned), max))
    result = []
    for window in layout.windows:
        low = bisect_right(reached, window.first)
        high = bisect_left(aligned, window.last, key=lambda item: item.first)
        near = [item for item in aligned[low:high] if item.last > window.first]
        inside = [item for item in near if window.first <= item.first and item.last <= window.last]
        place = {item.entity.id: index for index, item in enumerate(inside)}
        # A span cut by the window's edge is neither there nor absent: its words are not judged.
        cut = [item for item in near if item.entity.id not in place]
        gold = [
            [place[head], place[tail], label]
            for head in place
            for tail, label in related.get(head, ())
            if tail in place
        ]
        result.append(
            {
                "input_ids": window.input_ids,
                "starts": window.starts,
                "ends": window.ends,
                "sentence": layout.sentence[window.first : window.last],
                "known": _types(known, scheme),
                "unknown": [[item.first - window.first, item.last - window.first] for item in near if flat],
                "spans": [
                    [*_cells(item, window, scheme), item.letters if judged else IGNORED]
                    for item in inside
                    if len(item.types) == 1
                ],
                "choices": [_cells(item, window, scheme) for item in inside if len(item.types) > 1],
                "ended": [
                    [item.last - window.first, *_types(item.types, scheme)]
                    for item in near
                    if mapping is not None and item.last < window.last
                ],
                "cut": [_cells(item, window, scheme) for item in cut],
                "paired": mapping is None,
                "relations": gold,
            }
        )
    return result


def _cells(item: Aligned, window: Window, scheme: Scheme) -> list[int]:
    """First word, behind the last word, both counted in the window; the types."""
    return [item.first - window.first, item.last - window.first, *_types(item.types, scheme)]


def _types(labels: Iterable[str], scheme: Scheme) -> list[int]:
    return [scheme.labels.index(label) for label in labels]


def pad_inputs(batch: Sequence[Any], pad_id: int) -> dict[str, torch.Tensor]:
    """The encoder's inputs of a batch of rows: ids, mask, and the sub-words of each word."""
    tokens = max(len(row["input_ids"]) for row in batch)
    width = max(len(row["starts"]) for row in batch)
    input_ids = np.full((len(batch), tokens), pad_id, np.int64)
    mask = np.zeros((len(batch), tokens), np.int64)
    bounds = np.zeros((2, len(batch), width), np.int64)
    for index, row in enumerate(batch):
        input_ids[index, : len(row["input_ids"])] = row["input_ids"]
        mask[index, : len(row["input_ids"])] = 1
        bounds[0, index, : len(row["starts"])] = row["starts"]
        bounds[1, index, : len(row["ends"])] = row["ends"]
    return {
        "input_ids": torch.from_numpy(input_ids),
        "attention_mask": torch.from_numpy(mask),
        "starts": torch.from_numpy(bounds[0]),
        "ends": torch.from_numpy(bounds[1]),
    }


class Collator:
    """Rows -> the arguments of ``KashifModel.forward``, padded."""

    def __init__(self, scheme: Scheme, pad_id: int) -> None:
        self.scheme = scheme
        self.pad_id = pad_id

    def __call__(self, batch: Sequence[Row]) -> dict[str, torch.Tensor]:
        inputs = pad_inputs(batch, self.pad_id)
        shape = (*inputs["starts"].shape, len(self.scheme.labels))
        tags = np.full(shape, IGNORED, np.int64)
        proclitics = np.full(shape[:2], IGNORED, np.int64)
        spans: list[list[int]] = []
        choices: list[list[int]] = []
        options: list[list[bool]] = []
        ended: list[list[int]] = []
        gold: dict[tuple[int, int], list[int]] = {}
        for index, row in enumerate(batch):
            tags[index, : len(row["starts"]), row["known"]] = decoding.OUTSIDE
            for first, last in row["unknown"]:
                tags[index, max(first, 0) : last] = IGNORED
            for first, last, *kinds in (*row["cut"], *row["choices"]):
                tags[index, max(first, 0) : last, kinds] = IGNORED
            for first, last, *kinds in row["choices"]:
                for word in range(first, last):
                    choices.append([index, word, decoding.INSIDE if word > first else decoding.BEGIN])
                    options.append([kind in kinds for kind in range(shape[-1])])
            for head, tail, label in row["relations"]:
                gold.setdefault((head + len(spans), tail + len(spans)), []).append(label)
            for first, last, kind, letters in row["spans"]:
                tags[index, first, kind] = decoding.BEGIN
                tags[index, first + 1 : last, kind] = decoding.INSIDE
                proclitics[index, first] = letters
                if row["paired"]:
                    spans.append([index, first, last, kind])
            covered = {
                (word, kind)
                for first, last, *kinds in (*row["cut"], *row["choices"])
                for word in range(max(first, 0), last)
                for kind in kinds
            }
            behind = {(word, kind) for word, *kinds in row["ended"] for kind in kinds} - covered
            ended += [[index, *cell] for cell in sorted(behind) if tags[(index, *cell)] == IGNORED]
        columns = np.array(spans, np.int64).reshape(-1, 4)
        scores = np.ones(len(spans), np.float32)
        pairs = decoding.pair(
            decoding.Spans(columns[:, 0], columns[:, 1], columns[:, 2], columns[:, 3], scores),
            lambda index: batch[index]["sentence"],
            self.scheme,
        )
        related = np.where(pairs.allowed, 0, IGNORED)
        for row_index, key in enumerate(zip(pairs.head.tolist(), pairs.tail.tolist(), strict=True)):
            for label in gold.get(key, ()):
                if pairs.allowed[row_index, label]:
                    related[row_index, label] = 1
        return {
            **inputs,
            "tags": torch.from_numpy(tags),
            "proclitics": torch.from_numpy(proclitics),
            "choices": torch.from_numpy(np.array(choices, np.int64).reshape(-1, 3)),
            "options": torch.from_numpy(np.array(options, np.bool_).reshape(-1, shape[-1])),
            "ended": torch.from_numpy(np.array(ended, np.int64).reshape(-1, 3)),
            "spans": torch.from_numpy(columns),
            "pairs": pair_tensor(pairs),
            "related": torch.from_numpy(related),
        }


def pair_tensor(pairs: decoding.Pairs) -> torch.Tensor:
    """``[pair, 4]``: head, tail, distance, crossing."""
    return torch.from_numpy(np.stack([pairs.head, pairs.tail, pairs.distance, pairs.crossing], 1))
