"""Fixtures: a corpus for the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import add_scheme, another


@pytest.fixture
def news(tmp_path: Path) -> Path:
    """The folder of a corpus below ``annotations``, with the article a1; our scheme lies above it."""
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    (folder / "a1.txt").write_text(another(2), encoding="utf-8")
    add_scheme(folder.parent)
    return folder
