"""The sides of the benchmarks: what reads texts, each in a process of its own.

``python eval/bench_sides.py SIDE MODEL`` answers each JSON line on standard input, the paths of files with
a JSON string a line, with one of what it measured: the seconds that each file took, for instance. The first
line is for warming up, and is where a side chooses its batch size.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

Read = Callable[[Iterable[str]], int]
"""Reads texts and returns how many entities it found."""

LABELS = 13


def kashif(folder: Path, runtime: str, measured: dict[str, float]) -> Read:
    """Kashif itself, entities and relations; ``measured`` gains what the encoder did."""
    start = time.perf_counter()
    from kashif.modeling import predictor as predictors

    measured["import"] = time.perf_counter() - start
    start = time.perf_counter()
    predictor = predictors.load(folder, device="cpu", runtime=runtime)
    measured["load"] = time.perf_counter() - start
    measured["encoder"] = measured["sub-words"] = 0.0

    def before(*_: Any) -> None:
        measured["encoder"] -= time.perf_counter()

    def after(_module: Any, _arguments: Any, options: dict[str, Any], _output: Any) -> None:
        measured["encoder"] += time.perf_counter()
        measured["sub-words"] += int(options["attention_mask"].sum())

    predictor.model.encoder.register_forward_pre_hook(before)
    predictor.model.encoder.register_forward_hook(after, with_kwargs=True)
    return lambda texts: sum(len(d.entities) + len(d.relations) for d in predictor.stream(texts))


def _tagger(folder: Path) -> tuple[Any, Any]:
    """The model's own encoder below a flat tagger, as the hand-rolled script would train it."""
    from transformers import AutoTokenizer, BertForTokenClassification

    from kashif.modeling.model import KashifModel

    model = KashifModel.from_pretrained(folder)
    flat = BertForTokenClassification(model.encoder.config)
    flat.bert.load_state_dict(model.encoder.state_dict())
    flat.config.id2label = {i: f"{'BI'[i % 2]}-{i // 2}" if i else "O" for i in range(2 * LABELS + 1)}
    flat.num_labels = len(flat.config.id2label)
    flat.classifier = type(flat.classifier)(flat.config.hidden_size, flat.num_labels)
    return flat.eval(), AutoTokenizer.from_pretrained(folder, model_max_length=512)


def _cut(texts: Iterable[str]) -> list[str]:
    from kashif.arabic import sentences

    return [text[a:b] for text in texts for a, b in sentences(text) if text[a:b].strip()]


def pipeline(folder: Path, whole: bool) -> Read:
    """transformers' pipeline at its fastest batch size, over sentences or over whole articles.

    It reads whole articles in overlapping windows, whose stride must be asked for; else it cuts them off.
    """
    import transformers

    model, tokenizer = _tagger(folder)
    run = transformers.pipeline(
        "token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple", device="cpu"
    )

    def read(texts: Iterable[str], size: int) -> int:
        inputs, options = (list(texts), {"stride": 64}) if whole else (_cut(texts), {})
        return sum(len(found) for found in run(inputs, batch_size=size, **options))

    return _fastest([partial(read, size=size) for size in (1, 2, 4, 8, 16)])


def _fastest(ways: list[Read]) -> Read:
    chosen: list[Read] = []

    def read(texts: Iterable[str]) -> int:
        texts = list(texts)
        if not chosen:
            seconds = []
            for way in ways:
                start = time.perf_counter()
                way(texts)
                seconds.append(time.perf_counter() - start)
            chosen.append(ways[seconds.index(min(seconds))])
            print("batch size", chosen[0].keywords["size"], file=sys.stderr)
        return chosen[0](texts)

    return read


def padded(folder: Path) -> Read:
    """As camel_tools reads: sentences in batches of 32, all padded to 256 sub-words."""
    import torch

    model, tokenizer = _tagger(folder)

    @torch.inference_mode()
    def read(texts: Iterable[str]) -> int:
        cut, found = _cut(texts), 0
        for at in range(0, len(cut), 32):
            batch = tokenizer(
                cut[at : at + 32], padding="max_length", max_length=256, truncation=True, return_tensors="pt"
            )
            tags = model(batch["input_ids"], batch["attention_mask"]).logits.argmax(-1)
            found += int((tags[batch["attention_mask"].bool()] > 0).sum())
        return found

    return read


def spacy(_: Path) -> Read:
    """spaCy's blank Arabic with an entity recogniser over a tok2vec of its default size, untrained."""
    import spacy

    nlp = spacy.blank("ar")
    recogniser = nlp.add_pipe("ner")
    for label in range(LABELS):
        recogniser.add_label(f"L{label}")
    nlp.initialize()
    return lambda texts: sum(len(document.ents) for document in nlp.pipe(texts))


def gliner(folder: Path) -> Read:
    """GLiNER at the size of gliner_small (DeBERTa-v3-small), random weights, our tokenizer, 13 labels."""
    from gliner.config import UniEncoderSpanConfig
    from gliner.model import UniEncoderSpanGLiNER

    backbone = {
        "model_type": "deberta-v2",
        "hidden_size": 768,
        "num_hidden_layers": 6,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "vocab_size": 128100,
        "type_vocab_size": 0,
        "relative_attention": True,
        "max_relative_positions": -1,
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
    }
    config = UniEncoderSpanConfig(model_name=str(folder), encoder_config=backbone, max_len=384)
    model = UniEncoderSpanGLiNER.load_from_config(config, backbone_from_pretrained=False).eval()
    labels = [f"label {i}" for i in range(LABELS)]

    def read(texts: Iterable[str], size: int) -> int:
        # Random weights find spans everywhere from 0.5 on; trained ones find few, which is the faster.
        found = model.inference(_cut(texts), labels, batch_size=size, threshold=0.99)
        return sum(len(spans) for spans in found)

    return _fastest([partial(read, size=size) for size in (1, 8)])


def peak(_: Path) -> dict[str, float]:
    """GFLOP a second of large matrix products: float32, bfloat16, int8."""
    import torch

    found = {}
    for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16), ("int8", torch.int8)):
        a, b = (torch.ones((2048, 2048), dtype=kind) for _ in range(2))
        product = torch._int_mm if kind is torch.int8 else torch.mm
        seconds = []
        for _ in range(7):
            start = time.perf_counter()
            product(a, b)
            seconds.append(time.perf_counter() - start)
        found[name] = 2 * 2048**3 / min(seconds) / 1e9
    return found


def main() -> None:
    side, folder = sys.argv[1], Path(sys.argv[2])
    measured: dict[str, float] = {}
    if side == "peak":
        print(json.dumps(peak(folder)), flush=True)
        return
    made: dict[str, Callable[[], Read]] = {
        "kashif": partial(kashif, folder, "auto", measured),
        "kashif in torch": partial(kashif, folder, "torch", measured),
        "pipeline, sentences": partial(pipeline, folder, False),
        "pipeline, articles": partial(pipeline, folder, True),
        "padded to 256": partial(padded, folder),
        "spaCy": partial(spacy, folder),
        "GLiNER": partial(gliner, folder),
    }
    read = made[side]()
    for line in sys.stdin:
        measured |= {name: 0.0 for name in ("encoder", "sub-words") if name in measured}
        seconds = []
        found = 0
        for path in json.loads(line):
            with Path(path).open(encoding="utf-8") as texts:
                start = time.perf_counter()
                found += read(map(json.loads, texts))
                seconds.append(time.perf_counter() - start)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row = {"seconds": seconds, "found": found, "memory": memory, **measured}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main()
