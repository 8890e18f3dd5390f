"""Cross-validation by article: each article is predicted by a model that never saw it."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from kashif import corpus, suite
from kashif.console import say
from kashif.document import Document
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

    def __str__(self) -> str:
        return f"{self.folder.name}, without {', '.join(self.left_out)}"


def run(
    recipe: Recipe,
    output: Path,
    base: Path = Path(),
    over: str | None = None,
    count: int = 5,
    jobs: int = 1,
    seed: int = 0,
    watch: Watch = lambda documents, _: documents,
) -> Scored[Report]:
    """Trains a model for each fold, predicts what it left out, and scores all of that together.

    ``over`` is the corpus to fold, all training articles if None; what else the recipe trains on is in
    every training. ``jobs`` trainings run at a time and share the processor's cores. A fold whose model
    is there already, by the same recipe and articles, is not trained again.

    Raises:
        InputError: if the recipe, ``over`` or the number of folds does not fit.
    """
    documents, notices = articles(recipe, base, over)
    parts = folds([document.id for document in documents], count, recipe.seed, output)
    if jobs == 1:
        for fold in parts:
            _train(recipe, fold, base)
    else:
        # One thread each trains more in an hour than all threads on one small model.
        threads = max(1, (os.cpu_count() or 1) // jobs)
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            list(
                pool.map(_train_beside, *zip(*((recipe, fold, base, threads) for fold in parts), strict=True))
            )
    models = [suite.model(fold.folder, watch) for fold in parts]
    told = [
        model.answer(fold.folder.name, [d for d in documents if d.id in fold.left_out])
        for fold, model in zip(parts, models, strict=True)
    ]
    name = f"{over or 'training articles'}, {len(parts)} folds"
    scheme = models[0].scheme or Scheme.load()
    report, errors = suite.report(name, documents, _together(told), scheme, seed)
    return Scored((report,), tuple(notices), (errors,))


def articles(recipe: Recipe, base: Path, over: str | None) -> tuple[list[Document], list[str]]:
    """The articles to cross-validate over, and notices: a corpus's, or all that the recipe trains on.

    Raises:
        InputError: if the recipe does not train on one of them.
    """
    train, notices = corpus.load_all(recipe.train, base)
    if over is None:
        return train, notices
    chosen, more = corpus.load_all([over], base)
    foreign = sorted({document.id for document in chosen} - {document.id for document in train})
    if foreign:
        raise InputError(f"--over {over}: the recipe does not train on {', '.join(foreign)}")
    return chosen, list(dict.fromkeys([*notices, *more]))


def folds(ids: Sequence[str], count: int, seed: int, output: Path) -> list[Fold]:
    """``count`` folds of nearly equal size, drawn by ``seed``; as many folds as ids leave out one at a time.

    Raises:
        InputError: if there are fewer ids than folds, or fewer than two folds.
    """
    if not 2 <= count <= len(ids):
        raise InputError(f"--folds {count}: write a number from 2 to the number of articles, {len(ids)}")
    order = random.Random(seed).sample(list(ids), len(ids))
    return [Fold(output / f"fold-{i + 1}", tuple(sorted(order[i::count]))) for i in range(count)]


def _train(recipe: Recipe, fold: Fold, base: Path, tell: Callable[[str], None] = say) -> None:
    from kashif import training

    if training.is_of(fold.folder, recipe, training.gather(recipe, base, fold.left_out)):
        tell(f"{fold}: trained before")
        return
    tell(f"{fold}:")
    training.train(recipe, fold.folder, base, say=tell, quiet=True, without=fold.left_out)
    shutil.rmtree(fold.folder / "checkpoints")


def _train_beside(recipe: Recipe, fold: Fold, base: Path, threads: int) -> None:
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
