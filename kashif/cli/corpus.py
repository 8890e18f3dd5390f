"""The commands below ``kashif corpus``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kashif.cli.console import Corpora, FirstLines, Output, Scheme, emit, out, say
from kashif.cli.corpus_files import readings, say_pairing
from kashif.errors import InputError, counted, nearest
from kashif.libraries import quiet_libraries
from kashif.outputs import ACCEPTED, Sources

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kashif.corpora.splits import Division
    from kashif.scheme import Scheme as AnnotationScheme

app = typer.Typer(help="Check, count, compare and convert annotated corpora.", no_args_is_help=True)


@app.command()
def check(
    corpora: Corpora,
    accept: Annotated[bool, typer.Option("--accept", help="note the warnings as read and right")] = False,
    encoder: Annotated[
        str | None,
        typer.Option(help="count the gold beyond its windows: e5-small-ar, hub name or folder"),
    ] = None,
    window: Annotated[int, typer.Option(min=16, help="sub-words in a window, with --encoder")] = 256,
    scheme: Scheme = "",
) -> None:
    """Find every fault of a corpus in one run, each with file and line; warn of what is worth a look.

    Several splits or corpora are compared: near-duplicates, entities not seen in the split 'train',
    distances of relations.
    """
    from kashif.corpora import warnings as notes
    from kashif.corpora.checks import check as run
    from kashif.corpora.spec import Spec
    from kashif.corpora.splits import divide
    from kashif.corpora.statistics import statistics, unmarked

    specs = [Spec.parse(text) for text in corpora]
    tokenizer = _tokenizer(encoder) if encoder else None
    found = run(specs, given=scheme)
    readings, faults, notices = found.articles, found.faults, found.notices
    for fault in faults:
        out.print(str(fault), style="red")
    for notice in notices:
        say(notice)
    totals = statistics([reading.document for reading in readings])["totals"]
    sizes = ", ".join(f"{totals[name]:,} {name}" for name in ("documents", "words", "entities", "relations"))
    out.print(f"read {sizes}")
    if faults:
        told = f"{counted(len(faults), 'fault')} in {counted(len({fault.where for fault in faults}), 'file')}"
        out.print(f"{told}; mend and check again", style="red")
        raise typer.Exit(2)
    if found.scheme is None:
        out.print("nothing was checked: no article could be read", style="yellow")
        return
    if not totals["entities"]:
        out.print(
            "no entity is marked; is the format the right one? CoNLL is written conll:PATH", style="red"
        )
        raise typer.Exit(2)
    for line in unmarked([reading.document for reading in readings]):
        out.print(line, style="yellow")
    warnings = notes.warnings(readings, found.scheme)
    if accept:
        out.print(f"accepted {counted(notes.accept(warnings), 'warning')} in {ACCEPTED}")
        warnings = []
    for warning in warnings:
        out.print(str(warning.fault), style="yellow")
    if warnings:
        out.print(
            f"{counted(len(warnings), 'warning')}; mend the marks, or accept what is right with --accept"
        )
    out.print("✓ digests, offsets and marks fit their texts", style="green")
    begin = "begin at words or behind proclitics, end" if found.scheme.proclitics else "begin and end"
    lie = "nest or stand apart" if found.scheme.nested else "stand apart"
    out.print(f"✓ spans {begin} at words, {lie}; labels are the scheme's", style="green")
    out.print("✓ relations fit their signatures, stand once, within two adjoining sentences", style="green")
    _show_splits(divide(specs, found.readings), found.scheme, tokenizer=tokenizer, window=window)


def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    from kashif.modeling.encoder import resolve
    from kashif.modeling.weights import refusing

    quiet_libraries()
    with refusing(f"encoder '{name}'"):
        tokenizer = AutoTokenizer.from_pretrained(resolve(name), trust_remote_code=False)
    if not tokenizer.is_fast:
        raise InputError(f"encoder '{name}': it has no fast tokenizer, which offsets need")
    return tokenizer


def _show(items: Iterable[RenderableType]) -> None:
    for item in items:
        out.print(item)


def _show_splits(division: Division, scheme: AnnotationScheme, *, tokenizer: Any, window: int) -> None:
    """Prints the leakage between splits, where there are several, and what no window holds."""
    from kashif.cli import tables
    from kashif.corpora import splits
    from kashif.modeling.alignment import count_causes, unreachable
    from kashif.modeling.windows import lay_out

    parts = division.parts
    for notice in division.notices:
        out.print(notice)
    if len(parts) > 1:
        _show(tables.shared(splits.shared(parts)))
        training, held = division.training, division.evaluation
        if not training:
            lacking = f"no split is named '{splits.TRAIN}' or begins at 0%"
            out.print(f"entities seen in training are not counted: {lacking}")
        elif held:
            _show(
                tables.seen({part.name: splits.seen_in_training(training, part.documents) for part in held})
            )
        _show(tables.distances({part.name: splits.distances(part.documents) for part in parts}))
    if tokenizer is not None:
        lost = {}
        for part in parts:
            layouts = lay_out([document.text for document in part.documents], tokenizer, size=window)
            lost[part.name] = count_causes(unreachable(part.documents, layouts, scheme=scheme))
        gold = {part.name: sum(len(d.entities) + len(d.relations) for d in part.documents) for part in parts}
        _show(tables.unreachable(lost, gold, windows=f"windows of {window} sub-words"))


@app.command()
def scheme(corpora: Corpora) -> None:
    """Print the scheme that the gold of corpora follows, as a file to mend and keep as scheme.yaml."""
    from kashif.corpora.loading import load_all
    from kashif.corpora.schemes import describe, learn, refuse_mappings
    from kashif.corpora.spec import Spec

    refuse_mappings(map(Spec.parse, corpora))
    documents, notices = load_all(corpora)
    found = learn(documents)
    for line in (*notices, *describe(documents, found)):
        say(line)
    emit(found.dump())


@app.command()
def stats(
    corpora: Corpora,
    register: Annotated[
        bool, typer.Option("--register", help="measure density, quotes, spelling instead, corpus by corpus")
    ] = False,
) -> None:
    """Count a corpus: articles, words, entities and relations by label."""
    from kashif.cli import tables
    from kashif.corpora.loading import load_all, load_each
    from kashif.corpora.register import register as measure
    from kashif.corpora.schemes import refuse_mappings
    from kashif.corpora.spec import Spec
    from kashif.corpora.statistics import statistics

    refuse_mappings(map(Spec.parse, corpora))
    if register:
        parts = load_each(corpora)
        out.print(tables.register({part.name: measure(part.documents) for part in parts}))
        for part in parts:
            for notice in part.notices:
                say(notice)
        return
    documents, notices = load_all(corpora)
    for table in tables.statistics(statistics(documents)):
        out.print(table)
    for notice in notices:
        say(notice)


@app.command()
def agree(
    first: Annotated[str, typer.Argument(help="one annotator's corpus")],
    second: Annotated[str, typer.Argument(help="the other's; articles are matched by id or text")],
    differences: Annotated[
        bool, typer.Option("--differences", help="list every difference, with file and line")
    ] = False,
    scheme: Scheme = "",
) -> None:
    """Measure how far two annotators of the same articles agree."""
    from kashif.cli import tables
    from kashif.corpora.schemes import refuse_mappings, scheme_of
    from kashif.corpora.spec import Spec
    from kashif.evaluation.agreement import agreement
    from kashif.evaluation.merging import merge
    from kashif.evaluation.pairing import pair

    specs = [Spec.parse(text) for text in (first, second)]
    refuse_mappings(specs)
    sides = [readings(text) for text in (first, second)]
    documents = [reading.document for side in sides for reading in side]
    ruling = scheme_of(specs, documents, given=scheme)
    pairing = pair(*sides)
    for table in tables.agreement(agreement(pairing, scheme=ruling.scheme)):
        out.print(table)
    if differences:
        for difference in merge(pairing, scheme=ruling.scheme).differences:
            out.print(str(difference))
    say_pairing((first, second), pairing)


@app.command()
def convert(
    corpora: Corpora,
    format: Annotated[
        str, typer.Option(help="plain, brat, jsonl, conll, or another tool's: docs/formats.md")
    ],
    output: Output,
) -> None:
    """Write a corpus in another format, and say what that format cannot hold."""
    from kashif.corpora.loading import load_all
    from kashif.corpora.schemes import refuse_mappings
    from kashif.corpora.sources import sources
    from kashif.corpora.spec import Spec
    from kashif.corpora.texts import is_named
    from kashif.formats import FORMATS, conll, writing

    if format not in FORMATS:
        raise InputError(f"no format '{format}'; {nearest(format, FORMATS)}")

    refuse_mappings(map(Spec.parse, corpora))
    read = Sources(sources(corpora))
    writing.Output.at(output, format, sources=read)  # refused before anything is read
    documents, notices = load_all(corpora)
    for notice in notices:
        say(notice)
    losses = writing.save(documents, format, output, has_text=is_named, sources=read)
    lost = FirstLines()
    for loss in losses:
        lost.add(loss)
    lost.say()
    written = len(documents) - sum(loss.endswith(conll.WORDLESS) for loss in losses)
    say(f"wrote {counted(written, 'article')} to {output}")
