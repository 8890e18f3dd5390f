from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kashif.document import Document, Entity, Relation
from kashif.evaluation import thresholds
from kashif.evaluation.calibration import Scored, reliability
from kashif.evaluation.counting import Counts, relation_items
from kashif.evaluation.thresholds import Outcomes, calibrate, cross_fitted, outcomes
from kashif.modeling import predictor as predictors
from kashif.modeling.decoding import calibrated
from kashif.scheme import Scheme

LABELS = ("meets", "accuses", "cooperates_with")
TEXT = " ".join(["كيم"] * 6)
ENTITIES = tuple(Entity(i + 1, 4 * i, 4 * i + 3, "PERS", "كيم") for i in range(6))
PAIRS = list(itertools.combinations(range(1, 7), 2))


def drawn(seed: int, articles: int = 2) -> tuple[list[Document], list[Document]]:
    """Gold, and predictions at threshold 0 whose scores are few enough to tie."""
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


def found_in(gold: list[Document], predicted: list[Document], scheme: Scheme) -> list[Outcomes]:
    """The outcomes of each article's relations."""
    return [outcomes(a, b, scheme=scheme, view="relations") for a, b in zip(gold, predicted, strict=True)]


def counted(gold: list[Document], predicted: list[Document], scheme: Scheme, threshold: float) -> Counts:
    """Brute force: the relations under the threshold are taken out of the documents."""
    counts = Counts()
    for want, have in zip(gold, predicted, strict=True):
        kept = tuple(r for r in have.relations if r.score is not None and r.score >= threshold)
        left = Document(have.id, have.text, have.entities, kept)
        counts += Counts.of(relation_items(want, scheme), relation_items(left, scheme))
    return counts


GRID = [0.05 + step / 10 for step in range(10)]


@pytest.mark.parametrize("seed", range(12))
def test_the_best_threshold_meets_brute_force(scheme: Scheme, seed: int) -> None:
    gold, predicted = drawn(seed)
    found = Outcomes.joined(found_in(gold, predicted, scheme))
    best = found.best_threshold(0.5)
    assert found.counts(best) == counted(gold, predicted, scheme, best)
    assert found.counts(best).f1 == max(counted(gold, predicted, scheme, cut).f1 or 0 for cut in GRID)


@pytest.mark.parametrize("seed", range(3))
def test_counts_at_every_threshold_meet_brute_force(scheme: Scheme, seed: int) -> None:
    gold, predicted = drawn(seed)
    found = Outcomes.joined(found_in(gold, predicted, scheme))
    for threshold in (0.0, *GRID, *(step / 10 for step in range(1, 11))):
        assert found.counts(threshold) == counted(gold, predicted, scheme, threshold)


def one(*scores: tuple[float | None, bool]) -> tuple[list[Document], list[Document]]:
    """One article with a relation for each probability, right or not."""
    made = [(Relation("accuses", *pair, score=s), hit) for pair, (s, hit) in zip(PAIRS, scores, strict=False)]
    gold = Document("d", TEXT, ENTITIES, tuple(r for r, hit in made if hit))
    return [gold], [Document("d", TEXT, ENTITIES, tuple(r for r, _ in made))]


def test_equals_go_to_the_nearest_of_the_default(scheme: Scheme) -> None:
    def best(*scores: tuple[float | None, bool]) -> float:
        return Outcomes.joined(found_in(*one(*scores), scheme)).best_threshold(0.5)

    assert best((0.9, True), (0.2, False)) == 0.5
    assert best((0.4, True), (0.2, False)) == pytest.approx(0.3)
    # The first alone or all four: F1 is 2/3 both ways, and 0.8 is nearer than 0.05.
    assert best((0.9, True), (0.7, False), (0.3, False), (0.1, True)) == pytest.approx(0.8)
    assert best((0.9, False)) == 0.5
    assert Outcomes.joined([]).best_threshold(0.5) == 0.5


