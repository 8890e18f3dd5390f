"""What stops a training before it does harm: a loss that is not finite, a full disk, a damaged checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import Trainer, TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, rotate_checkpoints

from kashif.box import WEIGHTS
from kashif.errors import Fault, InputError, WorkError, first_line
from kashif.training import checkpoints


class GuardedTrainer(Trainer):
    """The Trainer, which stops at the first loss, and after each epoch at weights, that are not finite.

    Its own filter would count such a loss as the mean of those before it. A checkpoint that cannot be written
    is an error of the work; one that cannot be read, or lacks tensors, is one of the input.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.args.logging_nan_inf_filter = False
        self.add_callback(_FiniteWeights())

    def training_step(self, *rest: Any, **named: Any) -> torch.Tensor:
        loss = super().training_step(*rest, **named)
        if not loss.isfinite().all():
            raise diverged(
                f"the loss of step {self.state.global_step + 1} is not finite", self.args.output_dir
            )
        return loss

    def _load_best_model(self) -> None:
        with _readable(self.state.best_model_checkpoint):
            super()._load_best_model()

    def _save_checkpoint(self, *rest: Any) -> None:
        """As transformers', but older checkpoints go when this one is sealed, not before."""
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        folder = str(self.args.output_dir)
        try:
            super()._save_checkpoint(*rest)
            self.accelerator.wait_for_everyone()  # each process writes a random state
            if self.args.should_save:
                checkpoints.seal(Path(folder) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}")
                rotate_checkpoints(folder, limit, self.state.best_model_checkpoint)
        except (OSError, RuntimeError, SafetensorError) as error:
            what = f"the checkpoint of step {self.state.global_step} cannot be written: {first_line(error)}"
            again = "run with --resume" if checkpoints.last_whole(Path(folder)) else "train again"
            raise WorkError(f"{folder}: {what}; make room there, then {again}") from error
        finally:
            self.args.save_total_limit = limit

    def _save(self, *rest: Any, **named: Any) -> None:
        """As transformers', but tensors have the names in the network, by which a checkpoint is loaded.

        The file of an encoder may call them otherwise, and ``save_pretrained`` would write these names back.
        """
        network: Any = self.model
        network.save_pretrained = partial(network.save_pretrained, save_original_format=False)
        try:
            super()._save(*rest, **named)
        finally:
            del network.save_pretrained

    def _load_from_checkpoint(self, resume_from_checkpoint: str, *rest: Any, **named: Any) -> None:
        with _readable(resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, *rest, **named)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with _readable(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with _readable(checkpoint):
            super()._load_rng_state(checkpoint)

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Refuses weights that lack tensors or have others; one that shares another's memory is not saved."""
        network: Any = self.model
        tensors = network.state_dict()
        missing = set(load_result.missing_keys)
        loaded = {value.data_ptr() for name, value in tensors.items() if name not in missing}
        missing = {name for name in missing if tensors[name].data_ptr() not in loaded}
        if wrong := sorted({*missing, *load_result.unexpected_keys}):
            raise ValueError(f"{WEIGHTS} lacks tensors, or has others: {', '.join(wrong[:5])}")


@contextmanager
def _readable(checkpoint: str | None) -> Iterator[None]:
    """Raises InputError that names a checkpoint where the libraries cannot load it."""
    try:
        yield
    except (OSError, EOFError, LookupError, RuntimeError, TypeError, ValueError, UnpicklingError) as error:
        message = f"training cannot go on from it: {first_line(error)}"
        raise InputError(Fault(str(checkpoint), f"{message}; run without --resume")) from error


class _FiniteWeights(TrainerCallback):
    """Looks at the weights before an epoch's checkpoint is written."""

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        for name, parameter in model.named_parameters():
            if not parameter.isfinite().all():
                raise diverged(f"after step {state.global_step} {name} is not finite", args.output_dir)


def diverged(what: str, folder: str | Path | None) -> WorkError:
    """The error of a training that diverged; ``folder`` is that of its checkpoints."""
    last = checkpoints.last_whole(Path(folder)) if folder else None
    kept = "the model folder is as it was" + (f", the last good checkpoint is {last}" if last else "")
    return WorkError(f"training diverged: {what}; {kept}. Lower the learning rates or raise warmup_steps")
