from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from helpers import ARTICLE

from kashif.corpora.articles import Articles
from kashif.corpora.provenance import SeenArticles
from kashif.corpora.texts import text_digest
from kashif.document import Document, Entity, Relation
from kashif.evaluation.active import Article, Choice, choose, pool_of
from kashif.modeling.probing import Probe
from kashif.scheme import Scheme

TEXT = "زار بوتين أوسلو أمس"


def article(id: str, vector: list[float], wrong: float = 5.0) -> Article:
    return Article(id, 100, wrong, {}, {}, np.array(vector, np.float32))


def random_articles(count: int, name: str) -> list[Article]:
    random = np.random.default_rng(len(name))
    return [article(f"{name}{i}", random.normal(size=4).tolist(), random.random() * 9) for i in range(count)]


def test_expected_wrong_decisions_count_what_is_predicted_and_what_is_not(scheme: Scheme) -> None:
    entities = (
        Entity(1, 4, 9, "PERS", "بوتين", score=0.9),
        Entity(2, 10, 15, "GPE", "أوسلو", score=0.6),
    )
    relations = (Relation("visits", 1, 2, 0.3), Relation("affiliation", 1, 2, 0.01))
    document = Document("d", TEXT, entities, relations)
    spans = {("PERS", 4, 9): 0.9, ("GPE", 10, 15): 0.6, ("ORG", 10, 15): 0.3, ("DATE", 16, 19): 0.1}
    probe = Probe(document, cast(Any, None), spans, np.zeros(4, np.float32))

    def seen(threshold: float) -> Article:
        config = SimpleNamespace(relation_threshold=threshold)
        predictor = SimpleNamespace(scheme=scheme, model=SimpleNamespace(config=config))
        return Article.of(probe, cast(Any, predictor))

    found = seen(0.5)
    assert found.wrong == pytest.approx(0.1 + 0.4 + 0.3 + 0.1 + 0.3)
    assert seen(0.2).wrong == pytest.approx(0.1 + 0.4 + 0.3 + 0.1 + 0.7)
    assert (found.words, dict(found.mentions), dict(found.relations)) == (
        4,
        {"GPE": 1, "ORG": 1},
        {"visits": 1},
    )
    assert found.rate == pytest.approx(100 * 1.2 / 50)
    why = Choice(found, 0.414, "n1").why()
    assert why == (
        "2 doubtful mentions (GPE, ORG), 1 doubtful relation (visits),"
        " unlike the nearest annotated article (0.41)"
    )


def test_each_choice_is_the_best_after_those_before_it() -> None:
    pool, annotated = random_articles(12, "p"), random_articles(3, "an")
    chosen = choose(pool, annotated, count=5)
    vectors = np.stack([each.vector for each in [*pool, *annotated]]).astype(float)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    apart = np.linalg.norm(vectors[:, None] - vectors[None, :], axis=-1)
    apart /= np.sqrt((apart**2).mean())
    taken: list[int] = []
    for choice in chosen:
        others = [*range(12, 15), *taken]
        gains = {
            place: pool[place].rate * min(apart[place, other] for other in others)
            for place in range(12)
            if place not in taken
        }
        best = max(gains, key=gains.__getitem__)
        assert choice.article is pool[best]
        assert choice.gain == pytest.approx(gains[best])
        taken.append(best)
    assert [each.article.id for each in choose(pool, annotated, count=5)] == [c.article.id for c in chosen]


def test_many_copies_of_one_event_are_not_chosen() -> None:
    """The surest way to fail: the most doubtful articles, which all tell of the same."""
    copies = [article(f"same{i}", [1.0, 0.001 * i, 0.0], wrong=9.0) for i in range(20)]
    others = [article("x", [0.0, 1.0, 0.0], wrong=2.0), article("y", [0.0, 0.0, 1.0], wrong=1.0)]
    chosen = choose([*copies, *others], count=3)
    assert sorted(choice.article.id for choice in chosen)[1:] == ["x", "y"]
    assert not chosen[0].nearest
    assert chosen[0].distance == 1
    assert chosen[1].beside_chosen


def test_what_is_annotated_already_is_chosen_last() -> None:
    pool = [article("old", [1.0, 0.1, 0.0]), article("new", [-1.0, 0.2, 0.0])]
    chosen = choose(pool, [article("gold", [1.0, 0.0, 0.0])], count=9)
    assert [(choice.article.id, choice.nearest) for choice in chosen] == [("new", "gold"), ("old", "gold")]
    assert chosen[0].distance > chosen[1].distance


def test_one_of_a_group_is_chosen() -> None:
    pool = random_articles(6, "p")
    chosen = choose(pool, count=6, groups=[["p0", "p1", "p2"], ["p3"], ["p4", "p5"]])
    assert len(chosen) == 3
    assert not choose([], count=3)


def test_near_duplicates_within_the_pool_are_counted() -> None:
    """Three of four texts were chosen, and nothing told why."""
    plain = " ".join(f"كلمة{i}" for i in range(60))
    texts = [Document("a", plain), Document("b", plain + " وزيادة"), *(Document(i, f"خبر {i}") for i in "cd")]
    pool = pool_of(texts, [])
    assert len(pool.groups) == 3
    assert pool.notices == ("passed over: 1 texts that are near-duplicates of others to choose from",)


def test_texts_that_are_annotated_seen_or_copies_are_passed_over() -> None:
    plain = " ".join(f"كلمة{i}" for i in range(60))
    texts = [
        Document("a", "نص أول"),
        Document("b", ARTICLE),
        Document("c", "نص ثالث"),
        Document("near", plain + " وزيادة"),
        Document("empty", " .\n"),
        *(Document(f"t{i}", f"خبر {i}") for i in (*range(6), 9)),
    ]
    annotated = [Document("a", "نص آخر"), Document("g", ARTICLE), Document("h", plain)]
    seen = SeenArticles(development=Articles({"dev": text_digest("نص ثالث"), "t9": ""}))
    pool = pool_of(texts, annotated, seen=seen, most=5, seed=1)
    drawn = [document.id for document in pool.documents]
    told = " | ".join(pool.notices)
    assert "1 texts without a word" in told
    assert "1 texts that are annotated in the corpus" in told
    assert "1 texts with the ids of some that are annotated in the corpus, with other texts; rename" in told
    assert "1 texts that the model was trained on or chosen by" in told
    assert "1 texts with the ids of some that the model was trained on" in told
    assert "drawn at random: 5 of 7 texts" in told
    assert {*drawn} <= {"near", *(f"t{i}" for i in range(6))}
    assert pool_of(texts, annotated, seen=seen, most=5, seed=1) == pool
    whole = pool_of(texts, annotated)
    assert "1 texts that are near-duplicates of annotated articles" in " | ".join(whole.notices)
    assert [document.id for document in whole.documents] == ["c", *(f"t{i}" for i in (*range(6), 9))]
    assert sorted(id for group in whole.groups for id in group) == sorted(
        ["c", *(f"t{i}" for i in (*range(6), 9))]
    )
