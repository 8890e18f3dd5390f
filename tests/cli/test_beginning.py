"""From nothing to a model: ``init``, ``train`` on a bare corpus, ``corpus split`` and ``corpus merge``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from helpers import ARTICLE, another, make_encoder

from kashif.corpora import loading
from kashif.training.recipe import Recipe
from kashif.training.starter import NEWS

Run = Callable[..., CompletedProcess[bytes]]


def test_a_new_project_trains(run: Run, tmp_path: Path) -> None:
    done = run("init", "my first", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode() == "cd 'my first' && kashif train recipe.yaml\n"
    project = tmp_path / "my first"
    again = run("init", "my first", cwd=tmp_path)
    assert again.returncode == 2
    assert b"this folder is not empty" in again.stderr
    texts = [document.text for document in loading.load(str(project / NEWS)).documents]
    encoder = make_encoder(tmp_path / "encoder", texts)
    done = run("train", "recipe.yaml", "--set", f"encoder={encoder}", "--set", "epochs=1", cwd=project)
    assert done.returncode == 0, done.stderr.decode()
    assert "labels of annotations/scheme.yaml" in done.stderr.decode()
    assert "development: 3 articles" in done.stderr.decode()
    assert (project / "models" / "recipe" / "model.safetensors").exists()


def test_a_corpus_is_trained_on_by_defaults(run: Run, tiny_encoder: Path, project: Path) -> None:
    settings = [f"--set={change}" for change in (f"encoder={tiny_encoder}", "epochs=1", "window=64")]
    done = run("train", "annotations/news", *settings, cwd=project)
    assert done.returncode == 0, done.stderr.decode()
    told = done.stderr.decode()
    assert "no recipe: annotations/news is trained on" in told
    assert "\ntrain: [annotations/news#train]\ndevelopment: [annotations/news#development]\n" in told
    assert "wrote models/news" in told
    kept = Recipe.load(project / "models" / "news" / "recipe.yaml")
    assert kept.held_out == ("annotations/news#held-out",)
    assert run("train", "annotations", cwd=project).returncode == 2


def test_splits_are_drawn_once(run: Run, project: Path) -> None:
    news = project / "annotations" / "news"
    for index in range(6):
        text = "\n".join(f"قصة {chr(0x627 + index)}{word} جديدة" for word in "بتثج")
        (news / f"m{index}.txt").write_text(f"[[كيم|PERS#1]] {text}", encoding="utf-8")
    refused = run("corpus", "split", "annotations/news", cwd=project)
    assert refused.returncode == 2
    assert b"news has splits (train 2, development 1, held-out 1); --overwrite" in refused.stderr
    (news.parent / "splits.yaml").write_text("# others\nother: {train: [a]}\n", encoding="utf-8")
    done = run("corpus", "split", "annotations/news", "--shares", "train=0.7,test=0.3", cwd=project)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().startswith("news#train: 7 articles, ")
    assert "near-duplicates, kept together: 4 articles in 1 groups (n0+n1+n2+n3)" in done.stderr.decode()
    text = (news.parent / "splits.yaml").read_text(encoding="utf-8")
    assert text.startswith("# others\nother: {train: [a]}\n\nnews:\n  train: [")
    assert run("corpus", "stats", "annotations/news#test", cwd=project).returncode == 0
    again = run("corpus", "split", "annotations/news", "--overwrite", "--seed", "4", cwd=project)
    assert again.returncode == 0, again.stderr.decode()
    assert "news#development" in again.stdout.decode()
    assert run("corpus", "split", "annotations/news#train", cwd=project).returncode == 2
    assert b"not 1" in run("corpus", "split", "annotations/news", "--shares", "a=0.5", cwd=project).stderr


def test_two_annotators_are_merged(run: Run, news: Path, tmp_path: Path) -> None:
    other = news.parent / "second"
    other.mkdir()
    (other / "a1.txt").write_text(another(2).replace("الناتو|ORG#9", "الناتو|EVENT#9"), encoding="utf-8")
    (other / "a2.txt").write_text(ARTICLE, encoding="utf-8")
    output = tmp_path / "annotations" / "merged"
    done = run("corpus", "merge", news, other, "--output", output)
    assert done.returncode == 0, done.stderr.decode()
    told = "1 articles; both agree on 12 entities and 4 relations; 1 differences to decide\n"
    assert done.stdout.decode() == told
    assert f"left out, in {other} alone: 1 article (a2)" in done.stderr.decode()
    rows = (output / "differences.tsv").read_text(encoding="utf-8").splitlines()
    assert rows[1:] == [f"a1\t{news}/a1.txt:4\tORG «الناتو»\t{other}/a1.txt:4\tEVENT «الناتو»"]
    assert run("corpus", "check", output).returncode == 0
    assert b"is not empty" in run("corpus", "merge", news, other, "--output", output).stderr
    same = run("corpus", "merge", news, news, "--output", tmp_path / "same", "--format", "jsonl")
    assert b"; 0 differences" in same.stdout
    assert [file.name for file in (tmp_path / "same").iterdir()] == ["merged.jsonl"]
    assert (
        b"did you mean 'plain'"
        in run("corpus", "merge", news, news, "--output", "x", "--format", "plan").stderr
    )
