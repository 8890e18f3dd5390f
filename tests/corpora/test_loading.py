from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import ARTICLE, ROOT

from kashif.corpora import loading
from kashif.document import Document, Entity
from kashif.errors import InputError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a corpus and its splits; the test runs in it."""
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    for name in ("n1", "n2"):
        (folder / f"{name}.txt").write_text(ARTICLE, encoding="utf-8")
    splits = "news:\n  train: [n1]\n  test: [n2]\n  gone: [n9]\n"
    (tmp_path / "annotations" / "splits.yaml").write_text(splits, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_a_mapping_translates_entities_alone() -> None:
    mapped = loading.load("annotations/news#test@wojood")
    assert mapped.mapping == "wojood"
    assert [(d.id, len(d.entities), d.relations) for d in mapped.documents] == [("n2", 13, ())]
    [notice] = mapped.notices
    assert notice == "annotations/news#test@wojood: 4 relations left out; a mapping translates entities alone"


@pytest.mark.usefixtures("project")
def test_splits_choose_by_id() -> None:
    assert [d.id for d in loading.load("annotations/news#test").documents] == ["n2"]
    assert len(loading.load("annotations/news").documents) == 2
    with pytest.raises(InputError, match="did you mean 'train'"):
        loading.load("annotations/news#trian")
    with pytest.raises(InputError, match="names n9: no such document"):
        loading.load("annotations/news#gone")


@pytest.mark.usefixtures("project")
def test_one_article_in_two_corpora_is_refused() -> None:
    with pytest.raises(InputError, match="already comes from another"):
        loading.load_all(["annotations/news#train", "annotations/news"])


@pytest.mark.parametrize("text", ["news: [a]", "news: {train: a}", "news: {train: [a, a]}", "a: [", "[]"])
def test_bad_splits_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "splits.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        loading.split_file(path)


@pytest.fixture
def without_text(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third article of the project, whose text a manifest names and no folder holds."""
    (project / "annotations" / "news" / "s1.ann").write_text("", encoding="utf-8")
    (project / "news").mkdir()
    manifest = {
        "variable": "KASHIF_SEEDS",
        "articles": [{"id": "s1", "source": "s1.txt", "sha256": "0" * 64, "characters": 1}],
    }
    (project / "news" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    splits = project / "annotations" / "splits.yaml"
    splits.write_text("news:\n  train: [n1, s1]\n", encoding="utf-8")
    monkeypatch.setenv("KASHIF_SEEDS", "/nonexistent")


@pytest.mark.usefixtures("without_text")
def test_a_slice_needs_every_text() -> None:
    told = "no slice of a corpus without all its texts; not here: 1 of 3 articles of annotations/news; set"
    with pytest.raises(InputError, match=told):
        loading.load("annotations/news#0-50%")


@pytest.mark.usefixtures("without_text")
def test_texts_that_are_not_here_are_left_out_with_a_notice() -> None:
    for corpus, ids, count in (
        ("annotations/news", ["n1", "n2"], "1 of 3"),
        ("annotations/news#train", ["n1"], "1 of 2"),
    ):
        loaded = loading.load(corpus)
        assert [document.id for document in loaded.documents] == ids
        assert loaded.notices == (
            f"left out, their text is not here: {count} articles of annotations/news; set KASHIF_SEEDS to the"
            " folder with s1.txt in it, or have it so in the folder news that manifest.json stands in",
        )


def test_the_repository_s_splits_do_not_overlap() -> None:
    splits = loading.split_file(ROOT / "annotations" / "splits.yaml")
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


@pytest.mark.usefixtures("project")
def test_splits_may_be_named_by_numbers_and_dates() -> None:
    Path("annotations/splits.yaml").write_text("2024: {1: [007, 2024-01-01, no]}", encoding="utf-8")
    folder = Path("annotations/2024")
    folder.mkdir()
    for name in ("007", "2024-01-01", "no", "7"):
        (folder / f"{name}.txt").write_text(name, encoding="utf-8")
    found = loading.load("annotations/2024#1").documents
    assert [document.id for document in found] == ["007", "2024-01-01", "no"]


def test_notices_of_many_files_stand_once(tmp_path: Path) -> None:
    brat, conll = tmp_path / "brat", tmp_path / "conll"
    brat.mkdir()
    conll.mkdir()
    for name in ("a", "b"):
        (brat / f"{name}.txt").write_text("زار كيم", encoding="utf-8")
        (brat / f"{name}.ann").write_text("T1\tX 4 7\tكيم\nA1\tN T1\n#1\tN T1\tx\n", encoding="utf-8")
        (conll / f"{name}.conll").write_text("زار O\nكيم U-X\n", encoding="utf-8")
    assert loading.load(str(brat)).notices == (f"{brat}: documents have no place for 2 attributes, 2 notes",)
    assert loading.load(str(conll)).notices == (f"{conll}, 2 files: tags are BILOU",)


def test_counts_of_many_files_are_summed(tmp_path: Path) -> None:
    """What each of two files had once was said to be one in both."""
    for name, count in (("a", 1), ("b", 1), ("c", 1200)):
        (tmp_path / f"{name}.conll").write_text("# x\n" * count + "زار O\nكيم B-X\n", encoding="utf-8")
    whole = f"{tmp_path}, 3 files: 1,202 comments (lines that begin with #) read over"
    assert loading.load(str(tmp_path)).notices == (whole,)


def test_files_and_folders_that_are_not_read_are_told(tmp_path: Path) -> None:
    """An export beside the articles, and a folder of more of them, were once passed over without a word."""
    news = tmp_path / "news"
    news.mkdir()
    for name in ("a.txt", "b.txt"):
        (news / name).write_text("زار كيم", encoding="utf-8")
    own = ("b.ann", "accepted.tsv", "manifest.json", "scheme.yaml", "README.md", ".hidden.txt", "LICENSE")
    own += ("predict.errors", "a.jsonl.errors", "documents.2222da4955ef.unfinished")
    for name in (*own, "index.tsv"):
        (news / name).write_text("", encoding="utf-8")
    (news / "pictures").mkdir()
    assert loading.load(str(news)).notices == ()
    (news / "index.tsv").write_text("زار\tO\nكيم\tB-X\nكييف\tB-X\n", encoding="utf-8")
    (news / "odd.tsv").write_bytes(b"\xff\xff")
    for name in ("export.json", "c.docx", "more/deep/d.txt"):
        (news / name).parent.mkdir(parents=True, exist_ok=True)
        (news / name).write_text("x", encoding="utf-8")
    told = f"{news}: 4 files and 1 folder not read (c.docx, export.json, index.tsv, more/, odd.tsv); name"
    assert [notice[: len(told)] for notice in loading.load(str(news)).notices] == [told]
    assert loading.load(str(news / "a.txt")).notices == ()


def test_marks_that_nobody_has_corrected_are_told(tmp_path: Path) -> None:
    """Predictions counted as gold: a model had F1 1.000 against its own."""
    path = tmp_path / "p.jsonl"
    text = "زار كيم"
    rows = [
        Document(id, text, (Entity(1, 4, 7, "PERS", "كيم", score=score),))
        for id, score in (("a", 0.9), ("b", None), ("c", 0.8))
    ]
    rows.append(Document("d", text))
    for chosen, told in (
        (rows, ["2 of 4 articles with scores at all marks, as a model gives them"]),
        (rows[1::2], []),
    ):
        path.write_text("".join(f"{row.to_json()}\n" for row in chosen), encoding="utf-8")
        notices = loading.load(str(path)).notices
        assert len(notices) == len(told)
        assert all(part in notice for part, notice in zip(told, notices, strict=True))
