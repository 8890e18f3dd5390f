"""spaCy's DocBin, a ``.spacy`` file: entities of ``doc.ents`` or of a span group, relations of ``doc._.rel``.

Format: https://spacy.io/api/docbin. Relations are those of spaCy's tutorial rel_component: the scores of
labels by the first tokens of head and tail. The id and the meta (as JSON) stand in ``doc.user_data``. spaCy
is no dependency: it is imported where such a file is read or written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import regex

from kashif.document import Document, Entity, json_line
from kashif.errors import Fault, InputError, first_line, nearest
from kashif.files import read_bytes
from kashif.formats import drafts
from kashif.formats.drafts import Draft
from kashif.formats.reading import Reading, refuse_surrogates
from kashif.formats.tokens import tokens
from kashif.replacing import replaced_file

OPTIONS = {
    "spans": (regex.compile(r"\S+"), "+spans=sc (a span group, which may nest; else doc.ents are read)")
}
_GROUP = "sc"
"""The span group that holds all entities; spaCy's span categorizer looks there."""
WHOLE = (("spans", _GROUP),)
"""The options by which all that was written is read."""
_RELATIONS = ("._.", "rel", None, None)
"""Where spaCy keeps the value of ``doc._.rel``."""
_LEAST = 0.5
"""The score from which on the tutorial takes a relation for one."""
_REACH = 100
"""How many tokens apart two entities may begin for the tutorial to look at their pair."""


def read(path: Path, *, spans: str = "") -> list[Reading]:
    """The documents of a file; those without an id are numbered. ``spans`` names a span group to read.

    Raises:
        InputError: for what is no DocBin or lacks the span group; listing every document that does not fit.
    """
    passed: Counter[str] = Counter()
    docs = _docs(path)
    groups = {key for doc in docs for key in doc.spans}
    if spans and spans not in groups:
        hint = nearest(spans, groups) if groups else "it has none; leave the option out"
        raise InputError(Fault(str(path), f"no span group '{spans}'; {hint}"))
    found = []
    for number, doc in enumerate(docs, start=1):
        draft = Draft(path, doc.text, place=f"document {number}")
        _fill(draft, doc, spans, passed)
        id = drafts.name(doc.user_data, ["id"], f"{path.stem}-{number:05d}")
        found.append((draft, id, _meta(doc, passed)))
    return drafts.gathered(path, found, passed, [])


def _docs(path: Path) -> list[Any]:
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    data = read_bytes(path)
    try:
        return list(DocBin().from_bytes(data).get_docs(Vocab()))
    except Exception as error:  # the library raises errors of no common kind
        message = f"not a DocBin that can be read: {first_line(error)}"
        raise InputError(Fault(str(path), message)) from error


def _fill(draft: Draft, doc: Any, group: str, passed: Counter[str]) -> None:
    """Adds the entities of a span group, or of ``doc.ents``, and relations, and counts what is left out."""
    sources = {"": list(doc.ents)} | {key: list(spans) for key, spans in doc.spans.items()}
    chosen = sources.pop(group, [])
    scores: Any = doc.spans[group].attrs.get("scores") if group in doc.spans else None
    if not hasattr(scores, "__len__") or len(scores) != len(chosen):
        scores = [None] * len(chosen)
    labelled = [(span, _number(score)) for span, score in zip(chosen, scores, strict=True) if span.label_]
    passed["spans without a label are left out"] += len(chosen) - len(labelled)
    begins: dict[int, str] = {}
    for index, (span, _) in sorted(enumerate(labelled), key=lambda item: -len(item[1][0])):
        begins.setdefault(span.start, f"span {index}")  # the longest that begins there
    for index, (span, score) in enumerate(labelled):
        passed["links of entities to a knowledge base are left out"] += bool(span.kb_id_)
        draft.entity(span.start_char, span.end_char, span.label_, id=f"span {index}", score=score)
    _relate(draft, doc.user_data.get(_RELATIONS) or {}, begins, passed)
    known = {_key(span) for span in chosen}
    for key, spans in sources.items():
        where = f"the span group '{key}' are left out; spacy+spans={key}:PATH reads them" if key else ""
        passed[f"spans of {where or 'doc.ents are left out'}"] += sum(_key(s) not in known for s in spans)
    passed["documents' categories are left out"] += bool(doc.cats)


def _key(span: Any) -> tuple[int, int, str]:
    return span.start, span.end, span.label_


def _number(value: Any) -> Any:
    """A score that may be a number of numpy's, as one of Python's."""
    return value.item() if getattr(value, "ndim", 1) == 0 else value


