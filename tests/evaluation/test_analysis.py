from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.evaluation import analysis
from kashif.evaluation.analysis import CAUSES, Analysis, analyse, like, tally, whys
from kashif.evaluation.scoring import score
from kashif.scheme import Scheme

TEXT = "زار وزير الدفاع الروسي بوتين مدينة كورسك"
MINISTER, RUSSIAN, PUTIN, KURSK = (4, 22, "OCC"), (16, 22, "NORP"), (23, 28, "PERS"), (29, 40, "GPE")
Span = tuple[int, int, str]


def document(spans: Iterable[Span], *relations: tuple[str, int, int, float | None]) -> Document:
    entities = tuple(
        Entity(i, start, end, label, TEXT[start:end]) for i, (start, end, label) in enumerate(spans, 1)
    )
    return Document("d", TEXT, entities, tuple(Relation(*relation) for relation in relations))


def causes(analysis: Analysis, side: str) -> list[tuple[str, str]]:
    return [(error.item[0], error.cause) for error in analysis.errors if error.side == side]


def test_a_missed_entity_is_explained_by_what_was_wrongly_predicted(scheme: Scheme) -> None:
    gold = document([MINISTER, RUSSIAN, PUTIN, KURSK])
    found = analyse(gold, document([(4, 15, "OCC"), (23, 28, "GPE"), (35, 40, "GPE")]), scheme=scheme)
    assert causes(found, "missed") == [
        ("OCC", "boundary wrong"),
        ("NORP", "missed"),
        ("PERS", "type wrong"),
        ("GPE", "boundary wrong"),
    ]
    assert causes(found, "spurious") == [
        ("OCC", "boundary wrong"),
        ("GPE", "type wrong"),
        ("GPE", "boundary wrong"),
    ]
    other = analyse(document([KURSK]), document([(23, 40, "LOC"), (0, 3, "PERS")]), scheme=scheme)
    assert causes(other, "missed") == [("GPE", "boundary and type wrong")]
    assert causes(other, "spurious") == [("PERS", "spurious"), ("LOC", "boundary and type wrong")]


def test_a_right_span_that_nests_explains_no_miss(scheme: Scheme) -> None:
    # The span is OCC and ORG at once; the OCC was found. And the NORP was found in a missed OCC.
    gold = document([MINISTER, (4, 22, "ORG"), RUSSIAN])
    assert causes(analyse(gold, document([MINISTER, RUSSIAN]), scheme=scheme), "missed") == [
        ("ORG", "missed")
    ]
    assert causes(analyse(document([MINISTER]), document([RUSSIAN]), scheme=scheme), "missed") == [
        ("OCC", "missed")
    ]


def test_what_is_unreachable_is_said_first(scheme: Scheme) -> None:
    gold = document([PUTIN, KURSK], ("visits", 1, 2, None))
    guess = document([(23, 28, "GPE")])
    lost = {gold.entities[0]: "a", gold.relations[0]: "b"}
    found = analyse(gold, guess, scheme=scheme, scored=guess, unreachable=lost)
    assert causes(found, "missed") == [("PERS", "unreachable"), ("GPE", "missed"), ("visits", "unreachable")]
    assert whys([found]) == {"a": 1, "b": 1}


def test_only_what_is_missed_counts_as_unreachable(scheme: Scheme) -> None:
    """Of two spans that overlap a model may give the second, which was told as missed while it was right."""
    gold = document([PUTIN, KURSK])
    lost = dict.fromkeys(gold.entities, "it overlaps a span")
    assert whys([analyse(gold, document([KURSK]), scheme=scheme, unreachable=lost)]) == {
        "it overlaps a span": 1
    }


def test_relations_that_a_scheme_has_none_of_are_no_errors(scheme: Scheme) -> None:
    gold = document([PUTIN, KURSK], ("visits", 1, 2, None))
    without = scheme.model_copy(update={"relations": {}})
    lost = {gold.relations[0]: "the scheme does not allow it"}
    assert analyse(gold, document([PUTIN, KURSK]), scheme=without, unreachable=lost).errors == ()


