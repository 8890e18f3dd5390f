from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from helpers import ROOT, another
from safetensors.torch import load_file

from kashif.corpora.provenance import NOT_HELD_OUT, UNKNOWN, check_weights, model_digests
from kashif.document import Document
from kashif.errors import InputError
from kashif.evaluation.reporting import score_system
from kashif.evaluation.systems import open_system
from kashif.files import read_json, write_json
from kashif.modeling import predictor as predictors
from kashif.modeling import runtime
from kashif.training import card, releasing
from kashif.training.exporting import export
from kashif.training.releasing import release


def test_what_is_carried_predicts_the_same_in_half_the_bytes(
    trained: Path, article: Document, tmp_path: Path
) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "LICENSE").write_text("CC BY 4.0", encoding="utf-8")
    two = str(trained.parent.parent / "annotations" / "two")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b1.txt").write_text(another(2), encoding="utf-8")
    scored = score_system(open_system(trained), [two, str(tmp_path / "more")])
    write_json(tmp_path / "report.json", {"system": "tiny", "model": model_digests(trained), **scored.row()})
    lost = release(trained, tmp_path / "news", reports=[tmp_path / "report.json"])
    assert all(abs(value) <= 0.001 for value in lost.values())
    whole, carried = (load_file(folder / "model.safetensors") for folder in (trained, tmp_path / "news"))
    assert whole.keys() == carried.keys()
    assert {value.dtype for value in carried.values()} == {torch.float16}
    predictor = predictors.load(tmp_path / "news")
    assert {parameter.dtype for parameter in predictor.model.parameters()} == {torch.float32}
    before = predictors.load(trained).predict(article.text)
    after = predictor.predict(article.text)
    assert [e.key for e in after.entities] == [e.key for e in before.entities]
    assert [(r.label, r.head, r.tail) for r in after.relations] == [
        (r.label, r.head, r.tail) for r in before.relations
    ]
    check_weights(tmp_path / "news")
    names = {file.name for file in (tmp_path / "news").iterdir()}
    assert names == {file.name for file in trained.iterdir() if file.is_file()} | {"LICENSE"}
    text = (tmp_path / "news" / "README.md").read_text(encoding="utf-8")
    _, _, told = text.partition(card.REPORTED)
    unseen, _, chosen_by = told.partition(card.CHOSEN_BY)
    assert f"| {tmp_path / 'more'}, 1 articles | 1.000" in unseen
    # It stood under "text that the model never saw".
    assert f"| {two}, 1 articles, 1 of which chose it | 1.000" in chosen_by
    assert two not in unseen
    # A report on what is carried is one of the model too.
    report = {"system": "news", "model": model_digests(tmp_path / "news"), **scored.row()}
    write_json(tmp_path / "report.json", report)
    release(trained, tmp_path / "news", reports=[tmp_path / "report.json"])
    assert (tmp_path / "news" / "README.md").read_text(encoding="utf-8") == text


def test_reports_of_anything_else_are_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their scores stood in the card as if they were the model's."""
    row = {"corpus": "c", "documents": 1, "calibration": {}, "measures": {}}
    ours = {"system": "tiny", "model": model_digests(trained), "reports": [row]}
    folds = {**row, "corpus": "training articles, 2 folds"}
    older = {key: value for key, value in ours.items() if key != "model"}
    file = tmp_path / "r.json"
    for content, told in (
        (
            ours | {"model": {**model_digests(trained), "config": "0"}},
            "of another model than this, or of other",
        ),
        (ours | {"model": None}, "of predictions or of a cross-validation"),
        (older | {"reports": [folds]}, "of predictions or of a cross-validation"),
        (older | {"system": "r"}, "of 'r', not of this model"),
        # Scores of int8 stood on the card of weights in 16 bits.
        (
            ours | {"runtime": "onnx"},
            "measured in onnx, and the card tells of the weights; score with --runt",
        ),
        (ours | {"notices": [f"m: {UNKNOWN}"]}, r"was made without the model's manifest\.json"),
    ):
        write_json(file, content)
        with pytest.raises(InputError, match=told):
            release(trained, tmp_path / "news", reports=[file])
    assert not (tmp_path / "news").exists()
    monkeypatch.setattr(releasing, "_release", lambda *_: {})
    for content in (ours, ours | {"runtime": "torch"}, older, older | {"system": "news"}):
        write_json(file, content)
        assert release(trained, tmp_path / "news", reports=[file]) == {}
    found = card.Reports.check(read_json(ROOT / "eval" / "reports" / "news.json"), "news.json")
    assert not found.fault([model_digests(ROOT / "models" / "news")], ())
    assert {chose for _, chose in found.rows()} == {0}


def test_articles_that_chose_the_model_are_told_by_their_own_report() -> None:
    """Two suites may call two corpora by one name: articles of the one were counted to the other, too."""
    row = {"corpus": "c", "documents": 2, "calibration": {}, "measures": {}}
    chose = f"2 of these articles selected m: {NOT_HELD_OUT} (says its manifest.json)"
    for content, expected in (
        ({"reports": [row | {"notices": [chose]}, row]}, [2, 0]),
        (
            {"reports": [row, row | {"corpus": "d"}], "notices": [f"c: {chose}"]},
            [2, 0],
        ),  # of an older version
    ):
        found = card.Reports.check({"system": "m", **content}, "r.json")
        assert [count for _, count in found.rows()] == expected


