"""Cross-validation by article: each article is predicted by a model that never saw it."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import torch

from kashif import box
from kashif.corpora import loading, mapping, slices
from kashif.corpora.loading import Corpus
from kashif.corpora.partition import apart
from kashif.corpora.provenance import OTHER_TEXTS, SeenArticles, seen_by
from kashif.errors import Fault, InputError
from kashif.evaluation import reporting, systems
from kashif.evaluation.reporting import Scored
from kashif.evaluation.scoring import Report
from kashif.evaluation.suite import Watch, unwatched
from kashif.evaluation.systems import Answers
from kashif.folding import letters
from kashif.libraries import quiet_libraries
from kashif.training import checkpoints
from kashif.training.data import gather
from kashif.training.provenance import is_model_of, run_note
from kashif.training.recipe import Recipe
from kashif.training.train import train
from kashif.training.trainer import Say, silent


@dataclass(frozen=True)
class Fold:
    """One training of a cross-validation: where its model goes, the ids of the articles it leaves out."""

    folder: Path
    left_out: tuple[str, ...]


def crossvalidate(
    recipe: Recipe,
    output: Path,
    *,
    over: str | None = None,
    count: int = 5,
    workers: int = 1,
    seed: int = 0,
    watch: Watch = unwatched,
    say: Say = silent,
) -> Scored[Report]:
    """Trains a model for each fold, predicts what it left out, and scores all of that together.

    ``over`` is the corpus to fold, all training articles if None; what else the recipe trains on is in
    every training. ``workers`` trainings run at a time, in processes of their own (so ``say`` must be
    picklable), and share the processor's cores. A fold whose model is there already and whole, by the same
    recipe, articles and code, is not trained again; one that was interrupted goes on from its last finished
    epoch. ``seed`` is that of the bootstrap.

    Raises:
        InputError: if the recipe, ``over`` or the number of folds does not fit, or thresholds of a model that
            is there already were chosen on what it leaves out.
    """
    asked = articles(recipe, over)
    scheme = gather(recipe).scheme
    if asked.mapping and (faults := mapping.unknown(asked.documents, scheme.mapping(asked.mapping))):
        raise InputError(faults)
    groups, told = apart(asked.documents)
    asked = replace(asked, notices=(*asked.notices, *told))
    parts = folds(groups, count, seed=recipe.seed, output=output)
    _refuse_copies(recipe, asked, parts)
    _refuse_chosen(recipe, asked, parts)
    if workers == 1:
        for fold in parts:
            _train(recipe, fold, say=say)
    else:
        # One thread each trains more in an hour than all threads on one small model.
        threads = max(1, (os.cpu_count() or 1) // workers)
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            waiting = [pool.submit(_train_beside, recipe, fold, threads=threads, say=say) for fold in parts]
            for future in waiting:
                future.result()
    answers: list[Answers] = []
    for fold in parts:  # one model at a time in memory
        model = systems.open_model(fold.folder, watch=watch)
        ids = set(fold.left_out)
        left_out = tuple(document for document in asked.documents if document.id in ids)
        answers.append(model.answer(replace(asked, documents=left_out), fold.folder.name))
    name = f"{asked.name}, {len(parts)} folds"
    report, errors = reporting.report(_together(answers), asked, name=name, scheme=scheme, seed=seed)
    return Scored((report,), (), (errors,))


def articles(recipe: Recipe, over: str | None) -> Corpus:
    """The articles to cross-validate over: a corpus's, or all that the recipe trains on.

    Raises:
        InputError: if the recipe does not train on one of them.
    """
    train = loading.load_each(recipe.train)
    if over is None:
        documents = tuple(document for part in train for document in part.documents)
        asked = Corpus("training articles", documents, tuple(n for part in train for n in part.notices))
    else:
        asked = loading.load(over)
        texts = {document.id: letters(document.text) for part in train for document in part.documents}
        if foreign := sorted(d.id for d in asked.documents if d.id not in texts):
            raise InputError(f"--over {over}: the recipe does not train on {', '.join(foreign)}")
        if changed := sorted(d.id for d in asked.documents if letters(d.text) != texts[d.id]):
            message = f"--over {over}: the recipe trains on other texts by the ids {', '.join(changed)}"
            raise InputError(f"{message}; name a corpus that it trains on")
    known = seen_by(recipe.encoder)
    seen = known.among(asked.documents)
    if not seen:
        return asked
    notice = f"{len(seen)} articles are not folded: the encoder '{recipe.encoder}' has seen them"
    if other := known.namesakes(asked.documents):
        notice += f", or articles with the ids of {len(other)}, {OTHER_TEXTS}"
    unseen = tuple(document for document in asked.documents if document.id not in seen)
    return replace(asked, documents=unseen, notices=(*asked.notices, notice))


def folds(groups: Sequence[Sequence[str]], count: int, *, seed: int, output: Path) -> list[Fold]:
    """``count`` folds of nearly equal size, drawn by ``seed``; as many as groups leave out one at a time.

    ``groups`` are ids of articles, near-duplicates together, which stay in one fold.

    Raises:
        InputError: if there are fewer groups than folds, or fewer than two folds.
    """
    if not 2 <= count <= len(groups):
        known = f"{len(groups)}{', near-duplicates aside' * (len(groups) < sum(map(len, groups)))}"
        raise InputError(f"--folds {count}: write a number from 2 to the number of articles, {known}")
    order = random.Random(seed).sample(groups, len(groups))
    parts = [sorted(id for ids in order[i::count] for id in ids) for i in range(count)]
    return [Fold(output / f"fold-{i}", tuple(part)) for i, part in enumerate(parts, start=1)]


def _refuse_copies(recipe: Recipe, asked: Corpus, parts: Sequence[Fold]) -> None:
    """Raises InputError for text that a fold would be trained on and scored on, before the first training."""
    documents = [document for part in loading.load_each(recipe.train) for document in part.documents]
    shared: set[str] = set()
    for fold in parts:
        ids = set(fold.left_out)
        left_out = [document for document in documents if document.id in ids]
        rest = [document for document in documents if document.id not in ids]
        here, there = slices.overlapping(rest, left_out)
        shared |= here or there
    if shared:
        message = f"{asked.name}: text of {', '.join(sorted(shared))} would be trained on and scored"
        raise InputError(f"{message}; keep one copy of each in the recipe's train, or fold all that it names")


def _refuse_chosen(recipe: Recipe, asked: Corpus, parts: Sequence[Fold]) -> None:
    """Raises InputError for models whose thresholds ``kashif threshold`` chose on what they left out."""
    faults = []
    for fold in parts:
        if not box.is_model(fold.folder):
            continue
        if not is_model_of(fold.folder, recipe, data=gather(recipe, without=fold.left_out)):
            continue  # it is trained anew
        ids = set(fold.left_out)
        left_out = [document for document in asked.documents if document.id in ids]
        seen = SeenArticles.of(fold.folder)
        if seen and (chose := seen.thresholds.surely(left_out)):
            message = f"{', '.join(sorted(chose))} chose its thresholds, and would be scored by it"
            faults.append(Fault(str(fold.folder), f"{message}; remove this folder, and run again"))
    if faults:
        raise InputError(faults)


def _train(recipe: Recipe, fold: Fold, *, say: Say) -> None:
    name = f"without {', '.join(fold.left_out)}"
    train_once(recipe, fold.folder, name=name, say=say, without=fold.left_out)


def train_once(
    recipe: Recipe, output: Path, *, name: str, say: Say = silent, without: Sequence[str] = ()
) -> None:
    """Trains a model unless it is there, whole, and goes on with a training that was cut short.

    ``name`` is what the training is called in what is said; the checkpoints go when it is done.
    """
    data = gather(recipe, without=without)
    folder = checkpoints.folder_of(output)
    if is_model_of(output, recipe, data=data):
        say(f"{name}: trained before")
    else:
        resume = checkpoints.can_resume(folder.resolve(), run_note(recipe, data))
        say(f"{name}, going on from the last finished epoch:" if resume else f"{name}:")
        train(recipe, output, resume=resume, say=say, without=without)
    if folder.exists():
        shutil.rmtree(folder)


def _train_beside(recipe: Recipe, fold: Fold, *, threads: int, say: Say) -> None:
    quiet_libraries()
    torch.set_num_threads(threads)
    _train(recipe, fold, say=lambda line: say(f"{fold.folder.name}: {line}"))


def _together(parts: Sequence[Answers]) -> Answers:
    """What several models predict, each of articles of its own, as if one had done so."""
    related = [answers.given_gold for answers in parts if answers.given_gold is not None]
    return Answers(
        [document for answers in parts for document in answers.predicted],
        [document for documents in related for document in documents] if related else None,
        [document for answers in parts for document in answers.scored or ()],
        [item for answers in parts for item in answers.unreachable],
    )
