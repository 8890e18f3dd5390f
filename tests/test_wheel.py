"""The wheel alone, in an empty environment: the model in the box answers from any folder, with no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT


@pytest.mark.slow
def test_the_wheel_predicts_what_the_readme_shows(tmp_path: Path) -> None:
    def run(*command: str | Path, cwd: Path = tmp_path, **changes: str) -> str:
        done = subprocess.run(
            command, cwd=cwd, env={**os.environ, **changes}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", "env")
    pip = (tmp_path / "env" / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, ".", cwd=ROOT)
    [wheel] = tmp_path.glob("*.whl")
    run(*pip, "install", "--constraint", ROOT / "constraints.txt", wheel)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    [printed] = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    nowhere = "http://127.0.0.1:9"
    offline = {"HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere, "HOME": str(tmp_path), "KASHIF_MODEL": ""}
    assert run(tmp_path / "env" / "bin" / "python", "-I", "-c", snippet, **offline) == printed
    command = run(tmp_path / "env" / "bin" / "kashif", "predict", ROOT / "eval" / "example.txt", **offline)
    assert command.startswith('{"id": "example"')
