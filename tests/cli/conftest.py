"""Fixtures: the command line run in this process, and a corpus for it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from helpers import ARTICLE, ROOT, add_scheme

from kashif.cli.app import main


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., CompletedProcess[bytes]]:
    """Runs the command line in this process, from the repository unless told otherwise."""

    def call(*arguments: str | Path, stdin: bytes = b"", cwd: Path = ROOT) -> CompletedProcess[bytes]:
        command = ["kashif", *map(str, arguments)]
        monkeypatch.delenv("KASHIF_MODEL", raising=False)
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        return CompletedProcess(command, int(stop.value.code or 0), *capsysbinary.readouterr())

    return call


@pytest.fixture
def news(tmp_path: Path) -> Path:
    """The folder of a corpus below ``annotations``, with the article a1; our scheme lies above it."""
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    (folder / "a1.txt").write_text("\n\n" + ARTICLE, encoding="utf-8")
    add_scheme(folder.parent)
    return folder
