"""A recipe becomes a model folder.

The model is selected on the development articles by ``development.SELECTED_BY``. Training is refused if a
held-out article is among the training articles.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import datasets
from torch.utils.data import ConcatDataset
from transformers import AutoTokenizer, TrainerCallback, set_seed

from kashif import box
from kashif.corpora import provenance as seen
from kashif.corpora.spec import Spec
from kashif.document import Entity
from kashif.errors import Fault, InputError, counted
from kashif.evaluation.development import SELECTED_BY, in_words
from kashif.evaluation.thresholds import calibrate
from kashif.files import read_json, write_json, write_text
from kashif.modeling import encoder
from kashif.modeling.alignment import align, unreachable
from kashif.modeling.batching import Collator, window_examples
from kashif.modeling.model import KashifModel
from kashif.modeling.predictor import Predictor
from kashif.modeling.weights import refuse_foreign, refusing, replaced_model
from kashif.scheme import Scheme
from kashif.training import card, checkpoints, processes
from kashif.training.arguments import blamed, keep_to_one_device, training_arguments
from kashif.training.auxiliary import MixedSampler, auxiliary_windows
from kashif.training.data import Data, describe, gather
from kashif.training.precision import choose_attention
from kashif.training.provenance import RECIPE, SCORES, is_model_of, origin, run_note
from kashif.training.recipe import Recipe
from kashif.training.trainer import KashifTrainer, Patience, Say, report_epochs, silent
from kashif.training.trial import try_encoder


@dataclass(frozen=True)
class Trained:
    """A model folder, and the development scores that selected the model.

    ``scores`` are ``entity_f1``, ``relation_f1`` where the scheme has relations, and ``score``, their mean.
    Calibration and thresholds are fitted after these.
    """

    folder: Path
    scores: dict[str, float]


def train(
    recipe: Recipe,
    output: Path,
    *,
    resume: bool = False,
    say: Say = silent,
    progress: bool = False,
    without: Collection[str] = (),
    callbacks: Sequence[TrainerCallback] = (),
) -> Trained:
    """Trains a recipe's model and writes its folder.

    ``resume`` goes on from the last finished epoch; a finished training stays as it is. ``say`` takes lines
    for the user, ``progress`` shows a bar. ``without`` are ids of training articles to leave out.
    ``callbacks`` are called beside Kashif's own. In several processes, as torchrun starts them, all call
    this, and the first one speaks and writes.

    Raises:
        InputError: for a recipe, corpus or encoder that does not fit.
        WorkError: if the training diverges; the model folder is as it was, and so is the last checkpoint.
    """
    if not processes.is_first():
        say, progress = silent, False
    _refuse_callbacks(callbacks)
    data = gather(recipe, without=without)
    for notice in data.notices:
        say(notice)
    if data.scheme_file is not None:
        say(f"labels of {os.path.relpath(data.scheme_file)}")
    if resume and is_model_of(output, recipe, data=data):
        say(f"{output}: this training is finished; nothing is left to do")
        return Trained(output, _written_scores(output / SCORES))
    refuse_output(output, recipe)
    for line in _replaced(output, recipe):
        say(line)
    folder = checkpoints.folder_of(output)
    trainer = build_trainer(recipe, data, folder=folder, say=say, progress=progress)
    for callback in callbacks:
        trainer.add_callback(callback)
    note = run_note(recipe, data)
    with checkpoints.locked(output):
        last = processes.from_first(lambda: checkpoints.begin(folder, note, resume=resume))
        with blamed(recipe):
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        trained = finish(trainer, output)
    say(_thresholds(trainer.predictor.model, data))
    say(f"wrote {output}")
    return trained


def refuse_output(output: Path, recipe: Recipe, *, beside: Sequence[Path] = ()) -> None:
    """Refuses a folder that a recipe's model may not be written to; ``beside`` are further inputs.

    Raises:
        InputError: if it is the box's own, or something stands there that would be lost.
    """
    corpora = (*recipe.train, *recipe.development, *recipe.calibration, *recipe.held_out, *recipe.auxiliary)
    box.refuse(output)
    if Path(recipe.encoder).is_dir() and recipe.encoder != box.NAME and output.exists():
        beside = [*beside, *([output] if output.samefile(recipe.encoder) else [])]
    refuse_foreign(output, model=True, inputs=[*beside, *(Spec.parse(corpus).path for corpus in corpora)])


def _replaced(output: Path, recipe: Recipe) -> list[str]:
    """A notice where a model stands in the output that was trained on other corpora or by another scheme."""
    try:
        former = Recipe.load(output / RECIPE)
    except InputError:  # there is none, or one of another version
        return []
    if (former.train, former.scheme) == (recipe.train, recipe.scheme):
        return []
    return [f"{output}: the model of another recipe is replaced when this one is trained"]


def _refuse_callbacks(callbacks: Any) -> None:
    """Raises InputError for what is no list of callbacks."""
    each = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in each:
        if each is not callbacks or not isinstance(callback, TrainerCallback):
            message = "write a list of TrainerCallbacks of transformers, such as [MyCallback()]"
            raise InputError(f"callbacks: {message}; found {callback!r:.40}")


def _thresholds(model: KashifModel, data: Data) -> str:
    """From which probabilities a model predicts, and whether these are calibrated, in words."""
    config = model.config
    least = f"entities from a probability of {config.entity_threshold:.2f} on"
    if data.scheme.relations:
        least += f", relations from {config.relation_threshold:.2f}"
    told = f"predicts {least}; chosen on {counted(len(data.calibration), 'article')}"
    if raw := " and ".join(config.uncalibrated):
        return f"{told}, by which the probabilities of {raw} could not be made true: these are as trained"
    return f"{told}, which made the probabilities true as well"


def build_trainer(
    recipe: Recipe,
    data: Data,
    *,
    folder: Path,
    predictor: Predictor | None = None,
    say: Say = silent,
    progress: bool = False,
) -> KashifTrainer:
    """A Trainer that is ready to train a recipe's model on ``data``; its checkpoints go to ``folder``.

    ``predictor`` holds the model to train and its tokenizer, None begins with the recipe's encoder.

    Raises:
        InputError: for an encoder that does not fit.
    """
    set_seed(recipe.seed)
    if predictor is None:
        predictor = untrained(recipe, data.scheme)
        try_encoder(
            predictor.model.encoder,
            predictor.tokenizer,
            recipe=recipe,
            text=max((d.text for d in data.train), key=len),
        )
    choose_attention(predictor.model.encoder, recipe)
    windows, sampler = _training_windows(recipe, data, predictor=predictor, say=say)
    arguments = training_arguments(recipe, folder, progress=progress)
    if line := keep_to_one_device(arguments):
        say(line)
    with blamed(recipe):
        trainer = KashifTrainer(
            recipe=recipe,
            predictor=predictor,
            data=data,
            sampler=sampler,
            model=predictor.model,
            args=arguments,
            train_dataset=windows,
            eval_dataset=windows,  # a placeholder: evaluate() scores the development documents
            data_collator=Collator(
                data.scheme, predictor.tokenizer.pad_token_id, auxiliary=data.auxiliary_sizes
            ),
            processing_class=predictor.tokenizer,
            callbacks=[Patience(recipe.patience)],
        )
    report_epochs(trainer, say, progress=progress, in_words=in_words)
    return trainer


def _training_windows(
    recipe: Recipe, data: Data, *, predictor: Predictor, say: Say
) -> tuple[Any, MixedSampler | None]:
    """The windows to train on, and their sampler if some are of auxiliary corpora, whose taggers it adds."""
    examples: list[dict[str, Any]] = []
    for name, documents in (("train", data.train), ("development", data.development)):
        layouts = predictor.lay_out([document.text for document in documents])
        aligned = [align(d, layout, scheme=data.scheme) for d, layout in zip(documents, layouts, strict=True)]
        lost = unreachable(documents, layouts, scheme=data.scheme, alignments=aligned)
        if not data.scheme.relations:  # they are not scored, so none is missed
            lost = [item for item in lost if isinstance(item.gold, Entity)]
        for line in describe(name, documents, layouts=layouts, lost=lost):
            say(line)
        if name == "train":
            for document, layout, alignment in zip(documents, layouts, aligned, strict=True):
                found = window_examples(document, layout, alignment=alignment, scheme=data.scheme)
                examples += map(asdict, found)
    own = datasets.Dataset.from_list(examples)
    if not data.auxiliary:
        return own, None
    beside, lines = auxiliary_windows(data.auxiliary, predictor.tokenizer, size=recipe.window)
    for line in lines:
        say(line)
    predictor.model.add_auxiliary(data.auxiliary_sizes)
    sampler = MixedSampler(len(own), len(beside), rate=recipe.auxiliary_rate, seed=recipe.seed)
    return ConcatDataset([own, beside]), sampler


def untrained(recipe: Recipe, scheme: Scheme) -> Predictor:
    """An untrained model over the recipe's encoder, and its tokenizer.

    Raises:
        InputError: for an encoder that does not fit.
    """
    name = encoder.locate(recipe.encoder)
    with refusing(f"encoder '{recipe.encoder}'"):
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        model = KashifModel.from_encoder(
            name,
            scheme,
            window=recipe.window,
            dropout=recipe.dropout,
            positive_tag_weight=recipe.positive_tag_weight,
            relation_loss_weight=recipe.relation_loss_weight,
            relation_hidden_size=recipe.relation_hidden_size,
        )
    return Predictor(model, tokenizer)


def finish(trainer: KashifTrainer, output: Path) -> Trained:
    """Scores a trained model on development, fits its calibration and thresholds and writes its folder."""
    scores = {key.removeprefix("eval_"): value for key, value in trainer.evaluate().items()}
    processes.from_first(lambda: _write(trainer, output, scores))
    return Trained(output, scores)


def _write(trainer: KashifTrainer, output: Path, scores: dict[str, float]) -> None:
    predictor, data = trainer.predictor, trainer.data
    model = predictor.model
    model.drop_auxiliary()
    calibrate(predictor, data.calibration)
    with replaced_model(output) as new:
        model.save_pretrained(new)
        predictor.tokenizer.save_pretrained(new)
        write_text(new / "scheme.yaml", data.scheme.dump())
        write_text(new / RECIPE, trainer.recipe.dump())
        write_json(new / SCORES, {"development": scores, "selected by": SELECTED_BY})
        manifest = {**origin(trainer.recipe, data), "weights": seen.weights_digest(new)}
        write_json(new / seen.NAME, manifest)
        name, scheme = output.resolve().name, data.scheme
        told = card.card(
            name,
            trainer.recipe,
            scheme=scheme,
            manifest=manifest,
            development=scores,
            uncalibrated=model.config.uncalibrated,
        )
        write_text(new / card.NAME, told)


def _written_scores(path: Path) -> dict[str, float]:
    try:
        return {name: float(value) for name, value in read_json(path)["development"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Fault(str(path), "no scores of a training; train again without --resume")) from error
