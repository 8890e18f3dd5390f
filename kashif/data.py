"""The documents of a training job, what they are read through, and what no prediction can reach."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from kashif import corpus, shares
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.recipe import Recipe
from kashif.scheme import Mapping, Scheme
from kashif.windows import Layout, causes, reach


@dataclass(frozen=True)
class Data:
    """The documents of a training job, the scheme to learn, and what was left out.

    ``mappings`` has those of documents that carry another corpus's labels, by document id.
    """

    scheme: Scheme
    train: list[Document]
    development: list[Document]
    mappings: dict[str, Mapping]
    notices: list[str]


def gather(recipe: Recipe, base: Path, without: Collection[str] = ()) -> Data:
    """Reads a recipe's corpora; carves a development set by article where none is named.

    ``without`` are ids of training articles to leave out.

    Raises:
        InputError: if articles are held out and trained on, labels are not the scheme's, or too few
            articles are left to train on.
    """
    scheme = Scheme.load()
    if recipe.scheme:
        scheme = scheme.foreign(recipe.scheme)
    train, development, held_out = (
        corpus.load_each(texts, base) for texts in (recipe.train, recipe.development, recipe.held_out)
    )
    notices = list(dict.fromkeys(n for part in (*train, *development, *held_out) for n in part.notices))
    _refuse_unknown((*train, *development), scheme)
    sets = {
        name: [document for part in parts for document in part.documents]
        for name, parts in (("train", train), ("development", development), ("held_out", held_out))
    }
    left_out = [document for document in sets["train"] if document.id in without]
    sets["train"] = [document for document in sets["train"] if document.id not in without]
    if not recipe.development and len(sets["train"]) > 1:
        documents = sets["train"]
        order = random.Random(recipe.seed).sample(range(len(documents)), len(documents))
        count = max(1, round(len(documents) * recipe.development_share))
        sets["development"] = [documents[index] for index in sorted(order[:count])]
        sets["train"] = [documents[index] for index in sorted(order[count:])]
    named = sets | {"left_out": left_out}
    for first, second in combinations(named, 2):
        both = shares.overlapping(named[first], named[second])
        if both:
            shared = ", ".join(sorted(both))
            raise InputError(f"the recipe has {shared} in both {first} and {second}; keep one")
    if not sets["train"]:
        raise InputError("the recipe's training corpora hold no article; " + "; ".join(notices))
    if not sets["development"]:
        raise InputError("no article is left to select the model on; name a development corpus")
    mappings = {
        document.id: scheme.mapping(part.mapping)
        for part in (*train, *development)
        if part.mapping
        for document in part.documents
    }
    return Data(scheme, sets["train"], sets["development"], mappings, notices)


def _refuse_unknown(parts: Iterable[corpus.Corpus], scheme: Scheme) -> None:
    """Raises InputError for gold whose labels or signatures its scheme does not have."""
    faults = []
    for part in parts:
        own = scheme.foreign(part.mapping) if part.mapping else scheme
        for document in part.documents:
            unknown = corpus.unknown_labels(document, own)
            faults += unknown
            by_id = document.by_id()
            for relation in document.relations:
                head, tail = by_id[relation.head], by_id[relation.tail]
                misfits = own.misfits(relation.label, head.label, tail.label) if not unknown else ()
                faults += [Fault(document.id, misfit) for misfit in misfits]
    if faults:
        raise InputError(faults)


def told(name: str, documents: Sequence[Document], layouts: Sequence[Layout], data: Data) -> Iterator[str]:
    """The size of a set of documents, and before training what of the gold no prediction could reach."""
    totals = corpus.statistics(documents)["totals"]
    yield (
        f"{name}: {totals['documents']} articles, {totals['words']:,} words, "
        f"{totals['entities']:,} entities, {totals['relations']:,} relations, "
        f"{sum(len(layout.windows) for layout in layouts)} windows"
    )
    lost = [
        item
        for document, layout in zip(documents, layouts, strict=True)
        for item in reach(document, layout, data.scheme, data.mappings.get(document.id))
    ]
    for cause, count in causes(lost).most_common():
        yield f"  out of reach, scored as missed: {count} ({cause})"
