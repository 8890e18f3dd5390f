from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT


def test_the_snippet_runs(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The README's output comes from the default model; here the code runs on a tiny one."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    monkeypatch.setenv("KASHIF_MODEL", str(trained))
    exec(compile(snippet, "README.md", "exec"), {})
    for line in capsys.readouterr().out.splitlines():
        assert "\t" in line


def test_every_file_that_the_readme_links_to_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    assert links
    for link in links:
        assert link.startswith("http") or (ROOT / link).exists(), link
