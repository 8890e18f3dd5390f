from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers import ARTICLE, make_encoder
from kills import contents, each_kill

from kashif import box
from kashif.corpora.provenance import weights_digest
from kashif.document import Document
from kashif.errors import InputError
from kashif.modeling import predictor as predictors
from kashif.modeling import runtime
from kashif.training import checkpoints, exporting
from kashif.training.provenance import RECIPE
from kashif.training.recipe import Recipe
from kashif.training.releasing import release
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


def test_a_killed_export_leaves_the_old_one_or_the_new(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It left its scratch folder, and no report beside half of the graphs."""
    graph = tmp_path / "graph.onnx"
    exporting.write_onnx(predictors.load(trained, runtime="torch").model, tmp_path)
    shutil.move(tmp_path / "encoder.onnx", graph)
    measured = {"loss": {}, "times as fast": 2.0}
    monkeypatch.setattr(
        exporting, "write_onnx", lambda _, folder, **__: shutil.copyfile(graph, folder / "encoder.onnx")
    )
    monkeypatch.setattr(exporting, "_compared", lambda *_: dict(measured))
    monkeypatch.setattr(runtime, "installed", lambda: ["onnx"])
    before, folder = tmp_path / "before", tmp_path / "m"
    shutil.copytree(trained, before, ignore=shutil.ignore_patterns("checkpoints"))
    exporting.export(before, int8=False)
    with graph.open("ab") as file:  # another graph
        file.write(b"\x7a\x01x")
    shutil.copytree(before, tmp_path / "after")
    exporting.export(tmp_path / "after", int8=False)
    old, new = contents(before), contents(tmp_path / "after")
    assert {name for name in new if new[name] != old[name]} == {"encoder.onnx", "export.json"}
    for _ in each_kill(lambda: exporting.export(folder, int8=False), folder, before=before, every=4):
        assert runtime.choose(box.find(folder), "auto", device="cpu") == "onnx"
        assert {n: c for n, c in contents(folder).items() if ".partial" not in n} in (old, new)
        exporting.export(folder, int8=False)
        assert contents(folder) == new  # and nothing beside


def test_nothing_is_exported_while_another_command_writes(trained: Path, tmp_path: Path) -> None:
    """The report of the old graph vouched for the heads of a model that was trained meanwhile."""
    shutil.copytree(trained, tmp_path / "m", ignore=shutil.ignore_patterns("checkpoints"))
    before = contents(tmp_path / "m")
    with checkpoints.locked(tmp_path / "m"):
        for command in (
            lambda: exporting.export(tmp_path / "m", int8=False),
            lambda: release(tmp_path / "m", tmp_path / "news"),
        ):
            with pytest.raises(InputError, match="another training, export or threshold writes here"):
                command()
    assert contents(tmp_path / "m") == before


def test_the_faster_of_two_encoders_is_told(trained: Path) -> None:
    predictor = predictors.load(trained, runtime="torch")
    assert exporting._gain(predictor, predictor.model) > 0


def test_the_box_is_exported_without_articles_into_the_cache(
    trained: Path, article: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = tmp_path / "news"
    release(trained, news)
    scores = json.loads((news / "scores.json").read_text(encoding="utf-8"))
    assert set(scores["export"]["runtimes"]) == {"openvino"}
    scores["export"]["runtimes"]["openvino"] = {"loss": {"entity_f1": 0.0}, "times as fast": 0.5}
    (news / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    before = contents(news)
    monkeypatch.setattr(box, "_PLACES", [news])
    monkeypatch.setenv("KASHIF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(exporting, "gather", None)
    monkeypatch.setattr(exporting, "_gain", lambda exact, faster: 2.0)
    assert runtime.choose(news, "auto", device="cpu") == "torch"
    exporting.export(news, int8=False)
    assert contents(news) == before
    [graphs] = (tmp_path / "cache").iterdir()
    assert graphs.name == "news-" + weights_digest(news)[:16]
    assert runtime.choose(news, "auto", device="cpu") == "openvino"
    exact, faster = (
        predictors.load("news", runtime=name).predict(article.text) for name in ("torch", "auto")
    )
    assert [entity.key for entity in faster.entities] == [entity.key for entity in exact.entities]
    with pytest.raises(InputError, match="8 bits need the articles of its recipe"):
        exporting.export(news, int8=True)
    (news / "scores.json").write_text('{"development": {}}', encoding="utf-8")
    with pytest.raises(InputError, match="its release measured no runtime"):
        exporting.export(news, int8=False)


def test_without_a_runtime_nothing_is_exported(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "installed", lambda: [])
    with pytest.raises(InputError, match=r"nothing here runs an export"):
        exporting.export(trained, int8=False)
