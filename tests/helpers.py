"""What several tests use: paths, a small annotated article, a tiny encoder made on the spot."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from kashif.document import Document
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


def another(lines: int) -> str:
    """``ARTICLE`` as another text with the same marks, so many lines further down."""
    return "\n" * lines + ARTICLE.replace("\n---\n", f"{'.' * lines}\n---\n")


FOREIGN = "زار O\nبوتين B-PERS\nمدينة B-LOC\nكييف I-LOC\n\nالتقى O\nكيم B-PERS\nجونغ I-PERS\n\n"
"""A flat corpus of whole words in ANERcorp's labels."""

NEWS = "\n".join(line.replace("[[", "").replace("]]", "") for line in ARTICLE.splitlines()) * 40
"""Text to pretrain on."""


INVISIBLE = (
    "\xad\u061c\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)


@cache
def presentation_forms() -> dict[str, str]:
    """The characters that stand for letters, one to four, or for a percent sign, by these."""
    forms = {"%": "٪﹪"}
    for char in map(chr, (*range(0xFB50, 0xFD3E), *range(0xFE80, 0xFEFD))):
        letters = unicodedata.normalize("NFKC", char)
        if letters.isalpha():
            forms[letters] = forms.get(letters, "") + char
    return forms


def disguise(text: str, random: Random, *, share: float = 0.3) -> tuple[str, list[int]]:
    """A text with invisible characters sprinkled in and presentation forms in place of letters.

    Returns:
        It, and the offset there of each character of ``text``.
    """
    forms = presentation_forms()
    parts: list[str] = []
    place: list[int] = []
    length = at = 0
    while at <= len(text):
        invisible = random.choices(INVISIBLE, k=random.choice([1, 2])) if random.random() < share else []
        size = random.choice([size for size in (1, 2, 3, 4) if size == 1 or text[at : at + size] in forms])
        letters = text[at : at + size]
        seen = random.choice(forms[letters]) if letters in forms and random.random() < share else letters
        parts += [*invisible, seen]
        length += len(invisible)
        place += [length + (index if seen == letters else 0) for index in range(len(letters))]
        length += len(seen)
        at += size
    return "".join(parts), place


def disguise_document(document: Document, random: Random) -> Document:
    """An annotated document whose text is in disguise, its spans as a prediction would have them."""
    text, place = disguise(document.text, random)
    spans = ((e, place[e.start], place[e.end - 1] + 1) for e in document.entities)
    entities = tuple(replace(e, start=start, end=end, text=text[start:end]) for e, start, end in spans)
    return Document(document.id, text, entities, document.relations)


def add_scheme(folder: Path) -> Path:
    """Puts the repository's own scheme into a folder, for the corpora there to lead to."""
    return Path(shutil.copyfile(SCHEME, folder / "scheme.yaml"))


def add_away(folder: Path) -> Path:
    """A corpus in a folder of one article, whose text a manifest names and no folder holds."""
    corpus = folder / "away"
    corpus.mkdir()
    (corpus / "w1.ann").write_text("", encoding="utf-8")
    article = {"id": "w1", "source": "w1.txt", "sha256": "0" * 64, "characters": 1}
    manifest = {"variable": "KASHIF_SEEDS", "articles": [article]}
    (corpus / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return corpus


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


def rows(texts: Iterable[tuple[str, Any]]) -> str:
    """Texts as JSON lines."""
    return "".join(json.dumps({"id": id, "text": text}) + "\n" for id, text in texts)


def ids(output: bytes | Path) -> list[str]:
    """The ids of documents in JSON lines."""
    content = output if isinstance(output, bytes) else output.read_bytes()
    return [Document.from_json(line).id for line in content.decode().splitlines()]


def names(folder: Path) -> list[str]:
    """The names of what stands in a folder."""
    return sorted(file.name for file in folder.iterdir())
