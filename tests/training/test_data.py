from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from helpers import ARTICLE, FOREIGN, RECIPES, ROOT, SCHEME, another, recipe

from kashif.corpora import loading
from kashif.corpora.provenance import articles_row
from kashif.errors import InputError
from kashif.modeling.alignment import Unreachable
from kashif.modeling.windows import lay_out
from kashif.scheme import Scheme
from kashif.training.data import describe, gather
from kashif.training.recipe import Recipe


def test_held_out_articles_are_never_trained_on(project: Path) -> None:
    with pytest.raises(InputError, match="n1 in both train and held_out"):
        gather(recipe(held_out=["annotations/news"]))
    (project / "annotations" / "copy").mkdir()
    (project / "annotations" / "copy" / "x.txt").write_text(another(3), encoding="utf-8")
    copied = recipe(train=["annotations/copy"], held_out=["annotations/news#held-out"])
    with pytest.raises(InputError, match="in both train and held_out"):
        gather(copied)


def test_near_duplicates_are_not_parted_where_development_is_carved(project: Path) -> None:
    """An update of a story that was trained on selected the model, and was scored in a cross-validation."""
    folder = project / "annotations" / "alike"
    folder.mkdir()
    for index, word in enumerate(("زار", "عاد", "قال")):
        story = " ".join(f"{word}{n}" for n in range(40))
        for copy in ("اليوم", "أمس"):
            (folder / f"{index}{copy}.txt").write_text(f"{copy} [[كيم|PERS#1]] {story}\n", encoding="utf-8")
    for seed in range(5):
        found = gather(recipe(train=["annotations/alike"], development=(), development_share=0.2, seed=seed))
        assert {d.id[0] for d in found.train}.isdisjoint(d.id[0] for d in found.development)


def test_development_is_carved_by_article(project: Path) -> None:
    whole = recipe(train=["annotations/news"], development=[], development_share=0.25)
    first, second = gather(whole), gather(whole)
    assert first == second
    assert (len(first.train), len(first.development)) == (3, 1)
    assert not {d.id for d in first.train} & {d.id for d in first.development}


def test_labels_that_the_scheme_lacks_are_refused(project: Path) -> None:
    wrong = "[[كيم|PERSON#1]] و[[بوتين|PERS#2]]\n---\n"
    (project / "annotations" / "news" / "n1.txt").write_text(wrong, encoding="utf-8")
    with pytest.raises(InputError, match="n1: no entity 'PERSON' in the scheme; did you mean 'PERS'"):
        gather(recipe())
    wrong = "[[كييف|GPE#1]] [[بوتين|PERS#2]]\n---\nvisits 1 2\n"
    (project / "annotations" / "news" / "n1.txt").write_text(wrong, encoding="utf-8")
    with pytest.raises(InputError, match="visits: the head is GPE"):
        gather(recipe())


def test_a_corpus_read_through_a_mapping_is_not_trained_on(project: Path) -> None:
    (project / "all.conll").write_text(FOREIGN * 2, encoding="utf-8")
    mapped = "all.conll@anercorp"
    told = "take '@anercorp' away: labels are taken as they stand; a mapping is for scores"
    for changed in (
        recipe(train=["annotations/news#train", mapped]),
        recipe(development=["annotations/news#development", mapped]),
    ):
        with pytest.raises(InputError) as refused:
            gather(changed)
        assert [str(fault) for fault in refused.value.faults] == [f"all.conll: {told}"]


def test_a_corpus_is_learned_in_its_own_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.conll").write_text(FOREIGN * 5, encoding="utf-8")
    own = recipe(train=["all.conll#0-80%"], development=["all.conll#80-100%"])
    data = gather(own)
    assert data.scheme == Scheme(entities={"PERS": "", "LOC": ""}, nested=False, proclitics=False)
    assert [d.id for d in (*data.train, *data.development)] == ["all[0-80%]", "all[80-100%]"]
    assert data.notices == [
        "learned from the gold: PERS 8, LOC 4",
        "no relations",
        "spans stand apart and begin at words",
    ]
    (tmp_path / "all.conll").write_text("كيم B-PERSON\n", encoding="utf-8")
    with pytest.raises(InputError, match="all: no entity 'PERSON' in the scheme; did you mean 'PERS'"):
        gather(recipe(scheme=str(SCHEME), train=["all.conll"], development=[]))


