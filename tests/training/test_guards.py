from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import recipe
from kills import contents
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from kashif.errors import InputError, WorkError
from kashif.modeling.weights import replaced_model
from kashif.training.checkpoints import seal
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
        WorkError, match=r"training diverged: .* is not finite; the model folder is as it was\. Lower the"
    ):  # a checkpoint was named that was not there
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
    told = (
        r"after step 2 tagger\.bias is not finite; .*, the last good checkpoint is .*/c/checkpoint-1\. Lower"
    )
    with pytest.raises(WorkError, match=told):
        trainer.train()
    assert [path.name for path in (project / "c").glob("checkpoint-*")] == ["checkpoint-1"]


def test_a_disk_that_is_full_is_told_and_the_training_goes_on_later(
    tiny_encoder: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(recipe(tiny_encoder), project / "whole")

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:668] . unexpected pos 64 vs 0")

    with monkeypatch.context() as patch:
        patch.setattr("transformers.Trainer._save_rng_state", full)
        with pytest.raises(
            WorkError,
            match=r"the checkpoint of step 1 cannot be written: .*; make room there, then train again",
        ):
            train(recipe(tiny_encoder), project / "m")
    assert not (project / "m" / "model.safetensors").exists()
    train(recipe(tiny_encoder), project / "m")
    weights = [contents(project / name)["model.safetensors"] for name in ("m", "whole")]
    assert weights[0] == weights[1]


def test_a_model_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("old", encoding="utf-8")

    def write() -> None:
        with replaced_model(tmp_path) as new:
            (new / "config.json").write_text("new", encoding="utf-8")
            save_file({"a": torch.zeros(9)}, new / "no folder" / "model.safetensors")

    with pytest.raises(WorkError, match="its weights cannot be written: "):
        write()
    assert contents(tmp_path) == {"config.json": b"old"}


@pytest.mark.parametrize("how", ["missing", "other", "shape"])
@pytest.mark.parametrize("best", [True, False])
def test_a_checkpoint_of_other_tensors_is_refused(
    tiny_encoder: Path, project: Path, how: str, best: bool
) -> None:
    """Training went on with what the tensors happened to be."""
    settings = recipe(tiny_encoder, encoder_learning_rate=1e-5, head_learning_rate=1e-5, epochs=3)

    def stop(line: str) -> None:
        if line.startswith("epoch   3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, project / "m", say=stop)
    name = "checkpoint-1" if best else "checkpoint-2"
    file = project / "m" / "checkpoints" / name / "model.safetensors"
    weights = load_file(file)
    value = weights.pop("tagger.bias")
    if how == "other":
        weights["tagger.bias"] = weights["other"] = value
    elif how == "shape":
        weights["tagger.bias"] = value[:3]
    save_file({key: tensor.clone() for key, tensor in weights.items()}, file, metadata={"format": "pt"})
    seal(file.parent)
    with pytest.raises(InputError, match=f"{name}: training cannot go on from it: "):
        train(settings, project / "m", resume=True)
