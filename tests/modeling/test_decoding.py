from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashif.document import Document
from kashif.folding import FoldedText
from kashif.modeling import decoding
from kashif.modeling.decoding import ScoredRelation, ScoredSpan
from kashif.modeling.windows import Layout, Window
from kashif.scheme import RelationType, Scheme


def likeliest(rows: np.ndarray) -> tuple[int, ...]:
    """The tags ``[word]`` of highest probability without an I behind O or at the beginning."""
    paths = [
        tags
        for tags in itertools.product(range(3), repeat=len(rows))
        if all(tag != decoding.INSIDE or before != 0 for before, tag in itertools.pairwise((0, *tags)))
    ]
    return max(paths, key=lambda tags: np.prod(rows[range(len(rows)), tags]))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_decoder_agrees_with_brute_force(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    types = data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    probabilities = rng.dirichlet([0.5] * 3, size=(len(lengths), max(lengths), types)).astype(np.float32)
    expected = {}
    for window, length in enumerate(lengths):
        for kind in range(types):
            rows = probabilities[window, :length, kind].astype(float)
            tags = likeliest(rows)
            for first in (i for i, tag in enumerate(tags) if tag == decoding.BEGIN):
                last = first + 1
                while last < length and tags[last] == decoding.INSIDE:
                    last += 1
                ending = 1 - rows[last, decoding.INSIDE] if last < length else 1
                expected[window, first, last, kind] = (
                    np.prod(rows[range(first, last), tags[first:last]]) * ending
                )
    found = decoding.decode(probabilities, lengths)
    spans = list(
        zip(*(getattr(found, f).tolist() for f in ("window", "first", "last", "label")), strict=True)
    )
    assert len(spans) == len(set(spans))
    assert dict(zip(spans, found.score.tolist(), strict=True)) == pytest.approx(expected, rel=1e-4)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_pairs_agree_with_brute_force(data: st.DataObject, scheme: Scheme) -> None:
    uneven = RelationType(head=("GPE",), tail=("ORG",), symmetric=True)
    scheme = Scheme(entities=scheme.entities, relations={**scheme.relations, "uneven": uneven})
    spans = sorted(
        data.draw(
            st.lists(
                st.tuples(st.integers(0, 1), st.integers(0, 8), st.integers(1, 3), st.integers(0, 12)),
                max_size=8,
            )
        )
    )
    columns = np.array([(w, f, f + n, t) for w, f, n, t in spans], np.int64).reshape(-1, 4)
    sentence = [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    given_spans = decoding.Spans.of(columns)
    assert np.array_equal(given_spans.columns, columns)
    found = decoding.candidate_pairs(given_spans, lambda window: sentence, scheme=scheme)
    got = {
        (head, tail, scheme.relation_labels[label])
        for head, tail, row in zip(found.head.tolist(), found.tail.tolist(), found.allowed, strict=True)
        for label in np.flatnonzero(row)
    }
    expected = set()
    for i, (wi, fi, li, ti) in enumerate(columns.tolist()):
        for j, (wj, fj, lj, tj) in enumerate(columns.tolist()):
            if i == j or wi != wj or abs(sentence[fi] - sentence[fj]) > 1 or (fi < lj and fj < li):
                continue
            for name, relation in scheme.relations.items():
                ordered = not relation.symmetric or fi < fj
                if scheme.allows(name, scheme.labels[ti], scheme.labels[tj]) and ordered:
                    expected.add((i, j, name))
    assert got == expected
    for head, tail, distance in zip(found.head, found.tail, found.distance, strict=True):
        assert (distance > 0) == (columns[head][1] < columns[tail][1])
    crossed = [
        sentence[columns[h][1]] != sentence[columns[t][1]]
        for h, t in zip(found.head, found.tail, strict=True)
    ]
    assert found.cross_sentence.tolist() == crossed


def layout(text: str) -> Layout:
    words, start = [], 0
    for word in text.split(" "):
        words.append((start, start + len(word)))
        start += len(word) + 1
    return Layout(
        FoldedText(text), words, [0] * len(words), [Window(0, [], [0] * len(words), [0] * len(words))]
    )


def merge(
    text: str, spans: Iterable[ScoredSpan], relations: Iterable[ScoredRelation], scheme: Scheme
) -> Document:
    return decoding.merge_windows(
        "d", text, layout=layout(text), spans=spans, relations=relations, scheme=scheme
    )


def test_windows_are_merged_by_the_highest_score(scheme: Scheme) -> None:
    text = "زار بوتين وموسكو"
    person, place = scheme.labels.index("PERS"), scheme.labels.index("GPE")
    visits = scheme.relation_labels.index("visits")
    spans = [
        ScoredSpan((1, 2, person), 0, 0.6),
        ScoredSpan((1, 2, person), 0, 0.9),
        ScoredSpan((2, 3, place), 0, 0.5),
        ScoredSpan((2, 3, place), 1, 0.8),
    ]
    relations = [ScoredRelation((1, 2, person), (2, 3, place), visits, score) for score in (0.7, 0.6)]
    document = merge(text, spans, relations, scheme)
    assert [(e.text, e.label, e.score) for e in document.entities] == [
        ("بوتين", "PERS", 0.9),
        ("موسكو", "GPE", 0.8),
    ]
    assert [(r.label, r.score) for r in document.relations] == [("visits", 0.7)]


def test_spans_lose_punctuation_at_their_edges_where_the_scheme_says_so(scheme: Scheme) -> None:
    text = "« أوسلو » ، 40 % من مايو ( أيار ) ،"
    gpe, quantity, date, org = (scheme.labels.index(label) for label in ("GPE", "QUANTITY", "DATE", "ORG"))
    keys = [(0, 3, gpe), (4, 6, quantity), (7, 12, date), (3, 4, org)]
    spans = [ScoredSpan(key, 0, 0.9) for key in keys]
    relations = [
        ScoredRelation((0, 3, gpe), (7, 12, date), 0, 0.9),
        ScoredRelation((3, 4, org), (4, 6, 0), 0, 0.9),
    ]
    document = merge(text, spans, relations, scheme)
    assert [e.text for e in document.entities] == ["أوسلو", "40 %", "مايو ( أيار )"]
    assert [(r.head, r.tail) for r in document.relations] == [(1, 3)]
    free = scheme.model_copy(update={"closing": None})
    kept = merge(text, spans, [], free).entities
    assert [e.text for e in kept] == ["« أوسلو »", "،", "40 %", "مايو ( أيار ) ،"]


def test_spans_are_ordered_and_in_conflict_as_they_are_without_punctuation(scheme: Scheme) -> None:
    """Both once went by the untrimmed spans: inner ones came first, and what was left could cross."""
    text = "جمعية ( مايو )"
    org, gpe, date = (scheme.labels.index(label) for label in ("ORG", "GPE", "DATE"))

    def told(*spans: tuple[decoding.SpanKey, float]) -> list[tuple[int, str, str]]:
        scored = [ScoredSpan(key, 0, score) for key, score in spans]
        return [(e.id, e.label, e.text) for e in merge(text, scored, [], scheme).entities]

    assert told(((2, 4, gpe), 0.9), ((2, 4, date), 0.8)) == [(1, "DATE", "مايو )"), (2, "GPE", "مايو")]
    assert told(((0, 4, org), 0.9), ((1, 4, date), 0.8)) == [(1, "ORG", "جمعية ( مايو")]
    assert told(((2, 3, gpe), 0.7), ((1, 4, gpe), 0.9)) == [(1, "GPE", "مايو")]


def test_conflicting_spans_lose_to_the_more_probable(scheme: Scheme) -> None:
    text = "ا ب ج د"
    org, gpe = scheme.labels.index("ORG"), scheme.labels.index("GPE")
    keys = {(0, 2, org): 0.9, (1, 3, org): 0.8, (1, 4, gpe): 0.7, (1, 2, gpe): 0.6}
    spans = [ScoredSpan(key, 0, score) for key, score in keys.items()]
    document = merge(text, spans, [ScoredRelation((0, 2, org), (1, 4, gpe), 0, 0.9)], scheme)
    assert [(e.label, e.text) for e in document.entities] == [("ORG", "ا ب"), ("GPE", "ب")]
    assert document.relations == ()


def test_spans_of_a_flat_scheme_never_overlap() -> None:
    text, scheme = "ا ب ج د ه", Scheme(entities={"A": "", "B": ""}, nested=False)
    rng = np.random.default_rng(0)
    for _ in range(50):
        bounds = [sorted(rng.choice(6, 2, replace=False).tolist()) for _ in range(6)]
        spans = {(a, b, int(rng.integers(2))): float(rng.random()) for a, b in bounds}
        expected: set[tuple[int, int, int]] = set()
        for key in sorted(spans, key=lambda key: -spans[key]):
            if all(key[1] <= other[0] or other[1] <= key[0] for other in expected):
                expected.add(key)
        scored = [ScoredSpan(key, 0, score) for key, score in spans.items()]
        found = merge(text, scored, [], scheme).entities
        assert {(e.start // 2, (e.end + 1) // 2, scheme.labels.index(e.label)) for e in found} == expected


def test_nothing_gives_nothing(scheme: Scheme) -> None:
    empty = decoding.decode(np.zeros((1, 0, 13, 3), np.float32), [0])
    assert len(empty.first) == 0
    assert len(decoding.candidate_pairs(empty, lambda window: [], scheme=scheme).head) == 0
    document = decoding.merge_windows(
        "d", "", layout=Layout(FoldedText(""), [], [], []), spans=[], relations=[], scheme=scheme
    )
    assert document == Document("d", "")


def test_normal_form_uses_evidence_in_the_article(scheme: Scheme) -> None:
    text = "الجيش هنا سلمه للجيش"
    org = scheme.labels.index("ORG")
    spans = [ScoredSpan((0, 1, org), 0, 0.9), ScoredSpan((3, 4, org), 1, 0.9)]
    [first, second] = merge(text, spans, [], scheme).entities
    assert (first.normal, second.text, second.normal) == ("الجيش", "لجيش", "الجيش")
