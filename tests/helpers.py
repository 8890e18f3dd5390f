"""What several tests use: paths, a small annotated article, a tiny encoder made on the spot."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kashif.training.recipe import PretrainingRecipe, Recipe

ROOT = Path(__file__).parents[1]
SCHEME = ROOT / "annotations" / "scheme.yaml"
"""The scheme of the repository's own annotations, which most tests are written in."""
RECIPES = sorted(file for file in (ROOT / "train").glob("*.yaml") if file.stem != "newswire")
"""The recipes of models; newswire is one of an encoder."""

ARTICLE = """[[أوسلو|GPE#1]] ([[رويترز|ORG#2]]) - التقى [[وزير الخارجية [[النرويجي|NORP#4]]|OCC#3]] [[إسبن بارت إيدي|PERS#5]] [[الثلاثاء|DATE#6]] سفراء في [[أوسلو|GPE#7]].
و[[النرويج|GPE#8]] عضو في [[الناتو|ORG#9]]، وأرسلت إلى [[أوكرانيا|GPE#10]] [[12 دبابة|QUANTITY#11]] لـ[[لجيش [[الأوكراني|NORP#13]]|ORG#12]].
---
occupation 5 3
affiliation 5 4
sends 8 11
sent_to 11 10
"""


FOREIGN = "زار O\nبوتين B-PERS\nمدينة B-LOC\nكييف I-LOC\n\nالتقى O\nكيم B-PERS\nجونغ I-PERS\n\n"
"""A flat corpus of whole words in ANERcorp's labels."""

NEWS = "\n".join(line.replace("[[", "").replace("]]", "") for line in ARTICLE.splitlines()) * 40
"""Text to pretrain on."""


def add_scheme(folder: Path) -> Path:
    """Puts the repository's own scheme into a folder, for the corpora there to lead to."""
    return Path(shutil.copyfile(SCHEME, folder / "scheme.yaml"))


def make_encoder(
    folder: Path,
    texts: list[str],
    kind: str = "bert",
    *,
    width: int = 32,
    sizes: dict[str, Any] | None = None,
) -> Path:
    """An encoder of two layers with random weights and a WordPiece tokenizer of these texts."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, clean_text=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    usual: dict[str, Any] = (
        {"dim": width, "n_layers": 2, "n_heads": 2, "hidden_dim": 2 * width}
        if kind == "distilbert"
        else {
            "hidden_size": width,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 2 * width,
        }
    )
    config = AutoConfig.for_model(
        kind, vocab_size=tokenizer.get_vocab_size(), pad_token_id=0, **usual, **(sizes or {})
    )
    generator_state = torch.get_rng_state()
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    torch.set_rng_state(generator_state)
    fast.save_pretrained(folder)
    return folder


def recipe(encoder: Path = Path("x"), **settings: object) -> Recipe:
    values: dict[str, object] = {
        "encoder": str(encoder),
        "train": ["annotations/news#train"],
        "development": ["annotations/news#development"],
        "epochs": 4,
        "patience": 4,
        "window": 64,
        "precision": "float32",
    }
    return Recipe.model_validate(values | settings)


def pretraining_recipe(encoder: Path, **settings: object) -> PretrainingRecipe:
    values: dict[str, object] = {
        "encoder": str(encoder),
        "texts": ["news.txt"],
        "development_share": 0.2,
        "epochs": 3,
        "batch_size": 4,
        "window": 64,
        "encoder_learning_rate": 3e-3,
        "precision": "float32",
    }
    return PretrainingRecipe.model_validate(values | settings)
