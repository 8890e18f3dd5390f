"""The joint model: one encoder pass feeds a tagger, a proclitic head and a relation scorer.

Shapes: ``batch`` windows, ``token`` sub-words, ``word`` words, ``label`` entity labels, ``span`` and
``pair`` those of the whole batch, ``relation`` relation labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel, initialization
from transformers.utils.generic import ModelOutput

from kashif.arabic import MAX_PROCLITICS
from kashif.modeling.auxiliary import AuxiliaryTaggers
from kashif.modeling.decoding import NO_CALIBRATION, THRESHOLD, Calibration
from kashif.modeling.losses import IGNORE_INDEX, judged_words, per_item, summed_tag_loss
from kashif.modeling.relations import RelationScorer
from kashif.modeling.weights import load_encoder
from kashif.scheme import Scheme

_RARE = 3.0
"""How far the biases of B, I and relations begin below the others: most words and pairs are nothing."""
_ANY = (int, float)
_NUMBERS: dict[str, tuple[tuple[type, ...], float, float]] = {
    "window": ((int,), 16, math.inf),
    "entity_threshold": (_ANY, 0, 1),
    "relation_threshold": (_ANY, 0, 1),
    "dropout": (_ANY, 0, 1),
    "relation_hidden_size": ((int,), 1, math.inf),
    "positive_tag_weight": (_ANY, 0, math.inf),
    "relation_loss_weight": (_ANY, 0, math.inf),
}
"""Of each number of a configuration its types, the least and the most that it may be."""


class KashifConfig(PreTrainedConfig):
    """What a model folder's ``config.json`` holds beside the weights.

    ``encoder`` is the encoder's own configuration, ``scheme`` the annotation scheme as YAML (its order
    is the order of the heads, and JSON files are written with sorted keys), ``window`` the
    sub-words of a window. ``entity_threshold`` and ``relation_threshold`` are the probabilities from which
    something is predicted, ``entity_calibration`` and ``relation_calibration`` what makes them true.
    ``positive_tag_weight`` weighs B and I against O in the loss, ``relation_loss_weight`` the relation
    scorer against the tagger.
    """

    model_type = "kashif"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        scheme: str = "",
        window: int = 256,
        entity_threshold: float = 0.0,
        relation_threshold: float = THRESHOLD,
        entity_calibration: Calibration = NO_CALIBRATION,
        relation_calibration: Calibration = NO_CALIBRATION,
        dropout: float = 0.1,
        relation_hidden_size: int = 256,
        positive_tag_weight: float = 1.0,
        relation_loss_weight: float = 1.0,
        **rest: Any,
    ) -> None:
        self.encoder = encoder
        self.scheme = scheme
        self.window = window
        self.entity_threshold = entity_threshold
        self.relation_threshold = relation_threshold
        self.entity_calibration = (entity_calibration[0], entity_calibration[1])
        self.relation_calibration = (relation_calibration[0], relation_calibration[1])
        self.dropout = dropout
        self.relation_hidden_size = relation_hidden_size
        self.positive_tag_weight = positive_tag_weight
        self.relation_loss_weight = relation_loss_weight
        super().__init__(**rest)

    def refuse_wrong_values(self) -> None:
        """Raises ValueError for numbers or a scheme that no training writes."""
        for name, (kinds, least, most) in _NUMBERS.items():
            value = getattr(self, name)
            if type(value) not in kinds or not math.isfinite(value) or not least <= value <= most:
                what = "whole number" if kinds == (int,) else "number"
                top = "on" if most == math.inf else f"to {most}"
                raise ValueError(f"{name} is a {what} from {least} {top}, found {value!r:.40}")
        for name in ("entity_calibration", "relation_calibration"):
            slope, intercept = getattr(self, name)
            if (
                not all(type(part) in _ANY and math.isfinite(part) for part in (slope, intercept))
                or slope <= 0
            ):
                found = f"{(slope, intercept)!r:.40}"
                raise ValueError(f"{name} is a slope above 0 and an intercept, found {found}")
        if not isinstance(self.scheme, str):
            raise ValueError(f"scheme is a text, found {self.scheme!r:.40}")
        self.annotation_scheme()

    @property
    def uncalibrated(self) -> list[str]:
        """Which of ``entities`` and ``relations`` have their probabilities as they were trained."""
        found = {"entities": self.entity_calibration}
        if self.annotation_scheme().relations:
            found["relations"] = self.relation_calibration
        return [view for view, calibration in found.items() if calibration == NO_CALIBRATION]

    def annotation_scheme(self) -> Scheme:
        """The scheme that the model was trained with."""
        return Scheme.parse(self.scheme, "config.json")


@dataclass
class KashifOutput(ModelOutput):
    """Logits, and losses where labels were given.

    ``loss`` is ``entity_loss``, ``relation_loss``, weighted, and ``auxiliary_loss``. ``tag_logits``
    ``[batch, word, label, 3]``, ``proclitic_logits`` ``[batch, word, count]``, ``relation_logits``
    ``[pair, relation]`` or None.
    """

    loss: Tensor | None = None
    entity_loss: Tensor | None = None
    relation_loss: Tensor | None = None
    auxiliary_loss: Tensor | None = None
    tag_logits: Tensor | None = None
    proclitic_logits: Tensor | None = None
    relation_logits: Tensor | None = None


class KashifModel(PreTrainedModel):
    """Nested entity tagging and relation scoring over any BERT-like encoder.

    Args:
        config: sizes of the heads, the scheme, the encoder's configuration.
        encoder: a pretrained encoder; None makes one of random weights.
    """

    config_class = KashifConfig
    base_model_prefix = "encoder"

    def __init__(self, config: KashifConfig, encoder: PreTrainedModel | None = None) -> None:
        super().__init__(config)
        if encoder is None:
            settings = dict(config.encoder or {})
            encoder = AutoModel.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings))
        if getattr(encoder, "pooler", None) is not None:
            setattr(encoder, "pooler", None)  # noqa: B010 - nothing here reads it
        self.encoder = encoder
        scheme = config.annotation_scheme()
        self.num_entity_labels = len(scheme.labels)
        width = encoder.config.hidden_size
        self.dropout = nn.Dropout(config.dropout)
        self.tagger = nn.Linear(width, self.num_entity_labels * 3)
        self.proclitic_head = nn.Linear(width, MAX_PROCLITICS + 1) if scheme.proclitics else None
        self.relation_head = (
            RelationScorer(
                width,
                config.relation_hidden_size,
                entity_labels=self.num_entity_labels,
                relation_labels=len(scheme.relations),
                dropout=config.dropout,
            )
            if scheme.relations
            else None
        )
        self.auxiliary: AuxiliaryTaggers | None = None
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """As transformers does; the biases of the heads begin at "nothing here", which saves epochs."""
        super()._init_weights(module)  # type: ignore[no-untyped-call]
        if module is self.tagger:
            biases = torch.tensor([0.0, -_RARE, -_RARE]).repeat(self.num_entity_labels)
            initialization.copy_(self.tagger.bias, biases)
        elif self.relation_head is not None and module is self.relation_head.score:
            initialization.constant_(self.relation_head.score.bias, -_RARE)

    @classmethod
    def from_encoder(cls, path: str, scheme: Scheme, **options: Any) -> KashifModel:
        """An untrained model over the pretrained encoder at a hub name or folder.

        A model's folder gives its encoder. ``options`` are further arguments of ``KashifConfig``.
        """
        encoder = load_encoder(AutoModel, path, config=encoder_config(path), dtype=torch.float32)
        if isinstance(encoder, KashifModel):
            encoder = encoder.encoder
        config = KashifConfig(encoder=encoder.config.to_dict(), scheme=scheme.dump(), **options)
        return cls(config, encoder)

    def encode_words(self, input_ids: Tensor, attention_mask: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        """The words ``[batch, word, width]``, each the mean of its sub-words.

        ``starts`` and ``ends`` ``[batch, word]`` bound each word's sub-words; padding has both 0.
        """
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        words: Tensor = self.dropout(pool(tokens, starts, ends))
        return words

    def tag_logits(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Tag logits ``[batch, word, label, 3]`` and proclitic logits ``[batch, word, count]``.

        Without a proclitic head its logits have one column: no letters, ever.
        """
        tags = self.tagger(words).unflatten(-1, (self.num_entity_labels, 3))
        if self.proclitic_head is None:
            return tags, words.new_zeros((*words.shape[:2], 1))
        return tags, self.proclitic_head(words)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        starts: Tensor,
        ends: Tensor,
        tag_labels: Tensor | None = None,
        proclitic_labels: Tensor | None = None,
        spans: Tensor | None = None,
        pairs: Tensor | None = None,
        relation_labels: Tensor | None = None,
        source: Tensor | None = None,
        auxiliary_labels: Tensor | None = None,
    ) -> KashifOutput:
        """The logits of a batch, and its losses if labels are given.

        ``tag_labels`` ``[batch, word, label]`` and ``proclitic_labels`` ``[batch, word]`` hold
        ``IGNORE_INDEX`` where nothing is judged; ``spans`` ``[span, 4]`` are window, first word, behind the
        last word, entity label; ``pairs`` ``[pair, 4]`` head, tail, distance in words, 1 across sentences;
        ``relation_labels`` ``[pair, relation]`` is 1, 0 or ``IGNORE_INDEX``. ``source`` and
        ``auxiliary_labels`` are for windows of auxiliary corpora; see ``AuxiliaryTaggers``.
        """
        words = self.encode_words(input_ids, attention_mask, starts, ends)
        tags, proclitics = self.tag_logits(words)
        related = None
        if self.relation_head is not None and spans is not None and pairs is not None and len(pairs):
            related = self.relation_head(words, spans, pairs)
        output = KashifOutput(tag_logits=tags, proclitic_logits=proclitics, relation_logits=related)
        if tag_labels is None or proclitic_labels is None:
            return output
        sums = [self._entity_loss(tags, proclitics, tag_labels, proclitic_labels), words.new_zeros(())]
        counts = [judged_words(tag_labels), torch.tensor(0 if spans is None else len(spans)).to(tags.device)]
        if related is not None and relation_labels is not None:
            judged = relation_labels != IGNORE_INDEX
            sums[1] = functional.binary_cross_entropy_with_logits(
                related.float()[judged], relation_labels[judged].float(), reduction="sum"
            )
        if self.auxiliary is not None and source is not None and auxiliary_labels is not None:
            beside = self.auxiliary.losses(words, source, auxiliary_labels)
            sums, counts = sums + beside[0], counts + beside[1]
        losses = torch.stack(sums) / per_item(counts, training=self.training)
        output.entity_loss, output.relation_loss, output.auxiliary_loss = *losses[:2], losses[2:].sum()
        weighted = self.config.relation_loss_weight * output.relation_loss
        output.loss = output.entity_loss + weighted + output.auxiliary_loss
        return output

    def _entity_loss(
        self, tags: Tensor, proclitics: Tensor, tag_labels: Tensor, proclitic_labels: Tensor
    ) -> Tensor:
        """Cross-entropy of tags and of proclitic counts, summed."""
        loss = summed_tag_loss(tags, tag_labels, self.config.positive_tag_weight)
        counted = proclitic_labels != IGNORE_INDEX
        if counted.any():
            loss = loss + functional.cross_entropy(
                proclitics[counted].float(), proclitic_labels[counted], reduction="sum"
            )
        return loss

    def add_auxiliary(self, sizes: Sequence[int]) -> None:
        """Adds taggers of auxiliary corpora with these label counts, for a training."""
        self.auxiliary = AuxiliaryTaggers(self.tagger.in_features, sizes)

    def drop_auxiliary(self) -> None:
        """Throws the taggers of auxiliary corpora away."""
        self.auxiliary = None


def encoder_config(path: str) -> PreTrainedConfig:
    """An encoder's own configuration, with attention dropout set to 0.

    Attention dropout rules fused attention out, and drawing its random numbers takes a fifth of a CPU step.
    """
    settings: PreTrainedConfig = AutoConfig.from_pretrained(path, trust_remote_code=False)
    for name in ("attention_probs_dropout_prob", "attention_dropout"):
        if hasattr(settings, name):
            setattr(settings, name, 0.0)
    return settings


def pool(tokens: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """The mean ``[batch, word, width]`` of each word's sub-words ``[starts, ends)``; empty gives 0."""
    place = torch.arange(tokens.shape[1], device=tokens.device)
    inside = (place >= starts[..., None]) & (place < ends[..., None])
    share = inside.to(tokens.dtype) / (ends - starts).clamp(min=1)[..., None].to(tokens.dtype)
    return share @ tokens


AutoConfig.register(KashifConfig.model_type, KashifConfig)
AutoModel.register(KashifConfig, KashifModel)
