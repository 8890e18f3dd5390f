"""Which articles a model has seen: those that ``manifest.json`` in its folder names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, TypeGuard

from kashif import __version__, box
from kashif.config import parse_yaml
from kashif.corpora.articles import Articles
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import file_digest, read_json, read_text, write_json
from kashif.replacing import settle

NAME = box.MANIFEST
RECIPE = "recipe.yaml"
"""The file in a model's folder of the recipe that it was trained by."""
TERMS = "encoder terms"
"""The key of a manifest of the licence and the credits of the weights that training began with."""
_LEARNED = ("pretraining", "train", "development", "encoder articles", "auxiliary")
"""The parts of a manifest that name articles which weights have been trained on, or were chosen by."""
FORMER = "former thresholds"
"""The part of those that chose what the articles of ``thresholds`` have left as it was."""
_PARTS = (*_LEARNED, "thresholds", FORMER, "calibration")
"""The parts of a manifest that name articles."""
NOT_HELD_OUT = "not held out"
"""What a notice says of articles that a model was chosen by."""
UNKNOWN = f"no {NAME}, so what it was trained on is not known"
"""What a notice says of a model that does not say what it has seen."""
OTHER_TEXTS = "with other texts; rename those that are other articles"
"""How a notice ends on articles of which only the ids are known."""
_AND = " AND "
"""What stands between licences, all of which hold, as SPDX writes it."""


@dataclass(frozen=True)
class SeenArticles:
    """The articles that a model was trained on, those that selected it and its threshold, and its encoder's.

    ``encoder`` are those that its encoder had seen before, in pretraining or as another model's,
    ``auxiliary`` those of auxiliary corpora, which taught it beside.
    """

    train: Articles = field(default_factory=Articles)
    development: Articles = field(default_factory=Articles)
    thresholds: Articles = field(default_factory=Articles)
    encoder: Articles = field(default_factory=Articles)
    auxiliary: Articles = field(default_factory=Articles)

    @classmethod
    def of(cls, folder: Path) -> SeenArticles | None:
        """What a model folder's manifest says; None where there is none.

        Raises:
            InputError: if it does not hold articles and their digests, or is of other weights.
        """
        path = folder / NAME
        if not path.is_file():
            return None
        check_weights(folder)
        rows = _manifest(path, needed=("train", "development"))
        nothing = Articles()
        beside = (rows.get("encoder articles", nothing), rows.get("auxiliary", nothing))
        return cls(rows["train"], rows["development"], _tuned(rows), *beside)

    def notices(self, documents: Sequence[Document], name: str) -> Iterator[str]:
        """In words, how many of these articles the model ``name`` has seen, and how many ids alone."""
        train, learned, development, tuned = (
            articles.among(documents)
            for articles in (self.train, self.learned, self.development, self.thresholds)
        )
        selected, chose = f"selected {name}", f"chose the threshold of {name}"
        for ids, articles, out, did in (
            (train, self.train, True, f"{name} was trained on"),
            (learned - train, self.learned, True, f"the encoder of {name} has seen"),
            (development - learned, self.development, False, selected),
            (tuned - development - learned, self.thresholds, False, chose),
        ):
            other = articles.namesakes(documents) & ids
            if same := len(ids) - len(other):
                told = f"articles left out: {did} them" if out else f"of these articles {did}: {NOT_HELD_OUT}"
                yield f"{same} {told} (says its manifest.json)"
            if other:
                told = "articles left out: they have" if out else "of these articles have"
                rest = "" if out else f": {NOT_HELD_OUT} if they are the same"
                yield f"{len(other)} {told} ids of articles that {did}, {OTHER_TEXTS}{rest}"

    @property
    def taught(self) -> Articles:
        """The articles of its own training that the weights learned from."""
        return self.auxiliary | self.train

    @property
    def learned(self) -> Articles:
        """The articles that the weights have been trained on, in whatever way."""
        return self.encoder | self.taught


def seen_by(encoder: str) -> Articles:
    """The articles that an encoder's folder says it has seen.

    The folder is one of ``kashif pretrain``, or a model's, as ``news`` is; any other encoder says nothing.

    Raises:
        InputError: if its manifest does not hold articles and their digests, or is of other weights.
    """
    path = box.located(encoder, "encoder") / NAME
    if not path.is_file():
        return Articles()
    check_weights(path.parent)
    rows = _manifest(path)
    if not rows:
        raise InputError(Fault(str(path), "expected the articles that the encoder has seen; make it again"))
    return reduce(or_, (rows.get(name, Articles()) for name in reversed(_LEARNED)))


def refuse_seen(before: Articles, held_out: Sequence[Document]) -> None:
    """Raises InputError for held-out articles among those that an encoder has seen ``before``."""
    if both := before.surely(held_out):
        message = f"the encoder has seen {', '.join(sorted(both))}, which held_out names; take another"
        raise InputError(message)


def untold(encoder: str) -> list[str]:
    """A notice where an encoder's folder has no manifest, so that what it has read is not known."""
    folder = box.located(encoder, "encoder")
    if not (folder / "config.json").is_file() or (folder / NAME).is_file():
        return []
    return [
        f"encoder '{encoder}': no {NAME}, so what it has read is not known, and scores leave none of it out"
    ]


