"""Prediction over many inputs, each on its own: one that fails takes no other with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kashif import __version__, box
from kashif.corpora.provenance import weights_digest
from kashif.document import Document
from kashif.errors import Fault, first_line
from kashif.files import file_digest
from kashif.formats.inputs import Failure, Input, Text
from kashif.modeling import predictor as predictors
from kashif.modeling.batching import chunks
from kashif.modeling.predictor import Predictor


def load(folder: Path, *, digests: bool, **options: Any) -> tuple[Predictor, str, str]:
    """The predictor of a model's folder, and with ``digests`` those of its weights and of a run with it.

    ``options`` are further arguments of ``predictor.load``, and it raises as that does.
    """

    def read() -> tuple[Predictor, str, str]:
        predictor = predictors.load(folder, **options)
        return (predictor, weights_digest(folder), run_digest(folder)) if digests else (predictor, "", "")

    return box.unchanging(folder, read)


def run_digest(model: Path) -> str:
    """A digest of what the documents of a run depend on: a model folder and Kashif's version."""
    whole = hashlib.sha256(__version__.encode())
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if (model / name).is_file():
            whole.update(file_digest(model / name).encode())
    return whole.hexdigest()


def predict_each(predictor: Predictor, inputs: Iterable[Input]) -> Iterator[Document | Failure]:
    """The document or the failure of each input, in order, with the meta that came with it.

    Only a chunk of inputs is held in memory at a time.
    """
    for chunk in chunks(inputs, lambda item: len(item.text) if isinstance(item, Text) else 1):
        found = iter(_predict(predictor, [item for item in chunk if isinstance(item, Text)]))
        for item in chunk:
            yield item if isinstance(item, Failure) else next(found)


def _predict(predictor: Predictor, texts: Sequence[Text]) -> Sequence[Document | Failure]:
    """The documents of a chunk; if that fails, the texts are predicted one by one."""
    try:
        documents = predictor.predict_documents([(item.id, item.text) for item in texts])
    except Exception as error:  # whatever a text does to the model, the others are predicted
        if len(texts) > 1:
            return [result for item in texts for result in _predict(predictor, [item])]
        [text] = texts
        fault = Fault(text.where, f"prediction failed: {first_line(error)}", text.line)
        return [Failure(fault, text.id, error)]
    return [replace(document, meta=item.meta) for document, item in zip(documents, texts, strict=True)]
