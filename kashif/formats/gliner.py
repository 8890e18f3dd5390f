"""GLiNER's training data: an array of tokens with spans of them, whose last token is in the span.

Relations are ``[head, tail, label]`` by the spans' places in ``ner``, as GLiNER has them, or GLiREL's objects
with the tokens of head and tail. Tokens are joined by one space.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from kashif.arabic import touched, words
from kashif.document import Document, json_line
from kashif.errors import Fault
from kashif.formats.drafts import Draft, count_others, gathered, meta_of, name, rows
from kashif.formats.reading import Reading
from kashif.formats.tokens import joined

FRAME = ("[\n", ",\n", "\n]\n")
_OWN = {"id", "tokenized_text", "ner", "relations"}
_RELATION = {"head", "tail", "relation_text", "label"}


def read(path: Path) -> list[Reading]:
    """The documents of a file, an array or JSON lines; those without an id are numbered.

    Raises:
        InputError: listing every item that does not fit.
    """
    faults: list[Fault] = []
    passed: Counter[str] = Counter()
    drafts: list[tuple[Draft, str, dict[str, Any]]] = []
    for number, line, row in rows(path, "gliner", faults):
        parts = row.get("tokenized_text")
        right = isinstance(parts, list) and all(isinstance(part, str) for part in parts)
        text, places = joined(parts if isinstance(parts, list) and right else [])
        draft = Draft(path, text, line=line, place="" if line else f"item {number}")
        if right:
            _fill(draft, row, places, passed)
        else:
            draft.fault(f"'tokenized_text' is a list of strings, found {shortened(parts)}")
        drafts.append((draft, name(row, ["id"], f"{path.stem}-{number:04d}"), meta_of(row, _OWN)))
    return gathered(path, drafts, passed, faults)


def _fill(draft: Draft, row: dict[str, Any], places: list[tuple[int, int]], passed: Counter[str]) -> None:
    spans: dict[Any, int] = {}
    ner = row.get("ner") or []
    if not isinstance(ner, list):
        draft.fault(f"'ner' is a list, found {shortened(ner)}")
        return
    for index, span in enumerate(ner):
        if not isinstance(span, list) or len(span) < 3 or not _lie(span[:2], places):
            draft.fault(
                f"'ner' holds [first, last, label] of tokens 0 to {len(places) - 1}, found {shortened(span)}"
            )
            continue
        first, last, label, *mention = span
        found = draft.text[places[first][0] : places[last][1]]
        if mention and isinstance(mention[0], str) and _letters(mention[0]) != _letters(found):
            message = f"the tokens {first} to {last} are {found!r:.80}, not {mention[0]!r:.80}"
            draft.fault(f"{message}; the last token of a span is in it")
            continue
        draft.entity(places[first][0], places[last][1], label, id=f"span {index}")
        spans.setdefault((first, last), index)
    relations = row.get("relations") or []
    for relation in relations if isinstance(relations, list) else [relations]:
        if isinstance(relation, list) and len(relation) == 3:
            head, tail, label = relation
        elif isinstance(relation, dict):  # GLiREL's
            head, tail = (_place(relation.get(side), spans) for side in ("head", "tail"))
            label = relation.get("relation_text", relation.get("label"))
            count_others(relation, _RELATION, passed, of="a relation")
        else:
            draft.fault(f"a relation is [head, tail, label] by places in 'ner', found {shortened(relation)}")
            continue
        draft.relation(label, f"span {head}", f"span {tail}")


def _lie(ends: list[Any], places: list[tuple[int, int]]) -> bool:
    whole = all(isinstance(end, int) and not isinstance(end, bool) for end in ends)
    return whole and 0 <= ends[0] <= ends[1] < len(places)


def _letters(mention: str) -> str:
    """A mention without white space, which stands between tokens and need not stand in it."""
    return "".join(mention.split())


def _place(side: Any, spans: dict[Any, int]) -> Any:
    """Which span is one side of a GLiREL relation."""
    position = side.get("position") if isinstance(side, dict) else side
    if isinstance(position, list) and len(position) == 2 and all(isinstance(end, int) for end in position):
        return spans.get((position[0], position[1]), position)
    return position


def write(document: Document) -> tuple[str, list[str]]:
    """The document over our words, and what was not held."""
    found = words(document.text)
    inside = wordless = 0
    ner: list[list[Any]] = []
    index: dict[int, int] = {}
    for entity in document.entities:
        place = touched(found, entity.start, entity.end)
        if not place:
            wordless += 1
            continue
        index[entity.id] = len(ner)
        inside += found[place[0]][0] != entity.start or found[place[-1]][1] != entity.end
        ner.append([place[0], place[-1], entity.label])
    kept = [r for r in document.relations if r.head in index and r.tail in index]
    row: dict[str, Any] = {
        "id": document.id,
        "tokenized_text": [document.text[start:end] for start, end in found],
        "ner": ner,
        "relations": [[index[r.head], index[r.tail], r.label] for r in kept],
    }
    row |= {"meta": dict(document.meta)} if document.meta else {}
    losses = []
    if inside:
        losses.append(f"{document.id}: {inside} spans begin or end inside a word; whole words are written")
    if wordless:
        losses.append(f"{document.id}: {wordless} spans of no word, and their relations, are left out")
    return json_line(row, document.id), losses
