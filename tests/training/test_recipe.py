from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ROOT, recipe

from kashif.errors import InputError
from kashif.training.recipe import PretrainingRecipe, Recipe


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "r.yaml"
    file.write_text("train: [a]\n", encoding="utf-8")
    return file


def test_unknown_keys_are_refused(path: Path) -> None:
    path.write_text("train: [a]\nepoch: 3\n", encoding="utf-8")
    with pytest.raises(InputError, match="did you mean 'epochs'"):
        Recipe.load(path)
    with pytest.raises(InputError, match="did you mean 'epochs'"):
        Recipe.load(path, changes=("seed=1",))


def test_changes_are_yaml(path: Path) -> None:
    changes = ("epochs=3", "encoder_learning_rate=3e-4", "train=[b, c]")
    changed = Recipe.load(path, changes=changes)
    assert (changed.epochs, changed.encoder_learning_rate, changed.train) == (3, 3e-4, ("b", "c"))
    with pytest.raises(InputError, match="KEY=VALUE"):
        Recipe.load(path, changes=("epochs",))
    with pytest.raises(InputError, match=r"--set train=\[b:1: not YAML"):
        Recipe.load(path, changes=("train=[b",))
    with pytest.raises(InputError, match=r"r\.yaml with --set: unknown key 'epoch'; did you mean 'epochs'"):
        Recipe.load(path, changes=("epoch=3",))


def test_a_recipe_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such recipe"):
        Recipe.load(tmp_path / "none.yaml")
    with pytest.raises(InputError, match=r"none\.yaml: no such recipe in /"):
        Recipe.load(Path("none.yaml"))


def test_a_recipe_is_taken_as_itself_a_path_or_a_mapping(path: Path) -> None:
    loaded = Recipe.load(path)
    assert Recipe.of(loaded) is loaded
    for given in (path, str(path), {"train": ["a"]}):
        assert Recipe.of(given) == loaded
    with pytest.raises(InputError, match="did you mean 'train'"):
        Recipe.of({"tran": ["a"]})
    with pytest.raises(InputError, match="expected keys and values, found int"):
        Recipe.of(3)


def test_a_recipe_is_read_as_it_was_written() -> None:
    settings = recipe(held_out=["x#test"], adversarial_epsilon=1.0)
    assert Recipe.parse(settings.dump(), "a copy") == settings


def test_the_pretraining_recipe_that_is_here_fits() -> None:
    assert PretrainingRecipe.load(ROOT / "train" / "newswire.yaml").encoder == "e5-small-ar"


@pytest.mark.parametrize("key", ["head_learning_rate", "warmup_steps", "positive_tag_weight", "weight_decay"])
@pytest.mark.parametrize("value", [".inf", ".nan", "1e999"])
def test_numbers_that_are_not_finite_are_refused(path: Path, key: str, value: str) -> None:
    with pytest.raises(InputError, match=f"r.yaml with --set: {key}: Input should be"):
        Recipe.load(path, changes=(f"{key}={value}",))
    path.write_text(f"train: [a]\n{key}: {value}\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"r.yaml: {key}: Input should be"):
        Recipe.load(path)


def test_arguments_of_the_trainer_that_are_not_finite_are_refused(path: Path) -> None:
    with pytest.raises(InputError, match="trainer: max_grad_norm: expected a finite number, found inf"):
        Recipe.load(path, changes=("trainer={max_grad_norm: .inf}",))
