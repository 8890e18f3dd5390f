"""A model folder becomes a function from text to Document."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoTokenizer

from kashif import decoding, features
from kashif import runtime as runtimes
from kashif.document import Document, Relation
from kashif.errors import InputError
from kashif.model import KashifModel
from kashif.windows import Layout, Window, align, cut_short, lay_out

_CHUNK = 65536
"""Code points of text that are laid out and batched together while streaming."""
_TOKENS = 512
"""Sub-words of a batch on a CPU, padding included: what its cache holds is the faster for it."""
_PAIRS = 512
"""Pairs of spans that a CPU scores at a time; more would only take more memory."""
_GPU = 32
"""How many times as much a GPU takes at a time."""


def find(model: str | Path | None) -> Path:
    """The model folder meant: the one given, ``$KASHIF_MODEL``, ``models/default`` or ``models/quickstart``.

    Raises:
        InputError: if there is none, with the command that makes one.
    """
    given = model or os.environ.get("KASHIF_MODEL")
    candidates = [Path(given)] if given else [Path("models/default"), Path("models/quickstart")]
    for candidate in candidates:
        if _is_model(candidate):
            return candidate
    if given:
        raise InputError(f"{given}: no model of Kashif's here; train one: kashif train RECIPE")
    raise InputError("no model given and none in models/; make one: kashif train train/quickstart.yaml")


def _is_model(folder: Path) -> bool:
    config = folder / "config.json"
    if not (folder / "model.safetensors").is_file() or not config.is_file():
        return False
    return bool(json.loads(config.read_text(encoding="utf-8")).get("model_type") == "kashif")


def load(model: str | Path | None = None, device: str | None = None, runtime: str = "auto") -> Predictor:
    """The predictor of a model folder, on the GPU if there is one.

    ``runtime`` is ``torch``, ``onnx`` or ``openvino``; with ``auto`` on a CPU it is the fastest that
    ``kashif export`` found to lose next to nothing, and torch where nothing was exported.

    Raises:
        InputError: if there is no model, or no such runtime for it.
    """
    folder = find(model)
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    runs = runtimes.choose(folder, runtime, chosen)
    network: KashifModel = (
        KashifModel.from_pretrained(folder) if runs == "torch" else runtimes.with_graph(folder, runs)
    )
    torch.nn.Module.to(network, chosen)
    network.eval()  # type: ignore[no-untyped-call]
    return Predictor(network, AutoTokenizer.from_pretrained(folder))


Job = tuple[int, Window, Layout]
"""A document's index, a window of it, its layout."""


