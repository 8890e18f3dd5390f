from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from helpers import ARTICLE, ROOT, another
from rich.text import Text
from typer.main import get_command

from kashif import __version__
from kashif.cli import app

Run = Callable[..., CompletedProcess[bytes]]


def test_the_command_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "kashif", "corpus", "check", "nowhere"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"nowhere: no such file or folder" in done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes always wait there")
def test_the_standard_streams_wait() -> None:
    """A pipe set not to wait, as other programs hand on theirs, was at its end when nothing had come yet."""
    code = "import os, sys; from kashif.cli.app import main; sys.argv = ['kashif', '--version']\n"
    code += "try: main()\nexcept SystemExit: print(os.get_blocking(0))"
    reader, writer = os.pipe()
    try:
        os.set_blocking(reader, False)
        done = subprocess.run([sys.executable, "-c", code], stdin=reader, capture_output=True, check=True)
    finally:
        os.close(reader)
        os.close(writer)
    assert done.stdout.split()[-1] == b"True"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("corpus", "check", "nowhere"), "no such file or folder"),
        (("train", "nowhere.yaml"), "no such recipe"),
        (("predict", "nowhere.txt"), "no such file or folder"),
        (("predict", "--format", "jsnl"), "did you mean 'jsonl'"),
        (("score", "nowhere", "annotations/newsroom"), "no such file or folder; write a model folder"),
        (("predict", "--model", "nowhere"), "no model folder of Kashif's"),
        (("predict", "--format", "table", "--output", "x"), "a table is for the terminal"),
        (("train", "train/quickstart.yaml", "--set", "train=[a"), "not YAML"),
        (("train", "train/quickstart.yaml", "--batch-size", "3"), "--set batch_size=VALUE"),
        (("pretrain", "train/newswire.yaml", "--epochs=3"), "--set epochs=VALUE"),
        (("corpus", "check", "annotations/newsroom#nope"), "has no split"),
        (("corpus", "check", "annotations/newsroom", "--encoder", "tests"), "encoder 'tests': "),
        (("export", "news", "--report", "r.json"), "--report: is for the card of a release"),
        (("export", "news", "--release", "x", "--int8"), "--int8: a release has weights of 16 bits"),
    ],
)
def test_a_user_s_mistake_has_status_2_and_no_traceback(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    done = run(*arguments)
    assert done.returncode == 2, done.stderr.decode()
    assert told in (done.stderr + done.stdout).decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("train", "train/quickstart.yaml", "--set", "train=[annotations/newsroom#tran]"),
            "did you mean 'train'",
        ),
        (("score", "news", "annotations/newsroom#tst"), "did you mean 'test'"),
        (("predict", "README.md", "--model", "nowhere"), "no model folder of Kashif's"),
        (("export", "nowhere"), "no model folder of Kashif's"),
        (("corpus", "next", "nowhere", "README.md"), "no model folder of Kashif's"),
    ],
)
def test_a_wrong_name_is_told_before_torch_is_loaded(arguments: tuple[str, ...], told: str) -> None:
    code = "import sys; from kashif.cli.app import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, cwd=ROOT, text=True, check=False
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stdout == "False\n"


