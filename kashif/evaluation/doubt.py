"""Doubtful gold: marks that a model contradicts with confidence, on articles that have not taught it.

What cross-validated models are sure of and the gold denies is often a slip of the gold (Northcutt, Jiang and
Chuang, "Confident learning: estimating uncertainty in dataset labels", 2021). They take a threshold for each
label from the mean probability of its gold; here it is one for all, of calibrated probabilities.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kashif import box
from kashif.corpora.provenance import NAME, OTHER_TEXTS, SeenArticles
from kashif.document import Document, Entity, Relation
from kashif.errors import Fault, InputError, listed
from kashif.evaluation.analysis import like, same_pair
from kashif.evaluation.counting import (
    Item,
    entity_items,
    entity_scores,
    ordered,
    relation_items,
    relation_scores,
)
from kashif.evaluation.merging import mention
from kashif.formats import Reading
from kashif.modeling import probing
from kashif.modeling.alignment import Unreachable, count_causes, unreachable
from kashif.modeling.probing import LEAST, Probe, Watch
from kashif.replacing import settle
from kashif.scheme import Scheme

THRESHOLD = 0.9
"""The probability from which a model is taken to be sure."""
KINDS = {
    "unmarked mention": "the model predicts a mention where the gold has none like it",
    "doubtful mention": "the model finds nothing like a gold mention",
    "other label": "the model predicts the same span with another label",
    "other boundary": "the model predicts a span of the same label that overlaps",
    "other boundary and label": "the model predicts a span of another label, and more than half is the same",
    "unmarked relation": "the model predicts a relation that the gold has not, between mentions that it has",
    "doubtful relation": "the model predicts both mentions of a gold relation and no relation of them",
    "other relation": "the model predicts another relation of the mentions, or the other way round",
}
"""Every kind of doubt, with its meaning."""
_KIND_OF = {
    "type wrong": "other label",
    "boundary wrong": "other boundary",
    "boundary and type wrong": "other boundary and label",
}
"""What ``analysis`` calls a difference, from the model's side, and what it is called from the gold's."""
_AROUND = 40
"""Code points of a context on either side."""
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Gold that a model contradicts.

    ``place`` is file and line, or document. ``start`` and ``end`` are code points, of a relation those of its
    head. ``gold`` and ``model`` say in words what each has there. ``confidence`` is the model's probability
    of what it predicts; where it predicts nothing, 1 less that of anything like the gold. ``context`` has the
    mention in brackets.
    """

    document: str
    place: str
    kind: str
    start: int
    end: int
    gold: str
    model: str
    confidence: float
    context: str

    def row(self) -> dict[str, Any]:
        """The doubt as JSON values."""
        return {**asdict(self), "confidence": round(self.confidence, 4)}


@dataclass(frozen=True, slots=True)
class Doubts:
    """The doubts, the surest first, in how many ``articles`` they were looked for, and notices."""

    found: tuple[Doubt, ...]
    articles: int
    notices: tuple[str, ...]


def _unwatched(probes: Iterable[Probe], what: str) -> Iterable[Probe]:
    return probes


def doubts(
    readings: Sequence[Reading],
    folders: Sequence[Path],
    *,
    threshold: float = THRESHOLD,
    watch: Watch = _unwatched,
    **options: Any,
) -> Doubts:
    """The gold that models contradict, each article by the first model that was not trained on it.

    ``options`` are further arguments of ``predictor.load``.

    Raises:
        InputError: if a folder does not say what its model was trained on, or no article is left to judge.
    """
    from kashif.modeling import predictor as predictors

    parts, notices = unseen(readings, folders)
    found: list[Doubt] = []
    lost: list[Unreachable] = []
    for folder, part in parts:  # one model at a time in memory
        predictor = predictors.load(folder, **options)
        scheme, least = predictor.scheme, predictor.model.config.relation_threshold
        texts = [(reading.document.id, reading.document.text) for reading in part]
        probes = watch(probing.probe(predictor, texts), f"predicting with {folder.name}")
        for reading, each in zip(part, probes, strict=True):
            beyond = unreachable([reading.document], [each.layout], scheme=scheme)
            lost += beyond
            items = [item.gold for item in beyond]
            found += of_article(reading, each, scheme=scheme, least=least, lost=items, sure=threshold)
    notices += [f"gold that is not judged: {count} ({why})" for why, count in count_causes(lost).items()]
    found.sort(key=lambda doubt: (-doubt.confidence, doubt.document, doubt.start, doubt.kind))
    return Doubts(tuple(found), sum(len(part) for _, part in parts), tuple(notices))


