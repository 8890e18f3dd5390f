from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from kashif.errors import InputError
from kashif.formats import inputs
from kashif.formats.inputs import Failure, Text


def read(*paths: Path) -> list[tuple[str, str]]:
    """Ids and texts of files; of a failure its place and message."""
    return [
        (item.id, item.text) if isinstance(item, Text) else ("failed", str(item.fault))
        for item in inputs.read(inputs.find(paths))
    ]


def test_files_and_folders_by_any_spelling_of_their_endings(tmp_path: Path) -> None:
    folder = tmp_path / "مجلد أخبار"
    (folder / "x.txt").mkdir(parents=True)
    (folder / ".hidden.txt").write_text("no", encoding="utf-8")
    (folder / "A.TXT").write_bytes("\ufeffنص\r\n".encode())
    (folder / "b.JSONL").write_bytes(b'\xef\xbb\xbf{"id": 7, "text": "b"}\n\n{"id": null, "text": "c"}')
    assert read(folder) == [("A", "نص\r\n"), ("7", "b"), ("b-3", "c")]
    assert read(tmp_path)[0] == (
        "failed",
        f"{tmp_path}: no .txt or .jsonl file in this folder; name the folders in it",
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "not JSON"),
        (b"[]", "expected an object with a string 'text'"),
        (b'{"text": null}', "found NoneType"),
        (b'{"id": true, "text": ""}', "'id' is a string or a whole number, found bool"),
        (b'{"id": "\xff"}', "not UTF-8 at byte 8"),
        (b'{"text": ' + b"[" * 100_000, "nested too deep"),
        (b'{"text": "", "x": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_a_line_that_fails_is_told_alone(tmp_path: Path, line: bytes, told: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"text": "a"}\n' + line + b'\n{"text": "c"}\n')
    first, failed, last = read(file)
    assert (first, last) == (("a-1", "a"), ("a-3", "c"))
    assert f"{file}:2: " in failed[1]
    assert told in failed[1]


def test_ids_are_unique_and_may_be_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(
        '{"id": "x", "text": ""}\n{"id": "x", "text": ""}\n{"id": "y", "text": ""}\n', encoding="utf-8"
    )
    with pytest.raises(InputError) as error:
        inputs.check([file], refusal=lambda id: "no" if id == "y" else "")
    assert [str(fault) for fault in error.value.faults] == [
        f"{file}:2: the id 'x' is taken by {file}:1; ids are unique",
        f"{file}:3: no",
    ]


def test_a_pipe_is_read_once_and_not_before_the_work(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    inputs.check([pipe])  # would wait for ever
    writer = threading.Thread(target=pipe.write_bytes, args=(b'\n{"id": "a", "text": "b"}\n',))
    writer.start()
    assert read(pipe) == [("a", "b")]
    writer.join()


def test_a_text_with_marks_of_the_plain_format_loses_them(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("[[كيم|PERS#1]]\n---\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("[[كيم|PERS#1]] [[\n", encoding="utf-8")
    (tmp_path / "c.txt").write_text("كيم\n---\nبقية [[ويكي|صفحة]] [[", encoding="utf-8")
    found = [item for item in inputs.read(inputs.find([tmp_path])) if isinstance(item, Text)]
    assert [(item.text, item.marked) for item in found] == [
        ("كيم", True),
        ("[[كيم|PERS#1]] [[\n", False),
        ("كيم\n---\nبقية [[ويكي|صفحة]] [[", False),
    ]
    # Marks with a slip were predicted on as text, and nothing was said.
    assert [str(item.slip or "") for item in found] == [
        "",
        f"{tmp_path / 'b.txt'}:1: [[ is never closed; write |LABEL#id]] where the span ends",
        "",
    ]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def given(data: bytes) -> list[Text | Failure]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        return list(inputs.read(None))

    assert given("\ufeff\nنص".encode()) == [Text("text", "\nنص", "standard input")]
    assert given(b'\n {"text": "a"}') == [Text("text-2", "a", "standard input", 2)]
    assert "not UTF-8 at byte 0" in str(given(b"\xff")[0])
    assert given(b"") == given("\ufeff \n\n".encode()) == []
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed"):
        list(inputs.read(None))


@pytest.mark.parametrize(
    "content",
    [
        '[{"id": "a", "text": "نص"}]',
        '{\n "id": "a",\n "text": "نص"\n}',
        "[]",
        '\n{"id": "a", "text": "نص"}\n\n{"id": "b", "text": "نص"}\n',
        '{"text": "نص"}\n{"text": ',
    ],
)
def test_json_is_no_text_of_an_article(tmp_path: Path, content: str) -> None:
    """Arrays, and then JSON lines, were predicted on as if their brackets were an article."""
    for name in ("a.json", "a.txt", "a.ndjson"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        [(_, told)] = read(tmp_path / name)
        assert told.startswith(f"{tmp_path / name}: JSON, not a text; write each text as an object on a line")
    for text in ("[عمان] زار كيم", "[1] زار كيم", "{عمان} زار كيم"):
        (tmp_path / "b.txt").write_text(text, encoding="utf-8")
        assert read(tmp_path / "b.txt") == [("b", text)]


def test_columns_of_words_and_tags_are_no_text_of_an_article(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entities were found in what was read as an article, tags and all."""
    content = "زار O\nكيم B-PERS\nعمان B-LOC\n\nعاد O\n"
    for name in ("a.txt", "a.conll"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        [(_, told)] = read(tmp_path / name)
        assert told == (
            f"{tmp_path / name}: words and tags in columns, not an article; for its texts:"
            f" kashif corpus convert conll:{tmp_path / name} --format jsonl --output FILE.jsonl"
        )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    [failed] = inputs.read(None)
    assert isinstance(failed, Failure)
    assert "kashif corpus convert conll:FILE " in failed.fault.message
    (tmp_path / "b.txt").write_text("كيم B-PERS\n" * 3 + "---\n", encoding="utf-8")  # as Kashif writes it
    assert read(tmp_path / "b.txt") == [("b", "\n".join(["كيم B-PERS"] * 3))]


def test_other_keys_of_a_line_are_kept(tmp_path: Path) -> None:
    """What was like a key of a document was thrown away."""
    file = tmp_path / "a.jsonl"
    file.write_text(
        '{"text": "x", "uid": 7, "ids": [1], "relation": "r", "meta": {"day": 3}}\n'
        '{"text": "x", "meta": "said"}\n{"text": "x", "source": 1, "meta": {"source": 2}}\n',
        encoding="utf-8",
    )
    first, second, third = inputs.read([file])
    assert isinstance(first, inputs.Text)
    assert first.meta == {"uid": 7, "ids": [1], "relation": "r", "day": 3}
    assert isinstance(second, inputs.Text)
    assert second.meta == {"meta": "said"}
    assert isinstance(third, inputs.Text)
    assert third.meta == {"source": 1, "meta": {"source": 2}}
