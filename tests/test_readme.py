from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers import ROOT

from kashif.document import Document


def test_the_snippet_runs(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code runs, here on a tiny model; its output is that of a report, see below."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    monkeypatch.setenv("KASHIF_MODEL", str(trained))
    exec(compile(snippet, "README.md", "exec"), {})
    for line in capsys.readouterr().out.splitlines():
        assert "\t" in line


def test_the_printed_output_is_that_of_a_committed_report() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    [printed] = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    line = (ROOT / "eval" / "reports" / "readme.jsonl").read_text(encoding="utf-8")
    document = Document.from_json(line)
    assert f'"{document.text}"' in snippet
    mention = {entity.id: entity.text for entity in document.entities}
    lines = [f"{entity.label}\t{entity.text}" for entity in document.entities]
    lines += [f"{r.label}\t{mention[r.head]}\t{mention[r.tail]}" for r in document.relations]
    assert printed.splitlines() == lines


def test_every_file_that_the_readme_links_to_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    assert links
    for link in links:
        assert link.startswith("http") or (ROOT / link).exists(), link


def test_every_figure_of_the_table_is_that_of_a_committed_report() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"\d\.\d{3} \(\d\.\d{3}–\d\.\d{3}\)", readme)
    reports = [json.loads(file.read_text("utf-8")) for file in (ROOT / "eval" / "reports").glob("*.json")]
    measured = {
        f"{measure['f1']:.3f} ({measure['interval'][0]:.3f}–{measure['interval'][1]:.3f})"
        for report in reports
        for corpus in report.get("reports", ())
        for measure in corpus["measures"].values()
        if measure.get("f1") is not None and measure["interval"]
    }
    assert len(shown) > 10
    assert set(shown) <= measured
