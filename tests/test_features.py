from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import datasets

from kashif import features
from kashif.document import Document, Entity, Relation
from kashif.scheme import Scheme
from kashif.windows import align, lay_out


def test_gold_lands_in_the_batch(article: Document, tokenizer: Any, scheme: Scheme) -> None:
    [layout] = lay_out([article.text], tokenizer, 256)
    rows = features.rows(article, layout, scheme)
    batch = features.Collator(scheme, 0)(rows)
    assert batch["spans"].shape == (len(article.entities), 4)
    found = {
        (scheme.relation_labels[label], int(batch["pairs"][pair, 0]), int(batch["pairs"][pair, 1]))
        for pair, label in (batch["related"] == 1).nonzero().tolist()
    }
    ids = [entity.id for entity in sorted(article.entities, key=lambda e: (e.start, -e.end))]
    assert found == {(r.label, ids.index(r.head), ids.index(r.tail)) for r in article.relations}
    # Beside the gold, pairs that the scheme allows are there as negatives.
    assert (batch["related"] == 0).sum() > len(article.relations)
    assert (batch["tags"] == -100).sum() == 0


def test_a_symmetric_relation_marked_backwards_is_learned_forwards(tokenizer: Any, scheme: Scheme) -> None:
    """It was once trained as no relation at all."""
    text = "التقى كيم بوتين"
    entities = (Entity(1, 6, 9, "PERS", "كيم"), Entity(2, 10, 15, "PERS", "بوتين"))
    document = Document("d", text, entities, (Relation("meets", 2, 1),))
    [layout] = lay_out([text], tokenizer, 64)
    batch = features.Collator(scheme, 0)(features.rows(document, layout, scheme))
    [[pair, label]] = (batch["related"] == 1).nonzero().tolist()
    assert scheme.relation_labels[label] == "meets"
    assert batch["pairs"][pair, :2].tolist() == [0, 1]


def test_windows_get_the_spans_that_a_search_of_all_gives(tokenizer: Any, scheme: Scheme) -> None:
    rng = random.Random(0)
    text = " ".join(["كيم"] * 200)
    bounds = [(first, first + rng.randint(1, 40)) for first in rng.sample(range(150), 60)]
    spans = [(4 * first, 4 * last - 1, rng.choice(scheme.labels)) for first, last in bounds]
    document = Document("d", text, tuple(Entity(i, a, b, t, text[a:b]) for i, (a, b, t) in enumerate(spans)))
    [layout] = lay_out([text], tokenizer, 64)
    aligned, _ = align(document, layout, scheme)
    assert len(layout.windows) > 3
    for row, window in zip(features.rows(document, layout, scheme), layout.windows, strict=True):
        touching = [a for a in aligned if a.first < window.last and a.last > window.first]
        inside = [a for a in touching if window.first <= a.first and a.last <= window.last]
        for name, items in (("spans", inside), ("cut", [a for a in touching if a not in inside])):
            expected = [[a.first - window.first, a.last - window.first] for a in items]
            assert [cells[:2] for cells in row[name]] == expected


def tags(text: str, tokenizer: Any, mapping: str, *spans: tuple[str, str]) -> tuple[Any, Any]:
    """The batch of a text marked with ``(mention, label)``, and its tags as ``word, type -> tag``."""
    scheme = Scheme.load()
    found = [(text.index(mention), mention, label) for mention, label in spans]
    entities = (Entity(i, at, at + len(m), label, m) for i, (at, m, label) in enumerate(found))
    [layout] = lay_out([text], tokenizer, 64)
    rows = features.rows(Document("d", text, tuple(entities)), layout, scheme, scheme.mapping(mapping))
    batch = features.Collator(scheme, 0)(datasets.Dataset.from_list(rows).to_list())
    return batch, lambda word, label: int(batch["tags"][0, word, scheme.labels.index(label)])


def test_a_flat_corpus_teaches_only_what_it_marks(tokenizer: Any, scheme: Scheme) -> None:
    batch, tag = tags(
        "زار بوتين مدينة كييف امس", tokenizer, "anercorp", ("بوتين", "PERS"), ("مدينة كييف", "LOC")
    )
    assert [tag(word, "PERS") for word in range(5)] == [0, 1, -100, -100, 0]
    for label in set(scheme.labels) - {"PERS"}:
        assert {tag(word, label) for word in range(5)} == {-100}
    assert batch["choices"].tolist() == [[0, 2, 1], [0, 3, 2]]
    for row in batch["options"]:
        assert [label for label, may in zip(scheme.labels, row, strict=True) if may] == ["GPE", "LOC", "FAC"]
    # The word behind a span goes on with none of its types.
    assert [(word, scheme.labels[kind]) for _, word, kind in batch["ended"].tolist()] == [
        (2, "PERS"),
        (4, "GPE"),
        (4, "LOC"),
        (4, "FAC"),
    ]
    assert (batch["proclitics"] == -100).all()
    assert len(batch["spans"]) == len(batch["pairs"]) == 0


