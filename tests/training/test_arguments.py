from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import recipe
from transformers import Adafactor

from kashif.errors import InputError
from kashif.training.arguments import OWN, blamed, keep_to_one_device, training_arguments
from kashif.training.data import gather
from kashif.training.train import build_trainer, train


def test_a_recipe_s_arguments_reach_the_trainer(tiny_encoder: Path, project: Path) -> None:
    own = {
        "gradient_accumulation_steps": 2,
        "optim": "adafactor",
        "max_grad_norm": 0.5,
        "logging_strategy": "steps",
    }
    settings = recipe(tiny_encoder, trainer=own)
    trainer = build_trainer(settings, gather(settings), folder=project / "checkpoints")
    assert {name: getattr(trainer.args, name) for name in own} == own
    assert isinstance(trainer.create_optimizer(), Adafactor)


def test_adamw_is_the_usual_optimizer(tiny_encoder: Path, project: Path) -> None:
    settings = recipe(tiny_encoder)
    trainer = build_trainer(settings, gather(settings), folder=project / "checkpoints")
    optimizer = trainer.create_optimizer()
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["fused"]


@pytest.mark.parametrize("key", OWN)
def test_what_kashif_sets_is_refused_with_what_to_do(key: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"trainer: {key}: Kashif sets it; "):
        training_arguments(recipe(trainer={key: 1}), tmp_path, progress=False)


def test_unknown_and_wrong_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no argument 'optimm' of TrainingArguments; did you mean 'optim'"):
        training_arguments(recipe(trainer={"optimm": "x"}), tmp_path, progress=False)
    with pytest.raises(InputError, match=r"trainer: .*nonsense"):
        training_arguments(recipe(trainer={"lr_scheduler_type": "nonsense"}), tmp_path, progress=False)


@pytest.mark.parametrize(
    ("tracker", "told"), [("comet_ml", "requires comet"), ("nonsense", "nonsense is not supported")]
)
def test_a_tracker_that_is_not_here_is_told(tracker: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"trainer: .*{told}"):
        training_arguments(recipe(trainer={"report_to": tracker}), tmp_path, progress=False)


def test_a_file_of_an_argument_that_is_not_here_is_told(tmp_path: Path) -> None:
    """It was a traceback."""
    with pytest.raises(InputError, match=r"trainer: .*No such file or directory: .*x\.json"):
        training_arguments(
            recipe(trainer={"accelerator_config": str(tmp_path / "x.json")}), tmp_path, progress=False
        )


@pytest.mark.parametrize("steps", [0, -1])
def test_steps_that_train_nothing_are_refused(steps: int, tmp_path: Path) -> None:
    """An untrained model was written."""
    with pytest.raises(InputError, match=f"trainer: gradient_accumulation_steps is 1 or more, found {steps}"):
        training_arguments(recipe(trainer={"gradient_accumulation_steps": steps}), tmp_path, progress=False)


def test_an_optimizer_whose_package_is_not_here_is_blamed() -> None:
    """It was a traceback."""
    with (
        pytest.raises(
            InputError, match="training fails with optim: install bitsandbytes; does it run without"
        ),
        blamed(recipe(trainer={"optim": "adamw_bnb_8bit"})),
    ):
        raise ImportError("install bitsandbytes")


def test_several_gpus_are_not_cut_a_batch_for(tmp_path: Path) -> None:
    """Under DataParallel training died of span indices that count over the whole batch."""
    arguments = training_arguments(recipe(), tmp_path, progress=False)
    assert keep_to_one_device(arguments) == ""
    arguments._n_gpu = 4
    assert keep_to_one_device(arguments).endswith(
        "one is used; to use all: torchrun --nproc-per-node 4 -m kashif train RECIPE"
    )
    assert arguments.n_gpu == 1


def test_values_that_training_fails_over_are_blamed(tiny_encoder: Path, project: Path) -> None:
    wrong = recipe(tiny_encoder, epochs=1, trainer={"max_grad_norm": "abc"})
    with pytest.raises(
        InputError, match=r"trainer: training fails with max_grad_norm: .*; does it run without"
    ):
        train(wrong, project / "m")
