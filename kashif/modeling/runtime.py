"""Runtimes: a trained model's encoder runs in torch, or as an exported graph in ONNX Runtime or OpenVINO.

The heads are small and stay in torch, so there is one decoder for all of them.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import torch
from pydantic import ConfigDict, Field
from safetensors import safe_open
from torch import Tensor

from kashif import box
from kashif.box import WEIGHTS
from kashif.config import StrictModel
from kashif.corpora.provenance import NAME
from kashif.errors import Fault, InputError
from kashif.files import file_digest, read_json, read_text
from kashif.modeling.encoder import cache
from kashif.modeling.graphs import Graph, GraphEncoder, OnnxGraph, OpenVinoGraph
from kashif.modeling.model import KashifConfig, KashifModel
from kashif.modeling.weights import readable

RUNTIMES = ("auto", "torch", "onnx", "openvino")
GRAPHS = {"openvino": "encoder.xml", "onnx": "encoder.onnx"}
"""The exported encoder of each runtime in a model folder: int64 ``input_ids`` and ``attention_mask``
``[batch, token]`` in, float32 ``tokens`` ``[batch, token, width]`` out."""
FILES = {"openvino": ("encoder.xml", "encoder.bin"), "onnx": ("encoder.onnx",)}
"""All files of each of them."""
REPORT = "export.json"
"""The file of what the export measured."""
TOLERANCE = 0.005
"""Strict F1, of entities and of relations, that an export may lose and still be chosen by ``auto``."""

_PACKAGES = {"openvino": "openvino", "onnx": "onnxruntime"}


class _Measured(StrictModel):
    """What an export measured of one runtime."""

    loss: dict[str, float]
    gain: float = Field(alias="times as fast")


class _Report(StrictModel):
    """What is read of ``export.json``."""

    model_config = ConfigDict(extra="ignore")

    heads: str
    bfloat16: bool
    runtimes: dict[str, _Measured]
    files: dict[str, str]


@dataclass(frozen=True)
class Exported:
    """What ``export.json`` says: whose encoder it is, and of each runtime measured its loss and gain.

    ``bfloat16`` is whether OpenVINO was measured multiplying in it, ``loss`` the strict F1 lost by kind,
    ``gain`` how many times as fast as torch in float32 it was, ``files`` the SHA-256 of each file of graphs.
    """

    heads: str
    bfloat16: bool
    loss: Mapping[str, Mapping[str, float]]
    gain: Mapping[str, float]
    files: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path) -> Exported | None:
        """The export of a model folder, if it has one.

        Raises:
            InputError: for a report that does not hold what ``kashif export`` writes.
        """
        report = folder / REPORT
        if not os.path.isfile(report):  # nor in a folder that is not ours to look into
            return None
        try:
            row = _Report.check(read_json(report), str(report))
        except InputError as error:
            remedy = f"; make it again: kashif export {folder}"
            raise InputError([replace(f, message=f.message + remedy) for f in error.faults]) from error
        runtimes = {name: row.runtimes[name] for name in GRAPHS if name in row.runtimes}
        return cls(
            row.heads,
            row.bfloat16,
            {name: measured.loss for name, measured in runtimes.items()},
            {name: measured.gain for name, measured in runtimes.items()},
            row.files,
        )

    def best_first(self) -> list[str]:
        """The runtimes that are installed, faster than torch and lost no more than ``TOLERANCE``."""
        faithful = [
            name
            for name in installed()
            if self.gain.get(name, 0) > 1 and all(x <= TOLERANCE for x in self.loss[name].values())
        ]
        return sorted(faithful, key=lambda name: -self.gain[name])

    def refuse_damaged(self, folder: Path, runtime: str) -> None:
        """Raises InputError if a runtime's files in a folder are not those that were measured."""
        for name in FILES[runtime]:
            path = folder / name
            if not path.is_file() or file_digest(path) != self.files.get(name):
                message = "not there, or not what kashif export wrote; make it again"
                raise InputError(Fault(str(path), f"{message}: kashif export {folder}"))


def has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16."""
    return "AVX512" in torch.backends.cpu.get_cpu_capability() and has_instructions("avx512_bf16")


def has_instructions(name: str) -> bool:
    """Whether the processor has these instructions, as Linux names them; False where that is not known."""
    info = Path("/proc/cpuinfo")
    return info.is_file() and name in read_text(info).split()


def installed() -> list[str]:
    """The runtimes beside torch whose package is installed."""
    return [name for name, package in _PACKAGES.items() if find_spec(package)]


def graphs_of(folder: Path) -> Path:
    """The folder of a model's exported graphs: its own; of the box, one in the cache, by its weights."""
    if not box.holds(folder):
        return folder
    weights = read_json(folder / NAME).get("weights") or file_digest(folder / WEIGHTS)
    return cache() / f"{box.NAME}-{weights[:16]}"


