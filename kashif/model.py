"""The joint model: one encoder pass feeds a tagger, a proclitic head and a relation scorer.

Shapes: ``batch`` windows, ``token`` sub-words, ``word`` words, ``type`` entity labels, ``span`` and
``pair`` those of the whole batch, ``relation`` relation labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from kashif import decoding
from kashif.arabic import MAX_PROCLITICS
from kashif.scheme import Scheme

IGNORED = -100
_RARE = 3.0
_BUCKETS = (-32, -16, -8, -4, -2, 0, 2, 4, 8, 16, 32)


class KashifConfig(PreTrainedConfig):
    """What a model folder's ``config.json`` holds beside the weights.

    ``encoder`` is the encoder's own configuration, ``scheme`` the annotation scheme as YAML (its order
    is the order of the heads, and JSON files are written with sorted keys), ``window`` the
    sub-words of a window, ``thresholds`` by relation label the probability from which a relation is
    given out (``decoding.THRESHOLD`` for one not named).
    ``tag_weight`` weighs B and I against O in the loss, ``relation_loss`` the relation scorer
    against the tagger.
    """

    model_type = "kashif"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        scheme: str = "",
        window: int = 256,
        thresholds: dict[str, float] | None = None,
        dropout: float = 0.1,
        relation_width: int = 256,
        tag_weight: float = 1.0,
        relation_loss: float = 1.0,
        **rest: Any,
    ) -> None:
        self.encoder = encoder
        self.scheme = scheme
        self.window = window
        self.thresholds = thresholds or {}
        self.dropout = dropout
        self.relation_width = relation_width
        self.tag_weight = tag_weight
        self.relation_loss = relation_loss
        super().__init__(**rest)

    def annotation_scheme(self) -> Scheme:
        """The scheme that the model was trained with."""
        return Scheme.parse(self.scheme, "config.json")


@dataclass
class KashifOutput(ModelOutput):
    """``loss`` when gold was given; the parts of it, unweighted, beside it."""

    loss: Tensor | None = None
    tagging: Tensor | None = None
    relating: Tensor | None = None


class KashifModel(PreTrainedModel):
    """Nested entity tagging and relation scoring over any BERT-like encoder."""

    config_class = KashifConfig
    base_model_prefix = "encoder"

    def __init__(self, config: KashifConfig) -> None:
        super().__init__(config)
        encoder = dict(config.encoder or {})
        inner = AutoConfig.for_model(encoder.pop("model_type"), **encoder)
        self.encoder = AutoModel.from_config(inner)
        _drop_pooler(self.encoder)
        scheme = config.annotation_scheme()
        self.types = len(scheme.labels)
        width = inner.hidden_size
        self.dropout = nn.Dropout(config.dropout)
        self.tagger = nn.Linear(width, self.types * 3)
        self.proclitics = nn.Linear(width, MAX_PROCLITICS + 1) if scheme.proclitics else None
        self.relations = (
            RelationScorer(width, config.relation_width, self.types, len(scheme.relations), config.dropout)
            if scheme.relations
            else None
        )
        self.post_init()  # type: ignore[no-untyped-call]
        # Most words are outside and most pairs unrelated: starting there saves the first epochs.
        with torch.no_grad():
            self.tagger.bias.view(-1, 3)[:, 1:].sub_(_RARE)
            if self.relations is not None:
                self.relations.score.bias.sub_(_RARE)

    @classmethod
    def from_encoder(cls, path: str, scheme: Scheme, **options: Any) -> KashifModel:
        """An untrained model over the pretrained encoder at a hub name or folder."""
        encoder = AutoModel.from_pretrained(path, config=configuration(path), dtype=torch.float32)
        config = KashifConfig(encoder=encoder.config.to_dict(), scheme=scheme.dump(), **options)
        model = cls(config)
        _drop_pooler(encoder)
        model.encoder = encoder
        return model

    def read(self, input_ids: Tensor, attention_mask: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        """The words ``[batch, word, width]``, each the mean of its sub-words.

        ``starts`` and ``ends`` ``[batch, word]`` bound each word's sub-words; padding has both 0.
        """
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        words: Tensor = self.dropout(pool(tokens, starts, ends))
        return words

    def tag(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Tag logits ``[batch, word, type, 3]`` and proclitic logits ``[batch, word, letters]``.

        Without a proclitic head its logits have one column: no letters, ever.
        """
        tags = self.tagger(words).unflatten(-1, (self.types, 3))
        if self.proclitics is None:
            return tags, words.new_zeros((*words.shape[:2], 1))
        return tags, self.proclitics(words)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        starts: Tensor,
        ends: Tensor,
        tags: Tensor,
        proclitics: Tensor,
        choices: Tensor,
        options: Tensor,
        ended: Tensor,
        spans: Tensor,
        pairs: Tensor,
        related: Tensor,
    ) -> KashifOutput:
        """The losses of a batch.

        ``tags`` ``[batch, word, type]`` and ``proclitics`` ``[batch, word]`` hold -100 where nothing
        is known; ``choices`` ``[choice, 3]`` are window, word and tag where a span may be of several
        types, ``options`` ``[choice, type]`` says which; ``ended`` ``[cell, 3]`` are window, word and type
        of which no more is known than that the tag is not I; ``spans`` ``[span, 4]`` are window, first
        word, behind the last word, type; ``pairs`` ``[pair, 4]`` head, tail, distance, crossing;
        ``related`` ``[pair, relation]`` is 1, 0 or -100.
        """
        words = self.read(input_ids, attention_mask, starts, ends)
        tag_logits, proclitic_logits = self.tag(words)
        weight = tag_logits.new_tensor([1.0, self.config.tag_weight, self.config.tag_weight])
        judged = (tags != IGNORED).any(-1)
        judged[choices[:, 0], choices[:, 1]] = True
        judged[ended[:, 0], ended[:, 1]] = True
        known = judged.sum().clamp(min=1)
        tagging = (
            functional.cross_entropy(
                tag_logits.float().reshape(-1, 3),
                tags.reshape(-1),
                weight.float(),
                ignore_index=IGNORED,
                reduction="sum",
            )
            / known
        )
        if len(choices):
            either = either_loss(tag_logits[choices[:, 0], choices[:, 1]], choices[:, 2], options)
            tagging = tagging + self.config.tag_weight * either.sum() / known
        if len(ended):
            # -log(1 - p[I]), from the other two so that no small probability is lost.
            logs = functional.log_softmax(tag_logits[tuple(ended.T)].float(), -1)
            tagging = tagging - logs[:, : decoding.INSIDE].logsumexp(-1).sum() / known
        counted = proclitics != IGNORED
        if counted.any():
            tagging = (
                tagging
                + functional.cross_entropy(
                    proclitic_logits[counted].float(), proclitics[counted], reduction="sum"
                )
                / known
            )
        relating = tagging.new_zeros(())
        if self.relations is not None and len(pairs):
            logits = self.relations(words, spans, pairs).float()
            decided = related != IGNORED
            relating = functional.binary_cross_entropy_with_logits(
                logits[decided], related[decided].float(), reduction="sum"
            ) / max(1, len(spans))
        return KashifOutput(tagging + self.config.relation_loss * relating, tagging, relating)


