from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import ARTICLE, make_encoder
from torch.nn import functional

from kashif.document import Document
from kashif.modeling import batching
from kashif.modeling.alignment import align
from kashif.modeling.losses import IGNORE_INDEX
from kashif.modeling.model import KashifModel, pool
from kashif.modeling.windows import lay_out
from kashif.scheme import Scheme


def batch(document: Document, tokenizer: Any, scheme: Scheme, size: int = 128) -> dict[str, torch.Tensor]:
    [layout] = lay_out([document.text], tokenizer, size=size)
    alignment = align(document, layout, scheme=scheme)
    examples = batching.window_examples(document, layout, alignment=alignment, scheme=scheme)
    return batching.Collator(scheme, tokenizer.pad_token_id)([asdict(example) for example in examples])


def test_pool_is_the_mean_of_a_word_s_sub_words() -> None:
    tokens = torch.arange(12.0).reshape(1, 6, 2)
    starts, ends = torch.tensor([[1, 3, 0]]), torch.tensor([[3, 4, 0]])
    assert pool(tokens, starts, ends).tolist() == [[[3.0, 4.0], [6.0, 7.0], [0.0, 0.0]]]


@pytest.mark.parametrize(
    ("kind", "width"), [("bert", 32), ("distilbert", 48), ("electra", 24), ("roberta", 32)]
)
def test_any_bert_like_encoder_of_any_width(
    tmp_path: Path, article: Document, scheme: Scheme, kind: str, width: int
) -> None:
    from transformers import AutoTokenizer

    folder = make_encoder(tmp_path / kind, [ARTICLE], kind, width=width)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = KashifModel.from_encoder(str(folder), scheme, window=128)
    output = model(**batch(article, tokenizer, scheme))
    output.loss.backward()
    for part in (model.encoder, model.tagger, model.proclitic_head, model.relation_head):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())


def test_saved_and_loaded_models_agree(
    tmp_path: Path, tiny_encoder: Path, tokenizer: Any, article: Document, scheme: Scheme
) -> None:
    model = KashifModel.from_encoder(str(tiny_encoder), scheme, window=128).eval()
    model.save_pretrained(tmp_path)
    again = KashifModel.from_pretrained(tmp_path).eval()
    assert (tmp_path / "model.safetensors").is_file()
    # Equal dictionaries may differ in order, and the order is that of the heads: it was once lost.
    assert again.config.annotation_scheme().labels == scheme.labels
    assert again.config.annotation_scheme().relation_labels == scheme.relation_labels
    inputs = batch(article, tokenizer, scheme)
    with torch.no_grad():
        assert torch.equal(model(**inputs).loss, again(**inputs).loss)


def test_padding_changes_nothing(
    tiny_encoder: Path, tokenizer: Any, article: Document, scheme: Scheme
) -> None:
    model = KashifModel.from_encoder(str(tiny_encoder), scheme, window=128).eval()
    texts = [article.text, "زار بوتين أوسلو"]
    windows = [w for layout in lay_out(texts, tokenizer, size=128) for w in layout.windows]
    with torch.no_grad():
        together = model.encode_words(**batching.pad_inputs(windows, 0))
        for index, window in enumerate(windows):
            alone = model.encode_words(**batching.pad_inputs([window], 0))[0]
            torch.testing.assert_close(together[index, : len(alone)], alone, atol=1e-5, rtol=1e-5)


def test_unknown_words_teach_nothing(
    tiny_encoder: Path, tokenizer: Any, article: Document, scheme: Scheme
) -> None:
    model = KashifModel.from_encoder(str(tiny_encoder), scheme, window=128).eval()
    inputs = batch(article, tokenizer, scheme)
    for name in ("tag_labels", "proclitic_labels", "relation_labels"):
        inputs[name][:] = IGNORE_INDEX
    with torch.no_grad():
        assert float(model(**inputs).loss) == 0