def test_the_scheme_is_learned_of_all_training_articles_before_any_is_left_out(project: Path) -> None:
    (project / "annotations" / "scheme.yaml").unlink()
    news = project / "annotations" / "news"
    (news / "n0.txt").write_text("[[دواء|شيء#1]] زار [[كيم|PERS#2]]\n---\nيأخذ 2 1\n", encoding="utf-8")
    carved = recipe(train=["annotations/news"], development=[])
    schemes = [gather(carved, without=without).scheme for without in ((), ("n0",), ("n1", "n2"))]
    assert schemes[0] == schemes[1] == schemes[2]
    assert "شيء" in schemes[0].labels
    assert schemes[0].relations["يأخذ"].head == ("PERS",)


def test_labels_of_development_alone_are_not_learned_and_told(project: Path) -> None:
    (project / "annotations" / "scheme.yaml").unlink()
    marks = "[[دواء|شيء#1]] زار [[كيم|PERS#2]]\n---\nيأخذ 2 1\n"
    (project / "annotations" / "news" / "n2.txt").write_text(marks, encoding="utf-8")
    data = gather(recipe())
    assert "شيء" not in data.scheme.labels
    told = "2 marks have labels that the scheme lacks; a model of it misses them: شيء 1, يأخذ 1"
    assert data.notices[-1] == f"development: {told}"


def test_a_recipe_says_whose_scheme(project: Path) -> None:
    ours = Scheme.load(SCHEME)
    assert gather(recipe()).scheme == ours
    assert gather(recipe()).notices == []
    assert gather(recipe(scheme="learned")).scheme.labels != ours.labels
    (project / "own.yaml").write_text(ours.model_copy(update={"nested": False}).dump(), encoding="utf-8")
    assert not gather(recipe(scheme="own.yaml")).scheme.nested
    with pytest.raises(InputError, match=r"med: no such scheme file in /.*; write its path, or `learned`"):
        gather(recipe(scheme="med"))
    (project / "all.conll").write_text(FOREIGN.replace("LOC", "GPE"), encoding="utf-8")
    mixed = ["annotations/news#train", "all.conll"]
    with pytest.raises(InputError, match=r"all\.conll: no scheme\.yaml\); name it: scheme: PATH"):
        gather(recipe(train=mixed))
    assert gather(recipe(train=mixed, scheme=str(SCHEME))).scheme == ours
    assert gather(recipe(train=mixed, scheme="learned")).scheme.entities["GPE"] == ""


def test_articles_that_are_left_out_are_not_trained_on_nor_a_copy_of_them(project: Path) -> None:
    found = gather(recipe(train=["annotations/news"], development=[]), without=("n1",))
    assert {d.id for d in (*found.train, *found.development)} == {"n0", "n2", "n3"}
    copy = (project / "annotations" / "news" / "n1.txt").read_text(encoding="utf-8")
    (project / "annotations" / "copy").mkdir()
    (project / "annotations" / "copy" / "x.txt").write_text(copy, encoding="utf-8")
    with pytest.raises(InputError, match="x in both train and left_out"):
        gather(recipe(train=["annotations/news", "annotations/copy"], development=[]), without=("n1",))


def test_too_few_articles_are_refused(project: Path) -> None:
    (project / "annotations" / "scheme.yaml").unlink()  # and nothing is learned of nothing
    with pytest.raises(InputError, match=r"training corpora hold no article$"):
        gather(recipe(train=["annotations/news#0-1%"]))
    with pytest.raises(InputError, match="hold no article"):
        gather(recipe(), without=("n0", "n1"))
    with pytest.raises(InputError, match="no article is left to select the model on"):
        gather(recipe(development=[]), without=("n0",))


def test_the_size_of_the_data_is_told_and_what_is_unreachable(tokenizer: Any, project: Path) -> None:
    [document] = gather(recipe()).development
    layouts = lay_out([document.text], tokenizer, size=128)
    lost = [Unreachable("d", entity, cause) for entity, cause in zip(document.entities, "abb", strict=False)]
    assert describe("development", [document], layouts=layouts, lost=lost) == [
        "development: 1 articles, 24 words, 13 entities, 4 relations, 1 windows",
        "  unreachable, scored as missed: 2 (b)",
        "  unreachable, scored as missed: 1 (a)",
    ]


def test_slices_that_overlap_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.conll").write_text(FOREIGN * 5, encoding="utf-8")
    settings = {"train": ["all.conll#0-80%"], "development": ["all.conll#70-100%"]}
    with pytest.raises(InputError, match=r"all\[0-80%\] in both train and development"):
        gather(recipe(**settings))
    with pytest.raises(InputError, match="in both train and held_out"):
        gather(recipe(**settings | {"held_out": ["all.conll"], "development": []}))


