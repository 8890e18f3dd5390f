"""Export: a trained model's encoder as a graph for other runtimes, with the measured loss and gain."""

from __future__ import annotations

import contextlib
import io
import logging
import random
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kashif import box
from kashif.document import Document
from kashif.errors import InputError
from kashif.evaluation.development import SELECTED_BY, development_scores
from kashif.files import file_digest, read_json, write_json
from kashif.modeling import predictor as predictors
from kashif.modeling import runtime
from kashif.modeling.model import KashifModel
from kashif.modeling.predictor import Predictor
from kashif.replacing import replaced_files
from kashif.training import checkpoints
from kashif.training.data import Data, gather
from kashif.training.provenance import RECIPE, SCORES, as_trained
from kashif.training.recipe import Recipe
from kashif.training.trainer import Say, silent

_FILES = [runtime.REPORT, *(name for names in runtime.FILES.values() for name in names)]
"""All files of an export."""
CALIBRATION = 64
"""Windows of training articles on which the ranges of int8 are measured."""
MEASURED = "export"
"""The key of ``scores.json`` where a release says what an export of it measured."""
_INPUTS, _OUTPUT = ("input_ids", "attention_mask"), "tokens"

Inputs = Mapping[str, NDArray[np.int64]]


def export(folder: Path, *, int8: bool, say: Say = silent) -> dict[str, Any]:
    """Writes a model folder's encoder for each installed runtime, and ``export.json`` with loss and gain.

    Loss and gain are those of each installed runtime against torch in float32 on the development articles of
    the model's recipe, as its manifest names them; int8 is calibrated on its training articles. ``say`` is
    told which are left out. The model in the box is exported into the cache, without articles: the loss that
    its release measured stands for it, the gain is measured here.

    Returns:
        The content of ``export.json``.

    Raises:
        InputError: if a package or the recipe's corpora are not there, or while another command writes to
            the folder.
    """
    runtimes = runtime.installed()
    if not runtimes:
        raise InputError("nothing here runs an export: pip install openvino (or onnxruntime)")
    boxed = box.holds(folder)
    if boxed and int8:
        raise InputError(f"{box.NAME}: 8 bits need the articles of its recipe; export it without --int8")
    if boxed and "openvino" not in runtimes:
        raise InputError(f"{box.NAME} runs in OpenVINO: pip install openvino")
    needed = [] if boxed else ["onnx", "onnxscript"] if "onnx" in runtimes else []
    needed += ["nncf"] if int8 else []
    if lacking := [package for package in needed if not find_spec(package)]:
        raise InputError(f"exporting needs more packages: pip install {' '.join(lacking)}")
    if boxed:
        return _export_box(folder, predictors.load(folder, device="cpu", runtime="torch"))
    with checkpoints.locked(folder):  # or the report would vouch for a model that was trained meanwhile
        return _export(folder, runtimes, int8=int8, say=say)


def _export(folder: Path, runtimes: Sequence[str], *, int8: bool, say: Say) -> dict[str, Any]:
    exact = predictors.load(folder, device="cpu", runtime="torch")
    data, notices = as_trained(folder, gather(Recipe.load(folder / RECIPE)), scheme=exact.scheme)
    for notice in notices:
        say(notice)
    if int8 and not data.train:
        raise InputError("none of the model's training articles is here for 8 bits; export it without --int8")
    windows = _sample(exact, data.train) if int8 else None
    with replaced_files(folder, stale=_FILES) as new:
        if "onnx" in runtimes:
            write_onnx(exact.model, new, sample=windows)
        if "openvino" in runtimes:
            write_openvino(exact.model, new, sample=windows)
        report = {
            "precision": "int8" if int8 else "float32",
            **_measured(folder, runtimes, exact, graphs=new, data=data),
            **_digests(folder, new, runtimes),
        }
        write_json(new / runtime.REPORT, report)
    return report


def _export_box(folder: Path, exact: Predictor) -> dict[str, Any]:
    """Writes the graph of the model in the box into the cache, in the precision that is faster here."""
    found = read_json(folder / SCORES).get(MEASURED)
    if not found:
        raise InputError(f"{box.NAME}: its release measured no runtime; it runs in torch")
    place = runtime.graphs_of(folder)
    place.mkdir(parents=True, exist_ok=True)
    with replaced_files(place, stale=_FILES) as new:
        write_openvino(exact.model, new)
        ways = {False, found["bfloat16"] and runtime.has_bfloat16()}
        gains = {
            half: _gain(exact, runtime.with_graph(folder, "openvino", graphs=new, half=half)) for half in ways
        }
        half = max(gains, key=gains.__getitem__)
        row = found["runtimes"]["openvino"] | {"times as fast": gains[half]}
        report: dict[str, Any] = {**found, "bfloat16": half, "runtimes": {"openvino": row}}
        report |= _digests(folder, new, ["openvino"])
        write_json(new / runtime.REPORT, report)
    return report