@pytest.mark.parametrize(
    ("spans", "predicted", "scored", "cause"),
    [
        ([KURSK], [], [], "head missed"),
        ([(23, 28, "GPE"), KURSK], [], [], "head missed"),
        ([PUTIN], [], [], "tail missed"),
        ([MINISTER], [], [], "head and tail missed"),
        ([PUTIN, KURSK], [], [("located_in", 2, 1, 0.1)], "pair not scored"),
        ([PUTIN, KURSK], [], [("visits", 1, 2, 0.2)], "below threshold"),
        ([PUTIN, KURSK], [], None, "not predicted"),
        ([PUTIN, KURSK], [("attacks", 1, 2, 0.9)], [("visits", 1, 2, 0.2)], "wrong label"),
        ([PUTIN, KURSK], [("attacks", 2, 1, 0.9)], None, "wrong label"),
        ([PUTIN, KURSK], [("visits", 2, 1, 0.9)], None, "wrong label"),
    ],
)
def test_a_missed_relation_has_one_cause(
    scheme: Scheme,
    spans: list[Span],
    predicted: list[tuple[str, int, int, float]],
    scored: list[tuple[str, int, int, float]] | None,
    cause: str,
) -> None:
    gold = document([PUTIN, KURSK], ("visits", 1, 2, None))
    guess = document(spans, *predicted)
    seen = None if scored is None else document(spans, *predicted, *scored)
    [error] = [
        e
        for e in analyse(gold, guess, scheme=scheme, scored=seen).errors
        if (e.side, e.view) == ("missed", "relations")
    ]
    assert error.cause == cause
    assert error.score == (0.2 if scored == [("visits", 1, 2, 0.2)] else None)


def test_a_right_relation_of_the_same_pair_explains_no_miss(scheme: Scheme) -> None:
    gold = document([PUTIN, KURSK], ("visits", 1, 2, None), ("attacks", 1, 2, None))
    found = analyse(gold, document([PUTIN, KURSK], ("attacks", 1, 2, 0.9)), scheme=scheme)
    assert causes(found, "missed") == [("visits", "not predicted")]


def test_spurious_relations(scheme: Scheme) -> None:
    gold = document([PUTIN, KURSK, RUSSIAN], ("visits", 1, 2, None))
    guess = document(
        [PUTIN, KURSK, RUSSIAN, (0, 3, "PERS")],
        ("visits", 4, 2, 0.9),
        ("attacks", 1, 2, 0.8),
        ("affiliation", 1, 3, 0.7),
    )
    found = [error for error in analyse(gold, guess, scheme=scheme).errors if error.side == "spurious"]
    assert {error.item[0]: (error.cause, error.score) for error in found} == {
        "visits": ("wrong argument", 0.9),
        "attacks": ("wrong label", 0.8),
        "affiliation": ("spurious", 0.7),
        "PERS": ("spurious", None),
    }


def test_the_report_tells_counts_and_shares(scheme: Scheme) -> None:
    gold, guess = document([MINISTER, PUTIN, KURSK]), document([(4, 15, "OCC"), PUTIN, RUSSIAN])
    report = score(
        [gold], [guess], name="x", scheme=scheme, errors=tally([analyse(gold, guess, scheme=scheme)])
    )
    assert report.causes("missed", "entities") == {"boundary wrong": (1, 1 / 3), "missed": (1, 1 / 3)}
    assert report.causes("spurious", "entities", "NORP") == {"spurious": (1, 1.0)}
    for asked, told in (  # the first said that there are no errors
        (("mised", "entities"), "no side 'mised' of errors; did you mean 'missed'"),
        (("missed", "entity"), "no view 'entity' of errors; did you mean 'entities'"),
        (("missed", "entities", "NOPR"), "no label 'NOPR' of entities in the report; did you mean 'NORP'"),
    ):
        with pytest.raises(InputError, match=told):
            report.causes(*asked)
    assert report.row()["errors"]["missed"]["entities"]["by label"] == {
        "OCC": {"boundary wrong": {"count": 1, "share": 1.0}},
        "GPE": {"missed": {"count": 1, "share": 1.0}},
    }


