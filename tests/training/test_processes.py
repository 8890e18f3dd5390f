from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ARTICLE, add_scheme, make_encoder, recipe

from kashif.errors import InputError
from kashif.training.arguments import training_arguments
from kashif.training.train import train

BOTH = "-m torch.distributed.run --standalone --nproc-per-node 2 -m kashif"


def started(arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *BOTH.split(), *arguments.split()]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def losses(model: Path) -> list[float]:
    states = model.glob("checkpoints/*/trainer_state.json")
    state = max(states, key=lambda path: int(path.parent.name.rpartition("-")[2]))
    rows = json.loads(state.read_text(encoding="utf-8"))["log_history"]
    return [row["loss"] for row in rows if "loss" in row]


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    corpus = tmp_path / "annotations" / "news"
    corpus.mkdir(parents=True)
    add_scheme(tmp_path / "annotations")
    parts = ARTICLE.split("ا")
    for index in range(1, 13):  # the same to a model, so that both halves of a batch weigh the same
        text = "ا".join(parts[:index]) + "\ufe8d" + "ا".join(parts[index:])
        (corpus / f"n{index}.txt").write_text(text, encoding="utf-8")
    still = {"hidden_dropout_prob": 0.0}
    settings = recipe(
        make_encoder(tmp_path / "encoder", [ARTICLE], sizes=still),
        train=["annotations/news"],
        development=[],
        dropout=0.0,
        batch_size=4,
        epochs=10,
        patience=10,
        adversarial_epsilon=1.0,
        trainer={"logging_strategy": "steps", "logging_steps": 1, "save_total_limit": 99},
    )
    (tmp_path / "recipe.yaml").write_text(settings.dump(), encoding="utf-8")
    said: list[str] = []
    train(settings, tmp_path / "one", say=said.append)
    run = started("train recipe.yaml --output two", tmp_path)
    assert run.returncode == 0, run.stderr
    one, two = losses(tmp_path / "one")[:20], losses(tmp_path / "two")[:20]
    assert len(one) == len(two) == 20
    assert two == pytest.approx(one, abs=1e-4)
    assert one[-1] < 0.75 * one[0]  # it learns; how fast differs from processor to processor
    assert run.stderr.count("epoch  10") == run.stderr.count("wrote two") == 1
    again = started("train recipe.yaml --output two --set batch_size=5", tmp_path)
    assert again.stderr.count("batch_size 5: 2 processes cannot share it evenly") == 1
    assert again.returncode != 0


def test_a_batch_is_shared_out_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kashif.training.processes.count", lambda: 3)
    with pytest.raises(InputError, match="batch_size 4: 3 processes cannot share it evenly"):
        training_arguments(recipe(batch_size=4), tmp_path, progress=False)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("WORLD_SIZE", "x", "$WORLD_SIZE: expected a whole number from 1 on, found 'x'; torchrun sets it"),
        ("WORLD_SIZE", "0", "$WORLD_SIZE: expected a whole number from 1 on, found '0'"),
        ("RANK", "abc", "$RANK: expected a whole number"),
        ("LOCAL_RANK", "", "$LOCAL_RANK: expected a whole number"),
        ("RANK", "1", "nothere: no such file or folder"),  # a process that is alone said nothing at all
    ],
)
def test_numbers_that_torchrun_does_not_set_are_told(
    run: Callable[..., subprocess.CompletedProcess[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.setenv(name, value)
    for command in (("corpus", "stats", "nothere"), ("train", "nothere.yaml")):
        done = run(*command)
        assert done.returncode == 2
        assert told.replace("nothere: no such file or folder", "no such") in done.stderr.decode()


def test_other_commands_run_in_one_process(tmp_path: Path) -> None:
    environment = os.environ | {"WORLD_SIZE": "2", "RANK": "0"}
    command = [sys.executable, "-m", "kashif", "corpus", "check", "."]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "torchrun: `kashif corpus` runs in one process; only `kashif train` in several" in run.stderr
