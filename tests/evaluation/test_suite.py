from __future__ import annotations

from pathlib import Path

import pytest
from helpers import RECIPES, ROOT

from kashif.document import Document
from kashif.errors import InputError
from kashif.evaluation.suite import Suite, named_corpora, unwatched
from kashif.training.recipe import Recipe


def test_a_suite_names_its_corpora_and_a_corpus_itself(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("about: a test\ncorpora: {news: annotations/news, old: all.conll}\n", encoding="utf-8")
    assert named_corpora(["x#test", str(path)]) == [
        ("x#test", "x#test"),
        ("news", "annotations/news"),
        ("old", "all.conll"),
    ]


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("abot: x\ncorpora: {}\n", encoding="utf-8")
    with pytest.raises(InputError, match="did you mean 'about'"):
        Suite.load(path)


def test_no_recipe_sees_the_suite_s_newsroom_and_two_hold_out_its_seeds_too() -> None:
    corpora = Suite.load(ROOT / "eval" / "heldout.yaml").corpora
    recipes = {file.stem: Recipe.load(file) for file in RECIPES}
    own = {
        name: set(recipe.held_out)
        for name, recipe in recipes.items()
        if any(corpus.startswith("annotations/") for corpus in recipe.train)
    }
    assert all(corpora["newsroom"] in held_out for held_out in own.values())
    assert {name for name, held_out in own.items() if corpora["seeds"] in held_out} == {"quickstart", "seeds"}


def test_what_nobody_watches_passes_unchanged() -> None:
    documents = [Document("d", "x")]
    assert list(unwatched(documents, "scoring")) == documents
