from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from helpers import ARTICLE

from kashif.corpora import loading
from kashif.document import Document
from kashif.modeling import predictor as predictors

Run = Callable[..., CompletedProcess[bytes]]
TEXT = "زار بوتين أوسلو."


def test_predict_reads_files_folders_json_lines_and_standard_input(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    text = "زار بوتين أوسلو\r\n"
    (tmp_path / "t1.TXT").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "t2.jsonl").write_text(
        '\ufeff{"id": "x", "text": "أوسلو"}\n\n{"text": "كييف"}\n', encoding="utf-8"
    )
    done = run("predict", tmp_path, "--model", trained)
    assert done.returncode == 0, done.stderr.decode()
    documents = [Document.from_json(line) for line in done.stdout.decode().splitlines()]
    assert [(d.id, d.text) for d in documents] == [("t1", text), ("x", "أوسلو"), ("t2-3", "كييف")]
    assert done.stderr == b""
    piped = run("predict", "--model", trained, stdin=b"\xef\xbb\xbf" + text.encode())
    assert json.loads(piped.stdout)["text"] == text
    lines = run("predict", "--model", trained, stdin=b'{"text": "a"}\n{"text": 3}\n')
    assert lines.returncode == 2
    assert "standard input:2" in lines.stderr.decode()


def test_what_is_not_read_of_a_folder_is_told(run: Run, trained: Path, tmp_path: Path) -> None:
    """Of four files one was predicted on, and nothing was said of the others."""
    texts = tmp_path / "texts"
    for name in ("2024/b.txt", "a.txt", "a.ann", "c.jsonl.gz", "d.text", "README.md", "notes.gz"):
        (texts / name).parent.mkdir(parents=True, exist_ok=True)
        (texts / name).write_text(TEXT, encoding="utf-8")
    (texts / "predict.errors").write_text("", encoding="utf-8")
    done = run("predict", "texts/", texts / "a.txt", "--model", trained, "--on-error", "skip", cwd=tmp_path)
    assert ids(done.stdout) == ["a"]
    told = "texts: 2 files and 1 folder not read (2024/, c.jsonl.gz, d.text); name those with texts"
    assert [line[: len(told)] for line in done.stderr.decode().splitlines()][:1] == [told]
    chosen = run("corpus", "next", trained, "texts", cwd=tmp_path)
    assert told in chosen.stderr.decode()
    given = ("texts", "texts/2024", "--model", trained, "--on-error", "skip")
    for _ in range(2):  # what is read, or written, is none of what is not read
        done = run("predict", *given, "--output", "texts/out/", cwd=tmp_path)
        assert "2 files not read (c.jsonl.gz, d.text)" in done.stderr.decode()


