from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import datasets
import torch

from kashif.document import Document, Entity, Relation
from kashif.modeling.alignment import align, unreachable
from kashif.modeling.batching import Collator, WindowExample, window_examples
from kashif.modeling.decoding import BEGIN, INSIDE, OUTSIDE
from kashif.modeling.losses import IGNORE_INDEX
from kashif.modeling.windows import Layout, lay_out
from kashif.scheme import RelationType, Scheme


def examples(document: Document, layout: Layout, scheme: Scheme) -> list[WindowExample]:
    return window_examples(document, layout, alignment=align(document, layout, scheme=scheme), scheme=scheme)


def collate(found: Sequence[WindowExample], scheme: Scheme) -> dict[str, torch.Tensor]:
    """The batch of examples that went through a dataset, as they do in training."""
    rows = datasets.Dataset.from_list([asdict(example) for example in found]).to_list()
    return Collator(scheme, 0)(rows)


def test_gold_lands_in_the_batch(article: Document, tokenizer: Any, scheme: Scheme) -> None:
    [layout] = lay_out([article.text], tokenizer, size=256)
    batch = collate(examples(article, layout, scheme), scheme)
    assert batch["spans"].shape == (len(article.entities), 4)
    found = {
        (scheme.relation_labels[label], int(batch["pairs"][pair, 0]), int(batch["pairs"][pair, 1]))
        for pair, label in (batch["relation_labels"] == 1).nonzero().tolist()
    }
    ids = [entity.id for entity in sorted(article.entities, key=lambda e: (e.start, -e.end))]
    assert found == {(r.label, ids.index(r.head), ids.index(r.tail)) for r in article.relations}
    # Beside the gold, pairs that the scheme allows are there as negatives.
    assert (batch["relation_labels"] == 0).sum() > len(article.relations)
    assert (batch["tag_labels"] == IGNORE_INDEX).sum() == 0


def test_proclitics_are_judged_where_a_span_begins(tokenizer: Any, scheme: Scheme) -> None:
    text = "زار وبوتين كييف"
    entities = (Entity(1, 5, 10, "PERS", "بوتين"), Entity(2, 11, 15, "GPE", "كييف"))
    [layout] = lay_out([text], tokenizer, size=64)
    batch = collate(examples(Document("d", text, entities), layout, scheme), scheme)
    assert batch["proclitic_labels"].tolist() == [[IGNORE_INDEX, 1, 0]]


def test_a_symmetric_relation_marked_backwards_is_learned_forwards(tokenizer: Any, scheme: Scheme) -> None:
    """It was once trained as no relation at all."""
    text = "التقى كيم بوتين"
    entities = (Entity(1, 6, 9, "PERS", "كيم"), Entity(2, 10, 15, "PERS", "بوتين"))
    document = Document("d", text, entities, (Relation("meets", 2, 1),))
    [layout] = lay_out([text], tokenizer, size=64)
    batch = collate(examples(document, layout, scheme), scheme)
    [[pair, label]] = (batch["relation_labels"] == 1).nonzero().tolist()
    assert scheme.relation_labels[label] == "meets"
    assert batch["pairs"][pair, :2].tolist() == [0, 1]


def test_a_symmetric_relation_of_two_labels_is_learned_in_either_order(tokenizer: Any) -> None:
    """Where the mention with the label of the tail came first, it was once trained as no relation."""
    kind = RelationType(head=("GPE",), tail=("ORG",), symmetric=True)
    own = Scheme(entities={"GPE": "", "ORG": ""}, relations={"cooperates": kind})
    for text, first in (("كييف الناتو", "GPE"), ("الناتو كييف", "ORG")):
        other = "ORG" if first == "GPE" else "GPE"
        middle = text.index(" ")
        entities = (
            Entity(1, 0, middle, first, text[:middle]),
            Entity(2, middle + 1, len(text), other, text[middle + 1 :]),
        )
        [layout] = lay_out([text], tokenizer, size=64)
        for relation in (Relation("cooperates", 1, 2), Relation("cooperates", 2, 1)):
            document = Document("d", text, entities, (relation,))
            batch = collate(examples(document, layout, own), own)
            assert batch["pairs"][:, :2].tolist() == [[0, 1]]
            assert batch["relation_labels"].tolist() == [[1]]
            assert unreachable([document], [layout], scheme=own) == []


