"""Export: a trained model's encoder as a graph for other runtimes, with the measured loss and gain."""

from __future__ import annotations

import contextlib
import io
import logging
import random
import time
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kashif.document import Document
from kashif.errors import InputError
from kashif.evaluation.development import SELECTED_BY, development_scores
from kashif.files import file_digest, write_json
from kashif.modeling import predictor as predictors
from kashif.modeling import runtime
from kashif.modeling.model import KashifModel
from kashif.modeling.predictor import Predictor
from kashif.replacing import replaced_files
from kashif.training.data import Data, gather
from kashif.training.provenance import RECIPE
from kashif.training.recipe import Recipe

_FILES = [runtime.REPORT, *(name for names in runtime.FILES.values() for name in names)]
"""All files of an export."""
CALIBRATION = 64
"""Windows of training articles on which the ranges of int8 are measured."""


def export(folder: Path, *, int8: bool) -> dict[str, Any]:
    """Writes a model folder's encoder for each installed runtime, and ``export.json`` with loss and gain.

    Loss and gain are those of each installed runtime against torch in float32 on the development articles of
    the model's recipe; int8 is calibrated on its training articles.

    Returns:
        The content of ``export.json``.

    Raises:
        InputError: if a package or the recipe's corpora are not there.
    """
    runtimes = runtime.installed()
    if not runtimes:
        raise InputError("nothing here runs an export: pip install openvino (or onnxruntime)")
    if not all(find_spec(package) for package in ("onnx", "onnxscript", "nncf")):
        raise InputError("exporting needs more packages: pip install nncf onnx onnxscript")
    exact = predictors.load(folder, device="cpu", runtime="torch")
    data = gather(Recipe.load(folder / RECIPE))
    files = [name for graph in runtimes for name in runtime.FILES[graph]]
    with replaced_files(folder, stale=_FILES) as new:
        graph = new / runtime.GRAPHS["onnx"]
        _write_graph(exact.model, graph)
        if int8:
            _quantise(graph, exact, data.train)
        if "openvino" in runtimes:
            import openvino

            # Weights of 16 bits take half the memory; it multiplies in float32 or bfloat16 all the same.
            model = openvino.Core().read_model(graph)
            openvino.save_model(model, new / runtime.GRAPHS["openvino"], compress_to_fp16=True)
            del model  # it keeps the graph's file open
        if "onnx" not in runtimes:
            graph.unlink()
        rows = {}
        for name in runtimes:
            faster = Predictor(runtime.with_graph(folder, name, graphs=new), exact.tokenizer)
            rows[name] = _compared(exact, faster, data)
        report = {
            "precision": "int8" if int8 else "float32",
            "bfloat16": runtime.has_bfloat16(),
            "heads": runtime.heads_digest(folder),
            "files": {name: file_digest(new / name) for name in files},
            "development articles": [document.id for document in data.development],
            "runtimes": rows,
        }
        write_json(new / runtime.REPORT, report)
    return report


class _Tokens(nn.Module):
    """The encoder as a function of two tensors to one."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return found


def _write_graph(model: KashifModel, path: Path) -> None:
    ids = torch.zeros((2, 32), dtype=torch.int64)
    batch, token = torch.export.Dim("batch"), torch.export.Dim("token", min=2, max=model.config.window + 16)
    shape = {0: batch, 1: token}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter's own making, by the dozen
        torch.onnx.export(
            _Tokens(model.encoder),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["tokens"],
            dynamic_shapes=(shape, shape),
            external_data=False,
            dynamo=True,
            verbose=False,
        )


def _quantise(path: Path, predictor: Predictor, documents: Sequence[Document]) -> None:
    """Rewrites a graph with int8 weights and activations, their ranges seen on a sample of windows."""
    import nncf
    import onnx

    nncf.set_log_level(logging.ERROR)
    layouts = predictor.lay_out([document.text for document in documents])
    windows = [window.input_ids for layout in layouts for window in layout.windows]
    sample = random.Random(0).sample(windows, min(CALIBRATION, len(windows)))
    inputs = []
    for ids in sample:
        row = torch.tensor([ids])
        inputs.append({"input_ids": row.numpy(), "attention_mask": torch.ones_like(row).numpy()})
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # its progress bars
        warnings.simplefilter("ignore")
        quantised = nncf.quantize(
            onnx.load(path),
            nncf.Dataset(inputs),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(inputs),
        )
    onnx.save(quantised, path)


def _compared(exact: Predictor, faster: Predictor, data: Data) -> dict[str, Any]:
    """Strict F1 lost, and the ratio of the times, each the best of two warm runs taken in turn."""
    texts = [(document.id, document.text) for document in data.development]
    scores: list[dict[str, float]] = []
    seconds: list[float] = []
    for predictor in (exact, faster) * 3:
        start = time.perf_counter()
        predicted = predictor.predict_documents(texts)
        seconds.append(time.perf_counter() - start)
        scores.append(development_scores(data.development, predicted, scheme=data.scheme))
    before, after = scores[-2:]
    return {
        "loss": {name: before[name] - after[name] for name in before if name != SELECTED_BY},
        "times as fast": min(seconds[2::2]) / min(seconds[3::2]),
    }
