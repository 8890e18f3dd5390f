from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kills import contents, each_kill

from kashif.errors import InputError
from kashif.files import write_text
from kashif.replacing import READY, replaced_file, replaced_files, settle

OLD = {"a": b"old a", "b": b"old b", "own.txt": b"the user's"}
NEW = {"a": b"new a", "c": b"new c", "own.txt": b"the user's"}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    folder.mkdir()
    for name, content in OLD.items():
        (folder / name).write_bytes(content)
    (folder / "checkpoints").mkdir()
    return folder


def replace(folder: Path) -> None:
    with replaced_files(folder, stale=["[a-z]"]) as new:
        for name in ("a", "c"):
            (new / name).write_bytes(NEW[name])


def test_files_are_replaced_all_at_once_or_not_at_all_whenever_it_is_killed(
    old: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    found = []
    for _ in each_kill(lambda: replace(folder), folder, before=old):
        settle(folder)
        state = {name: content for name, content in contents(folder).items() if ".partial" not in name}
        assert state in (OLD, NEW)
        assert (folder / "checkpoints").is_dir()
        found.append(state)
        replace(folder)
        assert contents(folder) == NEW  # and nothing beside
    assert found[0] == OLD
    assert found[-1] == NEW
    assert len(found) > 10


def test_what_a_reader_s_own_settling_leaves_when_killed_is_settled_by_the_next(
    old: Path, tmp_path: Path
) -> None:
    ready = old / READY
    ready.mkdir()
    (ready / "a").write_bytes(NEW["a"])
    (ready / "c").write_bytes(NEW["c"])
    (ready / ".stale.json").write_text('["b"]', encoding="utf-8")
    folder = tmp_path / "model"
    for _ in each_kill(lambda: settle(folder), folder, before=old):
        settle(folder)
        assert contents(folder) == NEW


def test_a_failure_leaves_all_as_it_was(old: Path) -> None:
    def fail() -> None:
        with replaced_files(old, stale=["*"]) as new:
            (new / "a").write_bytes(b"half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fail()
    assert contents(old) == OLD


def test_a_file_that_is_being_written_is_not_swept_away(tmp_path: Path) -> None:
    """What a killed process left is; a lock tells one from the other."""
    (tmp_path / ".0123456789ab.partial").mkdir()
    (tmp_path / ".0123456789ab.partial" / "half").touch()
    with replaced_files(tmp_path) as first:
        assert not (tmp_path / ".0123456789ab.partial").exists()
        (first / "a").touch()
        code = "import sys; from pathlib import Path; from kashif import replacing\n"
        code += "with replacing.replaced_files(Path(sys.argv[1])) as new: (new / 'b').touch()"
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert set(contents(tmp_path)) == {"a", "b"}


def test_what_others_name_alike_stays(tmp_path: Path) -> None:
    """Whatever began with a point and ended in .partial was removed, and any .ready was emptied."""
    for name in (".docs.partial", ".env.ab12cd34.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis").touch()
    ready = tmp_path / READY
    ready.mkdir()
    (ready / "a").write_text("theirs", encoding="utf-8")
    with replaced_file(tmp_path / "a") as file:
        file.write(b"ours")
    before = contents(tmp_path)
    settle(tmp_path)
    with (
        pytest.raises(InputError, match=r"\.ready in it is another program's"),
        replaced_files(tmp_path) as new,
    ):
        (new / "a").touch()
    assert contents(tmp_path) == before
    assert (tmp_path / ".env.ab12cd34.partial" / "thesis").exists()


def test_a_list_of_old_files_reaches_no_other_folder(old: Path, tmp_path: Path) -> None:
    """Whoever hands a model folder on could have written it."""
    (tmp_path / "precious").touch()
    ready = old / READY
    ready.mkdir()
    listed = ["../precious", str(tmp_path / "precious")]
    (ready / ".stale.json").write_text(json.dumps(listed), encoding="utf-8")
    settle(old)
    assert (tmp_path / "precious").exists()
    ready.mkdir()
    (ready / ".stale.json").write_text("[", encoding="utf-8")
    with pytest.raises(InputError, match="a write to this folder was cut short, and cannot be ended"):
        settle(old)


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path: Path) -> None:
    """A file once took the place of ``/dev/null``."""
    (tmp_path / "far").mkdir()
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(tmp_path / "far" / "file")
    for text in ("one", "two"):
        write_text(link, text)
        assert (tmp_path / "far" / "file").read_text(encoding="utf-8") == text
    assert link.is_symlink()
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with replaced_file(pipe) as file:
        file.write(b"three")
    assert os.read(reading, 9) == b"three"
    os.close(reading)
    assert pipe.is_fifo()
