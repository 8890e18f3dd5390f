from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import ARTICLE

from kashif import formats
from kashif.corpora import loading
from kashif.document import Document
from kashif.errors import InputError
from kashif.evaluation.counting import Counts
from kashif.evaluation.scoring import Report
from kashif.evaluation.systems import Scored, compare_systems, open_system, score_system
from kashif.modeling import predictor as predictors

NEWS = "annotations/news"


@pytest.fixture
def news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of ``NEWS``, with the article b1; the test runs two folders above it."""
    folder = tmp_path / NEWS
    folder.mkdir(parents=True)
    add(folder, "b1")
    monkeypatch.chdir(tmp_path)
    return folder


def add(news: Path, *ids: str) -> None:
    for id in ids:
        (news / f"{id}.txt").write_text("\n\n" + ARTICLE, encoding="utf-8")


def known(trained: Path) -> Document:
    """The article that the model was trained on."""
    [document] = loading.load(str(trained.parent.parent / "annotations" / "one")).documents
    return document


def score(path: Path, *targets: str) -> Scored[Report]:
    return score_system(open_system(path), targets)


def test_a_model_is_scored_with_gold_entities_too(trained: Path, news: Path) -> None:
    suite = news.parent.parent / "s.yaml"
    suite.write_text(f"about: a test\ncorpora:\n  news: {NEWS}\n", encoding="utf-8")
    [report] = score(trained, str(suite)).reports
    assert report.name == "news"
    assert report.measures["entities"].counts.f1 == 1
    assert report.measures["relations given gold entities"].counts.f1 == 1


def test_whoever_watches_sees_the_documents_pass(trained: Path, news: Path) -> None:
    seen: list[tuple[str, str]] = []

    def watch(documents: Iterable[Document], what: str) -> Iterator[Document]:
        for document in documents:
            seen.append((what, document.id))
            yield document

    watched = score_system(open_system(trained, watch=watch), [NEWS])
    assert seen == [(f"scoring {NEWS}", "b1")]
    assert watched.reports == score(trained, NEWS).reports


def test_gold_that_a_model_s_scheme_lacks_is_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("كيم B-PERSON\n", encoding="utf-8")
    with pytest.raises(InputError, match="no entity 'PERSON' in the scheme; did you mean 'PERS'"):
        score(trained, str(tmp_path / "a.conll"))


def test_articles_that_the_model_was_trained_on_are_left_out(trained: Path, news: Path) -> None:
    add(news, "a1", "a2")
    scored = score(trained, NEWS)
    assert [report.documents for report in scored.reports] == [2]
    assert scored.notices == (
        f"{NEWS}: 1 articles left out: {trained} was trained on them (says its manifest.json)",
        f"{NEWS}: 1 of these articles selected {trained}: not held out (says its manifest.json)",
    )
    for id in ("a2", "b1"):
        (news / f"{id}.txt").unlink()
    with pytest.raises(InputError, match=r"no article to score; .* was trained on them"):
        score(trained, NEWS)


def test_a_training_article_is_known_again_under_another_id(trained: Path, news: Path) -> None:
    (news / "copy.txt").write_text(formats.render(known(trained), "plain")[0], encoding="utf-8")
    scored = score(trained, NEWS)
    assert [report.documents for report in scored.reports] == [1]
    assert "1 articles left out" in scored.notices[0]


def test_a_model_without_manifest_is_scored_with_a_notice(trained: Path, news: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(trained, model, ignore=shutil.ignore_patterns("checkpoints"))
    (model / "manifest.json").unlink()
    add(news, "a1")
    scored = score(model, NEWS)
    assert scored.reports[0].documents == 2
    assert "what it was trained on is not known" in scored.notices[0]
    (model / "manifest.json").write_text('{"train": []}', encoding="utf-8")
    with pytest.raises(InputError, match=r"manifest\.json: expected the articles of train"):
        score(model, NEWS)


def test_two_systems_are_compared_on_what_neither_has_seen(trained: Path, news: Path, tmp_path: Path) -> None:
    add(news, "a1")
    file = tmp_path / "predictions.jsonl"
    documents = loading.load(NEWS).documents
    formats.save([Document(d.id, d.text, d.entities) for d in documents], "jsonl", file)
    model, other = open_system(trained), open_system(file)
    compared = compare_systems((model, other), [NEWS])
    [report] = compared.reports
    assert report.documents == 1
    assert "1 articles left out" in compared.notices[0]
    assert report.measures["entities"].f1 == 0
    assert report.measures["relations"].f1 == -1
    assert "relations given gold entities" not in report.measures
    [same] = compare_systems((model, model), [NEWS]).reports
    assert same.measures["relations given gold entities"].p == 1


def test_a_model_tells_where_recall_was_lost(trained: Path, news: Path, tmp_path: Path) -> None:
    model = shutil.copytree(trained, tmp_path / "wary", ignore=shutil.ignore_patterns("checkpoints"))
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps({**config, "relation_threshold": 1.0}), encoding="utf-8")
    # A second article where half a word is marked: no tag sequence gives it.
    (news / "a2.txt").write_text("زار [[أو|GPE#1]]سلو [[كيم|PERS#2]]\n---\nvisits 2 1\n", encoding="utf-8")
    scored = score(model, NEWS)
    [report] = scored.reports
    lost = report.causes("missed", "relations")
    assert lost == {"unreachable": (1, 0.2), "below threshold": (4, 0.8)}
    assert report.causes("missed", "entities")["unreachable"][0] == 1
    assert report.unreachable == {
        "an edge is not at a word that the encoder sees": 1,
        "an argument is unreachable": 1,
    }
    assert [analysis.gold.id for analysis in scored.analyses[0]] == ["a2", "b1"]


def test_a_model_is_scored_in_the_labels_of_another_corpus(trained: Path, tmp_path: Path) -> None:
    ours = known(trained)
    names = {"GPE": "LOC", "ORG": "ORG", "NORP": "MISC", "PERS": "PERS"}
    outer = [e for e in ours.entities if e.label in names and e.text != "الأوكراني"]
    marked = Document("a1", ours.text, tuple(replace(e, label=names[e.label]) for e in outer))
    content, _ = formats.render(marked, "conll")
    corpus = tmp_path / "m1.conll"
    corpus.write_text(content, encoding="utf-8")
    [report] = score(trained, f"{corpus}@anercorp").reports
    assert report.measures["entities"].counts == Counts(len(outer), 0, 0)
    assert report.row()["errors"]["missed"]["relations"] == {"all": {}, "by label": {}}
    assert set(report.entities) == {"PERS", "LOC", "ORG", "MISC"}
    assert not [name for name in report.measures if "relations" in name]
    assert (report.unreachable, report.relations) == ({}, {})
    assert "of nested predictions only the outermost count" in report.notices
    file = tmp_path / "predictions.jsonl"
    [gold] = loading.load(str(corpus)).documents
    formats.save(predictors.load(trained).predict_documents([("m1", gold.text)]), "jsonl", file)
    [again] = score(file, f"{corpus}@anercorp").reports
    assert again.measures == report.measures
    for system in (trained, file):
        with pytest.raises(InputError, match="no entity 'MISC' in the scheme"):
            score(system, f"{corpus}@wojood")
    # Labels that the mapping cannot translate once went without a word.
    formats.save([gold], "jsonl", file)
    with pytest.raises(InputError, match=r"predictions\.jsonl: m1: MISC: no labels of ours.*without '@aner"):
        score(file, f"{corpus}@anercorp")
    [same] = score(file, str(corpus)).reports
    assert same.measures["entities"].counts.f1 == 1


def test_predictions_of_another_system_are_scored(news: Path, tmp_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    formats.save(loading.load(NEWS).documents, "jsonl", file)
    [report] = score(file, NEWS).reports
    assert report.measures["relations"].counts.f1 == 1
    assert "relations given gold entities" not in report.measures
    file.write_text("", encoding="utf-8")
    [report] = score(file, NEWS).reports
    assert report.measures["entities"].counts.f1 == 0
    assert len(report.notices) == 1
    assert report.causes("missed", "entities") == {"missed": (13, 1.0)}
    assert report.causes("missed", "relations") == {"head and tail missed": (4, 1.0)}


def test_what_is_neither_model_nor_predictions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a model folder"):
        open_system(tmp_path / "x.txt")
