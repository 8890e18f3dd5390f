from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from kashif import thresholds
from kashif.document import Document, Entity, Relation
from kashif.scheme import Scheme
from kashif.scoring import Counts, relation_items

LABELS = ("meets", "accuses", "cooperates_with")
TEXT = " ".join(["كيم"] * 6)
ENTITIES = tuple(Entity(i + 1, 4 * i, 4 * i + 3, "PERS", "كيم") for i in range(6))
PAIRS = list(itertools.combinations(range(1, 7), 2))


def drawn(seed: int, articles: int = 2) -> tuple[list[Document], list[Document]]:
    """Gold, and predictions with threshold 0 whose scores are few enough to tie."""
    rng = random.Random(seed)
    gold, predicted = [], []
    for index in range(articles):
        want = [Relation(label, *pair) for label in LABELS for pair in PAIRS if rng.random() < 0.15]
        have = [
            Relation(label, *pair, score=rng.randrange(1, 10) / 10)
            for label in LABELS
            for pair in PAIRS
            if rng.random() < 0.3
        ]
        have += [Relation(r.label, r.head, r.tail, rng.randrange(4, 11) / 10) for r in want[::2]]
        unique = {(r.label, r.head, r.tail): r for r in have}
        gold.append(Document(f"d{index}", TEXT, ENTITIES, tuple(want)))
        predicted.append(Document(f"d{index}", TEXT, ENTITIES, tuple(unique.values())))
    return gold, predicted


def f1(
    gold: list[Document], predicted: list[Document], scheme: Scheme, least: dict[str, float]
) -> float | None:
    """Brute force: the relations under their threshold are taken out of the documents."""
    counts = Counts()
    for want, have in zip(gold, predicted, strict=True):
        kept = tuple(r for r in have.relations if r.score is not None and r.score >= least[r.label])
        left = Document(have.id, have.text, have.entities, kept)
        counts += Counts.of(relation_items(want, scheme), relation_items(left, scheme))
    return counts.f1


GRID = [0.05 + step / 10 for step in range(10)]


@pytest.mark.parametrize("seed", range(12))
def test_one_threshold_meets_brute_force(scheme: Scheme, seed: int) -> None:
    gold, predicted = drawn(seed)
    best = thresholds.best_threshold(gold, predicted, scheme)
    every = dict.fromkeys(LABELS, best)
    assert f1(gold, predicted, scheme, every) == max(
        f1(gold, predicted, scheme, dict.fromkeys(LABELS, cut)) or 0 for cut in GRID
    )


@pytest.mark.parametrize("seed", range(12))
def test_thresholds_of_all_labels_together_meet_brute_force(
    scheme: Scheme, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thresholds, "LEAST_GOLD", 0)
    gold, predicted = drawn(seed)
    table = thresholds.outcomes(gold, predicted, scheme)
    best = thresholds.chosen(table, per_label=True)
    expected = max(
        f1(gold, predicted, scheme, dict(zip(LABELS, cuts, strict=True))) or 0
        for cuts in itertools.product(GRID, repeat=3)
    )
    assert f1(gold, predicted, scheme, best) == expected
    assert thresholds.counted(table, best).f1 == expected
    single = thresholds.best_threshold(gold, predicted, scheme)
    assert expected >= (thresholds.counted(table, dict.fromkeys(LABELS, single)).f1 or 0)


def test_labels_with_little_gold_keep_the_threshold_of_all(
    scheme: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold, predicted = drawn(4, articles=6)
    number = {label: sum(r.label == label for d in gold for r in d.relations) for label in LABELS}
    least = max(number.values())
    monkeypatch.setattr(thresholds, "LEAST_GOLD", least)
    best = thresholds.chosen(thresholds.outcomes(gold, predicted, scheme), per_label=True)
    single = thresholds.best_threshold(gold, predicted, scheme)
    assert set(best) == set(scheme.relation_labels)
    assert {best[label] for label in best if number.get(label, 0) < least} == {single}


def one(*scores: tuple[float, bool]) -> tuple[list[Document], list[Document]]:
    """One article with a relation for each probability, right or not."""
    made = [(Relation("accuses", *pair, score=s), hit) for pair, (s, hit) in zip(PAIRS, scores, strict=False)]
    gold = Document("d", TEXT, ENTITIES, tuple(r for r, hit in made if hit))
    return [gold], [Document("d", TEXT, ENTITIES, tuple(r for r, _ in made))]


def test_equals_go_to_the_nearest_of_the_default(scheme: Scheme) -> None:
    assert thresholds.best_threshold(*one((0.9, True), (0.2, False)), scheme) == 0.5
    assert thresholds.best_threshold(*one((0.4, True), (0.2, False)), scheme) == pytest.approx(0.3)
    # The first alone or all four: F1 is 2/3 both ways, and 0.8 is nearer than 0.05.
    scores = ((0.9, True), (0.7, False), (0.3, False), (0.1, True))
    assert thresholds.best_threshold(*one(*scores), scheme) == pytest.approx(0.8)
    assert thresholds.best_threshold(*one((0.9, False)), scheme) == 0.5
    assert thresholds.best_threshold([], [], scheme) == 0.5


def test_cross_fitting_measures_each_half_by_the_other_s_choice(scheme: Scheme) -> None:
    gold, predicted = drawn(5, articles=7)
    order = random.Random(0).sample(range(7), 7)
    halves = [order[:3], order[3:]]
    expected = Counts()
    for chosen_on, measured_on in (halves, halves[::-1]):
        best = thresholds.best_threshold(
            [gold[i] for i in chosen_on], [predicted[i] for i in chosen_on], scheme
        )
        table = thresholds.outcomes(
            [gold[i] for i in measured_on], [predicted[i] for i in measured_on], scheme
        )
        expected += thresholds.counted(table, dict.fromkeys(scheme.relation_labels, best))
    found = thresholds.cross_fitted(gold, predicted, scheme, per_label=False)
    assert found == expected
    assert found.tp + found.fn == sum(len(relation_items(d, scheme)) for d in gold)
    assert thresholds.cross_fitted(gold[:1], predicted[:1], scheme, per_label=False) is None


def test_labels_that_the_scheme_lacks_count_as_missed(scheme: Scheme) -> None:
    gold = [Document("d", TEXT, ENTITIES, (Relation("praises", 1, 2),))]
    table = thresholds.outcomes(gold, [Document("d", TEXT)], scheme)
    assert thresholds.counted(table, {}) == Counts(0, 0, 1)


def test_outcomes_at_a_threshold_include_it() -> None:
    found = thresholds.Outcomes(np.array([0.5, 0.7, 0.5]), np.array([True, False, False]), 4)
    right, given = found.at(np.array([0.4, 0.5, 0.6, 0.8]))
    assert right.tolist() == [1, 1, 0, 0]
    assert given.tolist() == [3, 3, 1, 0]
