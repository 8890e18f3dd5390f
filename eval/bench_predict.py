"""How fast predict is on a CPU, and what grows with the text: ratios taken in one run.

    python eval/bench_predict.py models/default [--sides "kashif;…"] [--rounds 5]

Each side is a process of its own with as many threads; every round gives each side, in turn, the same
articles, which it has not seen. Peers that are not installed are left out by name. Writes
``eval/reports/speed-predict.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from kashif.arabic import sentences
from kashif.corpora import loading
from kashif.modeling import runtime

HERE = Path(__file__).parent
SIDES = (
    "kashif",
    "kashif in torch",
    "pipeline, articles",
    "pipeline, sentences",
    "padded to 256",
    "spaCy",
    "GLiNER",
)
PACKAGES = {"spaCy": "spacy", "GLiNER": "gliner"}
console = Console(width=120)


class Side:
    """A process that reads texts."""

    def __init__(self, name: str, model: Path) -> None:
        command = [sys.executable, str(HERE / "bench_sides.py"), name, str(model)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self, *texts: list[str]) -> dict[str, Any]:
        """What the process measured of each list of texts."""
        assert self.process.stdin
        assert self.process.stdout
        with tempfile.TemporaryDirectory() as scratch:  # a file a list, so that a side can stream it
            files = [Path(scratch) / f"{index}.jsonl" for index in range(len(texts))]
            for file, some in zip(files, texts, strict=True):
                file.write_text("".join(json.dumps(text) + "\n" for text in some), encoding="utf-8")
            self.process.stdin.write(json.dumps([str(file) for file in files]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a side stopped; its error stands above")
        row: dict[str, Any] = json.loads(line)
        return row

    def close(self) -> None:
        """Ends the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def count(texts: Sequence[str]) -> int:
    """Words as white space parts them."""
    return sum(len(text.split()) for text in texts)


def compare(model: Path, names: Sequence[str], texts: list[str], rounds: int) -> dict[str, Any]:
    """Words a second of each side, and its ratio to the first, round by round."""
    parts = [texts[index :: rounds + 1] for index in range(rounds + 1)]
    sides = {name: Side(name, model) for name in names}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for index, part in enumerate(parts):
        for name, side in sides.items():
            row = side.read(part)
            rows[name].append({"rate": count(part) / row["seconds"][0], **row})
        console.print(f"{'round ' + str(index) if index else 'warmed up'} of {rounds}", style="dim")
    for side in sides.values():
        side.close()
    measured = {name: found[1:] for name, found in rows.items()}
    first = measured[names[0]]
    return {
        name: {
            "words a second": median(row["rate"] for row in found),
            "times slower": median(a["rate"] / b["rate"] for a, b in zip(first, found, strict=True)),
            "each round": [row["rate"] for row in found],
            "memory": found[-1]["memory"],
        }
        | (
            {
                "sub-words a second": median(row["sub-words"] / row["encoder"] for row in found),
                "rest by encoder": median(row["seconds"][0] / row["encoder"] - 1 for row in found),
                "load": found[0]["load"],
            }
            if "encoder" in found[0]
            else {}
        )
        for name, found in measured.items()
    }


def flop(model: Path, length: float) -> float:
    """Floating-point operations of the encoder for one sub-word of a window of ``length``."""
    encoder = json.loads((model / "config.json").read_text(encoding="utf-8"))["encoder"]
    width, layers, inner = (encoder[k] for k in ("hidden_size", "num_hidden_layers", "intermediate_size"))
    return float(layers * (2 * (4 * width * width + 2 * width * inner) + 4 * width * length))


