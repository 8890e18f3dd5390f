from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from helpers import FOREIGN, SCHEME, add_scheme, another

from kashif import box
from kashif.corpora import loading
from kashif.corpora.provenance import model_digests
from kashif.document import Document
from kashif.formats.writing import save

Run = Callable[..., CompletedProcess[bytes]]


def test_score_prints_a_table_and_writes_the_report_that_is_asked_for(
    run: Run, trained: Path, news: Path, tmp_path: Path
) -> None:
    (news / "a1.txt").rename(news / "b1.txt")
    (tmp_path / "eval").mkdir()
    suite = tmp_path / "eval" / "own.yaml"
    suite.write_text("about: x\ncorpora: {news: annotations/news}\n", encoding="utf-8")
    done = run("score", trained, "eval/own.yaml", "--json", "r.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    table = done.stdout.decode()
    assert "relations given" in table
    assert "entities: expected calibration error 0." in table
    row = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert row["reports"][0]["measures"]["entities"]["f1"] == 1.0
    assert (row["system"], row["reports"][0]["corpus"]) == ("tiny", "news")
    assert (row["model"], row["runtime"]) == (model_digests(trained), "torch")
    assert run("score", trained, "eval/own.yaml", cwd=tmp_path).stdout.decode() == table
    files = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    assert files == {"annotations/news/b1.txt", "annotations/scheme.yaml", "eval/own.yaml", "r.json"}


def test_score_through_a_mapping_prints_and_writes(run: Run, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "m1.conll").write_text(FOREIGN, encoding="utf-8")
    target = f"{tmp_path / 'm1.conll'}@anercorp"
    done = run("score", trained, target, "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
    assert done.returncode == 0, done.stderr.decode()
    assert "right  spurious  missed" in done.stdout.decode()
    assert "relations" not in json.loads((tmp_path / "r.json").read_text("utf-8"))["reports"][0]["measures"]
    assert "<section" in (tmp_path / "r.html").read_text(encoding="utf-8")
    compared = run("compare", trained, trained, target)
    assert compared.returncode == 0, compared.stderr.decode()
    assert "relations" not in compared.stdout.decode()
    bare = tmp_path / "bare.jsonl"
    [document] = loading.load(str(tmp_path / "m1.conll")).documents
    save([Document("m1", document.text)], "jsonl", bare)
    for command in (("score", bare), ("compare", bare, bare)):
        refused = run(*command, target)
        assert refused.returncode == 2
        assert "no mapping 'anercorp': the scheme has none" in refused.stderr.decode()
        assert run(*command, target, "--scheme", SCHEME).returncode == 0


def test_score_shows_every_error_on_a_page(run: Run, news: Path, tmp_path: Path) -> None:
    [document] = loading.load(str(news)).documents
    predictions = tmp_path / "other.jsonl"
    kept = replace(document, entities=document.entities[1:])
    predictions.write_text(kept.to_json() + "\n", encoding="utf-8")
    done = run("score", predictions, news, "--html", tmp_path / "pages" / "errors.html")
    assert done.returncode == 0, done.stderr.decode()
    assert "where entity recall was lost" in done.stdout.decode()
    page = (tmp_path / "pages" / "errors.html").read_text(encoding="utf-8")
    assert "Errors of <bdi>other</bdi>" in page
    assert page.count("<section") == 1
    assert page.count('<mark class="missed"') == 1


def test_compare_prints_a_table_and_writes_json(run: Run, trained: Path, news: Path, tmp_path: Path) -> None:
    (news / "a1.txt").rename(news / "b1.txt")
    file, report = tmp_path / "none.jsonl", tmp_path / "r.json"
    [document] = loading.load(str(news)).documents
    save([Document("b1", document.text)], "jsonl", file)
    done = run("compare", trained, file, news, "--json", report)
    assert done.returncode == 0, done.stderr.decode()
    table = done.stdout.decode()
    assert f"A = {trained}, B = {file}" in table
    assert "-1.000 to -1.000" in table
    row = json.loads(report.read_text(encoding="utf-8"))
    assert row["reports"][0]["measures"]["entities"]["difference"] == -1
    assert row["reports"][0]["relations"]["sends"] == {"difference": -1, "right": -1, "spurious": 0}
    undefined = run("compare", file, file, news)
    assert undefined.returncode == 0


def test_threshold_tells_and_writes(run: Run, trained: Path, news: Path, tmp_path: Path) -> None:
    model = tmp_path / "m"
    shutil.copytree(trained, model, ignore=shutil.ignore_patterns("checkpoints"))
    refused = run("threshold", model, news)
    assert refused.returncode == 2
    assert "was trained on a1" in refused.stderr.decode()
    (news / "a1.txt").rename(news / "b1.txt")
    done = run("threshold", model, news)
    assert done.returncode == 0, done.stderr.decode()
    assert "before" in done.stdout.decode()
    assert "each half" not in done.stdout.decode()  # one article gives no cross-fitted estimate
    assert f"{model} stays as it was" in done.stderr.decode()
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    assert 0 < config["relation_threshold"] < 1
    assert f"{config['relation_threshold']:.3f}" in done.stdout.decode()


def test_crossvalidate_scores_what_each_model_left_out(
    run: Run, tiny_encoder: Path, news: Path, tmp_path: Path
) -> None:
    (news / "a2.txt").write_text(another(1), encoding="utf-8")
    (news.parent / "dev").mkdir()
    (news.parent / "dev" / "d1.txt").write_text(another(3), encoding="utf-8")
    (tmp_path / "train").mkdir()
    recipe = tmp_path / "train" / "own.yaml"
    recipe.write_text(
        f"encoder: {tiny_encoder}\ntrain: [annotations/news]\ndevelopment: [annotations/dev]\nepochs: 1\n",
        encoding="utf-8",
    )
    done = run(
        "crossvalidate", recipe, "--folds", "2", "--set", "window=64", "--json", "cv.json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "without a2" in done.stderr.decode()
    assert "relations given" in done.stdout.decode()
    row = json.loads((tmp_path / "cv.json").read_text(encoding="utf-8"))
    assert row["model"] is row["runtime"] is None
    [report] = row["reports"]
    assert (report["corpus"], report["documents"]) == ("training articles, 2 folds", 2)
    refused = run("crossvalidate", recipe, "--over", "annotations/dev", cwd=tmp_path)
    assert refused.returncode == 2
    assert "does not train on d1" in refused.stderr.decode()


def test_no_report_is_written_over_an_input(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text("kept", encoding="utf-8")
    scheme = add_scheme(tmp_path)
    for command in (
        ("score", file, "annotations/newsroom", "--json", file),
        ("compare", file, file, "annotations/newsroom", "--json", file),
        ("score", file, "annotations/newsroom", "--json", tmp_path / "r", "--html", tmp_path / "r"),
        ("score", file, "annotations/newsroom", "--json", scheme, "--scheme", scheme),
        ("compare", file, file, "annotations/newsroom", "--json", scheme, "--scheme", scheme),
        ("score", "news", "annotations/newsroom", "--json", box.folder() / "scores.json"),
        ("corpus", "convert", file, "--format", "jsonl", "--output", file),
    ):
        done = run(*command)
        assert done.returncode == 2
        assert "name another" in done.stderr.decode()
    assert file.read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize(
    "name", ["annotations/news/a1.txt", "annotations/splits.yaml", "own.yaml", "annotations/scheme.yaml"]
)
def test_a_report_is_not_written_over_what_it_is_made_from(
    run: Run, trained: Path, news: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "own.yaml").write_text("about: x\ncorpora: {news: annotations/news}\n", encoding="utf-8")
    (news.parent / "splits.yaml").write_text("news: {test: [a1]}\n", encoding="utf-8")
    before = (tmp_path / name).read_text(encoding="utf-8")
    refused = run("score", trained, "own.yaml", "--json", name, cwd=tmp_path)
    assert refused.returncode == 2
    assert "this is an input, or stands in a folder that is read" in refused.stderr.decode()
    assert (tmp_path / name).read_text(encoding="utf-8") == before


def test_a_cross_validation_s_report_replaces_no_held_out_corpus(
    run: Run, news: Path, tmp_path: Path
) -> None:
    held = tmp_path / "held.jsonl"
    held.write_text("kept", encoding="utf-8")
    recipe = tmp_path / "cv.yaml"
    recipe.write_text("train: [annotations/news]\nheld_out: [held.jsonl]\n", encoding="utf-8")
    done = run("crossvalidate", recipe, "--json", held, cwd=tmp_path)
    assert done.returncode == 2
    assert "is an input" in done.stderr.decode()
    assert held.read_text(encoding="utf-8") == "kept"