def test_work_that_failed_has_status_1_and_no_traceback(run: Run, tiny_encoder: Path, project: Path) -> None:
    (project / "r.yaml").write_text(
        f"encoder: {tiny_encoder}\ntrain: [annotations/news#train]\nhead_learning_rate: 1.0e+38\n"
        "development: [annotations/news#development]\nwindow: 64\nencoder_learning_rate: 1.0e+38\n",
        encoding="utf-8",
    )
    done = run("train", "r.yaml", cwd=project)
    assert done.returncode == 1
    assert "training diverged: " in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_export_tells_loss_and_gain_and_other_runtimes_run(run: Run, trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    folder, development = tmp_path / "model", trained.parent.parent / "annotations" / "two"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    refused = run("predict", "--runtime", "openvino", "--model", folder, stdin=ARTICLE.encode())
    assert refused.returncode == 2
    assert b"kashif export" in refused.stderr
    done = run("export", folder)
    assert done.returncode == 0, done.stderr.decode()
    assert "float32, against torch in float32 on 1 development articles" in done.stdout.decode()
    assert "entity F1 lost  relation F1 lost  times as fast" in done.stdout.decode()
    assert b"export.json; --runtime auto takes" in done.stderr
    assert run("score", folder, development, "--runtime", "openvino").returncode == 0
    answers = [
        run("predict", "--runtime", name, "--model", folder, "--format", "conll", stdin=ARTICLE.encode())
        for name in ("torch", "openvino")
    ]
    assert b"B-OCC" in answers[0].stdout
    assert answers[0].stdout == answers[1].stdout


def test_train_from_the_command_line(run: Run, tiny_encoder: Path, news: Path, tmp_path: Path) -> None:
    (news / "a2.txt").write_text(another(1), encoding="utf-8")
    (tmp_path / "train").mkdir()
    recipe = tmp_path / "train" / "own.yaml"
    recipe.write_text(f"encoder: {tiny_encoder}\ntrain: [annotations/news]\nwindow: 64\n", encoding="utf-8")
    done = run("train", recipe, "--set", "epochs=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    told = done.stderr.decode()
    assert "wrote models/own" in told
    assert "train: 1 articles, 24 words" in told
    assert "it/s" not in told  # no progress bars where the output is no terminal
    assert (tmp_path / "models" / "own" / "manifest.json").exists()
    assert run("encoder", tiny_encoder, "--output", tmp_path / "e").returncode == 0


def test_an_encoder_replaces_no_files_of_a_user_s(run: Run, tiny_encoder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("mine", encoding="utf-8")
    done = run("encoder", tiny_encoder, "--output", tmp_path)
    assert done.returncode == 2
    assert b"recipe.yaml stand here" in done.stderr.replace(b"\n", b" ")
    assert recipe.read_text(encoding="utf-8") == "mine"
    assert run("encoder", tiny_encoder, "--output", tmp_path / "copy").returncode == 0
    assert run("encoder", tmp_path / "copy", "--output", tmp_path / "copy").returncode == 2


def test_pretrain_from_the_command_line(run: Run, tiny_encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "news.txt").write_text(ARTICLE * 5, encoding="utf-8")
    settings = "texts: [news.txt]\nwindow: 32\nbatch_size: 16\nepochs: 1\ndevelopment_share: 0.2\nprecision: float32\n"
    (tmp_path / "own.yaml").write_text(f"encoder: {tiny_encoder}\n{settings}", encoding="utf-8")
    done = run("pretrain", "own.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert "epoch   1" in done.stderr.decode()
    assert "wrote models/own" in done.stderr.decode()
    assert (tmp_path / "models" / "own" / "model.safetensors").exists()


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").stdout.decode() == f"kashif {__version__}\n"


def test_several_seeds_are_trained_and_their_mean_is_told(
    run: Run, tiny_encoder: Path, project: Path
) -> None:
    (project / "r.yaml").write_text(
        f"encoder: {tiny_encoder}\ntrain: ['annotations/news#train']\ndevelopment: ['annotations/news#development']\n"
        "epochs: 1\nwindow: 64\n",
        encoding="utf-8",
    )
    done = run("train", "r.yaml", "--seeds", "1,2", "--output", "m", cwd=project)
    assert done.returncode == 0
    assert (
        b"mean of 2 seeds: entity F1 0.000, relation F1 0.000; standard deviation: entity F1" in done.stderr
    )
    assert {path.name for path in project.glob("m-*")} == {"m-1", "m-2"}
    more = run("train", "r.yaml", "--seeds", "1,3", "--output", "m", "--resume", cwd=project)
    assert more.returncode == 0, more.stderr.decode()  # of seed 3 there was nothing to resume
    assert b"m-1: this training is finished" in more.stderr
    assert b"wrote m-3" in more.stderr
    for name in ("4", "5"):  # what is left of a kill in the first epoch, and of one before it
        (project / f"m-{name}" / "checkpoints").mkdir(parents=True)
    row = json.loads((project / "m-1" / "checkpoints" / "run.json").read_text(encoding="utf-8"))
    note = json.dumps(row | {"recipe": row["recipe"] | {"seed": 4}})
    (project / "m-4" / "checkpoints" / "run.json").write_text(note, encoding="utf-8")
    more = run("train", "r.yaml", "--seeds", "1,4,5", "--output", "m", "--resume", cwd=project)
    assert more.returncode == 0, more.stderr.decode()
    assert {path.parent.name for path in project.glob("m-*/model.safetensors")} >= {"m-4", "m-5"}
    assert b"a seed stands twice" in run("train", "r.yaml", "--seeds", "7,7", cwd=project).stderr
    assert run("train", "r.yaml", "--seeds", "1,-5", cwd=project).returncode == 2
    assert b"write numbers with commas" in run("train", "r.yaml", "--seeds", "a,b", cwd=project).stderr


def test_all_seeds_and_folders_are_looked_at_before_the_first_training(run: Run, project: Path) -> None:
    """The first seed was trained to its end, and only then was the second one refused."""
    settings = (
        "encoder: x\ntrain: ['annotations/news#train']\ndevelopment: ['annotations/news#development']\n"
    )
    (project / "r.yaml").write_text(settings, encoding="utf-8")
    (project / "m-2").mkdir()
    (project / "m-2" / "README.md").write_text("mine", encoding="utf-8")
    (project / "m-3").write_text("mine", encoding="utf-8")
    (project / "annotations" / "news-4").symlink_to("news")
    for seeds, output, told in (
        ("1,5000000000", "m", "--seeds: seed: Input should be less than 4294967296"),
        ("1,2", "m", "m-2: README.md stand here, of no model of Kashif's"),
        ("1,3", "m", "m-3: this is a file, and a folder is needed"),
        ("1,4", "annotations/news", "annotations/news stands here, and would be lost"),
    ):
        done = run("train", "r.yaml", "--seeds", seeds, "--output", output, cwd=project)
        assert done.returncode == 2
        assert told in done.stderr.decode()
        assert "seed 1:" not in done.stderr.decode()


def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise SystemExit(130)  # what typer makes of a KeyboardInterrupt

    monkeypatch.setattr(app, "app", interrupted)
    with pytest.raises(SystemExit) as stop:
        app.main()
    assert stop.value.code == 130
    assert "a training goes on with --resume" in capsys.readouterr().err


def test_no_help_is_taken_for_markup() -> None:
    """The terminal showed `[FORMAT:]PATH`, without the `[#SPLIT]` behind it."""

    def helps(command: Any) -> Iterator[str]:
        yield from (
            text for text in (command.help, *(getattr(p, "help", "") for p in command.params)) if text
        )
        for one in getattr(command, "commands", {}).values():
            yield from helps(one)

    found = list(helps(get_command(app.app)))
    assert len(found) > 50
    assert [text for text in found if Text.from_markup(text).plain != text] == []
