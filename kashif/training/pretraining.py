"""Further pretraining: an encoder learns to guess masked sub-words of unannotated text.

The method of Gururangan et al., Don't Stop Pretraining (2020).
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import torch
from torch.utils.data import ConcatDataset
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    set_seed,
)

from kashif import box
from kashif.corpora import slices
from kashif.corpora.articles import Articles
from kashif.corpora.loading import load_all, load_each
from kashif.corpora.provenance import (
    articles_row,
    check_weights,
    refuse_seen,
    seen_by,
    terms_of,
    untold,
    write_encoder_manifest,
)
from kashif.corpora.spec import Spec
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import file_digest, read_json, write_json
from kashif.folding import fold
from kashif.modeling import encoder
from kashif.modeling.auxiliary import AuxiliaryTaggers
from kashif.modeling.model import encoder_config
from kashif.modeling.weights import load_encoder, refuse_foreign, refusing, replaced_model
from kashif.replacing import settle
from kashif.training import checkpoints
from kashif.training.arguments import blamed, training_arguments
from kashif.training.auxiliary import (
    AuxiliaryCorpus,
    MixedSampler,
    auxiliary_windows,
    with_schemes,
)
from kashif.training.guards import diverged
from kashif.training.masking import MaskingCollator, Pretrainer
from kashif.training.precision import choose_attention
from kashif.training.provenance import PRETRAINING, auxiliary_rows, note_of, versions
from kashif.training.recipe import PretrainingRecipe
from kashif.training.trainer import Say, report_epochs, silent
from kashif.training.trial import check_tokenizer, check_window, try_encoder, try_guesses
from kashif.training.unannotated import Unannotated, read_unannotated

_MOST_LOSS = math.log(sys.float_info.max)


def pretrain(
    recipe: PretrainingRecipe,
    output: Path,
    *,
    resume: bool = False,
    say: Say = silent,
    progress: bool = False,
) -> float:
    """Pretrains a recipe's encoder further and writes its folder.

    Returns:
        The loss on the windows that were not trained on: of a guess of a masked sub-word, in nats.

    Raises:
        InputError: for texts or an encoder that do not fit.
        WorkError: if the training diverges.
    """
    set_seed(recipe.seed)
    tokenizer, network = _untrained(recipe)
    before = seen_by(recipe.encoder)
    material = _Material.read(recipe)
    refuse_seen(before, material.held_out)
    for line in [*untold(recipe.encoder), *material.lines]:
        say(line)
    origin = {**versions(recipe), **material.origin(recipe)}
    note = note_of(origin, recipe)
    articles = before | Articles(material.texts.articles)
    terms = terms_of(Path(encoder.resolve(recipe.encoder)))
    if resume and (finished := _finished(output, note)) is not None:
        say(f"{output}: this pretraining is finished; nothing is left to do")
        return finished
    box.refuse(output)
    begun = [Path(recipe.encoder)] if os.path.lexists(recipe.encoder) else []
    refuse_foreign(output, model=False, inputs=[*material.paths, *begun])
    folder = checkpoints.folder_of(output)
    with blamed(recipe):
        trainer = _trainer(recipe, material, tokenizer, network, folder=folder, say=say, progress=progress)
    with checkpoints.locked(output):
        last = checkpoints.begin(folder, note, resume=resume)
        with blamed(recipe):
            trainer.train(resume_from_checkpoint=str(last) if last else None)
            loss = float(trainer.evaluate()["eval_loss"])
        with replaced_model(output) as new:
            network.base_model.save_pretrained(new)
            tokenizer.save_pretrained(new)
            write_json(new / PRETRAINING, {**note, "environment": origin["environment"], "loss": loss})
            write_encoder_manifest(new, articles, auxiliary=origin["auxiliary"], terms=terms)
    say(f"wrote {output}")
    return loss


def _untrained(recipe: PretrainingRecipe) -> tuple[Any, Any]:
    """The tokenizer and the masked-language model of a recipe's encoder."""
    name = encoder.locate(recipe.encoder)
    if box.is_model(Path(name)):
        how = f"write its encoder first: kashif encoder {recipe.encoder} --output DIR"
        raise InputError(f"encoder '{recipe.encoder}': this is a model, which cannot be pretrained; {how}")
    with refusing(f"encoder '{recipe.encoder}'"):
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        network = load_encoder(AutoModelForMaskedLM, name, config=encoder_config(name), dtype=torch.float32)
    check_tokenizer(recipe, tokenizer, network, special=("mask", "pad", "cls", "sep"))
    check_window(recipe, network)
    choose_attention(network, recipe)
    return tokenizer, network


@dataclass(frozen=True)
class _Material:
    """What a pretraining reads, and lines for the user on what was left out."""

    paths: list[Path]
    texts: Unannotated
    held_out: list[Document]
    auxiliary: list[AuxiliaryCorpus]
    lines: list[str]

    @classmethod
    def read(cls, recipe: PretrainingRecipe) -> _Material:
        """Reads a recipe's texts and corpora; no auxiliary corpus may have an article that is held out."""
        paths = _files(recipe.texts)
        held_out, lines = load_all(recipe.held_out)
        auxiliary = with_schemes(load_each(recipe.auxiliary))
        documents = [document for corpus in auxiliary for document in corpus.documents]
        slices.refuse_overlap({"auxiliary": documents, "held_out": held_out})
        texts = read_unannotated(paths, held_out=held_out)
        if recipe.held_out:
            lines.append(
                f"left out: {texts.held_out} texts that are held out, {texts.near} near-duplicates of such"
            )
        return cls(paths, texts, held_out, auxiliary, lines)

    def origin(self, recipe: PretrainingRecipe) -> dict[str, Any]:
        """What was read, as an encoder's folder says it."""
        return {
            "texts": {text: file_digest(path) for text, path in zip(recipe.texts, self.paths, strict=True)},
            "held out": articles_row(self.held_out),
            **auxiliary_rows(self.auxiliary),
        }


