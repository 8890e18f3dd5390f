"""A model folder is loaded, and predicts the documents of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch

from kashif import box
from kashif.document import Document
from kashif.errors import InputError
from kashif.modeling import batching, decoding, forks
from kashif.modeling import runtime as runtimes
from kashif.modeling.alignment import align, is_cut_short
from kashif.modeling.batching import DocumentWindow, chunks
from kashif.modeling.decoding import ScoredRelation, ScoredSpan, SpanKey
from kashif.modeling.encoder import load_tokenizer
from kashif.modeling.model import KashifModel
from kashif.modeling.weights import load_model, read_config, refusing
from kashif.modeling.windows import Layout, lay_out, refuse_no_layouts, refuse_other_number, refuse_others
from kashif.validation import as_named_text, check_number, named_texts, refuse_no_documents, refuse_no_texts

_ABOVE_ZERO = 1e-9
"""A threshold that drops what the scheme forbids, which has the score 0."""
_TOKENS = 512
"""Sub-words of a batch on a CPU, padding included: larger batches leave its cache and run slower."""
_PAIRS = 512
"""Pairs of spans that a CPU scores at a time; more would only take more memory."""
_MOST_THREADS = 1024
_GPU_FACTOR = 32
"""How many times as much a GPU takes at a time."""


def load(
    model: str | Path | None = None,
    *,
    device: str | None = None,
    runtime: str = "auto",
    threads: int | None = None,
) -> Predictor:
    """The predictor of a model folder; for the arguments see ``kashif.load``.

    Raises:
        InputError: if there is no model, no such device, or no such runtime for it.
    """
    folder = box.find(model)
    where = _device(device)
    if threads is not None:
        if not isinstance(threads, int) or isinstance(threads, bool) or not 1 <= threads <= _MOST_THREADS:
            raise InputError(f"threads {threads!r:.40}: write a number from 1 to {_MOST_THREADS}")
        torch.set_num_threads(1 if forks.is_fork() else threads)
    return box.unchanging(folder, lambda: _read(folder, runtime, where))


def _read(folder: Path, runtime: str, where: torch.device) -> Predictor:
    """The predictor of what stands in a folder now."""
    chosen = runtimes.choose(folder, runtime, device=where.type)
    config = read_config(KashifModel, folder)
    network: KashifModel = (
        load_model(KashifModel, folder, config) if chosen == "torch" else runtimes.with_graph(folder, chosen)
    )
    tokenizer = load_tokenizer(folder, vocabulary=(config.encoder or {}).get("vocab_size", 0))
    torch.nn.Module.to(network, where)
    network.eval()  # type: ignore[no-untyped-call]
    return Predictor(network, tokenizer)


def _device(name: str | None) -> torch.device:
    """The device of this name; the GPU if there is one, else the CPU, for None."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with refusing(f"device '{name}'"):
        device = torch.device(name)
        torch.empty(0, device=device)
    if device.type == "meta":
        raise InputError("device 'meta': it computes nothing")
    return device


Observe = Callable[[Sequence[DocumentWindow], torch.Tensor, decoding.Floats, decoding.Ints], None]
"""Takes a batch, its words ``[window, word, width]``, ``decode``'s probabilities, the proclitic counts."""


