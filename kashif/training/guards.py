"""What stops a training before it does harm: a loss that is not finite, a disk that is full."""

from __future__ import annotations

from typing import Any

import torch
from safetensors import SafetensorError
from transformers import Trainer, TrainerCallback

from kashif.errors import WorkError, first_line


class GuardedTrainer(Trainer):
    """The Trainer, which stops at the first loss, and after each epoch at weights, that are not finite.

    Its own filter would count such a loss as the mean of those before it. A checkpoint that cannot be written
    is an error of the work, not of the libraries that write its parts.
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

    def _save_checkpoint(self, *rest: Any) -> None:
        try:
            super()._save_checkpoint(*rest)
        except (OSError, RuntimeError, SafetensorError) as error:
            folder = self.args.output_dir
            what = f"the checkpoint of step {self.state.global_step} cannot be written: {first_line(error)}"
            raise WorkError(f"{folder}: {what}; make room there, then run with --resume") from error


class _FiniteWeights(TrainerCallback):
    """Looks at the weights before an epoch's checkpoint is written."""

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        for name, parameter in model.named_parameters():
            if not parameter.isfinite().all():
                raise diverged(f"after step {state.global_step} {name} is not finite", args.output_dir)


def diverged(what: str, folder: str | None) -> WorkError:
    """The error of a training that diverged; ``folder`` is that of its checkpoints."""
    kept = f"the model folder is as it was, the last good checkpoint is in {folder}"
    return WorkError(f"training diverged: {what}; {kept}. Lower the learning rates or raise warmup_steps")
