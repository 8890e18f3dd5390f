from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from kashif.errors import InputError
from kashif.training import checkpoints
from kashif.training.checkpoints import begin, can_resume, differences, seal

NOTE = {"recipe": {"epochs": 4}, "versions": {"torch": "2"}}
FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


def checkpoint(folder: Path, step: int, *, best: str | None = None) -> Path:
    """A checkpoint as the Trainer writes it; ``best`` is the path that it names as the best."""
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    save_file({"a": torch.zeros(100)}, path / "model.safetensors")
    for name in FILES[1:4]:
        torch.save({"a": torch.zeros(100)}, path / name)
    state = {"global_step": step, "best_model_checkpoint": best}
    (path / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    seal(path)
    return path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_new_run_clears_what_an_older_one_left(tmp_path: Path) -> None:
    old = checkpoint(tmp_path / "c", 5)
    (tmp_path / "c" / "thesis").mkdir()  # another's, in a folder that a link may lead to
    (tmp_path / "c" / "notes.txt").touch()
    assert begin(tmp_path / "c", NOTE, resume=False) is None
    assert not old.exists()
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["notes.txt", "run.json", "thesis"]
    assert not can_resume(tmp_path / "c", NOTE)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["cut", "empty", "missing", "flipped", "head"])
def test_the_last_whole_checkpoint_is_resumed(
    tmp_path: Path, name: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty state counted as a checkpoint, without an optimizer the Trainer began a new one, and weights
    of which a bit was another were gone on with."""
    begin(tmp_path, NOTE, resume=False)
    checkpoint(tmp_path, 9)
    last = checkpoint(tmp_path, 10)
    broken = checkpoint(tmp_path, 11)
    path = broken / name
    if how == "cut":
        cut(path)
    elif how == "empty":
        path.write_bytes(b"")
    elif how in ("flipped", "head"):  # in the head of a zip, a bit says that it is encrypted
        content = bytearray(path.read_bytes())
        content[max(0, content.find(b"PK\1\2") + 8) if how == "head" else len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        path.unlink()
    assert can_resume(tmp_path, NOTE)
    assert begin(tmp_path, NOTE, resume=True) == last
    assert f"checkpoint-11/{name}: " in caplog.text
    assert "going on from the checkpoint before it" in caplog.text
    assert not broken.exists()  # it is written anew


@pytest.mark.parametrize("name", FILES)
def test_a_checkpoint_that_was_written_without_a_state_is_not_whole(tmp_path: Path, name: str) -> None:
    """With save_only_model it had neither optimizer nor random states, and --resume was another training."""
    begin(tmp_path, NOTE, resume=False)
    only = checkpoint(tmp_path, 3)
    (only / name).unlink()
    seal(only)
    assert not can_resume(tmp_path, NOTE)
    with pytest.raises(InputError, match=r"checkpoint-3/digests\.json: not there, or not whole"):
        begin(tmp_path, NOTE, resume=True)


def test_without_a_whole_checkpoint_each_broken_file_is_told(tmp_path: Path) -> None:
    begin(tmp_path, NOTE, resume=False)
    only = checkpoint(tmp_path, 3)
    cut(only / "scheduler.pt")
    (only / "optimizer.pt").unlink()
    assert not can_resume(tmp_path, NOTE)
    with pytest.raises(InputError) as refused:
        begin(tmp_path, NOTE, resume=True)
    assert [str(fault).removeprefix(f"{tmp_path}/") for fault in refused.value.faults] == [
        "checkpoint-3/optimizer.pt: not there",
        "checkpoint-3/scheduler.pt: cut short or damaged",
        f"{tmp_path}: no checkpoint is whole; run without --resume",
    ]
    assert only.exists()


def test_the_best_checkpoint_is_found_where_the_folder_lies_now(tmp_path: Path) -> None:
    """It was named by the path of before the move, so the last epoch was kept for the best."""
    begin(tmp_path, NOTE, resume=False)
    best = checkpoint(tmp_path, 4)
    last = checkpoint(tmp_path, 8, best="/elsewhere/checkpoints/checkpoint-4")
    assert begin(tmp_path, NOTE, resume=True) == last
    state = json.loads((last / "trainer_state.json").read_text(encoding="utf-8"))
    assert state["best_model_checkpoint"] == str(best)
    cut(best / "model.safetensors")  # then the last one cannot tell it either
    with pytest.raises(InputError, match=r"checkpoint-4/model\.safetensors: cut short or damaged"):
        begin(tmp_path, NOTE, resume=True)


def test_another_run_is_not_resumed(tmp_path: Path) -> None:
    begin(tmp_path, NOTE, resume=False)
    kept = checkpoint(tmp_path, 1)
    other: dict[str, Any] = {"recipe": {"epochs": 5}, "versions": {"torch": "2"}}
    assert not can_resume(tmp_path, other)
    with pytest.raises(InputError, match=r"of another run: recipe\.epochs was 4, is 5") as refused:
        begin(tmp_path, other, resume=True)
    assert "run without --resume, or as it was" in str(refused.value)
    assert kept.exists()


def test_what_differs_is_told() -> None:
    then = {"a": {"b": 1, "c": ["x"]}, "code": {"model.py": "1" * 61}}
    now = {"a": {"b": None, "c": ["x"]}, "code": {"model.py": "2" * 61}, "d": "new"}
    assert differences(then, now) == [
        "a.b was 1, is nothing",
        "code.model.py has changed",
        "d was nothing, is new",
    ]
    assert differences(then, then) == []


def test_where_no_checkpoint_is_there_is_nothing_to_resume(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=r"nothing to resume in .*; run without --resume"):
            begin(folder, NOTE, resume=True)
    checkpoint(tmp_path, 1)  # of what run, nothing says
    assert not can_resume(tmp_path, NOTE)
    with pytest.raises(InputError, match="nothing to resume"):
        begin(tmp_path, NOTE, resume=True)


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(tmp_path: Path) -> None:
    """There was nothing to resume, it said, where the same command without --resume trained other seeds anew."""
    begin(tmp_path, NOTE, resume=False)
    assert begin(tmp_path, NOTE, resume=True) is None
    unsealed = checkpoint(tmp_path, 1)
    (unsealed / "digests.json").unlink()  # killed while it was written
    with pytest.raises(InputError, match="of another run"):
        begin(tmp_path, {**NOTE, "recipe": {}}, resume=True)
    assert begin(tmp_path, NOTE, resume=True) is None
    assert not unsealed.exists()


def test_two_trainings_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with (
        checkpoints.locked(tmp_path),
        pytest.raises(InputError, match="another training, export or threshold writes here"),
        checkpoints.locked(tmp_path),
    ):
        pass
    with checkpoints.locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_link_may_lead_checkpoints_to_another_disk(tmp_path: Path) -> None:
    model, disk = tmp_path / "model", tmp_path / "disk"
    model.mkdir()
    disk.mkdir()
    (model / "checkpoints").symlink_to(disk)
    for _ in range(2):
        assert checkpoints.begin(checkpoints.folder_of(model), {"a": 1}, resume=False) is None
    assert [path.name for path in disk.iterdir()] == ["run.json"]
    assert (model / "checkpoints").is_symlink()
