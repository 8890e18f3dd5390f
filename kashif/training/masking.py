"""The masked-language model of a pretraining, beside the taggers of auxiliary corpora."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import DataCollatorForLanguageModeling

from kashif.modeling.batching import WindowExample, auxiliary_labels, pad_inputs
from kashif.modeling.losses import IGNORE_INDEX, per_item
from kashif.modeling.model import pool
from kashif.training.guards import GuardedTrainer


class MaskingCollator:
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


class Pretrainer(GuardedTrainer):
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
