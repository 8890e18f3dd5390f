"""Windows as training examples, and examples as batches of tensors."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from kashif.document import Document
from kashif.modeling import decoding
from kashif.modeling.alignment import AlignedEntity, Alignment
from kashif.modeling.decoding import SpanKey
from kashif.modeling.losses import IGNORE_INDEX
from kashif.modeling.windows import Layout, Window
from kashif.scheme import Scheme

Item = TypeVar("Item")
Key = tuple[int, int, str]
"""``Entity.key``, by which relations find their arguments: of a mark that stands twice one is aligned."""
_CHUNK = 65536
"""Code points of text that are laid out and batched together while streaming."""


@dataclass(frozen=True, slots=True)
class WindowExample:
    """A window with the gold that lies in it. Words are counted in the window.

    ``input_ids`` ``[token]``; ``starts``, ``ends`` and ``sentence`` ``[word]``: each word's sub-words
    ``[start, end)`` and its sentence. ``spans`` ``[span, 4]``: first word, behind the last word, entity
    label, proclitic count. ``cut`` ``[cut, 3]``: first word (negative if before the window), behind the
    last word, entity label of the spans that an edge of the window cuts. ``relations`` ``[relation, 3]``:
    head and tail as indices of ``spans``, relation label. Labels are indices in the scheme's order.
    ``source`` is 0, or the auxiliary corpus of the window, counted from 1.
    """

    input_ids: list[int]
    starts: list[int]
    ends: list[int]
    sentence: list[int]
    spans: list[list[int]]
    cut: list[list[int]]
    relations: list[list[int]]
    source: int = 0


def window_examples(
    document: Document, layout: Layout, *, alignment: Alignment, scheme: Scheme, source: int = 0
) -> list[WindowExample]:
    """An example for each window of a document; ``scheme`` is that of its corpus."""
    aligned = alignment.entities
    by_id = document.by_id()
    related: dict[Key, list[tuple[Key, int]]] = {}  # head: its tails and relation labels
    for relation in document.relations:
        label = scheme.relation_labels.index(relation.label)
        ends = by_id[relation.head].key, by_id[relation.tail].key
        head, tail = scheme.ordered(relation.label, *ends)  # symmetric ones run in text order
        related.setdefault(head, []).append((tail, label))
    # Spans stand by their first word; how far those up to each one reach grows likewise.
    reached = list(accumulate((item.last for item in aligned), max))
    examples = []
    for window in layout.windows:
        low = bisect_right(reached, window.first)
        high = bisect_left(aligned, window.last, key=lambda item: item.first)
        near = [item for item in aligned[low:high] if item.last > window.first]
        inside = [item for item in near if window.first <= item.first and item.last <= window.last]
        place = {item.entity.key: index for index, item in enumerate(inside)}
        examples.append(
            WindowExample(
                input_ids=window.input_ids,
                starts=window.starts,
                ends=window.ends,
                sentence=layout.sentence[window.first : window.last],
                spans=[[*_cells(item, window, scheme), item.proclitic_count] for item in inside],
                cut=[_cells(item, window, scheme) for item in near if item.entity.key not in place],
                relations=[
                    [place[head], place[tail], label]
                    for head in place
                    for tail, label in related.get(head, ())
                    if tail in place
                ],
                source=source,
            )
        )
    return examples


def _cells(item: AlignedEntity, window: Window, scheme: Scheme) -> list[int]:
    """First word and behind the last word, both counted in the window, and the label."""
    return [item.first - window.first, item.last - window.first, scheme.labels.index(item.entity.label)]


class Inputs(Protocol):
    """What an encoder reads: a ``Window``, or a ``WindowExample``."""

    @property
    def input_ids(self) -> list[int]: ...
    @property
    def starts(self) -> list[int]: ...
    @property
    def ends(self) -> list[int]: ...


def pad_inputs(batch: Sequence[Inputs], pad_id: int) -> dict[str, torch.Tensor]:
    """The encoder's inputs: ids and mask ``[batch, token]``, starts and ends ``[batch, word]``."""
    tokens = max(len(row.input_ids) for row in batch)
    width = max(len(row.starts) for row in batch)
    input_ids = np.full((len(batch), tokens), pad_id, np.int64)
    mask = np.zeros((len(batch), tokens), np.int64)
    bounds = np.zeros((2, len(batch), width), np.int64)
    for index, row in enumerate(batch):
        input_ids[index, : len(row.input_ids)] = row.input_ids
        mask[index, : len(row.input_ids)] = 1
        bounds[0, index, : len(row.starts)] = row.starts
        bounds[1, index, : len(row.ends)] = row.ends
    return {
        "input_ids": torch.from_numpy(input_ids),
        "attention_mask": torch.from_numpy(mask),
        "starts": torch.from_numpy(bounds[0]),
        "ends": torch.from_numpy(bounds[1]),
    }


