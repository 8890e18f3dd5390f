from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from conftest import ARTICLE, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from kashif import corpus, decoding, features
from kashif.arabic import words
from kashif.document import Document, Entity, Relation
from kashif.scheme import Scheme
from kashif.scoring import entity_items, relation_items
from kashif.windows import align, cut_short, lay_out, reach

TEXTS = st.lists(st.text(alphabet="ابتثجحولمن ولك .\n،؟\u200f\u064e😀", max_size=120), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS, size=st.integers(16, 40))
def test_windows_hold_every_seen_word_and_every_adjoining_pair(
    tokenizer: Any, texts: list[str], size: int
) -> None:
    for text, layout in zip(texts, lay_out(texts, tokenizer, size), strict=True):
        everything = words(text)
        assert set(layout.words) <= set(everything)
        assert layout.words == sorted(layout.words)
        covered = {word for window in layout.windows for word in range(window.first, window.last)}
        assert covered == set(range(len(layout.words)))
        for window in layout.windows:
            assert len(window.input_ids) <= size
            assert all(
                0 < a < b < len(window.input_ids) for a, b in zip(window.starts, window.ends, strict=True)
            )
        # Adjoining sentences that both fit into half a window share one.
        for first, second in pairwise(range(len(layout.words))):
            assert any(w.first <= first and second < w.last for w in layout.windows)


def test_batched_layout_is_the_single_one(tokenizer: Any) -> None:
    texts = ["زار بوتين أوسلو. ثم عاد.", "", "التقى وزير الخارجية\nسفراء"]
    assert lay_out(texts, tokenizer, 16) == [lay_out([text], tokenizer, 16)[0] for text in texts]


def test_a_word_longer_than_a_window_is_kept(tokenizer: Any) -> None:
    [layout] = lay_out(["قال " + "بتثجح" * 300 + " وعاد"], tokenizer, 32)
    assert len(layout.words) == 3
    assert all(len(window.input_ids) <= 32 for window in layout.windows)


def through_windows(document: Document, tokenizer: Any, scheme: Scheme, size: int) -> Document:
    """The document rebuilt from its own tags, proclitics and pairs in windows, as a perfect model would."""
    [layout] = lay_out([document.text], tokenizer, size)
    spans: list[Any] = []
    relations: list[Any] = []
    for row, window in zip(features.rows(document, layout, scheme), layout.windows, strict=True):
        batch = features.Collator(scheme, 0)([row])
        tags = batch["tags"][0].numpy()
        perfect = np.eye(3, dtype=np.float32)[np.maximum(tags, 0)][None]
        found = decoding.decode(perfect, [len(window.starts)])
        assert (found.score > 0.999).all()
        keys = [
            (first + window.first, last + window.first, kind)
            for first, last, kind in zip(
                found.first.tolist(), found.last.tolist(), found.type.tolist(), strict=True
            )
        ]
        letters = batch["proclitics"][0].numpy()
        spans += [(key, int(letters[first]), 1.0) for key, first in zip(keys, found.first, strict=True)]
        gold = [
            (first + window.first, last + window.first, kind)
            for _, first, last, kind in batch["spans"].tolist()
        ]
        for pair, related in zip(batch["pairs"].tolist(), batch["related"].tolist(), strict=True):
            relations += [
                (gold[pair[0]], gold[pair[1]], label, 1.0)
                for label, value in enumerate(related)
                if value == 1
            ]
    return decoding.assemble(document.id, document.text, layout, spans, relations, scheme)


