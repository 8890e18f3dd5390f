"""Fixtures: a tiny encoder and model, small documents, the scheme, the command line. Nothing is fetched."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: a test that fetches fails
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from helpers import ARTICLE, ROOT, SCHEME, add_scheme, another, make_encoder, recipe
from hypothesis import settings
from transformers import IntervalStrategy

from kashif.cli.app import main
from kashif.corpora import loading
from kashif.document import Document
from kashif.formats import plain
from kashif.scheme import Scheme

settings.register_profile("the same each time", derandomize=True, deadline=None)
settings.register_profile("fresh", deadline=None, print_blob=True)
settings.load_profile("the same each time")  # `--hypothesis-profile fresh` tries other examples each time


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tells what of the annotated articles the tests could not read."""
    for notice in loading.load(str(ROOT / "annotations" / "seeds")).notices:
        terminalreporter.write_line(notice, yellow=True)


@pytest.fixture(scope="session")
def scheme() -> Scheme:
    return Scheme.load(SCHEME)


@pytest.fixture
def article(tmp_path: Path) -> Document:
    """A small annotated article with nesting, proclitics and relations."""
    path = tmp_path / "a1.txt"
    path.write_text(ARTICLE, encoding="utf-8")
    return plain.read(path)[0].document


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder"), [ARTICLE])


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture(scope="session")
def trained(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model trained until it knows one article by heart.

    Its training article ``a1`` stands in ``annotations/one`` two folders above, its development article
    ``a2``, the same marks in another text, in ``annotations/two``. Both are in the repository's own scheme.
    """
    from kashif.training import checkpoints
    from kashif.training.data import gather
    from kashif.training.train import build_trainer, finish

    base = tmp_path_factory.mktemp("project")
    for name, text in (("one/a1.txt", ARTICLE), ("two/a2.txt", another(1))):
        file = base / "annotations" / name
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    add_scheme(base / "annotations")
    settings = recipe(
        tiny_encoder,
        train=[str(base / "annotations" / "one")],
        development=[str(base / "annotations" / "two")],
        epochs=60,
        patience=60,
        batch_size=4,
        window=128,
        encoder_learning_rate=3e-3,
        head_learning_rate=1e-2,
        dropout=0.0,
    )
    output = base / "models" / "tiny"
    trainer = build_trainer(settings, gather(settings), folder=output / checkpoints.FOLDER)
    # The first epoch without a fault would be kept, too unsure for another processor to agree: judge the last.
    trainer.args.eval_strategy = trainer.args.save_strategy = IntervalStrategy.STEPS
    trainer.args.eval_steps = trainer.args.save_steps = settings.epochs
    trainer.train()
    return finish(trainer, output).folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the corpus ``annotations/news``, its splits and our scheme; the test runs in it."""
    folder = tmp_path / "annotations" / "news"
    folder.mkdir(parents=True)
    for index in range(4):
        (folder / f"n{index}.txt").write_text(another(index), encoding="utf-8")
    splits = "news:\n  train: [n0, n1]\n  development: [n2]\n  held-out: [n3]\n"
    (tmp_path / "annotations" / "splits.yaml").write_text(splits, encoding="utf-8")
    add_scheme(tmp_path / "annotations")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., CompletedProcess[bytes]]:
    """Runs the command line in this process, from the repository unless told otherwise."""

    def call(*arguments: str | Path, stdin: bytes = b"", cwd: Path = ROOT) -> CompletedProcess[bytes]:
        command = ["kashif", *map(str, arguments)]
        monkeypatch.delenv("KASHIF_MODEL", raising=False)
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        return CompletedProcess(command, int(stop.value.code or 0), *capsysbinary.readouterr())

    return call
