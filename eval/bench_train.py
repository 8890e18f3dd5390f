"""How fast training is on this machine: ratios taken in one run, step by step in turn.

    python eval/bench_train.py train/default.yaml [--rounds 5] [--steps 12]

Each side is a process of its own with as many threads, trained on other articles in every round:
Kashif as the recipe says; the same without relations and without adversarial passes; and a plain Trainer on a
flat token classifier over the same encoder in float32, sentences padded to the longest of their batch.
Writes ``eval/reports/speed-train.json``; on a GPU, which all sides then take, ``speed-train-gpu.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
SIDES = {
    "kashif": {"adversarial_epsilon": 0.0},
    "kashif, float32": {"adversarial_epsilon": 0.0, "precision": "float32"},
    "kashif, adversarial": {"adversarial_epsilon": 1.0},
    "kashif, no relations": {"adversarial_epsilon": 0.0, "relation_loss_weight": 0.0},
    "plain Trainer": {},
}
console = Console(width=120)


def kashif(recipe: Any, data: Any) -> Callable[[list[str], int], tuple[int, float]]:
    """Steps of the recipe's own training: sub-words without padding, and seconds."""
    from transformers import EarlyStoppingCallback

    from kashif.training.train import build_trainer, untrained

    documents = {document.id: document for document in data.train}
    predictor = untrained(recipe, data.scheme)
    if recipe.relation_loss_weight == 0:
        predictor.model.relation_head = None

    def run(ids: list[str], steps: int) -> tuple[int, float]:
        chosen = replace(data, train=[documents[id] for id in ids])
        with tempfile.TemporaryDirectory() as scratch:
            trainer = build_trainer(recipe, chosen, folder=Path(scratch), predictor=predictor)
            count = min(steps * recipe.batch_size, len(trainer.train_dataset))
            trainer.train_dataset = trainer.train_dataset.select(range(count))
            trainer.args.num_train_epochs = 1
            trainer.args.save_strategy = trainer.args.eval_strategy = "no"
            trainer.args.load_best_model_at_end = False
            trainer.remove_callback(EarlyStoppingCallback)
            start = time.perf_counter()
            trainer.train()
            seconds = time.perf_counter() - start
        return sum(map(len, trainer.train_dataset["input_ids"])), seconds

    return run


def plain(recipe: Any, data: Any) -> Callable[[list[str], int], tuple[int, float]]:
    """Steps of ``Trainer`` on ``AutoModelForTokenClassification``, as run_ner.py takes them."""
    import datasets
    import torch
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        PrinterCallback,
        Trainer,
        TrainingArguments,
    )

    from kashif.arabic import sentences
    from kashif.modeling import encoder

    name = encoder.resolve(recipe.encoder)
    tokenizer = AutoTokenizer.from_pretrained(name)
    labels = 2 * len(data.scheme.labels) + 1
    model = AutoModelForTokenClassification.from_pretrained(name, num_labels=labels)
    documents = {document.id: document for document in data.train}

    def run(ids: list[str], steps: int) -> tuple[int, float]:
        texts = [documents[id].text for id in ids]
        cut = [text[a:b] for text in texts for a, b in sentences(text)]
        encoded = tokenizer(cut, truncation=True, max_length=recipe.window)["input_ids"]
        table = [{"input_ids": x, "labels": [0] * len(x)} for x in encoded][: steps * 8]
        with tempfile.TemporaryDirectory() as scratch:
            arguments = TrainingArguments(
                output_dir=scratch,
                num_train_epochs=1,
                per_device_train_batch_size=8,  # as many sub-words a step as two windows
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
                use_cpu=not torch.cuda.is_available(),
            )
            trainer = Trainer(
                model=model,
                args=arguments,
                train_dataset=datasets.Dataset.from_list(table),
                data_collator=DataCollatorForTokenClassification(tokenizer),
            )
            trainer.remove_callback(PrinterCallback)
            start = time.perf_counter()
            trainer.train()
            return sum(len(row["input_ids"]) for row in table), time.perf_counter() - start

    return run


def side(name: str, path: Path) -> None:
    """Answers each line of article ids on standard input with sub-words and seconds."""
    import transformers

    from kashif.training.data import gather
    from kashif.training.recipe import Recipe

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    transformers.set_seed(13)
    recipe = Recipe.load(path).model_copy(update=SIDES[name])
    run = (plain if name == "plain Trainer" else kashif)(recipe, gather(recipe))
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(run(asked["ids"], asked["steps"])), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="how fast training is")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        side(asked.side, asked.recipe)
        return
    import torch

    from kashif.training.data import gather
    from kashif.training.recipe import Recipe

    data = gather(Recipe.load(asked.recipe))
    ids = [document.id for document in data.train]
    random.Random(0).shuffle(ids)
    workers = {
        name: subprocess.Popen(
            [sys.executable, __file__, str(asked.recipe), "--side", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in SIDES
    }
    rates: dict[str, list[float]] = {name: [] for name in SIDES}
    for index in range(asked.rounds + 1):
        for name, worker in workers.items():
            assert worker.stdin
            assert worker.stdout
            part = ids[index :: asked.rounds + 1]
            worker.stdin.write(json.dumps({"ids": part, "steps": asked.steps}) + "\n")
            worker.stdin.flush()
            tokens, seconds = json.loads(worker.stdout.readline())
            if index:
                rates[name].append(tokens / seconds)
        console.print(f"{'round ' + str(index) if index else 'warmed up'} of {asked.rounds}", style="dim")
    for worker in workers.values():
        assert worker.stdin
        worker.stdin.close()
        worker.wait()
    found = {
        name: {
            "sub-words a second": median(each),
            "times a plain Trainer": median(a / b for a, b in zip(each, rates["plain Trainer"], strict=True)),
            "each round": each,
        }
        for name, each in rates.items()
    }
    cost = median(b / a for a, b in zip(rates["kashif"], rates["kashif, no relations"], strict=True)) - 1
    table = Table(box=None, title="training", title_justify="left", title_style="bold")
    for heading in ("", "sub-words/s", "times a plain Trainer"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, row in found.items():
        table.add_row(name, f"{row['sub-words a second']:,.0f}", f"{row['times a plain Trainer']:.2f}")
    console.print(table)
    console.print(f"relations add {cost:.1%} to a step")
    gpu = torch.cuda.is_available()
    report = HERE / "reports" / f"speed-train{'-gpu' if gpu else ''}.json"
    machine = torch.cuda.get_device_name() if gpu else f"{os.cpu_count()} cores"
    text = json.dumps({"machine": machine, "relations add": cost, "sides": found}, indent=1) + "\n"
    report.write_text(text, encoding="utf-8")
    console.print(f"wrote {report}")


if __name__ == "__main__":
    main()
