"""A recipe: one YAML file that says how one model is trained, or an encoder pretrained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from kashif.errors import Fault, InputError
from kashif.formats import read_text
from kashif.scheme import parsed


class Job(BaseModel):
    """The settings that all training jobs have; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoder: str = Field("e5-small-ar", description="embedded encoder, hub name or folder")
    seed: int = 13
    epochs: PositiveInt = 40
    batch_size: PositiveInt = Field(4, description="windows of a step")
    window: int = Field(256, ge=16, description="sub-words of a window, special ones included")
    encoder_learning_rate: PositiveFloat = 3e-4
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps over which the rates rise")
    weight_decay: NonNegativeFloat = 0.01
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="bfloat16 autocast where the processor has it, on a GPU for large steps"
    )
    compile: bool = Field(False, description="torch.compile; three times slower where measured, on a GPU")

    @classmethod
    def load(cls, path: Path, changes: tuple[str, ...] = ()) -> Self:
        """The recipe of a YAML file with ``KEY=VALUE`` changes, whose values are YAML.

        Raises:
            InputError: listing every key and value that does not fit.
        """
        if not path.is_file():
            raise InputError(Fault(str(path), "no such recipe; the recipes stand in train/"))
        text = read_text(path)
        recipe = parsed(cls, text, str(path))
        if not changes:
            return recipe
        values: dict[str, Any] = yaml.safe_load(text)
        for change in changes:
            key, equals, value = change.partition("=")
            if not equals:
                raise InputError(f"--set {change}: write KEY=VALUE")
            values[key] = _value(change, value)
        return parsed(cls, yaml.safe_dump(values, allow_unicode=True), f"{path} with --set")

    def dump(self) -> str:
        """The recipe as YAML, every setting spelt out."""
        return yaml.safe_dump(self.model_dump(mode="json"), allow_unicode=True, sort_keys=False)


class Recipe(Job):
    """The settings of a model's training."""

    scheme: str = Field("", description="a mapping of the scheme, to learn that corpus's own labels")
    train: tuple[str, ...] = Field(description="corpora to train on")
    development: tuple[str, ...] = Field((), description="corpora that select the model")
    development_share: float = Field(
        0.1, gt=0, lt=1, description="share of the training articles that selects the model if none is named"
    )
    held_out: tuple[str, ...] = Field((), description="corpora that training must never see")
    patience: PositiveInt = Field(10, description="epochs without a better development score before the end")
    head_learning_rate: PositiveFloat = 2e-3
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="factor on the rate from each layer to the one below"
    )
    dropout: float = Field(0.1, ge=0, lt=1)
    adversarial: NonNegativeFloat = Field(
        0.0,
        description="length of the step up the loss that word embeddings take for a second pass; 0 for none",
    )
    tag_weight: PositiveFloat = Field(1.0, description="weight of B and I against O")
    relation_loss: NonNegativeFloat = Field(1.0, description="weight of relations against entities")
    relation_width: PositiveInt = 256


class Pretraining(Job):
    """The settings of an encoder's further pretraining on unannotated text."""

    texts: tuple[str, ...] = Field(description="text files, a paragraph a line; they may end in .gz")
    development_share: float = Field(
        0.02, gt=0, lt=1, description="share of the windows that selects the epoch and is not trained on"
    )
    masked: float = Field(0.15, gt=0, lt=1, description="share of the sub-words to guess")


def _value(change: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"--set {change}: '{text}' is not YAML") from error
