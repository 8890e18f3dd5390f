from __future__ import annotations

import json
import os
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch

from kashif import box
from kashif.corpora import loading
from kashif.document import Document
from kashif.errors import InputError, WorkError
from kashif.modeling import predictor as predictors
from kashif.modeling import runtime
from kashif.training import exporting

pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the trained model with its encoder exported in float32."""
    folder = tmp_path_factory.mktemp("exported") / "tiny"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    exporting.export(folder, int8=False)
    return folder


@pytest.fixture(scope="module")
def texts(trained: Path) -> list[str]:
    [document] = loading.load(str(trained.parent.parent / "annotations" / "one")).documents
    first, _ = document.text.split("\n", 1)
    return ["", document.text, first, " ".join([document.text] * 9), "."]


def told(documents: list[Document]) -> list[object]:
    return [
        ([(e.key, e.normal) for e in d.entities], [(r.label, r.head, r.tail) for r in d.relations])
        for d in documents
    ]


def scores(documents: list[Document]) -> list[float]:
    return [item.score or 0 for d in documents for item in (*d.entities, *d.relations)]


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_a_runtime_answers_as_torch_does(
    exported: Path, texts: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "has_bfloat16", lambda: False)
    exact, faster = (predictors.load(exported, runtime=run) for run in ("torch", name))
    known = [text for text in texts if text != texts[3]]
    slow, fast = exact.predict(known), faster.predict(known)
    assert told(slow) == told(fast)
    assert any(document.relations for document in slow)
    assert scores(fast) == pytest.approx(scores(slow), abs=1e-3)
    # On what it has not learned by heart the tiny model is in two minds: there what it encodes is compared.
    # OpenVINO's graph holds its weights in 16 bits.
    vocabulary = len(exact.tokenizer)
    ids = torch.randint(vocabulary, (3, 121), generator=torch.manual_seed(13))
    mask = (torch.arange(121) < torch.tensor([[121], [2], [50]])).long()
    with torch.no_grad():
        found, expected = (
            loaded.model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()]
            for loaded in (faster, exact)
        )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4 if name == "onnx" else 2e-2)
    assert len(faster.predict(texts[3]).entities) > 20


@pytest.mark.parametrize("name", ["torch", "onnx", "openvino"])
def test_several_threads_get_the_answers_that_one_gets(exported: Path, texts: list[str], name: str) -> None:
    """They got those of each other's texts: OpenVINO's compiled model has one request for all of them."""
    predictor = predictors.load(exported, runtime=name)
    texts = texts * 8
    alone = [predictor.predict(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(predictor.predict, texts)) == alone


@pytest.mark.parametrize("name", ["torch", "onnx", "openvino"])
def test_a_pickled_predictor_answers_the_same(exported: Path, texts: list[str], name: str) -> None:
    """Handed to a process that is spawned, it could not be pickled once the model had been exported."""
    predictor = predictors.load(exported, runtime=name)
    again = pickle.loads(pickle.dumps(predictor))
    assert again.predict(texts) == predictor.predict(texts)


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_a_model_stays_as_it_is_when_its_files_are_written_over(
    exported: Path, texts: list[str], tmp_path: Path, name: str
) -> None:
    """OpenVINO ended the process; what opens the graph again, such as a process that is spawned, took the new one."""
    folder = tmp_path / "m"
    shutil.copytree(exported, folder)
    predictor = predictors.load(folder, runtime=name)
    before = predictor.predict(texts)
    for file in folder.iterdir():
        with file.open("r+b") as opened:
            opened.write(bytes(file.stat().st_size))
    assert predictor.predict(texts) == before
    with pytest.raises(InputError, match="written to since the model was loaded"):
        pickle.loads(pickle.dumps(predictor))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("name", "ends"), [("torch", 0), ("onnx", 0), ("openvino", 3)])
def test_a_fork_answers_or_refuses(exported: Path, texts: list[str], name: str, ends: int) -> None:
    """It waited without end for threads of the process that it was forked from."""
    threads = torch.get_num_threads()
    predictor = predictors.load(exported, runtime=name, threads=2)
    alone = predictor.predict(texts)

    def work() -> None:
        try:
            same = told(predictor.predict(texts)) == told(alone)
            again = predictors.load(exported, runtime=name, threads=2)
            os._exit(0 if same and told(again.predict(texts)) == told(alone) else 1)
        except WorkError:
            os._exit(3)

    child = get_context("fork").Process(target=work)
    try:
        child.start()
        child.join(60)
        assert child.exitcode == ends
    finally:
        child.kill()
        torch.set_num_threads(threads)


def change(folder: Path, **measured: tuple[float, float]) -> None:
    """Writes an export report as if these (loss, gain) had been measured."""
    file = folder / runtime.REPORT
    row = json.loads(file.read_text(encoding="utf-8"))
    row["runtimes"] = {
        name: {"loss": {"entity_f1": 0.0, "relation_f1": loss}, "times as fast": gain}
        for name, (loss, gain) in measured.items()
    }
    file.write_text(json.dumps(row), encoding="utf-8")


def test_auto_takes_the_fastest_that_loses_next_to_nothing(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    for measured, best in (
        ({"onnx": (0.0, 1.5), "openvino": (0.005, 2.0)}, "openvino"),
        ({"onnx": (-0.1, 1.5), "openvino": (0.006, 2.0)}, "onnx"),
        ({"onnx": (0.0, 0.9), "openvino": (0.1, 9.0)}, "torch"),
    ):
        change(folder, **measured)
        assert runtime.choose(folder, "auto", device="cpu") == best
    change(folder, openvino=(0.0, 2.0))
    assert runtime.choose(folder, "auto", device="cuda") == "torch"


@pytest.mark.parametrize("how", ["cut", "missing"])
@pytest.mark.parametrize("name", ["encoder.xml", "encoder.bin", "export.json"])
def test_auto_does_without_an_export_that_is_not_whole(
    exported: Path, tmp_path: Path, name: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It crashed in the runtime's own words."""
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    change(folder, onnx=(0.0, 1.5), openvino=(0.0, 2.0))
    path = folder / name
    path.write_bytes(path.read_bytes()[:100]) if how == "cut" else path.unlink()
    expected = "torch" if name == "export.json" else "onnx"
    assert runtime.choose(folder, "auto", device="cpu") == expected
    if (name, how) != ("export.json", "missing"):
        assert str(path) in caplog.text
    with pytest.raises(InputError, match=name if expected == "onnx" else "export"):
        predictors.load(folder, runtime="openvino")