def test_every_recipe_of_the_repository_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert {"quickstart", "default", "large"} <= {file.stem for file in RECIPES}
    for file in RECIPES:
        loaded = Recipe.load(file)
        missing = ""
        if file.stem == "seeds" and not loading.load("annotations/seeds").documents:
            missing = "set KASHIF_SEEDS"
        elif "$KASHIF_DATA" in str(loaded.train) and not os.environ.get("KASHIF_DATA"):
            missing = "set KASHIF_DATA"
        if missing:
            with pytest.raises(InputError, match=missing):
                gather(loaded)
            continue
        data = gather(loaded)
        assert len(data.scheme.labels) == {"anercorp": 4, "wojood": 21}.get(file.stem, 13)
        assert data.train
        assert data.development


@pytest.mark.parametrize("part", ["train", "development"])
def test_articles_in_which_nothing_is_marked_are_refused(part: str, project: Path) -> None:
    """CoNLL in a .txt was once read as plain text, and training ended in success."""
    (project / "annotations" / "bare").mkdir()
    (project / "annotations" / "bare" / "b1.txt").write_text("زار O\nبوتين B-PERS\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"no entity is marked in the {part} articles.*conll:PATH"):
        gather(recipe(**{part: ["annotations/bare"]}))


def test_development_without_relations_is_told(project: Path) -> None:
    (project / "annotations" / "flat").mkdir()
    (project / "annotations" / "flat" / "f1.txt").write_text("زار [[كيم|PERS#1]] البلاد.\n", encoding="utf-8")
    told = "development: no relation is marked in the gold: what is said of relations here is no measure"
    assert any(notice.startswith(told) for notice in gather(recipe(development=["annotations/flat"])).notices)


def test_articles_without_marks_are_named(project: Path) -> None:
    (project / "annotations" / "news" / "n1.txt").write_text("لا شيء هنا.\n---\n", encoding="utf-8")
    assert "nothing is marked in 1 of 2 articles: n1" in gather(recipe()).notices


def test_development_articles_may_calibrate_and_training_ones_may_not(project: Path) -> None:
    held = "annotations/news#development"
    assert [d.id for d in gather(recipe(calibration=[held])).calibration] == ["n2"]
    assert [d.id for d in gather(recipe()).calibration] == ["n2"]
    with pytest.raises(InputError, match="n0, n1 in both train and calibration"):
        gather(recipe(calibration=["annotations/news#train"]))


def test_copies_of_a_development_article_are_not_trained_on(project: Path) -> None:
    news = project / "annotations" / "twice"
    news.mkdir()
    for index in range(6):
        for copy in "ab":
            (news / f"d{index}{copy}.txt").write_text(f"خبر {index}\n" + ARTICLE, encoding="utf-8")
    found = gather(recipe(train=["annotations/twice"], development=[], development_share=0.3))
    assert len(found.train) + len(found.development) == 12
    assert not {d.text for d in found.train} & {d.text for d in found.development}


@pytest.mark.parametrize("share", [0.1, 0.99])
def test_a_carved_development_set_leaves_articles_to_learn_from(project: Path, share: float) -> None:
    """It took all copies of the only text, and a large share both articles: none was said to be there."""
    news = project / "annotations" / "twice"
    news.mkdir()
    for copy in "ab":
        (news / f"{copy}.txt").write_text(ARTICLE, encoding="utf-8")
    settings = recipe(train=["annotations/twice"], development=[], development_share=share)
    with pytest.raises(InputError, match="no article is left to select the model on; name a development"):
        gather(settings)
    (news / "c.txt").write_text("خبر\n" + ARTICLE, encoding="utf-8")
    found = gather(settings)
    assert {len({d.text for d in part}) for part in (found.train, found.development)} == {1}


def test_what_the_encoder_has_seen_is_not_held_out(project: Path) -> None:
    [seen] = loading.load("annotations/news#held-out").documents
    folder = project / "models" / "e"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(
        json.dumps({"train": articles_row([seen]), "development": articles_row([])}), encoding="utf-8"
    )
    held = {"encoder": str(folder), "held_out": ["annotations/news#held-out"]}
    with pytest.raises(InputError, match="the encoder has seen n3, which held_out names; take another"):
        gather(recipe(**held))
    told = gather(recipe(encoder=str(folder), development=["annotations/news#held-out"])).notices
    assert "development: the encoder has seen 1 of 1 articles" in told


def test_an_encoder_that_does_not_say_what_it_has_read_is_told_of(tiny_encoder: Path, project: Path) -> None:
    """The model that came of it was scored on what its encoder had read, without a word."""
    said = [
        notice for notice in gather(recipe(tiny_encoder)).notices if "what it has read is not known" in notice
    ]
    assert len(said) == 1
