from __future__ import annotations

from pathlib import Path

import pytest

from kashif.errors import InputError
from kashif.training.checkpoints import begin, can_resume


def checkpoint(folder: Path, step: int, *, whole: bool = True) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    if whole:  # the Trainer writes its state last
        (path / "trainer_state.json").write_text("{}", encoding="utf-8")
    return path


def test_a_new_run_clears_what_an_older_one_left(tmp_path: Path) -> None:
    old = checkpoint(tmp_path / "c", 5)
    assert begin(tmp_path / "c", "a run", resume=False) is None
    assert not old.exists()
    assert not can_resume(tmp_path / "c", "a run")


def test_the_last_checkpoint_that_was_written_to_its_end_is_resumed(tmp_path: Path) -> None:
    begin(tmp_path, "a run", resume=False)
    checkpoint(tmp_path, 9)
    last = checkpoint(tmp_path, 10)
    checkpoint(tmp_path, 11, whole=False)
    assert begin(tmp_path, "a run", resume=True) == last
    assert can_resume(tmp_path, "a run")


def test_another_run_is_not_resumed(tmp_path: Path) -> None:
    begin(tmp_path, "a run", resume=False)
    kept = checkpoint(tmp_path, 1)
    assert not can_resume(tmp_path, "another run")
    with pytest.raises(InputError, match="of another recipe, corpus or version; run without --resume"):
        begin(tmp_path, "another run", resume=True)
    assert kept.exists()


def test_where_no_checkpoint_is_there_is_nothing_to_resume(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=r"nothing to resume in .*; run without --resume"):
            begin(folder, "a run", resume=True)
    checkpoint(tmp_path, 1)  # of what run, nothing says
    assert not can_resume(tmp_path, "a run")
    with pytest.raises(InputError, match="nothing to resume"):
        begin(tmp_path, "a run", resume=True)