class Predictor:
    """Tags entities and relations with a trained model. Safe to call from one thread at a time."""

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
        """
        if isinstance(texts, str):
            return self.documents([("text", texts)])[0]
        return list(self.stream(texts))

    def stream(self, texts: Iterable[str]) -> Iterator[Document]:
        """The documents of any number of texts, in order, holding only a few at a time."""
        return self.stream_documents((f"text-{i}", text) for i, text in enumerate(texts, start=1))

    def stream_documents(
        self, texts: Iterable[tuple[str, str]], threshold: float | None = None
    ) -> Iterator[Document]:
        """As ``stream``, for ``(id, text)``; for ``threshold`` see ``documents``."""
        for chunk in _chunks(texts):
            yield from self.documents(chunk, threshold)

    def documents(self, texts: Sequence[tuple[str, str]], threshold: float | None = None) -> list[Document]:
        """The documents of ``(id, text)``; relations from ``threshold`` on, else from the model's own."""
        self.model.train(False)
        least = self._thresholds(threshold)
        layouts = lay_out([text for _, text in texts], self.tokenizer, self.model.config.window)
        spans: list[list[Any]] = [[] for _ in texts]
        relations: list[list[Any]] = [[] for _ in texts]
        jobs = [(index, window, layout) for index, layout in enumerate(layouts) for window in layout.windows]
        for batch in _batches(jobs, self._at_a_time(_TOKENS)):
            self._run(batch, spans, relations, least)
        return [
            decoding.assemble(id, text, layout, spans[index], relations[index], self.scheme)
            for index, ((id, text), layout) in enumerate(zip(texts, layouts, strict=True))
        ]

    def confident(self, document: Document) -> Document:
        """A document predicted at threshold 0, with the relations that the model itself gives out."""
        least = dict(zip(self.scheme.relation_labels, self._thresholds(None), strict=True))
        kept = tuple(r for r in document.relations if r.score is not None and r.score >= least[r.label])
        return replace(document, relations=kept)

    @torch.inference_mode()
    def relate(self, documents: Sequence[Document]) -> list[Document]:
        """The documents with the relations that the model sees between the entities they hold.

        Entities stay as they are; one that no tag sequence can express takes no relation.
        """
        self.model.train(False)
        layouts = lay_out([d.text for d in documents], self.tokenizer, self.model.config.window)
        aligned = [align(d, layout, self.scheme)[0] for d, layout in zip(documents, layouts, strict=True)]
        relations: list[list[Any]] = [[] for _ in documents]
        least = self._thresholds()
        jobs = [(i, window, layout) for i, layout in enumerate(layouts) for window in layout.windows]
        for batch in _batches(jobs, self._at_a_time(_TOKENS)):
            given = [
                (row, item)
                for row, (index, window, _) in enumerate(batch)
                for item in aligned[index]
                if window.first <= item.first and item.last <= window.last
            ]
            columns = [
                (
                    row,
                    a.first - batch[row][1].first,
                    a.last - batch[row][1].first,
                    self.scheme.labels.index(a.entity.label),
                )
                for row, a in given
            ]
            table = np.array(columns, np.int64).reshape(-1, 4)
            scores = np.ones(len(table), np.float32)
            found = decoding.Spans(table[:, 0], table[:, 1], table[:, 2], table[:, 3], scores)
            keys = [(a.first, a.last, column[3]) for (_, a), column in zip(given, columns, strict=True)]
            self._relate(batch, self._read(batch), found, keys, relations, least)
        result = []
        for index, document in enumerate(documents):
            ids = {
                (a.first, a.last, self.scheme.labels.index(a.entity.label)): a.entity.id
                for a in aligned[index]
            }
            best: dict[tuple[str, int, int], float] = {}
            for head, tail, label, score in relations[index]:
                key = (self.scheme.relation_labels[label], ids[head], ids[tail])
                best[key] = max(score, best.get(key, 0.0))
            found_relations = tuple(Relation(*key, score=score) for key, score in best.items())
            result.append(Document(document.id, document.text, document.entities, found_relations))
        return result

    def _at_a_time(self, size: int) -> int:
        return size if self.model.device.type == "cpu" else size * _GPU

    def _thresholds(self, threshold: float | None = None) -> NDArray[np.float64]:
        """``[relation]``: the probability from which each is given out; above 0, what forbidden ones have."""
        own = self.model.config.thresholds
        least = [
            own.get(label, decoding.THRESHOLD) if threshold is None else threshold
            for label in self.scheme.relation_labels
        ]
        return np.array([max(value, 1e-9) for value in least])

    @torch.inference_mode()
    def _run(
        self,
        batch: Sequence[Job],
        spans: list[list[Any]],
        relations: list[list[Any]],
        least: NDArray[np.float64],
    ) -> None:
        words = self._read(batch)
        tags, proclitics = self.model.tag(words)
        letters = proclitics.argmax(-1).cpu().numpy()
        found = decoding.decode(
            torch.softmax(tags.float(), -1).cpu().numpy(), [len(w.starts) for _, w, _ in batch]
        )
        keys = [
            (first + batch[window][1].first, last + batch[window][1].first, kind)
            for window, first, last, kind in zip(
                found.window.tolist(),
                found.first.tolist(),
                found.last.tolist(),
                found.type.tolist(),
                strict=True,
            )
        ]
        for index, window in enumerate(found.window.tolist()):
            _, seen, layout = batch[window]
            if cut_short(layout, seen, keys[index][0], keys[index][1]):
                continue
            spans[batch[window][0]].append(
                (keys[index], int(letters[window, found.first[index]]), float(found.score[index]))
            )
        self._relate(batch, words, found, keys, relations, least)

    def _read(self, batch: Sequence[Job]) -> torch.Tensor:
        inputs = features.pad_inputs(
            [{"input_ids": w.input_ids, "starts": w.starts, "ends": w.ends} for _, w, _ in batch],
            self.tokenizer.pad_token_id,
        )
        words: torch.Tensor = self.model.read(
            **{name: value.to(self.model.device) for name, value in inputs.items()}
        )
        return words

    def _relate(
        self,
        batch: Sequence[Job],
        words: torch.Tensor,
        found: decoding.Spans,
        keys: Sequence[decoding.SpanKey],
        relations: list[list[Any]],
        least: NDArray[np.float64],
    ) -> None:
        """Adds the relations between the spans found in a batch."""
        if self.model.relations is None:
            return
        pairs = decoding.pair(found, lambda w: _sentences(batch[w]), self.scheme)
        if not len(pairs.head):
            return
        columns = torch.from_numpy(np.stack([found.window, found.first, found.last, found.type], 1)).to(
            words.device
        )
        scored = features.pair_tensor(pairs).to(words.device)
        logits = self.model.relations(words, columns, scored, self._at_a_time(_PAIRS))
        # The probability that the relation is right is that of both its arguments being so, too.
        certain = (found.score[pairs.head] * found.score[pairs.tail])[:, None]
        scores = torch.sigmoid(logits.float()).cpu().numpy() * pairs.allowed * certain
        for row, label in zip(*np.nonzero(scores >= least), strict=True):
            head, tail = pairs.head[row], pairs.tail[row]
            target = relations[batch[int(found.window[head])][0]]
            target.append((keys[head], keys[tail], int(label), float(scores[row, label])))


def _sentences(job: Job) -> list[int]:
    _, window, layout = job
    return layout.sentence[window.first : window.last]


def _chunks(texts: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    chunk: list[tuple[str, str]] = []
    size = 0
    for item in texts:
        if not isinstance(item[1], str):
            raise InputError(f"{item[0]}: predict takes a string, found {type(item[1]).__name__}")
        chunk.append(item)
        size += len(item[1])
        if size >= _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _batches(jobs: Sequence[Job], tokens: int) -> Iterator[list[Job]]:
    """Windows of like length together, no more than ``tokens`` sub-words with their padding."""
    batch: list[Job] = []
    for job in sorted(jobs, key=lambda job: -len(job[1].input_ids)):
        longest = len(batch[0][1].input_ids) if batch else 0
        if batch and longest * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(job)
    if batch:
        yield batch
