from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from helpers import ARTICLE

from kashif.corpora.texts import text_digest
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.evaluation.doubt import KINDS, NOTHING, Doubt, models_in, of_article, unseen
from kashif.formats import Reading, plain
from kashif.modeling.probing import Probe
from kashif.scheme import Scheme


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    path = tmp_path / "a1.txt"
    path.write_text(ARTICLE, encoding="utf-8")
    [found] = plain.read(path)
    return found


def sure(document: Document, score: float = 0.97) -> Document:
    """A prediction that is the gold, with probabilities."""
    return replace(
        document,
        entities=tuple(replace(entity, score=score) for entity in document.entities),
        relations=tuple(replace(relation, score=score) for relation in document.relations),
    )


def probe(document: Document, others: dict[tuple[str, int, int], float] | None = None) -> Probe:
    spans = {(e.label, e.start, e.end): e.score or 0.0 for e in document.entities} | (others or {})
    return Probe(document, cast(Any, None), spans, np.zeros(1, np.float32))


def judged(reading: Reading, found: Probe, scheme: Scheme, **settings: Any) -> list[Doubt]:
    return of_article(reading, found, scheme=scheme, least=0.5, **settings)


def without(document: Document, id: int) -> Document:
    kept = tuple(r for r in document.relations if id not in (r.head, r.tail))
    return replace(document, entities=tuple(e for e in document.entities if e.id != id), relations=kept)


def changed(document: Document, id: int, **values: Any) -> Document:
    def one(entity: Entity) -> Entity:
        new = replace(entity, **values)
        return replace(new, text=document.text[new.start : new.end])

    return replace(document, entities=tuple(one(e) if e.id == id else e for e in document.entities))


def test_no_doubt_where_model_and_gold_agree_or_the_model_is_unsure(reading: Reading, scheme: Scheme) -> None:
    gold = reading.document
    assert judged(reading, probe(sure(gold)), scheme) == []
    unsure = changed(sure(gold, 0.7), 5, label="ORG")
    assert judged(reading, probe(unsure), scheme) == []


def test_a_mention_of_the_model_alone(reading: Reading, scheme: Scheme) -> None:
    bare = replace(reading, document=without(reading.document, 11), relation_lines=())
    [doubt] = judged(bare, probe(sure(reading.document)), scheme)
    number = reading.document.entity(11)
    assert (doubt.kind, doubt.gold, doubt.model) == ("unmarked mention", NOTHING, "QUANTITY «12 دبابة»")
    assert (doubt.start, doubt.end, doubt.confidence) == (number.start, number.end, 0.97)
    assert doubt.place == f"{reading.path}:2"
    assert "إلى أوكرانيا [12 دبابة] لـلجيش" in doubt.context


def test_a_mention_of_the_gold_alone_and_what_the_model_thinks_of_it(
    reading: Reading, scheme: Scheme
) -> None:
    lacking = probe(sure(without(reading.document, 6)))
    [doubt] = judged(reading, lacking, scheme)
    assert (doubt.kind, doubt.model, doubt.confidence) == ("doubtful mention", NOTHING, 0.99)
    date = reading.document.entity(6)
    for label, p in (("DATE", 0.04), ("EVENT", 0.06)):  # the gold itself, and what is like it
        found = probe(lacking.document, {(label, date.start, date.end): p})
        assert [each.confidence for each in judged(reading, found, scheme)] == [pytest.approx(1 - p)]
    assert judged(reading, probe(lacking.document, {("DATE", date.start, date.end): 0.3}), scheme) == []
    assert judged(reading, lacking, scheme, lost=[date]) == []


def test_gold_that_is_not_judged_is_no_nothing(reading: Reading, scheme: Scheme) -> None:
    """A name with a label that the model does not know was told as unmarked."""
    other = replace(reading, document=changed(reading.document, 5, label="GEP"))
    ends = [r for r in reading.document.relations if 5 in (r.head, r.tail)]
    assert judged(other, probe(sure(reading.document)), scheme, lost=[other.document.entity(5), *ends]) == []
    sends = next(r for r in reading.document.relations if r.label == "sends")
    gold = sure(reading.document)
    swapped = replace(gold, relations=(replace(sends, label="accuses", score=0.95),))
    kept = replace(reading, document=replace(reading.document, relations=(sends,)), relation_lines=(4,))
    assert judged(kept, probe(swapped), scheme, lost=[sends]) == []


def test_a_relation_that_is_not_judged_is_none_in_its_other_forms(reading: Reading, scheme: Scheme) -> None:
    """A symmetric one given both ways, or one to a mark that stands twice, was told at 1.00."""
    gold = changed(reading.document, 3, label="PERS")
    gold = replace(gold, entities=(*gold.entities, replace(gold.entity(5), id=20)))
    forms = tuple(Relation("meets", *pair) for pair in ((3, 5), (5, 3), (3, 20)))
    both = replace(reading, document=replace(gold, relations=forms), relation_lines=())
    bare = probe(sure(replace(gold, relations=())))
    assert [doubt.kind for doubt in judged(both, bare, scheme)] == ["doubtful relation"]
    for form in forms:
        assert judged(both, bare, scheme, lost=[form]) == []


