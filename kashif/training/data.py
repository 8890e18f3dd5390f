"""The documents of a training, and the scheme that they are labelled in."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from kashif.corpora import loading, slices
from kashif.corpora.loading import Corpus
from kashif.corpora.partition import apart
from kashif.corpora.provenance import refuse_seen, seen_by, untold
from kashif.corpora.schemes import lacking, refuse_mappings, scheme_of, unknown_labels, unscored
from kashif.corpora.spec import Spec
from kashif.corpora.statistics import statistics, unmarked
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.modeling.alignment import Unreachable, count_causes
from kashif.modeling.windows import Layout
from kashif.scheme import Scheme
from kashif.training.auxiliary import AuxiliaryCorpus, with_schemes
from kashif.training.recipe import Recipe

_USES = {
    "train": "to learn",
    "development": "to select the model by",
    "calibration": "to make probabilities true by",
}


@dataclass(frozen=True)
class Data:
    """The documents of a training, the scheme to learn, and notices of what was left out.

    ``calibration`` articles make probabilities true and choose thresholds; they may be the development ones.
    ``scheme_file`` is None for a scheme that was learned. ``auxiliary`` corpora teach the encoder only, in
    schemes of their own. ``corpora`` names by use those that the articles came from, as the recipe does.
    """

    scheme: Scheme
    train: list[Document]
    development: list[Document]
    calibration: list[Document]
    notices: list[str]
    scheme_file: Path | None = None
    auxiliary: tuple[AuxiliaryCorpus, ...] = ()
    corpora: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def auxiliary_sizes(self) -> list[int]:
        """How many labels each auxiliary corpus has."""
        return [len(corpus.scheme.labels) for corpus in self.auxiliary]


def gather(recipe: Recipe, *, without: Collection[str] = ()) -> Data:
    """Reads a recipe's corpora; carves a development set by article where none is named.

    ``without`` are ids of training articles to leave out.

    Raises:
        InputError: if articles are held out and trained on, labels are not the scheme's, or too few
            articles are left to train on.
    """
    specs = [Spec.parse(corpus) for corpus in recipe.train]
    refuse_mappings([*specs, *map(Spec.parse, (*recipe.development, *recipe.calibration))])
    named = {
        "train": recipe.train,
        "development": recipe.development,
        "calibration": recipe.calibration,
        "held_out": recipe.held_out,
        "auxiliary": recipe.auxiliary,
    }
    corpora = {name: loading.load_each(part) for name, part in named.items()}
    read = (corpus for part in corpora.values() for corpus in part)
    notices = list(dict.fromkeys(notice for corpus in read for notice in corpus.notices))
    sets = {name: [d for corpus in part for d in corpus.documents] for name, part in corpora.items()}
    if not sets["train"]:
        raise InputError("; ".join(["the recipe's training corpora hold no article", *notices]))
    found = scheme_of(specs, sets["train"], given=recipe.scheme)
    _refuse_unknown(sets["train"], found.scheme)
    notices += [*found.notices, *unmarked(sets["train"])]
    without = frozenset(without)
    sets["left_out"] = [document for document in sets["train"] if document.id in without]
    sets["train"] = [document for document in sets["train"] if document.id not in without]
    _refuse_overlaps(sets)
    before = seen_by(recipe.encoder)
    notices += untold(recipe.encoder)
    refuse_seen(before, sets["held_out"])
    for name in ("development", "calibration"):
        if both := before.among(sets[name]):
            notices.append(f"{name}: the encoder has seen {len(both)} of {len(sets[name])} articles")
    if not recipe.development:
        groups, alike = apart(sets["train"])
        notices += alike
        if len(groups) > 1:
            sets["train"], sets["development"] = _carved(sets["train"], groups, recipe)
    if not sets["train"]:
        raise InputError("; ".join(["the recipe's training corpora hold no article", *notices]))
    if not sets["development"]:
        raise InputError("no article is left to select the model on; name a development corpus")
    for name, use in _USES.items():
        if name == "calibration" and not sets[name]:
            if recipe.calibration:
                notices.append("calibration: no article is here, so the development articles serve")
            continue
        if not any(document.entities for document in sets[name]):
            message = f"no entity is marked in the {name} articles, so there is nothing {use}"
            raise InputError(f"{message}; is their format the right one? CoNLL is written conll:PATH")
        if name != "train":
            told = (lacking(sets[name], found.scheme), unscored(sets[name], found.scheme))
            notices += [f"{name}: {notice}" for notice in told if notice]
    if not sets["calibration"]:
        sets["calibration"], corpora["calibration"] = sets["development"], corpora["development"]
    return Data(
        found.scheme,
        sets["train"],
        sets["development"],
        calibration=sets["calibration"],
        notices=list(dict.fromkeys(notices)),
        scheme_file=found.file,
        auxiliary=tuple(with_schemes(corpora["auxiliary"])),
        corpora={name: _names(part, sets[name]) for name, part in corpora.items()},
    )


def _names(corpora: Iterable[Corpus], documents: Iterable[Document]) -> list[str]:
    """The names of those corpora that have one of the documents."""
    ids = {document.id for document in documents}
    return [corpus.name for corpus in corpora if any(document.id in ids for document in corpus.documents)]


def _carved(
    documents: list[Document], groups: Sequence[Sequence[str]], recipe: Recipe
) -> tuple[list[Document], list[Document]]:
    """Training and development articles, drawn by the recipe's seed; none of the groups is parted."""
    group_of = {id: number for number, ids in enumerate(groups) for id in ids}
    order = random.Random(recipe.seed).sample(documents, len(documents))
    count = max(1, round(len(documents) * recipe.development_share))
    drawn = {group_of[document.id] for document in order[:count]}
    drawn -= {[*dict.fromkeys(group_of[document.id] for document in order)][-1]}  # one is left to learn from
    train = [document for document in documents if group_of[document.id] not in drawn]
    return train, [document for document in documents if group_of[document.id] in drawn]


def _refuse_overlaps(sets: Mapping[str, Sequence[Document]]) -> None:
    """Raises InputError for articles in two sets; what calibrates may select, too."""
    for first, second in combinations(sets, 2):
        if {first, second} == {"development", "calibration"}:
            continue
        slices.refuse_overlap({name: sets[name] for name in (first, second)})


def _refuse_unknown(documents: Iterable[Document], scheme: Scheme) -> None:
    """Raises InputError for training gold whose labels or signatures the scheme does not have."""
    faults = []
    for document in documents:
        unknown = unknown_labels(document, scheme)
        faults += unknown
        by_id = document.by_id()
        for relation in document.relations:
            head, tail = by_id[relation.head], by_id[relation.tail]
            misfits = scheme.misfits(relation.label, head.label, tail.label) if not unknown else ()
            faults += [Fault(document.id, misfit) for misfit in misfits]
    if faults:
        raise InputError(faults)


def describe(
    name: str, documents: Sequence[Document], *, layouts: Sequence[Layout], lost: Sequence[Unreachable]
) -> list[str]:
    """Lines for the user: the size of a set of documents, and what of its gold no prediction can reach."""
    totals = statistics(documents)["totals"]
    lines = [
        f"{name}: {totals['documents']} articles, {totals['words']:,} words, "
        f"{totals['entities']:,} entities, {totals['relations']:,} relations, "
        f"{sum(len(layout.windows) for layout in layouts)} windows"
    ]
    for cause, count in count_causes(lost).items():
        lines.append(f"  unreachable, scored as missed: {count} ({cause})")
    return lines
