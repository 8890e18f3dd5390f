"""Weights on disk: written with all that belongs to them, and refused where they are not whole."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from kashif import box
from kashif.box import OWN_FILES, WEIGHTS
from kashif.corpora.provenance import NAME, check_weights
from kashif.errors import Fault, InputError, WorkError, first_line
from kashif.files import read_json
from kashif.replacing import PARTIAL_NAME, replaced_files

AGAIN = "copy the model's folder again, or train it again"
"""What to do about a damaged model."""
_SHOWN = 5
"""How many tensors an error names."""


@contextmanager
def replaced_model(folder: Path) -> Iterator[Path]:
    """A folder to write a model or encoder into, which then takes the place of the one in ``folder``.

    Raises:
        WorkError: if its weights cannot be written, such as on a full disk; the one in ``folder`` stays.
    """
    with replaced_files(folder, stale=OWN_FILES) as new:
        try:
            yield new
            if (config := new / "config.json").is_file():
                for file in new.glob("*.safetensors"):  # the library lets their owner alone read them
                    file.chmod(config.stat().st_mode)
        except SafetensorError as error:
            raise WorkError(f"{folder}: its weights cannot be written: {first_line(error)}") from error


def refuse_foreign(folder: Path, *, model: bool, inputs: Iterable[Path] = ()) -> None:
    """Refuses to write a model, or else an encoder, where files stand that are not an older one's.

    Raises:
        InputError: if one of ``inputs`` stands in the folder, or files that a new model would replace though
            no manifest says that they are a model's; for a model over an encoder, or over checkpoints of
            one, or the other way round.
    """
    place = folder.resolve()
    for path in inputs:
        if path.resolve().parent == place or path.resolve() == place:
            raise InputError(
                Fault(str(folder), f"{path} stands here, and would be lost; name another folder")
            )
    kept = place / "checkpoints"
    if _is_of_model(kept / "run.json") == (not model):
        run = "a pretraining" if model else "a training of a model"
        message = f"checkpoints of {run} stand here, and would be lost; name another folder, or remove {kept}"
        raise InputError(Fault(str(folder), message))
    if _is_ours(place):
        if box.is_model(place) != model:
            stands = "an encoder" if model else "a trained model"
            raise InputError(
                Fault(str(folder), f"{stands} stands here, and would be lost; name another folder")
            )
        return
    found = [file.name for file in box.files(place)]
    ours = ("checkpoint-*", PARTIAL_NAME)  # what a training leaves that was killed while it began
    left = kept.iterdir() if kept.exists() and not (kept / "run.json").is_file() else ()
    found += [kept.name] if any(not any(map(path.match, ours)) for path in left) else []
    if found:
        message = f"{', '.join(found[:_SHOWN])} stand here, of no model of Kashif's; name another folder"
        raise InputError(Fault(str(folder), message))


def _is_ours(place: Path) -> bool:
    """Whether a folder's manifest is that of a model or encoder, and not, for example, one of texts."""
    try:
        manifest = read_json(place / NAME)
    except InputError:
        return False
    return isinstance(manifest, dict) and "weights" in manifest


def _is_of_model(note: Path) -> bool | None:
    """Whether the note of a run says that it is of a model, or of an encoder; None where it says neither."""
    try:
        rows = read_json(note)
    except InputError:
        return None
    kinds = {"train": True, "texts": False}  # of what a model and an encoder are made, each its own
    return next((model for key, model in kinds.items() if isinstance(rows, dict) and key in rows), None)


def is_whole(path: Path) -> bool:
    """Whether a file of safetensors is there and as long as its header says."""
    try:
        with safe_open(str(path), "numpy", backend="pread"):
            return True
    except (OSError, SafetensorError):
        return False


@contextmanager
def refusing(what: str, remedy: str = "") -> Iterator[None]:
    """Turns whatever a library raises over files that it reads inside into an InputError on ``what``.

    The readers of weights and tokenizers raise errors of no common kind. ``remedy`` is what to do.
    """
    try:
        yield
    except (InputError, MemoryError, SafetensorError):
        raise
    except Exception as error:
        raise InputError(f"{what}: {first_line(error)}{'; ' if remedy else ''}{remedy}") from error


