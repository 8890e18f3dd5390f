from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers import FOREIGN, NEWS, pretraining_recipe, recipe
from safetensors.torch import load_file

from kashif.corpora.loading import load, load_each
from kashif.corpora.provenance import SeenArticles, seen_by
from kashif.errors import InputError
from kashif.modeling import predictor as predictors
from kashif.training.auxiliary import MixedSampler, auxiliary_windows, with_schemes
from kashif.training.data import gather
from kashif.training.pretraining import pretrain
from kashif.training.train import build_trainer, train

BESIDE = ["cities.conll", "sports.conll"]


@pytest.fixture
def beside(project: Path) -> Path:
    """A project with two corpora in labels of their own, and text to pretrain on."""
    (project / "cities.conll").write_text(FOREIGN * 12, encoding="utf-8")
    (project / "sports.conll").write_text("فاز O\nالأهلي B-فريق\n\n" * 30, encoding="utf-8")
    (project / "news.txt").write_text(NEWS, encoding="utf-8")
    return project


def test_an_epoch_takes_all_windows_and_a_share_of_the_auxiliary_ones() -> None:
    sampler = MixedSampler(10, 7, rate=0.5, seed=1)
    auxiliary: Counter[int] = Counter()
    orders = []
    for epoch in range(7):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        assert list(sampler) == orders[-1]
        assert len(orders[-1]) == len(sampler) == 15
        assert sorted(index for index in orders[-1] if index < 10) == list(range(10))
        auxiliary.update(index for index in orders[-1] if index >= 10)
    assert auxiliary == dict.fromkeys(range(10, 17), 5)  # 35 drawn of 7: each as often as the others
    assert orders[0] != orders[1]


def test_auxiliary_corpora_teach_the_encoder_and_leave_nothing_else(tiny_encoder: Path, beside: Path) -> None:
    lines: list[str] = []
    train(recipe(tiny_encoder, epochs=2, batch_size=1), beside / "plain")
    train(recipe(tiny_encoder, epochs=2, batch_size=1, auxiliary=BESIDE), beside / "taught", say=lines.append)
    assert "auxiliary sports.conll: 60 words, 30 entities of 1 labels, 3 windows" in lines
    plain, taught = (load_file(beside / name / "model.safetensors") for name in ("plain", "taught"))
    assert plain.keys() == taught.keys()
    assert any((plain[name] != taught[name]).any() for name in plain if name.startswith("encoder."))
    assert "auxiliary" not in json.loads((beside / "taught" / "config.json").read_text(encoding="utf-8"))
    assert predictors.load(beside / "taught").scheme == predictors.load(beside / "plain").scheme


def test_gold_that_no_tags_can_give_is_counted(tiny_encoder: Path, beside: Path) -> None:
    (beside / "half.txt").write_text("فاز [[الأهل|فريق#1]]ي على [[الزمالك|فريق#2]].\n---\n", encoding="utf-8")
    lines: list[str] = []
    train(recipe(tiny_encoder, epochs=1, auxiliary=["half.txt"]), beside / "m", say=lines.append)
    assert lines[lines.index("  unreachable, not learned: 1") - 1].startswith("auxiliary half.txt: ")


def test_the_taggers_of_auxiliary_corpora_learn(tiny_encoder: Path, beside: Path) -> None:
    rates = {"encoder_learning_rate": 3e-3, "head_learning_rate": 1e-2, "dropout": 0.0}
    settings = recipe(tiny_encoder, auxiliary=BESIDE, epochs=20, patience=20, **rates)
    data = gather(settings)
    trainer = build_trainer(settings, data, folder=beside / "checkpoints")
    rows = [trainer.train_dataset[index] for index in range(len(trainer.train_dataset))]
    batch = trainer.data_collator([row for row in rows if row["source"]])
    before = trainer.model(**batch)
    assert before.entity_loss == before.relation_loss == 0
    assert before.loss == before.auxiliary_loss
    trainer.train()
    assert trainer.model(**batch).auxiliary_loss < 0.5 * before.auxiliary_loss