def test_a_relation_of_a_mark_that_stands_twice_is_learned(tokenizer: Any, scheme: Scheme) -> None:
    """A relation to the second mark, which is not aligned, was once trained as no relation at all."""
    text = "زار كيم كييف"
    entities = [Entity(1, 4, 7, "PERS", "كيم"), *(Entity(id, 8, 12, "GPE", "كييف") for id in (2, 3))]
    [layout] = lay_out([text], tokenizer, size=64)
    for tail in (2, 3):
        document = Document("d", text, tuple(entities), (Relation("visits", 1, tail),))
        batch = collate(examples(document, layout, scheme), scheme)
        [[pair, label]] = (batch["relation_labels"] == 1).nonzero().tolist()
        assert (scheme.relation_labels[label], batch["pairs"][pair, :2].tolist()) == ("visits", [0, 1])
        assert align(document, layout, scheme=scheme).unreachable == ()


def test_windows_get_the_spans_that_a_search_of_all_gives(tokenizer: Any, scheme: Scheme) -> None:
    rng = random.Random(0)
    text = " ".join(["كيم"] * 200)
    bounds = [(first, first + rng.randint(1, 40)) for first in rng.sample(range(150), 60)]
    spans = [(4 * first, 4 * last - 1, rng.choice(scheme.labels)) for first, last in bounds]
    document = Document("d", text, tuple(Entity(i, a, b, t, text[a:b]) for i, (a, b, t) in enumerate(spans)))
    [layout] = lay_out([text], tokenizer, size=64)
    aligned = align(document, layout, scheme=scheme).entities
    assert len(layout.windows) > 3
    for example, window in zip(examples(document, layout, scheme), layout.windows, strict=True):
        touching = [a for a in aligned if a.first < window.last and a.last > window.first]
        inside = [a for a in touching if window.first <= a.first and a.last <= window.last]
        cut = [a for a in touching if a not in inside]
        for cells, items in ((example.spans, inside), (example.cut, cut)):
            expected = [
                [a.first - window.first, a.last - window.first, scheme.labels.index(a.entity.label)]
                for a in items
            ]
            assert [cell[:3] for cell in cells] == expected


def test_a_span_that_a_window_cuts_is_not_judged_there(tokenizer: Any, scheme: Scheme) -> None:
    text = " ".join(["كيم"] * 60)
    [layout] = lay_out([text], tokenizer, size=32)
    first, second = layout.windows[:2]
    begin, end = second.first + 1, first.last + 1  # the first window ends before it, the third begins in it
    entity = Entity(1, 4 * begin, 4 * end - 1, "LOC", text[4 * begin : 4 * end - 1])
    found = examples(Document("d", text, (entity,)), layout, scheme)
    tags = collate(found, scheme)["tag_labels"]
    place = scheme.labels.index("LOC")
    for index, window in enumerate(layout.windows):
        for word in range(window.first, window.last):
            expected = OUTSIDE
            if begin <= word < end:
                expected = [IGNORE_INDEX, BEGIN if word == begin else INSIDE, IGNORE_INDEX][index]
            row = [OUTSIDE] * len(scheme.labels)
            row[place] = expected
            assert tags[index, word - window.first].tolist() == row
    assert [len(example.spans) for example in found] == [0, 1] + [0] * (len(layout.windows) - 2)


def test_a_span_longer_than_every_window_is_judged_nowhere(tokenizer: Any, scheme: Scheme) -> None:
    text = "قال " + " ".join(["كيم"] * 30)
    document = Document("d", text, (Entity(1, 4, len(text), "ORG", text[4:]),))
    [layout] = lay_out([text], tokenizer, size=24)
    assert len(layout.windows) > 1
    for example in examples(document, layout, scheme):
        assert example.spans == []
    [wide] = lay_out([text], tokenizer, size=128)
    [example] = examples(document, wide, scheme)
    assert example.spans == [[1, 31, scheme.labels.index("ORG"), 0]]


def test_padded_words_are_ignored(article: Document, tokenizer: Any, scheme: Scheme) -> None:
    texts = [article, Document("b", "زار بوتين")]
    layouts = lay_out([d.text for d in texts], tokenizer, size=256)
    found = [e for d, layout in zip(texts, layouts, strict=True) for e in examples(d, layout, scheme)]
    batch = collate(found, scheme)
    assert (batch["tag_labels"][1, 2:] == IGNORE_INDEX).all()
    assert (batch["tag_labels"][1, :2] == OUTSIDE).all()
    assert batch["attention_mask"][1].sum() == len(found[1].input_ids)
