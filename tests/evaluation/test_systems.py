from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kashif.corpora.provenance import model_digests
from kashif.errors import InputError
from kashif.evaluation.systems import open_system
from kashif.modeling import predictor as predictors


def test_a_model_that_is_replaced_while_it_is_opened_is_opened_again(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report of one model had the digests of the next."""
    folder = tmp_path / "m"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    load, loaded = predictors.load, list[predictors.Predictor]()

    def changed_meanwhile(*arguments: Any, **options: Any) -> predictors.Predictor:
        loaded.append(load(*arguments, **options))
        if len(loaded) == 1:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            config["entity_threshold"] = 0.75
            (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return loaded[-1]

    monkeypatch.setattr(predictors, "load", changed_meanwhile)
    system = open_system(folder)
    assert [one.model.config.entity_threshold == 0.75 for one in loaded] == [False, True]
    assert system.digests == model_digests(folder)


def test_what_is_neither_model_nor_predictions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    told = "write a model folder or a .jsonl file of predictions"
    for fault in (f"{path}: no such file or folder; {told}", f"{path}: {told}"):
        with pytest.raises(InputError) as refused:
            open_system(path)
        assert str(refused.value) == fault
        path.write_text("", encoding="utf-8")
