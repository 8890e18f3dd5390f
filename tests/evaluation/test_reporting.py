from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import SCHEME, add_away, add_scheme, another

from kashif import formats
from kashif.corpora import loading
from kashif.document import Document
from kashif.errors import InputError
from kashif.evaluation.counting import Counts
from kashif.evaluation.reporting import Scored, compare_systems, score_system
from kashif.evaluation.scoring import Report
from kashif.evaluation.systems import Answers, System, open_system
from kashif.formats.writing import save
from kashif.modeling import predictor as predictors
from kashif.scheme import Scheme

NEWS = "annotations/news"


@pytest.fixture
def news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of ``NEWS``, with the article b1; the test runs two folders above it."""
    folder = tmp_path / NEWS
    folder.mkdir(parents=True)
    add(folder, "b1")
    monkeypatch.chdir(tmp_path)
    return folder


def add(news: Path, *ids: str, lines: int = 2) -> None:
    for id in ids:
        (news / f"{id}.txt").write_text(another(lines), encoding="utf-8")


def known(trained: Path) -> Document:
    """The article that the model was trained on."""
    [document] = loading.load(str(trained.parent.parent / "annotations" / "one")).documents
    return document


def score(path: Path, *targets: str, scheme: str = "") -> Scored[Report]:
    return score_system(open_system(path), targets, scheme=scheme)


def test_a_model_is_scored_with_gold_entities_too(trained: Path, news: Path) -> None:
    suite = news.parent.parent / "s.yaml"
    suite.write_text(f"about: a test\ncorpora:\n  news: {NEWS}\n", encoding="utf-8")
    [report] = score(trained, str(suite)).reports
    assert report.name == "news"
    assert report.measures["entities"].counts.f1 == 1
    assert report.measures["relations given gold entities"].counts.f1 == 1


def test_a_suite_without_corpora_is_refused(trained: Path, tmp_path: Path) -> None:
    """It ended in a traceback, or in no comparison at all."""
    suite = tmp_path / "s.yaml"
    suite.write_text("about: a test\ncorpora: {}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"no corpus to score on: .*s\.yaml names none"):
        score(trained, str(suite))
    with pytest.raises(InputError, match=r"no corpus to score on: .*s\.yaml names none"):
        compare_systems((open_system(trained), open_system(trained)), [str(suite)])


def test_whoever_watches_sees_the_documents_pass(trained: Path, news: Path) -> None:
    seen: list[tuple[str, str]] = []

    def watch(documents: Iterable[Document], what: str) -> Iterator[Document]:
        for document in documents:
            seen.append((what, document.id))
            yield document

    watched = score_system(open_system(trained, watch=watch), [NEWS])
    assert seen == [(f"scoring {NEWS}", "b1")]
    assert watched.reports == score(trained, NEWS).reports


def test_gold_that_a_model_s_scheme_lacks_counts_as_missed_and_is_told(trained: Path, news: Path) -> None:
    own = another(2).replace("PERS#", "شخص#").replace("affiliation 5 4", "من 5 4")
    (news / "b1.txt").write_text(own, encoding="utf-8")
    [report] = score(trained, NEWS).reports
    assert report.notices == (
        "2 marks have labels that the scheme lacks; a model of it misses them: شخص 1, من 1",
    )
    assert report.entities["شخص"] == Counts(0, 0, 1)
    assert report.measures["entities"].counts == Counts(12, 1, 1)  # it finds a PERS there
    # Without its head no relation of the person can be right.
    assert report.relations["من"] == Counts(0, 0, 1)
    assert report.measures["relations"].counts == Counts(2, 2, 2)
    assert report.measures["relations given gold entities"].counts == Counts(2, 0, 2)
    assert report.causes("missed", "entities", "شخص") == {"unreachable": (1, 1.0)}
    assert report.unreachable == {"its label is not in the scheme": 1, "an argument is unreachable": 2}
    model = open_system(trained)
    [compared] = compare_systems((model, model), [NEWS]).reports
    assert report.notices == compared.notices


def test_each_of_two_systems_is_told_what_its_own_scheme_lacks(trained: Path, news: Path) -> None:
    """What one scheme lacked was said to be missed, though the other system found it."""
    model = open_system(trained)
    assert model.scheme is not None
    labels = {label: "" for label in model.scheme.labels if label != "PERS"}
    few = replace(model, name="few", scheme=Scheme(entities=labels))
    lacked = "1 marks have labels that the scheme lacks; a model of it misses them: PERS 1"
    compared = compare_systems((model, few), [NEWS])
    [report] = compared.reports
    assert report.notices == (f"B: {lacked}",)
    assert len(report.measures) == 3
    told = "all gold entities are compared, and what a scheme lacks its own system misses; relations count as"
    assert compared.notices == (f"the systems have different schemes: {told} that of {trained} has them",)
    [report] = compare_systems((few, model), [NEWS]).reports
    unscored = "the gold has 4 relations, the scheme none: they are not scored"
    assert report.notices == (f"A: {lacked}", unscored)
    assert (list(report.measures), report.relations) == (["entities"], {})


def test_gold_that_holds_no_relation_is_told(trained: Path, news: Path) -> None:
    """Of CoNLL, which can hold none, relations were scored at 0.000 without a word."""
    [file] = news.iterdir()
    file.write_text("زار [[كيم|PERS#1]] البلاد.\n", encoding="utf-8")
    told = "no relation is marked in the gold: what is said of relations here is no measure of them"
    assert told in score(trained, NEWS).reports[0].notices
    model = open_system(trained)
    assert told in compare_systems((model, model), [NEWS]).reports[0].notices


def test_a_model_is_scored_by_its_own_scheme(trained: Path, news: Path) -> None:
    (news / "scheme.yaml").write_text("entities: {X: other}", encoding="utf-8")
    [report] = score(trained, NEWS).reports
    assert report.measures["relations"].counts == Counts(4, 0, 0)
    assert report.notices == ()
    # Another one was ignored, were it there or not.
    model = open_system(trained)
    told = "is a model, which is scored by its own scheme; leave --scheme nope.yaml out"
    with pytest.raises(InputError, match=told):
        score_system(model, [NEWS], scheme="nope.yaml")
    with pytest.raises(InputError, match=told):
        compare_systems((model, model), [NEWS], scheme="nope.yaml")


def test_articles_that_the_model_was_trained_on_are_left_out(trained: Path, news: Path) -> None:
    add(news, "a1", lines=0)
    add(news, "a2", lines=1)
    [report] = score(trained, NEWS).reports
    assert report.documents == 2
    assert report.notices == (
        f"1 articles left out: {trained} was trained on them (says its manifest.json)",
        f"1 of these articles selected {trained}: not held out (says its manifest.json)",
    )
    for id in ("a2", "b1"):
        (news / f"{id}.txt").unlink()
    with pytest.raises(InputError, match=r"no article to score; .* was trained on them"):
        score(trained, NEWS)


def test_a_corpus_of_which_no_article_is_left_is_told(trained: Path, news: Path, tmp_path: Path) -> None:
    away = str(add_away(tmp_path))
    scored = score(trained, away, NEWS)
    assert [report.name for report in scored.reports] == [NEWS]
    [notice] = scored.notices
    assert notice.startswith(f"{away}: no article to score; left out, their text is not here: 1 of 1")
    # From Python one report came for two corpora, and figures of one stood beside the other's name.
    model = open_system(trained)
    for ask in (
        lambda: score_system(model, [away, NEWS], every=True),
        lambda: compare_systems((model, model), [away, NEWS], every=True),
    ):
        with pytest.raises(InputError, match=r"away: no article to score; left out, their text is not here"):
            ask()


def test_a_training_article_is_known_again_under_another_id(trained: Path, news: Path) -> None:
    (news / "copy.txt").write_text(formats.render(known(trained), "plain")[0], encoding="utf-8")
    [report] = score(trained, NEWS).reports
    assert report.documents == 1
    assert "1 articles left out" in report.notices[0]


def test_other_articles_with_the_ids_of_known_ones_are_told(trained: Path, news: Path) -> None:
    """They were said to be articles that the model was trained on."""
    add(news, "a1", "a2", lines=4)
    [report] = score(trained, NEWS).reports
    told = "with other texts; rename those that are other articles"
    assert report.documents == 2
    assert report.notices == (
        f"1 articles left out: they have ids of articles that {trained} was trained on, {told}",
        f"1 of these articles have ids of articles that selected {trained}, {told}: not held out if "
        "they are the same",
    )


def test_a_model_without_manifest_is_scored_with_a_notice(trained: Path, news: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(trained, model, ignore=shutil.ignore_patterns("checkpoints"))
    (model / "manifest.json").unlink()
    add(news, "a1")
    scored = score(model, NEWS)
    assert scored.reports[0].documents == 2
    assert "what it was trained on is not known" in scored.notices[0]
    (model / "manifest.json").write_text('{"train": []}', encoding="utf-8")
    with pytest.raises(InputError, match=r"manifest\.json: train: expected articles"):
        score(model, NEWS)


def test_two_systems_are_compared_on_what_neither_has_seen(trained: Path, news: Path, tmp_path: Path) -> None:
    add(news, "a1")
    file = tmp_path / "predictions.jsonl"
    documents = loading.load(NEWS).documents
    save([Document(d.id, d.text, d.entities) for d in documents], "jsonl", file)
    model, other = open_system(trained), open_system(file)
    compared = compare_systems((model, other), [NEWS])
    [report] = compared.reports
    assert report.documents == 1
    assert "1 articles left out" in report.notices[0]
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
    [ours] = loading.load(str(trained.parent.parent / "annotations" / "two")).documents
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
    save(predictors.load(trained).predict_documents([("m1", gold.text)]), "jsonl", file)
    [again] = score(file, f"{corpus}@anercorp", scheme=str(SCHEME)).reports
    assert again.measures == report.measures
    with pytest.raises(InputError, match="no mapping 'anercorp': the scheme has none"):
        score(file, f"{corpus}@anercorp")
    with pytest.raises(InputError, match="did you mean 'anercorp'"):
        score(trained, f"{corpus}@anercrop")
    for system, given in ((trained, ""), (file, str(SCHEME))):
        with pytest.raises(InputError, match="mapping: it has no label 'MISC' of the corpus; known: CARD"):
            score(system, f"{corpus}@wojood", scheme=given)
    [plain] = score(trained, str(corpus)).reports
    assert any(f"a mapping translates them: {corpus}@anercorp" in notice for notice in plain.notices)
    # A system in the corpus's own labels beside one that the mapping translates: each in what it speaks.
    foreign = Scheme(entities=dict.fromkeys(["PERS", "LOC", "ORG", "MISC"], ""), nested=False)
    own = System("own", lambda asked, name: Answers(list(asked.documents)), scheme=foreign)
    [compared] = compare_systems((open_system(trained), own), [f"{corpus}@anercorp"]).reports
    assert compared.measures["entities"].second == report.measures["entities"].counts
    with pytest.raises(InputError, match="no mapping 'anercorp': the scheme has none"):
        compare_systems((own, own), [f"{corpus}@anercorp"])
    # Labels that the mapping cannot translate once went without a word.
    save([gold], "jsonl", file)
    told = "predictions: 'MISC' is no label of the scheme, so no mapping translates it; score without '@'"
    with pytest.raises(InputError, match=told):
        score(file, f"{corpus}@anercorp", scheme=str(SCHEME))
    [same] = score(file, str(corpus)).reports
    assert same.measures["entities"].counts.f1 == 1


def test_predictions_of_another_system_are_scored(news: Path, tmp_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    save(loading.load(NEWS).documents, "jsonl", file)
    [report] = score(file, NEWS).reports
    assert report.measures["relations"].counts.f1 == 1
    assert "relations given gold entities" not in report.measures
    save([Document(d.id, d.text) for d in loading.load(NEWS).documents], "jsonl", file)
    [report] = score(file, NEWS).reports
    assert report.measures["entities"].counts.f1 == 0
    assert report.notices == ()
    assert report.causes("missed", "entities") == {"missed": (13, 1.0)}
    assert report.causes("missed", "relations") == {"head and tail missed": (4, 1.0)}


def test_bare_predictions_are_scored_by_the_scheme_of_the_corpora(news: Path, tmp_path: Path) -> None:
    """Whether a relation may be turned round is the scheme's to say."""
    text = "التقى [[كيم|PERS#1]] ثم [[بوتين|PERS#2]] أمس.\n---\n"
    file = tmp_path / "predictions.jsonl"
    (news / "b1.txt").write_text(f"{text}meets 2 1\n", encoding="utf-8")
    save(loading.load(NEWS).documents, "jsonl", file)
    (news / "b1.txt").write_text(f"{text}meets 1 2\n", encoding="utf-8")

    def right(scheme: str = "") -> int:
        [report] = score(file, NEWS, scheme=scheme).reports
        [compared] = compare_systems((open_system(file), open_system(file)), [NEWS], scheme=scheme).reports
        assert compared.measures["relations"].first == report.measures["relations"].counts
        return report.measures["relations"].counts.tp

    assert right() == 0  # learned: symmetry is not
    assert right(str(SCHEME)) == 1
    add_scheme(news.parent)
    assert right() == 1
    assert right("learned") == 0
    (tmp_path / "all.conll").write_text("كيم B-PERS\n", encoding="utf-8")
    both = [*loading.load(NEWS).documents, *loading.load(str(tmp_path / "all.conll")).documents]
    save(both, "jsonl", file)
    with pytest.raises(InputError, match=r"do not share one scheme .* name it: scheme: PATH, or --scheme"):
        score(file, NEWS, str(tmp_path / "all.conll"))
    assert len(score(file, NEWS, str(tmp_path / "all.conll"), scheme=str(SCHEME)).reports) == 2


def test_predictions_of_other_articles_are_told(news: Path, tmp_path: Path) -> None:
    """Ids that matched nothing once scored 0."""
    file = tmp_path / "predictions.jsonl"
    add(news, "b1", "b2")
    gold = loading.load(NEWS).documents
    save([replace(gold[0], id=f"x{index}") for index in range(9)], "jsonl", file)
    with pytest.raises(InputError, match=r"no id is one of .*: here x0, x1, x2 and 6 more, there .*b1, b2"):
        score(file, NEWS)
    save([*gold[1:], Document("x", "")], "jsonl", file)
    [report] = score(file, NEWS).reports
    count = len(gold)
    assert report.notices == (
        f"no prediction for 1 of {count} articles ({gold[0].id}): all their gold counts as missed",
        f"{file}: 1 of {count} predictions are of no article of {NEWS} (x)",
    )
    file.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="holds no document"):
        open_system(file)
