"""doccano imports what is written, and what it exports again is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kashif.corpora.loading import load
from kashif.document import Document
from kashif.formats.writing import save

pytestmark = [pytest.mark.tools, pytest.mark.filterwarnings("default")]


def exported(source: Path, target: Path, kind: str) -> list[Document]:
    """What doccano exports of a project that it imported a file into, in a process of its own."""
    pytest.importorskip("backend")
    script = Path(__file__).with_name("doccano_project.py")
    command = [sys.executable, "-W", "ignore", str(script), str(source), str(target), kind]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return list(load(f"doccano:{target}").documents)


def contents(document: Document) -> tuple[object, ...]:
    keys = {entity.id: entity.key for entity in document.entities}
    links = sorted((r.label, keys[r.head], keys[r.tail]) for r in document.relations)
    return document.id, document.text, sorted(keys.values()), links, dict(document.meta)


def test_a_project_with_relations(article: Document, flat: Document, tmp_path: Path) -> None:
    """Several documents, with meta and without, in one file."""
    save([article, flat], "doccano", tmp_path / "in.jsonl")
    found = exported(tmp_path / "in.jsonl", tmp_path / "out.jsonl", "relations")
    assert [contents(document) for document in found] == [contents(article), contents(flat)]


def test_a_project_of_spans_alone(article: Document, tmp_path: Path) -> None:
    spans = [[e.start + 1, e.end + 1, e.label] for e in article.entities]  # the first character counts twice
    row = {"text": article.text, "label": spans}
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    [document] = exported(tmp_path / "in.jsonl", tmp_path / "out.jsonl", "spans")
    assert [e.key for e in document.entities] == sorted(e.key for e in article.entities)