def configuration(path: str) -> PreTrainedConfig:
    """An encoder's own configuration, without dropout of attention weights.

    It keeps fused attention away, and on a CPU its random numbers alone take a fifth of a training step.
    """
    settings: PreTrainedConfig = AutoConfig.from_pretrained(path)
    for name in ("attention_probs_dropout_prob", "attention_dropout"):
        if hasattr(settings, name):
            setattr(settings, name, 0.0)
    return settings


class RelationScorer(nn.Module):
    """Scores ordered pairs of spans: their edges and types, their distance, the words between."""

    def __init__(self, width: int, inner: int, types: int, relations: int, dropout: float) -> None:
        super().__init__()
        self.head = nn.Linear(2 * width, inner)
        self.tail = nn.Linear(2 * width, inner)
        self.between = nn.Linear(width, inner)
        self.head_type = nn.Embedding(types, inner)
        self.tail_type = nn.Embedding(types, inner)
        self.distance = nn.Embedding(2 * (len(_BUCKETS) + 1), inner)
        self.norm = nn.LayerNorm(inner)
        self.dropout = nn.Dropout(dropout)
        self.product = nn.Linear(inner, inner)
        self.score = nn.Linear(inner, relations)

    def forward(self, words: Tensor, spans: Tensor, pairs: Tensor, at_a_time: int = 0) -> Tensor:
        """Logits ``[pair, relation]``; for ``spans`` and ``pairs`` see ``KashifModel.forward``.

        ``at_a_time`` pairs are scored together, all of them if 0.
        """
        window, first, last, kind = spans.unbind(1)
        edges = torch.cat([words[window, first], words[window, last - 1]], -1)
        heads = self.head(edges) + self.head_type(kind)
        tails = self.tail(edges) + self.tail_type(kind)
        factors = functional.gelu(heads), functional.gelu(tails)
        # The mean of the words between two spans is a difference of running totals.
        read = functional.linear(words, self.between.weight).float()
        running = functional.pad(read.cumsum(1), (0, 0, 1, 0))
        limits = torch.tensor(_BUCKETS, device=pairs.device)
        logits = []
        for some in torch.split(pairs, at_a_time or max(1, len(pairs))):
            head, tail, distance, crossing = some.unbind(1)
            begin = torch.minimum(last[head], last[tail])
            count = (torch.maximum(first[head], first[tail]) - begin).clamp(min=0)
            row = window[head]
            mean = (running[row, begin + count] - running[row, begin]) / count.clamp(min=1)[:, None]
            bucket = torch.bucketize(distance.contiguous(), limits) + crossing * (len(_BUCKETS) + 1)
            mixed = heads[head] + tails[tail] + mean + self.between.bias + self.distance(bucket)
            mixed = mixed + self.product(factors[0][head] * factors[1][tail])
            logits.append(self.score(self.dropout(functional.gelu(self.norm(mixed)))))
        return torch.cat(logits)


