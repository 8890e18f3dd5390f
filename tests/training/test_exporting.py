from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers import ARTICLE, make_encoder

from kashif.document import Document
from kashif.errors import InputError
from kashif.modeling import predictor as predictors
from kashif.modeling import runtime
from kashif.training import exporting
from kashif.training.provenance import RECIPE
from kashif.training.recipe import Recipe
from kashif.training.train import train

pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")


def test_an_export_tells_what_each_runtime_loses_and_gains(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    before = {file.name for file in folder.iterdir()}
    returned = exporting.export(folder, int8=False)
    report = json.loads((folder / runtime.REPORT).read_text(encoding="utf-8"))
    assert report == returned
    assert report["precision"] == "float32"
    assert report["development articles"] == ["a2"]
    assert set(report["runtimes"]) == {"openvino", "onnx"}
    for row in report["runtimes"].values():
        assert set(row["loss"]) == {"entity_f1", "relation_f1"}
        assert row["times as fast"] > 0
    written = {file.name for file in folder.iterdir()} - before
    assert written == {"encoder.xml", "encoder.bin", "encoder.onnx", runtime.REPORT}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["xlm-roberta", "distilbert"])
def test_int8_of_other_encoders_finds_what_they_learned(
    trained: Path, article: Document, tmp_path: Path, kind: str
) -> None:
    encoder = make_encoder(tmp_path, [ARTICLE], kind)
    recipe = Recipe.load(trained / RECIPE, changes=(f"encoder={encoder}",))
    folder = tmp_path / "model"
    train(recipe, folder)
    before = predictors.load(folder, runtime="torch").predict(article.text)
    size = (folder / "model.safetensors").stat().st_size
    exporting.export(folder, int8=True)
    assert (folder / "encoder.onnx").stat().st_size < size
    assert (folder / "encoder.bin").stat().st_size < size
    for name in ("onnx", "openvino"):
        after = predictors.load(folder, runtime=name).predict(article.text)
        found = {entity.key for entity in before.entities} & {entity.key for entity in after.entities}
        assert len(found) >= 0.8 * len(before.entities)


def test_without_a_runtime_nothing_is_exported(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "installed", lambda: [])
    with pytest.raises(InputError, match=r"nothing here runs an export"):
        exporting.export(trained, int8=False)
