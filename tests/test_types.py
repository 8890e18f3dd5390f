"""A user's file meets the types of the public interface."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

USE = """\
import kashif

reveal_type(kashif.predict("x"))
reveal_type(kashif.predict(["x"]))
reveal_type(kashif.load("m", device="cpu", threads=2))
reveal_type(kashif.train({"train": ["a"]}, "out").scores)
reveal_type(kashif.score("m", "c")[0].measures["entities"].counts.f1)
reveal_type(kashif.compare("m", "n", corpora=["c"])[0].measures["entities"].p)
reveal_type(kashif.Recipe(train=("a",)).epochs)
wrong: int = kashif.load("m")
"""


@pytest.mark.slow
def test_mypy_sees_the_types_of_the_public_interface(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "use.py", "--cache-dir", str(tmp_path / "cache")]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    revealed = [line.split('"')[1].split(".")[-1] for line in out.splitlines() if "Revealed" in line]
    f1 = "float | None"
    assert revealed == ["Document", "Document]", "Predictor", "dict[str, float]", f1, f1, "int"]
    errors = [line for line in out.splitlines() if ": error:" in line]
    assert len(errors) == 1
    assert 'expression has type "Predictor"' in errors[0]
