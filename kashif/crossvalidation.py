"""Cross-validation by article: each article is predicted by a model that never saw it."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from kashif import corpus, suite
from kashif.corpus import Corpus
from kashif.errors import InputError
from kashif.recipe import Recipe
from kashif.scheme import Scheme
from kashif.scoring import Report
from kashif.suite import Answers, Scored, Watch


@dataclass(frozen=True)
class Fold:
    """One training of a cross-validation: where its model goes, the ids of the articles it leaves out."""

    folder: Path
    left_out: tuple[str, ...]


def run(
    recipe: Recipe,
    output: Path,
    base: Path = Path(),
    over: str | None = None,
    count: int = 5,
    jobs: int = 1,
    seed: int = 0,
    watch: Watch = suite.unwatched,
    say: Callable[[str], None] = print,
) -> Scored[Report]:
    """Trains a model for each fold, predicts what it left out, and scores all of that together.

    ``over`` is the corpus to fold, all training articles if None; what else the recipe trains on is in
    every training. ``jobs`` trainings run at a time, in processes of their own (so ``say`` must be
    picklable), and share the processor's cores. A fold whose model is there already, by the same recipe,
    articles and code, is not trained again; one that was interrupted goes on from its last finished epoch.

    Raises:
        InputError: if the recipe, ``over`` or the number of folds does not fit.
    """
    asked = articles(recipe, base, over)
    parts = folds([document.id for document in asked.documents], count, recipe.seed, output)
    if jobs == 1:
        for fold in parts:
            _train(recipe, fold, base, say)
    else:
        # One thread each trains more in an hour than all threads on one small model.
        threads = max(1, (os.cpu_count() or 1) // jobs)
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            jobs_left = [pool.submit(_train_beside, recipe, fold, base, threads, say) for fold in parts]
            for job in jobs_left:
                job.result()
    told: list[Answers] = []
    scheme = Scheme.load()
    for fold in parts:  # one model at a time in memory
        model = suite.model(fold.folder, watch)
        left_out = tuple(document for document in asked.documents if document.id in fold.left_out)
        told.append(model.answer(replace(asked, documents=left_out), fold.folder.name))
        scheme = model.scheme or scheme
    report, errors = suite.report(f"{asked.name}, {len(parts)} folds", asked, _together(told), scheme, seed)
    return Scored((report,), asked.notices, (errors,))


def articles(recipe: Recipe, base: Path, over: str | None) -> Corpus:
    """The articles to cross-validate over: a corpus's, or all in our own labels that the recipe trains on.

    Raises:
        InputError: if the recipe does not train on one of them.
    """
    train = corpus.load_each(recipe.train, base)
    if over is None:
        own = [part for part in train if not part.mapping]
        documents = tuple(document for part in own for document in part.documents)
        return Corpus("training articles", documents, tuple(n for part in own for n in part.notices))
    asked = corpus.load(over, base)
    foreign = {d.id for d in asked.documents} - {d.id for part in train for d in part.documents}
    if foreign:
        raise InputError(f"--over {over}: the recipe does not train on {', '.join(sorted(foreign))}")
    return asked


def folds(ids: Sequence[str], count: int, seed: int, output: Path) -> list[Fold]:
    """``count`` folds of nearly equal size, drawn by ``seed``; as many folds as ids leave out one at a time.

    Raises:
        InputError: if there are fewer ids than folds, or fewer than two folds.
    """
    if not 2 <= count <= len(ids):
        raise InputError(f"--folds {count}: write a number from 2 to the number of articles, {len(ids)}")
    order = random.Random(seed).sample(list(ids), len(ids))
    return [Fold(output / f"fold-{i + 1}", tuple(sorted(order[i::count]))) for i in range(count)]


def _train(recipe: Recipe, fold: Fold, base: Path, tell: Callable[[str], None]) -> None:
    from kashif import jobs, training
    from kashif.data import gather

    told = f"without {', '.join(fold.left_out)}"
    data = gather(recipe, base, fold.left_out)
    if jobs.is_of(fold.folder, recipe, data, base):
        tell(f"{told}: trained before")
        return
    begun = jobs.is_begun(fold.folder, recipe, data, base)
    tell(f"{told}, going on from the last finished epoch:" if begun else f"{told}:")
    training.train(recipe, fold.folder, base, begun, say=tell, quiet=True, without=fold.left_out)
    shutil.rmtree(fold.folder / jobs.CHECKPOINTS)


def _train_beside(recipe: Recipe, fold: Fold, base: Path, threads: int, say: Callable[[str], None]) -> None:
    import torch

    from kashif.console import quiet_libraries

    quiet_libraries()
    torch.set_num_threads(threads)
    _train(recipe, fold, base, lambda line: say(f"{fold.folder.name}: {line}"))


def _together(told: Sequence[Answers]) -> Answers:
    """What several models say, each of articles of its own, as if one had said it."""
    related = [answers.given_gold for answers in told if answers.given_gold is not None]
    return Answers(
        [document for answers in told for document in answers.predicted],
        [document for documents in related for document in documents] if related else None,
        [document for answers in told for document in answers.scored or ()],
        [item for answers in told for item in answers.unreachable],
    )
