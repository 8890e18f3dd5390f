"""A corpus is parted by article into splits of given shares, and its part of ``splits.yaml`` is written."""

from __future__ import annotations

import math
import os
import shlex
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import regex

from kashif.config import dump_yaml, parse_yaml
from kashif.corpora.duplicates import RUN, overlaps
from kashif.corpora.loading import split_file, splits_place
from kashif.corpora.spec import Spec
from kashif.document import Document
from kashif.errors import Fault, InputError, listed
from kashif.files import read_text, write_text
from kashif.folding import letters
from kashif.replacing import changing

SHARES = "train=0.8,development=0.1,test=0.1"
Splits = dict[str, list[str]]
"""The ids of each split."""
_NAME = regex.compile(r"[^\s#@%=,]+")
_KEY = regex.compile(r"[^\s#].*")
"""A line at which a corpus's part of a splits file begins, or ends."""


def parse_shares(text: str) -> dict[str, float]:
    """The share of each split in ``NAME=SHARE,…``.

    Raises:
        InputError: listing every part that does not fit; if the shares do not make 1.
    """
    shares: dict[str, float] = {}
    faults: list[Fault] = []
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        try:
            share = float(number)
        except ValueError:
            share = math.nan
        if not _NAME.fullmatch(name) or not 0 < share <= 1:
            message = f"'{part.strip()}': write a name and a share between 0 and 1, such as train=0.8"
            faults.append(Fault("--shares", message))
        elif name in shares:
            faults.append(Fault("--shares", f"{name} stands twice"))
        shares[name] = share
    if not faults and not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
        faults.append(Fault("--shares", f"they make {sum(shares.values()):g}, not 1"))
    if faults:
        raise InputError(faults)
    return shares


