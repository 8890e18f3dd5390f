from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import ARTICLE, FOREIGN, recipe
from kills import contents, each_kill
from transformers import TrainerCallback

import kashif
from kashif.corpora import loading
from kashif.corpora.provenance import check_weights
from kashif.errors import InputError
from kashif.evaluation.scoring import score
from kashif.modeling import predictor as predictors
from kashif.scheme import Scheme
from kashif.training.data import gather
from kashif.training.recipe import Recipe
from kashif.training.train import Trained, build_trainer, finish, train


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_the_tagger_overfits_one_article(trained: Path) -> None:
    [gold] = loading.load(str(trained.parent.parent / "annotations" / "one")).documents
    predictor = predictors.load(trained)
    predicted = predictor.predict_documents([(gold.id, gold.text)])
    report = score([gold], predicted, name="one", scheme=predictor.scheme)
    entities, relations = (report.measures[name].counts.f1 for name in ("entities", "relations"))
    assert entities is not None
    assert entities >= 0.99
    assert relations is not None
    assert relations >= 0.95


def test_a_model_folder_says_what_it_came_from(trained: Path) -> None:
    manifest = json.loads((trained / "manifest.json").read_text(encoding="utf-8"))
    assert list(manifest["train"]["articles"]) == ["a1"]
    assert len(manifest["train"]["sha256"]) == 64
    assert manifest["versions"]["torch"]
    scores = json.loads((trained / "scores.json").read_text(encoding="utf-8"))
    assert scores["selected by"] == "score"
    assert Recipe.load(trained / "recipe.yaml").epochs == 60
    assert Scheme.load(trained / "scheme.yaml") == predictors.load(trained).scheme
    assert not list(trained.glob("*.bin")) + list(trained.glob("*.pkl"))


