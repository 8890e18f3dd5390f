"""What has an end: the disk, memory, open files; and what has none: lines, documents, letters."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from helpers import ARTICLE, recipe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kills import contents

from kashif.modeling import predictor as predictors
from kashif.modeling.predictor import Predictor
from kashif.replacing import settle

HANDLES = Path("/proc/self/fd")
LIMITS = [4_000, 40_000, 130_000]
"""Bytes that a file may have: less than a tokenizer, than the weights, than an optimizer's state."""
MUCH = os.environ.get("STRESS_DOCUMENTS", "100000")
EXAMPLES = os.environ.get("STRESS_PREDICT", "20000")


def start(
    command: Sequence[str | Path], folder: Path, *, largest_file: int | None = None, **rest: object
) -> subprocess.Popen[bytes]:
    """The command line in a process of its own, whose files may be so large."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.Popen(
        [sys.executable, "-m", "kashif", *map(str, command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        preexec_fn=limit,
        stderr=subprocess.PIPE,
        **rest,  # type: ignore[call-overload]
    )


def scratch(folder: Path) -> list[Path]:
    return [path for ending in ("partial", "ready") for path in folder.rglob(f"*.{ending}")]


@pytest.mark.stress
@pytest.mark.parametrize("largest", LIMITS)
@pytest.mark.parametrize("name", ["train", "predict", "export"])
def test_a_disk_that_is_full(
    tiny_encoder: Path, trained: Path, project: Path, name: str, largest: int
) -> None:
    """Each file has an end, as on a full disk; what was there stays, and it goes on when there is room."""
    folder, before = project / "m", project / "before"
    shutil.copytree(trained, before, ignore=shutil.ignore_patterns("checkpoints"))
    rows = "".join(json.dumps({"id": f"d{i}", "text": ARTICLE}) + "\n" for i in range(200))
    (project / "in.jsonl").write_text(rows, encoding="utf-8")
    (before / "out.jsonl").write_text("old", encoding="utf-8")
    (project / "r.yaml").write_text(recipe(tiny_encoder, epochs=2).dump(), encoding="utf-8")
    command: dict[str, list[str | Path]] = {
        "train": ["train", "r.yaml", "--output", "m"],
        "predict": ["predict", "in.jsonl", "--model", trained, "--output", "m/out.jsonl"],
        "export": ["export", "m"],
    }
    shutil.copytree(before, folder)
    process = start(command[name], project, largest_file=largest)
    _, told = process.communicate()
    settle(folder)
    assert process.returncode == 1, told.decode()
    assert b"Traceback" not in told, told.decode()
    assert told
    kept = {file: c for file, c in contents(folder).items() if not file.endswith(".unfinished")}
    assert kept == contents(before)
    assert not scratch(folder)
    process = start(command[name], project)
    _, told = process.communicate()
    assert not process.returncode, told.decode()
    assert contents(folder) != contents(before)
    assert not scratch(folder)


def peak(process: subprocess.Popen[bytes], feed: Callable[[], Iterator[bytes]], output: Path) -> int:
    """The most memory, in MiB, that a command took which was fed through a pipe."""
    stdin = process.stdin
    assert stdin is not None

    def write() -> None:
        with stdin:
            for part in feed():
                stdin.write(part)

    writer = threading.Thread(target=write)
    writer.start()
    _, status, usage = os.wait4(process.pid, 0)
    writer.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.stderr is not None
    with process.stderr as errors:
        assert not process.returncode, errors.read().decode()
    return usage.ru_maxrss // 1024


def documents(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield json.dumps({"id": f"d{number}", "text": "زار بوتين أوسلو أمس."}).encode() + b"\n"


def one_line(size: int) -> Iterator[bytes]:
    """A text without a line end, of so many bytes."""
    words = "زار بوتين مدينة أوسلو أمس. ".encode()
    yield from (words for _ in range(size // len(words)))


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("documents", 1_000),
        pytest.param("documents", int(MUCH), marks=pytest.mark.stress),
        pytest.param("one line", 10_000_000, marks=pytest.mark.stress),
    ],
)
def test_memory_is_bounded(
    trained: Path, tmp_path: Path, record_property: Callable[[str, object], None], kind: str, size: int
) -> None:
    """A pipe of many documents takes no more than one of few but for the ids; a line takes its own size, many times."""
    output = tmp_path / "out.jsonl"
    feed = (lambda: documents(size)) if kind == "documents" else lambda: one_line(size)
    command = ["predict", "--model", trained, "--output", output]
    process = start(command, tmp_path, stdin=subprocess.PIPE)
    most = peak(process, feed, output)
    with output.open("rb") as lines:
        assert sum(1 for _ in lines) == (size if kind == "documents" else 1)
    print(f"{kind}, {size:,}: {most:,} MiB at most")
    assert most < 1_500 + (0 if kind == "documents" else 600 * size / 1e6)


LETTERS = st.text(
    st.one_of(
        st.sampled_from("ابتجدوسفكلمنهويةىئءأإآؤ زار بوتين أوسلو كيم، .؟!«»()"),
        st.characters(min_codepoint=0x600, max_codepoint=0x6FF),
        st.characters(min_codepoint=0xFB50, max_codepoint=0xFEFF),
        st.characters(min_codepoint=0, max_codepoint=0xA0),
        st.characters(min_codepoint=0x2000, max_codepoint=0x206F),
        st.characters(categories=["Cs"]),
        st.characters(),
    ),
    max_size=120,
)
PIECES = st.lists(st.one_of(LETTERS, st.sampled_from(ARTICLE.split())), max_size=12).map(" ".join)


@pytest.fixture(scope="session")
def predictor(trained: Path) -> Predictor:
    return predictors.load(trained, runtime="torch", threads=1)


def holds(predictor: Predictor, texts: list[str]) -> None:
    """What is predicted of any text lies in it; alone or among others it is the same."""
    documents = predictor.predict(texts)
    assert [document.text for document in documents] == texts
    for document in documents:
        assert all(document.text[e.start : e.end] == e.text for e in document.entities)
        assert document.to_json().encode()
    alone = predictor.predict(texts[0]).entities if texts else ()
    assert [e.key for e in alone] == [e.key for e in (documents[0].entities if texts else ())]


@given(texts=st.lists(PIECES, max_size=4))
def test_any_text_is_predicted(predictor: Predictor, texts: list[str]) -> None:
    holds(predictor, texts)


@pytest.mark.stress
def test_many_texts_are_predicted_and_nothing_is_left_open(predictor: Predictor) -> None:
    @settings(max_examples=int(EXAMPLES), derandomize=False, suppress_health_check=list(HealthCheck))
    @given(texts=st.lists(PIECES, max_size=4))
    def predict(texts: list[str]) -> None:
        holds(predictor, texts)

    predictor.predict([ARTICLE])
    before, threads = len(os.listdir(HANDLES)), threading.active_count()
    predict()
    assert (len(os.listdir(HANDLES)), threading.active_count()) == (before, threads)