def test_cross_fitting_measures_each_half_by_the_other_s_choice(scheme: Scheme) -> None:
    gold, predicted = drawn(5, articles=7)
    order = random.Random(0).sample(range(7), 7)
    halves = [order[:3], order[3:]]
    expected = Counts()
    for chosen_on, measured_on in (halves, halves[::-1]):
        choice = Outcomes.joined(
            found_in([gold[i] for i in chosen_on], [predicted[i] for i in chosen_on], scheme)
        )
        rest = [gold[i] for i in measured_on], [predicted[i] for i in measured_on]
        expected += counted(*rest, scheme, choice.best_threshold(0.5))
    found = cross_fitted(found_in(gold, predicted, scheme), default=0.5)
    assert found == expected
    assert found is not None
    assert found.tp + found.fn == sum(len(relation_items(d, scheme)) for d in gold)
    assert cross_fitted(found_in(gold[:1], predicted[:1], scheme), default=0.5) is None


def test_labels_that_the_scheme_lacks_count_as_missed(scheme: Scheme) -> None:
    gold = [Document("d", TEXT, ENTITIES, (Relation("praises", 1, 2),))]
    assert Outcomes.joined(found_in(gold, [Document("d", TEXT)], scheme)).counts(0.5) == Counts(0, 0, 1)


def test_a_relation_without_a_probability_counts_as_certain(scheme: Scheme) -> None:
    assert Outcomes.joined(found_in(*one((None, True)), scheme)).counts(1.0) == Counts(1, 0, 0)


def test_outcomes_at_a_threshold_include_it() -> None:
    found = Outcomes(np.array([0.5, 0.7, 0.5]), np.array([True, False, False]), 4)
    assert [found.counts(threshold) for threshold in (0.4, 0.5, 0.6, 0.8)] == [
        Counts(1, 2, 3),
        Counts(1, 2, 3),
        Counts(0, 1, 4),
        Counts(0, 0, 4),
    ]


def test_a_threshold_from_which_so_many_are_predicted() -> None:
    found = Outcomes(np.array([0.2, 0.6, 0.4]), np.array([True, False, False]), 1)
    assert found.threshold_of(2, near=0.3) == 0.3
    assert [found.threshold_of(count, near=0.35) for count in (0, 1, 3, 9)] == [0.8, 0.5, 0.1, 0.1]
    assert found.threshold_of(3, near=0.0) == 0


def test_calibration_and_thresholds_of_a_model_that_is_too_sure(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the model says is bent upwards; the fit bends it back, and takes off what is mostly wrong."""
    predictor = predictors.load(trained)
    rng = random.Random(1)
    pairs = [(score, rng.random() < score**3) for score in (rng.uniform(0.3, 1) for _ in range(400))]
    gold = [Document(f"d{i}", TEXT, (ENTITIES[0],) if hit else ()) for i, (_, hit) in enumerate(pairs)]
    said = {d.id: replace(ENTITIES[0], score=score) for d, (score, _) in zip(gold, pairs, strict=True)}
    answers = [Document(id, TEXT, (entity,)) for id, entity in said.items()]
    monkeypatch.setattr(predictor, "stream_documents", lambda *_, **__: iter(answers))
    config = predictor.model.config
    config.entity_threshold = 0.7
    found = calibrate(predictor, gold)["entities"]
    assert (config.entity_threshold, config.entity_calibration) == (found.threshold, found.calibration)
    scores = calibrated(np.array([score for score, _ in pairs]), found.calibration)
    told = reliability([Scored(float(s), hit) for s, (_, hit) in zip(scores, pairs, strict=True)])
    assert told.error is not None
    assert told.error < 0.05
    assert 0.2 < found.threshold < 0.5
    plain = Counts(sum(hit for _, hit in pairs), sum(not hit for _, hit in pairs), 0)
    assert (found.after.f1 or 0) > (plain.f1 or 0)
    # Where no threshold is chosen, what was predicted still is, by the new probabilities.
    config.entity_threshold, config.entity_calibration = 0.7, (1.0, 0.0)
    sure = [hit for score, hit in pairs if score >= 0.7]
    before = Counts(sum(sure), len(sure) - sum(sure), sum(hit for _, hit in pairs) - sum(sure))
    monkeypatch.setattr(thresholds, "cross_fitted", lambda *_, **__: None)
    kept = calibrate(predictor, gold, before={"entities": before})["entities"]
    assert (kept.after, kept.gained, kept.calibration) == (before, False, found.calibration)
    assert kept.threshold == config.entity_threshold == pytest.approx(calibrated(0.7, found.calibration))
    assert calibrate(predictor, gold)["entities"].threshold == 0