@pytest.mark.parametrize("size", [128, 256, 512])
def test_annotations_survive_windows_tags_and_back(
    tokenizer: Any, scheme: Scheme, size: int, record_property: Any
) -> None:
    """Every span and relation of the annotated articles comes back; what cannot is counted and named."""
    documents = [
        d for name in ("seeds", "newsroom") for d in corpus.load(f"annotations/{name}", ROOT).documents
    ]
    lost = []
    for document in documents:
        again = through_windows(document, tokenizer, scheme, size)
        [layout] = lay_out([document.text], tokenizer, size)
        unreachable = reach(document, layout, scheme)
        assert entity_items(again) <= entity_items(document)
        assert relation_items(again, scheme) <= relation_items(document, scheme)
        missing = (
            len(document.entities) - len(again.entities) + len(document.relations) - len(again.relations)
        )
        assert missing == len(unreachable), (document.id, unreachable)
        lost += unreachable
    record_property("unreachable", [f"{item.document}: {item.what}: {item.cause}" for item in lost])
    # The tiny tokenizer cuts words into many more pieces than a real one, so small windows lose pairs.
    total = sum(len(d.entities) + len(d.relations) for d in documents)
    assert len(lost) <= {128: 0.2, 256: 0.05, 512: 0.01}[size] * total


def test_unreachable_gold_is_named_with_its_cause(tokenizer: Any, scheme: Scheme) -> None:
    text = "وصل بوتين موسكو. عاد. كيم أوسلو"
    spans = {
        "inside": (0, 2, "PERS"),
        "same type": (4, 9, "PERS"),
        "overlap": (4, 15, "PERS"),
        "far": (22, 25, "PERS"),
        "label": (10, 15, "CITY"),
        "place": (26, 31, "GPE"),
    }
    entities = tuple(
        Entity(i, start, end, label, text[start:end])
        for i, (start, end, label) in enumerate(spans.values(), start=1)
    )
    relations = (Relation("meets", 3, 4), Relation("visits", 1, 6), Relation("visits", 4, 6))
    document = Document("d", text, entities, relations)
    [layout] = lay_out([text], tokenizer, 64)
    found = {item.what: item.cause for item in reach(document, layout, scheme)}
    assert found == {
        "PERS «وص»": "an edge is not at a word that the encoder sees",
        "PERS «بوتين»": "it overlaps a span of its own type",
        "CITY «موسكو»": "its label is not in the scheme",
        "meets «بوتين موسكو» -> «كيم»": "the arguments are more than 1 sentence apart",
        "visits «وص» -> «أوسلو»": "an argument is unreachable",
    }


def test_gold_whose_punctuation_is_taken_off_is_named(tokenizer: Any, scheme: Scheme) -> None:
    text = "دفع 5 $ اي 40 % « كيم » في مايو ( ايار )"
    spans = {"5 $": "MONEY", "40 %": "QUANTITY", "« كيم": "PERS", "كيم »": "ORG", "مايو ( ايار )": "DATE"}
    entities = tuple(
        Entity(i, text.index(mention), text.index(mention) + len(mention), label, mention)
        for i, (mention, label) in enumerate(spans.items(), start=1)
    )
    document = Document("d", text, entities, (Relation("affiliation", 3, 4),))
    [layout] = lay_out([text], tokenizer, 64)
    lost = {item.what: item.cause for item in reach(document, layout, scheme)}
    assert lost == {
        "MONEY «5 $»": "it ends in punctuation that the scheme takes off",
        "PERS «« كيم»": "it begins with punctuation that the scheme takes off",
        "ORG «كيم »»": "it ends in punctuation that the scheme takes off",
        "affiliation «« كيم» -> «كيم »»": "an argument is unreachable",
    }
    # The model gives just what is not named.
    found = through_windows(document, tokenizer, scheme, 64)
    assert {e.text for e in found.entities if (e.start, e.end, e.label) in {g.key for g in entities}} == {
        "40 %",
        "مايو ( ايار )",
    }
    free = scheme.model_copy(update={"closing": None})
    assert reach(Document("d", text, entities), layout, free) == []
    mapped = Document("d", text, entities[:2])
    wojood = scheme.mapping("wojood")
    [lost_there] = reach(mapped, layout, scheme, wojood)
    assert lost_there.what == "MONEY «5 $»"
    # One type that may end so is enough.
    either = wojood.model_copy(update={"labels": {"MONEY": ("MONEY", "QUANTITY"), "QUANTITY": ("PERS",)}})
    text = text.replace("$", "%")
    marked = Document("d", text, tuple(replace(e, text=text[e.start : e.end]) for e in entities[:2]))
    [layout] = lay_out([text], tokenizer, 64)
    assert [item.what for item in reach(marked, layout, scheme, either)] == ["QUANTITY «40 %»"]


