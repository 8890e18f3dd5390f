"""Further pretraining: an encoder learns to guess masked sub-words of unannotated text.

The method of Gururangan et al., Don't Stop Pretraining (2020).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import torch
from torch.utils.data import ConcatDataset, Sampler
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    set_seed,
)

from kashif.corpora import slices
from kashif.corpora.loading import Spec, load_all, load_each
from kashif.corpora.provenance import articles_row, check_weights, seen_by, write_encoder_manifest
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import file_digest, read_json, write_json
from kashif.folding import fold
from kashif.modeling import encoder
from kashif.modeling.auxiliary import AuxiliaryTaggers
from kashif.modeling.batching import WindowExample, auxiliary_labels, pad_inputs
from kashif.modeling.losses import IGNORE_INDEX, per_item
from kashif.modeling.model import encoder_config, pool
from kashif.modeling.weights import load_encoder, refusing, replaced_model
from kashif.replacing import settle
from kashif.training import checkpoints
from kashif.training.arguments import training_arguments
from kashif.training.auxiliary import (
    AuxiliaryCorpus,
    MixedSampler,
    auxiliary_windows,
    with_schemes,
)
from kashif.training.guards import GuardedTrainer
from kashif.training.precision import choose_attention
from kashif.training.provenance import note_of, versions
from kashif.training.recipe import PretrainingRecipe
from kashif.training.trainer import Say, report_epochs, silent
from kashif.training.trial import check_window
from kashif.training.unannotated import read_unannotated

ORIGIN = "pretraining.json"
"""The file in an encoder's folder that says what it came from, and how well it guesses."""


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
    paths = [_file(text) for text in recipe.texts]
    set_seed(recipe.seed)
    name = encoder.locate(recipe.encoder)
    with refusing(f"encoder '{recipe.encoder}'"):
        tokenizer = AutoTokenizer.from_pretrained(name)
        network = load_encoder(AutoModelForMaskedLM, name, config=encoder_config(name))
    if tokenizer.mask_token is None:
        raise InputError(f"encoder '{recipe.encoder}': its tokenizer has no mask")
    check_window(recipe, network)
    choose_attention(network, recipe)
    held_out, notices = load_all(recipe.held_out)
    auxiliary = with_schemes(load_each(recipe.auxiliary))
    _refuse_held_out(auxiliary, held_out)
    texts = read_unannotated(paths, held_out=held_out)
    for notice in notices:
        say(notice)
    if recipe.held_out:
        say(f"left out: {texts.held_out} texts that are held out, {texts.near} near-duplicates of such")
    with _bars(progress):
        windows = _windows(texts.paragraphs, tokenizer, size=recipe.window)
        parts = windows.train_test_split(recipe.development_share, seed=recipe.seed)
    count = {part: len(rows) for part, rows in parts.items()}
    say(f"train: {count['train']:,} windows of {recipe.window} sub-words; {count['test']:,} select the epoch")
    train: Any = parts["train"]
    sampler = None
    if auxiliary:
        beside, lines = auxiliary_windows(auxiliary, tokenizer, size=recipe.window)
        for line in lines:
            say(line)
        sampler = MixedSampler(count["train"], len(beside), rate=recipe.auxiliary_rate, seed=recipe.seed)
        train = ConcatDataset([train, beside])
    sizes = [len(corpus.scheme.labels) for corpus in auxiliary]
    network.add_module("auxiliary", AuxiliaryTaggers(network.config.hidden_size, sizes))
    articles = texts.articles | seen_by(recipe.encoder)
    auxiliary_row = articles_row([document for corpus in auxiliary for document in corpus.documents])
    origin = {
        **versions(recipe),
        "texts": {text: file_digest(path) for text, path in zip(recipe.texts, paths, strict=True)},
        "held out": articles_row(held_out),
        "auxiliary": auxiliary_row,
    }
    note = note_of(origin, recipe)
    if resume and (finished := _finished(output, note)) is not None:
        say(f"{output}: this pretraining is finished; nothing is left to do")
        return finished
    folder = output.resolve() / checkpoints.FOLDER
    last = checkpoints.begin(folder, note, resume=resume)
    arguments = training_arguments(recipe, folder, progress=progress)
    arguments.metric_for_best_model = "loss"
    arguments.greater_is_better = False
    arguments.prediction_loss_only = True
    trainer = _Pretrainer(
        sampler=sampler,
        model=network,
        args=arguments,
        train_dataset=train,
        eval_dataset=parts["test"],
        data_collator=_Collator(tokenizer, recipe.mlm_probability, sizes),
    )
    report_epochs(trainer, say, progress=progress, in_words=_in_words)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    loss = float(trainer.evaluate()["eval_loss"])
    with replaced_model(output) as new:
        network.base_model.save_pretrained(new)
        tokenizer.save_pretrained(new)
        write_json(new / ORIGIN, {**note, "environment": origin["environment"], "loss": loss})
        write_encoder_manifest(new, articles, auxiliary=auxiliary_row)
    say(f"wrote {output}")
    return loss


