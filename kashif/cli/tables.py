"""Tables for the terminal: reports, statistics, agreement, a document."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from kashif.corpora.duplicates import SHINGLE, Overlap
from kashif.corpora.splits import QUANTILES, Distances, SeenCounts, Shared
from kashif.document import Document
from kashif.errors import counted
from kashif.evaluation.agreement import Agreement
from kashif.evaluation.calibration import Reliability
from kashif.evaluation.comparing import Comparison, Difference
from kashif.evaluation.counting import Counts
from kashif.evaluation.scoring import Measure, Report
from kashif.evaluation.thresholds import ThresholdChoice

_ISOLATE, _END = "\u2068", "\u2069"
_SHOWN = 5
"""Near-duplicates, repeated sentences and places of one that are listed; the rest is counted."""


def folding(first: str, *others: str, texts: Collection[str] = (), title: str | None = None) -> Table:
    """A table of names and numbers; ``texts`` are other columns of words.

    Where a line has no room for all the columns, the widest fold first, and no cell is cut.
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="left" if heading in texts else "right", overflow="fold")
    return table


def report(found: Report) -> Iterator[Table | Text]:
    """A report: measures with intervals, counts by label, where recall was lost, calibration."""
    size, units = counted(found.documents, "article"), counted(found.units, found.unit)
    intervals = f"95 % intervals over {units}" if found.units > 1 else f"one {found.unit} has no interval"
    title = f"{found.name}: {size}, {intervals}"
    headings = ("F1", "interval", "precision", "recall", "right", "spurious", "missed")
    table = folding("", *headings, title=title)
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
            yield Text(f"unreachable, counted as missed: {count} ({cause})")
    for notice in found.notices:
        yield Text(notice, style="yellow")


def _calibration(found: Mapping[str, Reliability]) -> Iterator[Table | Text]:
    """The expected calibration error of each view, and one table of all their bins."""
    for view, table in found.items():
        around = " ({:.3f}-{:.3f})".format(*table.interval) if table.interval else ""
        sure = f"; {table.sure:.0%} have a probability above 0.9" if table.sure is not None else ""
        yield Text(f"{view}: expected calibration error {_share(table.error)}{around}{sure}")
    unscored = {view: table.unscored for view, table in found.items() if table.unscored}
    for view, count in unscored.items():
        yield Text(f"{count} {view} without a probability are not in it")
    rows = sorted({(bin.low, bin.high) for table in found.values() for bin in table.bins})
    if not rows:
        return
    headings = (heading for view in found for heading in (view, "mean", "right"))
    shown = folding("probability", *headings)
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


def comparison(found: Comparison, *, first: str, second: str) -> Iterator[Table | Text]:
    """Two systems' F1 with the difference, its interval and p, then the labels that differ."""
    size, units = counted(found.documents, "article"), counted(found.units, found.unit)
    title = f"{found.name}: {size}, paired bootstrap over {units}"
    table = folding("", "A", "B", "B - A", "95 % interval", "p", title=title)
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
    table = folding(name, "A", "B", "B - A", "right", "spurious")
    for label, item in labels.items():
        first, second = item.first, item.second
        changes = (f"{second.tp - first.tp:+d}", f"{second.fp - first.fp:+d}")
        table.add_row(label, _share(first.f1), _share(second.f1), _signed(item.f1), *changes)
    return table


def threshold(found: ThresholdChoice) -> Iterator[Table | Text]:
    """The thresholds of entities and relations before and after, and what they do to F1."""
    for view, choice in found.chosen.items():
        table = folding(view, "threshold", "F1", "precision", "recall")
        rows = {
            "before": (f"{found.former[view]:.3f}", found.before[view]),
            "after, on the articles that chose": (f"{choice.threshold:.3f}", choice.after),
            "each half by the other's choice": ("", choice.crossed),
        }
        for name, (value, counts) in rows.items():
            if counts is not None:
                table.add_row(name, value, *map(_share, (counts.f1, counts.precision, counts.recall)))
        yield table
        yield Text()


def exported(found: Mapping[str, Any]) -> Table:
    """What ``kashif export`` measured of each runtime."""
    count = len(found["development articles"])
    title = f"{found['precision']}, against torch in float32 on {count} development articles"
    table = folding("", "entity F1 lost", "relation F1 lost", "times as fast", title=title)
    for name, row in found["runtimes"].items():
        lost = [_signed(row["loss"].get(kind)) for kind in ("entity_f1", "relation_f1")]
        table.add_row(name, *lost, f"{row['times as fast']:.2f}")
    return table


def _labels(name: str, labels: Mapping[str, Counts]) -> Table:
    table = folding(name, "F1", "precision", "recall", "right", "spurious", "missed")
    for label, counts in labels.items():
        cells = _cells(Measure(counts))
        table.add_row(label, cells[0], *cells[2:])
    return table


def _lost(name: str, lost: Mapping[str, tuple[int, float]]) -> Table:
    table = folding("cause", "missed", "of gold", title=f"where {name} recall was lost")
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
        table = folding("", "", title=name)
        table.show_header = False
        for label, count in rows.items():
            table.add_row(label, f"{count:,}")
        yield table
        yield Text()


def register(found: Mapping[str, Mapping[str, float]]) -> Table:
    """Measures of the register, a column a corpus."""
    table = folding("words: runs with a letter", *found)
    for name in dict.fromkeys(name for measures in found.values() for name in measures):
        cells = (measures.get(name) for measures in found.values())
        table.add_row(name, *("–" if value is None else f"{value:.1f}" for value in cells))
    return table


