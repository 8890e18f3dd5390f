from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from conftest import FOREIGN, recipe

from kashif import corpus, predicting, runtime, scoring
from kashif.data import Data
from kashif.document import Document, Entity
from kashif.errors import InputError
from kashif.jobs import half_precision
from kashif.recipe import Recipe
from kashif.scheme import Scheme
from kashif.training import development_scores, learning_rate, train, worsened


def test_the_tagger_overfits_one_article(trained: Path) -> None:
    base = trained.parent.parent
    [gold] = corpus.load("annotations/one", base).documents
    predictor = predicting.load(trained)
    report = scoring.score("one", [gold], predictor.documents([(gold.id, gold.text)]), predictor.scheme)
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
    assert not list(trained.glob("*.bin")) + list(trained.glob("*.pkl"))


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_the_same_seed_gives_the_same_model(tiny_encoder: Path, project: Path) -> None:
    first, second, other = (project / name for name in ("a", "b", "c"))
    for output in (first, second):
        train(recipe(tiny_encoder), output, project, say=lambda line: None, quiet=True)
    train(recipe(tiny_encoder, seed=14), other, project, say=lambda line: None, quiet=True)
    assert weights(first) == weights(second)
    assert weights(first) != weights(other)


def test_resumed_training_ends_where_uninterrupted_does(
    tiny_encoder: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    train(recipe(tiny_encoder), project / "whole", project, say=lines.append, quiet=True)

    class Stop(Exception):
        pass

    def stop_after_two(line: str) -> None:
        if line.startswith("epoch   3"):
            raise Stop

    with pytest.raises(Stop):
        train(recipe(tiny_encoder), project / "part", project, say=stop_after_two, quiet=True)
    train(recipe(tiny_encoder), project / "part", project, resume=True, say=lambda line: None, quiet=True)
    assert weights(project / "whole") == weights(project / "part")
    assert sum(line.startswith("epoch") for line in lines) == 4
    other = recipe(tiny_encoder, seed=99)
    with pytest.raises(InputError, match="of another recipe"):
        train(other, project / "part", project, resume=True, say=lambda line: None, quiet=True)
    with pytest.raises(InputError, match="nothing to resume"):
        train(recipe(tiny_encoder), project / "new", project, resume=True, say=lambda line: None)


def test_encoders_that_do_not_fit_are_refused(tiny_encoder: Path, project: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reads at most 512"):
        train(recipe(tiny_encoder, window=1024), tmp_path / "m", project, say=lambda line: None)
    with pytest.raises(InputError, match="encoder 'nowhere/at-all'"):
        train(recipe(Path("nowhere/at-all")), tmp_path / "m", project, say=lambda line: None)
    with pytest.raises(InputError, match=r"no folder .*models/news; `kashif pretrain`"):
        train(recipe(Path("models/news")), tmp_path / "m", project, say=lambda line: None)


@pytest.mark.parametrize(
    ("gpu", "processor", "settings", "half"),
    [
        (False, True, {}, True),
        (False, False, {}, False),
        (False, False, {"precision": "bfloat16"}, True),
        (True, False, {"batch_size": 2, "window": 256}, False),
        (True, False, {"batch_size": 64, "window": 256}, True),
        (True, True, {"batch_size": 64, "precision": "float32"}, False),
    ],
)
def test_bfloat16_is_taken_where_it_is_the_faster(
    gpu: bool, processor: bool, settings: dict[str, object], half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(runtime, "has_bfloat16", lambda: processor)
    assert half_precision(recipe(**{"precision": "auto"} | settings)) is half


def test_a_foreign_corpus_is_learned_in_its_own_labels(tiny_encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "all.conll").write_text(FOREIGN * 5, encoding="utf-8")
    settings: dict[str, object] = {"scheme": "anercorp", "epochs": 40, "patience": 40, "dropout": 0.0}
    settings |= {"encoder_learning_rate": 3e-3, "head_learning_rate": 1e-2}
    settings |= {"train": ["all.conll#0-80%"], "development": ["all.conll#80-100%"]}
    lines: list[str] = []
    output = tmp_path / "own"
    scores = train(recipe(tiny_encoder, **settings), output, tmp_path, say=lines.append, quiet=True)
    assert scores["score"] == scores["entity_f1"] > 0.9
    assert "relation" not in lines[-1]
    predictor = predicting.load(output)
    assert predictor.scheme == Scheme.load().foreign("anercorp")
    assert predictor.model.proclitics is None
    assert predictor.model.relations is None
    found = [(e.label, e.text) for e in predictor.predict("زار بوتين مدينة كييف").entities]
    assert found == [("PERS", "بوتين"), ("LOC", "مدينة كييف")]
    with pytest.raises(InputError, match="did you mean 'anercorp'"):
        train(recipe(tiny_encoder, **settings | {"scheme": "anercrop"}), output, tmp_path)


def test_a_corpus_read_through_a_mapping_trains_beside_ours(
    tiny_encoder: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "all.conll").write_text(FOREIGN * 5, encoding="utf-8")
    settings: dict[str, object] = {
        "train": ["annotations/news#train", "all.conll#0-80%@anercorp"],
        "development": ["annotations/news#development", "all.conll#80-100%@anercorp"],
        "epochs": 30,
        "patience": 30,
        "dropout": 0.0,
        "encoder_learning_rate": 3e-3,
        "head_learning_rate": 1e-2,
    }
    mixed = recipe(tiny_encoder, **settings)
    lines: list[str] = []
    scores = train(mixed, project / "whole", project, say=lines.append, quiet=True)
    assert not [line for line in lines if "out of reach" in line]
    assert scores["entity_f1"] > 0.9
    assert scores["relation_f1"] > 0.5

    class Stop(Exception):
        pass

    def stop_after_two(line: str) -> None:
        if line.startswith("epoch   3"):
            raise Stop

    with pytest.raises(Stop):
        train(mixed, project / "part", project, say=stop_after_two, quiet=True)
    train(mixed, project / "part", project, resume=True, say=lambda line: None, quiet=True)
    assert weights(project / "whole") == weights(project / "part")


def test_articles_of_other_labels_are_scored_in_those(scheme: Scheme) -> None:
    ours = Document("a", "كيم", (Entity(1, 0, 3, "PERS", "كيم"),))
    theirs = Document("b", "وكييف", (Entity(1, 0, 5, "LOC", "وكييف"),))
    found = Document("b", "وكييف", (Entity(1, 1, 5, "GPE", "كييف"), Entity(2, 1, 5, "DATE", "كييف")))
    through = {"b": scheme.mapping("anercorp")}
    both = Data(scheme, [], [ours, theirs], through, [])
    assert development_scores(both, [ours, found]) == {"entity_f1": 1, "relation_f1": 0, "score": 0.5}
    one = Data(scheme, [], [theirs], through, [])
    assert development_scores(one, [found]) == {"entity_f1": 1, "score": 1}


def test_rates_fall_from_the_top_down() -> None:
    settings = recipe(Path("x"), encoder_learning_rate=1.0, head_learning_rate=7.0, layer_decay=0.5)
    names = {
        "tagger.weight": 7.0,
        "encoder.encoder.layer.1.output.dense.weight": 1.0,
        "encoder.encoder.layer.0.output.dense.weight": 0.5,
        "encoder.embeddings.word_embeddings.weight": 0.25,
    }
    assert {name: learning_rate(name, 2, settings) for name in names} == names


def test_recipes_refuse_unknown_keys_and_take_changes(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("train: [a]\nepoch: 3\n", encoding="utf-8")
    with pytest.raises(InputError, match="did you mean 'epochs'"):
        Recipe.load(path)
    path.write_text("train: [a]\n", encoding="utf-8")
    changed = Recipe.load(path, ("epochs=3", "encoder_learning_rate=3e-4", "train=[b, c]"))
    assert (changed.epochs, changed.encoder_learning_rate, changed.train) == (3, 3e-4, ("b", "c"))
    with pytest.raises(InputError, match="KEY=VALUE"):
        Recipe.load(path, ("epochs",))
    with pytest.raises(InputError, match="no such recipe"):
        Recipe.load(tmp_path / "none.yaml")


def test_adversarial_passes_leave_the_embeddings_as_they_were() -> None:
    weight = torch.nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    (weight[[0, 2]] * torch.tensor([[3.0, 0.0], [0.0, 4.0]])).sum().backward()
    with worsened(weight, torch.tensor([0, 2]), 0.5):
        assert weight.detach().flatten().tolist() == pytest.approx([1.3, 2.0, 3.0, 4.0, 5.0, 6.4])
    assert weight.detach().flatten().tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_adversarial_training_is_another_and_deterministic(tiny_encoder: Path, project: Path) -> None:
    first, second, plain = (project / name for name in ("a", "b", "c"))
    for output, length in ((first, 0.1), (second, 0.1), (plain, 0.0)):
        settings = recipe(tiny_encoder, adversarial=length, warmup=0.0)
        train(settings, output, project, say=lambda line: None, quiet=True)
    assert weights(first) == weights(second)
    assert weights(first) != weights(plain)
