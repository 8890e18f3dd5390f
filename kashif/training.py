"""A recipe becomes a model folder, on the transformers Trainer.

The model is selected on the development articles by ``SELECTED_BY``; held-out ones are refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import torch
from transformers import (
    AutoTokenizer,
    EarlyStoppingCallback,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from kashif import encoder, jobs, manifest, mapping, scoring
from kashif.data import Data, gather, told
from kashif.document import Document
from kashif.errors import InputError
from kashif.features import Collator, rows
from kashif.model import KashifModel
from kashif.predicting import Predictor
from kashif.recipe import Job, Recipe
from kashif.scheme import Scheme
from kashif.thresholds import best_threshold
from kashif.windows import lay_out

SELECTED_BY = "score"
"""The mean of strict entity F1 and strict end-to-end relation F1 on the development articles.

Entity F1 alone where the scheme, or every development article's mapping, leaves relations out.
"""

Say = Callable[[str], None]


def train(
    recipe: Recipe,
    output: Path,
    base: Path = Path(),
    resume: bool = False,
    say: Say = print,
    quiet: bool = False,
    without: Collection[str] = (),
) -> dict[str, Any]:
    """Trains a recipe's model and writes its folder. Relative corpora start at ``base``.

    ``without`` are ids of training articles to leave out.

    Returns:
        The development scores that selected the model; its relation thresholds are chosen after that.

    Raises:
        InputError: for a recipe, corpus or encoder that does not fit.
    """
    data = gather(recipe, base, without)
    for notice in data.notices:
        say(notice)
    set_seed(recipe.seed)
    tokenizer, model = _load(encoder.locate(recipe.encoder, base), recipe, data.scheme)
    attend(model.encoder, recipe)
    layouts, held = (
        lay_out([document.text for document in documents], tokenizer, recipe.window)
        for documents in (data.train, data.development)
    )
    for line in (
        *told("train", data.train, layouts, data),
        *told("development", data.development, held, data),
    ):
        say(line)
    table = [
        row
        for document, layout in zip(data.train, layouts, strict=True)
        for row in rows(document, layout, data.scheme, data.mappings.get(document.id))
    ]
    dataset = datasets.Dataset.from_list(table)
    checkpoints = output.resolve() / jobs.CHECKPOINTS
    last = jobs.begin(checkpoints, resume, jobs.described(recipe, data, base))
    trainer = KashifTrainer(
        recipe=recipe,
        predictor=Predictor(model, tokenizer),
        data=data,
        model=model,
        args=arguments(recipe, checkpoints, quiet),
        train_dataset=dataset,
        eval_dataset=dataset,  # a placeholder: evaluate() scores the development documents
        data_collator=Collator(data.scheme, tokenizer.pad_token_id),
        processing_class=tokenizer,
        callbacks=[EarlyStoppingCallback(recipe.patience)],
    )
    watch(trainer, say, quiet, in_words)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    metrics = trainer.evaluate()
    scores = {key.removeprefix("eval_"): value for key, value in metrics.items()}
    if data.scheme.relations:
        model.config.thresholds = _thresholds(trainer.predictor, data)
    _save(output, model, tokenizer, recipe, jobs.origin(recipe, data, base), scores)
    return scores


def _thresholds(predictor: Predictor, data: Data) -> dict[str, float]:
    """The one threshold for all relations that is best on the development articles."""
    gold = [document for document in data.development if document.id not in data.mappings]
    predicted = predictor.documents([(d.id, d.text) for d in gold], threshold=0.0)
    return dict.fromkeys(data.scheme.relation_labels, best_threshold(gold, predicted, data.scheme))


def _load(name: str, recipe: Recipe, scheme: Scheme) -> tuple[Any, KashifModel]:
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        model = KashifModel.from_encoder(
            name,
            scheme,
            window=recipe.window,
            dropout=recipe.dropout,
            tag_weight=recipe.tag_weight,
            relation_loss=recipe.relation_loss,
            relation_width=recipe.relation_width,
        )
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise InputError(f"encoder '{recipe.encoder}': {first}") from error
    if not tokenizer.is_fast:
        raise InputError(f"encoder '{recipe.encoder}': it has no fast tokenizer, which offsets need")
    check_window(recipe, model.encoder.config)
    return tokenizer, model


def check_window(job: Job, config: Any) -> None:
    """Raises InputError if the encoder of this configuration reads less than a window."""
    positions = getattr(config, "max_position_embeddings", None) or job.window
    # RoBERTa-like encoders count positions from behind the padding index.
    usable = positions - (2 if "roberta" in config.model_type else 0)
    if job.window > usable:
        raise InputError(f"window {job.window}: '{job.encoder}' reads at most {usable} sub-words")


def arguments(recipe: Job, folder: Path, quiet: bool) -> TrainingArguments:
    """The Trainer's arguments for a training job; checkpoints go to ``folder``."""
    gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.encoder_learning_rate,
        weight_decay=recipe.weight_decay,
        warmup_steps=recipe.warmup,
        lr_scheduler_type="linear",
        max_grad_norm=1.0,
        bf16=jobs.half_precision(recipe),
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
        disable_tqdm=quiet,
    )


