"""Runtimes: a trained model's encoder runs in torch, or as an exported graph in ONNX Runtime or OpenVINO.

The heads are small and stay in torch, so there is one decoder for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from kashif.errors import InputError
from kashif.files import read_json
from kashif.modeling.model import KashifConfig, KashifModel

RUNTIMES = ("auto", "torch", "onnx", "openvino")
GRAPHS = {"openvino": "encoder.xml", "onnx": "encoder.onnx"}
"""The exported encoder of each runtime in a model folder: int64 ``input_ids`` and ``attention_mask``
``[batch, token]`` in, float32 ``tokens`` ``[batch, token, width]`` out."""
REPORT = "export.json"
"""The file of what the export measured."""
TOLERANCE = 0.005
"""Strict F1, of entities and of relations, that an export may lose and still be chosen by ``auto``."""

_PACKAGES = {"openvino": "openvino", "onnx": "onnxruntime"}
_STEP = 16
"""Lengths are padded to multiples of this many sub-words: OpenVINO compiles for each new shape."""

Graph = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]


@dataclass(frozen=True)
class Exported:
    """What ``export.json`` says: whose encoder it is, and of each runtime measured its loss and gain.

    ``bfloat16`` is whether OpenVINO was measured multiplying in it, ``loss`` the strict F1 lost by kind,
    ``gain`` how many times as fast as torch in float32 it was.
    """

    heads: str
    bfloat16: bool
    loss: Mapping[str, Mapping[str, float]]
    gain: Mapping[str, float]

    @classmethod
    def of(cls, folder: Path) -> Exported | None:
        """The export of a model folder, if it has one."""
        report = folder / REPORT
        if not report.is_file():
            return None
        row = read_json(report)
        runtimes = {name: v for name, v in row["runtimes"].items() if (folder / GRAPHS[name]).is_file()}
        return cls(
            row["heads"],
            row["bfloat16"],
            {name: measured["loss"] for name, measured in runtimes.items()},
            {name: measured["times as fast"] for name, measured in runtimes.items()},
        )

    def best(self) -> str:
        """The fastest runtime that is installed and lost no more than ``TOLERANCE``; else torch."""
        faithful = [
            name for name in installed() if all(x <= TOLERANCE for x in self.loss.get(name, {}).values())
        ]
        gains = {"torch": 1.0} | {name: self.gain[name] for name in faithful if name in self.gain}
        return max(gains, key=lambda name: gains[name])


def has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    return "AVX512" in torch.backends.cpu.get_cpu_capability() and "avx512_bf16" in flags


def installed() -> list[str]:
    """The runtimes beside torch whose package is installed."""
    return [name for name, package in _PACKAGES.items() if find_spec(package)]


def choose(folder: Path, wanted: str, *, device: str) -> str:
    """The runtime for a model folder: the one wanted, or with ``auto`` the fastest that its export trusts.

    Raises:
        InputError: for a runtime that is unknown, not installed, or has no graph of this model to run.
    """
    if wanted not in RUNTIMES:
        raise InputError(f"no runtime '{wanted}'; there are {', '.join(RUNTIMES)}")
    if wanted == "torch":
        return wanted
    exported = Exported.of(folder)
    current = exported is not None and exported.heads == heads_digest(folder)
    if wanted == "auto":
        return exported.best() if exported and current and device == "cpu" else "torch"
    if wanted not in installed():
        raise InputError(f"the runtime {wanted} is not installed: pip install 'kashif[{wanted}]'")
    if exported is None or wanted not in exported.gain:
        raise InputError(f"{folder}: nothing exported for the runtime {wanted}; kashif export {folder}")
    if not current:
        raise InputError(f"{folder}: the export is of another model; make it again: kashif export {folder}")
    if device != "cpu":
        raise InputError(f"the runtime {wanted} runs on the CPU; leave out --runtime on a {device} device")
    return wanted


def heads_digest(folder: Path) -> str:
    """A digest of the weights outside the encoder, which tells a model from its next training."""
    digest = hashlib.sha256()
    for name, value in sorted(_heads(folder).items()):
        digest.update(name.encode())
        digest.update(value.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def with_graph(folder: Path, runtime: str) -> KashifModel:
    """A model of a folder whose encoder is its exported graph; the encoder's weights are not read."""
    exported = Exported.of(folder)
    half = has_bfloat16() and (exported is None or exported.bfloat16)
    config: KashifConfig = KashifConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = KashifModel(config)
    path = folder / GRAPHS[runtime]
    run = _openvino(path, half) if runtime == "openvino" else _onnx(path)
    model.encoder = GraphEncoder(run)
    model.load_state_dict(_heads(folder), assign=True)
    return model


class GraphEncoder(nn.Module):
    """An exported graph in the place of a model's encoder; CPU only, no gradients."""

    def __init__(self, run: Graph) -> None:
        super().__init__()
        self.run = run

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> BaseModelOutput:
        """``last_hidden_state`` ``[batch, token, width]`` of ids and mask ``[batch, token]``."""
        length = input_ids.shape[1]
        padding = (0, -length % _STEP)
        ids, mask = (nn.functional.pad(value, padding).numpy() for value in (input_ids, attention_mask))
        tokens = torch.from_numpy(self.run(ids, mask))[:, :length]
        return BaseModelOutput(last_hidden_state=tokens)


def _heads(folder: Path) -> dict[str, Tensor]:
    with safe_open(str(folder / "model.safetensors"), "pt") as weights:
        return {
            name: weights.get_tensor(name)
            for name in weights.keys()  # noqa: SIM118 - not a dict
            if not name.startswith("encoder.")
        }


def _openvino(path: Path, half: bool) -> Graph:
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": "1",
    }
    compiled: Any = openvino.Core().compile_model(path, "CPU", settings)

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        tokens: NDArray[np.float32] = compiled({"input_ids": ids, "attention_mask": mask})["tokens"]
        return tokens

    return run


def _onnx(path: Path) -> Graph:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        tokens: NDArray[np.float32] = session.run(["tokens"], {"input_ids": ids, "attention_mask": mask})[0]
        return tokens

    return run
