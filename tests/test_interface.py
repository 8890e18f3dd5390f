"""The public interface: ``kashif.train``, ``score``, ``compare`` and the names that load lazily."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import ARTICLE, add_away, another, recipe

import kashif
from kashif.corpora import loading
from kashif.modeling.weights import replaced_model


def test_a_model_is_trained_scored_and_compared_from_code(
    tiny_encoder: Path, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = recipe(tiny_encoder, epochs=1).model_dump()
    trained = kashif.train(settings, project / "m")
    assert trained.folder == project / "m"
    assert set(trained.scores) == {"entity_f1", "relation_f1", "score"}
    held_out = "annotations/news#held-out"
    [report] = kashif.score(trained.folder, held_out)
    assert report.name == held_out
    assert report.measures["entities"].counts.fn >= 0
    [comparison] = kashif.compare(trained.folder, trained.folder, corpora=[held_out])
    assert comparison.measures["entities"].first == comparison.measures["entities"].second
    assert capfd.readouterr() == ("", "")


def test_a_model_that_was_trained_again_answers_anew(trained: Path, tmp_path: Path) -> None:
    """The model is kept from call to call, but only that of the folder as it is."""
    folder = tmp_path / "m"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints", "manifest.json"))
    text = loading.load(str(trained.parents[1] / "annotations" / "one")).documents[0].text
    assert kashif.predict(text, folder).entities
    model = kashif.load(folder).model
    with torch.no_grad():
        model.tagger.weight.zero_()
        model.tagger.bias.zero_()
    with replaced_model(folder) as new:
        model.save_pretrained(new)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(folder / file, new)
    assert not kashif.predict(text, folder).entities


@pytest.mark.parametrize("name", ["tokenizer.json", "export.json", "config.json"])
def test_a_model_one_of_whose_files_is_another_is_loaded_anew(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / "m"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    loaded: list[Path] = []
    load = kashif.load
    monkeypatch.setattr(kashif, "load", lambda model: loaded.append(model) or load(model))
    for _ in range(2):
        kashif.predict("كييف", folder)
    content = (folder / name).read_text(encoding="utf-8") + "\n" if (folder / name).is_file() else "{}"
    (folder / name).write_text(content, encoding="utf-8")
    assert len(loaded) == 1
    with suppress(kashif.InputError):  # of an export that is none
        kashif.predict("كييف", folder)
    assert len(loaded) == 2


def test_a_recipe_is_taken_in_three_forms(project: Path) -> None:
    (project / "r.yaml").write_text("train: [annotations/news]\nepochs: 3\n", encoding="utf-8")
    from_file = kashif.Recipe.of(project / "r.yaml")
    assert from_file == kashif.Recipe.of({"train": ["annotations/news"], "epochs": 3})
    assert kashif.Recipe.of(from_file) is from_file
    with pytest.raises(kashif.InputError, match="unknown key 'epoch'; did you mean 'epochs'"):
        kashif.train({"train": ["annotations/news"], "epoch": 3}, project / "m")


def test_every_public_name_is_there_and_documented() -> None:
    for name in kashif.__all__:
        assert getattr(kashif, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        kashif.trian  # noqa: B018


class Frame:
    """What a table of pandas or polars looks like."""

    columns = ("text",)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (None, "predict takes a string or several, found NoneType"),
        (5, "predict takes a string or several, found int"),
        ("نص".encode(), r"predict takes strings, found bytes; decode it"),
        ({"a": "نص"}, "predict takes a string or several, found dict"),
        (Frame(), "found Frame; give it the column of texts"),
        (Path("a.txt"), r"found the path a\.txt; read the file first"),
        (kashif.Document("d", "نص"), "found a Document; give its .text"),
        (np.array("نص"), "predict takes a string or several, found ndarray"),
        (["نص", None], "text-2: predict takes a string, found NoneType"),
        ([b"a"], "text-1: predict takes a string, found bytes"),
    ],
)
def test_what_is_no_text_is_told(trained: Path, texts: Any, told: str) -> None:
    with pytest.raises(kashif.InputError, match=told):
        kashif.predict(texts, trained)


def test_a_string_is_no_stream_of_texts(trained: Path) -> None:
    """It gave one document for each letter."""
    with pytest.raises(kashif.InputError, match="expected several texts, found one string"):
        kashif.load(trained).stream("زار بوتين")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: kashif.load(5), r"model: write a path, found 5 \(int\)"),  # type: ignore[arg-type]
        (lambda: kashif.load(b"m"), "model: write a path"),  # type: ignore[arg-type]
        (lambda: kashif.load(""), "model: write a path"),
        (lambda: kashif.predict("نص", {}), "model: write a path"),  # type: ignore[call-overload]
        (lambda: kashif.score(None, "a"), "model: write a path"),  # type: ignore[arg-type]
        (lambda: kashif.score("m", None), "corpora: write one or a list of them, found None"),  # type: ignore[arg-type]
        (lambda: kashif.score("m", []), "corpora: write one or a list of them"),
        (lambda: kashif.score("m", [kashif.Document("d", "")]), "corpora: write a path"),  # type: ignore[list-item]
        (lambda: kashif.score("m", "a", scheme=3), "scheme: write a path"),  # type: ignore[arg-type]
        (lambda: kashif.compare(3, "m", corpora="a"), "first: write a path"),  # type: ignore[arg-type]
        (lambda: kashif.train(5, "m"), "recipe: expected keys and values, found int"),  # type: ignore[arg-type]
        (lambda: kashif.train({"train": ["a"]}, None), "output: write a path"),  # type: ignore[arg-type]
        (lambda: kashif.train({"train": ["a"], "seed": -1}, "m"), "seed: Input should be greater"),
        (lambda: kashif.train({1: 2}, "m"), "recipe"),  # type: ignore[dict-item]
        (lambda: kashif.train({"train": ["a"]}, __file__), "this is a file, and a folder is needed"),
        (lambda: kashif.train({"train": ["a"]}, "m", callbacks=None), "write a list of TrainerCall"),  # type: ignore[arg-type]
        (lambda: kashif.train({"train": ["a"]}, "m", callbacks=[5]), "TrainerCallbacks .*; found 5"),  # type: ignore[list-item]
        (lambda: kashif.Recipe(), "Recipe: train: this key is missing"),
        (lambda: kashif.Recipe(train=["a"], epoch=3), "unknown key 'epoch'; did you mean 'epochs'"),  # type: ignore[call-arg, arg-type]
        (lambda: kashif.Scheme(entities={}, relations={"r": {}}), "Scheme: relations.r.head: this key"),  # type: ignore[dict-item]
    ],
)
def test_wrong_types_are_told(call: Callable[[], object], told: str) -> None:
    with pytest.raises(kashif.InputError, match=told):
        call()


def test_a_report_says_what_was_left_out_of_its_corpus(trained: Path, tmp_path: Path) -> None:
    """The notices were dropped on the way to Python."""
    model = shutil.copytree(trained, tmp_path / "m", ignore=shutil.ignore_patterns("checkpoints"))
    two, more = str(trained.parents[1] / "annotations" / "two"), tmp_path / "more"
    more.mkdir()
    for id, text in (("a1", ARTICLE), ("b1", another(2))):
        (more / f"{id}.txt").write_text(text, encoding="utf-8")
    left_out = f"1 articles left out: {model} was trained on them (says its manifest.json)"
    chose = f"1 of these articles selected {model}: not held out (says its manifest.json)"
    corpora = [two, str(more)]
    assert [r.notices for r in kashif.score(model, corpora)] == [(chose,), (left_out,)]
    [report] = kashif.compare(model, model, corpora=str(more))
    assert report.notices[0] == left_out
    with pytest.raises(kashif.InputError, match="away: no article to score; left out, their text is not"):
        kashif.score(model, [*corpora, add_away(tmp_path)])
    (model / "manifest.json").unlink()
    for report in kashif.score(model, corpora):
        assert report.notices == (f"{model}: no manifest.json, so what it was trained on is not known",)


def test_a_seed_or_device_that_is_none_is_told(trained: Path) -> None:
    with pytest.raises(kashif.InputError, match="seed: write a whole number from 0"):
        kashif.score(trained, "a", seed=-1)
    with pytest.raises(kashif.InputError, match="device"):
        kashif.load(trained, device={})  # type: ignore[arg-type]
    with pytest.raises(kashif.InputError, match="device 'privateuseone': "):
        kashif.load(trained, device="privateuseone")
    with pytest.raises(kashif.InputError, match="threads 'x'"):
        kashif.load(trained, threads="x")  # type: ignore[arg-type]
