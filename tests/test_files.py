from __future__ import annotations

import json
from pathlib import Path

import pytest

from kashif.errors import InputError
from kashif.files import read_json, read_text, write_json, write_text


def test_text_is_read_and_written_to_the_letter(tmp_path: Path) -> None:
    text = "\ufeffزار\r\nبوتين\n\x0c\u2028\r"
    write_text(tmp_path / "new" / "folder" / "a.txt", text)
    assert (tmp_path / "new" / "folder" / "a.txt").read_bytes() == text.encode()
    assert read_text(tmp_path / "new" / "folder" / "a.txt") == text


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(InputError, match=r"a\.txt: cannot be read: No such file"):
        read_text(path)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_text(tmp_path)
    path.write_bytes(b"ab\xff")
    with pytest.raises(InputError, match="not UTF-8 at byte 2; save the file as UTF-8"):
        read_text(path)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "first")
    with pytest.raises(UnicodeEncodeError):
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
