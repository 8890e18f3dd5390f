"""GLiNER prepares the items that are written for training; its words and places are ours."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kashif.arabic import words
from kashif.corpora.loading import load
from kashif.document import Document
from kashif.formats.writing import save

pytestmark = [pytest.mark.tools, pytest.mark.filterwarnings("default")]

CONFIG = {"max_width": 12, "max_len": 384, "max_types": 25, "max_neg_type_ratio": 0}
TOKENS = {
    "ent_token": "<<ENT>>",
    "sep_token": "<<SEP>>",
    "rel_token": "<<REL>>",
    "words_splitter_type": "whitespace",
}


def test_gliner_prepares_what_is_written(article: Document, tokenizer: Any, tmp_path: Path) -> None:
    processors = pytest.importorskip("gliner.data_processing.processor")
    save([article], "gliner", tmp_path / "a.json")
    items = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    processor = processors.RelationExtractionSpanProcessor(
        SimpleNamespace(**CONFIG, **TOKENS), tokenizer, None
    )
    batch = processor.collate_raw_batch(items)
    classes, relations = batch["id_to_classes"][0], batch["rel_id_to_classes"][0]
    places = [tuple(place) for place in batch["span_idx"][0].tolist()]
    labelled = {
        (classes[label], " ".join(items[0]["tokenized_text"][place[0] : place[1] + 1]))
        for place, label in zip(places, batch["span_label"][0].tolist(), strict=True)
        if label > 0
    }
    whole = {"فرنسا": "وفرنسا"}  # tokens are whole words
    assert labelled == {(e.label, whole.get(e.text, e.text)) for e in article.entities}
    spans = batch["entities"][0]
    found = {
        (relations[label], spans[head][2], spans[tail][2])
        for (head, tail), label in zip(
            batch["rel_idx"][0].tolist(), batch["rel_label"][0].tolist(), strict=True
        )
        if label > 0
    }
    by_id = article.by_id()
    assert found == {(r.label, by_id[r.head].label, by_id[r.tail].label) for r in article.relations}


def test_words_are_those_that_gliner_predicts_on(article: Document) -> None:
    """Its splitter parts words at vowel marks, which ours holds together; articles seldom have them."""
    splitters = pytest.importorskip("gliner.data_processing.tokenizer")
    split = splitters.WordsSplitter(splitter_type="whitespace")
    assert [(start, end) for _, start, end in split(article.text)] == words(article.text)


def test_what_gliner_s_splitter_makes_is_read(flat: Document, tmp_path: Path) -> None:
    splitters = pytest.importorskip("gliner.data_processing.tokenizer")
    parts = list(splitters.WordsSplitter(splitter_type="whitespace")(flat.text))
    first = {start: index for index, (_, start, _) in enumerate(parts)}
    last = {end: index for index, (_, _, end) in enumerate(parts)}
    ner = [[first[e.start], last[e.end], e.label] for e in flat.entities]
    item = {"tokenized_text": [part for part, _, _ in parts], "ner": ner, "relations": [[0, 1, "visits"]]}
    (tmp_path / "a.json").write_text(json.dumps([item]), encoding="utf-8")
    [document] = load(f"gliner:{tmp_path / 'a.json'}").documents
    assert (document.text, document.entities, document.relations) == (
        flat.text,
        flat.entities,
        flat.relations,
    )
