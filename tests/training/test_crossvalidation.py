from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ARTICLE, add_scheme
from kills import killed

from kashif.corpora.loading import load
from kashif.corpora.partition import apart
from kashif.corpora.provenance import with_thresholds
from kashif.document import Document
from kashif.errors import InputError
from kashif.evaluation.counting import Counts, entity_items
from kashif.files import write_json
from kashif.modeling import predictor as predictors
from kashif.training.crossvalidation import articles, crossvalidate, folds
from kashif.training.data import gather
from kashif.training.provenance import is_model_of
from kashif.training.recalibration import choose_threshold
from kashif.training.recipe import Recipe

NEWS = "annotations/news"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three corpora and our scheme below ``annotations``; the test runs in it."""
    for corpus, ids in {"news": ("n1", "n2", "n3"), "more": ("m1",), "dev": ("d1",)}.items():
        folder = tmp_path / "annotations" / corpus
        folder.mkdir(parents=True)
        for id in ids:
            (folder / f"{id}.txt").write_text(f"{id}\n{ARTICLE}", encoding="utf-8")
    add_scheme(tmp_path / "annotations")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def recipe(tiny_encoder: Path) -> Recipe:
    return Recipe(
        encoder=str(tiny_encoder),
        train=(NEWS, "annotations/more"),
        development=("annotations/dev",),
        epochs=2,
        window=64,
        precision="float32",
    )


def named(*ids: str) -> list[Document]:
    """The articles of ``NEWS`` with these ids."""
    return [document for document in load(NEWS).documents if document.id in ids]


def test_each_article_is_scored_by_a_model_that_never_saw_it(recipe: Recipe, project: Path) -> None:
    output = project / "models" / "folds"
    scored = crossvalidate(recipe, output, over=NEWS, count=3)
    [report] = scored.reports
    assert report.documents == 3
    documents = articles(recipe, NEWS).documents
    counts = Counts()
    for fold in folds(apart(documents)[0], 3, seed=recipe.seed, output=output):
        used = gather(recipe, without=fold.left_out)
        assert {d.id for d in used.train} == {"n1", "n2", "n3", "m1"} - set(fold.left_out)
        assert is_model_of(fold.folder, recipe, data=used)
        [gold] = [d for d in documents if d.id in fold.left_out]
        [found] = predictors.load(fold.folder).predict_documents([(gold.id, gold.text)])
        counts += Counts.of(entity_items(gold), entity_items(found))
    assert report.measures["entities"].counts == counts
    assert "relations given gold entities" in report.measures
    assert [analysis.gold.id for analysis in scored.analyses[0]] == ["n1", "n2", "n3"]
    lines: list[str] = []
    again = crossvalidate(recipe, output, over=NEWS, count=3, say=lines.append)
    assert again.reports == scored.reports
    assert [line.rpartition(": ")[2] for line in lines] == ["trained before"] * 3


def test_an_interrupted_fold_goes_on(recipe: Recipe, project: Path) -> None:
    lines: list[str] = []

    class Stop(Exception):
        pass

    def stop_after_one(line: str) -> None:
        if line.startswith("epoch   2"):
            raise Stop

    whole = crossvalidate(recipe, project / "whole", over=NEWS, count=3)
    with pytest.raises(Stop):
        crossvalidate(recipe, project / "part", over=NEWS, count=3, say=stop_after_one)
    part = crossvalidate(recipe, project / "part", over=NEWS, count=3, say=lines.append)
    assert part.reports == whole.reports
    assert [line[:9] for line in lines if line.startswith("epoch")] == [
        f"epoch   {i}" for i in (2, 1, 2, 1, 2)
    ]
    assert sum("going on from the last finished epoch" in line for line in lines) == 1


@pytest.mark.parametrize("point", [60, 110])
def test_a_killed_cross_validation_goes_on_to_the_same_report(
    recipe: Recipe, project: Path, point: int
) -> None:
    settings = recipe.model_copy(update={"epochs": 1})
    whole = crossvalidate(settings, project / "whole", over=NEWS, count=2)
    part = project / "part"
    assert killed(lambda: crossvalidate(settings, part, over=NEWS, count=2), point)
    assert part.exists()
    assert crossvalidate(settings, part, over=NEWS, count=2).reports == whole.reports
    assert not list(part.rglob("*.partial"))
    assert not list(part.glob("*/checkpoints"))


def test_a_fold_is_trained_again_where_its_weights_are_cut_and_only_there(
    recipe: Recipe, project: Path
) -> None:
    """A choice of the threshold had a fold trained again, and cut weights counted as done."""
    settings, output = recipe.model_copy(update={"epochs": 1}), project / "m"
    crossvalidate(settings, output, over=NEWS, count=2)
    choose_threshold(output / "fold-1", ["annotations/dev"])
    # It was scored on the articles that chose its thresholds.
    left_out = folds(apart(articles(settings, NEWS).documents)[0], 2, seed=settings.seed, output=output)[
        1
    ].left_out
    mark = output / "fold-2" / "manifest.json"
    before = mark.read_bytes()
    write_json(mark, with_thresholds(output / "fold-2", named(*left_out), anew=True))
    told = (
        f"fold-2: {', '.join(left_out)} chose its thresholds, and would be scored by it; remove this folder"
    )
    (output / "fold-1" / "model.safetensors").rename(project / "kept")
    lines: list[str] = []
    with pytest.raises(InputError, match=told):  # before a fold is trained
        crossvalidate(settings, output, over=NEWS, count=2, say=lines.append)
    assert lines == []
    (project / "kept").rename(output / "fold-1" / "model.safetensors")
    mark.write_bytes(before)
    weights = output / "fold-2" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-9])
    crossvalidate(settings, output, over=NEWS, count=2, say=lines.append)
    assert [line.endswith("trained before") for line in lines if line.startswith("without")] == [True, False]
    assert weights.read_bytes() == whole


def test_a_mapping_that_is_not_there_is_told_before_the_first_training(recipe: Recipe, project: Path) -> None:
    """It was told after the last one."""
    with pytest.raises(InputError, match="no mapping 'nomap'"):
        crossvalidate(recipe, project / "m", over=f"{NEWS}@nomap", count=2)
    with pytest.raises(InputError, match="GPE"):
        crossvalidate(recipe, project / "m", over=f"{NEWS}@anercorp", count=2)
    assert not (project / "m").exists()


def test_trainings_side_by_side_give_the_same_report(recipe: Recipe, project: Path) -> None:
    one, two = (
        crossvalidate(recipe, project / f"m{workers}", count=2, workers=workers) for workers in (1, 2)
    )
    assert one.reports == two.reports
    assert one.reports[0].documents == 4


def test_folds_part_the_articles() -> None:
    ids = [f"n{i}" for i in range(7)]
    articles = [Document(id, id) for id in ids]
    parts = folds(apart(articles)[0], 3, seed=13, output=Path("m"))
    assert sorted(id for fold in parts for id in fold.left_out) == ids
    assert sorted(len(fold.left_out) for fold in parts) == [2, 2, 3]
    assert parts == folds(apart(articles)[0], 3, seed=13, output=Path("m"))
    assert parts != folds(apart(articles)[0], 3, seed=14, output=Path("m"))
    for count in (1, 8):
        with pytest.raises(InputError, match="from 2 to the number of articles, 7"):
            folds(apart(articles)[0], count, seed=13, output=Path("m"))


def test_what_is_not_trained_on_cannot_be_folded(recipe: Recipe, project: Path) -> None:
    with pytest.raises(InputError, match="does not train on d1"):
        articles(recipe, "annotations/dev")


def test_a_copy_of_what_is_left_out_is_not_trained_on(recipe: Recipe, project: Path) -> None:
    copy = (project / NEWS / "n2.txt").read_text(encoding="utf-8")
    (project / "annotations" / "more" / "m2.txt").write_text(copy, encoding="utf-8")
    with pytest.raises(InputError, match="text of m2 would be trained on and scored; keep one copy"):
        crossvalidate(recipe, project / "models", over=NEWS, count=3)
    assert not (project / "models").exists()  # two folds were trained before that was told
    folded = [
        fold.left_out for fold in folds(apart(articles(recipe, None).documents)[0], 4, seed=0, output=project)
    ]
    assert ("m2", "n2") in folded


def test_another_corpus_by_the_same_ids_cannot_be_folded(recipe: Recipe, project: Path) -> None:
    """Ids alone were compared, and each fold was trained on the texts that it was scored on."""
    other = project / "annotations" / "other"
    other.mkdir()
    for id, text in {"n1": "n2", "n2": "n1", "n3": "n3"}.items():
        (other / f"{id}.txt").write_text(f"{text}\n{ARTICLE}", encoding="utf-8")
    with pytest.raises(InputError, match="trains on other texts by the ids n1, n2; name a corpus"):
        crossvalidate(recipe, project / "models", over="annotations/other", count=2)


def test_copies_of_a_text_are_in_one_fold() -> None:
    documents = [Document(f"n{i}", f"نص {i % 3}" + "\r\n" * (i // 3)) for i in range(6)]
    parts = folds(apart(documents)[0], 3, seed=13, output=Path("m"))
    assert sorted(fold.left_out for fold in parts) == [("n0", "n3"), ("n1", "n4"), ("n2", "n5")]
    with pytest.raises(InputError, match="from 2 to the number of articles, 3, near-duplicates aside"):
        folds(apart(documents)[0], 4, seed=13, output=Path("m"))
