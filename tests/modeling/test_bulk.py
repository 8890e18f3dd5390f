from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kashif.corpora.provenance import weights_digest
from kashif.document import Document
from kashif.errors import Fault
from kashif.formats.inputs import Failure, Input, Text
from kashif.modeling import batching, bulk
from kashif.modeling import predictor as predictors
from kashif.modeling.bulk import predict_each, run_digest

TEXT = "زار بوتين أوسلو."


def test_inputs_come_back_in_order_and_few_are_held(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_CHUNK", 3 * len(TEXT))
    predictor = predictors.load(trained)
    predict, asked = predictor.predict_documents, 0

    def fail(texts: Any, **rest: Any) -> Any:
        if any(id == "d4" for id, _ in texts):
            raise RuntimeError("too much\nof it")
        return predict(texts, **rest)

    def inputs() -> Iterator[Input]:
        nonlocal asked
        for asked in range(1, 10):
            yield (
                Text(f"d{asked}", TEXT, "file", asked, {"n": asked})
                if asked != 2
                else Failure(Fault("file", "x"))
            )

    monkeypatch.setattr(predictor, "predict_documents", fail)
    found: list[Document | Failure] = []
    for done, item in enumerate(predict_each(predictor, inputs()), start=1):
        assert asked <= done + 4
        found.append(item)
    assert [item.id for item in found] == ["d1", "", *(f"d{n}" for n in range(3, 10))]
    assert [item.meta["n"] for item in found if isinstance(item, Document)] == [1, 3, 5, 6, 7, 8, 9]
    failure = found[3]
    assert isinstance(failure, Failure)
    assert str(failure.fault) == "file:4: prediction failed: too much"
    assert isinstance(failure.error, RuntimeError)


def test_another_threshold_is_another_run(trained: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoints"))
    assert run_digest(copy) == run_digest(trained)
    config = (copy / "config.json").read_text(encoding="utf-8")
    (copy / "config.json").write_text(config.replace("relation_threshold", "x"), encoding="utf-8")
    assert run_digest(copy) != run_digest(trained)


def test_the_digests_are_those_of_the_model_that_predicts(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoints"))
    load, loaded = predictors.load, list[predictors.Predictor]()

    def changed_meanwhile(folder: Path) -> predictors.Predictor:
        loaded.append(load(folder))
        if len(loaded) == 1:
            config = (copy / "config.json").read_text(encoding="utf-8")
            (copy / "config.json").write_text(config + "\n", encoding="utf-8")
        return loaded[-1]

    monkeypatch.setattr(predictors, "load", changed_meanwhile)
    found = bulk.load(copy, digests=True)
    assert len(loaded) == 2
    assert found == (loaded[1], weights_digest(copy), run_digest(copy))
    assert bulk.load(copy, digests=False)[1:] == ("", "")
