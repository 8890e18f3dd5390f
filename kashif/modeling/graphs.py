"""A model's encoder as an exported graph, in OpenVINO or ONNX Runtime."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from kashif.errors import Fault, InputError, WorkError
from kashif.files import read_bytes

_STEP = 16
"""Lengths are padded to multiples of this many sub-words: OpenVINO compiles for each new shape."""
Graph = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]


class GraphEncoder(nn.Module):
    """An exported graph in the place of a model's encoder; CPU only, no gradients, for several threads."""

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


@functools.cache
def _first_process() -> int:
    """The process that first used OpenVINO; a fork of it gets the same answer."""
    return os.getpid()


def _refuse_fork() -> None:
    """Raises WorkError in a fork of a process that used OpenVINO, which hangs there even if loaded anew."""
    if _first_process() != os.getpid():
        message = "openvino does not run in a fork of a process that has used it"
        remedy = "start processes by spawn, load the model only in the children, or take the runtime torch"
        raise WorkError(f"{message}; {remedy}")


def _read(files: Mapping[Path, str]) -> list[bytes]:
    """The contents of a graph's files, each of the SHA-256 that stands beside it.

    They are read, not mapped: whatever is written into them later, the model stays as it is.

    Raises:
        InputError: for a file that was written to after the model was loaded, or before it was measured.
    """
    contents = {path: read_bytes(path) for path in files}
    for path, content in contents.items():
        if hashlib.sha256(content).hexdigest() != files[path]:
            message = "written to since the model was loaded, or exported; load it again"
            raise InputError(Fault(str(path), message))
    return [*contents.values()]


class OpenVinoGraph:
    """A graph compiled for the processor; pickled as where it lies, and compiled again."""

    def __init__(self, files: Mapping[Path, str], half: bool) -> None:
        import openvino

        _refuse_fork()
        self._made_of = files, half
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": "1",
        }
        core = openvino.Core()
        self._compiled: Any = core.compile_model(core.read_model(*_read(files)), "CPU", settings)

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        _refuse_fork()
        request = self._compiled.create_infer_request()  # the model's own is one, which threads would share
        tokens: NDArray[np.float32] = request.infer({"input_ids": ids, "attention_mask": mask})["tokens"]
        return tokens

    def __reduce__(self) -> tuple[type[OpenVinoGraph], tuple[Mapping[Path, str], bool]]:
        return OpenVinoGraph, self._made_of


class OnnxGraph:
    """A graph's session, one in each process: in a fork the threads of its parent's are not there."""

    def __init__(self, files: Mapping[Path, str]) -> None:
        self._files = files
        self._session = functools.cache(self._open)
        self._session(os.getpid())

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        feed = {"input_ids": ids, "attention_mask": mask}
        tokens: NDArray[np.float32] = self._session(os.getpid()).run(["tokens"], feed)[0]
        return tokens

    def __reduce__(self) -> tuple[type[OnnxGraph], tuple[Mapping[Path, str]]]:
        return OnnxGraph, (self._files,)

    def _open(self, process: int) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(*_read(self._files), options, providers=["CPUExecutionProvider"])
