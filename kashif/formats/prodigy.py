"""Prodigy's JSON lines: spans and relations over tokens, and the answer of who looked at it.

Format: https://prodi.gy/docs/api-interfaces. Offsets are code points. What was rejected or ignored is left
out. The scores of what was accepted are a model's no more; a line without an answer, which nobody has looked
at, keeps them.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from kashif.document import Document, json_line
from kashif.errors import Fault
from kashif.formats.drafts import Draft, count_others, gathered, listed, meta_of, name, rows
from kashif.formats.reading import Reading
from kashif.formats.tokens import tokens

_OWN = {"id", "text", "spans", "relations", "tokens", "answer"}
_SPAN = {"id", "start", "end", "label", "text", "score", "type", "token_start", "token_end"}
_SPAN |= {"source", "input_hash", "rank", "priority", "pattern", "color"}
_RELATION = {"head", "child", "head_span", "child_span", "label", "score", "color"}
"""What we read of a span and of a relation, and what Prodigy itself sets there."""


def read(path: Path) -> list[Reading]:
    """The documents of an export, one a line; of several of the same input the first that was accepted.

    Raises:
        InputError: listing every line that does not fit.
    """
    faults: list[Fault] = []
    passed: Counter[str] = Counter()
    drafts: list[tuple[Draft, str, dict[str, Any]]] = []
    inputs: set[Any] = set()
    for number, line, row in rows(path, "prodigy", faults):
        answer = row.get("answer", "accept")
        if answer in ("reject", "ignore"):
            passed[f"lines are left out, their answer is '{answer}'"] += 1
            continue
        text = row.get("text")
        draft = Draft.of(path, text, number=number, line=line)
        if answer != "accept":
            draft.fault(f"an answer is accept, reject or ignore, found {shortened(answer)}")
        same = row.get("_input_hash")
        if isinstance(same, int) and same in inputs:
            passed["lines of an input that was there before are left out"] += 1
            continue
        inputs.add(same if isinstance(same, int) else None)
        _fill(draft, row, passed)
        meta = meta_of({key: value for key, value in row.items() if not key.startswith("_")}, _OWN)
        id = name(row, ["id"], name(meta, ["id"], f"{path.stem}-{number}"))
        drafts.append((draft, id, {key: value for key, value in meta.items() if key != "id"}))
    return gathered(path, drafts, passed, faults)


def _fill(draft: Draft, row: dict[str, Any], passed: Counter[str]) -> None:
    """Adds a line's entities and relations; a relation names its spans by their offsets."""
    scored = "answer" not in row
    ids: dict[tuple[str, str], Any] = {}
    spans = listed(draft, row.get("spans"), "spans")
    own = all(isinstance(span.get("id"), int) for span in spans)

    def add(span: dict[str, Any], id: Any) -> None:
        start, end, label = span.get("start"), span.get("end"), span.get("label")
        score = span.get("score") if scored else None
        count_others(span, _SPAN, passed)
        if draft.entity(start, end, label, id=id, mention=span.get("text"), score=score) is not None:
            ids[_key(span)] = ids[_key(span | {"label": None})] = id

    for span in spans:
        key = _key(span)
        if span.get("label") is None:
            passed["spans without a label are left out"] += 1
        elif key in ids:
            passed["spans that stand twice are read once"] += 1
        else:
            add(span, span["id"] if own else f"{key}")
    for relation in listed(draft, row.get("relations"), "relations"):
        ends = []
        count_others(relation, _RELATION, passed, of="a relation")
        for side in (relation.get("head_span"), relation.get("child_span")):
            if isinstance(side, dict):
                key = _key(side)
                if key not in ids and side.get("label") is not None:
                    add(side, f"{key}")  # a relation may join what is not listed among the spans
                ends.append(ids.get(key))
        if len(ends) < 2 or None in ends:
            passed["relations of words that no labelled span covers are left out"] += 1
        else:
            score = relation.get("score") if scored else None
            draft.relation(relation.get("label"), *ends, score=score)


def _key(span: dict[str, Any]) -> tuple[str, str]:
    """What tells a span: its offsets and its label."""
    return f"{span.get('start')}-{span.get('end')}", f"{span.get('label')}"


def write_predicted(document: Document) -> tuple[str, list[str]]:
    """As ``write``, of a model's document: one without marks has no answer either."""
    return _line(document, answered=bool(document.entities) and not _has_score(document)), []


def write(document: Document) -> tuple[str, list[str]]:
    """The document as a line, accepted unless a mark has a score: a model's marks wait for an answer.

    Tokens are words, cut where a span begins or ends inside one.
    """
    return _line(document, answered=not _has_score(document)), []


def _has_score(document: Document) -> bool:
    scores = [e.score for e in document.entities] + [r.score for r in document.relations]
    return any(score is not None for score in scores)


def _line(document: Document, *, answered: bool) -> str:
    found = tokens(document.text, [(entity.start, entity.end) for entity in document.entities])
    begins = {start: index for index, (start, _, _) in enumerate(found)}
    ends = {end: index for index, (_, end, _) in enumerate(found)}
    spans: dict[int, dict[str, Any]] = {}
    for entity in document.entities:
        spans[entity.id] = {
            "start": entity.start,
            "end": entity.end,
            "token_start": begins[entity.start],
            "token_end": ends[entity.end],
            "label": entity.label,
        }
    scores: dict[int, dict[str, Any]] = {
        entity.id: {} if entity.score is None else {"score": entity.score} for entity in document.entities
    }
    row: dict[str, Any] = {
        "id": document.id,
        "text": document.text,
        "tokens": [
            {"text": document.text[start:end], "start": start, "end": end, "id": index, "ws": space}
            for index, (start, end, space) in enumerate(found)
        ],
        "spans": [{"id": id} | span | scores[id] for id, span in spans.items()],
        "relations": [
            {
                "head": spans[relation.head]["token_end"],
                "child": spans[relation.tail]["token_end"],
                "head_span": spans[relation.head],
                "child_span": spans[relation.tail],
                "label": relation.label,
            }
            | ({} if relation.score is None else {"score": relation.score})
            for relation in document.relations
        ],
    }
    row |= {"answer": "accept"} if answered else {}
    row |= {"meta": dict(document.meta)} if document.meta else {}
    return json_line(row, document.id) + "\n"