def test_training_with_auxiliary_corpora_resumes_where_it_stopped(tiny_encoder: Path, beside: Path) -> None:
    settings = recipe(tiny_encoder, auxiliary=BESIDE, epochs=3)

    def stop(line: str) -> None:
        if line.startswith("epoch   2"):
            raise KeyboardInterrupt

    train(settings, beside / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(settings, beside / "part", say=stop)
    train(settings, beside / "part", resume=True)
    whole, part = ((beside / name / "model.safetensors").read_bytes() for name in ("whole", "part"))
    assert whole == part


def test_a_run_is_not_resumed_with_another_scheme_of_an_auxiliary_corpus(
    tiny_encoder: Path, beside: Path
) -> None:
    """Two labels that changed places taught each tagger what the other had learned."""
    cities = BESIDE[:1]
    labels = sorted(gather(recipe(auxiliary=cities)).auxiliary[0].scheme.labels)

    def stop(line: str) -> None:
        if line.startswith("epoch   2"):
            raise KeyboardInterrupt

    def order(names: Sequence[str]) -> None:
        schemed = "".join(f"  {name}: x\n" for name in names)
        (beside / "scheme.yaml").write_text(f"entities:\n{schemed}", encoding="utf-8")

    for output, run in (
        ("m", partial(train, recipe(tiny_encoder, auxiliary=cities, epochs=2))),
        ("e", partial(pretrain, pretraining_recipe(tiny_encoder, auxiliary=cities, batch_size=1, epochs=2))),
    ):
        order(labels)
        with pytest.raises(KeyboardInterrupt):
            run(beside / output, say=stop)
        order(labels[::-1])
        with pytest.raises(InputError, match=r"auxiliary schemes\.cities\.conll has changed"):
            run(beside / output, resume=True)


def test_what_auxiliary_corpora_hold_counts_as_seen(tiny_encoder: Path, beside: Path) -> None:
    with pytest.raises(InputError, match="cities in both held_out and auxiliary; keep one"):
        gather(recipe(auxiliary=BESIDE, held_out=["cities.conll"]))
    with pytest.raises(InputError, match="cities in both auxiliary and held_out; keep one"):
        pretrain(pretraining_recipe(tiny_encoder, auxiliary=BESIDE, held_out=["cities.conll"]), beside / "e")
    train(recipe(tiny_encoder, auxiliary=BESIDE, epochs=1), beside / "m")
    found = SeenArticles.of(beside / "m")
    assert found is not None
    assert found.learned.among(load("cities.conll").documents) == {"cities"}
    assert {"n0", "n2", "cities", "sports"} <= seen_by(str(beside / "m")).texts.keys()


def test_corpora_that_can_teach_nothing_are_refused(beside: Path) -> None:
    (beside / "plain.txt").write_text("لا شيء هنا\n---\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"auxiliary plain\.txt: no entity is marked"):
        gather(recipe(auxiliary=["plain.txt"]))
    with pytest.raises(InputError, match="take '@anercorp' away"):
        gather(recipe(auxiliary=["cities.conll@anercorp"]))


@pytest.mark.parametrize(
    ("name", "text", "lacked", "labels"),
    [
        ("cities.conll", FOREIGN.replace("PERS", "Man"), "Man", {"Man", "LOC"}),
        ("half.txt", "فاز [[الأهلي|ORG#1]] على [[الزمالك|ORG#2]].\n---\nbeats 1 2\n", "beats", {"ORG"}),
    ],
)
def test_labels_that_the_scheme_beside_lacks_are_learned_from_the_gold(
    name: str, text: str, lacked: str, labels: set[str], project: Path, tokenizer: Any
) -> None:
    """Entities of such were words of no entity, and relations ended in a traceback."""
    (project / "annotations" / name).write_text(text, encoding="utf-8")
    [corpus] = with_schemes(load_each([f"annotations/{name}"]))
    assert set(corpus.scheme.labels) == labels
    rows, told = auxiliary_windows([corpus], tokenizer, size=64)
    assert len(rows[0]["spans"]) == 2 + (name == "cities.conll")
    assert len(told) == 2
    assert told[0].startswith(f"auxiliary annotations/{name}: ")
    assert told[0].endswith(f"scheme.yaml lacks {lacked}, so the labels are learned from the gold")


def test_pretraining_takes_auxiliary_corpora_too(tiny_encoder: Path, beside: Path) -> None:
    lines: list[str] = []
    settings = pretraining_recipe(tiny_encoder, auxiliary=BESIDE, auxiliary_rate=0.5, batch_size=1, epochs=2)
    pretrain(settings, beside / "taught", say=lines.append)
    pretrain(pretraining_recipe(tiny_encoder, batch_size=1, epochs=2), beside / "plain")
    assert "auxiliary cities.conll: 84 words, 36 entities of 2 labels, 4 windows" in lines
    plain, taught = (load_file(beside / name / "model.safetensors") for name in ("plain", "taught"))
    assert plain.keys() == taught.keys()
    assert any((plain[name] != taught[name]).any() for name in plain)
    assert seen_by(str(beside / "taught")).texts.keys() == {"cities", "sports"}
