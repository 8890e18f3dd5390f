"""The readers under atheris: whatever a file holds, it is read or refused with an ``InputError``.

Usage: ``fuzz_readers.py FOLDER -runs=N``; the folder keeps what covers new code, and begins with ``SEEDS``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

with atheris.instrument_imports(include=["kashif"]):
    from helpers import ARTICLE, FOREIGN, ROOT

    from kashif import formats
    from kashif.config import StrictModel
    from kashif.corpora import loading, slices, texts
    from kashif.corpora.provenance import SeenArticles
    from kashif.corpora.spec import Spec
    from kashif.errors import InputError
    from kashif.evaluation.suite import Suite
    from kashif.files import write_text
    from kashif.formats import inputs
    from kashif.scheme import Scheme
    from kashif.training.recipe import PretrainingRecipe, Recipe

KEPT = ("plain", "brat", "jsonl")
"""The formats that give back what they took."""
HANDLES = Path("/proc/self/fd")
WRITTEN = [name for name, entry in formats.FORMATS.items() if not entry.pack and name != "csv"]
"""The formats whose files are text that is read again."""
EVERY = 10_000
"""Executions from one count of the open files to the next."""

folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


def place(name: str, content: bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content)
    return path


def annotated(format: str) -> Callable[[bytes], None]:
    """Reads a format, writes what was read in one, and reads that again."""

    def run(content: bytes) -> None:
        if format == "brat":
            text, _, content = content.partition(b"\0")
            place("a.txt", text)
        path = place(f"a{formats.FORMATS[format].ending}", content)
        readings = texts.read(path, format)
        for reading in readings:
            rewritten(reading.document, WRITTEN[len(content) % len(WRITTEN)])
        slices.take(readings, (0, 50))

    return run


def rewritten(document: formats.Document, format: str) -> None:
    """Writes a document and reads it again: the same stands there, if the format holds it at all."""
    try:
        content, _ = formats.render(document, format)
    except InputError:
        return
    if format == "brat":
        write_text(folder / "b.txt", document.text)
    entry = formats.FORMATS[format]
    path = place(f"b{entry.ending}", (entry.frame[0] + content + entry.frame[2]).encode())
    try:
        again = formats.read(path, format)
    except InputError as error:
        if "UTF-16" in str(error):  # every second character was NUL
            return
        raise AssertionError(f"{format}: what was written is refused: {error}") from error
    if format in KEPT:
        [found] = [reading.document for reading in again]
        assert found.text == document.text, format
        assert {e.key for e in found.entities} == {e.key for e in document.entities}, format
        assert len(found.relations) == len(document.relations), format


def texts_of(name: str) -> Callable[[bytes], None]:
    """Reads texts to predict on."""

    def run(content: bytes) -> None:
        for item in inputs.read(inputs.find([place(name, content)])):
            assert isinstance(item, inputs.Text | inputs.Failure)

    return run


def settings(kind: type[StrictModel]) -> Callable[[bytes], None]:
    """Reads settings, which written are read again as the same."""

    def run(content: bytes) -> None:
        read = kind.load(place("a.yaml", content))
        assert kind.parse(read.dump(), "a.yaml") == read

    return run


def manifest_of_texts(content: bytes) -> None:
    """Reads standoff annotations whose text a manifest names."""
    place("manifest.json", content)
    (folder / "a.txt").unlink(missing_ok=True)
    try:
        texts.read(place("a.ann", b""), "brat")
    except texts.MissingText:
        pass
    finally:
        (folder / "manifest.json").unlink()


def manifest_of_model(content: bytes) -> None:
    """Reads what a model has seen."""
    place("manifest.json", content)
    try:
        SeenArticles.of(folder)
    finally:
        (folder / "manifest.json").unlink()


ROW = '{"id": "a", "text": "زار كيم", "entities": [{"id": 1, "start": 4, "end": 7, "label": "PERS", "score": 0.5}], "relations": [{"label": "x", "head": 1, "tail": 1}], "url": 1}\n'
DIGEST = "0" * 64
TARGETS: list[tuple[Callable[[bytes], None], list[str]]] = [
    (annotated("plain"), [ARTICLE, "[[كيم|PERS#1]]\r\n---\r\n"]),
    (annotated("brat"), ["زار كيم\0T1\tPERS 4 7\tكيم\nR1\tmeets Arg1:T1 Arg2:T1\n", "كيم\0A1\tNegation T1\n#1\tx T1\ty\n"]),
    (annotated("jsonl"), [ROW, ROW.replace("كيم", "\\ud800")]),
    (annotated("conll"), [FOREIGN, "-DOCSTART- O\nبوتين B-PERS I-X\n\n"]),
    (annotated("label-studio"), ['[{"data": {"text": "زار كيم"}, "annotations": [{"result": [{"id": "x", "type": "labels", "value": {"start": 4, "end": 7, "text": "كيم", "labels": ["P"]}}, {"type": "relation", "from_id": "x", "to_id": "x", "labels": ["r"]}]}]}]']),
    (annotated("doccano"), ['{"text": "زار كيم", "label": [[4, 7, "P"]]}\n', '{"text": "كيم", "entities": [{"id": 1, "label": "P", "start_offset": 0, "end_offset": 3}], "relations": [{"from_id": 1, "to_id": 1, "type": "r"}]}\n']),
    (annotated("prodigy"), ['{"text": "زار كيم", "spans": [{"start": 4, "end": 7, "label": "P"}], "answer": "accept"}\n']),
    (annotated("gliner"), ['[{"tokenized_text": ["زار", "كيم"], "ner": [[1, 1, "P"]], "relations": [[0, 0, "r"]]}]']),
    (annotated("webanno"), ["#FORMAT=WebAnno TSV 3.3\n#T_SP=custom.Span|label\n\n\n#Text=زار كيم\n1-1\t0-3\tزار\t_\t\n1-2\t4-7\tكيم\tP\t\n"]),
    (texts_of("a.txt"), [ARTICLE, "\ufeffنص"]),
    (texts_of("a.jsonl"), [ROW * 2, '{"text": ""}\n{"id": 7}\n']),
    (settings(Scheme), [(ROOT / "annotations" / "scheme.yaml").read_text("utf-8")[:1500], "entities: {A: a}\n"]),
    (settings(Recipe), [(ROOT / "train" / "quickstart.yaml").read_text("utf-8"), "train: [a]\nepochs: 1e3\n"]),
    (settings(PretrainingRecipe), ["texts: [a.txt]\ntrainer: {x: .inf}\n"]),
    (settings(Suite), ["about: a\ncorpora: {a: b#test}\n"]),
    (lambda content: loading.split_file(place("splits.yaml", content)) and None, ["a: {train: [n1, n2]}\n"]),
    (manifest_of_texts, [f'{{"variable": "X", "articles": [{{"id": "a", "source": "b.txt", "sha256": "{DIGEST}", "characters": 1}}]}}']),
    (manifest_of_model, ['{"train": {"articles": {"a": "b"}}, "development": {"articles": {}}}']),
    (lambda content: Spec.parse(content.decode("utf-8", "replace")) and None, ["brat:a#0-80%@b", "$KASHIF_DATA/a"]),
]  # fmt: skip
"""What is read, each with files to begin with; the first byte of an input chooses."""


def seed(corpus: Path) -> None:
    """Writes the files to begin with."""
    corpus.mkdir(parents=True, exist_ok=True)
    for index, (_, samples) in enumerate(TARGETS):
        for number, sample in enumerate(samples):
            (corpus / f"seed-{index}-{number}").write_bytes(bytes([index]) + sample.encode())


runs = 0
handles = 0


def execute(data: bytes) -> None:
    """One execution."""
    global runs, handles
    with suppress(InputError):
        TARGETS[data[0] % len(TARGETS)][0](data[1:]) if data else None
    runs += 1
    if runs % EVERY == 0:
        still = len(os.listdir(HANDLES)) if HANDLES.is_dir() else 0
        handles = handles or still
        assert still == handles, f"{still} files are open, there were {handles}"


if __name__ == "__main__":
    seed(Path(sys.argv[1]))
    atheris.Setup(sys.argv, execute)
    atheris.Fuzz()
