from __future__ import annotations

import json
import re

import pytest
from helpers import ROOT


def test_the_snippet_prints_what_the_readme_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    [printed] = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    monkeypatch.delenv("KASHIF_MODEL", raising=False)
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out == printed


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
        f"{value:.3f} ({measure['interval'][0]:.3f}–{measure['interval'][1]:.3f})"
        for report in reports
        for corpus in report.get("reports", ())
        for measure in (*corpus["measures"].values(), *corpus["calibration"].values())
        if (value := measure.get("f1", measure.get("ece"))) is not None and measure.get("interval")
    }
    assert len(shown) > 10
    assert set(shown) <= measured
