"""DocBin files that spaCy makes are read, and spaCy reads and trains on those that are written."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashif import formats
from kashif.corpora.loading import load
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats.writing import save

pytestmark = [pytest.mark.tools, pytest.mark.filterwarnings("default")]


@pytest.fixture
def spacy() -> Any:
    found = pytest.importorskip("spacy")
    found.tokens.Doc.set_extension("rel", default={}, force=True)  # as the tutorial rel_component does
    return found


def docs(spacy: Any, path: Path) -> list[Any]:
    return list(spacy.tokens.DocBin().from_disk(path).get_docs(spacy.blank("ar").vocab))


def names(spans: Any) -> list[tuple[str, str]]:
    return [(span.label_, span.text) for span in spans]


def test_spacy_reads_what_is_written(spacy: Any, article: Document, tmp_path: Path) -> None:
    path = tmp_path / "a.spacy"
    losses = save([article, Document("empty", ""), Document("blank", " \n ")], "spacy", path)
    assert losses == ["a1: 1 spans in others stand in doc.spans['sc'], not in doc.ents"]
    doc, empty, blank = docs(spacy, path)
    assert (doc.text, empty.text, blank.text) == (article.text, "", " \n ")
    marks = [(entity.label, entity.text) for entity in article.entities]
    assert names(doc.spans["sc"]) == marks
    assert names(doc.ents) == [mark for mark in marks if mark[0] != "NORP"]
    occupation, nationality, person, place, country, union = doc.spans["sc"]
    found = {ends: labels for ends, labels in doc._.rel.items() if labels}
    assert found == {
        (person.start, occupation.start): {"occupation": 1.0},
        (person.start, nationality.start): {"affiliation": 1.0},
        (person.start, place.start): {"visits": 1.0},
        (country.start, union.start): {"member": 1.0},
    }
    assert {(a.start, b.start) for a, b in product(doc.ents, doc.ents) if a != b} <= set(doc._.rel)
    corpus = load(f"spacy+spans=sc:{path}")
    [again, *_] = corpus.documents
    assert not corpus.notices
    assert sorted(again.relations, key=str) == sorted(article.relations, key=str)
    assert replace(again, relations=article.relations) == article


def test_a_file_of_ours_is_written_again(spacy: Any, article: Document, tmp_path: Path) -> None:
    """It was refused: of spans in others, and their relations, only ``doc.ents`` was looked at."""
    start = article.entities[0].start
    inner = Entity(90, start, start + 1, "X", article.text[start])
    lost = Relation("r", inner.id, article.entities[1].id)
    whole = replace(article, entities=(*article.entities, inner), relations=(*article.relations, lost))
    for number in range(2):
        save([whole], "spacy", f"{tmp_path}/a/")
        scored = tuple(replace(entity, score=0.5 + number / 10) for entity in article.entities)
        save([replace(article, entities=scored, relations=())], "spacy", f"{tmp_path}/model/")
    before = (tmp_path / "a" / f"{article.id}.spacy").read_bytes()
    with pytest.raises(InputError, match="holds 1 marks of people's, which would be lost"):
        save(
            [replace(whole, entities=whole.entities[:-1], relations=article.relations)],
            "spacy",
            f"{tmp_path}/a/",
        )
    assert (tmp_path / "a" / f"{article.id}.spacy").read_bytes() == before


def test_spacy_trains_on_what_is_written(spacy: Any, article: Document, tmp_path: Path) -> None:
    from spacy.training import Corpus

    save([article], "spacy", tmp_path / "a.spacy")
    corpus = Corpus(tmp_path / "a.spacy", gold_preproc=True)
    nlp = spacy.blank("ar")
    nlp.add_pipe("ner")
    nlp.add_pipe("spancat", config={"spans_key": "sc"})
    nlp.initialize(lambda: corpus(nlp))
    losses = nlp.update(list(corpus(nlp)))
    assert set(nlp.get_pipe("ner").labels) == {"OCC", "PERS", "GPE", "ORG"}
    assert set(nlp.get_pipe("spancat").labels) == {"OCC", "NORP", "PERS", "GPE", "ORG"}
    assert all(numpy.isfinite(loss) and loss > 0 for loss in losses.values())


def made(spacy: Any) -> Any:
    """A document of spaCy's own words, annotated as the tutorial does it."""
    doc = spacy.blank("ar")("زار إيمانويل ماكرون بيروت وباريس.")
    span = spacy.tokens.Span
    doc.ents = [span(doc, 1, 3, label="PERS"), span(doc, 3, 4, label="GPE", kb_id="Q3820")]
    starts = [ent.start for ent in doc.ents]
    doc._.rel = {pair: {"visits": 0.0} for pair in product(starts, starts)}
    doc._.rel[1, 3]["visits"] = 1.0
    return doc