def _finished(output: Path, note: dict[str, Any]) -> float | None:
    """The loss of the encoder in a folder, if it is whole and of the run that ``note`` describes."""
    settle(output)
    if not (output / ORIGIN).is_file():
        return None
    try:
        check_weights(output)
        rows = read_json(output / ORIGIN)
        return float(rows["loss"]) if rows | note == rows else None
    except (InputError, KeyError, TypeError, ValueError):  # it is not whole
        return None


def _file(text: str) -> Path:
    path = Spec.parse(text).path
    if not path.is_file():
        raise InputError(Fault(str(path), "no such file of texts (a paragraph a line, or .jsonl)"))
    return path


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


def _in_words(scores: Mapping[str, float]) -> str:
    loss = scores["loss"]
    return f"loss {loss:.3f}, a choice among {math.exp(loss):.0f}"


def _refuse_held_out(auxiliary: Sequence[AuxiliaryCorpus], held_out: Sequence[Document]) -> None:
    """Raises InputError if an auxiliary corpus has an article that is held out."""
    documents = [document for corpus in auxiliary for document in corpus.documents]
    if both := slices.overlapping(documents, held_out):
        raise InputError(f"the recipe has {', '.join(sorted(both))} in both auxiliary and held_out; keep one")


class _Collator:
    """Windows of text with masked sub-words, and as ``auxiliary`` those of auxiliary corpora."""

    def __init__(self, tokenizer: Any, mlm_probability: float, sizes: Sequence[int]) -> None:
        self.masked = DataCollatorForLanguageModeling(tokenizer, mlm_probability=mlm_probability)
        self.pad_id = tokenizer.pad_token_id
        self.sizes = sizes

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        examples = [WindowExample(**row) for row in rows if "source" in row]
        texts = [row for row in rows if "source" not in row]
        nothing = torch.zeros((0, 1), dtype=torch.int64)
        batch = dict(self.masked(texts)) if texts else {"input_ids": nothing, "labels": nothing}
        if examples:
            batch["auxiliary"] = pad_inputs(examples, self.pad_id) | auxiliary_labels(examples, self.sizes)
        return batch


class _Pretrainer(GuardedTrainer):
    """The Trainer with auxiliary corpora, evaluated with the same sub-words masked each time."""

    def __init__(self, *, sampler: Sampler[int] | None, **rest: Any) -> None:
        self.sampler = sampler
        super().__init__(**rest)
        self.model_accepts_loss_kwargs = False  # losses are means: the Trainer divides them by their number

    def _get_train_sampler(self, *rest: Any) -> Any:
        return self.sampler or super()._get_train_sampler(*rest)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *rest: Any, **named: Any) -> Any:
        return_outputs = named.get("return_outputs", any(rest[:1]))
        auxiliary = inputs.pop("auxiliary", None)
        loss = masked_loss(model, inputs) if len(inputs["input_ids"]) else torch.tensor(0.0)
        if auxiliary is not None:
            starts, ends, source, labels = (
                auxiliary.pop(name) for name in ("starts", "ends", "source", "auxiliary_labels")
            )
            words = pool(model.base_model(**auxiliary).last_hidden_state, starts, ends)
            sums, counts = model.auxiliary.losses(words, source, labels)
            loss = loss + (torch.stack(sums) / per_item(counts, training=model.training)).sum()
        return (loss, {}) if return_outputs else loss

    def evaluate(self, *rest: Any, **named: Any) -> dict[str, float]:
        with torch.random.fork_rng():
            torch.manual_seed(self.args.seed)
            return super().evaluate(*rest, **named)


def masked_loss(network: Any, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The cross-entropy of a masked-language model at the masked sub-words, their mean.

    ``inputs`` has ``labels`` ``[batch, token]``, ``IGNORE_INDEX`` where nothing is masked. Only what is
    masked is compared with the vocabulary, which is the largest product of a step.
    """
    rest = {name: value for name, value in inputs.items() if name != "labels"}
    masked = inputs["labels"] != IGNORE_INDEX
    vocabulary = network.get_output_embeddings()
    hook = vocabulary.register_forward_pre_hook(lambda _, hidden: (hidden[0][masked],))
    try:
        logits = network(**rest).logits
    finally:
        hook.remove()
    gold = inputs["labels"][masked]
    return torch.nn.functional.cross_entropy(logits.float(), gold, reduction="sum") / max(1, len(gold))