def test_a_nested_corpus_judges_inside_its_spans(tokenizer: Any) -> None:
    spans = (("وزير العمل", "ORG"), ("العمل", "CARDINAL"), ("امس", "ORDINAL"), ("5", "TIME"))
    batch, tag = tags("قال وزير العمل امس 5", tokenizer, "wojood", *spans)
    assert [tag(word, "ORG") for word in range(5)] == [0, 1, 2, 0, 0]
    assert [tag(word, "GPE") for word in range(5)] == [0] * 5
    assert [tag(word, "QUANTITY") for word in range(5)] == [-100, -100, 1, -100, -100]
    assert [tag(word, "DATE") for word in range(5)] == [-100, -100, -100, -100, 1]
    assert len(batch["choices"]) == 0
    assert batch["ended"].tolist() == [[0, 3, Scheme.load().labels.index("QUANTITY")]]


def test_where_a_span_ends_adds_nothing_to_what_is_known(tokenizer: Any, article: Document) -> None:
    spans = (("كيم جونغ", "PERS"), ("كييف", "LOC"), ("اوسلو امس", "LOC"), ("هنا", "ORG"))
    batch, _ = tags("قال كيم جونغ كييف اوسلو امس هنا", tokenizer, "anercorp", *spans)
    scheme = Scheme.load()
    # Behind «كييف» the next span may be of the same types; behind «هنا» is nothing.
    assert [(word, scheme.labels[kind]) for _, word, kind in batch["ended"].tolist()] == [
        (3, "PERS"),
        (6, "GPE"),
        (6, "LOC"),
        (6, "FAC"),
    ]
    for size in (16, 256):
        [layout] = lay_out([article.text], tokenizer, size)
        assert len(features.Collator(scheme, 0)(features.rows(article, layout, scheme))["ended"]) == 0


def test_an_ignored_span_of_a_flat_corpus_may_hide_anything(tokenizer: Any) -> None:
    batch, tag = tags("قال كيم ثانيا", tokenizer, "ontonotes", ("كيم", "WORK_OF_ART"), ("قال", "PERSON"))
    assert [tag(word, "PERS") for word in range(3)] == [1, -100, 0]
    assert tag(0, "ORG") == -100
    # Its spans leave proclitics outside, as ours do.
    assert batch["proclitics"][0].tolist() == [0, -100, -100]


def test_a_span_that_a_window_cuts_is_unknown_there(tokenizer: Any, scheme: Scheme) -> None:
    text = " ".join(["كيم"] * 60)
    [layout] = lay_out([text], tokenizer, 32)
    first, second = layout.windows[:2]
    entity = Entity(1, 4 * second.first + 4, 4 * (first.last + 1) - 1, "LOC", "")
    entity = replace(entity, text=text[entity.start : entity.end])
    rows = features.rows(Document("d", text, (entity,)), layout, scheme, scheme.mapping("anercorp"))
    batch = features.Collator(scheme, 0)(rows)
    pers = scheme.labels.index("PERS")
    inside = range(second.first + 1, first.last + 1)
    for index, window in enumerate(layout.windows):
        for word in range(window.first, window.last):
            assert batch["tags"][index, word - window.first, pers] == (-100 if word in inside else 0)
    assert {int(window) for window, _, _ in batch["choices"]} == {1}


def test_padded_words_are_ignored(article: Document, tokenizer: Any, scheme: Scheme) -> None:
    texts = [article, Document("b", "زار بوتين")]
    layouts = lay_out([d.text for d in texts], tokenizer, 256)
    rows = [row for d, layout in zip(texts, layouts, strict=True) for row in features.rows(d, layout, scheme)]
    batch = features.Collator(scheme, 0)(rows)
    assert (batch["tags"][1, 2:] == -100).all()
    assert (batch["tags"][1, :2] == 0).all()
    assert batch["attention_mask"][1].sum() == len(rows[1]["input_ids"])


def test_spans_cut_by_a_window_are_not_judged_there(tokenizer: Any, scheme: Scheme) -> None:
    text = "قال " + " ".join(["كيم"] * 30)
    document = Document("d", text, (Entity(1, 4, len(text), "ORG", text[4:]),))
    [layout] = lay_out([text], tokenizer, 24)
    assert len(layout.windows) > 1
    for row in features.rows(document, layout, scheme):
        assert row["spans"] == []
    [wide] = lay_out([text], tokenizer, 128)
    [row] = features.rows(document, wide, scheme)
    assert row["spans"] == [[1, 31, scheme.labels.index("ORG"), 0]]
