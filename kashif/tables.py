"""Tables for the terminal: reports, statistics, agreement, a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table
from rich.text import Text

from kashif.agreement import Agreement
from kashif.document import Document
from kashif.scoring import Counts, Measure, Report

_ISOLATE, _END = "\u2068", "\u2069"


def report(found: Report) -> Iterator[Table | Text]:
    """A report: the measures with intervals, then counts by label, then where recall was lost."""
    title = f"{found.name}: {found.documents} articles, 95 % intervals over {found.units} {found.unit}s"
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("", "F1", "interval", "precision", "recall", "right", "spurious", "missed"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, measure in found.measures.items():
        table.add_row(name, *_cells(measure))
    yield table
    for name, labels in (("entity", found.entities), ("relation", found.relations)):
        if labels:
            yield Text()
            yield _labels(name, labels)
    for name, view in (("entity", "entities"), ("relation", "relations")):
        lost = found.causes("missed", view)
        if lost:
            yield Text()
            yield _lost(name, lost)
    yield Text()
    if found.unreachable:
        for cause, count in found.unreachable.items():
            yield Text(f"out of the model's reach, counted as missed: {count} ({cause})")
    for notice in found.notices:
        yield Text(notice, style="yellow")


def _labels(name: str, labels: Mapping[str, Counts]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in (name, "F1", "precision", "recall", "right", "spurious", "missed"):
        table.add_column(heading, justify="left" if heading == name else "right")
    for label, counts in labels.items():
        cells = _cells(Measure(counts))
        table.add_row(label, cells[0], *cells[2:])
    return table


def _lost(name: str, lost: Mapping[str, tuple[int, float]]) -> Table:
    title = f"where {name} recall was lost"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("cause", "missed", "of gold"):
        table.add_column(heading, justify="left" if heading == "cause" else "right")
    for cause, (count, share) in lost.items():
        table.add_row(cause, str(count), _share(share))
    return table


def _cells(measure: Measure) -> list[str]:
    counts = measure.counts
    low_high = "{:.3f}-{:.3f}".format(*measure.interval) if measure.interval else ""
    return [
        _share(counts.f1),
        low_high,
        _share(counts.precision),
        _share(counts.recall),
        str(counts.tp),
        str(counts.fp),
        str(counts.fn),
    ]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def statistics(counts: Mapping[str, Mapping[str, int]]) -> Iterator[Table | Text]:
    """The counts of a corpus."""
    for name, rows in counts.items():
        table = Table(box=None, pad_edge=False, show_header=False, title=name, title_justify="left")
        table.add_column()
        table.add_column(justify="right")
        for label, count in rows.items():
            table.add_row(label, f"{count:,}")
        yield table
        yield Text()


def agreement(found: Agreement) -> Iterator[Table | Text]:
    """F1 by kind and label, and kappa."""
    table = Table(box=None, pad_edge=False, title=f"{found.documents} articles", title_justify="left")
    for heading in ("", "F1", "both", "first only", "second only"):
        table.add_column(heading, justify="left" if not heading else "right")
    groups = {
        "entities": found.entities,
        "relations": found.relations,
        "relations on agreed entities": found.agreed_relations,
        **{f"  {label}": counts for label, counts in found.by_entity.items()},
        **{f"  {label}": counts for label, counts in found.by_relation.items()},
    }
    for name, counts in groups.items():
        table.add_row(name, _share(counts.f1), str(counts.tp), str(counts.fn), str(counts.fp))
    yield table
    yield Text(f"Cohen's kappa over words: {_share(found.kappa)}")


def document(found: Document) -> Iterator[Table | Text]:
    """A document's entities in text order and its relations, each mention isolated for bidi terminals."""
    table = Table(title=Text(f"{found.id}: {len(found.entities)} entities"), title_justify="left", box=None)
    for heading in ("label", "score", "start", "end", "mention"):
        table.add_column(heading, justify="right" if heading in ("score", "start", "end") else "left")
    for entity in found.entities:
        score = "" if entity.score is None else f"{entity.score:.2f}"
        table.add_row(entity.label, score, str(entity.start), str(entity.end), _mention(entity.text))
    yield table
    if found.relations:
        links = Table(title=f"{len(found.relations)} relations", title_justify="left", box=None)
        for heading in ("relation", "score", "head", "tail"):
            links.add_column(heading, justify="right" if heading == "score" else "left")
        by_id = found.by_id()
        for relation in found.relations:
            score = "" if relation.score is None else f"{relation.score:.2f}"
            mentions = (_mention(by_id[id].text) for id in (relation.head, relation.tail))
            links.add_row(relation.label, score, *mentions)
        yield Text()
        yield links


def _mention(text: str) -> Text:
    return Text(_ISOLATE + " ".join(text.split()) + _END)
