from __future__ import annotations

import json
from pathlib import Path

import pytest

from kashif.document import Document
from kashif.errors import InputError
from kashif.formats.inputs import Failure, Text
from kashif.formats.results import open_results
from kashif.formats.writing import Output


def begin(output: Output, *ids: str, run: str = "model") -> None:
    """A run that is cut short after the documents of these ids."""
    with open_results(output, run=run, resume=False) as results:
        for id in ids:
            results.add(Document(id, f"text of {id}"))


def left(output: Output, *ids: str) -> list[str]:
    """The ids that are left to a resumed run of the same model, which is cut short too."""
    with open_results(output, run="model", resume=True) as results:
        texts = [Text(id, f"text of {id}", "file") for id in ids]
        return [item.id for item in results.left(texts)]


def test_only_whole_documents_count(tmp_path: Path) -> None:
    output = Output.at(tmp_path / "out.jsonl", "jsonl")
    begin(output, "a", "b", "c")
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    for cut in range(len(whole)):
        file.write_bytes(whole[:cut])
        done = whole[:cut].count(b"\n")
        assert left(output, "a", "b", "c") == ["a", "b", "c"][done:]
        assert done == 0 or file.read_bytes() == b"".join(whole.splitlines(keepends=True)[:done])
    file.write_bytes(whole.replace(b'"b"', b"\x00\x00\x00"))
    assert left(output, "a", "b", "c") == ["b", "c"]


def test_a_run_is_resumed_by_the_same_model_alone(tmp_path: Path) -> None:
    output = Output.at(tmp_path / "out.jsonl", "jsonl")
    begin(output, "a", run="another model")
    with pytest.raises(InputError, match=r"is of another model, version, --threshold, .* which removes it"):
        left(output)
    begin(output, "b")  # a new run takes the place of the other
    assert len(list(tmp_path.iterdir())) == 1
    assert left(output, "a", "b") == ["a"]


def test_a_changed_text_is_a_failure_and_a_missing_one_is_counted(tmp_path: Path) -> None:
    output = Output.at(tmp_path / "out.jsonl", "jsonl")
    begin(output, "a", "b")
    with open_results(output, run="model", resume=True) as results:
        [failure] = results.left([Text("a", "changed", "file", 3)])
        assert isinstance(failure, Failure)
        assert str(failure.fault).startswith("file:3: its text is not the one that the run began with")
        assert results.unasked == 1
        assert results.written == 1
        results.finish(output, tell=print)  # the document of the old text was written
    assert [json.loads(line)["id"] for line in output.path.read_text(encoding="utf-8").splitlines()] == ["b"]


def test_a_changed_meta_is_a_failure(tmp_path: Path) -> None:
    """The output had the old one, though what came in had another."""
    output = Output.at(tmp_path / "out.jsonl", "jsonl")
    with open_results(output, run="model", resume=False) as results:
        results.add(Document("a", "text", meta={"url": "A", "n": {"y": 1.0, "x": "\ud83d"}}))
    with open_results(output, run="model", resume=True) as results:
        assert not list(
            results.left([Text("a", "text", "file", 3, {"n": {"x": "\ud83d", "y": 1.0}, "url": "A"})])
        )
        [failure] = results.left([Text("a", "text", "file", 3, {"url": "B"})])
        assert isinstance(failure, Failure)
        assert str(failure.fault).startswith("file:3: its meta is not the one that the run began with")


def test_two_processes_do_not_write_to_one_output(tmp_path: Path) -> None:
    output = Output.at(tmp_path / "out.jsonl", "jsonl")
    with open_results(output, run="model", resume=False) as results:
        for resume in (False, True):
            with (
                pytest.raises(InputError, match="another process is writing to it"),
                open_results(output, run="model", resume=resume),
            ):
                pass
        with open_results(output, run="another model", resume=False):
            pass  # whichever ends last has its place
        results.add(Document("a", ""))
        results.finish(output, tell=print)
    assert [file.name for file in tmp_path.iterdir()] == ["out.jsonl"]


def test_the_output_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_text("old", encoding="utf-8")
    (tmp_path / "real.jsonl").chmod(0o600)
    link = tmp_path / "link.jsonl"
    link.symlink_to("real.jsonl")
    output = Output.at(link, "jsonl")
    with open_results(output, run="model", resume=False) as results:
        results.add(Document("a", "\ud83d"))
        assert link.read_text(encoding="utf-8") == "old"
        results.finish(output, tell=print)
    assert link.is_symlink()
    assert (tmp_path / "real.jsonl").read_text(encoding="utf-8") == Document("a", "\ud83d").to_json() + "\n"
    assert (tmp_path / "real.jsonl").stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="there is nothing to resume"):
        left(output)
