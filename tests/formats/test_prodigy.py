from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kashif.document import Document
from kashif.errors import InputError
from kashif.formats import prodigy

PERS = {"start": 4, "end": 7, "label": "PERS", "token_start": 1, "token_end": 1}
GPE = {"start": 8, "end": 12, "label": "GPE", "token_start": 2, "token_end": 2}


def export(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps({"text": "زار كيم عمان"} | row) for row in rows), encoding="utf-8")
    return path


def test_an_export(tmp_path: Path) -> None:
    relation = {"head": 1, "child": 2, "head_span": PERS, "child_span": GPE, "label": "visits"}
    bare = {
        "head": 0,
        "child": 1,
        "head_span": {"start": 0, "end": 3, "label": None},
        "child_span": PERS,
        "label": "x",
    }
    row = {
        "spans": [PERS, {"start": 0, "end": 3}],
        "relations": [relation, bare],
        "meta": {"id": 5, "source": "x"},
    }
    rows = [row | {"_input_hash": 1}, row | {"_input_hash": 1}, {"answer": "reject"}, {"answer": "ignore"}]
    [reading] = prodigy.read(export(tmp_path / "a.jsonl", *rows))
    document = reading.document
    assert (document.id, document.meta) == ("5", {"source": "x"})
    assert [(e.label, e.text) for e in document.entities] == [("PERS", "كيم"), ("GPE", "عمان")]
    [found] = document.relations
    assert (found.label, document.entity(found.head).text, document.entity(found.tail).text) == (
        "visits",
        "كيم",
        "عمان",
    )
    assert [notice.partition(": ")[2] for notice in reading.notices] == [
        "1 spans without a label are left out",
        "1 relations of words that no labelled span covers are left out",
        "1 lines of an input that was there before are left out",
        "1 lines are left out, their answer is 'reject'",
        "1 lines are left out, their answer is 'ignore'",
    ]


def test_what_else_a_span_holds_is_counted(tmp_path: Path) -> None:
    """An id of a knowledge base was dropped without a word."""
    linked = PERS | {"kb_id": "Q42", "source": "blank:ar", "input_hash": 1}
    relation = {"head_span": linked, "child_span": GPE, "label": "visits", "color": "#fff", "sure": "yes"}
    row = {"spans": [linked, GPE | {"kb_id": ""}], "relations": [relation]}
    [reading] = prodigy.read(export(tmp_path / "a.jsonl", row))
    assert [notice.partition(": ")[2] for notice in reading.notices] == [
        "1 values of 'kb_id' of a span are left out",
        "1 values of 'sure' of a relation are left out",
    ]


def test_what_people_accepted_has_no_scores(tmp_path: Path) -> None:
    """The model's scores stay in an accepted line; by them people's gold counted as a model's."""
    row = {"spans": [PERS | {"score": 0.7}, GPE], "relations": []}
    relation = {"head_span": PERS, "child_span": GPE, "label": "visits", "score": 0.6}
    row["relations"] = [relation]
    for answer, scores in (({"answer": "accept"}, [None, None, None]), ({}, [0.7, None, 0.6])):
        [reading] = prodigy.read(export(tmp_path / "a.jsonl", row | answer))
        marks = (*reading.document.entities, *reading.document.relations)
        assert [mark.score for mark in marks] == scores
        content, _ = prodigy.write(reading.document)
        assert ("answer" in json.loads(content)) == bool(answer)
    nothing = Document("a", "زار كيم عمان")
    assert "answer" in json.loads(prodigy.write(nothing)[0])
    assert "answer" not in json.loads(prodigy.write_predicted(nothing)[0])


def test_what_cannot_be_read(tmp_path: Path) -> None:
    wrong = [{"spans": [PERS | {"end": 70}]}, {"text": 3}, {"answer": "yes"}, {"spans": 3}]
    with pytest.raises(InputError) as error:
        prodigy.read(export(tmp_path / "a.jsonl", *wrong))
    assert [fault.line for fault in error.value.faults] == [1, 2, 3, 4]
    with pytest.raises(
        InputError, match="no document is left: 1 lines are left out, their answer is 'reject'"
    ):
        prodigy.read(export(tmp_path / "a.jsonl", {"answer": "reject"}))
