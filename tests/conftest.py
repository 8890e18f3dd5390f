"""Fixtures: a tiny encoder made on the spot, small documents, the scheme. Nothing is fetched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: a test that fetches fails
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from hypothesis import settings
from transformers import IntervalStrategy, TrainingArguments

from kashif import corpus
from kashif.document import Document
from kashif.formats import plain
from kashif.recipe import Recipe
from kashif.scheme import Scheme

settings.register_profile("the same each time", derandomize=True, deadline=None)
settings.load_profile("the same each time")

ROOT = Path(__file__).parents[1]
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


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tells what of the annotated articles the tests could not read."""
    for notice in corpus.load("annotations/seeds", ROOT).notices:
        terminalreporter.write_line(notice, yellow=True)


@pytest.fixture(scope="session")
def scheme() -> Scheme:
    return Scheme.load(ROOT / "annotations" / "scheme.yaml")


@pytest.fixture
def article(tmp_path: Path) -> Document:
    """A small annotated article with nesting, proclitics and relations."""
    path = tmp_path / "a1.txt"
    path.write_text(ARTICLE, encoding="utf-8")
    return plain.read(path)[0].document


def make_encoder(folder: Path, texts: list[str], kind: str = "bert", width: int = 32) -> Path:
    """A BERT-like encoder of two layers with random weights and a WordPiece tokenizer of these texts."""
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
    sizes: dict[str, Any] = (
        {"dim": width, "n_layers": 2, "n_heads": 2, "hidden_dim": 2 * width}
        if kind == "distilbert"
        else {
            "hidden_size": width,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 2 * width,
        }
    )
    config = AutoConfig.for_model(kind, vocab_size=tokenizer.get_vocab_size(), pad_token_id=0, **sizes)
    generator_state = torch.get_rng_state()
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    torch.set_rng_state(generator_state)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder"), [ARTICLE])


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture(scope="session")
def trained(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model trained until it knows one article by heart."""
    from kashif import training

    base = tmp_path_factory.mktemp("project")
    folder = base / "annotations" / "one"
    folder.mkdir(parents=True)
    (folder / "a1.txt").write_text(ARTICLE, encoding="utf-8")
    (base / "annotations" / "two").mkdir()
    # The same marks in another text: development articles must not be the training ones.
    (base / "annotations" / "two" / "a2.txt").write_text("\n" + ARTICLE, encoding="utf-8")
    recipe = Recipe(
        encoder=str(tiny_encoder),
        train=("annotations/one",),
        development=("annotations/two",),
        epochs=60,
        patience=60,
        batch_size=4,
        window=128,
        encoder_learning_rate=3e-3,
        head_learning_rate=1e-2,
        dropout=0.0,
        precision="float32",
    )
    output = base / "models" / "tiny"
    usual = training.arguments

    def judged_once(*given: Any) -> TrainingArguments:
        """The first epoch without a fault would be kept, too unsure for another processor to agree."""
        arguments = usual(*given)
        arguments.eval_strategy = arguments.save_strategy = IntervalStrategy.STEPS
        arguments.eval_steps = arguments.save_steps = recipe.epochs
        return arguments

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "arguments", judged_once)
        training.train(recipe, output, base, say=lambda line: None, quiet=True)
    return output


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    for index in range(4):
        (folder / f"n{index}.txt").write_text("\n" * index + ARTICLE, encoding="utf-8")
    splits = "news:\n  train: [n0, n1]\n  development: [n2]\n  held-out: [n3]\n"
    (tmp_path / "annotations" / "splits.yaml").write_text(splits, encoding="utf-8")
    return tmp_path


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
