"""The repository's own annotations: what is promised of them holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from helpers import RECIPES, ROOT

from kashif.corpora.loading import split_file
from kashif.training.recipe import Recipe

ANNOTATIONS = ROOT / "annotations"
FROZEN = yaml.safe_load((ANNOTATIONS / "frozen.yaml").read_text(encoding="utf-8"))


def files(part: str) -> list[Path]:
    folder, _, split = part.partition("#")
    if not split:
        return sorted((ANNOTATIONS / folder).glob("*.ann"))
    ids = split_file(ANNOTATIONS / "splits.yaml")[folder][split]
    return sorted(ANNOTATIONS / folder / f"{id}.ann" for id in ids)


@pytest.mark.parametrize("part", FROZEN)
def test_test_marks_change_only_with_a_reason(part: str) -> None:
    whole = hashlib.sha256()
    for file in files(part):
        whole.update(file.name.encode() + b"\0" + file.read_bytes())
    last = FROZEN[part]["changes"][-1] if FROZEN[part]["changes"] else FROZEN[part]
    assert whole.hexdigest() == last["sha256"]
    assert all(change["reason"] and change["date"] for change in FROZEN[part]["changes"])


def test_the_counts_of_real_news() -> None:
    splits = split_file(ANNOTATIONS / "splits.yaml")["newswire"]
    assert {name: len(ids) for name, ids in splits.items()} == {"train": 1750, "development": 80, "test": 60}
    assert len(set().union(*splits.values())) == len(list((ANNOTATIONS / "newswire").glob("*.ann"))) == 1890
    assert len(files("press")) == 40
    for folder, count in (("newswire-a", 30), ("newswire-b", 30), ("press-a", 15), ("press-b", 15)):
        assert len(list((ANNOTATIONS / "second" / folder).glob("*.ann"))) == count


def test_no_recipe_learns_from_test_articles_or_from_the_press() -> None:
    for path in RECIPES:
        recipe = Recipe.load(path)
        assert not any(
            "press" in corpus or corpus.endswith("#test") for corpus in (*recipe.train, *recipe.development)
        )


def test_no_text_of_others_is_in_the_repository() -> None:
    for folder in ("newswire", "press", "seeds", "second/newswire-a", "second/press-a", "second/seeds-a"):
        assert not list((ANNOTATIONS / folder).glob("*.txt"))