def test_the_loss_is_that_of_what_is_judged(
    tiny_encoder: Path, tokenizer: Any, article: Document, scheme: Scheme
) -> None:
    """Summed word by word and pair by pair here."""
    weights = {"positive_tag_weight": 3.0, "relation_loss_weight": 0.5}
    model = KashifModel.from_encoder(str(tiny_encoder), scheme, window=128, **weights).eval()
    inputs = batch(article, tokenizer, scheme)
    inputs["tag_labels"][0, 3] = IGNORE_INDEX  # a word that nothing is known of
    inputs["tag_labels"][0, 4, 0] = IGNORE_INDEX  # and one of which a label is not
    with torch.no_grad():
        output = model(**inputs)
    entities = relations = 0.0
    words = set()
    for window, word, label in torch.cartesian_prod(*map(torch.arange, inputs["tag_labels"].shape)).tolist():
        tag = int(inputs["tag_labels"][window, word, label])
        if tag != IGNORE_INDEX:
            words.add((window, word))
            entities -= output.tag_logits[window, word, label].log_softmax(-1)[tag].item() * (3 if tag else 1)
    for window, word in torch.cartesian_prod(*map(torch.arange, inputs["proclitic_labels"].shape)).tolist():
        count = int(inputs["proclitic_labels"][window, word])
        if count != IGNORE_INDEX:
            entities -= output.proclitic_logits[window, word].log_softmax(-1)[count].item()
    for logits, labels in zip(output.relation_logits, inputs["relation_labels"].tolist(), strict=True):
        for logit, label in zip(logits, labels, strict=True):
            if label != IGNORE_INDEX:
                relations -= functional.logsigmoid(logit if label else -logit).item()
    assert output.entity_loss.item() == pytest.approx(entities / len(words), rel=1e-4)
    assert output.relation_loss.item() == pytest.approx(relations / len(article.entities), rel=1e-4)
    assert output.loss.item() == pytest.approx((output.entity_loss + 0.5 * output.relation_loss).item())


def test_without_labels_there_are_logits_alone(
    tiny_encoder: Path, tokenizer: Any, article: Document, scheme: Scheme
) -> None:
    model = KashifModel.from_encoder(str(tiny_encoder), scheme, window=128).eval()
    inputs = batch(article, tokenizer, scheme)
    unlabelled = {name: value for name, value in inputs.items() if not name.endswith("_labels")}
    with torch.no_grad():
        expected, found = model(**inputs), model(**unlabelled)
        bare = model(**{name: unlabelled[name] for name in ("input_ids", "attention_mask", "starts", "ends")})
    assert (found.loss, found.entity_loss, found.relation_loss, bare.relation_logits) == (None,) * 4
    for name in ("tag_logits", "proclitic_logits", "relation_logits"):
        assert torch.equal(found[name], expected[name])
    assert torch.equal(bare.tag_logits, expected.tag_logits)


def test_pairs_are_scored_alike_in_parts(
    tiny_encoder: Path, tokenizer: Any, article: Document, scheme: Scheme
) -> None:
    model = KashifModel.from_encoder(str(tiny_encoder), scheme, window=128).eval()
    inputs = batch(article, tokenizer, scheme)
    with torch.no_grad():
        words = model.encode_words(
            *(inputs[name] for name in ("input_ids", "attention_mask", "starts", "ends"))
        )
        whole, parts = (model.relation_head(words, inputs["spans"], inputs["pairs"], size) for size in (0, 3))
    assert len(whole) > 3
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-5)


def test_a_scheme_without_relations_trains(
    tiny_encoder: Path, tokenizer: Any, article: Document, scheme: Scheme
) -> None:
    bare = Scheme(entities=scheme.entities)
    model = KashifModel.from_encoder(str(tiny_encoder), bare, window=128)
    document = Document(article.id, article.text, article.entities)
    assert model.relation_head is None
    assert float(model(**batch(document, tokenizer, bare)).loss.detach()) > 0


def test_a_model_s_folder_gives_its_encoder_unchanged(trained: Path, scheme: Scheme) -> None:
    known = KashifModel.from_pretrained(trained).encoder.state_dict()
    began = KashifModel.from_encoder(str(trained), scheme).encoder.state_dict()
    assert known.keys() == began.keys()
    assert all(torch.equal(known[name], began[name]) for name in known)
