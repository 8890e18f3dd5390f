from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from helpers import ids, names, rows

from kashif.modeling import batching
from kashif.modeling import predictor as predictors

Run = Callable[..., CompletedProcess[bytes]]
TEXT = "زار بوتين أوسلو."


def test_what_fails_is_skipped_and_written_down(run: Run, trained: Path, tmp_path: Path) -> None:
    lines = rows([("a", TEXT), ("b", 3), ("c", TEXT), ("a", TEXT)]) + "{\n" + rows([("d", TEXT)])
    (tmp_path / "in.jsonl").write_text(lines, encoding="utf-8")
    output = tmp_path / "out.jsonl"
    command = ("predict", tmp_path / "in.jsonl", "--model", trained, "--on-error", "skip")
    done = run(*command, "--output", output)
    assert done.returncode == 1
    assert ids(output) == ["a", "c", "d"]
    assert "3 of 6 inputs failed; see " in done.stderr.decode()
    errors = [json.loads(line) for line in (tmp_path / "out.jsonl.errors").read_text("utf-8").splitlines()]
    assert [(row["name"], row["where"].rpartition(":")[2]) for row in errors] == [
        ("b", "2"),
        ("a", "4"),
        (f"{tmp_path}/in.jsonl:5", "5"),
    ]
    assert all(row["cause"] for row in errors)
    printed = run(*command)
    assert (printed.returncode, ids(printed.stdout)) == (1, ["a", "c", "d"])
    assert "in.jsonl:5: not JSON" in printed.stderr.decode()
    (tmp_path / "in.jsonl").write_text(rows([("a", TEXT)]), encoding="utf-8")
    assert run(*command, "--output", output).returncode == 0
    assert names(tmp_path) == ["in.jsonl", "out.jsonl"]
    (tmp_path / "in.jsonl").write_text("{", encoding="utf-8")
    assert run(*command, "--output", output).returncode == 1
    assert ids(output) == ["a"]  # nothing was predicted, and the old results stay
    # A program that fails before the pipe sends nothing; once that was a text, whose document replaced them.
    empty = run("predict", "--model", trained, "--output", output)
    assert (empty.returncode, ids(output)) == (0, ["a"])
    assert "no document to write; " in empty.stderr.decode()
    assert "no document to write" in run("predict", "--model", trained).stderr.decode()