LABELS = ("PERS", "GPE", "ORG")
SPANS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 4), st.sampled_from(LABELS)).map(
        lambda at: (at[0], at[0] + at[1], at[2])
    ),
    max_size=6,
)


@st.composite
def documents(draw: st.DrawFn, spans: st.SearchStrategy[list[Span]] = SPANS) -> Document:
    found = draw(spans)
    ids = st.integers(1, max(1, len(found)))
    relations = st.tuples(st.sampled_from(("meets", "visits", "attacks")), ids, ids, st.just(0.9))
    return document(found, *draw(st.lists(relations, max_size=6 if found else 0)))


def explained(item: Span, wrong: set[Span]) -> set[str]:
    """What may be said of a span, worked out letter by letter."""
    letters = set(range(*item[:2]))
    said = set()
    for other in wrong:
        others = set(range(*other[:2]))
        if others == letters:
            said.add("type wrong")
        elif other[2] == item[2] and others & letters:
            said.add("boundary wrong")
        elif len(others & letters) > max(len(others), len(letters)) / 2:
            said.add("boundary and type wrong")
    return said


@settings(max_examples=100, deadline=None)
@given(gold=documents(), guess=documents(), data=st.data())
def test_every_error_of_the_score_has_one_cause_by_brute_force(
    scheme: Scheme, gold: Document, guess: Document, data: st.DataObject
) -> None:
    everything = [*gold.entities, *gold.relations]
    lost = data.draw(st.sets(st.sampled_from(everything)) if everything else st.just(set()))
    scored = data.draw(st.sampled_from([None, guess]))
    analysis = analyse(gold, guess, scheme=scheme, scored=scored, unreachable=dict.fromkeys(lost, "x"))
    report = score([gold], [guess], name="x", scheme=scheme, errors=tally([analysis]))
    for view in ("entities", "relations"):
        counts = report.measures[view].counts
        for side, total in (("missed", counts.fn), ("spurious", counts.fp)):
            assert sum(count for count, _ in report.causes(side, view).values()) == total
        for label, by_label in getattr(report, view).items():
            lacking = report.causes("missed", view, label)
            assert sum(count for count, _ in lacking.values()) == by_label.fn
    want, have = ({entity.key for entity in side.entities} for side in (gold, guess))
    order = list(CAUSES)
    for error in analysis.errors:
        if error.view == "entities":
            key = (error.item[1], error.item[2], error.item[0])
            said = explained(key, have - want if error.side == "missed" else want - have)
            said.add(error.side)
            if error.side == "missed" and any(e in lost for e in gold.entities if e.key == key):
                said.add("unreachable")
            assert error.cause == min(said, key=order.index)
        elif error.side == "missed" and error.cause != "unreachable":
            absent = [
                side for side, key in zip(("head", "tail"), error.item[1:], strict=True) if key not in have
            ]
            assert (error.cause == " and ".join(absent) + " missed") == bool(absent)


def test_many_errors_of_one_document_take_no_quadratic_time(
    scheme: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was compared with all of the other side: 8,000 missed ones took a minute."""
    compared = []
    monkeypatch.setattr(analysis, "like", lambda *both: compared.append(both) or like(*both))
    text, spans = "كيم " * 4000, [(4 * i, 4 * i + 3) for i in range(4000)]
    gold, guess = (
        Document("d", text, tuple(Entity(i, a, b, label, "كيم") for i, (a, b) in enumerate(spans[half::2])))
        for half, label in ((0, "PERS"), (1, "GPE"))
    )
    found = analyse(gold, guess, scheme=scheme)
    assert tally([found]) == {
        ("missed", "entities", "PERS", "missed"): 2000,
        ("spurious", "entities", "GPE", "spurious"): 2000,
    }
    assert len(compared) < 4 * 4000
