from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ARTICLE, make_encoder

from kashif import features
from kashif.document import Document, Entity
from kashif.model import KashifModel, either_loss, pool
from kashif.scheme import Scheme
from kashif.windows import lay_out


def batch(document: Document, tokenizer: Any, scheme: Scheme, size: int = 128) -> dict[str, torch.Tensor]:
    [layout] = lay_out([document.text], tokenizer, size)
    return features.Collator(scheme, tokenizer.pad_token_id)(features.rows(document, layout, scheme))


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

    folder = make_encoder(tmp_path / kind, [ARTICLE], kind, width)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = KashifModel.from_encoder(str(folder), scheme, window=128)
    output = model(**batch(article, tokenizer, scheme))
    output.loss.backward()
    for part in (model.encoder, model.tagger, model.proclitics, model.relations):
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
    rows = [
        {"input_ids": w.input_ids, "starts": w.starts, "ends": w.ends}
        for layout in lay_out(texts, tokenizer, 128)
        for w in layout.windows
    ]
    with torch.no_grad():
        together = model.read(**features.pad_inputs(rows, 0))
        for index, row in enumerate(rows):
            alone = model.read(**features.pad_inputs([row], 0))[0]
            torch.testing.assert_close(together[index, : len(alone)], alone, atol=1e-5, rtol=1e-5)


def test_unknown_words_teach_nothing(
    tiny_encoder: Path, tokenizer: Any, article: Document, scheme: Scheme
) -> None:
    model = KashifModel.from_encoder(str(tiny_encoder), scheme, window=128).eval()
    inputs = batch(article, tokenizer, scheme)
    inputs["tags"][:] = -100
    inputs["proclitics"][:] = -100
    inputs["related"][:] = -100
    with torch.no_grad():
        assert float(model(**inputs).loss) == 0


def test_the_loss_of_a_choice_is_the_sum_over_what_it_leaves_open() -> None:
    """Against a sum over every way to tag the types in which one of the options at least is right."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20, 4, 3, generator=generator, dtype=torch.float64).float()
    wanted = torch.randint(1, 3, (20,), generator=generator)
    options = torch.rand(20, 4, generator=generator) < 0.5
    options[:, 0] |= ~options.any(-1)
    found = either_loss(logits, wanted, options)
    for row in range(20):
        total = 0.0
        for chosen in product(range(3), repeat=4):
            if any(options[row, kind] and tag == wanted[row] for kind, tag in enumerate(chosen)):
                each = [logits[row, kind].softmax(-1)[tag] for kind, tag in enumerate(chosen)]
                total += float(torch.stack(each).prod())
        assert float(found[row]) == pytest.approx(-math.log(total), abs=1e-4)
    single = torch.eye(4, dtype=torch.bool)[torch.arange(20) % 4]
    plain = torch.nn.functional.cross_entropy(logits[single], wanted, reduction="none")
    torch.testing.assert_close(either_loss(logits, wanted, single), plain)


def test_an_improbable_choice_has_a_finite_loss() -> None:
    logits = torch.tensor([[[80.0, -80.0, 0.0], [60.0, -60.0, 0.0]]], requires_grad=True)
    loss = either_loss(logits, torch.tensor([1]), torch.ones(1, 2, dtype=torch.bool))
    loss.sum().backward()
    assert loss.item() == pytest.approx(120)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_the_loss_falls_as_a_span_stops_where_it_ends(
    tiny_encoder: Path, tokenizer: Any, scheme: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "زار مدينة كييف امس"
    [layout] = lay_out([text], tokenizer, 64)
    document = Document("d", text, (Entity(1, 4, 14, "LOC", "مدينة كييف"),))
    rows = features.rows(document, layout, scheme, scheme.mapping("anercorp"))
    inputs = features.Collator(scheme, tokenizer.pad_token_id)(rows)
    cells = [(0, 3, scheme.labels.index(label)) for label in ("GPE", "LOC", "FAC")]
    assert [tuple(cell) for cell in inputs["ended"].tolist()] == cells
    model = KashifModel.from_encoder(str(tiny_encoder), scheme, window=64, tag_weight=3.0).eval()
    logits = torch.randn(1, 4, len(scheme.labels), 3, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    monkeypatch.setattr(model, "tag", lambda words: (logits, model.proclitics(words)))
    inputs["tags"][:] = -100
    inputs["choices"], inputs["options"] = inputs["choices"][:0], inputs["options"][:0]
    loss = model(**inputs).loss
    loss.backward()
    inside = logits.softmax(-1)[0, 3, [cell[2] for cell in cells], 2]
    # One word is judged.
    assert loss.item() == pytest.approx(-(1 - inside).log().sum().item())
    assert logits.grad is not None
    assert (logits.grad[..., 2] > 0).nonzero().tolist() == [list(cell) for cell in cells]
    assert logits.grad.any(-1).sum() == len(cells)


def test_a_mapped_window_moves_only_the_heads_it_knows(
    tiny_encoder: Path, tokenizer: Any, scheme: Scheme
) -> None:
    text = "زار بوتين مدينة كييف"
    entities = (Entity(1, 4, 9, "PERS", "بوتين"), Entity(2, 10, 20, "LOC", "مدينة كييف"))
    [layout] = lay_out([text], tokenizer, 64)
    mapped = features.rows(Document("d", text, entities), layout, scheme, scheme.mapping("anercorp"))
    model = KashifModel.from_encoder(str(tiny_encoder), scheme, window=64)
    model(**features.Collator(scheme, tokenizer.pad_token_id)(mapped)).loss.backward()
    gradient = model.tagger.weight.grad
    assert gradient is not None
    moved = gradient.view(len(scheme.labels), -1).any(-1)
    assert [scheme.labels[kind] for kind in moved.nonzero().flatten()] == ["PERS", "GPE", "LOC", "FAC"]
    for part in (model.proclitics, model.relations):
        assert all(p.grad is None or not p.grad.any() for p in part.parameters())


def test_a_scheme_without_relations_trains(
    tiny_encoder: Path, tokenizer: Any, article: Document, scheme: Scheme
) -> None:
    bare = Scheme(entities=scheme.entities)
    model = KashifModel.from_encoder(str(tiny_encoder), bare, window=128)
    document = Document(article.id, article.text, article.entities)
    assert model.relations is None
    assert float(model(**batch(document, tokenizer, bare)).loss.detach()) > 0