def models_in(folder: Path) -> list[Path]:
    """A model's folder itself, or the folders of a cross-validation's models in it.

    Raises:
        InputError: if there are none.
    """
    settle(folder)
    if box.is_model(folder):
        return [folder]
    folds = sorted(folder.glob("fold-*"), key=lambda path: (len(path.name), path.name))
    if models := [path for path in folds if box.is_model(path)]:
        return models
    message = "no model folder of Kashif's, and no folds of kashif crossvalidate in it"
    raise InputError(Fault(str(folder), message))


def unseen(
    readings: Sequence[Reading], folders: Sequence[Path]
) -> tuple[list[tuple[Path, list[Reading]]], list[str]]:
    """For each model the articles that are left to it and were not in its training, and notices.

    Raises:
        InputError: as ``doubts``.
    """
    left = list(readings)
    parts: list[tuple[Path, list[Reading]]] = []
    namesakes: set[str] | None = None
    selected = 0
    for folder in folders:
        seen = SeenArticles.of(folder)
        if seen is None:
            message = (
                "no such file, so what the model was trained on is not known; copy it beside the weights"
            )
            raise InputError(Fault(str(folder / NAME), message))
        documents = [reading.document for reading in left]
        learnt, chosen_by = seen.learned.among(documents), seen.development.among(documents)
        part = [reading for reading in left if reading.document.id not in learnt]
        left = [reading for reading in left if reading.document.id in learnt]
        others = seen.learned.namesakes(documents)
        namesakes = others if namesakes is None else namesakes & others
        selected += sum(reading.document.id in chosen_by for reading in part)
        parts += [(folder, part)] if part else []
    notices = []
    ids = [reading.document.id for reading in left]
    by_id = [id for id in ids if id in (namesakes or ())]
    if taught := [id for id in ids if id not in by_id]:
        notices.append(
            f"passed over: {len(taught):,} articles on which every model here was trained ({listed(taught)});"
            " kashif crossvalidate trains models that have not seen them"
        )
    if by_id:
        notices.append(
            f"passed over: {len(by_id):,} articles with the ids of some on which every model here was trained"
            f" ({listed(by_id)}), {OTHER_TEXTS}"
        )
    if selected:
        notices.append(
            f"{selected:,} articles selected the model that judges them: it may lean to their gold"
        )
    if not parts:
        raise InputError("; ".join(["no article to judge", *notices]))
    return parts, notices


def of_article(
    reading: Reading,
    probe: Probe,
    *,
    scheme: Scheme,
    least: float,
    lost: Sequence[Entity | Relation] = (),
    sure: float = THRESHOLD,
) -> list[Doubt]:
    """The doubts of one article.

    ``least`` is the probability from which the model predicts a relation, ``lost`` the gold that it cannot
    give, ``sure`` the confidence from which a doubt is told.
    """
    found = [*_mentions(reading, probe, lost), *_relations(reading, probe, lost, scheme=scheme, least=least)]
    return [doubt for doubt in found if doubt.confidence >= sure]


