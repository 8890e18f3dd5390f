from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ARTICLE

from kashif import crossvalidation, data, jobs, predicting, scoring
from kashif.errors import InputError
from kashif.recipe import Recipe


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for corpus, ids in {"news": ("n1", "n2", "n3"), "more": ("m1",), "dev": ("d1",)}.items():
        folder = tmp_path / "annotations" / corpus
        folder.mkdir(parents=True)
        for id in ids:
            (folder / f"{id}.txt").write_text(f"{id}\n{ARTICLE}", encoding="utf-8")
    return tmp_path


@pytest.fixture
def recipe(tiny_encoder: Path) -> Recipe:
    return Recipe(
        encoder=str(tiny_encoder),
        train=("annotations/news", "annotations/more"),
        development=("annotations/dev",),
        epochs=2,
        window=64,
        precision="float32",
    )


def test_each_article_is_scored_by_a_model_that_never_saw_it(
    recipe: Recipe, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = project / "models" / "folds"
    scored = crossvalidation.run(recipe, output, project, "annotations/news", count=3)
    [report] = scored.reports
    assert report.documents == 3
    documents = crossvalidation.articles(recipe, project, "annotations/news").documents
    counts = scoring.Counts()
    for fold in crossvalidation.folds([d.id for d in documents], 3, recipe.seed, output):
        used = data.gather(recipe, project, fold.left_out)
        assert {d.id for d in used.train} == {"n1", "n2", "n3", "m1"} - set(fold.left_out)
        assert jobs.is_of(fold.folder, recipe, used, project)
        [gold] = [d for d in documents if d.id in fold.left_out]
        [found] = predicting.load(fold.folder).documents([(gold.id, gold.text)])
        counts += scoring.Counts.of(scoring.entity_items(gold), scoring.entity_items(found))
    assert report.measures["entities"].counts == counts
    assert "relations given gold entities" in report.measures
    assert [analysis.gold.id for analysis in scored.analyses[0]] == ["n1", "n2", "n3"]
    capsys.readouterr()
    again = crossvalidation.run(recipe, output, project, "annotations/news", count=3)
    assert again.reports == scored.reports
    assert capsys.readouterr().out.count("trained before") == 3


def test_an_interrupted_fold_goes_on(recipe: Recipe, project: Path) -> None:
    lines: list[str] = []

    class Stop(Exception):
        pass

    def stop_after_one(line: str) -> None:
        if line.startswith("epoch   2"):
            raise Stop

    whole = crossvalidation.run(recipe, project / "whole", project, "annotations/news", count=3)
    with pytest.raises(Stop):
        crossvalidation.run(recipe, project / "part", project, "annotations/news", 3, say=stop_after_one)
    part = crossvalidation.run(recipe, project / "part", project, "annotations/news", 3, say=lines.append)
    assert part.reports == whole.reports
    assert [line[:9] for line in lines if line.startswith("epoch")] == [
        f"epoch   {i}" for i in (2, 1, 2, 1, 2)
    ]
    assert sum("going on from the last finished epoch" in line for line in lines) == 1


def test_trainings_side_by_side_give_the_same_report(recipe: Recipe, project: Path) -> None:
    one, two = (
        crossvalidation.run(recipe, project / f"m{jobs}", project, count=2, jobs=jobs) for jobs in (1, 2)
    )
    assert one.reports == two.reports
    assert one.reports[0].documents == 4


def test_folds_part_the_articles() -> None:
    ids = [f"n{i}" for i in range(7)]
    parts = crossvalidation.folds(ids, 3, 13, Path("m"))
    assert sorted(id for fold in parts for id in fold.left_out) == ids
    assert sorted(len(fold.left_out) for fold in parts) == [2, 2, 3]
    assert parts == crossvalidation.folds(ids, 3, 13, Path("m"))
    assert parts != crossvalidation.folds(ids, 3, 14, Path("m"))
    for count in (1, 8):
        with pytest.raises(InputError, match="from 2 to the number of articles, 7"):
            crossvalidation.folds(ids, count, 13, Path("m"))


def test_what_is_not_trained_on_cannot_be_folded(recipe: Recipe, project: Path) -> None:
    with pytest.raises(InputError, match="does not train on d1"):
        crossvalidation.articles(recipe, project, "annotations/dev")


def test_a_copy_of_what_is_left_out_is_not_trained_on(recipe: Recipe, project: Path) -> None:
    copy = (project / "annotations" / "news" / "n2.txt").read_text(encoding="utf-8")
    (project / "annotations" / "more" / "m2.txt").write_text(copy, encoding="utf-8")
    with pytest.raises(InputError, match="m2 in both train and left_out"):
        data.gather(recipe, project, without=("n2",))
