"""The commands below ``kashif corpus`` that begin a corpus, part it, or make one of two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kashif.cli import predicting
from kashif.cli.console import FirstLines, Scheme, out, say
from kashif.corpora.partition import SHARES
from kashif.errors import Fault, InputError, counted, listed, nearest
from kashif.files import list_folder, write_text
from kashif.outputs import DIFFERENCES, Sources, output_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kashif.evaluation.merging import Difference
    from kashif.evaluation.pairing import Pairing
    from kashif.formats import Reading


def preannotate(
    model: Annotated[str, typer.Argument(help="a model folder, or news")],
    texts: Annotated[list[str], typer.Argument(help="texts, JSON lines, folders of them", metavar="TEXTS…")],
    output: Annotated[
        str, typer.Option(help="the file or folder to bring to the annotation tool", metavar="PATH")
    ],
    format: Annotated[
        str, typer.Option(help="label-studio, doccano, prodigy, webanno, brat, plain or another")
    ] = "label-studio",
    on_error: predicting.OnError = "stop",
    errors: predicting.Errors = None,
    resume: predicting.Resume = False,
) -> None:
    """Mark texts as a model predicts, for people to correct; scores are kept where the format has room.

    What nobody has read is no gold: correct it before you train on it.
    """
    predicting.predict(
        texts,
        model=model,
        format=format,
        output=output,
        on_error=on_error,
        errors=errors,
        resume=resume,
    )


def split(
    corpus: Annotated[str, typer.Argument(help="[FORMAT:]PATH of a whole corpus", metavar="CORPUS")],
    shares: Annotated[
        str, typer.Option(help="the splits and their shares of the articles", metavar="NAME=SHARE,…")
    ] = SHARES,
    seed: Annotated[int, typer.Option(min=0, help="of the draw")] = 13,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="draw anew the splits that the corpus has")
    ] = False,
) -> None:
    """Draw splits by article, near-duplicates together, and write them to splits.yaml above the corpus."""
    from kashif.corpora import partition
    from kashif.corpora.loading import files_of, load
    from kashif.corpora.spec import Spec
    from kashif.corpora.statistics import statistics

    wanted = partition.parse_shares(shares)
    spec = Spec.parse(corpus)
    file, name = partition.place_of(spec)
    Sources(path for _, path in files_of(spec)).refuse(file)
    if not overwrite:
        partition.refuse_change(file, name)
    found = load(corpus)
    groups = partition.together(found.documents)
    splits = partition.draw(groups, wanted, seed=seed)
    written = partition.write(file, name, splits, overwrite=overwrite)
    for notice in (*found.notices, *written.notices):
        say(notice)
    kept = [group for group in groups if len(group) > 1]
    if kept:
        named = listed("+".join(group) for group in kept)
        say(
            f"near-duplicates, kept together: {sum(map(len, kept)):,} articles in {len(kept):,} groups"
            f" ({named})"
        )
    by_id = {document.id: document for document in found.documents}
    for split, ids in splits.items():
        totals = statistics([by_id[id] for id in ids])["totals"]
        out.print(
            f"{name}#{split}: {totals['documents']:,} articles, {totals['words']:,} words,"
            f" {totals['entities']:,} entities, {totals['relations']:,} relations"
        )
    say(f"wrote {written.path}")


def merge(
    first: Annotated[str, typer.Argument(help="one annotator's corpus", metavar="A")],
    second: Annotated[
        str, typer.Argument(help="the other's; articles are matched by id or text", metavar="B")
    ],
    output: Annotated[str, typer.Option(help="a new or an empty folder", metavar="DIR")],
    format: Annotated[str, typer.Option(help="plain, brat, jsonl or conll")] = "plain",
    scheme: Scheme = "",
) -> None:
    """Keep the marks on which two annotators of the same articles agree, and list the others to decide."""
    from kashif.corpora.schemes import refuse_mappings, scheme_of
    from kashif.corpora.sources import sources
    from kashif.corpora.spec import Spec
    from kashif.corpora.texts import is_named
    from kashif.evaluation.merging import merge as run
    from kashif.evaluation.pairing import pair
    from kashif.formats import FORMATS
    from kashif.formats.writing import save

    if format not in FORMATS:
        raise InputError(f"no format '{format}'; {nearest(format, FORMATS)}")
    folder = output_folder(output)
    if folder.is_dir() and list_folder(folder):
        message = "this folder is not empty, and what was decided in it would be lost; name a new one"
        raise InputError(Fault(output, message))
    specs = [Spec.parse(text) for text in (first, second)]
    refuse_mappings(specs)
    sides = [readings(text) for text in (first, second)]
    marked = [reading.document for side in sides for reading in side if reading.document.entities]
    ruling = scheme_of(specs, marked, given=scheme)
    pairing = pair(*sides)
    found = run(pairing, scheme=ruling.scheme)
    entry = FORMATS[format]
    place = folder / f"merged{entry.ending}" if entry.many and not entry.tree else folder
    read = Sources(sources((first, second)))
    for loss in save(found.documents, format, place, has_text=is_named, sources=read):
        say(loss)
    shown = FirstLines()
    for difference in found.differences:
        shown.add(str(difference))
    shown.say()
    say_pairing((first, second), pairing)
    entities = sum(len(document.entities) for document in found.documents)
    relations = sum(len(document.relations) for document in found.documents)
    out.print(
        f"{len(found.documents):,} articles; both agree on {entities:,} entities and {relations:,} relations;"
        f" {len(found.differences):,} differences to decide"
    )
    if found.differences:
        write_text(folder / DIFFERENCES, _table(found.differences))
        say(f"wrote {folder} and {folder / DIFFERENCES}")
    else:
        say(f"wrote {folder}")


def readings(text: str) -> list[Reading]:
    """The documents of a corpus with their lines; what was left out is said."""
    from kashif.corpora.loading import contents, load
    from kashif.corpora.spec import Spec

    for notice in load(text).notices:  # refuses what does not fit
        say(notice)
    return contents(Spec.parse(text)).readings


def say_pairing(corpora: Iterable[str], pairing: Pairing) -> None:
    """Prints how two annotators' articles were matched, and which each corpus has that the other lacks."""
    for notice in pairing.notices:
        say(notice)
    for corpus, alone in zip(corpora, pairing.alone, strict=True):
        if alone:
            say(f"left out, in {corpus} alone: {counted(len(alone), 'article')} ({listed(alone)})")


def _table(differences: tuple[Difference, ...]) -> str:
    """The differences as a table that a spreadsheet opens."""
    rows = [("article", "first", "its mark", "second", "its mark")]
    rows += [(d.document, d.places[0], d.marks[0], d.places[1], d.marks[1]) for d in differences]
    return "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in rows)
