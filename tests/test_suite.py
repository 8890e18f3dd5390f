from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ARTICLE, RECIPES, ROOT

from kashif import corpus, formats, predicting, scoring, suite
from kashif.document import Document
from kashif.errors import InputError
from kashif.recipe import Recipe
from kashif.scheme import Scheme


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    (folder / "b1.txt").write_text("\n\n" + ARTICLE, encoding="utf-8")
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


def test_gold_that_a_model_s_scheme_lacks_is_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("كيم B-PERSON\n", encoding="utf-8")
    with pytest.raises(InputError, match="no entity 'PERSON' in the scheme; did you mean 'PERS'"):
        suite.run(trained, [str(tmp_path / "a.conll")])


def add(project: Path, *ids: str) -> None:
    for id in ids:
        (project / "annotations" / "news" / f"{id}.txt").write_text("\n\n" + ARTICLE, encoding="utf-8")


def test_articles_that_the_model_was_trained_on_are_left_out(trained: Path, project: Path) -> None:
    news = str(project / "annotations" / "news")
    add(project, "a1", "a2")
    scored = suite.run(trained, [news])
    assert [report.documents for report in scored.reports] == [2]
    assert scored.notices == (
        f"{news}: 1 articles left out: {trained} was trained on them (says its manifest.json)",
        f"{news}: 1 of these articles selected {trained}: not held out (says its manifest.json)",
    )
    for id in ("a2", "b1"):
        (project / "annotations" / "news" / f"{id}.txt").unlink()
    with pytest.raises(InputError, match=r"no article to score; .* was trained on them"):
        suite.run(trained, [news])


def test_a_model_without_manifest_is_scored_with_a_notice(
    trained: Path, project: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(trained, model, ignore=shutil.ignore_patterns("checkpoints"))
    (model / "manifest.json").unlink()
    add(project, "a1")
    scored = suite.run(model, [str(project / "annotations" / "news")])
    assert scored.reports[0].documents == 2
    assert "what it was trained on is not known" in scored.notices[0]
    (model / "manifest.json").write_text('{"train": []}', encoding="utf-8")
    with pytest.raises(InputError, match=r"manifest\.json: expected the articles of train"):
        suite.run(model, [str(project / "annotations" / "news")])


def test_two_systems_are_compared_on_what_neither_has_seen(trained: Path, project: Path) -> None:
    news = str(project / "annotations" / "news")
    add(project, "a1")
    file = project / "predictions.jsonl"
    documents = corpus.load(news).documents
    formats.save([Document(d.id, d.text, d.entities) for d in documents], "jsonl", file)
    compared = suite.run_both(trained, file, [news])
    [report] = compared.reports
    assert report.documents == 1
    assert "1 articles left out" in compared.notices[0]
    assert report.measures["entities"].f1 == 0
    assert report.measures["relations"].f1 == -1
    assert "relations given gold entities" not in report.measures
    [same] = suite.run_both(trained, trained, [news]).reports
    assert same.measures["relations given gold entities"].p == 1


def test_a_model_tells_where_recall_was_lost(trained: Path, project: Path, tmp_path: Path) -> None:
    model = shutil.copytree(trained, tmp_path / "wary")
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    thresholds = dict.fromkeys(Scheme.load().relation_labels, 1.0)
    (model / "config.json").write_text(json.dumps({**config, "thresholds": thresholds}), encoding="utf-8")
    news = project / "annotations" / "news"
    # A second article where half a word is marked: no tag sequence gives it.
    (news / "a2.txt").write_text("زار [[أو|GPE#1]]سلو [[كيم|PERS#2]]\n---\nvisits 2 1\n", encoding="utf-8")
    scored = suite.run(model, [str(news)])
    [report] = scored.reports
    lost = report.causes("missed", "relations")
    assert lost == {"unreachable": (1, 0.2), "below threshold": (4, 0.8)}
    assert report.causes("missed", "entities")["unreachable"][0] == 1
    assert [analysis.gold.id for analysis in scored.analyses[0]] == ["a2", "b1"]


def test_a_model_is_scored_in_the_labels_of_another_corpus(trained: Path, tmp_path: Path) -> None:
    [known] = corpus.load("annotations/one", trained.parent.parent).documents
    names = {"GPE": "LOC", "ORG": "ORG", "NORP": "MISC", "PERS": "PERS"}
    outer = [e for e in known.entities if e.label in names and e.text != "الأوكراني"]
    marked = Document("a1", known.text, tuple(replace(e, label=names[e.label]) for e in outer))
    content, _ = formats.render(marked, "conll")
    (tmp_path / "m1.conll").write_text(content, encoding="utf-8")
    [report] = suite.run(trained, [f"{tmp_path}/m1.conll@anercorp"]).reports
    assert report.measures["entities"].counts == scoring.Counts(len(outer), 0, 0)
    assert report.row()["errors"]["missed"]["relations"] == {"all": {}, "by label": {}}
    assert set(report.entities) == {"PERS", "LOC", "ORG", "MISC"}
    assert not [name for name in report.measures if "relations" in name]
    assert (report.unreachable, report.relations) == ({}, {})
    assert "of nested predictions only the outermost count" in report.notices
    file = tmp_path / "predictions.jsonl"
    [gold] = corpus.load(str(tmp_path / "m1.conll")).documents
    formats.save(predicting.load(trained).documents([("m1", gold.text)]), "jsonl", file)
    [again] = suite.run(file, [f"{tmp_path}/m1.conll@anercorp"]).reports
    assert again.measures == report.measures
    for system in (trained, file):
        with pytest.raises(InputError, match="no entity 'MISC' in the scheme"):
            suite.run(system, [f"{tmp_path}/m1.conll@wojood"])
    # Labels that the mapping cannot translate once went without a word.
    formats.save([gold], "jsonl", file)
    with pytest.raises(InputError, match=r"predictions\.jsonl: m1: MISC: no labels of ours.*without '@aner"):
        suite.run(file, [f"{tmp_path}/m1.conll@anercorp"])
    [same] = suite.run(file, [f"{tmp_path}/m1.conll"]).reports
    assert same.measures["entities"].counts.f1 == 1


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


def test_no_recipe_sees_the_suite_s_newsroom_and_two_hold_out_its_seeds_too() -> None:
    corpora = suite.Suite.load(ROOT / "eval" / "heldout.yaml").corpora
    recipes = {file.stem: Recipe.load(file) for file in RECIPES}
    own = {name: set(recipe.held_out) for name, recipe in recipes.items() if not recipe.scheme}
    assert all(corpora["newsroom"] in held_out for held_out in own.values())
    assert {name for name, held_out in own.items() if corpora["seeds"] in held_out} == {"quickstart", "seeds"}


def test_a_training_article_is_known_again_under_another_id(trained: Path, project: Path) -> None:
    news = project / "annotations" / "news"
    [known] = corpus.load("annotations/one", trained.parent.parent).documents
    (news / "copy.txt").write_text(formats.render(known, "plain")[0], encoding="utf-8")
    scored = suite.run(trained, [str(news)])
    assert [report.documents for report in scored.reports] == [1]
    assert "1 articles left out" in scored.notices[0]