def measured(folder: Path, exact: Predictor, data: Data) -> dict[str, Any]:
    """What an export of a model folder for OpenVINO loses and gains; no graph is left."""
    with tempfile.TemporaryDirectory() as graphs:
        write_openvino(exact.model, Path(graphs))
        found = _measured(folder, ["openvino"], exact, graphs=Path(graphs), data=data)
    return {"precision": "float32", **found}


def _measured(
    folder: Path, runtimes: Sequence[str], exact: Predictor, *, graphs: Path, data: Data
) -> dict[str, Any]:
    rows = {}
    for name in runtimes:
        faster = Predictor(runtime.with_graph(folder, name, graphs=graphs), exact.tokenizer)
        rows[name] = _compared(exact, faster, data)
    return {
        "development articles": [document.id for document in data.development],
        "bfloat16": runtime.has_bfloat16(),
        "runtimes": rows,
    }


@torch.inference_mode()
def _gain(exact: Predictor, faster: KashifModel) -> float:
    """The ratio of the times of two encoders on windows of random sub-words, each the best of warm runs."""
    words = torch.Generator().manual_seed(0)
    ids = torch.randint(exact.model.config.encoder["vocab_size"], (4, 128), generator=words)
    seconds: list[float] = []
    for model in (exact.model, faster) * 6:
        start = time.perf_counter()
        model.encoder(input_ids=ids, attention_mask=torch.ones_like(ids))
        seconds.append(time.perf_counter() - start)
    return min(seconds[2::2]) / min(seconds[3::2])


def _digests(folder: Path, graphs: Path, runtimes: Sequence[str]) -> dict[str, Any]:
    """What tells the model of a folder, and the files of its graphs."""
    files = [name for graph in runtimes for name in runtime.FILES[graph]]
    return {
        "heads": runtime.heads_digest(folder),
        "files": {name: file_digest(graphs / name) for name in files},
    }


class _Tokens(nn.Module):
    """The encoder as a function of two tensors to one."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return found


def write_openvino(model: KashifModel, folder: Path, *, sample: Sequence[Inputs] | None = None) -> None:
    """Writes the encoder's graph for OpenVINO, in int8 if a ``sample`` of windows tells the ranges."""
    import openvino

    shape = openvino.PartialShape([-1, -1])
    with _quiet(), torch.no_grad():
        graph = openvino.convert_model(
            _Tokens(model.encoder),
            example_input=dict(zip(_INPUTS, _example(), strict=True)),
            input=[(name, shape, openvino.Type.i64) for name in _INPUTS],
        )
    graph.outputs[0].get_tensor().set_names({_OUTPUT})
    graph = _quantised(graph, sample) if sample else graph
    # Weights of 16 bits take half the memory; it multiplies in float32 or bfloat16 all the same.
    openvino.save_model(graph, folder / runtime.GRAPHS["openvino"], compress_to_fp16=True)


def write_onnx(model: KashifModel, folder: Path, *, sample: Sequence[Inputs] | None = None) -> None:
    """Writes the encoder's graph for ONNX Runtime, in int8 if a ``sample`` of windows tells the ranges."""
    path = folder / runtime.GRAPHS["onnx"]
    batch, token = torch.export.Dim("batch"), torch.export.Dim("token", min=2, max=model.config.window + 16)
    shape = {0: batch, 1: token}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            _Tokens(model.encoder),
            _example(),
            str(path),
            input_names=list(_INPUTS),
            output_names=[_OUTPUT],
            dynamic_shapes=(shape, shape),
            external_data=False,
            dynamo=True,
            verbose=False,
        )
    if sample:
        import onnx

        onnx.save(_quantised(onnx.load(path), sample), path)


def _example() -> tuple[Tensor, Tensor]:
    ids = torch.zeros((2, 32), dtype=torch.int64)
    return ids, torch.ones_like(ids)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of converters, by the dozen, and the progress bars of nncf."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _sample(predictor: Predictor, documents: Sequence[Document]) -> list[Inputs]:
    """Some windows of articles, as a graph takes them."""
    layouts = predictor.lay_out([document.text for document in documents])
    windows = [window.input_ids for layout in layouts for window in layout.windows]
    chosen = random.Random(0).sample(windows, min(CALIBRATION, len(windows)))
    rows = [np.array([ids], np.int64) for ids in chosen]
    return [dict(zip(_INPUTS, (row, np.ones_like(row)), strict=True)) for row in rows]


def _quantised(graph: Any, sample: Sequence[Inputs]) -> Any:
    """A graph with int8 weights and activations, their ranges seen on a sample of windows."""
    import nncf

    nncf.set_log_level(logging.ERROR)
    with _quiet():
        return nncf.quantize(
            graph,
            nncf.Dataset(list(sample)),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(sample),
        )


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