class Predictor:
    """Predicts entities and relations with a trained model. Several threads may use one.

    Made by ``kashif.load``. ``scheme`` is the annotation scheme that the model was trained with.
    """

    def __init__(self, model: KashifModel, tokenizer: Any) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.scheme = model.config.annotation_scheme()

    @overload
    def predict(self, texts: str) -> Document: ...  # type: ignore[overload-overlap]

    @overload
    def predict(self, texts: Iterable[str]) -> list[Document]: ...

    def predict(self, texts: str | Iterable[str]) -> Document | list[Document]:
        """The document of a text, or the documents of several texts, in order.

        Offsets are code points of the very string given. Ids are ``text`` or ``text-1``, ``text-2`` ….

        Raises:
            InputError: if a text is not a string.
        """
        if isinstance(texts, str):
            return self.predict_documents([("text", texts)])[0]
        return list(self.stream(texts))

    def stream(self, texts: Iterable[str]) -> Iterator[Document]:
        """The documents of any number of texts, in order. Only a few are held in memory at a time.

        They come in lots: the texts are read until they have 65,536 code points together, or end. For the
        answer to each text as it comes, call ``predict``.

        Raises:
            InputError: if a text is not a string.
        """
        return self.stream_documents(named_texts(texts))

    def stream_documents(
        self,
        texts: Iterable[tuple[str, str]],
        *,
        threshold: float | None = None,
        layouts: Sequence[Layout] | None = None,
    ) -> Iterator[Document]:
        """As ``stream``, for ``(id, text)``; for the arguments see ``predict_documents``."""
        done = 0
        refuse_no_texts(texts)
        if layouts is not None:
            refuse_no_layouts(layouts)
        for chunk in chunks(map(as_named_text, texts), lambda item: len(item[1])):
            part = None if layouts is None else layouts[done : done + len(chunk)]
            yield from self.predict_documents(chunk, threshold=threshold, layouts=part)
            done += len(chunk)
        if layouts is not None:
            refuse_other_number(layouts, done)

    def lay_out(self, texts: Iterable[str]) -> list[Layout]:
        """The layouts of texts, as the model reads them.

        Raises:
            InputError: if a text is not a string.
        """
        bare = [text for _, text in named_texts(texts)]
        return lay_out(bare, self.tokenizer, size=self.model.config.window)

    def _laid_out(self, texts: Sequence[str], layouts: Sequence[Layout] | None) -> Sequence[Layout]:
        """Layouts that are those of the texts: the ones given, or new ones."""
        if layouts is None:
            return self.lay_out(texts)
        refuse_others(layouts, texts)
        return layouts

    @torch.inference_mode()
    def predict_documents(
        self,
        texts: Sequence[tuple[str, str]],
        *,
        threshold: float | None = None,
        layouts: Sequence[Layout] | None = None,
        observe: Observe | None = None,
    ) -> list[Document]:
        """The documents of ``(id, text)``.

        ``threshold`` is the probability from which a relation is predicted, None the model's own; ``layouts``
        are those of the texts, made here if None. ``observe`` sees what each batch is decoded from.

        Raises:
            InputError: for what is no ``(id, text)``, a threshold that is no number, or other layouts.
        """
        refuse_no_texts(texts)
        texts = [*map(as_named_text, texts)]
        check_number(threshold, "threshold")
        self.model.train(False)
        layouts = self._laid_out([text for _, text in texts], layouts)
        least = self.model.config.relation_threshold if threshold is None else threshold
        spans: list[list[ScoredSpan]] = [[] for _ in texts]
        relations: list[list[ScoredRelation]] = [[] for _ in texts]
        for batch in self._batches(layouts):
            words = self._encode(batch)
            tags, proclitics = self.model.tag_logits(words)
            counts = proclitics.argmax(-1).cpu().numpy()
            probabilities = torch.softmax(tags.float(), -1).cpu().numpy()
            if observe:
                observe(batch, words, probabilities, counts)
            found = decoding.decode(probabilities, [len(item.window.starts) for item in batch])
            config = self.model.config
            found = found.calibrated(config.entity_calibration).above(config.entity_threshold)
            keys = [batch[row].key(*rest) for row, *rest in found.columns.tolist()]
            for place, (row, first) in enumerate(
                zip(found.window.tolist(), found.first.tolist(), strict=True)
            ):
                item, key = batch[row], keys[place]
                if not is_cut_short(item.layout, item.window, key[0], key[1]):
                    scored = ScoredSpan(key, int(counts[row, first]), float(found.score[place]))
                    spans[item.index].append(scored)
            for index, relation in self._score_relations(batch, words, found, keys=keys, threshold=least):
                relations[index].append(relation)
        return [
            decoding.merge_windows(
                id, text, layout=layout, spans=spans[index], relations=relations[index], scheme=self.scheme
            )
            for index, ((id, text), layout) in enumerate(zip(texts, layouts, strict=True))
        ]

    def above_threshold(self, document: Document) -> Document:
        """A document predicted at threshold 0, with the relations that the model itself predicts."""
        least = self.model.config.relation_threshold
        kept = tuple(r for r in document.relations if r.score is not None and r.score >= least)
        return replace(document, relations=kept)

    @torch.inference_mode()
    def predict_relations(
        self, documents: Sequence[Document], *, layouts: Sequence[Layout] | None = None
    ) -> list[Document]:
        """The documents with the relations that the model predicts between the entities they hold.

        Entities stay as they are; one that no tag sequence can express takes no relation. ``layouts`` are
        those of the documents' texts, made here if None.

        Raises:
            InputError: for what is no list of documents, or other layouts.
        """
        refuse_no_documents(documents)
        self.model.train(False)
        layouts = self._laid_out([document.text for document in documents], layouts)
        aligned = [
            align(document, layout, scheme=self.scheme).entities
            for document, layout in zip(documents, layouts, strict=True)
        ]
        labels = {label: index for index, label in enumerate(self.scheme.labels)}
        relations: list[list[ScoredRelation]] = [[] for _ in documents]
        for batch in self._batches(layouts):
            columns = [
                [row, e.first - item.window.first, e.last - item.window.first, labels[e.entity.label]]
                for row, item in enumerate(batch)
                for e in aligned[item.index]
                if item.window.first <= e.first and e.last <= item.window.last
            ]
            given = decoding.Spans.of(np.array(columns, np.int64).reshape(-1, 4))
            keys = [batch[row].key(*rest) for row, *rest in columns]
            least = self.model.config.relation_threshold
            scored = self._score_relations(batch, self._encode(batch), given, keys=keys, threshold=least)
            for index, relation in scored:
                relations[index].append(relation)
        merged = []
        for document, entities, found in zip(documents, aligned, relations, strict=True):
            ids = {(e.first, e.last, labels[e.entity.label]): e.entity.id for e in entities}
            kept = decoding.merge_relations(found, ids, scheme=self.scheme)
            merged.append(replace(document, relations=kept))
        return merged

    def _batches(self, layouts: Sequence[Layout]) -> Iterator[list[DocumentWindow]]:
        """Windows of like length together, up to a number of sub-words that counts their padding."""
        most = self._scaled(_TOKENS)
        windows = [
            DocumentWindow(index, window, layout)
            for index, layout in enumerate(layouts)
            for window in layout.windows
        ]
        batch: list[DocumentWindow] = []
        for item in sorted(windows, key=lambda item: -len(item.window.input_ids)):
            longest = len(batch[0].window.input_ids) if batch else 0
            if batch and longest * (len(batch) + 1) > most:
                yield batch
                batch = []
            batch.append(item)
        if batch:
            yield batch

    def _scaled(self, size: int) -> int:
        return size if self.model.device.type == "cpu" else size * _GPU_FACTOR

    def _encode(self, batch: Sequence[DocumentWindow]) -> torch.Tensor:
        """The words of a batch: ``[window, word, width]``."""
        inputs = batching.pad_inputs([item.window for item in batch], self.tokenizer.pad_token_id)
        on_device = {name: value.to(self.model.device) for name, value in inputs.items()}
        return self.model.encode_words(**on_device)

    def _score_relations(
        self,
        batch: Sequence[DocumentWindow],
        words: torch.Tensor,
        spans: decoding.Spans,
        *,
        keys: Sequence[SpanKey],
        threshold: float,
    ) -> Iterator[tuple[int, ScoredRelation]]:
        """The relations between the spans of a batch from a threshold on, each with its document's index."""
        if self.model.relation_head is None:
            return
        pairs = decoding.candidate_pairs(spans, lambda row: batch[row].sentence, scheme=self.scheme)
        if not len(pairs.head):
            return
        columns = torch.from_numpy(spans.columns).to(words.device)
        table = batching.pair_tensor(pairs).to(words.device)
        logits = self.model.relation_head(words, columns, table, self._scaled(_PAIRS))
        # The score of a relation is P(relation) * P(head) * P(tail).
        certain = (spans.score[pairs.head] * spans.score[pairs.tail])[:, None]
        scores = torch.sigmoid(logits.float()).cpu().numpy() * certain
        scores = decoding.calibrated(scores, self.model.config.relation_calibration) * pairs.allowed
        least = np.float64(max(threshold, _ABOVE_ZERO))
        for row, label in zip(*np.nonzero(scores >= least), strict=True):
            head, tail = pairs.head[row], pairs.tail[row]
            relation = ScoredRelation(keys[head], keys[tail], int(label), float(scores[row, label]))
            yield batch[int(spans.window[head])].index, relation
