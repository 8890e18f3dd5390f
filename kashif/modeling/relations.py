"""The relation scorer, a head of the joint model."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_BUCKETS = (-32, -16, -8, -4, -2, 0, 2, 4, 8, 16, 32)


class RelationScorer(nn.Module):
    """Scores ordered pairs of spans: their edges and labels, their distance, the words between."""

    def __init__(
        self, width: int, inner: int, *, entity_labels: int, relation_labels: int, dropout: float
    ) -> None:
        super().__init__()
        self.head = nn.Linear(2 * width, inner)
        self.tail = nn.Linear(2 * width, inner)
        self.between = nn.Linear(width, inner)
        self.head_label = nn.Embedding(entity_labels, inner)
        self.tail_label = nn.Embedding(entity_labels, inner)
        self.distance = nn.Embedding(2 * (len(_BUCKETS) + 1), inner)
        self.norm = nn.LayerNorm(inner)
        self.dropout = nn.Dropout(dropout)
        self.product = nn.Linear(inner, inner)
        self.score = nn.Linear(inner, relation_labels)

    def forward(self, words: Tensor, spans: Tensor, pairs: Tensor, chunk_size: int = 0) -> Tensor:
        """Logits ``[pair, relation]``; for ``spans`` and ``pairs`` see ``KashifModel.forward``.

        ``chunk_size`` pairs are scored together, all of them if 0.
        """
        window, first, last, label = spans.unbind(1)
        edges = torch.cat([words[window, first], words[window, last - 1]], -1)
        heads = self.head(edges) + self.head_label(label)
        tails = self.tail(edges) + self.tail_label(label)
        factors = functional.gelu(heads), functional.gelu(tails)
        # The mean of the words between two spans is a difference of running totals.
        projected = functional.linear(words, self.between.weight).float()
        running = functional.pad(projected.cumsum(1), (0, 0, 1, 0))
        limits = torch.tensor(_BUCKETS, device=pairs.device)
        logits = []
        for some in torch.split(pairs, chunk_size or max(1, len(pairs))):
            head, tail, distance, cross_sentence = some.unbind(1)
            begin = torch.minimum(last[head], last[tail])
            count = (torch.maximum(first[head], first[tail]) - begin).clamp(min=0)
            row = window[head]
            mean = (running[row, begin + count] - running[row, begin]) / count.clamp(min=1)[:, None]
            bucket = torch.bucketize(distance.contiguous(), limits) + cross_sentence * (len(_BUCKETS) + 1)
            mixed = heads[head] + tails[tail] + mean + self.between.bias + self.distance(bucket)
            mixed = mixed + self.product(factors[0][head] * factors[1][tail])
            logits.append(self.score(self.dropout(functional.gelu(self.norm(mixed)))))
        return torch.cat(logits)