def read_config(kind: Any, folder: Path) -> Any:
    """The configuration of a folder's model, from which the class ``kind`` makes one.

    Raises:
        InputError: if it is damaged.
    """
    with refusing(f"{folder / 'config.json'}: not a model's configuration", AGAIN):
        config = kind.config_class.from_pretrained(folder)
        config.refuse_wrong_values()
        with torch.device("meta"):
            usable = longest_window(kind(config))
        if config.window > usable:
            raise ValueError(f"window is {config.window}, and its encoder reads at most {usable} sub-words")
    return config


def longest_window(network: torch.nn.Module) -> float:
    """How many sub-words an encoder reads at most, special ones included; infinity where none is said."""
    tables = []
    for name, module in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            # Encoders like RoBERTa count positions from behind the padding index.
            skipped = 0 if module.padding_idx is None else module.padding_idx + 1
            tables.append(module.num_embeddings - skipped)
    return min(tables, default=math.inf)


def load_model(kind: Any, folder: Path, config: Any) -> Any:
    """A model of the class ``kind`` by a configuration, every tensor of which its folder's file gives.

    The file is read, not mapped: whatever is written into it later, the model stays as it is.

    Raises:
        InputError: if the file is cut or not the one that the manifest names, or tensors are missing, of
            another shape, or left over.
    """
    path = folder / WEIGHTS
    check_weights(folder)
    with readable(path), refusing(f"{path}: not the model's weights", AGAIN):
        with safe_open(str(path), "pt", backend="pread") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        model, report = kind.from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    _refuse(path, report, missing=report["missing_keys"], left_over=report["unexpected_keys"])
    return model


def load_encoder(kind: Any, name: str, **options: Any) -> Any:
    """An encoder at a hub name or folder, by an auto class of transformers.

    Its pooler and what stands above the encoder may be missing, and is then made anew, or left over.

    Raises:
        InputError: if the file is cut, or tensors of the encoder are missing or of another shape.
    """
    place = Path(name) / WEIGHTS if Path(name).is_dir() else Path(name)
    with readable(place):
        model, report = kind.from_pretrained(
            name, output_loading_info=True, ignore_mismatched_sizes=True, trust_remote_code=False, **options
        )
    prefix = f"{model.base_model_prefix}." if model.base_model is not model else ""
    missing = [
        tensor
        for tensor in report["missing_keys"]
        if tensor.startswith(prefix) and "pooler" not in tensor.split(".")
    ]
    _refuse(place, report, missing=missing)
    for tensor, parameter in model.named_parameters(remove_duplicate=False):
        # The library leaves the bias of some kinds' heads at what the memory happened to hold.
        if tensor in report["missing_keys"] and tensor.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    for value in (*model.parameters(), *model.buffers()):
        value.data = value.data.clone()  # the library maps the file, which may be written to meanwhile
    return model


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raises InputError where the block finds a file of safetensors cut short or damaged."""
    try:
        yield
    except SafetensorError as error:
        message = f"cut short or damaged ({first_line(error)}); copy it again, or write it anew"
        raise InputError(Fault(str(path), message)) from error


def _refuse(path: Path, report: Any, *, missing: Iterable[str], left_over: Iterable[str] = ()) -> None:
    """Raises InputError where a file's tensors are not those of its model, since others would be made up."""
    shapes = [
        f"{name} {list(found)} for {list(expected)}" for name, found, expected in report["mismatched_keys"]
    ]
    faults = [
        Fault(str(path), f"{len(names)} tensors {what}: {', '.join(names[:_SHOWN])}{rest}")
        for what, names in (
            ("missing", sorted(missing)),
            ("of another shape than config.json says", sorted(shapes)),
            ("that the model of config.json does not have", sorted(left_over)),
        )
        if names
        for rest in (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "",)
    ]
    if faults:
        raise InputError(faults)
