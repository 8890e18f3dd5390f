"""The commands that measure models on held-out articles."""

from __future__ import annotations

import json
import os
import platform
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from kashif.console import out, quiet_libraries, say, watched


def score(
    system: Annotated[Path, typer.Argument(help="a model folder, or predictions as JSON lines")],
    targets: Annotated[
        list[str], typer.Argument(help="corpora, or suites (.yaml)", metavar="CORPUS|SUITE.yaml…")
    ],
    json_file: Annotated[Path | None, typer.Option("--json", help="also write the report here")] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="also write a page that shows every error here")
    ] = None,
    seed: Annotated[int, typer.Option(help="seed of the bootstrap")] = 0,
) -> None:
    """Score a model, or another system's predictions, on held-out articles."""
    quiet_libraries()
    from kashif import error_page, suite, tables

    scored = suite.run(system, targets, seed, watch=watched)
    for report in scored.reports:
        for table in tables.report(report):
            out.print(table)
    for notice in scored.notices:
        say(notice)
    stamp = {"date": f"{date.today():%Y-%m-%d}", "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    name = system.resolve().name.removesuffix(".jsonl")
    row = {**stamp, "system": name, "seed": seed, **scored.row()}
    text = json.dumps(row, ensure_ascii=False, indent=2) + "\n"
    suites = [Path(target) for target in targets if target.endswith((".yaml", ".yml"))]
    reports = [path.parent / "reports" / f"{path.stem}-{name}.json" for path in suites]
    for path in [json_file, *reports] if json_file else reports:
        _write(path, text)
    if html_file:
        _write(html_file, error_page.page(name, scored.reports, scored.analyses))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")
    say(f"wrote {path}")
