"""Commands that are killed: the old state or the new one stands there, and the next run ends as if nothing had been."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from helpers import ARTICLE, recipe
from kills import Call, contents, count_changes, killed

from kashif.cli.app import main
from kashif.formats.results import Results
from kashif.modeling import predictor as predictors
from kashif.modeling import runtime
from kashif.replacing import _sweep_once, settle
from kashif.training import exporting
from kashif.training.checkpoints import damage
from kashif.training.crossvalidation import crossvalidate
from kashif.training.recalibration import choose_threshold
from kashif.training.train import train

MANY = pytest.param(int(os.environ.get("STRESS_KILLS", "40")), marks=pytest.mark.stress)
FEW_AND_MANY = [2, MANY]
SAVES: list[Call] = [(torch, "save")]


def each_point(
    operation: Callable[[], object], folder: Path, *, before: Path, points: int, beside: Sequence[Call] = ()
) -> Iterator[dict[str, bytes]]:
    """What is in ``folder``, a copy of ``before``, after kills that are evenly spread over an operation's changes."""
    restore(folder, before)
    changes = count_changes(operation, beside=beside)
    chosen = sorted({1 + round(i * (changes - 1) / max(1, points - 1)) for i in range(points)})
    print(f"killed at {len(chosen)} of {changes} changes of the disk")
    for point in chosen:
        restore(folder, before)
        assert killed(operation, point, beside=beside)
        _sweep_once.cache_clear()  # the next run is another process
        settle(folder)
        yield {name: content for name, content in contents(folder).items() if ".partial" not in name}


def restore(folder: Path, before: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(before, folder)


def scratch(folder: Path) -> list[Path]:
    return [path for ending in ("partial", "ready", "unfinished") for path in folder.rglob(f"*.{ending}")]


def kashif(*arguments: str | Path) -> Callable[[], None]:
    """The command line, run in this process."""

    def run() -> None:
        sys.argv = ["kashif", *map(str, arguments)]
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code

    return run


@pytest.fixture
def old(trained: Path, tmp_path: Path) -> Path:
    """A model that is there before; its articles are not those of ``project``."""
    shutil.copytree(trained, tmp_path / "old", ignore=shutil.ignore_patterns("checkpoints"))
    return tmp_path / "old"


@pytest.mark.parametrize("points", FEW_AND_MANY)
def test_a_killed_training_goes_on(tiny_encoder: Path, old: Path, project: Path, points: int) -> None:
    settings, folder = recipe(tiny_encoder, epochs=3), project / "m"
    restore(folder, old)
    train(settings, folder)
    new = contents(folder)
    for now in each_point(lambda: train(settings, folder), folder, before=old, points=points, beside=SAVES):
        assert now in (contents(old), new)
        begun = any(not damage(checkpoint) for checkpoint in folder.glob("checkpoints/checkpoint-*"))
        train(settings, folder, resume=begun or now == new)
        assert contents(folder) == new
        assert not scratch(folder)


@pytest.mark.parametrize("points", [MANY])
def test_a_killed_cross_validation_goes_on(
    tiny_encoder: Path, project: Path, tmp_path: Path, points: int
) -> None:
    settings, folder, empty = recipe(tiny_encoder, epochs=2), project / "m", tmp_path / "empty"
    empty.mkdir()

    def run() -> object:
        return crossvalidate(settings, folder, count=2).reports

    reports = run()
    new = contents(folder)
    for _ in each_point(run, folder, before=empty, points=points, beside=SAVES):
        assert run() == reports
        assert contents(folder) == new
        assert not scratch(folder)
        assert not list(folder.glob("*/checkpoints"))


@pytest.mark.parametrize("points", [MANY])
def test_a_killed_choice_of_thresholds_is_made_again(trained: Path, tmp_path: Path, points: int) -> None:
    news, folder, old = tmp_path / "news", tmp_path / "models" / "m", tmp_path / "old"
    news.mkdir()
    (news / "a2.txt").write_text("\n\n" + ARTICLE.replace("مع", "في"), encoding="utf-8")
    shutil.copytree(trained, old, ignore=shutil.ignore_patterns("checkpoints"))
    restore(folder, old)
    choose_threshold(folder, [str(news)])
    new = contents(folder)
    assert new != contents(old)
    for now in each_point(lambda: choose_threshold(folder, [str(news)]), folder, before=old, points=points):
        assert now in (contents(old), new)
        choose_threshold(folder, [str(news)])
        assert contents(folder) == new


@pytest.mark.parametrize("points", [MANY])
def test_a_killed_export_is_made_again(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: int
) -> None:
    """The graph is made once, and with one runtime: those of the others have threads that no fork outlives."""
    for package in ("onnx", "onnxruntime", "onnxscript", "nncf"):
        pytest.importorskip(package)
    graph, folder = tmp_path / "graph.onnx", tmp_path / "models" / "m"
    exporting._write_graph(predictors.load(old, runtime="torch").model, graph)
    monkeypatch.setattr(exporting, "_write_graph", lambda _, path: shutil.copyfile(graph, path))
    monkeypatch.setattr(exporting, "_compared", lambda *_: {"loss": {}, "times as fast": 2.0})
    monkeypatch.setattr(runtime, "installed", lambda: ["onnx"])
    restore(folder, old)
    exporting.export(folder, int8=False)
    new = contents(folder)
    for now in each_point(lambda: exporting.export(folder, int8=False), folder, before=old, points=points):
        assert now in (contents(old), new)
        exporting.export(folder, int8=False)
        assert contents(folder) == new


@pytest.mark.parametrize("points", FEW_AND_MANY)
@pytest.mark.parametrize(("format", "name"), [("jsonl", "out.jsonl"), ("brat", ".")])
def test_a_killed_prediction_goes_on(
    trained: Path, tmp_path: Path, points: int, format: str, name: str
) -> None:
    texts, folder, old = tmp_path / "texts", tmp_path / "results", tmp_path / "old"
    texts.mkdir()
    for number in range(20):
        (texts / f"t{number}.txt").write_text("زار بوتين أوسلو. " * (number + 1), encoding="utf-8")
    old.mkdir()
    if format == "jsonl":
        (old / name).write_text("old", encoding="utf-8")
    command = ("predict", texts, "--model", trained, "--format", format, "--output", folder / name)
    restore(folder, old)
    kashif(*command)()
    new = contents(folder)
    adds: list[Call] = [(Results, "add")]
    for now in each_point(kashif(*command), folder, before=old, points=points, beside=adds):
        there = {name: content for name, content in now.items() if not name.endswith(".unfinished")}
        if format == "jsonl":
            assert there in (contents(old), new)
        assert there.items() <= {**contents(old), **new}.items() or there == contents(old)
        begun = any(path.suffix == ".unfinished" for path in folder.iterdir())
        kashif(*command, *(["--resume"] if begun else []))()
        assert contents(folder) == new
        assert not scratch(folder)
