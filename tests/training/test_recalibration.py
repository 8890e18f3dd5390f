from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers import another
from kills import contents, each_kill

from kashif.corpora.provenance import SeenArticles
from kashif.errors import InputError
from kashif.evaluation import thresholds
from kashif.evaluation.counting import Counts
from kashif.evaluation.reporting import score_system
from kashif.evaluation.systems import open_system
from kashif.replacing import settle
from kashif.training import checkpoints
from kashif.training.recalibration import choose_threshold


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "m"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    # So high that relations which the model is sure of are not predicted.
    config["relation_threshold"] = 1.0
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def articles(tmp_path: Path, *ids: str) -> str:
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    for id in ids:
        (folder / f"{id}.txt").write_text(another(2), encoding="utf-8")
    return str(folder)


def test_the_threshold_is_chosen_and_written(model: Path, tmp_path: Path) -> None:
    news = articles(tmp_path, "a2", "b1")
    found = choose_threshold(model, [news])
    assert (found.former["relations"], found.before["relations"]) == (1.0, Counts(0, 0, 8))
    chosen = found.chosen["relations"]
    assert chosen.after.f1 == 1
    assert chosen.crossed is not None
    assert chosen.crossed.f1 == 1
    assert found.chosen["entities"].threshold == found.former["entities"] == 0
    assert found.notices[1:] == (
        "entities: the former threshold is kept: no better one shows on 2 articles",
        "entities: the former calibration is kept: 2 articles cannot fit one",
        "relations: the former calibration is kept: 2 articles cannot fit one",
    )
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    assert config["relation_threshold"] == chosen.threshold < 1
    [report] = score_system(open_system(model), [news]).reports
    assert report.measures["relations"].counts == chosen.after


