"""What ``predict`` shows: from a probability on, of some labels, with the model's name; models of other versions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from kashif.corpora import loading
from kashif.corpora.provenance import weights_digest
from kashif.files import read_json, write_json

Run = Callable[..., CompletedProcess[bytes]]


@pytest.fixture
def known(trained: Path) -> str:
    """The text that the model knows by heart, as a line of JSON."""
    [document] = loading.load(str(trained.parents[1] / "annotations" / "one")).documents
    return json.dumps({"id": "a", "text": document.text})


def rows(done: CompletedProcess[bytes]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_only_what_is_asked_for_is_shown(run: Run, trained: Path, known: str) -> None:
    command = ("predict", "--model", trained)
    [whole] = rows(run(*command, stdin=known.encode()))
    assert whole["entities"]
    assert whole["relations"]
    [same] = rows(run(*command, "--threshold", "0", stdin=known.encode()))
    assert same == whole
    least = sorted(entity["score"] for entity in whole["entities"])[3]
    [likely] = rows(run(*command, "--threshold", str(least), stdin=known.encode()))
    assert {entity["id"] for entity in likely["entities"]} <= {entity["id"] for entity in whole["entities"]}
    assert all(mark["score"] >= least for mark in likely["entities"] + likely["relations"])
    [some] = rows(run(*command, "--labels", "PERS,OCC,occupation", stdin=known.encode()))
    wanted = [entity for entity in whole["entities"] if entity["label"] in ("PERS", "OCC")]
    assert some["entities"] == wanted
    assert {mark["label"] for mark in some["relations"]} <= {"occupation"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--threshold", "1.5"), "--threshold: 1.5: write a probability from 0 to 1"),
        (("--labels", "PRS"), "the model has no label 'PRS'; did you mean 'PERS'?"),
        (("--meta", "--format", "plain"), "--meta goes with --format jsonl"),
    ],
)
def test_what_does_not_fit_is_told(run: Run, trained: Path, options: tuple[str, ...], told: str) -> None:
    done = run("predict", "--model", trained, *options, stdin="نص".encode())
    assert done.returncode == 2
    assert told in done.stderr.decode()


def test_the_model_stands_in_the_meta_where_that_is_asked_for(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    lines = '{"id": "a", "text": "نص", "url": "u"}\n{"id": "b", "text": "نص", "model": 1}\n{"id": "c", "text": "نص", "model": 2}\n'
    done = run("predict", "--model", trained, "--meta", stdin=lines.encode())
    stamp = {"name": "tiny", "digest": weights_digest(trained)[:16]}
    assert [row["meta"] for row in rows(done)] == [{"url": "u", "model": stamp}, {"model": 1}, {"model": 2}]
    assert done.stderr.decode() == "b: its meta has a 'model', which is kept, here and in any other text\n"
    output = tmp_path / "out.jsonl"
    stopped = run("predict", "--model", trained, "--output", output, stdin=(lines + "{").encode())
    assert stopped.returncode == 2
    # Documents with a stamp are not those that a run without it began with.
    refused = run(
        "predict", "--model", trained, "--output", output, "--meta", "--resume", stdin=lines.encode()
    )
    assert b"run without --resume" in refused.stderr
    command = ("predict", "--model", trained, "--output", output, "--meta")
    run(*command, stdin=(lines + "{").encode())
    mended = lines.replace('"u"', '"v"')
    assert b"its meta is not the one" in run(*command, "--resume", stdin=mended.encode()).stderr
    assert run(*command, "--resume", stdin=lines.encode()).returncode == 0
    documents = output.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["meta"] for line in documents] == [row["meta"] for row in rows(done)]


def test_a_model_of_another_version_says_so(run: Run, trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    rows = read_json(folder / "manifest.json")
    write_json(folder / "manifest.json", rows | {"versions": rows["versions"] | {"kashif": "0.0.7"}})
    told = f"{folder}: written by Kashif 0.0.7, this is "
    done = run("predict", "--model", folder, stdin="نص".encode())
    assert done.returncode == 0
    assert done.stderr.decode().startswith(told)
    assert len(done.stderr.decode().splitlines()) == 1
    scored = run("score", folder, trained.parents[1] / "annotations" / "two")
    assert told in scored.stderr.decode()


def test_texts_are_marked_for_people_to_correct(run: Run, trained: Path, known: str, tmp_path: Path) -> None:
    nothing = '{"id": "empty", "text": "-"}\n'
    (tmp_path / "new.jsonl").write_text(f"{known.rstrip()}\n{nothing}", encoding="utf-8")
    command = ("corpus", "preannotate", trained, tmp_path / "new.jsonl", "--output", tmp_path / "tasks.json")
    done = run(*command)
    assert done.returncode == 0, done.stderr.decode()
    again = run(*command, "--resume", "--on-error", "skip")
    assert "there is nothing to resume" in again.stderr.decode()
    [task, empty] = read_json(tmp_path / "tasks.json")
    assert empty["predictions"][0]["result"] == []
    assert "annotations" not in empty  # nobody has looked at it
    assert task["data"]["text"] == json.loads(known)["text"]
    [prediction] = task["predictions"]
    assert all(0 <= result["score"] <= 1 for result in prediction["result"])
    read, _ = loading.load(f"label-studio:{tmp_path / 'tasks.json'}").documents
    [shown] = rows(run("predict", "--model", trained, stdin=known.encode()))
    assert [e.label for e in read.entities] == [entity["label"] for entity in shown["entities"]]
