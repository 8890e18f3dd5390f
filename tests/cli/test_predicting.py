from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from helpers import ARTICLE, ids, names, rows

from kashif.corpora import loading
from kashif.document import Document

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
    no_texts = ("README.md", "LICENSE", "scheme.yaml", "notes.gz")
    for name in ("2024/b.txt", "a.txt", "a.ann", "c.jsonl.gz", "d.text", "e.md", "f", "g.csv", *no_texts):
        (texts / name).parent.mkdir(parents=True, exist_ok=True)
        (texts / name).write_text(TEXT, encoding="utf-8")
    (texts / "predict.errors").write_text("", encoding="utf-8")
    done = run("predict", "texts/", texts / "a.txt", "--model", trained, "--on-error", "skip", cwd=tmp_path)
    assert ids(done.stdout) == ["a"]
    told = "texts: 5 files and 1 folder not read (2024/, c.jsonl.gz, d.text, e.md, f and 1 more); name"
    assert [line[: len(told)] for line in done.stderr.decode().splitlines()][:1] == [told]
    chosen = run("corpus", "next", trained, "texts", cwd=tmp_path)
    assert told in chosen.stderr.decode()
    given = ("texts", "texts/2024", "--model", trained, "--on-error", "skip")
    for _ in range(2):  # what is read, or written, is none of what is not read
        done = run("predict", *given, "--output", "texts/out/", cwd=tmp_path)
        assert "5 files not read (c.jsonl.gz, d.text, e.md, f, g.csv)" in done.stderr.decode()


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
    printed = run("predict", file, "--model", trained, "--format", "csv").stdout
    run("predict", file, "--model", trained, "--format", "csv", "--output", tmp_path / "a.csv")
    assert printed == (tmp_path / "a.csv").read_bytes()  # its scores had more decimals


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


def test_failures_are_not_written_in_a_document_s_place(run: Run, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    command = ("predict", tmp_path / "a.txt", "--model", trained, "--on-error", "skip", "--format", "plain")
    done = run(*command, "--output", f"{tmp_path}/out/", "--errors", tmp_path / "out" / "a.txt")
    assert done.returncode == 2
    assert "documents may have this name" in done.stderr.decode()


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
    row = {"text": TEXT, "entities": [{"id": 1, "start": 0, "end": 3, "label": "X"}]}
    done = run(
        "predict",
        "--model",
        trained,
        stdin=f"{json.dumps({'text': TEXT, 'entities': []})}\n{json.dumps(row)}".encode(),
    )
    assert "standard input:2: holds marks; read for the text, without the marks" in done.stderr.decode()


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
