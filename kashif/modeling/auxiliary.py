"""Taggers of auxiliary corpora: they teach the encoder while it trains, and are thrown away after it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from kashif.modeling.losses import judged_words, summed_tag_loss


class AuxiliaryTaggers(nn.ModuleList):
    """A tagger for each auxiliary corpus, over words of a ``width``; ``sizes`` are the label counts."""

    def __init__(self, width: int, sizes: Sequence[int]) -> None:
        super().__init__(nn.Linear(width, 3 * size) for size in sizes)

    def losses(self, words: Tensor, source: Tensor, labels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The summed cross-entropy of each corpus's tags, and how many words that judged.

        ``words`` ``[batch, word, width]``, ``source`` ``[batch]``: the corpus of each window, counted from 1,
        0 for a window of none; ``labels`` ``[batch, word, label]``, as wide as the largest corpus needs.
        """
        sums, counts = [], []
        for index, tagger in enumerate(self, start=1):
            rows = source == index
            tags = tagger(words[rows]).unflatten(-1, (-1, 3))
            gold = labels[rows][..., : tags.shape[-2]]
            sums.append(summed_tag_loss(tags, gold))
            counts.append(judged_words(gold))
        return sums, counts