def _trainer(
    recipe: PretrainingRecipe,
    material: _Material,
    tokenizer: Any,
    network: Any,
    *,
    folder: Path,
    say: Say,
    progress: bool,
) -> Pretrainer:
    """A Trainer that is ready to pretrain ``network``, to which it adds the auxiliary taggers."""
    paragraphs = material.texts.paragraphs
    with _bars(progress):
        windows = _windows(paragraphs, tokenizer, size=recipe.window)
        selecting = math.ceil(len(windows) * recipe.development_share)
        parts = windows.train_test_split(min(selecting, len(windows) - 1), seed=recipe.seed)
    filled = [each for each in paragraphs if each.strip()]
    sample = "\n".join(each[:100] for each in filled[:: math.ceil(len(filled) / 20)])
    try_encoder(network.base_model, tokenizer, recipe=recipe, text=sample)
    try_guesses(network, parts["train"][0]["input_ids"], recipe=recipe)
    count = {part: len(rows) for part, rows in parts.items()}
    say(f"train: {count['train']:,} windows of {recipe.window} sub-words; {count['test']:,} select the epoch")
    train: Any = parts["train"]
    sampler = None
    if material.auxiliary:
        beside, lines = auxiliary_windows(material.auxiliary, tokenizer, size=recipe.window)
        for line in lines:
            say(line)
        sampler = MixedSampler(count["train"], len(beside), rate=recipe.auxiliary_rate, seed=recipe.seed)
        train = ConcatDataset([train, beside])
    sizes = [len(corpus.scheme.labels) for corpus in material.auxiliary]
    network.add_module("auxiliary", AuxiliaryTaggers(network.config.hidden_size, sizes))
    arguments = training_arguments(recipe, folder, progress=progress)
    arguments.metric_for_best_model = "loss"
    arguments.greater_is_better = False
    arguments.prediction_loss_only = True
    arguments.label_names = ["labels"]  # some kinds take labels of more, and would be given no loss
    trainer = Pretrainer(
        sampler=sampler,
        model=network,
        args=arguments,
        train_dataset=train,
        eval_dataset=parts["test"],
        data_collator=MaskingCollator(tokenizer, recipe.mlm_probability, sizes),
    )
    report_epochs(trainer, say, progress=progress, in_words=partial(_in_words, folder))
    return trainer


def _finished(output: Path, note: dict[str, Any]) -> float | None:
    """The loss of the encoder in a folder, if it is whole and of the run that ``note`` describes."""
    settle(output)
    if not (output / PRETRAINING).is_file():
        return None
    try:
        check_weights(output)
        rows = read_json(output / PRETRAINING)
        return float(rows["loss"]) if rows | note == rows else None
    except (InputError, KeyError, TypeError, ValueError):  # it is not whole
        return None


def _files(texts: Sequence[str]) -> list[Path]:
    """The files of a recipe's texts. Raises InputError for what is no file, or part of one."""
    paths, faults = [], list[Fault]()
    for text in texts:
        spec = Spec.parse(text)
        paths.append(spec.path)
        if not spec.path.is_file():
            faults.append(Fault(str(spec.path), "no such file of texts (a paragraph a line, or .jsonl)"))
        elif spec.format or spec.split or spec.mapping:
            message = "texts take no format, split or mapping: a file is read whole"
            faults.append(Fault(text, f"{message}; write {spec.path}"))
    if faults:
        raise InputError(faults)
    return paths


def _windows(paragraphs: list[str], tokenizer: Any, *, size: int) -> datasets.Dataset:
    """Full windows of sub-words, special ones around them; paragraphs follow each other in a window."""
    inside = size - 2

    def cut(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        texts = [fold(text).text for text in batch["text"]]
        pieces = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        ids = [id for piece in pieces if piece for id in (*piece, tokenizer.sep_token_id)]
        full = [ids[at : at + inside] for at in range(0, len(ids) - inside + 1, inside)]
        return {"input_ids": [[tokenizer.cls_token_id, *each, tokenizer.sep_token_id] for each in full]}

    texts = datasets.Dataset.from_dict({"text": paragraphs})
    windows = texts.map(cut, batched=True, batch_size=10_000, remove_columns=["text"])
    if len(windows) < 2:
        raise InputError(f"the texts fill {len(windows)} windows of {size} sub-words; give more")
    return windows


@contextmanager
def _bars(shown: bool) -> Iterator[None]:
    """Shows the bars of datasets inside, or hides them; its setting as before outside."""
    were = datasets.is_progress_bar_enabled()
    (datasets.enable_progress_bars if shown else datasets.disable_progress_bars)()
    try:
        yield
    finally:
        (datasets.enable_progress_bars if were else datasets.disable_progress_bars)()


def _in_words(folder: Path, scores: Mapping[str, float]) -> str:
    """The loss on the windows not trained on, in words; ``folder`` is that of the checkpoints.

    Raises:
        WorkError: if no float holds so many choices.
    """
    loss = scores["loss"]
    if not loss < _MOST_LOSS:
        raise diverged(f"the loss on windows that were not trained on is {loss:.0f}", folder)
    return f"loss {loss:.3f}, a choice among {math.exp(loss):.0f}"
