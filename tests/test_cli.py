from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from conftest import ARTICLE, FOREIGN, ROOT

from kashif import corpus
from kashif.cli import main
from kashif.document import Document


@dataclass
class Done:
    """What a command left behind."""

    returncode: int
    stdout: bytes
    stderr: bytes


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs the command line in this process, from the repository unless told otherwise."""

    def call(*arguments: str | Path, stdin: bytes = b"", cwd: Path = ROOT) -> Done:
        monkeypatch.delenv("KASHIF_MODEL", raising=False)
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["kashif", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        return Done(int(stop.value.code or 0), *capsysbinary.readouterr())

    return call


def test_the_command_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-c", "from kashif.cli import main; main()", "corpus", "check", "nowhere"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"nowhere: no such file or folder" in done.stdout
    assert b"Traceback" not in done.stderr


@pytest.fixture
def news(tmp_path: Path) -> Path:
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    (folder / "a1.txt").write_text("\n\n" + ARTICLE, encoding="utf-8")
    return folder


def test_check_passes_and_fails_with_status_2(run: Run, news: Path) -> None:
    good = run("corpus", "check", news)
    assert good.returncode == 0
    assert "13 entities, 4 relations" in good.stdout.decode()
    (news / "b.txt").write_text("[[كيم|PRS#1]]\n[[x\n", encoding="utf-8")
    (news / "c.txt").write_text("[[كيم|PRS#1]]\n", encoding="utf-8")
    bad = run("corpus", "check", news)
    assert bad.returncode == 2
    told = bad.stdout.decode()
    assert "b.txt:2: [[ is never closed" in told
    assert "c.txt:1:" in told
    assert "did you mean 'PERS'" in told


def test_check_tells_how_honest_splits_are(run: Run, news: Path, tiny_encoder: Path) -> None:
    (news / "a1.txt").write_text(ARTICLE, encoding="utf-8")
    (news / "a2.txt").write_text(ARTICLE, encoding="utf-8")
    (news / "a3.txt").write_text("قصير", encoding="utf-8")
    splits = news.parent / "splits.yaml"
    splits.write_text("news: {train: [a1], test: [a2], held-out: [a3]}", encoding="utf-8")
    done = run("corpus", "check", news, "--encoder", tiny_encoder, "--window", "16")
    assert done.returncode == 0
    told = done.stdout.decode()
    assert "a1.txt: shares 100% of its runs of 8 words with 'a2'" in told
    assert "near-duplicates across splits: a1 (news#train) 0-" in told
    assert "one sentence in several splits: a1 (news#train)" in told
    rows = [" ".join(line.split()) for line in told.split("\n")]
    assert "label news#test news#held-out" in rows
    assert "all 100% of 13 / 100% – of 0 / –" in rows
    assert "GPE 100% of 4 / 100% –" in rows
    assert any(row.startswith("news#test 4 100% 0%") for row in rows)
    assert "news#held-out 0 – – – – – –" in rows
    assert any(row.startswith("news#test 17 ") for row in rows)
    splits.write_text("news: {test: [a1], held-out: [a3]}", encoding="utf-8")
    told = run("corpus", "check", news, "--encoder", tiny_encoder, "--window", "128").stdout.decode()
    assert "articles in no split: 1" in told
    assert "✓ no near-duplicates across splits; no two articles share 8 words in a row" in told
    assert "no split is named 'train'" in told
    assert "✓ windows of 128 sub-words can give all 17 entities and relations" in told
    alone = run("corpus", "check", news / "a1.txt")
    assert "splits" not in alone.stdout.decode()


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


def test_a_corpus_of_other_labels_is_checked_and_counted_in_those(
    run: Run, tmp_path: Path, tiny_encoder: Path
) -> None:
    (tmp_path / "a.conll").write_text(FOREIGN, encoding="utf-8")
    for place in (tmp_path / "a.conll", tmp_path):
        good = run("corpus", "check", f"{place}@anercorp")
        assert good.returncode == 0, good.stdout.decode()
        assert "3 entities" in good.stdout.decode()
    assert "no entity 'PERS' in the scheme" in run("corpus", "check", f"{place}@ontonotes").stdout.decode()
    assert "LOC" in run("corpus", "stats", f"{place}@anercorp").stdout.decode()
    # Foreign labels were once told to be out of a model's reach.
    halves = [f"{tmp_path / 'a.conll'}#{share}@anercorp" for share in ("0-50%", "50-100%")]
    told = run("corpus", "check", *halves, "--encoder", tiny_encoder).stdout.decode()
    assert "✓ windows of 256 sub-words can give all 3 entities and relations" in told
    assert "PERS 0% of 1 / 0%" in " ".join(told.split())
    done = run(
        "corpus", "convert", f"{place}@anercorp", "--format", "jsonl", "--output", tmp_path / "x.jsonl"
    )
    assert done.returncode == 2
    assert "take '@anercorp' away" in done.stderr.decode()


def test_convert_stats_and_agree(run: Run, news: Path, tmp_path: Path) -> None:
    output = tmp_path / "all.jsonl"
    assert run("corpus", "convert", news, "--format", "jsonl", "--output", output).returncode == 0
    assert Document.from_json(output.read_text(encoding="utf-8")).id == "a1"
    assert "GPE" in run("corpus", "stats", output).stdout.decode()
    agreed = run("corpus", "agree", news, output, "--differences").stdout.decode()
    assert "1.000" in agreed
    lossy = run("corpus", "convert", news, "--format", "conll", "--output", tmp_path / "a.conll")
    assert "4 relations have no place" in lossy.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("corpus", "check", "nowhere"), "no such file or folder"),
        (("train", "nowhere.yaml"), "no such recipe"),
        (("predict", "nowhere.txt"), "no such file or folder"),
        (("predict", "--format", "jsnl"), "did you mean 'jsonl'"),
        (("score", "nowhere", "annotations/newsroom"), "neither a model folder"),
        (("predict", "--model", "nowhere"), "no model of Kashif's here"),
        (("predict", "--format", "table", "--output", "x"), "a table is for the terminal"),
        (("train", "train/quickstart.yaml", "--set", "train=[a"), "is not YAML"),
        (("corpus", "check", "annotations/newsroom#nope"), "has no split"),
        (("corpus", "check", "annotations/newsroom", "--encoder", "tests"), "encoder 'tests': "),
    ],
)
def test_a_user_s_mistake_has_status_2_and_no_traceback(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    done = run(*arguments)
    assert done.returncode == 2, done.stderr.decode()
    assert told in (done.stderr + done.stdout).decode()
    assert b"Traceback" not in done.stderr


def test_predict_reads_files_folders_json_lines_and_standard_input(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    text = "\ufeffزار بوتين أوسلو\r\n"
    (tmp_path / "t1.txt").write_bytes(text.encode())
    (tmp_path / "t2.jsonl").write_text('{"id": "x", "text": "أوسلو"}\n\n{"text": "كييف"}\n', encoding="utf-8")
    done = run("predict", tmp_path, "--model", trained)
    assert done.returncode == 0, done.stderr.decode()
    documents = [Document.from_json(line) for line in done.stdout.decode().splitlines()]
    assert [(d.id, d.text) for d in documents] == [("t1", text), ("x", "أوسلو"), ("text-3", "كييف")]
    assert done.stderr == b""
    piped = run("predict", "--model", trained, stdin=text.encode())
    assert json.loads(piped.stdout)["text"] == text
    lines = run("predict", "--model", trained, stdin=b'{"text": "a"}\n{"text": 3}\n')
    assert lines.returncode == 2
    assert "standard input:2" in lines.stderr.decode()


def test_predict_writes_every_format(run: Run, trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    [known] = corpus.load("annotations/one", trained.parent.parent).documents
    file.write_text(known.text, encoding="utf-8")
    for name, ending in (("plain", ".txt"), ("brat", ".ann")):
        output = tmp_path / name
        assert run("predict", file, "--model", trained, "--format", name, "--output", output).returncode == 0
        assert run("corpus", "check", output).returncode == 0
        assert (output / f"a{ending}").exists()
    for name, part in (("conll", "B-"), ("html", "<mark"), ("table", "label"), ("jsonl", '"entities"')):
        done = run("predict", file, "--model", trained, "--format", name)
        assert part in done.stdout.decode(), name


def test_score_prints_a_table_and_writes_reports(run: Run, trained: Path, news: Path, tmp_path: Path) -> None:
    (news / "a1.txt").rename(news / "b1.txt")
    (tmp_path / "eval").mkdir()
    suite = tmp_path / "eval" / "own.yaml"
    suite.write_text("about: x\ncorpora: {news: annotations/news}\n", encoding="utf-8")
    done = run("score", trained, suite, "--json", tmp_path / "r.json")
    assert done.returncode == 0, done.stderr.decode()
    table = done.stdout.decode()
    assert "relations given" in table
    assert "expected calibration error: entities 0." in table
    row = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert row["reports"][0]["measures"]["entities"]["f1"] == 1.0
    written = tmp_path / "eval" / "reports" / "own-tiny.json"
    assert json.loads(written.read_text(encoding="utf-8")) == row


def test_compare_prints_a_table_and_writes_json(run: Run, trained: Path, news: Path, tmp_path: Path) -> None:
    (news / "a1.txt").rename(news / "b1.txt")
    file, report = tmp_path / "none.jsonl", tmp_path / "r.json"
    file.write_text("", encoding="utf-8")
    done = run("compare", trained, file, news, "--json", report)
    assert done.returncode == 0, done.stderr.decode()
    table = done.stdout.decode()
    assert f"A = {trained}, B = {file}" in table
    assert "-1.000 to -1.000" in table
    assert "B: no prediction for 'b1'" in table
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
    done = run("threshold", model, news, "--per-label")
    assert done.returncode == 0, done.stderr.decode()
    assert "before" in done.stdout.decode()
    assert "–" in done.stdout.decode()  # one article gives no cross-fitted estimate
    assert "not the model's development ones (b1)" in done.stderr.decode()
    assert json.loads((model / "config.json").read_text(encoding="utf-8"))["thresholds"]


def test_export_tells_loss_and_gain_and_other_runtimes_run(run: Run, trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    base, folder = tmp_path / "base", tmp_path / "model"
    shutil.copytree(trained.parent.parent / "annotations", base / "annotations")
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    refused = run("predict", "--runtime", "openvino", "--model", folder, stdin=ARTICLE.encode())
    assert refused.returncode == 2
    assert b"kashif export" in refused.stderr
    done = run("export", folder, cwd=base)
    assert done.returncode == 0, done.stderr.decode()
    assert "float32, against torch in float32 on 1 development articles" in done.stdout.decode()
    assert "entity F1 lost  relation F1 lost  times as fast" in done.stdout.decode()
    assert b"export.json; --runtime auto takes" in done.stderr
    assert run("score", folder, "annotations/two", "--runtime", "openvino", cwd=base).returncode == 0
    answers = [
        run("predict", "--runtime", name, "--model", folder, "--format", "conll", stdin=ARTICLE.encode())
        for name in ("torch", "openvino")
    ]
    assert b"B-OCC" in answers[0].stdout
    assert answers[0].stdout == answers[1].stdout


def test_score_shows_every_error_on_a_page(run: Run, news: Path, tmp_path: Path) -> None:
    [document] = corpus.load(str(news), tmp_path).documents
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


def test_train_from_the_command_line(run: Run, tiny_encoder: Path, news: Path, tmp_path: Path) -> None:
    (news / "a2.txt").write_text("\n" + ARTICLE, encoding="utf-8")
    (tmp_path / "train").mkdir()
    recipe = tmp_path / "train" / "own.yaml"
    recipe.write_text(f"encoder: {tiny_encoder}\ntrain: [annotations/news]\nwindow: 64\n", encoding="utf-8")
    done = run("train", recipe, "--set", "epochs=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    told = done.stderr.decode()
    assert "wrote models/own" in told
    assert "train: 1 articles, 24 words" in told
    assert "it/s" not in told  # no progress bars where the output is no terminal
    assert (tmp_path / "models" / "own" / "manifest.json").exists()
    assert run("encoder", tiny_encoder, "--output", tmp_path / "e").returncode == 0


def test_crossvalidate_scores_what_each_model_left_out(
    run: Run, tiny_encoder: Path, news: Path, tmp_path: Path
) -> None:
    (news / "a2.txt").write_text("\n" + ARTICLE, encoding="utf-8")
    (news.parent / "dev").mkdir()
    (news.parent / "dev" / "d1.txt").write_text("\n\n\n" + ARTICLE, encoding="utf-8")
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
    [report] = json.loads((tmp_path / "cv.json").read_text(encoding="utf-8"))["reports"]
    assert (report["corpus"], report["documents"]) == ("training articles, 2 folds", 2)
    refused = run("crossvalidate", recipe, "--over", "annotations/dev", cwd=tmp_path)
    assert refused.returncode == 2
    assert "does not train on d1" in refused.stderr.decode()
