from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import get_type_hints

import pytest
from rich.table import Table
from rich.text import Text

from kashif.cli import corpus, tables
from kashif.cli.app import app
from kashif.cli.console import FirstLines, Terminal, emit
from kashif.corpora.statistics import statistics
from kashif.document import Document, Entity, Relation

Run = Callable[..., CompletedProcess[bytes]]
HOSTILE = "[red]\x1b[2Jx[/]\x9b\u202e:smile:[link=y]"
SHOWN = "[red]\\x1b[2Jx[/]\\x9b\\u202e:smile:[link=y]"


def printed(*items: object) -> str:
    console = Terminal(file=io.StringIO(), width=300)
    for item in items:
        console.print(item)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_nothing_of_a_text_acts_on_the_terminal() -> None:
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    told = printed(HOSTILE, Text(HOSTILE, style="red"), table)
    assert told.count(SHOWN) == 5
    assert not {"\x1b", "\x9b", "\u202e"} & set(told)


def test_hostile_labels_ids_and_mentions_stand_whole_in_tables() -> None:
    text, label = f"زار {HOSTILE}\u2069 كيم", HOSTILE.replace("\u202e", "")  # which no label holds
    document = Document(
        HOSTILE,
        text,
        (Entity(1, 4, 4 + len(HOSTILE) + 1, label, f"{HOSTILE}\u2069"), Entity(2, 0, 3, "[/]", "زار")),
        (Relation(label, 1, 2),),
    )
    told = printed(*tables.document(document), *tables.statistics(statistics([document])))
    assert f"{SHOWN}: 2 entities" in told
    assert f"\u2068{SHOWN}\\u2069\u2069" in told
    assert told.count(SHOWN) == 3
    assert told.count(SHOWN.replace("\\u202e", "")) == 4
    assert "[/] " in told
    assert not {"\x1b", "\x9b", "\u202e"} & set(told)


@pytest.mark.parametrize("command", [("corpus", "check"), ("corpus", "stats"), ("predict", "--model", "x")])
def test_errors_and_notices_are_escaped(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "\x1b[2J[red].txt").write_text("[[كيم|\x1b[2J[/]#1]] [[", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"id": "\\u001b[2J/[red]\\u009b", "text": 1}\n{\n', encoding="utf-8")
    done = run(*command, tmp_path)
    told = (done.stdout + done.stderr).decode()
    assert "\x1b" not in told
    assert "\x9b" not in told
    assert "a.jsonl:2" in told
    if command[0] == "corpus":
        assert "\\x1b[2J[red].txt:1" in told


@pytest.mark.parametrize("encoding", ["cp1252", "cp1256"])
def test_what_goes_into_a_file_is_utf_8_whatever_the_locale(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    r"""A scheme's keys were written as ``\u0646``, which YAML does not read back, or in cp1256."""
    bytes_ = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_, encoding, errors="backslashreplace"))
    emit("نوع: x\n")
    assert bytes_.getvalue() == "نوع: x\n".encode()


def test_the_first_lines_are_printed_and_the_rest_counted(capsys: pytest.CaptureFixture[str]) -> None:
    lines = FirstLines(2)
    for number in range(5):
        lines.add(f"line {number}")
    lines.say()
    assert capsys.readouterr().err == "line 0\nline 1\n… and 3 more such lines\n"


def test_every_option_that_names_an_output_takes_it_as_it_was_typed() -> None:
    """A ``Path`` forgets the slash at its end, which says that a folder is meant."""
    found = {
        (command.callback.__name__, name): hint
        for command in (*app.registered_commands, *corpus.app.registered_commands)
        if command.callback
        for name, hint in get_type_hints(command.callback).items()
        if name in {"output", "json_file", "html_file", "errors"}
    }
    assert len(found) == 18
    assert all(hint in (str, str | None) for hint in found.values())


FOLDER = "this is a file, and a folder is needed"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("train", "train/quickstart.yaml", "--output"), FOLDER),
        (("pretrain", "train/newswire.yaml", "--output"), FOLDER),
        (("encoder", "e5-small-ar", "--output"), FOLDER),
        (("crossvalidate", "train/quickstart.yaml", "--output"), FOLDER),
        (("predict", "--format", "plain", "--output"), FOLDER),
        (("predict", "--format", "brat", "--output"), FOLDER),
        (("corpus", "convert", "annotations/newsroom", "--format", "plain", "--output"), FOLDER),
    ],
)
def test_a_file_is_no_folder_in_any_command(
    run: Run, tmp_path: Path, command: tuple[str, ...], told: str
) -> None:
    file = tmp_path / "file"
    file.write_text("kept", encoding="utf-8")
    done = run(*command, file)
    assert done.returncode == 2, done.stderr.decode()
    assert told in done.stderr.decode()
    assert file.read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize(
    "command",
    [
        ("corpus", "convert", "annotations/newsroom", "--format", "csv", "--output"),
        ("corpus", "preannotate", "none", "README.md", "--output"),
        ("predict", "README.md", "--output"),
        ("score", "none", "annotations/newsroom", "--json"),
        ("train", "train/quickstart.yaml", "--output"),
    ],
)
def test_an_empty_output_is_refused(run: Run, command: tuple[str, ...]) -> None:
    """A variable that was not set: the files went into the current folder, or nowhere."""
    done = run(*command, "")
    assert done.returncode == 2
    assert "the name of an output is empty" in done.stderr.decode()


@pytest.mark.parametrize("ending", ["/", ""])
def test_reports_and_documents_go_into_a_folder_or_a_file(
    run: Run, trained: Path, news: Path, tmp_path: Path, ending: str
) -> None:
    """A slash at the end, or nothing, in every command that writes files."""
    (news / "a1.txt").rename(news / "b1.txt")
    commands = {
        "tiny.json": ("score", trained, news, "--json"),
        "tiny.html": ("score", trained, news, "--html"),
        "tiny-tiny.json": ("compare", trained, trained, news, "--json"),
        "b1.jsonl": ("corpus", "convert", news, "--format", "jsonl", "--output"),
        "b1.conll": ("predict", news, "--model", trained, "--format", "conll", "--output"),
        "b1.html": ("predict", news, "--model", trained, "--format", "html", "--output"),
    }
    for name, command in commands.items():
        output = tmp_path / f"out of {name}"
        done = run(*command, f"{output}{ending}")
        assert done.returncode == 0, done.stderr.decode()
        assert [file.name for file in output.iterdir()] == [name] if ending else output.is_file()