def latency(model: Path, texts: list[str]) -> dict[str, float]:
    """Milliseconds for one sentence of 23 to 27 words, warm."""
    single = [text[a:b].strip() for text in texts for a, b in sentences(text)]
    single = [text for text in single if 23 <= len(text.split()) <= 27]
    side = Side("kashif", model)
    side.read(*([text] for text in single[:40]))
    seconds = side.read(*([text] for text in single[40:]))["seconds"]
    side.close()
    cuts = quantiles(seconds, n=100)
    return {"sentences": len(seconds), "median": 1000 * median(seconds), "99th percentile": 1000 * cuts[98]}


def growth(model: Path, texts: list[str], chance: random.Random) -> dict[str, list[dict[str, float]]]:
    """Words a second and memory, by the number of short articles and by the length of one, in three turns."""
    cut = [[text[a:b] for a, b in sentences(text)] for text in texts]
    runs = [(t, at, n) for t, whole in enumerate(cut) for at in range(len(whole)) for n in range(1, 9)]
    chance.shuffle(runs)
    short = ["".join(cut[t][at : at + n]) for t, at, n in runs if at + n <= len(cut[t])]

    if len(short) < 10_100:
        raise SystemExit("too few articles here for 10,000 unseen short ones and 100 to warm up with")

    def long(words: int) -> str:
        pieces: list[str] = []
        size = 0
        while size < words:
            article = chance.choice(texts).split()[: words - size]
            pieces.append(" ".join(article))
            size += len(article)
        return "\n".join(pieces)

    asked = {
        ("articles", size): [short[100 + at * size : 100 + (at + 1) * size] for at in range(times)]
        for size, times in {10: 21, 100: 6, 1000: 3, 10_000: 1}.items()
    } | {
        ("words of an article", size): [[long(size)] for _ in range(times)]
        for size, times in {100: 21, 1000: 9, 10_000: 3, 100_000: 3}.items()
    }
    sides = {key: Side("kashif", model) for key in asked}  # a process each: its memory is that of this size
    rates: dict[tuple[str, int], list[float]] = {key: [] for key in asked}
    for side in sides.values():
        side.read(short[:100])
    for turn in range(3):
        for key, side in sides.items():
            batches = asked[key][turn::3]
            for batch, seconds in zip(batches, side.read(*batches)["seconds"], strict=True):
                rates[key].append(count(batch) / seconds)
    rows: dict[str, list[dict[str, float]]] = {kind: [] for kind, _ in asked}
    for (kind, size), side in sides.items():
        found = rates[kind, size]
        row = {"size": size, "words a second": median(found), "runs": len(found)}
        rows[kind].append(row | {"memory": side.read()["memory"]})
        side.close()
    return rows


def startup(model: Path, texts: list[str]) -> dict[str, float]:
    """Seconds to import kashif (median of 5 processes); time and memory of ``kashif predict``."""
    code = "import time; t = time.perf_counter(); import kashif, sys; print(time.perf_counter() - t)"
    code += "; assert 'torch' not in sys.modules"
    imports = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    with tempfile.TemporaryDirectory() as scratch:
        lines = Path(scratch) / "in.jsonl"
        rows = (json.dumps({"id": str(i), "text": text}) for i, text in enumerate(texts))
        lines.write_text("\n".join(rows), encoding="utf-8")
        command = ["predict", str(lines), "--model", str(model), "--output", f"{scratch}/out.jsonl"]
        start = time.perf_counter()
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", "from kashif.cli.app import main; main()", *command],
            os.environ,
        )
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise SystemExit("kashif predict failed")
        seconds = time.perf_counter() - start
    return {"import": median(imports), "predict": seconds, "memory": usage.ru_maxrss / 1024}