def agreement(found: Agreement) -> Iterator[Table | Text]:
    """F1 by kind and label, and kappa."""
    title = f"{found.documents} articles"
    table = folding("", "F1", "both", "first only", "second only", title=title)
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


def shared(found: Shared) -> Iterator[Text]:
    """Whether articles of different splits are near-duplicates or repeat sentences; good news too."""
    bad = [pair for pair in found.pairs if pair[2].near_duplicate]
    for first, second, overlap in bad[:_SHOWN]:
        yield Text(f"near-duplicates across splits: {first} and {second}, {_alike(overlap)}", style="yellow")
    if len(bad) > _SHOWN:
        yield Text(f"… and {len(bad) - _SHOWN} more pairs", style="yellow")
    if not bad:
        most = f"no two articles share {SHINGLE} words in a row, footers aside"
        if found.pairs:
            first, second, overlap = found.pairs[0]
            most = f"the most alike, {first} and {second}: {_alike(overlap)}"
        yield Text(f"✓ no near-duplicates across splits; {most}", style="green")
    for places in found.repeated[:_SHOWN]:
        more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
        where = ", ".join(map(str, places[:_SHOWN]))
        yield Text(f"one sentence in several splits: {where}{more}", style="yellow")
    if len(found.repeated) > _SHOWN:
        yield Text(f"… and {len(found.repeated) - _SHOWN} more sentences", style="yellow")
    if not found.repeated:
        yield Text("✓ no sentence stands in several splits", style="green")


def _alike(overlap: Overlap) -> str:
    return (
        f"{overlap.run} words in a row, resemblance {overlap.resemblance:.2f},"
        f" containment {overlap.containment:.2f}"
    )


def seen(found: Mapping[str, Mapping[str, SeenCounts]]) -> Iterator[Table | Text]:
    """By label and split, the shares of mentions and of distinct names that stand in training."""
    yield Text()
    yield Text("seen in training: share of the mentions / of the distinct names", style="bold")
    table = folding("label", *found)
    for label in dict.fromkeys(label for rows in found.values() for label in rows):
        table.add_row(label, *(_seen(rows.get(label)) for rows in found.values()))
    yield table


def _seen(counts: SeenCounts | None) -> str:
    if counts is None:
        return "–"
    mentions = _percent(counts.mentions_seen, counts.mentions)
    return f"{mentions} of {counts.mentions:>5,} / {_percent(counts.names_seen, counts.names):>4}"


def distances(found: Mapping[str, Distances]) -> Iterator[Table | Text]:
    """By split, how far apart the arguments of relations stand."""
    yield Text()
    yield Text(
        "relations: sentences of their arguments, quantiles of the words and marks between", style="bold"
    )
    quantiles = ["most" if share == 1 else f"{share:.0%}" for share in QUANTILES]
    table = folding("split", "relations", "one sentence", "adjoining", *quantiles)
    for part, row in found.items():
        shares = [_percent(count, row.relations) for count in (row.within, row.adjoining)]
        table.add_row(part, f"{row.relations:,}", *shares, *map(str, row.words or "–" * len(QUANTILES)))
    yield table


def unreachable(
    lost: Mapping[str, Mapping[str, int]], gold: Mapping[str, int], *, windows: str
) -> Iterator[Table | Text]:
    """By split and cause, the gold that no window can hold, and its share of all gold there."""
    yield Text()
    if not any(lost.values()):
        whole = f"{sum(gold.values()):,} entities and relations"
        yield Text(f"✓ {windows} can give all {whole}", style="green")
        return
    yield Text(f"entities and relations that {windows} cannot give", style="bold")
    table = folding("split", "in all", "lost", "share", "cause", texts=("cause",))
    for part, by_cause in lost.items():
        for cause, count in by_cause.items() or {"–": 0}.items():
            row = (f"{gold[part]:,}", f"{count:,}", _percent(count, gold[part], 2))
            table.add_row(part, *row, cause)
    yield table


def _percent(count: int, whole: int, digits: int = 0) -> str:
    return f"{count / whole:.{digits}%}" if whole else "–"


def document(found: Document) -> Iterator[Table | Text]:
    """A document's entities in text order and its relations, each mention isolated for bidi terminals."""
    title = f"{found.id}: {len(found.entities)} entities"
    table = folding("label", "score", "start", "end", "mention", texts=("mention",), title=title)
    for entity in found.entities:
        score = "" if entity.score is None else f"{entity.score:.2f}"
        table.add_row(entity.label, score, str(entity.start), str(entity.end), isolated(entity.text))
    yield table
    if found.relations:
        title = f"{len(found.relations)} relations"
        links = folding("relation", "score", "head", "tail", texts=("head", "tail"), title=title)
        by_id = found.by_id()
        for relation in found.relations:
            score = "" if relation.score is None else f"{relation.score:.2f}"
            mentions = (isolated(by_id[id].text) for id in (relation.head, relation.tail))
            links.add_row(relation.label, score, *mentions)
        yield Text()
        yield links


def isolated(text: str) -> str:
    inside = " ".join(text.split()).replace(_ISOLATE, r"\u2068").replace(_END, r"\u2069")
    return _ISOLATE + inside + _END
