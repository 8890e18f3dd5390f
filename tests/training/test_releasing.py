from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import kashif
from kashif.corpora.provenance import check_weights
from kashif.document import Document
from kashif.errors import InputError
from kashif.modeling import predictor as predictors
from kashif.training.releasing import release


def test_what_is_carried_predicts_the_same_in_half_the_bytes(
    trained: Path, article: Document, tmp_path: Path
) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "LICENSE").write_text("CC BY 4.0", encoding="utf-8")
    [report] = kashif.score(trained, str(trained.parent.parent / "annotations" / "two"))
    (tmp_path / "report.json").write_text(json.dumps({"reports": [report.row()]}), encoding="utf-8")
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
    assert "1 articles | 1.000" in (tmp_path / "news" / "README.md").read_text(encoding="utf-8")


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
    with pytest.raises(InputError, match="weights of 16 bits lose too much"):
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