def terms_of(folder: Path) -> dict[str, Any]:
    """The ``license`` and the ``credits`` of a model or encoder, and of what it began with, as JSON values.

    A model's own stand in its recipe, those of what it or an encoder began with in its manifest. Both are
    empty where nothing is said.

    Raises:
        InputError: if they cannot be read.
    """
    parts: list[tuple[Path, Any]] = []
    if (recipe := folder / RECIPE).is_file():
        parts.append((recipe, parse_yaml(read_text(recipe), str(recipe))))
    if (manifest := folder / NAME).is_file():
        rows = read_json(manifest)
        parts.append((manifest, rows.get(TERMS) if isinstance(rows, dict) else None))
    licences: dict[str, None] = {}
    credited: dict[str, None] = {}
    for path, row in parts:
        values = row if isinstance(row, dict) else {}
        licence, names = values.get("license") or "", values.get("credits") or []
        if not isinstance(licence, str) or not _are_texts(names):
            raise InputError(Fault(str(path), "expected a text as license, and a list of texts as credits"))
        licences |= dict.fromkeys(filter(None, licence.split(_AND)))
        credited |= dict.fromkeys(names)
    return {"license": _AND.join(licences), "credits": list(credited)}


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _manifest(path: Path, *, needed: Sequence[str] = ()) -> dict[str, Articles]:
    """The articles of each part of a manifest, with the digests of their texts and lines."""
    rows = read_json(path)
    if not isinstance(rows, dict):
        raise InputError(Fault(str(path), "expected an object; train the model again"))
    lacking = [name for name in needed if name not in rows]
    faults = [Fault(str(path), f"lacks '{name}'; train the model again") for name in lacking]
    found: dict[str, Articles] = {}
    for name in _PARTS:
        row = rows.get(name)
        articles, runs = (row.get("articles"), row.get("runs", {})) if isinstance(row, dict) else (None, {})
        if _of_texts(articles) and _of_texts(runs):
            found[name] = Articles(articles, {id: frozenset(text.split()) for id, text in runs.items()})
        elif name in rows:
            message = f"{name}: expected articles and the digests of their texts; train the model again"
            faults.append(Fault(str(path), message))
    if faults:
        raise InputError(faults)
    return found


def _tuned(parts: Mapping[str, Articles]) -> Articles:
    """The articles that chose a model's thresholds and calibration: the last ones, and those that live on."""
    last = parts.get("thresholds", Articles())
    return parts.get(FORMER, Articles()) | (last if last.texts else parts.get("calibration", Articles()))


def _of_texts(value: Any) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def weights_digest(folder: Path) -> str:
    """The SHA-256 of the weights in a model's or encoder's folder.

    Raises:
        InputError: if they cannot be read.
    """
    return file_digest(folder / box.WEIGHTS)


def model_digests(folder: Path) -> dict[str, str]:
    """What tells a model from any other, and from itself with other thresholds: the SHA-256 of two files.

    Raises:
        InputError: if they cannot be read.
    """
    return {"weights": weights_digest(folder), "config": file_digest(folder / "config.json")}


def check_weights(folder: Path) -> None:
    """Refuses weights that are not those that the manifest beside them names.

    Raises:
        InputError: if they are not, or either cannot be read.
    """
    settle(folder)
    path = folder / NAME
    rows = read_json(path) if path.is_file() else {}
    named = rows.get("weights") if isinstance(rows, dict) else None
    if named is not None and named != weights_digest(folder):
        message = f"not the weights that {NAME} beside it names: they are damaged, or of another training"
        raise InputError(
            Fault(str(folder / box.WEIGHTS), f"{message}; train again, or copy the whole folder")
        )


def other_version(folder: Path) -> str:
    """A line that says that a model's folder was written by another version of Kashif; empty if it was not.

    A folder without a manifest that can be read says nothing here.
    """
    path = folder / NAME
    try:
        rows = read_json(path) if path.is_file() else {}
    except InputError:
        return ""
    versions = rows.get("versions") if isinstance(rows, dict) else None
    written = versions.get("kashif") if isinstance(versions, dict) else None
    if not isinstance(written, str) or written == __version__:
        return ""
    return f"{folder}: written by Kashif {written:.40}, this is {__version__}; results may differ"


def write_encoder_manifest(
    folder: Path,
    articles: Articles,
    *,
    auxiliary: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
) -> None:
    """Writes the manifest of an encoder whose weights lie in a folder: the articles that it has seen.

    ``auxiliary`` is the ``articles_row`` of auxiliary corpora, ``terms`` are what ``terms_of`` says
    of the weights that it began with.
    """
    rows: dict[str, Any] = {"pretraining": articles.row, "weights": weights_digest(folder)}
    rows |= {"auxiliary": auxiliary} if auxiliary else {}
    write_json(folder / NAME, rows | ({TERMS: terms} if any((terms or {}).values()) else {}))


def articles_row(documents: Sequence[Document]) -> dict[str, Any]:
    """Articles as they stand in a manifest, and the SHA-256 of them with their annotations."""
    return {**Articles.of(documents).row, "sha256": digest(documents)}


def with_thresholds(folder: Path, documents: Sequence[Document], *, anew: bool) -> dict[str, Any]:
    """A folder's manifest, where it also says which articles chose the thresholds.

    Unless all were chosen ``anew``, it says, too, which chose them before.
    """
    rows: dict[str, Any] = read_json(folder / NAME)
    parts = _manifest(folder / NAME)
    rows.pop(FORMER, None)
    if not anew:
        before = _tuned(parts)
        same = {document.id for document in before.very(documents)}
        former = replace(before, texts={id: before.texts[id] for id in before.texts if id not in same})
        rows |= {FORMER: former.row} if former.texts else {}
    return rows | {"thresholds": articles_row(documents)}


def digest(documents: Iterable[Document]) -> str:
    """SHA-256 over the documents as JSON lines."""
    whole = hashlib.sha256()
    for document in documents:
        whole.update(document.to_json().encode() + b"\n")
    return whole.hexdigest()
