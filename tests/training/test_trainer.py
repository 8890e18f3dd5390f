from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from helpers import recipe
from transformers import Trainer

from kashif.errors import InputError
from kashif.evaluation.development import SELECTED_BY, development_scores, in_words
from kashif.modeling import predictor as predictors
from kashif.training import trainer as trainers
from kashif.training.arguments import training_arguments
from kashif.training.data import gather
from kashif.training.recipe import Recipe
from kashif.training.train import build_trainer, train
from kashif.training.trainer import (
    KashifTrainer,
    Patience,
    adversarial_perturbation,
    learning_rates,
    report_epochs,
)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def built(settings: Recipe, folder: Path) -> KashifTrainer:
    return build_trainer(settings, gather(settings), folder=folder)


def test_rates_fall_from_the_top_down() -> None:
    settings = recipe(encoder_learning_rate=1.0, head_learning_rate=7.0, layer_decay=0.5)
    names = {
        "tagger.weight": 7.0,
        "encoder.encoder.layer.1.output.dense.weight": 1.0,
        "encoder.encoder.layer.0.output.dense.weight": 0.5,
        "encoder.embeddings.word_embeddings.weight": 0.25,
    }
    assert learning_rates(list(names), recipe=settings) == names
    distil = {
        "encoder.transformer.layer.1.ffn.lin1.weight": 1.0,
        "encoder.transformer.layer.0.ffn.lin1.weight": 0.5,
        "encoder.embeddings.LayerNorm.weight": 0.25,
    }
    modern = {"encoder.layers.1.mlp.Wi.weight": 1.0, "encoder.layers.0.mlp.Wi.weight": 0.5}
    top = {"encoder.final_norm.weight": 1.0, "encoder.embeddings.tok_embeddings.weight": 0.25}
    for rates in (distil, modern | top):
        assert learning_rates(list(rates), recipe=settings) == rates
    shared = ["encoder.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight", "tagger.bias"]
    with pytest.raises(InputError, match="layer_decay: 'x' has no layers of its own numbers"):
        learning_rates(shared, recipe=settings)


def test_every_parameter_is_optimised_once_at_its_rate(tiny_encoder: Path, project: Path) -> None:
    settings = recipe(tiny_encoder, layer_decay=0.5, weight_decay=0.03)
    trainer = built(settings, project / "checkpoints")
    groups = trainer.create_optimizer().param_groups
    rates = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in groups
        for parameter in group["params"]
    }
    named = dict(trainer.predictor.model.named_parameters())
    assert sum(len(group["params"]) for group in groups) == len(rates) == len(named)
    expected = learning_rates(list(named), recipe=settings)
    for name, parameter in named.items():
        rate, decay = rates[id(parameter)]
        assert rate == expected[name]
        assert decay == (0.0 if name.endswith("bias") or "norm" in name.lower() else 0.03), name


def test_evaluation_scores_the_development_documents_whole(trained: Path, tmp_path: Path) -> None:
    settings, predictor = Recipe.load(trained / "recipe.yaml"), predictors.load(trained)
    data = gather(settings)
    texts = [(document.id, document.text) for document in data.development]
    scores = development_scores(data.development, predictor.predict_documents(texts), scheme=data.scheme)
    assert scores[SELECTED_BY] > 0.9
    trainer = build_trainer(settings, data, folder=tmp_path, predictor=predictor)
    predictor.model.train()  # as the Trainer leaves it
    for prefix in ("eval", "test"):
        found = trainer.evaluate(metric_key_prefix=prefix)
        assert {name: found[f"{prefix}_{name}"] for name in scores} == scores


def test_adversarial_passes_leave_the_embeddings_as_they_were() -> None:
    weight = torch.nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    (weight[[0, 2]] * torch.tensor([[3.0, 0.0], [0.0, 4.0]])).sum().backward()
    with adversarial_perturbation(weight, torch.tensor([0, 2]), epsilon=0.5):
        assert weight.detach().flatten().tolist() == pytest.approx([1.3, 2.0, 3.0, 4.0, 5.0, 6.4])
    assert weight.detach().flatten().tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_adversarial_training_is_another_and_deterministic(tiny_encoder: Path, project: Path) -> None:
    first, second, plain = (project / name for name in ("a", "b", "c"))
    for output, epsilon in ((first, 0.1), (second, 0.1), (plain, 0.0)):
        train(recipe(tiny_encoder, adversarial_epsilon=epsilon, warmup_steps=0.0), output)
    assert weights(first) == weights(second)
    assert weights(first) != weights(plain)


