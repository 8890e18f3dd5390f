"""What a model thinks of a text beside what it predicts: other spans that might be there, a mean vector.

Without torch, but for ``probe`` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kashif.document import Document
from kashif.modeling.alignment import is_cut_short, span_offsets, without_punctuation
from kashif.modeling.decoding import BEGIN, INSIDE, Floats, Ints, SpanKey, Spans
from kashif.modeling.windows import Layout
from kashif.scheme import Scheme

if TYPE_CHECKING:
    from torch import Tensor

    from kashif.modeling.batching import DocumentWindow
    from kashif.modeling.predictor import Predictor

LEAST = 0.01
"""Less probable spans are not listed: nearly every word begins some with a probability that is not 0."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a model thinks of a text.

    ``document`` is predicted with every relation that was scored, however low. ``spans`` are the predicted
    entities and all other spans of at least ``LEAST`` before calibration, as (label, start, end) in code
    points, with their calibrated probabilities. ``vector`` is the encoder's mean over the words, zeros for a
    text without one.
    """

    document: Document
    layout: Layout
    spans: dict[tuple[str, int, int], float]
    vector: Floats


Watch = Callable[[Iterable[Probe], str], Iterable[Probe]]
"""Passes probes on and tells somebody of the progress; the string says what they are."""


def probe(predictor: Predictor, texts: Iterable[tuple[str, str]]) -> Iterator[Probe]:
    """The probes of ``(id, text)``, in order. Only a few are held in memory at a time."""
    from kashif.modeling.batching import chunks

    for chunk in chunks(texts, lambda item: len(item[1])):
        layouts = predictor.lay_out([text for _, text in chunk])
        seen = _Observer(predictor, layouts)
        documents = predictor.predict_documents(chunk, threshold=0.0, layouts=layouts, observe=seen.observe)
        for index, (document, layout) in enumerate(zip(documents, layouts, strict=True)):
            spans = _in_code_points(seen.spans[index], layout, scheme=predictor.scheme)
            spans |= {(e.label, e.start, e.end): e.score or 0.0 for e in document.entities}
            yield Probe(document, layout, spans, seen.mean(index))


class _Observer:
    """Gathers, by document, the sum of the words and the spans that might have been predicted."""

    def __init__(self, predictor: Predictor, layouts: Sequence[Layout]) -> None:
        self.calibration = predictor.model.config.entity_calibration
        self.sums: NDArray[np.float64] = np.zeros((len(layouts), predictor.model.tagger.in_features))
        self.words = np.zeros(len(layouts), np.int64)
        self.spans: list[dict[SpanKey, tuple[float, int]]] = [{} for _ in layouts]

    def observe(
        self, batch: Sequence[DocumentWindow], words: Tensor, probabilities: Floats, proclitics: Ints
    ) -> None:
        lengths = [len(item.window.starts) for item in batch]
        vectors = words.float().cpu().numpy()
        for item, length, rows in zip(batch, lengths, vectors, strict=True):
            self.sums[item.index] += rows[:length].sum(0, dtype=np.float64)
            self.words[item.index] += length
        spans = candidates(probabilities, lengths, least=LEAST).calibrated(self.calibration)
        for (row, first, last, label), score in zip(
            spans.columns.tolist(), spans.score.tolist(), strict=True
        ):
            item = batch[row]
            key = item.key(first, last, label)
            if not is_cut_short(item.layout, item.window, key[0], key[1]):
                found = self.spans[item.index]
                found[key] = max(found.get(key, (0.0, 0)), (score, int(proclitics[row, first])))

    def mean(self, index: int) -> Floats:
        """The mean of a document's words; those that two windows show count twice."""
        mean: Floats = (self.sums[index] / max(1, self.words[index])).astype(np.float32)
        return mean


def candidates(probabilities: Floats, lengths: Sequence[int], *, least: float) -> Spans:
    """Every span of at least a probability; for the arguments, and how probable one is, see ``decode``.

    Spans may overlap: they are what might be there, not one reading of the windows.
    """
    _, longest, _, _ = probabilities.shape
    padded = np.pad(probabilities.astype(np.float64), ((0, 0), (0, 1), (0, 0), (0, 0)))
    padded[np.arange(longest + 1)[None, :] >= np.asarray(lengths)[:, None]] = 0
    window, first, label = np.nonzero(padded[..., BEGIN] >= least)
    last, so_far = first + 1, padded[window, first, label, BEGIN]
    found: list[Spans] = []
    while len(window):
        further = padded[window, last, label, INSIDE]
        spans = Spans(window, first, last, label, (so_far * (1 - further)).astype(np.float32))
        found.append(spans.above(least))
        so_far = so_far * further
        going_on = so_far >= least
        window, first, label = window[going_on], first[going_on], label[going_on]
        last, so_far = last[going_on] + 1, so_far[going_on]
    whole = Spans.of(np.concatenate([np.zeros((0, 4), np.int64), *(spans.columns for spans in found)]))
    return replace(whole, score=np.concatenate([whole.score[:0], *(spans.score for spans in found)]))


def _in_code_points(
    spans: dict[SpanKey, tuple[float, int]], layout: Layout, *, scheme: Scheme
) -> dict[tuple[str, int, int], float]:
    """Spans as documents have them, as ``decoding.merge_windows`` makes them; the highest of like ones."""
    found: dict[tuple[str, int, int], float] = {}
    for (first, last, index), (score, proclitics) in spans.items():
        label = scheme.labels[index]
        begin, end = without_punctuation(layout, first, last, scheme=scheme, label=label)
        if begin < end:
            letters = proclitics if begin == first else 0
            place = layout.folded.original(*span_offsets(layout, begin, end, proclitic_count=letters))
            key = (label, *place)
            found[key] = max(found.get(key, 0.0), score)
    return found