@pytest.fixture
def changed(trained: Path, tmp_path: Path) -> Path:
    """The trained model, whose corpora a test may change."""
    shutil.copytree(trained.parents[1], tmp_path / "p", ignore=shutil.ignore_patterns("checkpoints"))
    folder = tmp_path / "p" / "models" / "tiny"
    recipe = (folder / "recipe.yaml").read_text(encoding="utf-8")
    recipe = recipe.replace(str(trained.parents[1]), str(tmp_path / "p"))
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    return folder


def test_only_what_the_model_was_trained_with_counts(
    changed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new article was measured on, and a new label was said to be found."""
    annotations = changed.parents[1] / "annotations"
    (annotations / "two" / "new.txt").write_text("زار [[كيم|PERS#1]] أوسلو.\n---\n", encoding="utf-8")
    with (annotations / "scheme.yaml").open("r+", encoding="utf-8") as file:
        text = file.read().replace("entities:\n", "entities:\n  NEWLABEL: a new one\n", 1)
        file.seek(0)
        file.write(text)
    said: list[str] = []
    release(changed, tmp_path / "news", say=said.append)
    [told] = said
    assert told.startswith("1 development article of the recipe left out (new): not one by which")
    assert "NEWLABEL" not in (tmp_path / "news" / "README.md").read_text(encoding="utf-8")
    scores = read_json(tmp_path / "news" / "scores.json")
    assert scores.get("export", {}).get("development articles", ["a2"]) == ["a2"]
    (annotations / "two" / "a2.txt").write_text("زار [[كيم|PERS#1]] كييف.\n---\n", encoding="utf-8")
    monkeypatch.setattr(runtime, "installed", lambda: ["openvino"])
    for command in (lambda: release(changed, tmp_path / "x"), lambda: export(changed, int8=False)):
        with pytest.raises(InputError, match="none of the development articles that it names is here"):
            command()


def test_a_model_that_lacks_what_its_card_tells_is_refused_before_the_work(
    changed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gave a traceback, after the articles were predicted."""
    manifest = read_json(changed / "manifest.json")
    older = {k: v for k, v in manifest.items() if k not in ("auxiliary", "encoder articles", "weights")}
    write_json(changed / "manifest.json", older)
    release(changed, tmp_path / "news")  # that much it can do without
    monkeypatch.setattr(releasing, "_release", None)
    write_json(changed / "manifest.json", {k: v for k, v in manifest.items() if k != "versions"})
    write_json(changed / "scores.json", {})
    with pytest.raises(InputError) as refused:
        release(changed, tmp_path / "news")
    told = str(refused.value)
    assert f"{changed / 'manifest.json'}: versions: this key is missing" in told
    assert f"{changed / 'scores.json'}: development: this key is missing" in told
    assert "not whole, or of an older version; train the model again" in told


def test_what_does_not_fit_is_refused(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row: dict[str, object] = {"corpus": "c", "documents": 1, "calibration": {"entities": {"ece": None}}}
    for content, told in (
        ([], "expected keys and values, found list"),
        ({"reports": {}}, "reports: expected a list"),
        ({"reports": [{}]}, "reports.0.measures: this key is missing"),
        # That of `compare`, and one that no command writes: both were told by a traceback, at the end.
        ({"reports": [row | {"measures": {"entities": {"difference": 0.1}}}]}, "entities.f1: this key is"),
        ({"reports": [row | {"measures": {"entities": {"f1": 1.0, "interval": [1]}}}]}, "interval"),
    ):
        (tmp_path / "other.json").write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(InputError, match="no report of `kashif score --json`") as refused:
            release(trained, tmp_path / "news", reports=[tmp_path / "other.json"])
        assert told in str(refused.value)
    monkeypatch.setattr("kashif.training.releasing.MOST_LOST", -1.0)
    told = r"16 bits lose more than -1.0 on 1 development article: entity F1 0\.000, .*; carry the folder as it is, or train"
    with pytest.raises(InputError, match=told):  # it was told as a dictionary, and with no remedy
        release(trained, tmp_path / "news")
    monkeypatch.undo()
    load = predictors.load

    def too_large(*rest: object, **named: object) -> predictors.Predictor:
        predictor = load(*rest, **named)  # type: ignore[arg-type]
        with torch.no_grad():
            predictor.model.tagger.bias[0] = 1e6
        return predictor

    monkeypatch.setattr(predictors, "load", too_large)
    with pytest.raises(InputError, match="too large for 16 bits"):
        release(trained, tmp_path / "news")
    assert not list((tmp_path / "news").glob("*.safetensors"))


def test_a_model_is_not_released_onto_itself(trained: Path) -> None:
    with pytest.raises(InputError, match="this is the model itself"):
        release(trained, trained / ".." / trained.name)