def told(found: dict[str, Any]) -> Iterator[Table | str]:
    """The figures for the terminal."""
    table = Table(box=None, title="predict on a CPU", title_justify="left", title_style="bold")
    for heading in ("", "words/s", f"{next(iter(found['sides']))} is faster", "memory, MB"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, row in found["sides"].items():
        rate, ratio = f"{row['words a second']:,.0f}", f"{row['times slower']:.2f}"
        table.add_row(name, rate, ratio, f"{row['memory']:,.0f}")
    yield table
    yield ""
    for name, share in found["of the limit"].items():
        side = found["sides"][name]
        yield (
            f"{name}: the encoder reads {side['sub-words a second']:,.0f} sub-words/s, "
            f"{share['GFLOP/s']:.0f} GFLOP/s; peaks of the machine: {share['peaks']}; everything else takes "
            f"{side['rest by encoder']:.1%} of its time; loaded in {side['load']:.2f} s"
        )
    late, start = found["latency"], found["startup"]
    yield (
        f"one sentence of 23-27 words: {late['median']:.1f} ms, "
        f"99th percentile {late['99th percentile']:.1f} ms ({late['sentences']} sentences)"
    )
    yield f"import kashif: {start['import']:.3f} s; kashif predict: at most {start['memory']:.0f} MB"
    for name, rows in found["growth"].items():
        rates = ", ".join(f"{r['size']:,}: {r['words a second']:,.0f} ({r['memory']:,.0f} MB)" for r in rows)
        yield f"words/s by {name}: {rates}"


def plot(found: dict[str, Any], path: Path) -> None:
    """Words a second by side, and by the size of the input."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "kashif", "font.size": 9}
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3), width_ratios=(3, 2))
    rates = {name: row["words a second"] for name, row in found["sides"].items()}
    bars = left.barh(
        list(rates), list(rates.values()), color=["#1b6" if n.startswith("kashif") else "#99a" for n in rates]
    )
    left.bar_label(bars, fmt="{:,.0f}", padding=3)
    left.invert_yaxis()
    left.set(xscale="log", xlabel="words a second, logarithmic", xlim=(None, 3 * max(rates.values())))
    for name, rows in found["growth"].items():
        right.plot([r["size"] for r in rows], [r["words a second"] for r in rows], marker="o", label=name)
    right.set(xscale="log", xlabel="size", ylabel="words a second", ylim=(0, None))
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description="how fast predict is on a CPU")
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sides", default=";".join(SIDES), help="divided by semicolons")
    arguments = parser.parse_args()
    names = [name for name in arguments.sides.split(";") if find_spec(PACKAGES.get(name, "kashif"))]
    for name in set(PACKAGES) - set(names):
        console.print(f"{name} is left out: not installed or not asked for")
    loaded = loading.load_each(("annotations/seeds", "annotations/newsroom"))
    texts = [document.text for part in loaded for document in part.documents]
    for notice in (notice for part in loaded for notice in part.notices):
        console.print(notice)
    chance = random.Random(0)
    chance.shuffle(texts)
    model = arguments.model
    peaks = json.loads(
        subprocess.check_output([sys.executable, str(HERE / "bench_sides.py"), "peak", str(model)])
    )
    sides = compare(model, names, texts, arguments.rounds)
    work = flop(model, 214)
    found = {
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {_processor()}",
        "articles": len(texts),
        "words": count(texts),
        "runtime": runtime.choose(model, "auto", device="cpu"),
        "export": json.loads((model / runtime.REPORT).read_text(encoding="utf-8"))
        if (model / runtime.REPORT).is_file()
        else None,
        "sides": sides,
        "of the limit": {
            name: {
                "GFLOP/s": row["sub-words a second"] * work / 1e9,
                "peaks": ", ".join(f"{kind} {value:.0f}" for kind, value in peaks.items()),
            }
            for name, row in sides.items()
            if "sub-words a second" in row
        },
        "latency": latency(model, texts),
        "startup": startup(model, texts),
        "growth": growth(model, texts, chance),
    }
    for line in told(found):
        console.print(line)
    reports = HERE / "reports"
    text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
    (reports / "speed-predict.json").write_text(text, encoding="utf-8")
    plot(found, reports / "speed-predict.svg")
    console.print(f"wrote {reports}/speed-predict.json and .svg")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


if __name__ == "__main__":
    main()
