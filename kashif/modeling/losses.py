"""Losses over the words of a batch: what is judged, summed, and divided by its number."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

IGNORE_INDEX = -100
"""The label of what no loss judges, as in ``torch.nn.functional.cross_entropy``."""


def judged_words(labels: Tensor) -> Tensor:
    """How many words of ``[batch, word, label]`` some label is judged at."""
    return (labels != IGNORE_INDEX).any(-1).sum()


def summed_tag_loss(tags: Tensor, labels: Tensor, positive: float = 1.0) -> Tensor:
    """The cross-entropy of tag logits ``[batch, word, label, 3]``, summed; B and I weigh ``positive``."""
    return functional.cross_entropy(
        tags.float().reshape(-1, 3),
        labels.reshape(-1),
        torch.tensor([1.0, positive, positive], device=tags.device),
        ignore_index=IGNORE_INDEX,
        reduction="sum",
    )


def per_item(counts: Sequence[Tensor], *, training: bool) -> Tensor:
    """What to divide each summed loss by: how many items it judges, at least 1.

    In a ``training`` of several processes it is the mean over them: the mean of their losses is then that
    of the whole batch, however unevenly its items lie.
    """
    totals = torch.stack(list(counts)).float()
    processes = 1
    if training and torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(totals)
        processes = torch.distributed.get_world_size()
    return totals.clamp(min=1) / processes
