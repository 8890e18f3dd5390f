"""Files <-> documents: one module a format, each with ``read`` and ``write``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from kashif.document import Document
from kashif.errors import Fault, InputError, nearest
from kashif.files import files_below, list_folder, read_text
from kashif.formats import (
    brat,
    conll,
    dataset,
    docbin,
    doccano,
    gliner,
    jsonl,
    label_studio,
    plain,
    prodigy,
    shapes,
    triples,
    webanno,
    webanno_writing,
)
from kashif.formats.columns import looks_like_conll
from kashif.formats.options import Option, Options
from kashif.formats.reading import Reading
from kashif.outputs import TABLES, missing

__all__ = ["ENDINGS", "FORMATS", "Format", "Options", "Reading", "files", "read", "render", "usable"]


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is read and written.

    ``write`` gives a document's file content and, in words, what the format could not hold; so does
    ``write_predicted`` for a document that a model made, in a format that tells the two apart.
    ``many`` says whether one file holds many documents; ``frame`` is what stands before, between and
    behind them. ``pack`` writes a file that is no text, or a folder if ``tree``, of documents that ``write``
    let pass; then ``write`` gives no content. ``sure`` says whether the ending alone tells the format.
    ``options`` are what ``read`` takes by name, ``whole`` those by which it reads all that is written.
    ``package`` is what must be installed beside Kashif.
    """

    ending: str
    read: Callable[..., list[Reading]]
    write: Callable[[Document], tuple[str, list[str]]]
    many: bool
    frame: tuple[str, str, str] = ("", "", "")
    write_predicted: Callable[[Document], tuple[str, list[str]]] | None = None
    pack: Callable[[Iterable[Document], Path], None] | None = None
    tree: bool = False
    sure: bool = False
    options: Mapping[str, Option] = field(default_factory=dict)
    whole: Options = ()
    package: str = ""


FORMATS = {
    "plain": Format(".txt", plain.read, plain.write, many=False, sure=True),
    "brat": Format(".ann", brat.read, brat.write, many=False, sure=True, options=brat.OPTIONS),
    "jsonl": Format(".jsonl", jsonl.read, jsonl.write, many=True, sure=True),
    "conll": Format(".conll", conll.read, conll.write, many=True, sure=True, options=conll.OPTIONS),
    "label-studio": Format(
        ".json",
        label_studio.read,
        label_studio.write,
        many=True,
        frame=label_studio.FRAME,
        write_predicted=label_studio.write_predicted,
    ),
    "doccano": Format(".jsonl", doccano.read, doccano.write, many=True),
    "prodigy": Format(
        ".jsonl",
        prodigy.read,
        prodigy.write,
        many=True,
        write_predicted=prodigy.write_predicted,
    ),
    "gliner": Format(".json", gliner.read, gliner.write, many=True, frame=gliner.FRAME),
    "webanno": Format(".tsv", webanno.read, webanno_writing.write, many=False),
    "datasets": Format(
        dataset.ENDING,
        dataset.read,
        dataset.write,
        many=True,
        pack=dataset.pack,
        tree=True,
        sure=True,
        options=dataset.OPTIONS,
    ),
    "spacy": Format(
        ".spacy",
        docbin.read,
        docbin.write,
        many=True,
        pack=docbin.pack,
        sure=True,
        options=docbin.OPTIONS,
        whole=docbin.WHOLE,
        package="spacy",
    ),
    "csv": Format(".csv", triples.read, triples.write, many=True, frame=triples.FRAME),
}
ENDINGS = {entry.ending: name for name, entry in FORMATS.items() if entry.sure} | {".conllu": "conll"}
"""The formats that a file's ending tells."""


def usable(name: str) -> Format:
    """The format of a name.

    Raises:
        InputError: if there is none, or it needs a package that is not installed.
    """
    if name not in FORMATS:
        raise InputError(f"no format '{name}'; {nearest(name, FORMATS)}")
    package = FORMATS[name].package
    if package and not find_spec(package):
        raise InputError(f"the format {name} needs a package that is not installed: pip install {package}")
    return FORMATS[name]