def _mentions(reading: Reading, probe: Probe, lost: Sequence[Entity | Relation]) -> Iterator[Doubt]:
    """Each mention that the gold or the model alone has, however sure the model is.

    What is like gold that is not judged is not told.
    """
    gold = reading.document
    lines = {(e.label, e.start, e.end): reading.entity_lines.get(e.id, 0) for e in gold.entities}
    beyond = {(item.label, item.start, item.end) for item in lost if isinstance(item, Entity)}
    want, have = entity_items(gold), entity_scores(probe.document)
    surplus = {item: score or 0.0 for item, score in have.items() if item not in want}
    explained = {other for item in beyond for other in surplus if like(item, other)}
    for item in sorted(want - have.keys() - beyond):
        alike = {other: cause for other in surplus if (cause := like(item, other))}
        explained |= alike.keys()
        if alike:
            best = max(sorted(alike), key=surplus.__getitem__)
            kind, model, confidence = _KIND_OF[alike[best]], _entity(gold, best), surplus[best]
        else:  # what is gold itself, nested in this one or around it, is nothing like it
            might = [p for o, p in probe.spans.items() if o == item or (o not in want and like(item, o))]
            kind, model, confidence = "doubtful mention", NOTHING, 1 - max(might, default=LEAST)
        yield _doubt(reading, kind, item[1:], lines[item], _entity(gold, item), model, confidence)
    for item in sorted(surplus.keys() - explained):
        told = NOTHING, _entity(gold, item), surplus[item]
        yield _doubt(reading, "unmarked mention", item[1:], 0, *told)


def _relations(
    reading: Reading, probe: Probe, lost: Sequence[Entity | Relation], *, scheme: Scheme, least: float
) -> Iterator[Doubt]:
    """Each relation that the gold or the model alone has, between mentions that both have."""
    gold, by_id = reading.document, reading.document.by_id()
    lines = dict(
        zip(
            (ordered(r, by_id[r.head].key, by_id[r.tail].key, scheme=scheme) for r in gold.relations),
            reading.relation_lines or (0,) * len(gold.relations),
            strict=True,
        )
    )
    both = {e.key for e in gold.entities} & {e.key for e in probe.document.entities}
    unjudged = tuple(item for item in lost if isinstance(item, Relation))
    beyond = relation_items(replace(gold, relations=unjudged), scheme)
    judged = lines.keys() - beyond
    scores = {item: score or 0.0 for item, score in relation_scores(probe.document, scheme).items()}
    have = {item for item, score in scores.items() if score >= least}
    surplus = {item for item in have - lines.keys() if both.issuperset(item[1:])}
    explained = {other for item in beyond for other in surplus if same_pair(item, other)}
    for item in sorted(item for item in judged - have if both.issuperset(item[1:])):
        others = {other for other in surplus if same_pair(item, other)}
        explained |= others
        if others:
            best = max(sorted(others), key=scores.__getitem__)
            kind, model, confidence = "other relation", _relation(gold, best), scores[best]
        else:
            kind, model, confidence = "doubtful relation", NOTHING, 1 - scores.get(item, 0.0)
        yield _doubt(reading, kind, item[1][:2], lines[item], _relation(gold, item), model, confidence)
    for item in sorted(surplus - explained):
        told = NOTHING, _relation(gold, item), scores[item]
        yield _doubt(reading, "unmarked relation", item[1][:2], 0, *told)


def _doubt(
    reading: Reading, kind: str, span: Item, line: int, gold: str, model: str, confidence: float
) -> Doubt:
    start, end = span
    place, context = reading.place(start, line), _context(reading.document.text, start, end)
    return Doubt(reading.document.id, place, kind, start, end, gold, model, confidence, context)


def _entity(document: Document, item: Item) -> str:
    label, start, end = item
    return mention(document, (start, end, label))


def _relation(document: Document, item: Item) -> str:
    return f"{item[0]} {mention(document, item[1])} -> {mention(document, item[2])}"


def _context(text: str, start: int, end: int) -> str:
    """The words around a mention, which stands in brackets; white space is one blank."""
    before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    if start > _AROUND:
        before = "…" + re.sub(r"^\S*", "", before)
    if end + _AROUND < len(text):
        after = re.sub(r"\S*$", "", after) + "…"
    return re.sub(r"\s+", " ", f"{before}[{text[start:end]}]{after}").strip()
