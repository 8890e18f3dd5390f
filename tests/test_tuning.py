from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import ARTICLE

from kashif import predicting, suite, thresholds, tuning
from kashif.errors import InputError
from kashif.scoring import Counts


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "m"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    # So high that relations which the model is sure of are not given out.
    config["thresholds"] = dict.fromkeys(["sends", "sent_to"], 1.0)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def articles(tmp_path: Path, *ids: str) -> str:
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    for id in ids:
        (folder / f"{id}.txt").write_text("\n\n" + ARTICLE, encoding="utf-8")
    return str(folder)


def test_thresholds_are_chosen_and_written(model: Path, tmp_path: Path) -> None:
    news = articles(tmp_path, "a2")
    found = tuning.tune(model, [news])
    assert found.before.tp == 2
    assert found.after.f1 == 1
    assert found.crossed is None
    assert found.notices == ()
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    assert config["thresholds"] == found.thresholds
    assert len(set(found.thresholds.values())) == 1
    assert set(found.thresholds) == set(predicting.load(model).scheme.relation_labels)
    [report] = suite.run(model, [news]).reports
    assert report.measures["relations"].counts == found.after


def test_a_gain_that_the_other_half_does_not_show_is_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thresholds, "cross_fitted", lambda *_: Counts(1, 5, 5))
    found = tuning.tune(model, [articles(tmp_path, "a2")])
    assert "did not show on the other half" in found.notices[0]


def test_articles_beside_the_development_ones_are_no_longer_held_out(model: Path, tmp_path: Path) -> None:
    news = articles(tmp_path, "a2", "b1")
    for _ in range(2):
        found = tuning.tune(model, [news], per_label=True)
        assert found.crossed is not None
        assert found.crossed.f1 == 1
        assert "1 of 2 articles are not the model's development ones (b1)" in found.notices[0]
    told = suite.run(model, [news]).notices
    assert f"{news}: 1 of these articles chose the thresholds of {model}: not held out" in told[1]


def test_training_articles_are_refused(model: Path, tmp_path: Path) -> None:
    before = (model / "config.json").read_text(encoding="utf-8")
    news = articles(tmp_path, "a1", "a2")
    with pytest.raises(InputError, match="was trained on a1; choose thresholds on development articles"):
        tuning.tune(model, [news])
    (model / "manifest.json").unlink()
    with pytest.raises(InputError, match="what the model was trained on is not known"):
        tuning.tune(model, [news])
    assert (model / "config.json").read_text(encoding="utf-8") == before


def test_articles_without_relations_are_refused(model: Path, tmp_path: Path) -> None:
    news = Path(articles(tmp_path))
    (news / "c1.txt").write_text("زار [[كيم|PERS#1]] البلاد.\n", encoding="utf-8")
    with pytest.raises(InputError, match="no gold relation to choose thresholds by"):
        tuning.tune(model, [str(news)])
