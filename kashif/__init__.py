"""Kashif trains, scores and runs Arabic named-entity and relation extraction models.

The names below are the whole public interface. They are loaded when they are first used, so that
``import kashif`` loads neither torch nor transformers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from kashif.box import Mark
    from kashif.document import Document, Entity, Relation
    from kashif.errors import InputError, WorkError
    from kashif.evaluation.comparing import Comparison
    from kashif.evaluation.scoring import Report
    from kashif.modeling.predictor import Predictor
    from kashif.scheme import Scheme
    from kashif.training.recipe import Recipe
    from kashif.training.train import Trained

__all__ = [
    "Comparison",
    "Document",
    "Entity",
    "InputError",
    "Predictor",
    "Recipe",
    "Relation",
    "Report",
    "Scheme",
    "Trained",
    "WorkError",
    "compare",
    "load",
    "predict",
    "score",
    "train",
]
__version__ = "0.1.0"

_HOMES = {
    "Comparison": "kashif.evaluation.comparing",
    "Document": "kashif.document",
    "Entity": "kashif.document",
    "InputError": "kashif.errors",
    "Predictor": "kashif.modeling.predictor",
    "Recipe": "kashif.training.recipe",
    "Relation": "kashif.document",
    "Report": "kashif.evaluation.scoring",
    "Scheme": "kashif.scheme",
    "Trained": "kashif.training.train",
    "WorkError": "kashif.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kashif' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


@overload
def predict(  # type: ignore[overload-overlap]
    texts: str, model: str | Path | None = None
) -> Document: ...


@overload
def predict(texts: Iterable[str], model: str | Path | None = None) -> list[Document]: ...


def predict(texts: str | Iterable[str], model: str | Path | None = None) -> Document | list[Document]:
    """Predicts the entities and relations of a text, or of several texts in order.

    Offsets are code points of the very string given. The model is loaded on the first call and kept until
    its folder changes; results are not kept. Several threads may call it. For another device, or an endless
    stream of texts, use ``load``.

    Args:
        texts: one text, or any number of them.
        model: a model folder, or ``news``, the model that comes with Kashif; None takes ``$KASHIF_MODEL``,
            else ``news``.

    Returns:
        The document of one text, or a list of documents.

    Raises:
        InputError: if there is no model or a text is not a string.
    """
    from kashif import box

    folder = box.find(model).resolve()
    written = box.mark(folder)
    with _KEEPING:
        kept = _kept(folder, written)
    return kept.predict(texts)


@lru_cache(maxsize=1)
def _kept(folder: Path, _written: Mark) -> Predictor:
    return load(folder)


_LOADING = Lock()
"""transformers changes torch and its own settings while it loads, so one thread does at a time."""
_KEEPING = Lock()
"""One thread loads the model of ``predict``; who loads another one does not hold it up."""


def _unlock() -> None:
    """Takes new locks, in a fork: the threads that held the old ones are not there."""
    global _KEEPING, _LOADING
    _KEEPING, _LOADING = Lock(), Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def load(
    model: str | Path | None = None,
    *,
    device: str | None = None,
    runtime: str = "auto",
    threads: int | None = None,
) -> Predictor:
    """Loads a model for prediction.

    Args:
        model: as in ``predict``.
        device: a device of torch, such as ``cpu`` or ``cuda:1``; None takes the GPU if there is one.
        runtime: ``torch``, ``onnx`` or ``openvino``; ``auto`` takes, on a CPU, the fastest that lost at
            most 0.005 F1 when ``kashif export`` measured it, and torch where there is no export.
        threads: how many threads of the processor to use, in the whole process; None leaves torch's choice.

    Raises:
        InputError: if there is no model, no such device, or no such runtime for the model.
        WorkError: for the runtime openvino in a fork of a process that has used it; if the folder is written
            to all the while that it is read.
    """
    from kashif.libraries import silent_libraries
    from kashif.modeling import predictor

    with _LOADING, silent_libraries():
        return predictor.load(model, device=device, runtime=runtime, threads=threads)


def train(
    recipe: Recipe | str | Path | Mapping[str, Any],
    output: str | Path,
    *,
    resume: bool = False,
    verbose: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
) -> Trained:
    """Trains a model by a recipe and writes its folder.

    Paths in the recipe are relative to the current folder.

    Args:
        recipe: a ``Recipe``, the path of a YAML file, or a mapping of a recipe's keys.
        output: the folder to write the model to.
        resume: go on from the last finished epoch of an interrupted training.
        verbose: print one line per epoch and show a progress bar.
        callbacks: transformers callbacks, called beside Kashif's own.

    Returns:
        The folder, and the scores on the development articles that selected the model.

    Raises:
        InputError: for a recipe, output, corpus, encoder or callback that does not fit.
        WorkError: if the training diverges or a checkpoint cannot be written; the model folder stays as it
            was.
    """
    from kashif.libraries import silent_libraries
    from kashif.outputs import output_folder
    from kashif.training import train as training
    from kashif.training.recipe import Recipe
    from kashif.training.trainer import silent
    from kashif.validation import as_path

    with silent_libraries(not verbose):
        return training.train(
            Recipe.of(recipe),
            output_folder(as_path(output, "output")),
            resume=resume,
            say=print if verbose else silent,
            progress=verbose,
            callbacks=callbacks,
        )


def score(
    model: str | Path,
    corpora: str | Path | Sequence[str | Path],
    *,
    scheme: str | Path = "",
    seed: int = 0,
    device: str | None = None,
    runtime: str = "torch",
) -> list[Report]:
    """Scores a model, or another system's predictions, on held-out articles.

    Articles that the model was trained on are left out; the ``notices`` of each corpus's report say so.

    Args:
        model: a model folder, ``news``, or a ``.jsonl`` file of predictions.
        corpora: corpora as ``[FORMAT:]PATH[#SPLIT][@MAPPING]``, or suites (``.yaml``), one or several.
        scheme: the scheme of bare predictions, a file or ``learned``; by default the one that the corpora
            lead to. A model is scored by its own, and takes none here.
        seed: the seed of the bootstrap.
        device: as in ``load``.
        runtime: as in ``load``; torch, whose scores are exact, by default.

    Returns:
        One report per corpus: ``report.measures["entities"].counts.f1``, its ``.interval``, and so on.

    Raises:
        InputError: if the model or a corpus does not fit, or no article of one is left to score.
    """
    from kashif import box
    from kashif.evaluation import reporting, systems
    from kashif.libraries import silent_libraries
    from kashif.validation import as_corpora, as_path, as_seed

    targets, given = as_corpora(corpora), str(as_path(scheme, "scheme")) if scheme != "" else ""
    with silent_libraries():
        system = systems.open_system(box.located(model), runtime=runtime, device=device)
        scored = reporting.score_system(system, targets, scheme=given, seed=as_seed(seed), every=True)
        return scored.told()


def compare(
    first: str | Path,
    second: str | Path,
    *,
    corpora: str | Path | Sequence[str | Path],
    seed: int = 0,
) -> list[Comparison]:
    """Compares two systems on held-out articles that neither was trained on, by a paired bootstrap.

    Args:
        first: a model folder, ``news``, or a ``.jsonl`` file of predictions.
        second: another.
        corpora: as in ``score``.
        seed: the seed of the bootstrap.

    Returns:
        One comparison per corpus: ``comparison.measures["entities"].f1`` is the difference (second less
        first), beside its ``.interval`` and ``.p``.

    Raises:
        InputError: as ``score``.
    """
    from kashif import box
    from kashif.evaluation import reporting, systems
    from kashif.libraries import silent_libraries
    from kashif.validation import as_corpora, as_seed

    targets = as_corpora(corpora)
    with silent_libraries():
        both = (
            systems.open_system(box.located(first, "first")),
            systems.open_system(box.located(second, "second")),
        )
        return reporting.compare_systems(both, targets, seed=as_seed(seed), every=True).told()
