"""Tables for the terminal: reports, statistics, agreement, a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table
from rich.text import Text

from kashif.agreement import Agreement
from kashif.calibration import Reliability
from kashif.comparing import Comparison, Difference
from kashif.document import Document
from kashif.scoring import Counts, Measure, Report
from kashif.tuning import Tuned

_ISOLATE, _END = "\u2068", "\u2069"


def report(found: Report) -> Iterator[Table | Text]:
    """A report: measures with intervals, counts by label, where recall was lost, calibration."""
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
    yield from _calibration(found.calibration)
    if found.unreachable:
        for cause, count in found.unreachable.items():
            yield Text(f"out of the model's reach, counted as missed: {count} ({cause})")
    for notice in found.notices:
        yield Text(notice, style="yellow")


def _calibration(found: Mapping[str, Reliability]) -> Iterator[Table | Text]:
    """The expected calibration error of each view, and one table of all their bins."""
    errors = ", ".join(f"{view} {_share(table.error)}" for view, table in found.items())
    yield Text(f"expected calibration error: {errors}")
    unscored = {view: table.unscored for view, table in found.items() if table.unscored}
    for view, count in unscored.items():
        yield Text(f"{count} {view} without a probability are not in it")
    rows = sorted({(bin.low, bin.high) for table in found.values() for bin in table.bins})
    if not rows:
        return
    shown = Table(box=None, pad_edge=False)
    shown.add_column("probability")
    for view in found:
        for heading in (view, "mean", "right"):
            shown.add_column(heading, justify="right")
    for edges in rows:
        cells = []
        for table in found.values():
            inside = [bin for bin in table.bins if (bin.low, bin.high) == edges]
            cells += (
                [str(inside[0].count), _share(inside[0].score), _share(inside[0].right)]
                if inside
                else ["", "", ""]
            )
        shown.add_row("{:.1f}-{:.1f}".format(*edges), *cells)
    yield shown
    yield Text()


def comparison(found: Comparison, first: str, second: str) -> Iterator[Table | Text]:
    """Two systems' F1 with the difference, its interval and p, then the labels that differ."""
    title = f"{found.name}: {found.documents} articles, paired bootstrap over {found.units} {found.unit}s"
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("", "A", "B", "B - A", "95 % interval", "p"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, item in found.measures.items():
        low_high = "{:+.3f} to {:+.3f}".format(*item.interval) if item.interval else "–"
        p = "–" if item.p is None else f"{item.p:.4f}"
        table.add_row(name, _share(item.first.f1), _share(item.second.f1), _signed(item.f1), low_high, p)
    yield Text(f"A = {first}, B = {second}")
    yield table
    for name, labels in (("entity", found.entities), ("relation", found.relations)):
        differing = {label: item for label, item in labels.items() if item.first != item.second}
        if differing:
            yield Text()
            yield _differing(name, differing)
    yield Text()
    for notice in found.notices:
        yield Text(notice, style="yellow")


def _differing(name: str, labels: Mapping[str, Difference]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in (name, "A", "B", "B - A", "right", "spurious"):
        table.add_column(heading, justify="left" if heading == name else "right")
    for label, item in labels.items():
        first, second = item.first, item.second
        changes = (f"{second.tp - first.tp:+d}", f"{second.fp - first.fp:+d}")
        table.add_row(label, _share(first.f1), _share(second.f1), _signed(item.f1), *changes)
    return table


def tuned(found: Tuned) -> Iterator[Table | Text]:
    """The thresholds of relations before and after, and what they do to F1."""
    table = Table(box=None, pad_edge=False)
    for heading in ("relations", "F1", "precision", "recall"):
        table.add_column(heading, justify="left" if heading == "relations" else "right")
    rows = {
        "before": found.before,
        "after, on the articles that chose": found.after,
        "after, each half by the other's choice": found.crossed,
    }
    for name, counts in rows.items():
        shares = (counts.f1, counts.precision, counts.recall) if counts else (None, None, None)
        table.add_row(name, *map(_share, shares))
    yield table
    yield Text()
    chosen = Table(box=None, pad_edge=False)
    for heading in ("relation", "before", "after"):
        chosen.add_column(heading, justify="left" if heading == "relation" else "right")
    for label, threshold in found.thresholds.items():
        chosen.add_row(label, f"{found.former[label]:.3f}", f"{threshold:.3f}")
    yield chosen
    yield Text()


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


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


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