def _relate(draft: Draft, pairs: Any, begins: Mapping[int, str], passed: Counter[str]) -> None:
    """Adds the relations; where all scores are 0 or 1, people annotated them, and they have none."""
    if not isinstance(pairs, Mapping) or not all(
        isinstance(key, tuple) and len(key) == 2 and isinstance(labels, Mapping)
        for key, labels in pairs.items()
    ):
        draft.fault(f"doc._.rel is {{(head, tail): {{label: score}}}}, found {shortened(pairs)}")
        return
    found = [
        (label, *ends, _number(score)) for ends, labels in pairs.items() for label, score in labels.items()
    ]
    wrong = [(label, score) for label, *_, score in found if not isinstance(score, int | float)]
    for label, score in wrong:
        draft.fault(f"relation {shortened(label)}: its score is a number, found {shortened(score)}")
    annotated = not wrong and all(score in (0, 1) for *_, score in found)
    for label, head, tail, score in [] if wrong else found:
        if score < _LEAST:
            passed[f"relations with a score below {_LEAST} are left out"] += score > 0
        elif head not in begins or tail not in begins:
            passed["relations of tokens that no entity begins with are left out"] += 1
        else:
            draft.relation(label, begins[head], begins[tail], score=None if annotated else score)


def _meta(doc: Any, passed: Counter[str]) -> dict[str, Any]:
    """The values of ``doc.user_data`` and of extensions of the document."""
    named: list[tuple[str, Any]] = []
    for key, value in doc.user_data.items():
        name = key[1] if isinstance(key, tuple) and len(key) == 4 and key[2] is None else key
        if not isinstance(name, str):
            passed["values of extensions of tokens and spans are left out"] += 1
        elif key != "id" and key != _RELATIONS:
            named.append((name, value))
    return drafts.single_values(named, passed, what="the user data")


def write(document: Document) -> tuple[str, list[str]]:
    """No content, since ``pack`` writes documents together, and what is not held.

    Raises:
        InputError: for a lone surrogate, which UTF-8 does not hold.
    """
    refuse_surrogates(document)
    outermost, begins = _outermost(document), _begins(document)
    by_id = document.by_id()
    unnamed = sum(
        any(begins[by_id[id].start] != id for id in (relation.head, relation.tail))
        for relation in document.relations
    )
    scored = [entity.score is not None for entity in document.entities]
    losses = []
    if nested := len(document.entities) - len(outermost):
        losses.append(
            f"{document.id}: {nested} spans in others stand in doc.spans['{_GROUP}'], not in doc.ents"
        )
    if unnamed:
        losses.append(
            f"{document.id}: {unnamed} relations of spans that a longer one begins with are left out"
        )
    if any(scored) and not all(scored):
        losses.append(f"{document.id}: scores of entities are left out, since some have none")
    return "", losses


def _outermost(document: Document) -> list[Entity]:
    """The entities for ``doc.ents``, which may not overlap: the longest, the first of equals."""
    kept: list[Entity] = []
    taken: set[int] = set()
    for entity in sorted(document.entities, key=lambda item: item.start - item.end):
        place = range(entity.start, entity.end)
        if taken.isdisjoint(place):
            taken.update(place)
            kept.append(entity)
    return sorted(kept, key=lambda item: item.start)


def _begins(document: Document) -> dict[int, int]:
    """The id of the entity that a relation names by its first token: the longest, the first of equals."""
    found: dict[int, int] = {}
    for entity in sorted(document.entities, key=lambda item: item.start - item.end):
        found.setdefault(entity.start, entity.id)
    return found


def pack(documents: Iterable[Document], path: Path) -> None:
    """Writes documents as a DocBin; tokens are words, cut where a span begins or ends inside one."""
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    vocab = Vocab()
    packed = DocBin(store_user_data=True, docs=(_doc(document, vocab) for document in documents))
    with replaced_file(path) as file:
        file.write(packed.to_bytes())


def _doc(document: Document, vocab: Any) -> Any:
    from spacy.tokens import Doc, Span

    found = tokens(document.text, [(entity.start, entity.end) for entity in document.entities])
    first = {start: index for index, (start, _, _) in enumerate(found)}
    behind = {end: index for index, (_, end, _) in enumerate(found, start=1)}
    words = [document.text[start:end] for start, end, _ in found]
    doc = Doc(vocab, words=words, spaces=[space for *_, space in found])
    spans = {
        entity.id: Span(doc, first[entity.start], behind[entity.end], label=entity.label)
        for entity in document.entities
    }
    outermost = [spans[entity.id] for entity in _outermost(document)]
    doc.ents = outermost
    doc.spans[_GROUP] = list(spans.values())
    scores = [entity.score for entity in document.entities]
    if scores and None not in scores:
        doc.spans[_GROUP].attrs["scores"] = scores
    doc.user_data["id"] = document.id
    if document.meta:
        doc.user_data["meta"] = json_line(dict(document.meta), document.id)
    pairs: dict[tuple[int, int], dict[str, float]] = {pair: {} for pair in _pairs(outermost)}
    by_id, begins = document.by_id(), _begins(document)
    for relation in document.relations:
        if all(begins[by_id[id].start] == id for id in (relation.head, relation.tail)):
            labels = pairs.setdefault((spans[relation.head].start, spans[relation.tail].start), {})
            labels[relation.label] = 1.0 if relation.score is None else relation.score
    doc.user_data[_RELATIONS] = pairs
    return doc


def _pairs(spans: list[Any]) -> Iterator[tuple[int, int]]:
    """The pairs that the tutorial looks at; its scorer asks for all of them, those of no relation too."""
    for head in spans:
        for tail in spans:
            if head is not tail and abs(head.start - tail.start) <= _REACH:
                yield head.start, tail.start
