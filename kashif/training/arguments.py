"""The arguments of the transformers Trainer: those that Kashif sets, and those of a recipe's ``trainer:``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments
from transformers.integrations.integration_utils import get_reporting_integration_callbacks

from kashif.errors import InputError, WorkError, first_line, nearest
from kashif.evaluation.development import SELECTED_BY
from kashif.training import processes
from kashif.training.precision import use_bfloat16
from kashif.training.recipe import BaseRecipe

OWN = {
    "output_dir": "--output names the folder",
    "num_train_epochs": "write epochs",
    "max_steps": "write epochs",
    "per_device_train_batch_size": "write batch_size",
    "learning_rate": "write encoder_learning_rate and head_learning_rate",
    "weight_decay": "write weight_decay beside trainer",
    "warmup_steps": "write warmup_steps beside trainer",
    "bf16": "write precision",
    "fp16": "write precision",
    "torch_compile": "write compile",
    "seed": "write seed beside trainer",
    "data_seed": "write seed beside trainer",
    **dict.fromkeys(
        (
            "eval_strategy",
            "save_strategy",
            "load_best_model_at_end",
            "metric_for_best_model",
            "greater_is_better",
            "restore_callback_states_from_checkpoint",
        ),
        "the model of the best epoch on development is kept",
    ),
    "save_only_model": "--resume needs the states of optimizer, rates and chance as well",
    "eval_delay": "each epoch is judged on development",
    "push_to_hub": "nothing is sent anywhere; upload the folder",
    "label_smoothing_factor": "Kashif's losses have none",
    **dict.fromkeys(
        (
            "gradient_checkpointing",
            "use_liger_kernel",
            "fsdp",
            "deepspeed",
            "parallelism_config",
        ),
        "it is not supported",
    ),
    "remove_unused_columns": "the collator needs all columns",
    "disable_tqdm": "the bar shows on a terminal",
    "use_cpu": "the GPU is used if there is one",
}
"""The arguments that Kashif sets itself, and what to do instead."""


def training_arguments(recipe: BaseRecipe, folder: Path, *, progress: bool) -> TrainingArguments:
    """The Trainer's arguments for a recipe; checkpoints go to ``folder``.

    Raises:
        InputError: for a key of ``trainer:`` that is no argument, or that Kashif sets itself.
    """
    known = {field.name for field in fields(TrainingArguments) if field.init}
    for key in recipe.trainer:
        if key in OWN:
            raise InputError(f"trainer: {key}: Kashif sets it; {OWN[key]}")
        if key not in known:
            raise InputError(f"trainer: no argument '{key}' of TrainingArguments; {nearest(key, known)}")
    gpu = torch.cuda.is_available()
    settings: dict[str, Any] = {
        "max_grad_norm": 1.0,
        "lr_scheduler_type": "linear",
        "save_total_limit": 1,
        "logging_strategy": "epoch",
        "dataloader_pin_memory": gpu,
        "report_to": "none",
        **recipe.trainer,
    }
    try:
        arguments = TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=_share(recipe.batch_size),
            learning_rate=recipe.encoder_learning_rate,
            weight_decay=recipe.weight_decay,
            warmup_steps=recipe.warmup_steps,
            bf16=use_bfloat16(recipe),
            use_cpu=not gpu,
            torch_compile=recipe.compile,
            eval_strategy="epoch",
            save_strategy="epoch",
            restore_callback_states_from_checkpoint=True,
            load_best_model_at_end=True,
            metric_for_best_model=SELECTED_BY,
            greater_is_better=True,
            seed=recipe.seed,
            data_seed=recipe.seed,
            remove_unused_columns=False,
            disable_tqdm=not progress,
            **settings,
        )
        for callback in get_reporting_integration_callbacks(arguments.report_to):
            callback()  # which raises a RuntimeError if its package is not here
        if arguments.gradient_accumulation_steps < 1:  # which trains nothing, and says nothing
            raise ValueError(
                f"gradient_accumulation_steps is 1 or more, found {arguments.gradient_accumulation_steps}"
            )
    except (TypeError, ValueError, ImportError, OSError, RuntimeError) as error:
        raise InputError(f"trainer: {error}") from error
    return arguments


def keep_to_one_device(arguments: TrainingArguments) -> str:
    """Keeps the Trainer from DataParallel, and says so in a line; the line is empty with one device.

    DataParallel cuts a batch into parts, whose span indices count over the whole batch.
    """
    count = arguments.n_gpu
    if count < 2:
        return ""
    arguments._n_gpu = 1
    how = f"torchrun --nproc-per-node {count} -m kashif train RECIPE"
    return f"{count} GPUs are here, one is used; to use all: {how}"


def _share(batch_size: int) -> int:
    """The windows of a step that fall to each process.

    Raises:
        InputError: if they cannot be shared out evenly.
    """
    count = processes.count()
    if batch_size % count:
        raise InputError(f"batch_size {batch_size}: {count} processes cannot share it evenly")
    return batch_size // count


@contextmanager
def blamed(recipe: BaseRecipe) -> Iterator[None]:
    """Raises InputError that names the recipe's ``trainer:`` keys where the Trainer fails over them."""
    try:
        yield
    except (InputError, WorkError):
        raise
    except (
        TypeError,
        ValueError,
        AttributeError,
        LookupError,
        ArithmeticError,
        RuntimeError,
        ImportError,  # of an optimizer's package that is not here, say
    ) as error:
        if not recipe.trainer:
            raise
        keys = ", ".join(recipe.trainer)
        message = f"training fails with {keys}: {first_line(error)}; does it run without?"
        raise InputError(f"trainer: {message}") from error