def choose(folder: Path, wanted: str, *, device: str) -> str:
    """The runtime for a model folder: the one wanted, or with ``auto`` the fastest that its export trusts.

    With ``auto`` an export that is not whole is passed over with a warning.

    Raises:
        InputError: for a runtime that is unknown, not installed, or has no graph of this model to run.
    """
    if wanted not in RUNTIMES:
        raise InputError(f"no runtime '{wanted}'; there are {', '.join(RUNTIMES)}")
    if wanted == "torch":
        return wanted
    if wanted == "auto":
        return _fastest(folder) if device == "cpu" else "torch"
    graphs = graphs_of(folder)
    exported = Exported.of(graphs)
    if wanted not in installed():
        raise InputError(f"the runtime {wanted} is not installed: pip install {_PACKAGES[wanted]}")
    if box.holds(folder) and wanted != "openvino":
        raise InputError(
            f"{box.NAME} does not run in {wanted}; take openvino (kashif export {box.NAME}) or torch"
        )
    if exported is None or wanted not in exported.gain:
        raise InputError(f"{folder}: nothing exported for the runtime {wanted}; kashif export {folder}")
    if exported.heads != heads_digest(folder):
        raise InputError(f"{folder}: the export is of another model; make it again: kashif export {folder}")
    if device != "cpu":
        raise InputError(f"the runtime {wanted} runs on the CPU; leave out --runtime on a {device} device")
    exported.refuse_damaged(graphs, wanted)
    return wanted


def _fastest(folder: Path) -> str:
    """The fastest runtime that a folder's export trusts and whose files are whole; else torch."""
    warn = logging.getLogger("kashif").warning
    try:
        graphs = graphs_of(folder)
        exported = Exported.of(graphs)
    except InputError as error:
        warn("%s; the model runs in torch", error)
        return "torch"
    if exported is None or exported.heads != heads_digest(folder):
        return "torch"
    for name in exported.best_first():
        try:
            exported.refuse_damaged(graphs, name)
            return name
        except InputError as error:
            warn("%s; the model does not run in %s", error, name)
    return "torch"


def heads_digest(folder: Path) -> str:
    """A digest of the weights outside the encoder, which tells a model from its next training."""
    digest = hashlib.sha256()
    for name, value in sorted(_heads(folder).items()):
        digest.update(name.encode())
        digest.update(value.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def with_graph(
    folder: Path, runtime: str, *, graphs: Path | None = None, half: bool | None = None
) -> KashifModel:
    """A model of a folder whose encoder is its exported graph; the encoder's weights are not read.

    ``graphs`` is the folder of an export that has not been measured, None takes the model's own. ``half`` is
    whether OpenVINO multiplies in bfloat16, None as was measured, or where the processor does.

    Raises:
        InputError: if the weights of the heads are not those of the model.
        WorkError: for OpenVINO in a fork of a process that has used it.
    """
    exported = None if graphs else Exported.of(graphs_of(folder))
    if half is None:
        half = has_bfloat16() and (exported is None or exported.bfloat16)
    config: KashifConfig = KashifConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = KashifModel(config)
    paths = [(graphs or graphs_of(folder)) / name for name in FILES[runtime]]
    files = {path: exported.files.get(path.name, "") if exported else file_digest(path) for path in paths}
    run: Graph = OpenVinoGraph(files, half) if runtime == "openvino" else OnnxGraph(files)
    model.encoder = GraphEncoder(run)
    try:
        model.load_state_dict(_heads(folder), assign=True)
    except RuntimeError as error:  # tensors missing, left over or of another shape
        reason = " ".join(str(error).split())
        raise InputError(Fault(str(folder / WEIGHTS), f"not the weights of this model: {reason}")) from error
    return model


def _heads(folder: Path) -> dict[str, Tensor]:
    with readable(folder / WEIGHTS), safe_open(str(folder / WEIGHTS), "pt", backend="pread") as weights:
        return {
            name: weights.get_tensor(name).float()
            for name in weights.keys()  # noqa: SIM118 - not a dict
            if not name.startswith("encoder.")
        }
