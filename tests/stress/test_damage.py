"""Files that are cut, flipped, zeroed, emptied or another's: each is told, or what comes out is right."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from subprocess import CompletedProcess

import pytest
from helpers import ARTICLE, FOREIGN, SCHEME, recipe
from kills import contents

from kashif.document import Document
from kashif.modeling import predictor as predictors
from kashif.training import exporting
from kashif.training.train import train

Run = Callable[..., CompletedProcess[bytes]]
FLIPS = [1, pytest.param(int(os.environ.get("STRESS_FLIPS", "20")), marks=pytest.mark.stress)]
"""How many bits, each of a copy of its own, are flipped in a file."""
SETTINGS = ("config.json", "tokenizer.json", "tokenizer_config.json")
"""Files of a model folder that no digest vouches for: who changes a number in one gets other answers."""


def damages(content: bytes, other: bytes, flips: int) -> Iterator[tuple[str, bytes]]:
    """What may become of a file, each with a name; ``other`` is the content of another file."""
    half = len(content) // 2
    yield f"cut at {half}", content[:half]
    if flips > 1:
        yield "emptied", b""
        for length in (1, half // 2, len(content) - 1):
            yield f"cut at {length}", content[:length]
        yield "zeros", bytes(len(content))
        yield "zeros behind", content[:half] + bytes(len(content) - half)
        yield "another's", other
    random = Random(0)
    for _ in range(flips):
        bit = random.randrange(8 * len(content))
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit}", bytes(flipped)


def told(done: CompletedProcess[bytes], what: str) -> None:
    """A command ended well or with a message; a traceback would have been raised, or stand there."""
    assert done.returncode in (0, 1, 2), what
    assert b"Traceback" not in done.stderr, what
    assert not done.returncode or done.stderr or done.stdout, what


@pytest.mark.parametrize("flips", FLIPS)
def test_files_of_a_model(run: Run, trained: Path, tmp_path: Path, flips: int) -> None:
    project = tmp_path / "project"
    shutil.copytree(trained.parent.parent, project, ignore=shutil.ignore_patterns("checkpoints"))
    folder, corpus = project / "models" / "tiny", project / "annotations" / "two"
    text = tmp_path / "a.txt"
    text.write_text(ARTICLE.partition("---")[0], encoding="utf-8")
    runtimes = ["torch"]
    if flips > 1:
        exporting.export(folder, int8=False)
        runtimes += ["auto", "onnx", "openvino"]

    def answer(runtime: str) -> tuple[CompletedProcess[bytes], set[tuple[int, int, str]]]:
        done = run("predict", text, "--model", folder, "--runtime", runtime)
        found = Document.from_json(done.stdout.decode()).entities if not done.returncode else ()
        return done, {entity.key for entity in found}

    right = {runtime: answer(runtime)[1] for runtime in runtimes}
    assert all(right.values())
    parameters = {
        k: v.clone() for k, v in predictors.load(folder, runtime="torch").model.state_dict().items()
    }
    for name, content in contents(folder).items():
        other = next(other for key, other in contents(folder).items() if key != name)
        for how, damaged in damages(content, other, flips):
            what = f"{name}: {how}"
            (folder / name).write_bytes(damaged)
            for runtime in runtimes:
                done, found = answer(runtime)
                told(done, what)
                if not done.returncode and name not in SETTINGS:
                    assert found == right[runtime], what
                elif not done.returncode and runtime == "torch":
                    now = predictors.load(folder, runtime="torch").model.state_dict()
                    assert all(value.equal(now[key]) for key, value in parameters.items()), what
            if flips > 1:
                told(run("score", folder, corpus), what)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("flips", FLIPS)
def test_files_of_a_checkpoint(tiny_encoder: Path, project: Path, flips: int, run: Run) -> None:
    settings, folder, part = recipe(tiny_encoder, epochs=3), project / "m", project / "part"
    train(settings, project / "whole")
    whole = contents(project / "whole")

    def stop(line: str) -> None:
        if line.startswith("epoch   3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, part, say=stop)
    (project / "m.yaml").write_text(settings.dump(), encoding="utf-8")
    last = max(part.glob("checkpoints/checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    files = sorted([*last.iterdir(), part / "checkpoints" / "run.json"])
    if flips == 1:
        files = [last / name for name in ("model.safetensors", "optimizer.pt", "trainer_state.json")]
    for file in files:
        for how, damaged in damages(file.read_bytes(), files[0].read_bytes(), flips):
            what = f"{file.name}: {how}"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(part, folder)
            (folder / file.relative_to(part)).write_bytes(damaged)
            done = run("train", project / "m.yaml", "--output", folder, "--resume", cwd=project)
            told(done, what)
            if not done.returncode:
                now = contents(folder)
                assert now["model.safetensors"] == whole["model.safetensors"], what
                assert now["config.json"] == whole["config.json"], what


RECIPE = "train: [annotations/news]\nencoder: {encoder}\nepochs: 1\nwindow: 64\nprecision: float32\n"
CORPORA = {
    "a.txt": ARTICLE,
    "a.ann": "T1\tPERS 4 7\tكيم\nR1\tmeets Arg1:T1 Arg2:T1\n",
    "a.jsonl": '{"id": "a", "text": "زار كيم", "entities": [{"id": 1, "start": 4, "end": 7, "label": "PERS"}]}\n',
    "a.conll": FOREIGN,
}


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize("name", CORPORA)
def test_files_of_a_corpus(run: Run, tmp_path: Path, name: str, flips: int) -> None:
    content, folder = CORPORA[name].encode(), tmp_path / "news"
    folder.mkdir()
    if name == "a.ann":
        (folder / "a.txt").write_text("زار كيم", encoding="utf-8")
    for how, damaged in damages(content, SCHEME.read_bytes(), flips):
        (folder / name).write_bytes(damaged)
        for command in ("check", "stats", "scheme"):
            told(run("corpus", command, folder), f"{name}: {how}")
        done = run("corpus", "convert", folder, "--format", "jsonl", "--output", tmp_path / "out.jsonl")
        told(done, f"{name}: {how}")


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize(
    "name", ["r.yaml", "annotations/scheme.yaml", "annotations/splits.yaml", "suite.yaml"]
)
def test_settings(run: Run, tiny_encoder: Path, project: Path, name: str, flips: int) -> None:
    (project / "suite.yaml").write_text("about: a\ncorpora: {n: annotations/news#train}\n", encoding="utf-8")
    (project / "r.yaml").write_text(RECIPE.replace("{encoder}", str(tiny_encoder)), encoding="utf-8")
    (project / "p.jsonl").write_text(
        "".join(json.dumps({"id": f"n{i}", "text": "x"}) + "\n" for i in range(4)), encoding="utf-8"
    )
    content = (project / name).read_bytes()
    for how, damaged in damages(content, ARTICLE.encode(), flips):
        (project / name).write_bytes(damaged)
        if name == "r.yaml":
            done = run(
                "train", "r.yaml", "--output", "m", "--set", "epochs=1", "--set", "train=[none]", cwd=project
            )
        elif name == "suite.yaml":
            done = run("score", "p.jsonl", "suite.yaml", cwd=project)
        else:
            done = run("corpus", "check", "annotations/news#train", cwd=project)
        told(done, f"{name}: {how}")
