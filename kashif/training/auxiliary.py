"""Auxiliary corpora: gold in labels of its own, which teaches the encoder beside what a model is for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import datasets
from torch.utils.data import Sampler

from kashif.corpora.loading import Corpus
from kashif.corpora.schemes import learn, refuse_mappings, scheme_of
from kashif.corpora.spec import Spec
from kashif.corpora.statistics import statistics
from kashif.document import Document
from kashif.errors import InputError, listed
from kashif.modeling.alignment import align
from kashif.modeling.batching import window_examples
from kashif.modeling.windows import lay_out
from kashif.scheme import Scheme


@dataclass(frozen=True)
class AuxiliaryCorpus:
    """A corpus under its name, with the scheme of its own labels, and notices of that."""

    name: str
    scheme: Scheme
    documents: tuple[Document, ...]
    notices: tuple[str, ...] = ()


def with_schemes(corpora: Sequence[Corpus]) -> list[AuxiliaryCorpus]:
    """The corpora, each in the scheme that it leads to, or that is learned from it.

    A scheme that lacks labels of the gold is another one's, so it is learned then, too.

    Raises:
        InputError: for a corpus without entities or with a mapping.
    """
    refuse_mappings(Spec.parse(corpus.name) for corpus in corpora)
    found = []
    for corpus in corpora:
        if not any(document.entities for document in corpus.documents):
            raise InputError(f"auxiliary {corpus.name}: no entity is marked; is its format the right one?")
        given = scheme_of([Spec.parse(corpus.name)], corpus.documents)
        if lacked := _lacked(corpus.documents, given.scheme):
            message = f"{given.file} lacks {listed(lacked)}, so the labels are learned from the gold"
            notice = f"auxiliary {corpus.name}: {message}"
            learned = learn(corpus.documents)
            found.append(AuxiliaryCorpus(corpus.name, learned, corpus.documents, (notice,)))
        else:
            found.append(AuxiliaryCorpus(corpus.name, given.scheme, corpus.documents))
    return found


def _lacked(documents: Sequence[Document], scheme: Scheme) -> list[str]:
    """The labels of entities and of relations in documents that a scheme does not have."""
    entities = {entity.label for document in documents for entity in document.entities}
    relations = {relation.label for document in documents for relation in document.relations}
    return sorted(entities - scheme.entities.keys()) + sorted(relations - scheme.relations.keys())


def auxiliary_windows(
    corpora: Sequence[AuxiliaryCorpus], tokenizer: Any, *, size: int
) -> tuple[datasets.Dataset, list[str]]:
    """The windows of auxiliary corpora, ``size`` sub-words each, and a line on each corpus for the user."""
    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    for source, corpus in enumerate(corpora, start=1):
        before, lost = len(rows), 0
        layouts = lay_out([document.text for document in corpus.documents], tokenizer, size=size)
        for document, layout in zip(corpus.documents, layouts, strict=True):
            alignment = align(document, layout, scheme=corpus.scheme)
            examples = window_examples(
                document, layout, alignment=alignment, scheme=corpus.scheme, source=source
            )
            rows += map(asdict, examples)
            lost += len(alignment.unreachable)
        totals = statistics(corpus.documents)["totals"]
        lines += corpus.notices
        lines.append(
            f"auxiliary {corpus.name}: {totals['words']:,} words, {totals['entities']:,} entities of "
            f"{len(corpus.scheme.labels)} labels, {len(rows) - before:,} windows"
        )
        if lost:
            lines.append(f"  unreachable, not learned: {lost}")
    return datasets.Dataset.from_list(rows), lines


class MixedSampler(Sampler[int]):
    """Indices of ``own`` rows and, behind them, ``auxiliary`` rows: all of the former an epoch, in disorder,
    and for each of them ``rate`` of the latter, which go on from epoch to epoch until all were taken.
    """

    def __init__(self, own: int, auxiliary: int, *, rate: float, seed: int) -> None:
        self.own = own
        self.auxiliary = auxiliary
        self.count = round(own * rate)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch, counted from 0, that the next pass gives the indices of."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.own + self.count

    def __iter__(self) -> Iterator[int]:
        begin = self.epoch * self.count
        taken = islice(self._endless(begin // self.auxiliary), begin % self.auxiliary, None)
        indices = [*range(self.own), *islice(taken, self.count)]
        random.Random(f"{self.seed} {self.epoch}").shuffle(indices)
        return iter(indices)

    def _endless(self, turn: int) -> Iterator[int]:
        """The auxiliary rows in a new order each turn, from a turn on."""
        while True:
            order = list(range(self.own, self.own + self.auxiliary))
            random.Random(f"{self.seed} turn {turn}").shuffle(order)
            yield from order
            turn += 1