def together(documents: Sequence[Document]) -> list[list[str]]:
    """The ids of articles that must stay together, copies and near-duplicates, in the articles' order."""
    leader = list(range(len(documents)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = index = leader[leader[index]]
        return index

    texts = [document.text for document in documents]
    first: dict[str, int] = {}
    alike = [(first.setdefault(letters(text), index), index) for index, text in enumerate(texts)]
    alike += [(o.first, o.second) for o in overlaps(texts, range(len(texts))) if o.near_duplicate]
    for one, other in alike:
        low, high = sorted((find(one), find(other)))
        leader[high] = low
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for index, document in enumerate(documents):
        groups[find(index)].append(document.id)
    return list(groups.values())


def apart(documents: Sequence[Document]) -> tuple[list[list[str]], list[str]]:
    """The groups of ``together``; of copies alone where all would be one group, with a notice."""
    groups = together(documents)
    if len(groups) > 1:
        return groups, []
    copies: dict[str, list[str]] = {}
    for document in documents:
        copies.setdefault(letters(document.text), []).append(document.id)
    told = "all articles are near-duplicates: what is left out of training is like what is trained on"
    return list(copies.values()), [told] if len(copies) > 1 else []


def draw(groups: Sequence[Sequence[str]], shares: Mapping[str, float], *, seed: int) -> Splits:
    """Splits of whole groups of articles, as near to their shares as the groups allow; each has an article.

    Raises:
        InputError: if there are fewer groups than splits.
    """
    if len(groups) < len(shares):
        message = f"{len(groups)} articles that are not alike make no {len(shares)} splits; name fewer"
        if len(groups) < sum(map(len, groups)):
            message += f", or take out what some share ({RUN} words in a row make articles alike)"
        raise InputError(Fault("--shares", message))
    total = sum(map(len, groups))
    wanted = {name: max(share * total, 1.0) for name, share in shares.items()}
    drawn: Splits = {name: [] for name in shares}
    mixed = Random(seed).sample(list(groups), len(groups))
    mixed.sort(key=len, reverse=True)  # large groups first, while there is room for them
    for place, group in enumerate(mixed):
        empty = [name for name in drawn if not drawn[name]]
        open_to = empty if len(mixed) - place <= len(empty) else list(drawn)
        name = max(open_to, key=lambda name: wanted[name] - len(drawn[name]))
        drawn[name] += group
    order = {id: index for index, id in enumerate(id for group in groups for id in group)}
    return {name: sorted(ids, key=order.__getitem__) for name, ids in drawn.items()}


@dataclass(frozen=True, slots=True)
class Written:
    """A splits file that was written, and notices of what is in it no more."""

    path: Path
    notices: tuple[str, ...] = ()


def place_of(spec: Spec) -> tuple[Path, str]:
    """The splits file of a corpus, and the corpus's name in it.

    Raises:
        InputError: for a corpus with a split or mapping, or one that has splits of its own.
    """
    if spec.split or spec.mapping:
        raise InputError(Fault(str(spec.path), "splits are drawn of a whole corpus; take # and @ away"))
    if spec.own_splits:
        message = f"it has splits of its own ({', '.join(spec.own_splits)}), and those alone are read"
        remedy = "write it as jsonl with corpus convert, and split that"
        raise InputError(Fault(str(spec.path), f"{message}; {remedy}"))
    file, name = splits_place(spec.path)
    return Path(os.path.abspath(file)), name


def refuse_change(file: Path, corpus: str) -> None:
    """Refuses to draw splits for a corpus that has some.

    Raises:
        InputError: if it has; for a splits file that does not fit.
    """
    if there := _present(file).get(corpus):
        counts = ", ".join(f"{name} {len(ids):,}" for name, ids in there.items())
        message = (
            f"{corpus} has splits ({counts}); --overwrite draws them anew, and an article that models were"
            " tested on may then be one that they were trained on"
        )
        raise InputError(Fault(str(file), message))


def refuse_renamed(file: Path, corpus: str, ids: Collection[str]) -> None:
    """Refuses a corpus without splits that has most of the articles of one with splits, which is not there.

    Raises:
        InputError: if there is such a one; for a splits file that does not fit.
    """
    known = _present(file)
    for name, splits in known.items():
        named = {id for part in splits.values() for id in part}
        if corpus in known or os.path.lexists(file.parent / name) or len(named & {*ids}) * 2 <= len(named):
            continue
        message = (
            f"{corpus} has no splits, and most articles of {name}, which has some and is not there: if it was"
            f" renamed, write {corpus} for {name} here; if not, draw splits of its own: kashif corpus split"
            f" {shlex.quote(str(file.parent / corpus))} --overwrite"
        )
        raise InputError(Fault(str(file), message))


def write(file: Path, corpus: str, splits: Splits, *, overwrite: bool = False) -> Written:
    """Writes a corpus's splits into a splits file; the other corpora's stay, and so do their comments.

    Raises:
        InputError: for a splits file that does not fit; unless ``overwrite``, if the corpus has splits,
            perhaps under a former name.
    """
    with changing(file):
        if not overwrite:  # somebody else may have drawn some meanwhile
            refuse_change(file, corpus)
            refuse_renamed(file, corpus, {id for ids in splits.values() for id in ids})
        return _written(file, corpus, splits)


def _written(file: Path, corpus: str, splits: Splits) -> Written:
    before = _present(file)
    text = read_text(file) if file.is_file() else ""
    entry = dump_yaml({corpus: splits})
    wanted = {**before, corpus: splits}
    new = _replaced(text, corpus, entry) if corpus in before else _appended(text, entry)
    notices = []
    old = before.get(corpus, {})
    if gone := [f"{name} ({len(old[name])})" for name in old if name not in splits]:
        notices.append(f"these splits of {corpus} are there no more: {listed(gone)}")
    try:
        kept = new is not None and parse_yaml(new, str(file), strings=True) == wanted
    except InputError:
        kept = False
    if not kept or new is None:  # written in a way that lines do not part
        new = dump_yaml(wanted)
    if (lost := _comments(text) - _comments(new)) > 0:
        notices.append(f"{file}: {lost} lines of comments are lost")
    write_text(file, new)
    return Written(file, tuple(notices))


def _present(file: Path) -> dict[str, Splits]:
    """What a splits file holds; nothing if it is not there or holds comments alone."""
    if not file.is_file() or parse_yaml(read_text(file), str(file), strings=True) in (None, ""):
        return {}
    return split_file(file)


def _appended(text: str, entry: str) -> str:
    if not text.strip():
        return text + entry
    return f"{text.rstrip()}\n\n{entry}"


def _replaced(text: str, corpus: str, entry: str) -> str | None:
    """A splits file's text with another entry for a corpus; None if its lines are not found."""
    lines = text.split("\n")
    key = regex.compile(rf"(['\"]?){regex.escape(corpus)}\1\s*:(?:\s|$)")
    begins = [index for index, line in enumerate(lines) if key.match(line)]
    if len(begins) != 1:
        return None
    [begin] = begins
    ends = (index for index in range(begin + 1, len(lines)) if _KEY.match(lines[index]))
    end = next(ends, len(lines))
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1  # what stands above the next corpus is its own
    return "\n".join([*lines[:begin], entry.rstrip("\n"), *lines[end:]])


def _comments(text: str) -> int:
    """How many lines of a YAML text hold a comment; a # in a string counts too."""
    return sum(bool(regex.search(r"(?:^|\s)#", line)) for line in text.split("\n"))
