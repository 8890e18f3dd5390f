"""The transformers Trainer as Kashif uses it: rates, adversarial steps, evaluation, messages."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback, Trainer, TrainerCallback

from kashif.errors import InputError
from kashif.evaluation.development import development_scores
from kashif.modeling.predictor import Predictor
from kashif.training import processes
from kashif.training.data import Data
from kashif.training.guards import GuardedTrainer
from kashif.training.recipe import Recipe

Say = Callable[[str], None]
"""Takes one line for the user."""


def silent(line: str) -> None:
    """Tells nobody."""


class KashifTrainer(GuardedTrainer):
    """The Trainer with a rate for each part of the model, evaluated by whole documents.

    ``sampler`` orders the windows of an epoch; None leaves that to the Trainer.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        predictor: Predictor,
        data: Data,
        sampler: Sampler[int] | None = None,
        **rest: Any,
    ) -> None:
        self.recipe = recipe
        self.predictor = predictor
        self.data = data
        self.sampler = sampler
        super().__init__(**rest)

    def _get_train_sampler(self, *rest: Any) -> Any:
        return self.sampler or super()._get_train_sampler(*rest)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The optimizer that the arguments name, with a rate for each part of the model."""
        if self.optimizer is None:
            network: Any = self.model if model is None else model
            decayed = set(self.get_decay_parameter_names(network))
            rates = learning_rates([name for name, _ in network.named_parameters()], recipe=self.recipe)
            groups: dict[tuple[float, float], list[Any]] = {}
            for name, parameter in network.named_parameters():
                decay = self.recipe.weight_decay if name in decayed else 0.0
                groups.setdefault((rates[name], decay), []).append(parameter)
            kind, settings = self.get_optimizer_cls_and_kwargs(self.args, network)
            self.optimizer = kind(
                [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in groups.items()],
                **settings,
            )
        return self.optimizer

    def training_step(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> torch.Tensor:
        loss = super().training_step(model, inputs, *rest, **named)
        epsilon = self.recipe.adversarial_epsilon
        if epsilon:
            network: Any = self.model  # whatever the Trainer wrapped it in
            weight = network.encoder.get_input_embeddings().weight
            rows = seen_rows(inputs["input_ids"], len(weight))
            with adversarial_perturbation(weight, rows, epsilon=epsilon):
                super().training_step(model, inputs, *rest, **named)
        return loss

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        found = processes.from_first(self._development_scores)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in found.items()}
        self.log(dict(metrics))  # which adds the epoch
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _development_scores(self) -> dict[str, float]:
        gold = self.data.development
        predicted = self.predictor.predict_documents([(d.id, d.text) for d in gold])
        return development_scores(gold, predicted, scheme=self.data.scheme)


def seen_rows(input_ids: torch.Tensor, rows: int) -> torch.Tensor:
    """The rows of the ``rows`` embeddings that a batch reads, those of all processes together."""
    seen = torch.zeros(rows, dtype=torch.int32, device=input_ids.device)
    seen[input_ids.flatten()] = 1
    if processes.count() > 1:
        torch.distributed.all_reduce(seen)
    return seen.nonzero().squeeze(1)


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


_LAYER = re.compile(r"\.(\d+)\.")


def learning_rates(parameters: Sequence[str], *, recipe: Recipe) -> dict[str, float]:
    """The rate of each parameter: the heads' own, the encoder's falling by ``layer_decay`` from the top down.

    A parameter's layer is the first number in its name; embeddings are below the lowest layer, and what has
    no number beside them counts as the top.

    Raises:
        InputError: if ``layer_decay`` is not 1 and the encoder's layers have no numbers (ALBERT shares one).
    """
    numbers = {name: _LAYER.search(name) for name in parameters if name.startswith("encoder.")}
    layers = {int(match[1]) for match in numbers.values() if match}
    if recipe.layer_decay != 1 and len(layers) < 2:
        raise InputError(f"layer_decay: '{recipe.encoder}' has no layers of its own numbers; leave it out")
    top = max(layers, default=0)
    rates = {}
    for name in parameters:
        if name not in numbers:
            rates[name] = recipe.head_learning_rate
            continue
        match = numbers[name]
        depth = top - int(match[1]) if match else (top + 1 if "embed" in name else 0)
        rates[name] = recipe.encoder_learning_rate * recipe.layer_decay**depth
    return rates


class Patience(EarlyStoppingCallback):
    """Stops after so many epochs without a better score, not counting those before the first above 0."""

    def check_metric_value(self, args: Any, state: Any, control: Any, metric_value: float) -> None:
        super().check_metric_value(args, state, control, metric_value)  # type: ignore[no-untyped-call]
        if not metric_value and not state.best_metric:
            self.early_stopping_patience_counter = 0


def report_epochs(
    trainer: Trainer, say: Say, *, progress: bool, in_words: Callable[[Mapping[str, float]], str]
) -> None:
    """Has a Trainer say one line an epoch, its scores ``in_words``, beside a progress bar if wanted.

    Where there is no bar, one line more says after a while how long an epoch takes.
    """
    trainer.add_callback(_EpochLines(say, in_words))
    if progress:
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(_Bar)
    else:
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(_Estimate(say))


class _Bar(ProgressCallback):
    """The Trainer's progress bar without its raw log lines, which ``_EpochLines`` puts in words."""

    def on_log(self, *_: Any, **__: Any) -> None:
        pass


_WATCHED = 30
"""Seconds of training after which it is said how long an epoch takes."""


class _Estimate(TrainerCallback):
    """Says once how long an epoch takes."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.begin: tuple[int, float] | None = None
        self.told = False

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        now = time.monotonic()
        if self.begin is None:  # the first step warms up
            self.begin = state.global_step, now
        elif not self.told and now - self.begin[1] >= _WATCHED:
            self.told = True
            steps = state.max_steps / state.num_train_epochs
            seconds = steps * (now - self.begin[1]) / (state.global_step - self.begin[0])
            self.say(f"{state.num_train_epochs} epochs of {steps:,.0f} steps, each about {_time(seconds)}")


def _time(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"


class _EpochLines(TrainerCallback):
    """Says one line an epoch, with the mean of the losses that were logged in it, if any was."""

    def __init__(self, say: Say, in_words: Callable[[Mapping[str, float]], str]) -> None:
        self.say = say
        self.in_words = in_words
        self.losses: list[float] = []
        self.last_epoch = 0

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        epoch = round(state.epoch or 0)
        if epoch > self.last_epoch:  # the evaluation after training is of an epoch that has its line
            self.last_epoch = epoch
            scores = {name.removeprefix("eval_"): value for name, value in (metrics or {}).items()}
            loss = f"  loss {fmean(self.losses):7.3f}" if self.losses else ""
            self.losses.clear()
            self.say(f"epoch {epoch:3d}{loss}  development: {self.in_words(scores)}")
