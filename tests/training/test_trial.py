from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from helpers import ARTICLE, NEWS, disguise, make_encoder, pretraining_recipe, recipe
from transformers import AutoModel, AutoTokenizer

import kashif
from kashif.errors import InputError
from kashif.training.pretraining import pretrain
from kashif.training.train import train
from kashif.training.trial import check_window, try_encoder

SIZES: dict[str, dict[str, Any]] = {
    "bert": {},
    "roberta": {"max_position_embeddings": 130},
    "xlm-roberta": {"max_position_embeddings": 130},
    "camembert": {"max_position_embeddings": 130},
    "mpnet": {"max_position_embeddings": 130},
    "deberta": {},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "electra": {"embedding_size": 16},
    "albert": {"embedding_size": 16},
    "modernbert": {"global_attn_every_n_layers": 1},
    "distilbert": {},
    "bart": {},
    # The library converts their tensors as it loads them; the best checkpoint could not be loaded.
    "gte": {},
    "jina_embeddings_v3": {},
    "nomic_bert": {},
}


@pytest.mark.parametrize("kind", SIZES)
def test_an_encoder_of_this_kind_trains_and_scores(kind: str, project: Path, tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / kind, [ARTICLE], kind, sizes=SIZES[kind])
    trained = train(recipe(encoder, epochs=1), project / "m")
    [report] = kashif.score(trained.folder, "annotations/news#held-out")
    assert report.documents == 1
    assert report.unreachable == {}


def refused(encoder: Path, project: Path, match: str, **settings: object) -> None:
    with pytest.raises(InputError, match=match) as caught:
        train(recipe(encoder, **settings), project / "m")
    assert len(str(caught.value).splitlines()) == 1


def test_an_encoder_is_tried_on_letters_not_on_their_presentation_forms(tiny_encoder: Path) -> None:
    text, _ = disguise("التقى وزير الخارجية الثلاثاء سفراء في أوسلو " * 5, Random(1), share=0.9)
    network, tokenizer = (kind.from_pretrained(tiny_encoder) for kind in (AutoModel, AutoTokenizer))
    try_encoder(network, tokenizer, recipe=recipe(tiny_encoder), text=text)


@pytest.mark.parametrize(("kind", "usable"), [("roberta", 129), ("camembert", 129), ("mpnet", 128)])
def test_positions_behind_the_padding_are_counted(
    kind: str, usable: int, project: Path, tmp_path: Path
) -> None:
    """The padding of these is 0, but MPNet counts from behind 1 whatever it is."""
    encoder = make_encoder(tmp_path / kind, [ARTICLE], kind, sizes=SIZES[kind])
    refused(encoder, project, f"reads at most {usable} sub-words", window=usable + 1)


def test_the_smallest_table_of_positions_limits_the_window() -> None:
    """The last one did."""
    network = torch.nn.ModuleDict()
    for name, rows in (("first", 200), ("second", 100), ("third", 300)):
        network[name] = torch.nn.ModuleDict({"position_embeddings": torch.nn.Embedding(rows, 4)})
    check_window(recipe(window=100), network)
    with pytest.raises(InputError, match="reads at most 100 sub-words"):
        check_window(recipe(window=101), network)


def test_a_folder_without_tokenizer_files_is_refused(
    project: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    """It trained on nothing but [UNK], and ended in success."""
    bare = tmp_path / "bare"
    shutil.copytree(tiny_encoder, bare)
    for file in bare.glob("tokenizer*"):
        file.unlink()
    refused(bare, project, "encoder '.*bare'")


def test_a_model_that_reads_from_left_to_right_is_refused(project: Path, tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "gpt2", [ARTICLE], "gpt2")
    refused(encoder, project, "reads from left to right only")


def test_a_model_that_needs_a_decoder_s_input_is_refused(project: Path, tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "t5", [ARTICLE], "t5", sizes={"d_kv": 16})
    refused(encoder, project, "no encoder that Kashif can use")


def test_a_model_without_a_fast_tokenizer_is_refused(project: Path, tmp_path: Path) -> None:
    from transformers import CanineConfig, CanineModel, CanineTokenizer

    folder = tmp_path / "canine"
    config = CanineConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        local_transformer_stride=64,
    )
    CanineModel(config).save_pretrained(folder)
    CanineTokenizer().save_pretrained(folder)
    refused(folder, project, "no fast tokenizer, which offsets need")


@pytest.mark.parametrize("used", ["pad", "cls", "sep", "mask", "unknown pad"])
def test_a_tokenizer_without_a_special_sub_word_is_refused(
    used: str, project: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    """It ended in a traceback of a library."""
    folder, key = tmp_path / "bare", f"{used.rpartition(' ')[2]}_token"
    shutil.copytree(tiny_encoder, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if used == "unknown pad":
        tokenizer.add_special_tokens({key: "[NEW]"})
    else:
        setattr(tokenizer, key, None)
    tokenizer.save_pretrained(folder)
    told = f"encoder '.*bare': its tokenizer has no {key} that the encoder knows; name it in"
    if key == "pad_token":
        refused(folder, project, told)
    (project / "news.txt").write_text(NEWS, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        pretrain(pretraining_recipe(folder), project / "e")


def test_words_that_see_what_is_near_alone_are_not_read_from_left_to_right(
    tmp_path: Path,
) -> None:
    sizes = {"layer_types": ["sliding_attention"] * 2, "local_attention": 4}
    encoder = make_encoder(tmp_path / "near", [ARTICLE], "modernbert", sizes=sizes)
    network, tokenizer = (kind.from_pretrained(encoder) for kind in (AutoModel, AutoTokenizer))
    try_encoder(network, tokenizer, recipe=recipe(encoder), text=ARTICLE)