def test_training_gives_the_folder_and_the_scores_and_prints_nothing_by_itself(
    tiny_encoder: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = train(recipe(tiny_encoder, epochs=1), Path("m"))
    written = json.loads((project / "m" / "scores.json").read_text(encoding="utf-8"))
    assert found == Trained(Path("m"), written["development"])
    assert {"entity_f1", "relation_f1", "score"} <= set(found.scores)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("other", [False, True])
def test_that_another_recipe_s_model_is_replaced_is_told(trained: Path, tmp_path: Path, other: bool) -> None:
    """Recipes of one name in two folders have one output: the second took the first one's place in silence."""
    output, lines = tmp_path / "m", list[str]()
    shutil.copytree(trained, output, ignore=shutil.ignore_patterns("checkpoints"))
    former = Recipe.load(trained / "recipe.yaml")
    corpus = shutil.copytree(former.train[0], tmp_path / "one") if other else former.train[0]
    changes = {"train": [str(corpus)], "epochs": 2, "seed": 5}

    def stop(line: str) -> None:
        lines.append(line)
        if "articles" in line:  # what is trained on, just before the training
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(Recipe.check({**former.model_dump(), **changes}, "changed"), output, say=stop)
    line = f"{output}: the model of another recipe is replaced when this one is trained"
    assert lines.count(line) == other


def test_what_no_prediction_can_reach_is_said_before_training(tiny_encoder: Path, project: Path) -> None:
    half = ARTICLE.replace("سفراء", "[[سفرا|PERS#20]]ء")
    (project / "annotations" / "news" / "n0.txt").write_text(half, encoding="utf-8")
    lines: list[str] = []
    train(recipe(tiny_encoder, epochs=1), project / "m", say=lines.append)
    assert [line.partition(",")[0] for line in lines[:5]] == [
        f"encoder '{tiny_encoder}': no manifest.json",
        "labels of annotations/scheme.yaml",
        "train: 2 articles",
        "  unreachable",
        "development: 1 articles",
    ]
    assert lines[3].endswith("scored as missed: 1 (an edge is not at a word that the encoder sees)")


def test_relations_that_the_scheme_has_none_of_are_not_said_to_be_missed(
    tiny_encoder: Path, project: Path
) -> None:
    for id in ("n0", "n1"):
        path = project / "annotations" / "news" / f"{id}.txt"
        path.write_text(path.read_text(encoding="utf-8").partition("---")[0] + "---\n", encoding="utf-8")
    lines: list[str] = []
    train(recipe(tiny_encoder, epochs=1, scheme="learned"), project / "m", say=lines.append)
    assert "development: the gold has 4 relations, the scheme none: they are not scored" in lines
    assert not [line for line in lines if "scored as missed" in line]


def test_the_same_seed_gives_the_same_model(tiny_encoder: Path, project: Path) -> None:
    first, second, other = (project / name for name in ("a", "b", "c"))
    for output in (first, second):
        train(recipe(tiny_encoder), output)
    train(recipe(tiny_encoder, seed=14), other)
    assert weights(first) == weights(second)
    assert weights(first) != weights(other)


def test_a_refused_run_leaves_the_checkpoints_of_the_last_one(tiny_encoder: Path, project: Path) -> None:
    train(recipe(tiny_encoder, epochs=1), project / "m")
    with pytest.raises(InputError, match="reads at most 512"):
        train(recipe(tiny_encoder, epochs=1, window=1024), project / "m")
    assert list((project / "m" / "checkpoints").glob("checkpoint-*"))


def test_resumed_training_ends_where_uninterrupted_does(tiny_encoder: Path, project: Path) -> None:
    lines: list[str] = []
    train(recipe(tiny_encoder), project / "whole", say=lines.append)

    class Stop(Exception):
        pass

    def stop_after_two(line: str) -> None:
        if line.startswith("epoch   3"):
            raise Stop

    with pytest.raises(Stop):
        train(recipe(tiny_encoder), project / "part", say=stop_after_two)
    resumed: list[str] = []
    train(recipe(tiny_encoder), project / "part", resume=True, say=resumed.append)
    assert weights(project / "whole") == weights(project / "part")
    epochs = [line for line in lines if line.startswith("epoch")]
    assert len(epochs) == 4
    # The third epoch was told when it stopped, and is told again.
    assert [line[:9] for line in resumed if line.startswith("epoch")] == [line[:9] for line in epochs[2:]]
    with pytest.raises(InputError, match=r"of another run: recipe\.seed was 13, is 99"):
        train(recipe(tiny_encoder, seed=99), project / "part", resume=True)
    with pytest.raises(InputError, match="nothing to resume"):
        train(recipe(tiny_encoder), project / "new", resume=True)


def test_encoders_that_do_not_fit_are_refused(tiny_encoder: Path, project: Path) -> None:
    with pytest.raises(InputError, match="reads at most 512"):
        train(recipe(tiny_encoder, window=1024), project / "m")
    with pytest.raises(InputError, match="encoder 'nowhere/at-all'"):
        train(recipe(Path("nowhere/at-all")), project / "m")
    with pytest.raises(InputError, match=r"encoder 'models/news': no such folder in .*; `kashif pretrain`"):
        train(recipe(Path("models/news")), project / "m")


def test_a_model_that_is_the_encoder_is_not_written_over(trained: Path, project: Path) -> None:
    shutil.copytree(trained, project / "m")
    before = weights(project / "m")
    for name, output in (("m", Path("m")), ("./m/", project / "m")):
        with pytest.raises(InputError, match=r"m stands here, and would be lost; name another folder"):
            train(recipe(Path(name), epochs=1), output)
    assert weights(project / "m") == before


def test_a_foreign_corpus_is_learned_in_its_own_labels(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.conll").write_text(FOREIGN * 5, encoding="utf-8")
    settings: dict[str, object] = {"epochs": 40, "patience": 40, "dropout": 0.0}
    settings |= {"encoder_learning_rate": 3e-3, "head_learning_rate": 1e-2}
    settings |= {"train": ["all.conll#0-80%"], "development": ["all.conll#80-100%"]}
    lines: list[str] = []
    output = tmp_path / "own"
    scores = train(recipe(tiny_encoder, **settings), output, say=lines.append).scores
    assert scores["score"] == scores["entity_f1"] > 0.9
    assert "relation" not in lines[-2]
    assert lines[-1] == f"wrote {output}"
    predictor = predictors.load(output)
    assert predictor.scheme == Scheme(entities={"PERS": "", "LOC": ""}, nested=False, proclitics=False)
    assert predictor.model.proclitic_head is None
    assert predictor.model.relation_head is None
    found = [(e.label, e.text) for e in predictor.predict("زار بوتين مدينة كييف").entities]
    assert found == [("PERS", "بوتين"), ("LOC", "مدينة كييف")]
    with pytest.raises(InputError, match="anercorp: no such scheme file"):
        train(recipe(tiny_encoder, **settings | {"scheme": "anercorp"}), output)


def test_callbacks_are_called_beside_kashif_s_own(tiny_encoder: Path, project: Path) -> None:
    class Count(TrainerCallback):
        epochs = 0

        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            self.epochs += 1

    count = Count()
    kashif.train(recipe(tiny_encoder, epochs=2), project / "m", callbacks=[count])
    assert count.epochs == 2


def test_a_killed_save_leaves_the_old_model_or_the_new(trained: Path, project: Path) -> None:
    """It mixed two models, and the old manifest spoke for the new weights."""
    predictor = predictors.load(trained, runtime="torch")
    settings = Recipe.load(trained / "recipe.yaml")
    trainer = build_trainer(settings, gather(settings), folder=project / "c", predictor=predictor)
    folder, before = project / "m", project / "before"
    shutil.copytree(trained, before)
    (before / "own.txt").write_text("the user's own", encoding="utf-8")
    (before / "export.json").write_text("of the old model", encoding="utf-8")
    old = contents(before)
    with torch.no_grad():
        for parameter in predictor.model.tagger.parameters():
            parameter.zero_()
    after = project / "after" / "m"
    shutil.copytree(before, after)
    finish(trainer, after)
    new = contents(after)
    assert "own.txt" in new
    assert "export.json" not in new
    assert new["model.safetensors"] != old["model.safetensors"]
    seen = set()
    for _ in each_kill(lambda: finish(trainer, folder), folder, before=before, every=4):
        check_weights(folder)
        now = {name: content for name, content in contents(folder).items() if ".partial" not in name}
        assert now in (old, new)
        assert list((folder / "checkpoints").glob("checkpoint-*"))
        seen.add(now == new)
    assert seen == {True, False}
    finish(trainer, folder)
    assert contents(folder) == new


def test_resuming_a_finished_training_leaves_it_as_it_is(tiny_encoder: Path, project: Path) -> None:
    """It repeated the epochs behind the best one."""
    settings = recipe(tiny_encoder, epochs=2)
    first = train(settings, project / "m")
    before = contents(project / "m")
    lines: list[str] = []
    assert train(settings, project / "m", resume=True, say=lines.append) == first
    assert lines[-1] == f"{project / 'm'}: this training is finished; nothing is left to do"
    assert contents(project / "m") == before


def test_a_run_that_was_moved_keeps_the_best_epoch(tiny_encoder: Path, project: Path) -> None:
    """The best checkpoint was looked for where the folder had been, and the last epoch was kept for it."""
    settings = recipe(tiny_encoder, encoder_learning_rate=1e-5, head_learning_rate=1e-5)
    train(settings, project / "whole")
    [best] = (project / "whole" / "checkpoints").glob("checkpoint-*")
    state = json.loads((best / "trainer_state.json").read_text(encoding="utf-8"))
    assert state["epoch"] == 1  # nothing is found in any epoch, and the first of equals is the best

    def stop(line: str) -> None:
        if line.startswith("epoch   4"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, project / "part", say=stop)
    (project / "part").rename(project / "moved")
    train(settings, project / "moved", resume=True)
    assert weights(project / "moved") == weights(project / "whole")
