from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import recipe
from kills import contents
from transformers import TrainerCallback

from kashif.errors import WorkError
from kashif.training.data import gather
from kashif.training.train import build_trainer, train


def test_a_training_that_diverges_is_stopped_and_leaves_the_old_model(
    tiny_encoder: Path, project: Path
) -> None:
    """It ended in "loss 0.000" and success, with weights that were no numbers."""
    train(recipe(tiny_encoder, epochs=1), project / "m")
    before = contents(project / "m")
    wild = recipe(tiny_encoder, encoder_learning_rate=1e38, head_learning_rate=1e38, warmup_steps=0.0)
    with pytest.raises(
        WorkError, match=r"training diverged: .* is not finite; the model folder is as it was"
    ):
        train(wild, project / "m")
    assert contents(project / "m") == before


class Ruin(TrainerCallback):
    """Has the last step of the second epoch end in a weight that is no number."""

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if state.epoch == 2:
            with torch.no_grad():
                model.tagger.bias[0] = torch.nan


def test_the_last_good_checkpoint_is_kept(tiny_encoder: Path, project: Path) -> None:
    settings = recipe(tiny_encoder)
    trainer = build_trainer(settings, gather(settings), folder=project / "c")
    trainer.add_callback(Ruin())
    with pytest.raises(WorkError, match=r"after step 2 tagger\.bias is not finite"):
        trainer.train()
    assert [path.name for path in (project / "c").glob("checkpoint-*")] == ["checkpoint-1"]