def files(path: Path, format: str | None = None) -> list[tuple[str, Path]]:
    """The document files at a path, each with its format: the file itself, or a folder's, sorted.

    A format given wins over the ending, which may be in capitals; a ``.txt`` with a ``.ann`` beside it is
    that one's text, and a dataset (``is_dataset``) is read as a whole. Hidden files are passed over, and so
    are Kashif's own tables (``TABLES``).

    Raises:
        InputError: if the path does not exist, holds no document file or has an unknown ending.
    """
    chosen = usable(format).ending if format else None
    if is_dataset(path, format):
        return [("datasets", path)]
    if path.is_file():
        ending = path.suffix.lower()
        if format in (None, "brat") and ending == ".txt" and (annotations := brat.annotations_path(path)):
            return [("brat", annotations)]
        if format:
            return [(format, path)]
        if ending not in ENDINGS:
            known = ", ".join(ENDINGS)
            message = f"cannot tell the format from '{path.suffix}' (known: {known}); write FORMAT:PATH"
            if ending == ".json":
                message = (
                    shapes.hint(path) or f"{message}; JSON lines hold a document a line, written jsonl:PATH"
                )
            raise InputError(Fault(str(path), message))
        return [(ENDINGS[ending], path)]
    if not path.is_dir():
        raise InputError(Fault(str(path), missing(path)))
    inside = list_folder(path)
    found = []
    for file in inside:
        ending = file.suffix.lower()
        if file.is_dir() or (ending == ".txt" and not chosen and brat.annotations_path(file)):
            continue
        if file.name.lower() in TABLES and not webanno.begins(file):
            continue
        told = ENDINGS.get(ending, "")
        if ending == chosen or (told and format in (None, told)):
            found.append((format or told, file))
    rows = not format and (not found or "datasets" in dict(found))
    if rows and (dataset.is_saved(path) or dataset.splits(path)):
        message = "a dataset of Hugging Face and more"
        raise InputError(Fault(str(path), f"{message}; write datasets:{path}, or name the others"))
    if not found:
        raise InputError(Fault(str(path), _nothing_in(inside, chosen)))
    return found


def is_dataset(path: Path, format: str | None = None) -> bool:
    """Whether a folder is read as one dataset of Hugging Face, with its splits.

    Without a format it is one if it is of ``save_to_disk``, or holds parquet files that are named as splits,
    and no other articles stand in it or below. A folder with a ``splits.yaml`` holds corpora.
    """
    if format or not path.is_dir() or (path / "splits.yaml").is_file():
        return format == "datasets" and path.is_dir()
    told = {ENDINGS.get(file.suffix.lower(), "datasets") for file in files_below(path)}
    return told <= {"datasets"} and (dataset.is_saved(path) or bool(dataset.splits(path)))


def _nothing_in(inside: Sequence[Path], ending: str | None) -> str:
    """What a folder without document files holds instead, and how to write that."""
    message = f"no {ending or 'document'} file in this folder"
    files = [str(path) for path in inside if path.is_file()][:3]
    folders = [str(path) for path in inside if path.is_dir()][:3]
    if files and ending:
        return f"{message}; with a format, name the file: FORMAT:{files[0]}"
    if folders:
        return f"{message}; it holds folders, name them: {', '.join(folders)}"
    return f"{message}; it holds {', '.join(files)}: write FORMAT:PATH of one" if files else message


def read(path: Path, format: str, *, text: str | None = None, options: Options = ()) -> list[Reading]:
    """The documents of one file, by the format's ``options``.

    ``text`` is what a standoff file points into, where that does not stand beside it.

    Raises:
        InputError: listing every fault of the file, with its line.
    """
    entry = usable(format)
    given = dict(options)
    try:
        readings = entry.read(path, text, **given) if format == "brat" else entry.read(path, **given)
    except InputError as error:
        if hint := shapes.hint(path, own=format):
            raise InputError(Fault(str(path), hint)) from error
        raise
    if any(reading.document.entities for reading in readings):
        return readings
    if format == "plain" and plain.has_rule(read_text(path)):  # an article, whatever it looks like
        return readings
    if hint := shapes.hint(path, own=format):  # its marks would be lost, or stay in the meta
        raise InputError(Fault(str(path), hint))
    if format == "plain" and looks_like_conll(read_text(path)):
        message = f"words and tags in columns, not an article; CoNLL is written conll:{path}"
        raise InputError(Fault(str(path), message))
    return readings


def render(document: Document, format: str, *, predicted: bool = False) -> tuple[str, list[str]]:
    """A document in a format, and in words what the format could not hold; ``predicted`` if a model made it.

    Raises:
        InputError: if the format cannot hold the document.
    """
    entry = usable(format)
    write = (predicted and entry.write_predicted) or entry.write
    content, losses = write(document)
    try:
        (document.text if format == "brat" else content).encode()
        content.encode()
    except UnicodeEncodeError as error:
        message = "the text holds a lone surrogate, which UTF-8 cannot; only jsonl holds it (escaped)"
        raise InputError(Fault(f"document '{document.id}'", message)) from error
    return content, losses
