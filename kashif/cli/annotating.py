"""The commands below ``kashif corpus`` by which a model helps people to annotate: what next, what again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kashif import box
from kashif.cli.console import Device, Json, Marks, Runtime, out, say, watched
from kashif.cli.corpus_files import readings
from kashif.corpora.notices import unread_texts
from kashif.corpora.provenance import SeenArticles, other_version
from kashif.corpora.sources import sources
from kashif.document import Document
from kashif.errors import InputError
from kashif.files import write_json
from kashif.formats import inputs
from kashif.libraries import quiet_libraries
from kashif.outputs import Sources, output_file
from kashif.selection import check_threshold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from kashif.evaluation.active import Article, Choice
    from kashif.modeling.predictor import Predictor

Model = Annotated[str, typer.Argument(help="a model folder, or news")]


def next_(
    model: Model,
    texts: Annotated[list[str], typer.Argument(help="texts, JSON lines, folders of them", metavar="TEXTS…")],
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            help="what is annotated: PATH, FORMAT:PATH, PATH#SPLIT; may stand several times", metavar="CORPUS"
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="how many articles to choose")] = 20,
    pool: Annotated[
        int | None, typer.Option(min=1, help="look at so many of the texts, drawn at random; all by default")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of that draw")] = 13,
    output: Annotated[
        str | None,
        typer.Option(help="write the texts chosen, as JSON lines, to this file or folder", metavar="PATH"),
    ] = None,
    json_file: Json = None,
    runtime: Runtime = "auto",
    device: Device = None,
) -> None:
    """Choose the articles that would teach a model most if people annotated them next.

    They are those that the model expects to get wrong, unlike the annotated ones and unlike one another.
    """
    found = inputs.find(texts)
    inputs.check(found)
    chosen_file = output_file(output, "next.jsonl") if output is not None else None
    report = output_file(json_file, "next.json") if json_file is not None else None
    files = [file for file in found if isinstance(file, Path)]
    read = Sources([*map(Path, texts), *files, *sources(corpus or ()), *box.files(box.meant(model))])
    read.refuse(*filter(None, (chosen_file, report)))
    folder = box.find(model)
    quiet_libraries()
    from kashif.corpora.loading import load_all
    from kashif.corpora.schemes import refuse_mappings
    from kashif.corpora.spec import Spec
    from kashif.evaluation import active
    from kashif.formats.writing import save
    from kashif.modeling import predictor as predictors

    refuse_mappings(map(Spec.parse, corpus or ()))
    if line := other_version(folder):
        say(line)
    annotated, notices = load_all(corpus or ())
    ours = active.pool_of(_read(found), annotated, seen=SeenArticles.of(folder), most=pool, seed=seed)
    notices += [*unread_texts(texts, files), *ours.notices]
    if not ours.documents:
        raise InputError("; ".join(["no text is left to choose from", *notices]))
    predictor = predictors.load(folder, device=device, runtime=runtime)
    probed = _probed(predictor, ours.documents, "texts read")
    known = _probed(predictor, annotated, "annotated articles read")
    chosen = active.choose(probed, known, count=count, groups=ours.groups)
    if report:
        rows = [{"rank": rank, **choice.row()} for rank, choice in enumerate(chosen, start=1)]
        write_json(report, {"model": model, "texts": len(probed), "chosen": rows, "notices": notices})
        say(f"wrote {report}")
    if chosen_file:
        by_id = {document.id: document for document in ours.documents}
        save([by_id[choice.article.id] for choice in chosen], "jsonl", chosen_file, sources=read)
        say(f"wrote {chosen_file}")
    out.print(_choices(chosen))
    for notice in notices:
        say(notice)


def doubt(
    model: Annotated[
        str, typer.Argument(help="the output folder of kashif crossvalidate, a model folder, or news")
    ],
    corpus: Annotated[str, typer.Argument(help="PATH, FORMAT:PATH, PATH#SPLIT", metavar="CORPUS")],
    threshold: Annotated[
        float, typer.Option(help="list what the model contradicts with at least this probability")
    ] = 0.9,
    json_file: Json = None,
    runtime: Runtime = "torch",
    device: Device = None,
) -> None:
    """List the gold that a model contradicts with confidence, the surest first, for people to decide.

    Each article is judged by a model that was not trained on it; without such a model it is passed over.
    """
    check_threshold(threshold)
    report = output_file(json_file, "doubt.json") if json_file is not None else None
    quiet_libraries()
    from kashif.cli.tables import isolated
    from kashif.corpora.schemes import refuse_mappings
    from kashif.corpora.spec import Spec
    from kashif.evaluation import doubt as doubting

    refuse_mappings([Spec.parse(corpus)])
    folders = doubting.models_in(box.located(model))
    if line := other_version(folders[0]):
        say(line)
    if report:
        models = (file for folder in folders for file in box.files(folder))
        Sources([*sources([corpus]), *models]).refuse(report)
    read = readings(corpus)
    found = doubting.doubts(read, folders, threshold=threshold, watch=watched, runtime=runtime, device=device)
    if report:
        rows = [one.row() for one in found.found]
        told = {"model": model, "corpus": corpus, "threshold": threshold, "articles": found.articles}
        write_json(report, {**told, "doubts": rows, "notices": list(found.notices)})
        say(f"wrote {report}")
    for one in found.found:
        out.print(f"{one.confidence:.2f} {one.place} ({one.start}-{one.end}) {one.kind}")
        out.print(f"     gold: {isolated(one.gold)} | model: {isolated(one.model)}")
        out.print(f"     {isolated(one.context)}")
    for kind, many in Counter(one.kind for one in found.found).most_common():
        out.print(f"{many:,} {kind}: {doubting.KINDS[kind]}")
    touched = len({one.document for one in found.found})
    out.print(f"{len(found.found):,} doubts, in {touched:,} of {found.articles:,} articles")
    for notice in found.notices:
        say(notice)


def _read(found: Sequence[Path | inputs.Failure]) -> list[Document]:
    """The texts of files as documents without marks; raises what fails in a pipe."""
    documents, marks = [], Marks()
    for item in inputs.read(found):
        if isinstance(item, inputs.Failure):
            raise item.error
        marks.add(item)
        documents.append(Document(item.id, item.text, meta=item.meta))
    marks.say()
    return documents


def _probed(predictor: Predictor, documents: Iterable[Document], what: str) -> list[Article]:
    from kashif.evaluation.active import Article
    from kashif.modeling.probing import probe

    texts = ((document.id, document.text) for document in documents)
    return [Article.of(each, predictor) for each in watched(probe(predictor, texts), what)]


def _choices(chosen: Sequence[Choice]) -> Table:
    from kashif.cli.tables import folding

    table = folding("", "article", "words", "wrong in 100 words", "why", texts=("article", "why"))
    for rank, choice in enumerate(chosen, start=1):
        article = choice.article
        table.add_row(str(rank), article.id, f"{article.words:,}", f"{article.rate:.1f}", choice.why())
    return table