class Collator:
    """Rows of a dataset of ``WindowExample`` -> the arguments of ``KashifModel.forward``, padded.

    ``auxiliary`` are the label counts of auxiliary corpora, whose windows teach no relations.
    """

    def __init__(self, scheme: Scheme, pad_id: int, *, auxiliary: Sequence[int] = ()) -> None:
        self.scheme = scheme
        self.pad_id = pad_id
        self.auxiliary = auxiliary

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        batch = [WindowExample(**row) for row in rows]
        inputs = pad_inputs(batch, self.pad_id)
        shape = (*inputs["starts"].shape, len(self.scheme.labels))
        tags = np.full(shape, IGNORE_INDEX, np.int64)
        proclitics = np.full(shape[:2], IGNORE_INDEX, np.int64)
        spans: list[list[int]] = []
        gold: dict[tuple[int, int], list[int]] = {}
        for index, row in enumerate(batch):
            if row.source:
                continue
            _write_tags(tags[index], row)
            for head, tail, label in row.relations:
                gold.setdefault((head + len(spans), tail + len(spans)), []).append(label)
            for first, last, label, letters in row.spans:
                proclitics[index, first] = letters
                spans.append([index, first, last, label])
        columns = np.array(spans, np.int64).reshape(-1, 4)
        pairs = decoding.candidate_pairs(
            decoding.Spans.of(columns), lambda index: batch[index].sentence, scheme=self.scheme
        )
        related = np.where(pairs.allowed, 0, IGNORE_INDEX)
        for row_index, key in enumerate(zip(pairs.head.tolist(), pairs.tail.tolist(), strict=True)):
            for label in gold.get(key, ()):
                if pairs.allowed[row_index, label]:
                    related[row_index, label] = 1
        return {
            **inputs,
            "tag_labels": torch.from_numpy(tags),
            "proclitic_labels": torch.from_numpy(proclitics),
            "spans": torch.from_numpy(columns),
            "pairs": pair_tensor(pairs),
            "relation_labels": torch.from_numpy(related),
            **(auxiliary_labels(batch, self.auxiliary) if self.auxiliary else {}),
        }


def auxiliary_labels(batch: Sequence[WindowExample], sizes: Sequence[int]) -> dict[str, torch.Tensor]:
    """``source`` and ``auxiliary_labels`` of ``AuxiliaryTaggers.losses``; ``sizes`` are label counts."""
    width = max(len(row.starts) for row in batch)
    tags = np.full((len(batch), width, max(sizes)), IGNORE_INDEX, np.int64)
    for index, row in enumerate(batch):
        if row.source:
            _write_tags(tags[index, :, : sizes[row.source - 1]], row)
    source = torch.tensor([row.source for row in batch])
    return {"source": source, "auxiliary_labels": torch.from_numpy(tags)}


def _write_tags(tags: NDArray[np.int64], row: WindowExample) -> None:
    """Writes a window's tags into ``[word, label]``, which is padded at the end."""
    tags[: len(row.starts)] = decoding.OUTSIDE
    # A span cut by the window's edge is neither there nor absent: its words are not judged.
    for first, last, label in row.cut:
        tags[max(first, 0) : last, label] = IGNORE_INDEX
    for first, last, label, _ in row.spans:
        tags[first, label] = decoding.BEGIN
        tags[first + 1 : last, label] = decoding.INSIDE


def pair_tensor(pairs: decoding.Pairs) -> torch.Tensor:
    """``[pair, 4]``: head, tail, distance, 1 if the pair crosses sentences."""
    columns = [pairs.head, pairs.tail, pairs.distance, pairs.cross_sentence]
    return torch.from_numpy(np.stack(columns, 1))


@dataclass(frozen=True, slots=True)
class DocumentWindow:
    """A window of the document at ``index``."""

    index: int
    window: Window
    layout: Layout

    @property
    def sentence(self) -> list[int]:
        """The sentence of each word."""
        return self.layout.sentence[self.window.first : self.window.last]

    def key(self, first: int, last: int, label: int) -> SpanKey:
        """The span of words ``[first, last)`` of the window, counted in the layout."""
        return first + self.window.first, last + self.window.first, label


def chunks(items: Iterable[Item], length: Callable[[Item], int]) -> Iterator[list[Item]]:
    """As many items at a time as are laid out and batched together; ``length`` counts code points."""
    chunk: list[Item] = []
    size = 0
    for item in items:
        chunk.append(item)
        size += max(1, length(item))
        if size >= _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
