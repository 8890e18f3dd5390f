from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import ARTICLE, FOREIGN, RECIPES, ROOT, recipe

from kashif import corpus
from kashif.data import gather
from kashif.errors import InputError
from kashif.recipe import Recipe


def test_held_out_articles_are_never_trained_on(project: Path) -> None:
    with pytest.raises(InputError, match="n1 in both train and held_out"):
        gather(recipe(held_out=["annotations/news"]), project)
    (project / "annotations" / "copy").mkdir()
    (project / "annotations" / "copy" / "x.txt").write_text("\n\n\n" + ARTICLE, encoding="utf-8")
    copied = recipe(train=["annotations/copy"], held_out=["annotations/news#held-out"])
    with pytest.raises(InputError, match="in both train and held_out"):
        gather(copied, project)


def test_development_is_carved_by_article(project: Path) -> None:
    whole = recipe(train=["annotations/news"], development=[], development_share=0.25)
    first, second = gather(whole, project), gather(whole, project)
    assert first == second
    assert (len(first.train), len(first.development)) == (3, 1)
    assert not {d.id for d in first.train} & {d.id for d in first.development}


def test_labels_that_the_scheme_lacks_are_refused(project: Path) -> None:
    wrong = "[[كيم|PERSON#1]] و[[بوتين|PERS#2]]\n---\n"
    (project / "annotations" / "news" / "n1.txt").write_text(wrong, encoding="utf-8")
    with pytest.raises(InputError, match="n1: no entity 'PERSON' in the scheme; did you mean 'PERS'"):
        gather(recipe(), project)
    wrong = "[[كييف|GPE#1]] [[بوتين|PERS#2]]\n---\nvisits 1 2\n"
    (project / "annotations" / "news" / "n1.txt").write_text(wrong, encoding="utf-8")
    with pytest.raises(InputError, match="visits: the head is GPE"):
        gather(recipe(), project)


def test_labels_of_a_mapped_corpus_are_the_mapping_s(project: Path) -> None:
    (project / "all.conll").write_text(FOREIGN * 2, encoding="utf-8")
    mapped = recipe(train=["annotations/news#train", "all.conll@anercorp"])
    found = gather(mapped, project)
    assert found.mappings == {"all": found.scheme.mapping("anercorp")}
    assert [document.id for document in found.train] == ["n0", "n1", "all"]
    with pytest.raises(
        InputError, match="no mapping 'wojood': the labels are a corpus's own; take '@wojood' away"
    ):
        gather(recipe(train=["all.conll@wojood"], scheme="anercorp"), project)
    (project / "all.conll").write_text("كيم B-PERSON\n", encoding="utf-8")
    with pytest.raises(InputError, match="all: no entity 'PERSON' in the scheme; did you mean 'PERS'"):
        gather(mapped, project)


def test_shares_that_overlap_are_refused(tmp_path: Path) -> None:
    (tmp_path / "all.conll").write_text(FOREIGN * 5, encoding="utf-8")
    settings = {"train": ["all.conll#0-80%"], "development": ["all.conll#70-100%"], "scheme": "anercorp"}
    with pytest.raises(InputError, match=r"all\[0-80%\] in both train and development"):
        gather(recipe(**settings), tmp_path)
    with pytest.raises(InputError, match="in both train and held_out"):
        gather(recipe(**settings | {"held_out": ["all.conll"], "development": []}), tmp_path)


def test_every_recipe_of_the_repository_is_valid() -> None:
    assert {"quickstart", "default", "arabertv02", "camelbert-msa", "marbert"} <= {
        file.stem for file in RECIPES
    }
    for file in RECIPES:
        loaded = Recipe.load(file)
        missing = ""
        if file.stem == "seeds" and not corpus.load("annotations/seeds", ROOT).documents:
            missing = "set KASHIF_SEEDS"
        elif loaded.scheme and not os.environ.get("KASHIF_DATA"):
            missing = "set KASHIF_DATA"
        if missing:
            with pytest.raises(InputError, match=missing):
                gather(loaded, ROOT)
            continue
        data = gather(loaded, ROOT)
        assert data.train
        assert data.development
