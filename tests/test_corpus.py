from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import ARTICLE, ROOT

from kashif import corpus
from kashif.document import Document, Entity
from kashif.errors import InputError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    for name in ("n1", "n2"):
        (folder / f"{name}.txt").write_text(ARTICLE, encoding="utf-8")
    splits = "news:\n  train: [n1]\n  test: [n2]\n  gone: [n9]\n"
    (tmp_path / "annotations" / "splits.yaml").write_text(splits, encoding="utf-8")
    return tmp_path


def test_spec_has_all_its_parts() -> None:
    spec = corpus.Spec.parse("conll:data/train.txt#a@anercorp", Path("base"))
    assert spec == corpus.Spec(Path("base/data/train.txt"), "conll", "a", "anercorp")
    with pytest.raises(InputError, match="is no corpus"):
        corpus.Spec.parse("#x")


def test_a_mapping_is_known_and_translates_entities_alone(project: Path) -> None:
    mapped = corpus.load("annotations/news#test@wojood", project)
    assert mapped.mapping == "wojood"
    assert [(d.id, len(d.entities), d.relations) for d in mapped.documents] == [("n2", 13, ())]
    [notice] = mapped.notices
    assert notice == "annotations/news#test@wojood: 4 relations left out; a mapping translates entities alone"
    with pytest.raises(InputError, match="did you mean 'anercorp'"):
        corpus.load("annotations/news@anercrop", project)


def test_the_environment_says_where_public_data_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KASHIF_DATA", str(tmp_path))
    spec = corpus.Spec.parse("conll:$KASHIF_DATA/a/train.txt#0-80%", Path("base"))
    assert spec == corpus.Spec(tmp_path / "a" / "train.txt", "conll", "0-80%")
    assert corpus.Spec.parse("$HOME/x").path == Path("$HOME/x")
    monkeypatch.delenv("KASHIF_DATA")
    with pytest.raises(InputError, match="set KASHIF_DATA to the folder"):
        corpus.load("conll:$KASHIF_DATA/a/train.txt")


def test_splits_choose_by_id(project: Path) -> None:
    assert [d.id for d in corpus.load("annotations/news#test", project).documents] == ["n2"]
    assert len(corpus.load("annotations/news", project).documents) == 2
    with pytest.raises(InputError, match="did you mean 'train'"):
        corpus.load("annotations/news#trian", project)
    with pytest.raises(InputError, match="names n9: no such document"):
        corpus.load("annotations/news#gone", project)


def test_one_article_in_two_corpora_is_refused(project: Path) -> None:
    with pytest.raises(InputError, match="already comes from another"):
        corpus.load_all(["annotations/news#train", "annotations/news"], project)


@pytest.mark.parametrize("text", ["news: [a]", "news: {train: a}", "news: {train: [a, a]}", "a: [", "[]"])
def test_bad_splits_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "splits.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        corpus.split_file(path)


def test_statistics_count(project: Path) -> None:
    counts = corpus.statistics(corpus.load("annotations/news#train", project).documents)
    assert counts["totals"] == {
        "documents": 1,
        "words": 24,
        "words and marks": 30,
        "sentences": 2,
        "entities": 13,
        "nested entities": 2,
        "relations": 4,
        "relations across sentences": 0,
    }
    assert counts["entities"]["GPE"] == 4


def test_nested_entities_are_those_inside_another(project: Path) -> None:
    """Counted in one sweep; against every pair here."""
    rng = random.Random(0)
    for _ in range(50):
        bounds = [sorted(rng.sample(range(12), 2)) for _ in range(8)]
        entities = [
            Entity(i, start, end, "ORG", "a" * (end - start)) for i, (start, end) in enumerate(bounds)
        ]
        document = Document("d", "a" * 12, tuple(entities))
        expected = sum(any(b != c and c[0] <= b[0] and b[1] <= c[1] for c in bounds) for b in bounds)
        assert corpus.statistics([document])["totals"]["nested entities"] == expected


def test_a_share_needs_every_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASHIF_SEEDS", "/nonexistent")
    if not corpus.load("annotations/seeds", ROOT).documents:
        with pytest.raises(InputError, match="no share of a corpus without all its texts"):
            corpus.load("annotations/seeds#0-50%", ROOT)


def test_texts_that_are_not_here_are_left_out_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASHIF_SEEDS", "/nonexistent")
    loaded = corpus.load("annotations/seeds", ROOT)
    if not loaded.documents:  # the texts do not stand in seeds/ either
        assert loaded.notices == (
            f"left out, their text is not here: 5 of 5 articles of {ROOT / 'annotations/seeds'}; set"
            " KASHIF_SEEDS to the folder that holds it, or put it into seeds/",
        )


def test_the_repository_s_splits_do_not_overlap() -> None:
    splits = corpus.split_file(ROOT / "annotations" / "splits.yaml")
    seeds, newsroom = splits["seeds"], splits["newsroom"]
    for first, second in (
        (seeds["train"], seeds["held-out"]),
        (newsroom["train"], newsroom["development"]),
        (newsroom["train"], newsroom["test"]),
        (newsroom["development"], newsroom["test"]),
    ):
        assert first
        assert second
        assert not set(first) & set(second)
    assert set(newsroom["quickstart-train"]) <= set(newsroom["train"])
    assert set(newsroom["quickstart-development"]) <= set(newsroom["development"])
