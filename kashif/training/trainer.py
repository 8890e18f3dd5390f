"""The transformers Trainer as Kashif uses it: its arguments, rates, evaluation and messages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from kashif.evaluation.development import SELECTED_BY, development_scores
from kashif.modeling.predictor import Predictor
from kashif.training.data import Data
from kashif.training.precision import use_bfloat16
from kashif.training.recipe import BaseRecipe, Recipe

Say = Callable[[str], None]
"""Takes one line for the user."""


def silent(line: str) -> None:
    """Tells nobody."""


def training_arguments(recipe: BaseRecipe, folder: Path, *, progress: bool) -> TrainingArguments:
    """The Trainer's arguments for a recipe; checkpoints go to ``folder``."""
    gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.encoder_learning_rate,
        weight_decay=recipe.weight_decay,
        warmup_steps=recipe.warmup_steps,
        lr_scheduler_type="linear",
        max_grad_norm=1.0,
        bf16=use_bfloat16(recipe),
        use_cpu=not gpu,
        torch_compile=recipe.compile,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        restore_callback_states_from_checkpoint=True,
        logging_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model=SELECTED_BY,
        greater_is_better=True,
        seed=recipe.seed,
        data_seed=recipe.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=gpu,
        report_to="none",
        disable_tqdm=not progress,
    )


class KashifTrainer(Trainer):
    """The Trainer with a rate for each part of the model, evaluated by whole documents."""

    def __init__(self, *, recipe: Recipe, predictor: Predictor, data: Data, **rest: Any) -> None:
        self.recipe = recipe
        self.predictor = predictor
        self.data = data
        super().__init__(**rest)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        if self.optimizer is None:
            network: Any = self.model if model is None else model
            decayed = set(self.get_decay_parameter_names(network))
            groups: dict[tuple[float, float], list[Any]] = {}
            for name, parameter in network.named_parameters():
                rate = learning_rate(name, network.encoder.config.num_hidden_layers, recipe=self.recipe)
                decay = self.recipe.weight_decay if name in decayed else 0.0
                groups.setdefault((rate, decay), []).append(parameter)
            self.optimizer = torch.optim.AdamW(
                [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in groups.items()],
                fused=True,
            )
        return self.optimizer

    def training_step(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> torch.Tensor:
        loss = super().training_step(model, inputs, *rest, **named)
        epsilon = self.recipe.adversarial_epsilon
        if epsilon:
            network: Any = self.model  # whatever the Trainer wrapped it in
            weight = network.encoder.get_input_embeddings().weight
            with adversarial_perturbation(weight, inputs["input_ids"].unique(), epsilon=epsilon):
                super().training_step(model, inputs, *rest, **named)
        return loss

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        gold = self.data.development
        predicted = self.predictor.predict_documents([(d.id, d.text) for d in gold])
        found = development_scores(gold, predicted, scheme=self.data.scheme)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in found.items()}
        self.log(dict(metrics))  # which adds the epoch
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


@contextmanager
def adversarial_perturbation(
    weight: torch.nn.Parameter, rows: torch.Tensor, *, epsilon: float
) -> Iterator[None]:
    """Moves rows of embeddings by ``epsilon`` (an L2 norm) along their gradient, and back at the end.

    Gradients that are computed inside add to those that are there. The fast gradient method of Miyato,
    Dai and Goodfellow, Adversarial Training Methods for Semi-Supervised Text Classification (2017).
    """
    assert weight.grad is not None
    gradient = weight.grad[rows]
    kept = weight.data[rows].clone()
    weight.data[rows] += epsilon * gradient / gradient.norm().clamp(min=1e-12)
    try:
        yield
    finally:
        weight.data[rows] = kept


def learning_rate(parameter: str, layers: int, *, recipe: Recipe) -> float:
    """A parameter's rate: the heads' own, the encoder's falling by ``layer_decay`` from the top down."""
    if not parameter.startswith("encoder."):
        return recipe.head_learning_rate
    parts = parameter.split(".")
    depth = 0
    if "embeddings" in parts[1]:
        depth = layers
    elif len(parts) > 3 and parts[3].isdigit():
        depth = layers - 1 - int(parts[3])
    return float(recipe.encoder_learning_rate * recipe.layer_decay**depth)


def report_epochs(
    trainer: Trainer, say: Say, *, progress: bool, in_words: Callable[[Mapping[str, float]], str]
) -> None:
    """Has a Trainer say one line an epoch, its scores ``in_words``, beside a progress bar if wanted."""
    trainer.add_callback(_EpochLines(say, in_words))
    if progress:
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(_Bar)
    else:
        trainer.remove_callback(PrinterCallback)


class _Bar(ProgressCallback):
    """The Trainer's progress bar without its raw log lines, which ``_EpochLines`` puts in words."""

    def on_log(self, *_: Any, **__: Any) -> None:
        pass


class _EpochLines(TrainerCallback):
    """Says one line an epoch."""

    def __init__(self, say: Say, in_words: Callable[[Mapping[str, float]], str]) -> None:
        self.say = say
        self.in_words = in_words
        self.loss = math.nan
        self.last_epoch = 0

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.loss = (logs or {}).get("loss", self.loss)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        epoch = round(state.epoch or 0)
        if epoch > self.last_epoch:  # the evaluation after training is of an epoch that has its line
            self.last_epoch = epoch
            scores = {name.removeprefix("eval_"): value for name, value in (metrics or {}).items()}
            self.say(f"epoch {epoch:3d}  loss {self.loss:7.3f}  development: {self.in_words(scores)}")
