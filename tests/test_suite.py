from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ARTICLE, ROOT

from kashif import corpus, formats, predicting, scoring, suite
from kashif.document import Document
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


def test_gold_that_a_model_s_scheme_lacks_is_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("كيم B-PERSON\n", encoding="utf-8")
    with pytest.raises(InputError, match="no entity 'PERSON' in the scheme; did you mean 'PERS'"):
        suite.run(trained, [str(tmp_path / "a.conll")])


def test_a_model_is_scored_in_the_labels_of_another_corpus(trained: Path, tmp_path: Path) -> None:
    [known] = corpus.load("annotations/one", trained.parent.parent).documents
    names = {"GPE": "LOC", "ORG": "ORG", "NORP": "MISC", "PERS": "PERS"}
    outer = [e for e in known.entities if e.label in names and e.text != "الأوكراني"]
    marked = Document("a1", known.text, tuple(replace(e, label=names[e.label]) for e in outer))
    content, _ = formats.render(marked, "conll")
    (tmp_path / "a1.conll").write_text(content, encoding="utf-8")
    [report] = suite.run(trained, [f"{tmp_path}/a1.conll@anercorp"]).reports
    assert report.measures["entities"].counts == scoring.Counts(len(outer), 0, 0)
    assert set(report.entities) == {"PERS", "LOC", "ORG", "MISC"}
    assert not [name for name in report.measures if "relations" in name]
    assert (report.unreachable, report.relations) == ({}, {})
    assert "of nested predictions only the outermost count" in report.notices
    file = tmp_path / "predictions.jsonl"
    [gold] = corpus.load(str(tmp_path / "a1.conll")).documents
    formats.save(predicting.load(trained).documents([("a1", gold.text)]), "jsonl", file)
    [again] = suite.run(file, [f"{tmp_path}/a1.conll@anercorp"]).reports
    assert again.measures == report.measures
    for system in (trained, file):
        with pytest.raises(InputError, match="no entity 'MISC' in the scheme"):
            suite.run(system, [f"{tmp_path}/a1.conll@wojood"])


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
