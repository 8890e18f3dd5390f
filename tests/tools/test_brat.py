"""brat's files that are written are what pybrat reads; it writes none."""

from __future__ import annotations

from pathlib import Path

import pytest

from kashif.document import Document
from kashif.formats.writing import save

pytestmark = [pytest.mark.tools, pytest.mark.filterwarnings("default")]


def test_pybrat_reads_what_is_written(article: Document, tmp_path: Path) -> None:
    parser = pytest.importorskip("pybrat.parser")
    save([article], "brat", tmp_path)
    [example] = parser.BratParser().parse(tmp_path)
    assert (example.id, example.text) == (article.id, article.text)
    entities = [(int(e.id[1:]), e.start, e.end, e.type, e.mention) for e in example.entities]
    assert entities == [(e.id, e.start, e.end, e.label, e.text) for e in article.entities]
    assert all(example.text[entity.start : entity.end] == entity.mention for entity in example.entities)
    relations = [(r.type, int(r.arg1.id[1:]), int(r.arg2.id[1:])) for r in example.relations]
    assert relations == [(r.label, r.head, r.tail) for r in article.relations]