def attend(encoder: Any, recipe: Job) -> None:
    """Takes the attention that trains fastest: fused, which is slow to differentiate in bfloat16 on a CPU."""
    if jobs.half_precision(recipe) and not torch.cuda.is_available():
        encoder.set_attn_implementation("eager")


class KashifTrainer(Trainer):
    """The Trainer with a rate for each part of the model, evaluated by whole documents."""

    def __init__(self, recipe: Recipe, predictor: Predictor, data: Data, **rest: Any) -> None:
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
                rate = learning_rate(name, network.encoder.config.num_hidden_layers, self.recipe)
                decay = self.recipe.weight_decay if name in decayed else 0.0
                groups.setdefault((rate, decay), []).append(parameter)
            self.optimizer = torch.optim.AdamW(
                [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in groups.items()],
                fused=True,
            )
        return self.optimizer

    def training_step(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> torch.Tensor:
        loss = super().training_step(model, inputs, *rest, **named)
        if self.recipe.adversarial:
            network: Any = self.model  # whatever the Trainer wrapped it in
            weight = network.encoder.get_input_embeddings().weight
            with worsened(weight, inputs["input_ids"].unique(), self.recipe.adversarial):
                super().training_step(model, inputs, *rest, **named)
        return loss

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        self.predictor.model.train(False)
        predicted = self.predictor.documents([(d.id, d.text) for d in self.data.development])
        found = development_scores(self.data, predicted)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in found.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


@contextmanager
def worsened(weight: torch.nn.Parameter, rows: torch.Tensor, length: float) -> Iterator[None]:
    """Moves rows of embeddings a step of ``length`` up the loss; gradients then add to those that are there.

    The method of Miyato, Dai and Goodfellow, Adversarial Training Methods for Semi-Supervised Text
    Classification (2017).
    """
    assert weight.grad is not None
    gradient = weight.grad[rows]
    kept = weight.data[rows].clone()
    weight.data[rows] += length * gradient / gradient.norm().clamp(min=1e-12)
    try:
        yield
    finally:
        weight.data[rows] = kept


def learning_rate(parameter: str, layers: int, recipe: Recipe) -> float:
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


def development_scores(data: Data, predicted: Sequence[Document]) -> dict[str, float]:
    """Entity F1, relation F1 where relations are annotated, 0 where undefined, and ``SELECTED_BY``.

    Documents with another corpus's labels are compared in those, see ``mapping``.
    """
    entities, relations = scoring.Counts(), scoring.Counts()
    found: dict[str, float] = {}
    for gold, guess in zip(data.development, predicted, strict=True):
        through = data.mappings.get(gold.id)
        if through is not None:
            gold, guess = mapping.gold(gold, through), mapping.predicted(guess, through)
        entities += scoring.Counts.of(scoring.entity_items(gold), scoring.entity_items(guess))
        found["entity_f1"] = entities.f1 or 0.0
        if through is None and data.scheme.relations:
            relations += scoring.Counts.of(
                scoring.relation_items(gold, data.scheme), scoring.relation_items(guess, data.scheme)
            )
            found["relation_f1"] = relations.f1 or 0.0
    return {**found, SELECTED_BY: sum(found.values()) / len(found)}


def in_words(scores: Mapping[str, float]) -> str:
    """Development scores in words."""
    names = {"entity_f1": "entity F1", "relation_f1": "relation F1"}
    return ", ".join(f"{names[key]} {scores[key]:.3f}" for key in names if key in scores)


def watch(trainer: Trainer, say: Say, quiet: bool, words: Callable[[Mapping[str, float]], str]) -> None:
    """Has a Trainer tell one line an epoch, its scores in ``words``, behind a progress bar unless quiet."""
    trainer.add_callback(_Teller(say, words))
    if quiet:
        trainer.remove_callback(PrinterCallback)
    else:
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(_Bar)


class _Bar(ProgressCallback):
    """The Trainer's progress bar without its raw log lines, which ``_Teller`` puts in words."""

    def on_log(self, *_: Any, **__: Any) -> None:
        pass


class _Teller(TrainerCallback):
    """Tells one line an epoch."""

    def __init__(self, say: Say, words: Callable[[Mapping[str, float]], str]) -> None:
        self.say = say
        self.words = words
        self.loss = math.nan
        self.told = 0

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.loss = (logs or {}).get("loss", self.loss)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        epoch = round(state.epoch or 0)
        if epoch > self.told:  # the evaluation after training is of an epoch already told
            self.told = epoch
            scores = {name.removeprefix("eval_"): value for name, value in (metrics or {}).items()}
            self.say(f"epoch {epoch:3d}  loss {self.loss:7.3f}  development: {self.words(scores)}")


def _save(
    output: Path,
    model: KashifModel,
    tokenizer: Any,
    recipe: Recipe,
    came_from: dict[str, Any],
    scores: dict[str, float],
) -> None:
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    scheme = model.config.annotation_scheme()
    (output / "scheme.yaml").write_text(scheme.dump(), encoding="utf-8")
    (output / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
    files = {
        "scores.json": {"development": scores, "selected by": SELECTED_BY},
        manifest.NAME: came_from,
    }
    for name, content in files.items():
        (output / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
