from __future__ import annotations

from itertools import combinations

from kashif.corpora import mapping
from kashif.document import Document, Entity
from kashif.scheme import Mapping, Scheme

TEXT = "زار وزير الخارجية الروسي وبوتين كييف"


def document(*spans: tuple[str, str, float]) -> Document:
    entities = (
        Entity(i, TEXT.index(mention), TEXT.index(mention) + len(mention), label, mention, score=score)
        for i, (mention, label, score) in enumerate(spans)
    )
    return Document("d", TEXT, tuple(entities))


def told(found: Document) -> set[tuple[str, str]]:
    return {(entity.text, entity.label) for entity in found.entities}


def test_labels_that_share_a_type_go_by_one_name(scheme: Scheme) -> None:
    names = mapping.names(scheme.mapping("wojood"))
    assert names["TIME"] == names["DATE"] == "DATE/TIME"
    assert names["PERCENT"] == "CARDINAL/QUANTITY/PERCENT"
    assert names["ORG"] == "ORG"
    assert "ORDINAL" not in names
    assert mapping.merged(scheme.mapping("wojood")).labels[:2] == ("PERS", "OCC")
    chain = Mapping(labels={"A": ("PERS",), "B": ("ORG",), "C": ("PERS", "ORG"), "D": ("GPE",)})
    assert mapping.names(chain) == {"A": "A/B/C", "B": "A/B/C", "C": "A/B/C", "D": "D"}


def test_predictions_take_the_foreign_labels_over_whole_words(scheme: Scheme) -> None:
    found = document(
        ("بوتين", "PERS", 0.9), ("كييف", "FAC", 0.8), ("زار", "DATE", 0.7), ("الروسي", "NORP", 0.9)
    )
    assert told(mapping.predicted(found, scheme.mapping("anercorp"))) == {
        ("وبوتين", "PERS"),
        ("كييف", "LOC"),
        ("الروسي", "MISC"),
    }
    assert ("بوتين", "PERSON") in told(mapping.predicted(found, scheme.mapping("ontonotes")))


def test_of_nested_predictions_a_flat_corpus_gets_the_outermost_it_has_a_label_for(scheme: Scheme) -> None:
    found = document(
        ("وزير الخارجية الروسي", "OCC", 0.9),
        ("الخارجية الروسي", "ORG", 0.9),
        ("الروسي", "NORP", 0.9),
        ("كييف", "ORG", 0.6),
        ("كييف", "GPE", 0.7),
    )
    assert told(mapping.predicted(found, scheme.mapping("anercorp"))) == {
        ("الخارجية الروسي", "ORG"),
        ("كييف", "LOC"),
    }
    assert len(mapping.predicted(found, scheme.mapping("wojood")).entities) == 5


def test_gold_takes_the_same_names_without_what_is_ignored(scheme: Scheme) -> None:
    gold = document(("زار", "TIME", 1), ("كييف", "ORDINAL", 1), ("الروسي", "NORP", 1))
    wojood = scheme.mapping("wojood")
    assert told(mapping.gold(gold, wojood)) == {("زار", "DATE/TIME"), ("الروسي", "NORP")}
    said = mapping.notices([gold, gold], scheme, wojood)
    assert "left out of the gold, the mapping ignores the label: 2 ORDINAL" in said
    assert "scored as one label, a type of ours may be either: DATE/TIME" in said
    assert not any("outermost" in line for line in said)
    assert not any("no label of the corpus stands for" in line for line in said)
    assert (
        "not every mention is marked there, so precision is a lower bound:"
        " OCC, LAW, DATE/TIME, CARDINAL/QUANTITY/PERCENT, MONEY, PRODUCT"
    ) in said
    whole = wojood.model_copy(update={"complete": scheme.labels})
    assert not any("lower bound" in line for line in mapping.notices([], scheme, whole))
    flat = mapping.notices([], scheme, scheme.mapping("anercorp"))
    assert flat == [
        "not every mention is marked there, so precision is a lower bound: LOC, ORG, MISC",
        "not counted in the predictions, no label of the corpus stands for them: OCC, DATE, QUANTITY, MONEY",
        "spans are compared over whole words, proclitics included",
        "of nested predictions only the outermost count",
    ]


def test_whole_words_have_no_invisible_edges(scheme: Scheme) -> None:
    text = "زار \u200fو\u200dبوتين\u200e"
    for start, end in ((4, 13), (5, 12), (7, 12), (8, 13)):
        gold = Document("d", text, (Entity(1, start, end, "PERS", text[start:end]),))
        [found] = mapping.gold(gold, scheme.mapping("wojood")).entities
        assert (found.start, found.end) == (5, 12)


def test_whole_words_are_all_that_a_span_touches(scheme: Scheme) -> None:
    for start, end in combinations(range(len(TEXT) + 1), 2):
        gold = Document("d", TEXT, (Entity(1, start, end, "PERS", TEXT[start:end]),))
        [found] = mapping.gold(gold, scheme.mapping("wojood")).entities
        touched = set(range(start, end))
        at = 0
        for word in TEXT.split():
            if touched & set(range(at, at + len(word))):
                touched |= set(range(at, at + len(word)))
            at += len(word) + 1
        assert set(range(found.start, found.end)) == touched