def test_a_flat_scheme_of_whole_words_reaches_less(tokenizer: Any, article: Document) -> None:
    flat = Scheme(entities=dict.fromkeys(Scheme.load().labels, ""), nested=False, proclitics=False)
    [layout] = lay_out([article.text], tokenizer, 256)
    _, lost = align(Document("d", article.text, article.entities), layout, flat)
    assert {(item.what, item.cause) for item in lost} == {
        ("NORP «النرويجي»", "it overlaps a span"),
        ("GPE «النرويج»", "it begins inside a word"),
        ("ORG «لجيش الأوكراني»", "it begins inside a word"),
    }


def test_through_a_mapping_types_and_whole_words_are_its_own(tokenizer: Any, scheme: Scheme) -> None:
    text = "زار بوتين وموسكو امس ثانيا"
    spans = [(4, 9, "PERS"), (11, 16, "LOC"), (4, 16, "MISC"), (17, 20, "CITY")]
    entities = tuple(Entity(i, a, b, label, text[a:b]) for i, (a, b, label) in enumerate(spans, start=1))
    document = Document("d", text, entities)
    [layout] = lay_out([text], tokenizer, 64)
    aligned, lost = align(document, layout, scheme, scheme.mapping("anercorp"))
    assert [(item.first, item.last, item.letters, item.types) for item in aligned] == [
        (1, 3, 0, ("NORP", "EVENT", "LAW", "WEAPON")),
        (1, 2, 0, ("PERS",)),
        (2, 3, 0, ("GPE", "LOC", "FAC")),
    ]
    assert [(item.what, item.cause) for item in lost] == [("CITY «امس»", "its label is not in the scheme")]
    # A label that the mapping ignores is no gold: it can be at an odd place and is not missed.
    odd = Document(
        "d", text, (Entity(1, 22, 25, "ORDINAL", text[22:25]), Entity(2, 4, 9, "ORDINAL", "بوتين"))
    )
    [seen], lost = align(odd, layout, scheme, scheme.mapping("ontonotes"))
    assert (seen.types, lost) == ((), [])


def test_a_span_at_a_cut_is_left_to_the_window_that_sees_it_whole(tokenizer: Any) -> None:
    """A part of a span, seen at a window's edge amid a sentence, once won over the whole."""
    [layout] = lay_out([" ".join(["كيم"] * 60) + ". " + "عاد بوتين"], tokenizer, 32)
    first, second = layout.windows[:2]
    assert first.last > second.first
    assert cut_short(layout, first, second.first + 1, first.last)
    # The very piece that both share is dropped by one of them only.
    assert not cut_short(layout, first, second.first, first.last)
    assert cut_short(layout, second, second.first, first.last)
    assert not cut_short(layout, second, second.first + 1, first.last)
    assert not cut_short(layout, first, 0, 2)  # the text begins there
    last = layout.windows[-1]
    assert not cut_short(layout, last, last.last - 1, last.last)  # and ends there


def test_proclitics_are_counted_in_letters(tokenizer: Any, scheme: Scheme, article: Document) -> None:
    [layout] = lay_out([article.text], tokenizer, 256)
    aligned, unreachable = align(article, layout, scheme)
    assert not unreachable
    letters = {item.entity.text: item.letters for item in aligned}
    assert letters["النرويج"] == 1
    assert letters["لجيش الأوكراني"] == 1
    assert letters["أوسلو"] == 0
    assert ARTICLE.count("]]") == len(aligned)