def test_articles_that_cannot_choose_leave_the_threshold(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The built-in default took its place, and nothing said so.

    Later the file lost a line, and a release refused the reports of before. Then the card told of articles that
    had calibrated it anew.
    """
    rewrite(model / "config.json", entity_threshold=0.125)
    before = contents(model)
    found = choose_threshold(model, [articles(tmp_path, "a2")])
    assert {view: choice.threshold for view, choice in found.chosen.items()} == found.former
    assert {view: choice.after for view, choice in found.chosen.items()} == found.before
    why = "the former threshold is kept: one takes two articles"
    assert {f"entities: {why}", f"relations: {why}"} <= {*found.notices}
    (tmp_path / "annotations" / "news" / "b1.txt").write_text(another(2), encoding="utf-8")
    monkeypatch.setattr(thresholds, "cross_fitted", lambda *_, **__: Counts(0, 5, 5))
    found = choose_threshold(model, [str(tmp_path / "annotations" / "news")])
    assert {view: choice.threshold for view, choice in found.chosen.items()} == found.former
    assert "relations: the former threshold is kept: no better one shows on 2 articles" in found.notices
    assert not any("no longer held out" in notice for notice in found.notices)
    assert contents(model) == before


def test_a_killed_choice_leaves_the_old_threshold_or_the_new(model: Path, tmp_path: Path) -> None:
    """It left an empty ``config.json``, and no model."""
    news = articles(tmp_path, "a2", "b1")
    before = tmp_path / "before"
    shutil.copytree(model, before)
    choose_threshold(model, [news])
    old, new = contents(before), contents(model)
    assert {name for name in new if new[name] != old[name]} == {"README.md", "config.json", "manifest.json"}
    for _ in each_kill(lambda: choose_threshold(model, [news]), model, before=before, every=2):
        settle(model)
        now = {name: content for name, content in contents(model).items() if ".partial" not in name}
        assert now in (old, new)
        assert not (before / ".ready").exists()


def test_articles_beside_the_development_ones_are_no_longer_held_out(model: Path, tmp_path: Path) -> None:
    news = articles(tmp_path, "a2", "b1")
    assert (
        "1 of 2 articles are not the model's development ones (b1)"
        in choose_threshold(model, [news]).notices[0]
    )
    told = score_system(open_system(model), [news]).reports[0].notices
    assert f"1 of these articles chose the threshold of {model}: not held out" in told[1]


def test_training_articles_are_refused(model: Path, tmp_path: Path) -> None:
    before = (model / "config.json").read_text(encoding="utf-8")
    news = articles(tmp_path, "a1", "a2")
    with pytest.raises(InputError, match="was trained on a1; choose thresholds on development articles"):
        choose_threshold(model, [news])
    (model / "manifest.json").unlink()
    with pytest.raises(InputError, match="what the model was trained on is not known"):
        choose_threshold(model, [news])
    assert (model / "config.json").read_text(encoding="utf-8") == before


def test_articles_without_entities_are_refused(model: Path, tmp_path: Path) -> None:
    news = Path(articles(tmp_path))
    (news / "c1.txt").write_text("زار كيم البلاد.\n---\n", encoding="utf-8")
    with pytest.raises(InputError, match="no gold entity to choose the thresholds by"):
        choose_threshold(model, [str(news)])


def test_labels_of_another_scheme_are_no_gold_in_silence(model: Path, tmp_path: Path) -> None:
    """A mapping was passed over, and labels that the scheme lacks chose the thresholds as misses."""
    news = Path(articles(tmp_path))
    (news / "c1.txt").write_text("زار [[كيم|XYZ#1]] البلاد.\n", encoding="utf-8")
    before = contents(model)
    with pytest.raises(InputError, match="take '@iso' away: labels are taken as they stand"):
        choose_threshold(model, [f"{news}@iso"])
    with pytest.raises(
        InputError, match=r"no gold entity .*1 marks have labels that the scheme lacks.*XYZ 1"
    ):
        choose_threshold(model, [str(news)])
    assert contents(model) == before
    (news / "c2.txt").write_text("زار [[كيم|PERS#1]] البلاد.\n", encoding="utf-8")
    told = choose_threshold(model, [str(news)]).notices
    assert any(
        "1 marks have labels that the scheme lacks; a model of it misses them: XYZ 1" in line for line in told
    )


def test_articles_without_relations_leave_theirs_as_it_was(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = Path(articles(tmp_path))
    (news / "c1.txt").write_text("زار [[كيم|PERS#1]] البلاد.\n", encoding="utf-8")
    found = choose_threshold(model, [str(news)])
    assert found.chosen.keys() == {"entities"}
    kept = "relations: the former threshold and calibration are kept: no gold has a relation"
    assert kept in found.notices
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    assert config["relation_threshold"] == 1.0
    monkeypatch.setattr(thresholds, "fitted", lambda *_: (0.9, 0.1))
    told = choose_threshold(model, [str(news)]).notices
    assert told[-2] == kept
    assert told[-1].startswith(
        "relations: their probabilities change all the same: the entities are calibrated"
    )


def rewrite(file: Path, **values: object) -> None:
    """Changes keys of a file of JSON."""
    row = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(row | values), encoding="utf-8")


def test_articles_too_few_to_calibrate_leave_the_calibration(model: Path, tmp_path: Path) -> None:
    """It was thrown away, and nothing said so."""
    former: dict[str, object] = {"entity_calibration": [0.7, -0.4], "relation_calibration": [0.8, 0.1]}
    rewrite(model / "config.json", **former)
    before = contents(model)
    found = choose_threshold(model, [articles(tmp_path, "b1")])
    why = "the former calibration is kept: 1 article cannot fit one"
    assert {f"entities: {why}", f"relations: {why}"} <= {*found.notices}
    assert contents(model) == before


def test_the_articles_of_a_boundary_that_is_kept_are_kept(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One half of what former articles had calibrated was taken for a threshold that nobody chose.

    Later the card counted them among the articles that calibrated it anew.
    """
    news = articles(tmp_path, "b1")
    monkeypatch.setattr(thresholds, "fitted", lambda *_: (0.9, 0.1))
    raw = [1.0, 0.0]
    for entities, relations, former in (
        (raw, raw, None),
        (raw, [0.8, 0.1], {"a2": "x"}),
        ([0.7, -0.4], raw, {"a2": "x"}),  # which is part of the probabilities of relations
    ):
        calibrations = {"entity_calibration": entities, "relation_calibration": relations}
        rewrite(model / "config.json", relation_threshold=0.5, dtype="float16", **calibrations)
        rewrite(model / "manifest.json", thresholds={"articles": {"a2": "x"}})
        assert not any(choice.gained for choice in choose_threshold(model, [news]).chosen.values())
        manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["thresholds"]["articles"].keys() == {"b1"}
        assert manifest.get("former thresholds", {}).get("articles") == former
        seen = SeenArticles.of(model)
        assert seen is not None
        assert seen.thresholds.texts.keys() == {"b1", *(former or ())}
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        assert config["dtype"] == "float16"  # of the weights, which stay as they are


def test_the_card_tells_of_the_new_calibration(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It told of the former one."""
    card = model / "README.md"
    own = card.read_text(encoding="utf-8").replace("# tiny", "# mine") + "What I wrote.\n"
    card.write_text(own, encoding="utf-8")
    assert "could not be calibrated" in own
    monkeypatch.setattr(thresholds, "fitted", lambda *_: (0.9, 0.1))
    told = choose_threshold(model, [articles(tmp_path, "a2", "b1")]).notices
    assert not any("calibration" in line for line in told)
    text = card.read_text(encoding="utf-8")
    assert text.startswith(own[: own.index("# mine") + 6])
    assert text.endswith("What I wrote.\n")
    assert (
        "| chose thresholds or calibration by `kashif threshold` | `manifest.json` names them | 2 |" in text
    )
    assert "| calibrated by |" not in text
    assert "Probabilities were fitted to be true of the calibrating articles." in text
    assert "could not be calibrated" not in text
    card.write_text("All my own.\n", encoding="utf-8")
    rewrite(model / "manifest.json", thresholds={"articles": {}})
    told = choose_threshold(model, [str(tmp_path / "annotations" / "news")]).notices
    assert f"{card}: it is not as Kashif wrote it, and still tells of the former calibration" in told
    assert card.read_text(encoding="utf-8") == "All my own.\n"


def test_what_only_the_encoder_has_seen_may_choose(model: Path, tmp_path: Path) -> None:
    """It was refused, though training calibrates on it."""
    news = articles(tmp_path, "b1")
    [file] = Path(news).iterdir()
    seen = {"articles": {"b1": "digest"}}
    rewrite(model / "manifest.json", **{"encoder articles": seen})
    assert "the encoder has seen 1 of 1 article" in choose_threshold(model, [news]).notices
    rewrite(model / "manifest.json", **{"encoder articles": {"articles": {}}, "auxiliary": seen})
    with pytest.raises(InputError, match="was trained on b1; choose thresholds on development articles"):
        choose_threshold(model, [news])
    assert file.is_file()


def test_articles_that_are_left_out_are_not_said_to_be_scored(model: Path, tmp_path: Path) -> None:
    news = articles(tmp_path, "b1", "b2")
    rewrite(
        model / "manifest.json",
        **{"encoder articles": {"articles": {"b1": "x"}}, "thresholds": {"articles": {"b1": "x"}}},
    )
    told = score_system(open_system(model), [news]).reports[0].notices
    assert any("1 articles left out: they have ids of articles that the encoder of" in line for line in told)
    assert not any("chose the threshold" in line for line in told)


def test_no_threshold_is_chosen_while_another_command_writes(model: Path, tmp_path: Path) -> None:
    """It wrote the configuration of the old model over that of the new one."""
    news = articles(tmp_path, "a2")
    before = contents(model)
    with checkpoints.locked(model), pytest.raises(InputError, match="another training, export or threshold"):
        choose_threshold(model, [news])
    assert contents(model) == before
