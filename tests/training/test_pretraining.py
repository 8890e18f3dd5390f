from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from random import Random

import pytest
import torch
from helpers import NEWS, disguise, make_encoder, pretraining_recipe, recipe
from kills import contents, each_kill
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from kashif.corpora.loading import load
from kashif.corpora.provenance import SeenArticles
from kashif.errors import InputError, WorkError
from kashif.evaluation.reporting import score_system
from kashif.evaluation.systems import open_system
from kashif.replacing import settle
from kashif.training import checkpoints, pretraining
from kashif.training.crossvalidation import articles
from kashif.training.masking import masked_loss
from kashif.training.pretraining import _windows, pretrain
from kashif.training.train import train
from kashif.training.trial import try_guesses


@pytest.fixture
def texts(project: Path) -> Path:
    (project / "news.txt").write_text(NEWS, encoding="utf-8")
    return project


def shapes(folder: Path) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in load_file(folder / "model.safetensors").items()}


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_an_encoder_learns_to_guess_and_then_tags(tiny_encoder: Path, texts: Path) -> None:
    lines: list[str] = []
    output = texts / "models" / "read-in"
    loss = pretrain(pretraining_recipe(tiny_encoder, epochs=12), output, say=lines.append)
    told = [
        float(line.rpartition("loss ")[2].partition(",")[0]) for line in lines if line.startswith("epoch")
    ]
    assert len(told) == 12
    assert loss == pytest.approx(min(told), abs=1e-3)
    assert loss < told[0] - 0.5
    assert shapes(output) == {k: v for k, v in shapes(tiny_encoder).items() if "pooler" not in k}
    origin = json.loads((output / "pretraining.json").read_text(encoding="utf-8"))
    assert origin["loss"] == loss
    assert list(origin["texts"]) == ["news.txt"]
    model = texts / "models" / "tagger"
    train(recipe(Path("models/read-in"), epochs=1), model)
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["encoder"]) == 64
    assert manifest["encoder recipe"] == origin["recipe"]
    card = (model / "README.md").read_text(encoding="utf-8")
    assert "`kashif pretrain` made it of `news.txt`; " in card
    (output / "pretraining.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="no recipe of a pretraining"):
        train(recipe(Path("models/read-in"), epochs=1), model)


def test_weights_are_trained_in_float32_however_they_were_stored(
    tiny_encoder: Path, texts: Path, tmp_path: Path
) -> None:
    """With `precision: float32` those of an encoder stored in bfloat16 were trained in bfloat16."""
    half = tmp_path / "half"
    shutil.copytree(tiny_encoder, half)
    AutoModel.from_pretrained(tiny_encoder, dtype=torch.bfloat16).save_pretrained(half)
    assert {value.dtype for value in load_file(half / "model.safetensors").values()} == {torch.bfloat16}
    pretrain(pretraining_recipe(half, epochs=1), texts / "x")
    [checkpoint] = (texts / "x" / "checkpoints").glob("checkpoint-*")
    for folder in (texts / "x", checkpoint):
        assert {value.dtype for value in load_file(folder / "model.safetensors").values()} == {torch.float32}


def test_a_text_in_disguise_is_read_as_the_text_itself(tiny_encoder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    disguised, _ = disguise(NEWS, Random(1))
    plain, same = (_windows(text.split("\n"), tokenizer, size=64)[:] for text in (NEWS, disguised))
    assert same == plain


def test_the_same_seed_gives_the_same_encoder_of_packed_text_too(tiny_encoder: Path, texts: Path) -> None:
    with gzip.open(texts / "news.txt.gz", "wt", encoding="utf-8") as file:
        file.write(NEWS)
    first, second, other = (texts / name for name in ("a", "b", "c"))
    pretrain(pretraining_recipe(tiny_encoder), first)
    pretrain(pretraining_recipe(tiny_encoder, texts=["news.txt.gz"]), second)
    pretrain(pretraining_recipe(tiny_encoder, seed=14), other)
    assert weights(first) == weights(second) != weights(other)


def test_an_encoder_is_not_tried_on_blank_lines(tiny_encoder: Path, texts: Path) -> None:
    """Every second paragraph was taken, which were the blank ones, and the tokenizer was blamed."""
    blanks = "".join(f"\n{line}\n" for line in NEWS.split("\n")[:100])
    (texts / "news.txt").write_text(blanks, encoding="utf-8")
    pretrain(pretraining_recipe(tiny_encoder, epochs=1), texts / "out")
    assert (texts / "out" / "model.safetensors").is_file()


def test_resumed_pretraining_ends_where_uninterrupted_does(tiny_encoder: Path, texts: Path) -> None:
    class Stop(Exception):
        pass

    def stop_after_two(line: str) -> None:
        if line.startswith("epoch   3"):
            raise Stop

    pretrain(pretraining_recipe(tiny_encoder, epochs=4), texts / "whole")
    with pytest.raises(Stop):
        pretrain(pretraining_recipe(tiny_encoder, epochs=4), texts / "part", say=stop_after_two)
    pretrain(pretraining_recipe(tiny_encoder, epochs=4), texts / "part", resume=True)
    assert weights(texts / "whole") == weights(texts / "part")


def test_an_encoder_whose_tensors_have_older_names_is_pretrained(
    tiny_encoder: Path, texts: Path, tmp_path: Path
) -> None:
    """After the last epoch it ended in the best checkpoint, which lacked the tensors of newer names."""
    older = tmp_path / "older"
    shutil.copytree(tiny_encoder, older)
    tensors = load_file(older / "model.safetensors")
    for new, old in (("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")):
        tensors = {name.replace(new, old): value for name, value in tensors.items()}
    save_file(tensors, older / "model.safetensors", metadata={"format": "pt"})
    for encoder, output in ((tiny_encoder, "a"), (older, "b")):
        pretrain(pretraining_recipe(encoder), texts / output)
    first, second = (load_file(texts / output / "model.safetensors") for output in ("a", "b"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("xmod", r"encoder '.*xmod': it is no encoder that Kashif can use \(Input language unknown"),
        ("longformer", ""),  # the bias of its new head was what the memory happened to hold
        ("luke", ""),  # the loss on windows not trained on was looked for in vain
        ("ibert", ""),  # its table of embeddings is of another class
    ],
)
def test_an_encoder_is_tried_before_it_is_pretrained(kind: str, told: str, texts: Path) -> None:
    """These gave tracebacks, or a training that diverged."""
    sizes = {"entity_vocab_size": 4, "entity_emb_size": 8} if kind == "luke" else {}
    sizes |= {"attention_window": 128} if kind == "longformer" else {}
    settings = pretraining_recipe(make_encoder(texts / kind, [NEWS], kind, sizes=sizes), epochs=1)
    if told:
        with pytest.raises(InputError, match=told):
            pretrain(settings, texts / "x")
    else:
        assert pretrain(settings, texts / "x") < 10


def test_an_encoder_without_finite_guesses_is_refused(tiny_encoder: Path, texts: Path) -> None:
    network = AutoModelForMaskedLM.from_pretrained(tiny_encoder)
    with torch.no_grad():
        network.cls.predictions.bias[0] = torch.nan
    settings = pretraining_recipe(tiny_encoder)
    with pytest.raises(InputError, match="its guesses of sub-words are no finite numbers"):
        try_guesses(network, [2, 5, 6, 3], recipe=settings)
    with pytest.raises(InputError, match="cannot guess masked sub-words as Kashif asks it to"):
        try_guesses(network.base_model, [2, 5, 6, 3], recipe=settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"texts": ["none.txt"]}, "none.txt: no such file"),
        ({"texts": ["latin.txt"]}, "latin.txt:1: not UTF-8"),
        ({"texts": ["short.txt"]}, "fill 0 windows of 64"),
        ({"texts": ["news.txt#0-20%"]}, r"news\.txt#0-20%: texts take no .*; write news\.txt"),
        ({"texts": ["prodigy:news.txt#x@nomap"]}, "texts take no format, split or mapping"),
        ({"window": 1024}, "reads at most 512"),
    ],
)
def test_what_does_not_fit_is_refused(
    tiny_encoder: Path, texts: Path, settings: dict[str, object], told: str
) -> None:
    (texts / "latin.txt").write_bytes("é\n".encode("latin-1") * 100)
    (texts / "short.txt").write_text("كييف\n", encoding="utf-8")
    with pytest.raises(InputError, match=told):
        pretrain(pretraining_recipe(tiny_encoder, **settings), texts / "x")