def either_loss(logits: Tensor, tags: Tensor, options: Tensor) -> Tensor:
    """``-log(1 - prod (1 - p[tag]))`` over the types that are options: that some one of them has the tag.

    ``logits`` ``[choice, type, 3]``, ``tags`` ``[choice]``, ``options`` ``[choice, type]``, result
    ``[choice]``. It is the sum ``p1 + (1 - p1) p2 + …`` in logarithms, which loses no small probability.
    """
    each = functional.log_softmax(logits.float(), -1)
    wanted = functional.one_hot(tags, 3).bool()[:, None].expand_as(each)
    this = each.masked_fill(~wanted, 0).sum(-1)
    other = each.masked_fill(wanted, -torch.inf).logsumexp(-1).masked_fill(~options, 0)
    none_before = other.cumsum(-1) - other
    return -(this + none_before).masked_fill(~options, -torch.inf).logsumexp(-1)


def pool(tokens: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """The mean ``[batch, word, width]`` of each word's sub-words ``[starts, ends)``; empty gives 0."""
    place = torch.arange(tokens.shape[1], device=tokens.device)
    inside = (place >= starts[..., None]) & (place < ends[..., None])
    share = inside.to(tokens.dtype) / (ends - starts).clamp(min=1)[..., None].to(tokens.dtype)
    return share @ tokens


def _drop_pooler(encoder: nn.Module) -> None:
    """Takes away the pooler of encoders that have one: nothing here reads it."""
    if getattr(encoder, "pooler", None) is not None:
        setattr(encoder, "pooler", None)  # noqa: B010


AutoConfig.register(KashifConfig.model_type, KashifConfig)  # AutoTokenizer asks for it in a model folder
