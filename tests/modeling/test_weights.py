from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from helpers import recipe
from safetensors.torch import load_file, save_file

from kashif.corpora.provenance import NAME
from kashif.errors import InputError
from kashif.modeling import encoder
from kashif.modeling import predictor as predictors
from kashif.modeling.weights import OWN_FILES, is_whole, refuse_foreign
from kashif.scheme import Scheme
from kashif.training import train


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained model without its manifest, which would tell that the weights are others."""
    folder = tmp_path / "m"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints", NAME))
    return folder


def test_who_reads_a_model_reads_its_weights(trained: Path) -> None:
    """The library wrote them for their owner alone."""
    modes = {file.stat().st_mode for file in trained.iterdir() if file.is_file()}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tagger.bias": None}, "1 tensors missing: tagger.bias"),
        (
            {"tagger.bias": torch.zeros(3)},
            r"1 tensors of another shape than config\.json says: tagger.bias \[3\] for \[39\]",
        ),
        ({"other": torch.zeros(3)}, r"1 tensors that the model of config\.json does not have: other"),
        (
            {f"encoder.encoder.layer.1.{n}.bias": None for n in ("output.dense", "intermediate.dense")},
            "2 tensors missing: encoder.encoder.layer.1.intermediate.dense.bias, encoder.encoder",
        ),
    ],
)
def test_tensors_that_would_be_made_up_are_refused(
    model: Path, change: dict[str, torch.Tensor | None], told: str
) -> None:
    """Missing ones were drawn at random, without a word."""
    file = model / "model.safetensors"
    changed = {name: value for name, value in (load_file(file) | change).items() if value is not None}
    save_file(changed, file, metadata={"format": "pt"})
    with pytest.raises(InputError, match=rf"model\.safetensors: {told}"):
        predictors.load(model, runtime="torch")


@pytest.mark.parametrize("length", [0, 7, 1000, -1])
def test_a_file_that_was_cut_is_refused(model: Path, length: int) -> None:
    file = model / "model.safetensors"
    assert is_whole(file)
    file.write_bytes(file.read_bytes()[:length])
    assert not is_whole(file)
    with pytest.raises(InputError, match=r"model\.safetensors: cut short or damaged"):
        predictors.load(model, runtime="torch")


@pytest.mark.parametrize("use", ["model", "encoder"])
def test_what_is_loaded_stays_when_its_file_is_written_over(model: Path, use: str) -> None:
    """The tensors were those of the file: a copy into its place changed a model that answered."""
    kept = recipe(model), Scheme(entities={"A": ""})
    loaded = predictors.load(model, runtime="torch") if use == "model" else train.untrained(*kept)
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    with (model / "model.safetensors").open("r+b") as file:
        file.write(bytes((model / "model.safetensors").stat().st_size))
    assert all(value.equal(before[name]) for name, value in loaded.model.state_dict().items())


def test_a_model_beside_the_manifest_of_another_is_refused(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    weights = load_file(folder / "model.safetensors")
    weights["tagger.bias"] += 1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"model\.safetensors: not the weights that manifest\.json"):
        predictors.load(folder, runtime="torch")


def test_all_files_of_a_model_are_known_as_its_own(trained: Path) -> None:
    assert {f for pattern in OWN_FILES for f in trained.glob(pattern)} == {
        f for f in trained.iterdir() if f.is_file()
    }


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("use", ["model", "encoder", "copy"])
def test_code_in_a_folder_is_not_run(
    trained: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, use: str
) -> None:
    """Standard input, which may be a stranger's text, was asked whether to run it."""
    folder, ran = tmp_path / "m", tmp_path / "ran"
    source = trained if use == "model" else tiny_encoder
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("checkpoints"))
    code = f"open({str(ran)!r}, 'w')\nfrom transformers import BertConfig\nclass C(BertConfig):\n    model_type = 'c'\n"
    (folder / "c.py").write_text(code, encoding="utf-8")
    values = json.loads((folder / name).read_text(encoding="utf-8"))
    values |= {"auto_map": {"AutoConfig": "c.C", "AutoModel": "c.C", "AutoTokenizer": ["c.C", "c.C"]}}
    values |= {"model_type": "c"} if name == "config.json" else {"tokenizer_class": "C"}
    (folder / name).write_text(json.dumps(values), encoding="utf-8")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with suppress(InputError):
        if use == "model":
            predictors.load(folder, runtime="torch")
        elif use == "encoder":
            train.untrained(recipe(folder), Scheme(entities={"A": ""}))
        else:
            encoder.copy(str(folder), tmp_path / "copy")
    assert not ran.exists()


def test_files_of_another_kind_are_not_written_over(tmp_path: Path) -> None:
    refuse_foreign(tmp_path / "new", model=True)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    refuse_foreign(tmp_path, model=True)
    (tmp_path / "checkpoints" / "checkpoint-3").mkdir(parents=True)
    (tmp_path / "checkpoints" / ".0f3a0f3a0f3a.partial").touch()
    refuse_foreign(tmp_path, model=True)  # a training was killed while it began
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    (tmp_path / "checkpoints" / "thesis.txt").write_text("mine", encoding="utf-8")
    told = r"README\.md, checkpoints stand here, of no model of Kashif's"
    with pytest.raises(InputError, match=told):
        refuse_foreign(tmp_path, model=True)
    (tmp_path / "manifest.json").write_text('{"articles": []}', encoding="utf-8")  # of texts, say
    (tmp_path / "checkpoints" / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"README\.md, manifest\.json stand here"):
        refuse_foreign(tmp_path, model=True)
    with pytest.raises(InputError, match=r"recipe\.yaml stands here, and would be lost"):
        refuse_foreign(tmp_path, model=True, inputs=[tmp_path / "recipe.yaml"])


def test_a_model_does_not_replace_an_encoder_nor_that_a_model(
    trained: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    refuse_foreign(trained, model=True)
    with pytest.raises(InputError, match="a trained model stands here"):
        refuse_foreign(trained, model=False)
    built = tmp_path / "built"
    encoder.copy(str(tiny_encoder), built)
    refuse_foreign(built, model=False)
    with pytest.raises(InputError, match="an encoder stands here"):
        refuse_foreign(built, model=True)