def test_failures_replace_an_older_log_of_them_and_nothing_else(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    """A file that stood there was replaced, or deleted where nothing failed."""
    (tmp_path / "in.jsonl").write_text(rows([("a", TEXT)]), encoding="utf-8")
    output, log = tmp_path / "out.jsonl", tmp_path / "out.jsonl.errors"
    command = ("predict", tmp_path / "in.jsonl", "--model", trained, "--on-error", "skip", "--output", output)
    for content in ("# notes\n", '{"name": "a"}\n', '["name", "where", "cause"]\n'):
        log.write_text(content, encoding="utf-8")
        for options in ((), ("--errors", log)):
            refused = run(*command, *options)
            assert refused.returncode == 2
            assert "this is no file of what failed, and would be lost" in refused.stderr.decode()
        assert log.read_text(encoding="utf-8") == content
    log.write_text('{"name": "a", "where": "b:1", "cause": "c"}\n', encoding="utf-8")
    assert run(*command).returncode == 0
    assert names(tmp_path) == ["in.jsonl", "out.jsonl"]


def test_a_device_that_takes_the_failures_stays(run: Run, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(rows([("a", TEXT)]), encoding="utf-8")
    (tmp_path / "null").symlink_to(os.devnull)
    command = ("predict", tmp_path / "in.jsonl", "--model", trained, "--on-error", "skip")
    assert run(*command, "--output", tmp_path / "o.jsonl", "--errors", tmp_path / "null").returncode == 0
    assert (tmp_path / "null").is_symlink()


def test_a_text_that_the_model_fails_on_takes_no_other_with_it(
    run: Run, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = predictors.Predictor.predict_documents

    def fail(self: Any, texts: Any, **rest: Any) -> Any:
        if any(id == "b" for id, _ in texts):
            raise RuntimeError("out of memory\nsomewhere")
        return predict(self, texts, **rest)

    monkeypatch.setattr(predictors.Predictor, "predict_documents", fail)
    lines = rows((id, TEXT) for id in "abc")
    done = run("predict", "--model", trained, "--on-error", "skip", stdin=lines.encode())
    assert (done.returncode, ids(done.stdout)) == (1, ["a", "c"])
    assert "standard input:2: prediction failed: out of memory" in done.stderr.decode()


@pytest.mark.parametrize(("format", "name"), [("jsonl", "out.jsonl"), ("brat", "out"), ("html", "out.html")])
def test_a_run_that_was_cut_short_goes_on(
    run: Run, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, name: str
) -> None:
    monkeypatch.setattr(batching, "_CHUNK", 2 * len(TEXT))
    texts = [(f"d{i}", TEXT) for i in range(8)]
    output = tmp_path / name
    command = ("predict", "--model", trained, "--format", format, "--output", output)

    def contents() -> dict[str, bytes]:
        files = output.iterdir() if output.is_dir() else [output]
        return {file.name: file.read_bytes() for file in files if file.suffix != ".unfinished"}

    assert run(*command, stdin=rows(texts).encode()).returncode == 0
    whole = contents()
    stopped = run(*command, stdin=(rows(texts[:5]) + "{").encode())
    assert stopped.returncode == 2
    assert "5 documents are kept in" in stopped.stderr.decode()
    assert contents() == whole  # the old results are as they were
    [unfinished] = tmp_path.rglob("*.unfinished")
    with unfinished.open("ab") as file:
        file.write(b'{"id": "d5", "te')  # a kill in the middle of a line
    changed = run(*command, "--resume", stdin=rows([("d0", "نص آخر")]).encode())
    assert "its text is not the one that the run began with" in changed.stderr.decode()
    resumed = run(*command, "--resume", stdin=rows(texts).encode())
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert "5 documents were there already" in resumed.stderr.decode()
    assert contents() == whole
    assert not list(tmp_path.rglob("*.unfinished"))
    refused = run(*command, "--resume", stdin=rows(texts).encode())
    assert refused.returncode == 2
    assert "there is nothing to resume" in refused.stderr.decode()


def test_what_people_marked_meanwhile_is_not_written_over(run: Run, trained: Path, tmp_path: Path) -> None:
    """What had been predicted before a stop was put in their file's place, and so was what came later."""
    output = tmp_path / "out"
    command = ("predict", "--model", trained, "--format", "plain", "--output", output)
    whole = rows((id, TEXT) for id in "abc").encode()
    assert run(*command, stdin=(rows((id, TEXT) for id in "ab") + "{").encode()).returncode == 2
    marked = "[[زار|PERS#1]] بوتين أوسلو."
    for name in ("a.txt", "b.txt"):
        (output / name).write_text(marked, encoding="utf-8")
    stopped = run(*command, "--resume", stdin=whole)
    assert stopped.returncode == 2
    told = stopped.stderr.decode()
    assert (
        "a.txt holds 1 marks of people's, which would be lost; name another folder, or move the file away"
        in told
    )
    assert "b.txt holds" in told
    assert "3 documents are kept in" in told
    assert [name for name in names(output) if not name.endswith(".unfinished")] == ["a.txt", "b.txt"]
    (output / "b.txt").unlink()
    skipped = run(*command, "--resume", "--on-error", "skip", stdin=whole)
    assert (skipped.returncode, names(output)) == (1, ["a.txt", "b.txt", "c.txt", "predict.errors"])
    assert "1 of 3 inputs failed" in skipped.stderr.decode()
    assert (output / "a.txt").read_text(encoding="utf-8") == marked


def test_a_run_that_goes_on_in_another_format_skips_what_that_cannot_hold(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    """It ended with status 2 every time, after a part of the folder was written."""
    output = tmp_path / "out"
    command = ("predict", "--model", trained, "--output", f"{output}/")
    lines = rows([("a", TEXT), ("b", "\ud83d"), ("c", TEXT)])
    assert run(*command, stdin=(lines + "{").encode()).returncode == 2
    plain = (*command, "--resume", "--format", "plain")
    stopped = run(*plain, stdin=lines.encode())
    assert "document 'b': the text holds a lone surrogate" in stopped.stderr.decode()
    assert len(names(output)) == 1
    assert run(*plain, "--on-error", "skip", stdin=lines.encode()).returncode == 1
    assert names(output) == ["a.txt", "c.txt", "predict.errors"]


def test_a_resumed_run_counts_each_input_once(run: Run, trained: Path, tmp_path: Path) -> None:
    """What was kept was left out of the total, and what had changed since was counted twice."""
    output = tmp_path / "out.jsonl"
    command = ("predict", "--model", trained, "--output", output, "--on-error", "skip")
    begun = run(*command[:-2], stdin=(rows([("a", TEXT), ("b", TEXT)]) + "{").encode())
    assert begun.returncode == 2
    lines = rows([("a", TEXT), ("b", TEXT + TEXT), ("c", TEXT), ("d", 3)])
    told = run(*command, "--resume", stdin=lines.encode()).stderr.decode()
    assert "1 documents were there already" in told
    assert "2 of 4 inputs failed" in told
    again = run(*command, "--resume", stdin=lines.encode())
    assert "its run has ended, and left out what failed" in again.stderr.decode()
