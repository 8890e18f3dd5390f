"""The public interface: ``kashif.train``, ``score``, ``compare`` and the names that load lazily."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from helpers import recipe

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