def test_one_line_is_said_for_each_epoch(tiny_encoder: Path, project: Path) -> None:
    lines: list[str] = []
    scores: list[Mapping[str, float]] = []

    def words(found: Mapping[str, float]) -> str:
        scores.append(found)
        return in_words(found)

    trainer = built(recipe(tiny_encoder, epochs=2), project / "checkpoints")
    report_epochs(trainer, lines.append, progress=False, in_words=words)
    trainer.train()
    trainer.evaluate()  # of the last epoch, which was told
    lines = [line for line in lines if line.startswith("epoch ")]  # the rest is how long they take
    assert [line[:15] for line in lines] == ["epoch   1  loss", "epoch   2  loss"]
    assert [line.rpartition("development: ")[2] for line in lines] == [in_words(found) for found in scores]


@pytest.mark.parametrize(("every", "counts"), [(1, [2, 2]), (3, [0, 1])])
def test_an_epoch_s_line_has_the_mean_of_the_losses_logged_in_it(
    every: int, counts: list[int], tiny_encoder: Path, project: Path
) -> None:
    """It had the last one logged, of whatever epoch, and nan before the first."""
    lines: list[str] = []
    logging = {"logging_strategy": "steps", "logging_steps": every}
    trainer = built(recipe(tiny_encoder, epochs=2, batch_size=1, trainer=logging), project / "checkpoints")
    report_epochs(trainer, lines.append, progress=False, in_words=in_words)
    trainer.train()
    logged = [row for row in trainer.state.log_history if "loss" in row]
    epochs = [[row["loss"] for row in logged if epoch - 1 < row["epoch"] <= epoch] for epoch in (1, 2)]
    assert [len(losses) for losses in epochs] == counts
    for line, losses in zip(lines, epochs, strict=True):
        told = f"loss {sum(losses) / len(losses):7.3f}" if losses else ""
        assert line[9:].partition("development")[0].strip() == told


def test_it_is_told_once_how_long_an_epoch_takes(
    tiny_encoder: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainers, "_WATCHED", 0)
    lines: list[str] = []
    settings = recipe(tiny_encoder, epochs=2, batch_size=1)
    trainer = build_trainer(settings, gather(settings), folder=project / "c", say=lines.append)
    trainer.train()
    steps = len(trainer.train_dataset)
    told = [line for line in lines if "each about" in line]
    assert len(told) == 1
    assert told[0].startswith(f"2 epochs of {steps} steps, each about ")
    assert told[0].endswith((" seconds", " minutes"))


def test_the_progress_bar_is_shown_where_it_is_wanted(tmp_path: Path) -> None:
    for progress in (False, True):
        arguments = training_arguments(recipe(), tmp_path, progress=progress)
        trainer = Trainer(model=torch.nn.Linear(1, 1), args=arguments, eval_dataset=Dataset.from_list([{}]))
        report_epochs(trainer, lambda line: None, progress=progress, in_words=in_words)
        names = [type(callback).__name__ for callback in trainer.callback_handler.callbacks]
        assert "PrinterCallback" not in names
        assert "ProgressCallback" not in names
        assert ("_Bar" in names) is progress


def test_epochs_before_the_first_score_do_not_try_patience(tiny_encoder: Path, project: Path) -> None:
    patience = Patience(early_stopping_patience=2)
    trainer = built(recipe(tiny_encoder), project / "c")
    trainer.state.best_metric, told = None, []
    for score in (0.0, 0.0, 0.0, 0.0, 0.3, 0.2, 0.1):
        trainer.control.should_training_stop = False
        metrics = {f"eval_{SELECTED_BY}": score}
        patience.on_evaluate(trainer.args, trainer.state, trainer.control, metrics)
        trainer.state.best_metric = max(score, trainer.state.best_metric or 0.0)
        told.append(trainer.control.should_training_stop)
    assert told == [False] * 6 + [True]
