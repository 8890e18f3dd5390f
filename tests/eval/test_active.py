from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from helpers import ARTICLE, ROOT, add_scheme, recipe

NAMES = ("بوتين", "كيم", "ماكرون", "شولتس", "بايدن", "سوناك", "ميلوني", "أردوغان", "السيسي")


@pytest.fixture(scope="module")
def active() -> Any:
    spec = importlib.util.spec_from_file_location("eval_active", ROOT / "eval" / "active.py")
    assert spec
    assert spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for their module there
    spec.loader.exec_module(module)
    return module


def test_both_curves_begin_alike_and_a_finished_training_is_not_run_again(
    active: Any, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pool, scored = tmp_path / "annotations" / "pool", tmp_path / "annotations" / "dev"
    for folder in (pool, scored):
        folder.mkdir(parents=True)
    for index, name in enumerate(NAMES):
        text = f"التقى [[{name}|PERS#1]] الوزير في [[أوسلو|GPE#2]] يوم {index}.\n---\nvisits 1 2\n"
        (pool / f"p{index}.txt").write_text(text, encoding="utf-8")
    (scored / "d.txt").write_text(ARTICLE, encoding="utf-8")
    add_scheme(pool.parent)
    plan = active.Plan(str(pool), str(scored), start=2, step=2, rounds=2, development=2, seeds=(1, 2))
    settings = recipe(tiny_encoder, epochs=1)
    lines: list[str] = []
    points = active.measure(settings, plan, tmp_path / "models", say=lines.append)
    assert [(p.seed, p.way, p.articles) for p in points] == [
        (seed, way, size) for seed in (1, 2) for way in ("random", "next") for size in (2, 4, 6)
    ]
    assert points[0].f1 == points[3].f1
    assert sum(line.endswith("trained before") for line in lines) == 2  # the start of the second way
    for seed in (1, 2):
        place = tmp_path / "models" / f"seed-{seed}"
        ids = {
            file.stem: [json.loads(line)["id"] for line in file.read_text(encoding="utf-8").splitlines()]
            for file in place.glob("*.jsonl")
        }
        assert {*ids} == {"development", "start-2", "random-4", "random-6", "next-4", "next-6"}
        assert ids["next-6"][:4] == ids["next-4"]
        assert ids["next-4"][:2] == ids["random-6"][:2] == ids["start-2"]
        assert all(
            len({*found, *ids["development"]}) == len(found) + 2 for found in (ids["next-6"], ids["random-6"])
        )
    lines.clear()
    assert active.measure(settings, plan, tmp_path / "models", say=lines.append) == points
    assert len(lines) == 12
    assert all(line.endswith("trained before") for line in lines)
    active.report(settings, plan, points, tmp_path / "reports")
    told = json.loads((tmp_path / "reports" / "active.json").read_text(encoding="utf-8"))
    assert len(told["points"]) == 12
    table = (tmp_path / "reports" / "active.md").read_text(encoding="utf-8").splitlines()
    assert [row.split(" | ")[0] for row in table[-3:]] == ["| 2", "| 4", "| 6"]
    assert "+0.000 ± 0.000" in table[-3]


def test_a_pool_that_is_too_small_is_refused(active: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    with pytest.raises(SystemExit, match="articles are needed, it has 1"):
        active.measure(recipe(), active.Plan(pool=str(tmp_path)), tmp_path / "models")


def test_what_the_command_line_has_wrong_is_told(
    active: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """These were tracebacks."""
    with pytest.raises(SystemExit, match=r"no\.yaml"):
        active.main([str(tmp_path / "no.yaml")])
    for words, told in (
        (["--start", "0"], "write 1 or more, found 0"),
        (["--step", "-1"], "write 1 or more, found -1"),
        (["--seeds", "a"], "argument --seeds: invalid"),
    ):
        with pytest.raises(SystemExit):
            active.main([str(tmp_path / "no.yaml"), *words])
        assert told in capsys.readouterr().err
