"""Notices of many files, told once for all that they share, and of those that are not read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from kashif.corpora.texts import NAME
from kashif.errors import InputError, counted, listed
from kashif.files import list_folder, read_text
from kashif.formats import ENDINGS, FORMATS, Reading, brat, webanno
from kashif.formats.columns import looks_like_conll
from kashif.outputs import TABLES

_COUNT = re.compile(r"[\d,]+(?= )")
"""How a notice begins that says how many there are of something in a file."""
_ENDINGS = frozenset((*ENDINGS, *(entry.ending for entry in FORMATS.values())))
_SETTINGS = frozenset((".yaml", ".yml", ".conf", ".errors", ".unfinished"))
"""Endings of what stands beside articles and texts and is none: a scheme, settings, a prediction's rest."""
_BESIDE = _SETTINGS | {"", ".md", ".gz"}
"""The same beside articles: a licence, guidelines, texts."""
_ABOUT = frozenset(("readme", "license", "licence", "copying", "notice", "changelog", "makefile"))
"""Names of files about the others."""


def gathered(readings: Sequence[Reading], corpus: Path) -> list[str]:
    """The notices of a corpus's readings: what several files say stands once, with its counts summed."""
    said: dict[str, list[str]] = {}
    sums: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for reading in readings:
        for notice in reading.notices:
            message = notice.removeprefix(f"{reading.path}: ")
            number = _COUNT.match(message)
            what = message[number.end() :] if number else message
            said.setdefault(what, []).append(notice)
            sums[what] += int(number[0].replace(",", "")) if number else 0
        counts.update(reading.omitted)
    found = [
        notices[0]
        if len(notices) == 1
        else f"{corpus}, {len(notices)} files: {f'{sums[what]:,}' if sums[what] else ''}{what}"
        for what, notices in said.items()
    ]
    if counts:
        listed = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        found.append(f"{corpus}: documents have no place for {listed}")
    return found


def uncorrected(readings: Sequence[Reading], corpus: Path) -> list[str]:
    """A notice of documents that a model has marked: they have marks, and all of them scores."""
    documents = [reading.document for reading in readings]
    scores = [{e.score for e in d.entities} | {r.score for r in d.relations} for d in documents]
    if not (count := sum(None not in found for found in scores if found)):
        return []
    of = f"{count:,} of {counted(len(documents), 'article')}"
    return [
        f"{corpus}: {of} with scores at all marks, as a model gives them; they are no gold unless corrected"
    ]


def unread(corpus: Path, files: Sequence[tuple[str, Path]]) -> list[str]:
    """A notice of what stands in a corpus's folder, and is none of the ``files`` that it is read from.

    Folders count if there is a file with a format's ending in them, files unless they are Kashif's own or no
    articles by their name; tables only with annotations.
    """
    if not corpus.is_dir() or any(file == corpus for _, file in files):
        return []
    read = {file for _, file in files} | {brat.text_path(file) for format, file in files if format == "brat"}
    others = [path for path in list_folder(corpus) if path not in read and might_be_articles(path)]
    return _told(corpus, others, "name those with articles: [FORMAT:]PATH")


def unread_texts(paths: Iterable[str], files: Iterable[Path]) -> list[str]:
    """The same of those of ``paths`` that are folders of texts to predict on; packed texts count, too.

    A folder in which none of the ``files`` stands has a fault of its own.
    """
    texts = set(files)
    filled = {text.parent for text in texts}
    found: list[str] = []
    for folder in filter(filled.__contains__, dict.fromkeys(map(Path, paths))):
        read = texts | filled
        others = [path for path in list_folder(folder) if path not in read and _might_be_text(path, texts)]
        found += _told(folder, others, "name those with texts, and unpack a .gz")
    return found


def _told(folder: Path, others: Sequence[Path], remedy: str) -> list[str]:
    """The notice that files and folders in a folder are not read; none if there are none."""
    if not others:
        return []
    folders = [path for path in others if path.is_dir()]
    kinds = ((len(others) - len(folders), "file"), (len(folders), "folder"))
    number = " and ".join(counted(count, noun) for count, noun in kinds if count)
    names = listed(f"{path.name}/" if path.is_dir() else path.name for path in others)
    return [f"{folder}: {number} not read ({names}); {remedy}"]


def _might_be_text(path: Path, texts: Set[Path]) -> bool:
    """Whether texts may stand at a path; no more in the annotations of one of ``texts``."""
    ending = path.suffix.lower()
    if path.is_dir():
        return might_be_articles(path)
    if ending == ".ann" and brat.text_path(path) in texts:
        return False
    if ending == ".gz":
        return Path(path.stem).suffix.lower() in _ENDINGS
    return ending not in _SETTINGS and path.name not in {NAME, *TABLES} and path.stem.lower() not in _ABOUT


def might_be_articles(path: Path) -> bool:
    """Whether articles may stand in a file or folder, in whatever format."""
    if path.is_dir():
        return any(file.suffix.lower() in _ENDINGS for file in path.rglob("*"))
    ending = path.suffix.lower()
    if ending in _BESIDE or path.name in {NAME, *TABLES} or path.stem.lower() in _ABOUT:
        return False
    try:
        return ending not in (".tsv", ".csv") or webanno.begins(path) or looks_like_conll(read_text(path))
    except InputError:
        return True
