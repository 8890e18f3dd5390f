"""A recipe: one YAML file that says how one model is trained, or an encoder pretrained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from kashif.config import StrictModel, parse_yaml
from kashif.errors import Fault, InputError
from kashif.files import read_text
from kashif.validation import as_path


class BaseRecipe(StrictModel):
    """The settings that every training has; unknown keys are refused."""

    encoder: str = Field(default="e5-small-ar", description="embedded encoder, hub name or folder")
    seed: int = Field(
        default=13,
        ge=0,
        lt=2**32,
        description="of the heads' weights, the order of windows, a carved development set",
    )
    epochs: PositiveInt = Field(default=40, description="passes over the training articles")
    batch_size: PositiveInt = Field(default=4, description="windows of a step")
    window: int = Field(default=256, ge=16, description="sub-words of a window, special ones included")
    encoder_learning_rate: PositiveFloat = Field(
        default=3e-4, description="the highest learning rate of the encoder"
    )
    warmup_steps: float = Field(
        default=0.1, ge=0, description="steps over which the rates rise; below 1, their share of all steps"
    )
    weight_decay: NonNegativeFloat = Field(default=0.01, description="of AdamW")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="auto: bfloat16 autocast on processors with AMX, on a GPU for large steps",
    )
    compile: bool = Field(
        default=False, description="torch.compile; three times slower where measured, on a GPU"
    )
    auxiliary: tuple[str, ...] = Field(
        default=(),
        description="corpora in labels of their own that teach the encoder only: each has a tagger of its own"
        " while training",
    )
    auxiliary_rate: PositiveFloat = Field(
        default=1.0, description="windows of the auxiliary corpora an epoch, for each window of the others"
    )
    trainer: dict[str, Any] = Field(
        default={}, description="further arguments of transformers' TrainingArguments, by name"
    )

    @field_validator("trainer")
    @classmethod
    def _refuse_infinite(cls, settings: dict[str, Any]) -> dict[str, Any]:
        for name, value in settings.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{name}: expected a finite number, found {value}")
        return settings

    @classmethod
    def load(cls, path: Path, *, changes: Sequence[str] = ()) -> Self:
        """The recipe of a YAML file with ``KEY=VALUE`` changes, whose values are YAML.

        Raises:
            InputError: listing every key and value that does not fit.
        """
        if not path.is_file():
            looked = "" if path.is_absolute() else f" in {Path.cwd()}"
            what = "a folder; a recipe is a YAML file" if path.is_dir() else f"no such recipe{looked}"
            raise InputError(Fault(str(path), what))
        if not changes:
            return super().load(path)
        cls.load(path)  # the file's own faults first
        values: dict[str, Any] = parse_yaml(read_text(path), str(path))
        return cls.check(changed(values, changes), f"{path} with --set")

    @classmethod
    def of(cls, recipe: Self | str | Path | Mapping[str, Any]) -> Self:
        """The recipe itself, that of a YAML file, or that of a mapping.

        Raises:
            InputError: listing every key and value that does not fit.
        """
        if isinstance(recipe, cls):
            return recipe
        if isinstance(recipe, str | PathLike):
            return cls.load(as_path(recipe, "recipe"))
        return cls.check(dict(recipe) if isinstance(recipe, Mapping) else recipe, "recipe")


def changed(values: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """A recipe's values with ``KEY=VALUE`` changes, whose values are YAML.

    Raises:
        InputError: for a change of another form, or one whose value is no YAML.
    """
    new = dict(values)
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set {change}: write KEY=VALUE")
        new[key] = parse_yaml(value, f"--set {change}")
    return new


class Recipe(BaseRecipe):
    """The settings of a model's training."""

    about: str = Field(default="", description="what the model is for, in its card")
    license: str = Field(
        default="", description="of the weights, as the hub names licences, such as cc-by-4.0"
    )
    credits: tuple[str, ...] = Field(
        default=(), description="whose data and weights the model came from and their licences, for its card"
    )
    scheme: str = Field(
        default="",
        description="a scheme file, or `learned` for the labels of the gold; by default the scheme.yaml that"
        " all training corpora lead to, else learned",
    )
    train: tuple[str, ...] = Field(description="corpora to train on")
    development: tuple[str, ...] = Field(default=(), description="corpora that select the model")
    calibration: tuple[str, ...] = Field(
        default=(),
        description="corpora that make the probabilities true and choose the thresholds, such as the kind of"
        " text that the model is for; those of development if none is named",
    )
    development_share: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="share of the training articles that selects the model if none is named",
    )
    held_out: tuple[str, ...] = Field(default=(), description="corpora that training must never see")
    patience: PositiveInt = Field(
        default=10, description="epochs without a better development score before the end"
    )
    head_learning_rate: PositiveFloat = Field(
        default=2e-3, description="the highest learning rate of the heads"
    )
    layer_decay: float = Field(
        default=1.0, gt=0, le=1, description="factor on the rate from each layer to the one below"
    )
    dropout: float = Field(default=0.1, ge=0, lt=1, description="on words, before the heads")
    adversarial_epsilon: NonNegativeFloat = Field(
        default=0.0,
        description="adversarial training (FGM, Miyato et al. 2017): L2 norm of the perturbation of the word"
        " embeddings in a second pass; 0 turns it off",
    )
    positive_tag_weight: PositiveFloat = Field(
        default=1.0, description="weight of B and I against O in the loss"
    )
    relation_loss_weight: NonNegativeFloat = Field(
        default=1.0, description="total loss = entity loss + this * relation loss"
    )
    relation_hidden_size: PositiveInt = Field(default=256, description="width of the relation scorer")


class PretrainingRecipe(BaseRecipe):
    """The settings of an encoder's further pretraining on unannotated text."""

    texts: tuple[str, ...] = Field(
        description="files with a paragraph a line, or .jsonl with an article a line; they may end in .gz"
    )
    held_out: tuple[str, ...] = Field(
        default=(),
        description="corpora whose articles, and near-duplicates of these, are left out of the texts",
    )
    development_share: float = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="share of the windows that selects the epoch and is not trained on",
    )
    mlm_probability: float = Field(default=0.15, gt=0, lt=1, description="share of the sub-words to guess")