def test_a_graph_of_another_training_is_not_run(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    change(folder, openvino=(0.0, 2.0))
    monkeypatch.setattr(runtime, "heads_digest", lambda folder: "another")
    assert runtime.choose(folder, "auto", device="cpu") == "torch"
    with pytest.raises(InputError, match=r"is of another model; make it again: kashif export"):
        predictors.load(folder, runtime="openvino")


def test_without_a_cache_that_can_be_looked_into_the_box_runs_in_torch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A service with another user's home, or none, got a traceback: an export of the box would lie there."""
    monkeypatch.setenv("KASHIF_CACHE", str(tmp_path / ("x" * 300)))  # no file system has such a folder
    assert runtime.choose(box.folder(), "auto", device="cpu") == "torch"
    monkeypatch.delenv("KASHIF_CACHE")

    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    assert runtime.choose(box.folder(), "auto", device="cpu") == "torch"
    with pytest.raises(InputError, match="the home folder is not known; name a folder for the cache"):
        runtime.choose(box.folder(), "openvino", device="cpu")


def test_what_cannot_run_is_refused(trained: Path, exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"no runtime 'tensorrt'; there are auto, torch"):
        predictors.load(exported, runtime="tensorrt")
    with pytest.raises(InputError, match=r"nothing exported for the runtime onnx; kashif export"):
        predictors.load(trained, runtime="onnx")
    with pytest.raises(InputError, match=r"news does not run in onnx; take openvino .* or torch"):
        runtime.choose(box.folder(), "onnx", device="cpu")  # an export of it writes none
    with pytest.raises(InputError, match=r"runs on the CPU"):
        runtime.choose(exported, "onnx", device="cuda")
    monkeypatch.setattr(runtime, "installed", lambda: [])
    with pytest.raises(InputError, match=r"not installed: pip install openvino"):
        predictors.load(exported, runtime="openvino")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([], "expected keys and values, found list"),
        ({"heads": "x", "bfloat16": True, "files": {}}, "runtimes: this key is missing"),
        (
            {"heads": "x", "bfloat16": True, "files": {}, "runtimes": {"onnx": {"loss": 1}}},
            r"runtimes\.onnx\.loss: expected keys and values, found 1; make it again: kashif export",
        ),
    ],
)
def test_a_report_of_another_shape_is_told(tmp_path: Path, row: object, told: str) -> None:
    (tmp_path / runtime.REPORT).write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(InputError, match=told):
        runtime.Exported.of(tmp_path)
