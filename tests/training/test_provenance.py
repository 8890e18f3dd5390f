from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import pretraining_recipe, recipe

from kashif.box import WEIGHTS
from kashif.corpora.provenance import weights_digest, with_thresholds
from kashif.files import write_json, write_text
from kashif.modeling import encoder
from kashif.training import provenance
from kashif.training.data import gather
from kashif.training.provenance import RECIPE, code_digests, is_model_of, origin, run_note, versions


def test_an_origin_names_what_a_model_came_from(tiny_encoder: Path, project: Path) -> None:
    settings = recipe(tiny_encoder)
    data = gather(settings)
    found = origin(settings, data)
    assert set(found["versions"]) == {"kashif", "torch", "transformers", "tokenizers"}
    assert set(found["environment"]) == {"python", "numpy", "datasets", "machine", "device"}
    assert (found["seed"], found["bfloat16"], found["code"]) == (13, False, code_digests(settings))
    assert found["encoder"] == encoder.digest(str(tiny_encoder))
    assert list(found["train"]["articles"]) == ["n0", "n1"]
    assert list(found["development"]["articles"]) == ["n2"]
    assert found == json.loads(json.dumps(found))


def test_runs_of_one_note_are_of_one_recipe_and_one_set_of_articles(project: Path) -> None:
    data = gather(recipe())
    assert run_note(recipe(), data) == run_note(recipe(), gather(recipe()))
    notes = {
        json.dumps(run_note(settings, articles))
        for settings, articles in (
            (recipe(), data),
            (recipe(dropout=0.3), data),
            (recipe(), gather(recipe(), without=("n0",))),
            (recipe(), replace(data, train=[replace(d, entities=(), relations=()) for d in data.train])),
        )
    }
    assert len(notes) == 4


def test_a_folder_is_the_model_of_what_its_files_say(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, folder = recipe(), project / "m"
    data = gather(settings)
    assert not is_model_of(folder, settings, data=data)
    for name, content in ((WEIGHTS, "weights"), ("config.json", "{}"), ("tokenizer.json", "{}")):
        write_text(folder / name, content)
    manifest = origin(settings, data) | {"weights": weights_digest(folder)}
    write_json(folder / "manifest.json", manifest)
    assert not is_model_of(folder, settings, data=data)
    write_text(folder / RECIPE, settings.dump())
    assert is_model_of(folder, settings, data=data)
    assert not is_model_of(folder, recipe(dropout=0.3), data=data)
    assert not is_model_of(folder, settings, data=gather(settings, without=("n0",)))
    # A threshold that was chosen since, and another machine, make no other model.
    write_json(
        folder / "manifest.json", with_thresholds(folder, data.development, anew=True) | {"environment": {}}
    )
    assert is_model_of(folder, settings, data=data)
    for name, content, cut in ((WEIGHTS, "weights", "weig"), ("config.json", "{}", "{")):
        write_text(folder / name, cut)
        assert not is_model_of(folder, settings, data=data)
        write_text(folder / name, content)
    monkeypatch.setattr(provenance, "code_digests", lambda recipe: {"training/train.py": "of other code"})
    assert not is_model_of(folder, settings, data=data)


def test_the_code_that_decides_what_is_trained_is_noted() -> None:
    model, encoder = set(code_digests(recipe())), set(code_digests(pretraining_recipe(Path("x"))))
    assert {
        "arabic.py",
        "folding.py",
        "modeling/model.py",
        "training/trainer.py",
        "evaluation/development.py",
    } <= model
    assert model - encoder == {"training/train.py", "training/data.py"}
    assert encoder - model == {"training/masking.py", "training/pretraining.py", "training/unannotated.py"}
    # A change to a command or to another format's reader once made --resume refuse.
    assert not {name for name in model if name.startswith(("cli/", "formats/"))}
    assert "modeling/runtime.py" not in model


def test_an_encoder_from_the_hub_has_no_digest() -> None:
    assert versions(recipe(Path("some/encoder")))["encoder"] is None
