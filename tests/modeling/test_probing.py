from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from helpers import ARTICLE

from kashif.corpora import loading
from kashif.modeling import predictor as predictors
from kashif.modeling.decoding import BEGIN, INSIDE, decode
from kashif.modeling.predictor import Predictor
from kashif.modeling.probing import LEAST, candidates, probe


@pytest.fixture(scope="module")
def predictor(trained: Path) -> Predictor:
    return predictors.load(trained)


def random_tags(windows: int, words: int, labels: int) -> np.ndarray:
    return np.random.default_rng(0).dirichlet([0.3, 0.3, 0.3], (windows, words, labels)).astype(np.float32)


def test_candidates_are_all_spans_of_at_least_the_probability() -> None:
    tags, lengths = random_tags(3, 6, 2), [6, 4, 0]
    found = candidates(tags, lengths, least=LEAST)
    wanted = {}
    for window, length in enumerate(lengths):
        for label in range(2):
            for first, last in combinations(range(length + 1), 2):
                one = tags[window, :length, label].astype(float)
                going_on = one[last, INSIDE] if last < length else 0.0
                score = one[first, BEGIN] * one[first + 1 : last, INSIDE].prod() * (1 - going_on)
                if score >= LEAST:
                    wanted[window, first, last, label] = score
    have = dict(zip(map(tuple, found.columns.tolist()), found.score.tolist(), strict=True))
    assert have == pytest.approx(wanted)
    assert len(have) > 15


def test_what_is_decoded_is_among_the_candidates_with_the_same_probability() -> None:
    tags, lengths = random_tags(4, 9, 3), [9, 9, 5, 2]
    spans = decode(tags, lengths).above(LEAST)
    found = candidates(tags, lengths, least=LEAST)
    have = dict(zip(map(tuple, found.columns.tolist()), found.score.tolist(), strict=True))
    assert len(spans.score) > 10
    for columns, score in zip(spans.columns.tolist(), spans.score.tolist(), strict=True):
        assert have[tuple(columns)] == pytest.approx(score, abs=1e-5)


def test_no_candidates_where_nothing_is_likely() -> None:
    assert candidates(np.zeros((2, 3, 1, 3), np.float32), [3, 1], least=LEAST).columns.shape == (0, 4)


def test_a_probe_is_the_prediction_and_more(predictor: Predictor, trained: Path) -> None:
    [gold] = loading.load(str(trained.parent.parent / "annotations" / "one")).documents
    texts = [("a", gold.text), ("b", "قصير"), ("c", " "), ("d", ARTICLE)]
    found = list(probe(predictor, texts))
    assert [each.document for each in found] == predictor.predict_documents(texts, threshold=0.0)
    for each in found:
        for entity in each.document.entities:
            assert each.spans[entity.label, entity.start, entity.end] == entity.score
        for _, start, end in each.spans:
            assert 0 <= start < end <= len(each.document.text)
    assert {(e.label, e.start, e.end) for e in gold.entities} <= found[0].spans.keys()
    assert not found[2].vector.any()
    assert not found[2].spans
    [alone] = probe(predictor, texts[:1])
    assert alone.spans == pytest.approx(found[0].spans, abs=1e-4)
    np.testing.assert_allclose(alone.vector, found[0].vector, atol=1e-4)
