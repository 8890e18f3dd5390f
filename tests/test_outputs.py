from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from kashif.errors import InputError
from kashif.outputs import (
    Sources,
    is_folder,
    is_stream,
    missing,
    named_errors,
    open_stream,
    output_file,
    output_folder,
    write_whole,
)
from kashif.replacing import replaced_file


def test_what_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert is_folder(tmp_path / "folder")
    assert is_folder(f"{tmp_path}/new/")
    assert is_folder(tmp_path / "new.jsonl", needed=True)
    assert not is_folder(tmp_path / "new")
    assert not is_folder(tmp_path / "new.jsonl")
    assert not is_folder(tmp_path / "file")
    assert output_file(f"{tmp_path}/new/", "a.json") == tmp_path / "new" / "a.json"
    assert output_file(str(tmp_path / "new"), "a.json") == tmp_path / "new"
    assert output_folder(str(tmp_path / "new.d")) == tmp_path / "new.d"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("file/", "this is a file, and a folder is needed"),
        ("file/below/x", "file is a file, not a folder"),
        ("", "the name of an output is empty"),
        ("~/x", f"write {Path.home()}/x"),
    ],
)
def test_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=told):
        is_folder(output)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_protected_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "file").chmod(0o444)
    with pytest.raises(InputError, match="you may not write here"):
        is_folder(tmp_path / "file")


def test_pipes_and_devices_are_streams(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert is_stream(tmp_path / "pipe")
    assert is_stream(Path(os.devnull))
    assert not is_stream(tmp_path)
    assert not is_stream(tmp_path / "none")


def test_sources_hold_files_by_any_name_and_what_stands_right_in_their_folders(tmp_path: Path) -> None:
    (tmp_path / "read" / "below").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("", encoding="utf-8")
    (tmp_path / "link").symlink_to("a.txt")
    os.link(tmp_path / "a.txt", tmp_path / "twin")
    (tmp_path / "way").symlink_to("read")
    sources = Sources([tmp_path / "a.txt", tmp_path / "read", tmp_path / "new", Path(os.devnull)])
    for name in ("a.txt", "link", "twin", "read", "read/new.txt", "way/new.txt", "read/below", "new"):
        assert sources.hold(tmp_path / "read" / ".." / name), name
    for name in ("b.txt", "read/below/new.txt", "."):
        assert not sources.hold(tmp_path / name), name
    assert not sources.hold(Path(os.devnull))
    sources.refuse(tmp_path / "b.txt", tmp_path / "c.txt", Path(os.devnull), Path(os.devnull))
    with pytest.raises(InputError) as error:
        sources.refuse(tmp_path / "link", tmp_path / "b.txt", tmp_path / "way" / ".." / "b.txt")
    assert [fault.message for fault in error.value.faults] == [
        "this is an input, or stands in a folder that is read; name another place",
        "this is another output too; name another place",
    ]


def test_errors_of_the_machine_get_the_name_of_their_place() -> None:
    with pytest.raises(OSError, match="'place'"), named_errors("place"):
        raise OSError(28, "No space left on device")
    with pytest.raises(BrokenPipeError, match="'place'"), named_errors("place"):
        raise BrokenPipeError(32, "Broken pipe")
    with pytest.raises(OSError, match="'other'"), named_errors("place"):
        raise OSError(2, "No such file", "other")


def test_a_path_that_is_not_there_is_told_with_a_like_one(tmp_path: Path) -> None:
    (tmp_path / "articles").mkdir()
    assert missing(tmp_path / "artikles").endswith(f"did you mean '{tmp_path / 'articles'}'?")
    assert missing(tmp_path / "nothing" / "like") == "no such file or folder"
    assert missing(Path("\0")).startswith("no such file or folder; looked in ")


def test_what_is_neither_file_nor_folder_is_not_guessed_at(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert missing(tmp_path / "pipe") == "neither a file nor a folder"


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_an_open_file_goes_on_where_it_stands(tmp_path: Path) -> None:
    """What ``/dev/stdout`` led to was replaced, and what stood in it was lost; so was ``/dev/stderr`` itself."""
    place, link = tmp_path / "all.txt", tmp_path / "link"
    with place.open("wb") as file:
        stream = Path(f"/dev/fd/{file.fileno()}")
        link.symlink_to(stream)
        file.write(b"first ")
        file.flush()
        for path, content in ((stream, b"second "), (link, b"third")):
            assert is_stream(path)
            assert not Sources([tmp_path]).hold(path)
            with replaced_file(path) as written:
                written.write(content)
    assert place.read_bytes() == b"first second third"
    assert link.is_symlink()
    assert not is_stream(place)
    assert not is_stream(Path("/proc/self/fd/x"))


class Narrow(io.RawIOBase):
    """A stream without a buffer that takes three bytes at a time, as a pipe takes what there is room for."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.taken += bytes(content[:3])
        return len(content[:3])


def test_all_of_a_content_is_written(tmp_path: Path) -> None:
    """What an unbuffered stream did not take at once was lost, and the status was 0."""
    stream = Narrow()
    write_whole(stream, "كشاف".encode())
    assert stream.taken.decode() == "كشاف"


def test_an_open_pipe_waits_for_room() -> None:
    """A pipe that another program had set not to wait took what there was room for."""
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        with open_stream(Path(f"/dev/fd/{writer}")):
            assert os.get_blocking(writer)
    finally:
        os.close(reader)
        os.close(writer)
