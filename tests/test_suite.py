from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import ARTICLE, ROOT

from kashif import corpus, formats, suite
from kashif.errors import InputError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    (folder / "a1.txt").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "eval").mkdir()
    text = "about: a test\ncorpora:\n  news: annotations/news\n"
    (tmp_path / "eval" / "s.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_model_is_scored_with_gold_entities_too(trained: Path, project: Path) -> None:
    scored = suite.run(trained, [str(project / "eval" / "s.yaml")])
    [report] = scored.reports
    assert report.name == "news"
    assert report.measures["entities"].counts.f1 == 1
    assert report.measures["relations given gold entities"].counts.f1 == 1


def test_a_model_tells_where_recall_was_lost(trained: Path, project: Path, tmp_path: Path) -> None:
    model = shutil.copytree(trained, tmp_path / "wary")
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps({**config, "threshold": 1.0}), encoding="utf-8")
    news = project / "annotations" / "news"
    # A second article where half a word is marked: no tag sequence gives it.
    (news / "a2.txt").write_text("زار [[أو|GPE#1]]سلو [[كيم|PERS#2]]\n---\nvisits 2 1\n", encoding="utf-8")
    scored = suite.run(model, [str(news)])
    [report] = scored.reports
    lost = report.causes("missed", "relations")
    assert lost == {"unreachable": (1, 0.2), "below threshold": (4, 0.8)}
    assert report.causes("missed", "entities")["unreachable"][0] == 1
    assert [analysis.gold.id for analysis in scored.analyses[0]] == ["a1", "a2"]


def test_predictions_of_another_system_are_scored(project: Path) -> None:
    documents = corpus.load("annotations/news", project).documents
    file = project / "predictions.jsonl"
    formats.save(documents, "jsonl", file)
    [report] = suite.run(file, [str(project / "annotations" / "news")]).reports
    assert report.measures["relations"].counts.f1 == 1
    assert "relations given gold entities" not in report.measures
    file.write_text("", encoding="utf-8")
    [report] = suite.run(file, [str(project / "annotations" / "news")]).reports
    assert report.measures["entities"].counts.f1 == 0
    assert len(report.notices) == 1
    assert report.causes("missed", "entities") == {"missed": (13, 1.0)}
    assert report.causes("missed", "relations") == {"head and tail missed": (4, 1.0)}


def test_what_is_neither_model_nor_predictions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a model folder"):
        suite.run(tmp_path / "x.txt", [])
    path = tmp_path / "s.yaml"
    path.write_text("abot: x\ncorpora: {}\n", encoding="utf-8")
    with pytest.raises(InputError, match="did you mean 'about'"):
        suite.Suite.load(path)


def test_the_repository_s_suite_holds_only_held_out_articles() -> None:
    held_out = suite.Suite.load(ROOT / "eval" / "heldout.yaml")
    assert list(held_out.corpora.values()) == ["annotations/seeds#held-out", "annotations/newsroom#test"]