def test_predict_writes_every_format(run: Run, trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    [known] = loading.load(str(trained.parent.parent / "annotations" / "one")).documents
    file.write_text(known.text, encoding="utf-8")
    for name, ending in (("plain", ".txt"), ("brat", ".ann")):
        output = tmp_path / name
        assert run("predict", file, "--model", trained, "--format", name, "--output", output).returncode == 0
        assert run("corpus", "check", output).returncode == 0
        assert (output / f"a{ending}").exists()
    for name, part in (("conll", "B-"), ("html", "<mark"), ("table", "label"), ("jsonl", '"entities"')):
        done = run("predict", file, "--model", trained, "--format", name)
        assert part in done.stdout.decode(), name


@pytest.mark.parametrize("format", ["plain", "brat", "webanno"])
def test_standard_output_takes_one_document_of_a_format_that_holds_one(
    run: Run, trained: Path, format: str
) -> None:
    """A second one was written behind it, and no reader could part them."""
    command = ("predict", "--model", trained, "--format", format)
    alone = run(*command, stdin=rows([("a", TEXT)]).encode())
    assert alone.returncode == 0
    both = run(*command, stdin=rows([("a", TEXT), ("b", TEXT)]).encode())
    assert (both.returncode, both.stdout) == (2, alone.stdout)
    assert f"document 'b': one file of {format} holds one document; name a folder" in both.stderr.decode()


def test_predict_hands_on_what_came_with_a_text(run: Run, trained: Path, tmp_path: Path) -> None:
    rows = [{"id": f"d{i}", "text": "زار بوتين أوسلو.", "url": i, "meta": {"day": [i]}} for i in range(3)]
    lines = "\n".join(json.dumps(row) for row in rows)
    done = run("predict", "--model", trained, stdin=lines.encode())
    assert [json.loads(line)["meta"] for line in done.stdout.decode().splitlines()] == [
        {"url": i, "day": [i]} for i in range(3)
    ]
    (tmp_path / "t.txt").write_text("زار بوتين أوسلو.", encoding="utf-8")
    (tmp_path / "t.jsonl").write_text(lines, encoding="utf-8")
    done = run("predict", tmp_path / "t.txt", tmp_path / "t.jsonl", "--model", trained)
    assert [json.loads(line).get("meta") for line in done.stdout.decode().splitlines()][:2] == [
        None,
        {"url": 0, "day": [0]},
    ]


def rows(texts: Iterable[tuple[str, Any]]) -> str:
    return "".join(json.dumps({"id": id, "text": text}) + "\n" for id, text in texts)


def ids(output: bytes | Path) -> list[str]:
    content = output if isinstance(output, bytes) else output.read_bytes()
    return [Document.from_json(line).id for line in content.decode().splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize(
    ("file", "format", "output"),
    [
        ("a.txt", "conll", "a.txt"),
        ("a.txt", "plain", "."),
        ("a.jsonl", "jsonl", "./"),
        ("a.jsonl", "jsonl", "a.jsonl"),  # it was emptied, and then lost the lines that failed, and gold
    ],
)
def test_an_input_that_would_be_lost_is_not_written_over(
    run: Run, tmp_path: Path, file: str, format: str, output: str
) -> None:
    content = rows([("a", TEXT), ("b", TEXT)]) if file == "a.jsonl" else TEXT
    (tmp_path / file).write_text(content, encoding="utf-8")
    refused = run("predict", file, "--format", format, "--output", output, cwd=tmp_path)
    assert refused.returncode == 2
    assert "is an input, or stands in a folder that is read" in refused.stderr.decode()
    assert (tmp_path / file).read_text(encoding="utf-8") == content


def test_every_fault_of_every_file_is_told_before_the_work(run: Run, trained: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "c.txt").write_bytes(b"\xff")
    (tmp_path / "d.jsonl").write_text('{"text": 1}\n{"id"\n' + rows([("u/v", TEXT)]), encoding="utf-8")
    output = tmp_path / "old.jsonl"
    output.write_text("old", encoding="utf-8")
    files = [tmp_path / name for name in ("a", "b", "c.txt", "d.jsonl", "none")]
    done = run("predict", *files, "--model", "no model yet", "--output", output)
    assert done.returncode == 2
    told = done.stderr.decode()
    assert len(told.splitlines()) == 5
    for part in (
        "the id 'x' is taken by",
        "not UTF-8 at byte 0",
        "d.jsonl:1: expected an object with a string 'text'",
        "d.jsonl:2: not JSON",
        "none: no such file or folder",
    ):
        assert part in told
    assert output.read_text(encoding="utf-8") == "old"
    refused = run("predict", tmp_path / "d.jsonl", "--format", "plain", "--output", tmp_path / "out")
    assert "d.jsonl:3: the id 'u/v' is no file name" in refused.stderr.decode()


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


def test_failures_are_not_written_in_a_document_s_place(run: Run, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    command = ("predict", tmp_path / "a.txt", "--model", trained, "--on-error", "skip", "--format", "plain")
    done = run(*command, "--output", f"{tmp_path}/out/", "--errors", tmp_path / "out" / "a.txt")
    assert done.returncode == 2
    assert "documents may have this name" in done.stderr.decode()


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
    monkeypatch.setattr(predictors, "_CHUNK", 2 * len(TEXT))
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


def test_marks_of_the_plain_format_are_no_text(run: Run, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    raw = "بين [[ و |X#1]] و ]]"
    (tmp_path / "b.txt").write_text(raw, encoding="utf-8")
    done = run("predict", tmp_path, "--model", trained)
    marked, other = (Document.from_json(line) for line in done.stdout.decode().splitlines())
    assert marked.text.startswith("أوسلو (رويترز) - التقى وزير الخارجية")
    assert other.text == raw
    assert "a.txt: in the plain annotation format; read for the text" in done.stderr.decode()
    assert "]]' closes no span; write |LABEL#id]]; read as it stands, with its marks" in done.stderr.decode()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--on-error", "go"), "write stop or skip"),
        (("", "--on-error", "skip"), "the name of an input is empty"),
        (("--errors", "x"), "goes with --on-error skip"),
        (("--resume",), "name it with --output"),
        (("--output", "a.txt/x"), "a.txt is a file, not a folder"),
        (("--output", "a.txt", "--format", "plain"), "a folder is needed"),
        (("--output", "~/x"), "only where the shell sees it"),
        (("--on-error", "skip", "--output", "y", "--errors", "y"), "this is another output too"),
        (("--on-error", "skip", "--errors", "a.txt"), "this is an input"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    run: Run, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    done = run("predict", "a.txt", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr.decode()
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("place", ["/dev/full", "closed", "pipe", "limit"])
def test_streams_that_take_nothing_end_without_a_traceback(trained: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "in.jsonl").write_text(rows((f"d{i}", TEXT) for i in range(300)), encoding="utf-8")
    (tmp_path / "out.jsonl").write_text("old", encoding="utf-8")
    shell = {
        "/dev/full": '"$@" >/dev/full',
        "closed": '"$@" >&-',
        "pipe": 'set -o pipefail; "$@" | true',
        "limit": 'ulimit -f 8; "$@" --output out.jsonl',
    }[place]
    command = [sys.executable, "-m", "kashif", "predict", "in.jsonl", "--model", trained]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        ["bash", "-c", shell, "bash", *map(str, command)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    told = {
        "/dev/full": "standard output: No space left on device",
        "limit": "out.jsonl.",
    }
    assert done.returncode == 1, done.stderr
    assert told.get(place, "") in done.stderr
    assert not {"Traceback", "Exception"} & set(done.stderr.split())
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == "old"
