from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from helpers import ROOT

from kashif.errors import InputError
from kashif.files import (
    file_digest,
    list_folder,
    parse_json,
    read_json,
    read_json_lines,
    read_lines,
    read_text,
    write_json,
    write_text,
)


def test_text_is_read_and_written_to_the_letter(tmp_path: Path) -> None:
    text = "\ufeffزار\r\nبوتين\n\x0c\u2028\r"
    write_text(tmp_path / "new" / "folder" / "a.txt", text)
    assert (tmp_path / "new" / "folder" / "a.txt").read_bytes() == b"\xef\xbb\xbf" + text.encode()
    assert read_text(tmp_path / "new" / "folder" / "a.txt") == text


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(InputError, match=r"a\.txt: cannot be read: No such file"):
        read_text(path)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_text(tmp_path)
    for head, cure in (
        (b"\x1f\x8b\x08", "gunzip -k"),
        (b"PK\x03\x04\xff", "a zip, as .docx"),
        (b"%PDF-1.7\n\xe2", "a PDF"),
    ):
        path.write_bytes(head)
        with pytest.raises(InputError, match=f"no text: it is .*{cure}"):
            read_text(path)
    path.write_bytes(b"ab\xff")
    with pytest.raises(InputError, match=r"a\.txt:1: not UTF-8 at byte 2; save it as UTF-8"):
        read_text(path)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "first")
    with pytest.raises(InputError, match="the lone surrogate at code point 7"):
        write_text(path, "second \ud800")
    assert path.read_text(encoding="utf-8") == "first"
    write_text(path, "third")
    assert path.read_text(encoding="utf-8") == "third"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_text(tmp_path / "folder", "fourth")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.txt", "folder"]  # and nothing beside


def test_json_is_written_for_people_and_read_back(tmp_path: Path) -> None:
    path, value = tmp_path / "a.json", {"كيم": [1, 0.5, None], "a": {"b": True}}
    write_json(path, value)
    assert read_json(path) == value
    text = path.read_text(encoding="utf-8")
    assert "كيم" in text
    assert text == json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    write_json(path, ["كيم \ud83d", "\U0001f600"])
    assert read_json(path) == ["كيم \ud83d", "\U0001f600"]
    assert "\\ud83d" in path.read_text(encoding="utf-8")


def test_what_is_not_json_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1,\n"b" 2}', encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.json:2: not JSON"):
        read_json(path)
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match="not JSON"):
        read_json(path)
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        read_json(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("زار كيم".encode("utf-16"), "UTF-16; save it as UTF-8"),
        ("زار كيم موسكو".encode("utf-16-le"), "UTF-16; save it as UTF-8"),
        ("زار\nكيم".encode("cp1256"), r"a\.txt:1: not UTF-8 at byte 0"),
        (b"one\ntwo\n\xff", r"a\.txt:3: not UTF-8 at byte 8"),
    ],
)
def test_another_encoding_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_text(path)
    with pytest.raises(InputError, match=told.replace(" 8", " 0")):
        list(read_lines(path))


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a":\n1}')
    assert read_json(path) == {"a": 1}
    assert list(read_lines(path)) == [(1, '{"a":\n'), (2, "1}")]
    assert read_text(path, keep_bom=True)[0] == "\ufeff"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[NaN]", "the number NaN is not finite"),
        ("[-Infinity]", "the number -Infinity is not finite"),
        ("[1e999]", "the number 1e999 is not finite"),
        ("9" * 5000, r"a\.jsonl:7: not JSON: Exceeds the limit"),
        ("[" * 5000, "nested too deep"),
        ("[1", r"a\.jsonl:7: not JSON"),
    ],
)
def test_json_that_no_program_reads_alike_is_refused(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_json(text, "a.jsonl", 7)


def test_all_lines_that_do_not_fit_are_told_in_one_round(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n\n[]\n{"text": 1}\n{"text": "b"}\n{'))
    found: list[object] = []
    with pytest.raises(InputError) as caught:
        found.extend(read_json_lines(path, strings=("text",)))
    assert [fault.line for fault in caught.value.faults] == [3, 4, 6]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="not a whole gzip file"):
        list(read_json_lines(path, strings=("text",)))


def test_names_that_no_file_can_have_are_told(tmp_path: Path) -> None:
    for read in (read_text, read_json, file_digest, list_folder):
        with pytest.raises(InputError, match="cannot be read"):
            read(tmp_path / "a\0b")


def test_files_are_read_and_parsed_in_one_place() -> None:
    """The readers of model folders are those of their libraries; all else goes through files and config."""
    elsewhere = re.compile(r"json\.loads?\(|yaml\.(safe_)?load|\.read_(text|bytes)\(|gzip\.|open\(['\"]r")
    package = ROOT / "kashif"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if elsewhere.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"files.py", "config.py", "replacing.py"}  # the last, below files, its own list