def test_an_encoder_that_is_not_there_is_refused(texts: Path) -> None:
    with pytest.raises(InputError, match="encoder 'nowhere/at-all'"):
        pretrain(pretraining_recipe(Path("nowhere/at-all")), texts / "x")


def test_what_an_encoder_has_read_is_left_out_of_scores(tiny_encoder: Path, project: Path) -> None:
    gold = {d.id: d for d in load("annotations/news").documents}
    rows = [{"id": f"copy-{id}", "text": gold[id].text} for id in ("n0", "n3")]
    rows += [{"id": f"t{i}", "text": f"{NEWS} {i}"} for i in range(4)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (project / "all.jsonl").write_text(lines, encoding="utf-8")
    pretrain(pretraining_recipe(tiny_encoder, texts=["all.jsonl"], epochs=1), project / "models" / "read")
    settings = recipe(Path("models/read"), train=["annotations/news#train"], epochs=1)
    trained = train(settings, project / "m")
    with pytest.raises(InputError, match="1 articles left out: the encoder of m has seen them"):
        score_system(open_system(Path("m")), ["annotations/news#held-out"])
    asked = articles(settings, None)
    assert [document.id for document in asked.documents] == ["n1"]
    assert asked.notices == ("1 articles are not folded: the encoder 'models/read' has seen them",)
    # A model that begins with that model has seen what it had.
    again = train(recipe(trained.folder, train=["annotations/news#train"], epochs=1), project / "again")
    seen = SeenArticles.of(again.folder)
    assert seen is not None
    assert {"copy-n0", "copy-n3", "n0", "n1", "n2"} <= set(seen.encoder.texts)


def test_held_out_articles_are_counted_and_left_out(tiny_encoder: Path, texts: Path) -> None:
    gold = load("annotations/news#development").documents[0]
    rows = [{"id": "copy", "text": gold.text}, {"id": "near", "text": gold.text + " أمس"}]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (texts / "all.jsonl").write_text(lines, encoding="utf-8")
    said: list[str] = []
    settings = pretraining_recipe(
        tiny_encoder, texts=["news.txt", "all.jsonl"], held_out=["annotations/news#held-out"], epochs=1
    )
    pretrain(settings, texts / "x", say=said.append)
    assert "left out: 0 texts that are held out, 2 near-duplicates of such" in said


def test_an_encoder_that_has_read_a_held_out_article_is_refused(tiny_encoder: Path, project: Path) -> None:
    """It was said that none was held out; train refused such an encoder already."""
    [gold] = load("annotations/news#held-out").documents
    rows = "".join(json.dumps({"id": f"t{i}", "text": f"{gold.text} {i}" * 9}) + "\n" for i in range(4))
    (project / "all.jsonl").write_text(rows + json.dumps({"id": "n3", "text": gold.text}), encoding="utf-8")
    (project / "news.txt").write_text(NEWS, encoding="utf-8")
    pretrain(pretraining_recipe(tiny_encoder, texts=["all.jsonl"], epochs=1), project / "read")
    again = pretraining_recipe(project / "read", held_out=["annotations/news#held-out"])
    with pytest.raises(InputError, match="the encoder has seen n3, which held_out names; take another"):
        pretrain(again, project / "x")


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_grad_norm": "x"},
        {"dataloader_drop_last": True, "per_device_eval_batch_size": 1000},
        {"per_device_eval_batch_size": 0},
        {"lr_scheduler_kwargs": {"a": 1}},
    ],
)
def test_values_that_pretraining_fails_over_are_blamed(
    tiny_encoder: Path, texts: Path, wrong: dict[str, object]
) -> None:
    """They gave tracebacks."""
    with pytest.raises(InputError, match=f"trainer: training fails with {', '.join(wrong)}: .*run without"):
        pretrain(pretraining_recipe(tiny_encoder, epochs=1, trainer=wrong), texts / "x")