def test_what_spacy_makes_is_read(spacy: Any, tmp_path: Path) -> None:
    doc = made(spacy)
    doc.spans["people"] = [spacy.tokens.Span(doc, 1, 2, label="FIRST"), doc.ents[0]]
    path = tmp_path / "b.spacy"
    spacy.tokens.DocBin(store_user_data=True, docs=[doc]).to_disk(path)
    [document] = (corpus := load(str(path))).documents
    assert (document.id, document.text) == ("b-00001", doc.text)
    assert [(e.label, e.text) for e in document.entities] == [("PERS", "إيمانويل ماكرون"), ("GPE", "بيروت")]
    assert document.relations == (Relation("visits", 1, 2),)
    assert corpus.notices == (
        f"{path}: 1 links of entities to a knowledge base are left out",
        f"{path}: 1 spans of the span group 'people' are left out; spacy+spans=people:PATH reads them",
    )
    [document] = (corpus := load(f"spacy+spans=people:{path}")).documents
    assert [(e.label, e.text) for e in document.entities] == [
        ("FIRST", "إيمانويل"),
        ("PERS", "إيمانويل ماكرون"),
    ]
    assert corpus.notices == (
        f"{path}: 1 relations of tokens that no entity begins with are left out",
        f"{path}: 1 spans of doc.ents are left out",
    )
    with pytest.raises(InputError, match="no span group 'peple'; did you mean 'people'"):
        load(f"spacy+spans=peple:{path}")


def test_scores_of_the_pipes_are_read(spacy: Any, tmp_path: Path) -> None:
    """They are numbers of numpy, in the group's attributes and in the relations."""
    doc = made(spacy)
    doc.spans["sc"] = list(doc.ents)
    doc.spans["sc"].attrs["scores"] = numpy.array([0.75, 0.5], dtype="float32")
    doc._.rel = {
        (1, 3): {"visits": numpy.float32(0.875), "leaves": numpy.float32(0.25)},
        (3, 1): {"visits": 0.0},
    }
    path = tmp_path / "b.spacy"
    spacy.tokens.DocBin(store_user_data=True, docs=[doc]).to_disk(path)
    [document] = (corpus := load(f"spacy+spans=sc:{path}")).documents
    assert [entity.score for entity in document.entities] == [0.75, 0.5]
    assert document.relations == (Relation("visits", 1, 2, 0.875),)
    assert f"{path}: 1 relations with a score below 0.5 are left out" in corpus.notices


def test_spacy_takes_prodigy_s_lines(spacy: Any, article: Document, tmp_path: Path) -> None:
    """As the tutorial rel_component makes its documents of Prodigy's export."""
    save([article], "prodigy", tmp_path / "a.jsonl")
    row = json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8"))
    tokens = row["tokens"]
    words, spaces = [token["text"] for token in tokens], [token["ws"] for token in tokens]
    doc = spacy.tokens.Doc(spacy.blank("ar").vocab, words=words, spaces=spaces)
    assert doc.text == article.text
    assert [token.idx for token in doc] == [token["start"] for token in tokens]
    spans = [doc.char_span(span["start"], span["end"], label=span["label"]) for span in row["spans"]]
    assert names(spans) == [(entity.label, entity.text) for entity in article.entities]
    places = [(span["token_start"], span["token_end"]) for span in row["spans"]]
    assert [(span.start, span.end - 1) for span in spans] == places
    last = {entity.id: span.end - 1 for entity, span in zip(article.entities, spans, strict=True)}
    ends = [(relation["head"], relation["child"]) for relation in row["relations"]]
    assert ends == [(last[relation.head], last[relation.tail]) for relation in article.relations]


def test_what_is_no_docbin_is_told(spacy: Any, tmp_path: Path) -> None:
    path = tmp_path / "c.spacy"
    path.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"c\.spacy: not a DocBin that can be read"):
        load(str(path))
    doc = made(spacy)
    doc._.rel = {(1, 3): "visits"}
    spacy.tokens.DocBin(store_user_data=True, docs=[doc]).to_disk(path)
    with pytest.raises(
        InputError, match=r"document 1: doc\._\.rel is \{\(head, tail\): \{label: score\}\}, found"
    ):
        load(str(path))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Documents with any spans, which nest, cross and begin inside words, all scored or none."""
    text = draw(st.text(alphabet="ابو \n.\u064e\u200c😀", min_size=1, max_size=30))
    scored = draw(st.booleans())
    score = st.sampled_from([0.5, 0.75]) if scored else st.none()
    entities = []
    for id in range(1, draw(st.integers(0, 5)) + 1):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        label = draw(st.sampled_from(["شخص", "ORG"]))
        entities.append(Entity(id, start, end, label, text[start:end], None, draw(score)))
    pairs = list(product([entity.id for entity in entities], repeat=2))
    ends = draw(st.lists(st.sampled_from(pairs), max_size=3, unique=True)) if pairs else []
    relations = tuple(Relation("r", *pair, draw(score)) for pair in ends)
    return Document("d", text, tuple(entities), relations, {"n": [1, {"a": None}]})


@settings(max_examples=200, deadline=None)
@given(document=documents())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, document: Document) -> None:
    pytest.importorskip("spacy")
    path = tmp_path_factory.mktemp("round") / "d.spacy"
    losses = save([document], "spacy", path)
    [reading] = (
        formats.read(path, "spacy", options=(("spans", "sc"),))
        if document.entities
        else formats.read(path, "spacy")
    )
    again = reading.document
    assert (again.id, again.text, again.meta) == (document.id, document.text, document.meta)
    assert again.entities == document.entities
    lost = len(document.relations) - len(again.relations)
    assert set(again.relations) <= set(document.relations)
    assert sum(f"{lost} relations of spans that a longer one begins with" in loss for loss in losses) == bool(
        lost
    )