def test_another_label_or_boundary(reading: Reading, scheme: Scheme) -> None:
    gold = sure(reading.document)
    name = gold.entity(5)
    for values, kind in (
        ({"label": "ORG"}, "other label"),
        ({"start": name.start + 5}, "other boundary"),
        ({"start": name.start + 5, "label": "ORG"}, "other boundary and label"),
    ):
        [doubt] = judged(reading, probe(changed(gold, 5, **values)), scheme)
        assert (doubt.kind, doubt.gold) == (kind, "PERS «إسبن بارت إيدي»")
        assert doubt.start == name.start


def test_what_is_nested_in_a_missed_mention_says_nothing_of_it(reading: Reading, scheme: Scheme) -> None:
    """The gold NORP inside the missed OCC is right: it is no other reading of the OCC."""
    [doubt] = judged(reading, probe(sure(without(reading.document, 3))), scheme)
    assert (doubt.kind, doubt.confidence) == ("doubtful mention", 0.99)


def test_relations(reading: Reading, scheme: Scheme) -> None:
    gold = sure(reading.document)
    kept = tuple(r for r in gold.relations if r.label != "sends")
    [doubt] = judged(reading, probe(replace(gold, relations=kept)), scheme)
    assert (doubt.kind, doubt.model, doubt.confidence) == ("doubtful relation", NOTHING, 1.0)
    assert doubt.gold == "sends GPE «النرويج» -> QUANTITY «12 دبابة»"
    assert doubt.place == f"{reading.path}:6"
    low = replace(gold, relations=(*kept, Relation("sends", 8, 11, 0.4)))
    assert judged(reading, probe(low), scheme) == []
    fewer = tuple(replace(r, score=None) for r in kept)
    bare = replace(reading, document=replace(reading.document, relations=fewer), relation_lines=(4, 5, 7))
    [doubt] = judged(bare, probe(gold), scheme)
    assert (doubt.kind, doubt.gold, doubt.confidence) == ("unmarked relation", NOTHING, 0.97)
    other = replace(gold, relations=(*kept, Relation("accuses", 8, 11, 0.95)))
    [doubt] = judged(reading, probe(other), scheme)
    assert doubt.kind == "other relation"
    assert doubt.model.startswith("accuses ")
    assert doubt.kind in KINDS


def test_a_relation_of_a_mention_that_is_in_doubt_itself_is_not_told(
    reading: Reading, scheme: Scheme
) -> None:
    [doubt] = judged(reading, probe(sure(without(reading.document, 11))), scheme)
    assert doubt.kind == "doubtful mention"


def fold(folder: Path, *, train: dict[str, str], development: dict[str, str] | None = None) -> Path:
    folder.mkdir(parents=True)
    rows = {"train": {"articles": train}, "development": {"articles": development or {}}}
    (folder / "manifest.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def test_each_article_goes_to_a_model_that_was_not_trained_on_it(tmp_path: Path) -> None:
    readings = [Reading(Document(id, f"نص {id}"), tmp_path / f"{id}.txt") for id in "abcd"]
    text = {r.document.id: text_digest(r.document.text) for r in readings}
    folds = [
        fold(tmp_path / "fold-1", train={"b": "", "c": text["c"], "other": text["d"]}),
        fold(tmp_path / "fold-2", train={"a": "", "c": text["c"], "d": ""}, development={"b": ""}),
    ]
    parts, notices = unseen(readings, folds)
    assert [(place.name, [r.document.id for r in part]) for place, part in parts] == [
        ("fold-1", ["a"]),
        ("fold-2", ["b"]),
    ]
    assert "passed over: 2 articles on which every model here was trained (c, d)" in notices[0]
    assert "1 articles selected the model that judges them" in notices[1]
    with pytest.raises(InputError, match="no article to judge; passed over: 1 articles"):
        unseen(readings[2:3], folds)
    other = [replace(readings[2], document=Document("c", "نص آخر"))]  # it was said to have been trained on
    with pytest.raises(
        InputError, match=r"1 articles with the ids of some .* \(c\), with other texts; rename"
    ):
        unseen(other, folds)
    (tmp_path / "fold-2" / "manifest.json").unlink()
    with pytest.raises(InputError, match="what the model was trained on is not known"):
        unseen(readings, folds)


def test_the_models_of_a_folder(trained: Path, tmp_path: Path) -> None:
    assert models_in(trained) == [trained]
    for name in ("fold-10", "fold-2"):
        (tmp_path / name).symlink_to(trained)
    (tmp_path / "fold-3").mkdir()
    assert models_in(tmp_path) == [tmp_path / "fold-2", tmp_path / "fold-10"]
    with pytest.raises(InputError, match="no folds of kashif crossvalidate"):
        models_in(tmp_path / "fold-3")