def test_a_large_share_leaves_a_window_to_train_on(tiny_encoder: Path, texts: Path) -> None:
    said: list[str] = []
    pretrain(
        pretraining_recipe(tiny_encoder, development_share=0.999, epochs=1), texts / "x", say=said.append
    )
    assert said[1].startswith("train: 1 windows of 64 sub-words; ")


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "modernbert", "electra", "albert"])
def test_the_loss_of_masked_sub_words_is_that_of_all(kind: str, tmp_path: Path) -> None:
    network = AutoModelForMaskedLM.from_pretrained(make_encoder(tmp_path / kind, [NEWS], kind)).eval()
    ids = torch.arange(5, 25).reshape(2, 10)
    labels = torch.where(ids % 3 == 0, ids, -100)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    assert torch.allclose(masked_loss(network, inputs), network(**inputs).loss, atol=1e-5)


def test_a_killed_save_leaves_the_old_encoder_or_the_new(
    tiny_encoder: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, folder, before = pretraining_recipe(tiny_encoder), texts / "x", texts / "before"
    pretrain(pretraining_recipe(tiny_encoder, epochs=1), before)
    shutil.copytree(before, texts / "after")
    monkeypatch.setattr(pretraining.Pretrainer, "train", lambda *_, **__: None)
    pretrain(settings, texts / "after")
    old, new = contents(before), contents(texts / "after")
    assert old["model.safetensors"] != new["model.safetensors"]
    seen = set()
    for _ in each_kill(lambda: pretrain(settings, folder), folder, before=before, every=6):
        settle(folder)
        now = {name: content for name, content in contents(folder).items() if ".partial" not in name}
        assert now in (old, new)
        seen.add(now == new)
    assert seen == {True, False}


def test_resuming_a_finished_pretraining_leaves_it_as_it_is(tiny_encoder: Path, texts: Path) -> None:
    loss = pretrain(pretraining_recipe(tiny_encoder), texts / "x")
    before, lines = contents(texts / "x"), list[str]()
    assert pretrain(pretraining_recipe(tiny_encoder), texts / "x", resume=True, say=lines.append) == loss
    assert lines[-1] == f"{texts / 'x'}: this pretraining is finished; nothing is left to do"
    assert contents(texts / "x") == before
    (texts / "x" / "model.safetensors").write_bytes(b"cut")
    pretrain(pretraining_recipe(tiny_encoder), texts / "x", resume=True)
    assert contents(texts / "x") == before


def test_two_pretrainings_do_not_write_to_one_folder(tiny_encoder: Path, texts: Path) -> None:
    """The second one removed the checkpoints of the first."""
    mark = texts / "x" / "checkpoints" / "run.json"
    mark.parent.mkdir(parents=True)
    mark.write_text("{}", encoding="utf-8")
    with checkpoints.locked(texts / "x"), pytest.raises(InputError, match="another training, export"):
        pretrain(pretraining_recipe(tiny_encoder, epochs=1), texts / "x")
    assert mark.read_text(encoding="utf-8") == "{}"


def test_a_killed_run_of_the_other_kind_is_not_lost(tiny_encoder: Path, texts: Path) -> None:
    """A training in the folder of a pretraining that was killed removed its checkpoints."""

    def stop(line: str) -> None:
        if line.startswith("epoch   1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(pretraining_recipe(tiny_encoder), texts / "e", say=stop)
    with pytest.raises(KeyboardInterrupt):
        train(recipe(tiny_encoder, epochs=2), texts / "m", say=stop)
    before = contents(texts / "e"), contents(texts / "m")
    for resume in (False, True):
        with pytest.raises(InputError, match="e: checkpoints of a pretraining stand here, and would be lost"):
            train(recipe(tiny_encoder), texts / "e", resume=resume)
        with pytest.raises(InputError, match="m: checkpoints of a training of a model stand here"):
            pretrain(pretraining_recipe(tiny_encoder), texts / "m", resume=resume)
    assert (contents(texts / "e"), contents(texts / "m")) == before


@pytest.mark.parametrize(
    ("rate", "told"), [(1e38, "is not finite"), (10, r"trained on is \d{3,}; the model f")]
)
def test_pretraining_that_diverges_is_stopped(
    tiny_encoder: Path, texts: Path, rate: float, told: str
) -> None:
    """A loss over 709 was no float as a number of choices, which was a traceback."""
    wild = pretraining_recipe(
        tiny_encoder, encoder_learning_rate=rate, warmup_steps=0, trainer={"max_grad_norm": 0}
    )
    with pytest.raises(WorkError, match=f"training diverged: .*{told}"):
        pretrain(wild, texts / "x")
    assert not (texts / "x" / "model.safetensors").exists()
