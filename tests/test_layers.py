"""The floors of the house: each imports only from those below it, and the lower ones know no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from helpers import ROOT

FLOORS = ["", "formats", "corpora", "modeling", "evaluation", "training", "cli"]
"""From the ground up; the ground floor is the modules of the package itself."""
FACE = {"__init__.py", "__main__.py"}
"""The public face stands before all floors."""


def floor(module: str) -> int:
    """The floor of a dotted name that begins with ``kashif``."""
    part = module.split(".")[1] if "." in module else ""
    return FLOORS.index(part) if part in FLOORS else 0


def imported(path: Path) -> set[str]:
    """The modules of kashif that a file imports, also inside functions; ``from kashif import x`` as ``kashif.x``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found |= {name for name in names if name.split(".")[0] == "kashif"}
    return found


def test_each_floor_imports_only_from_those_below_it() -> None:
    package = ROOT / "kashif"
    wrong = []
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        if place.as_posix() in FACE:
            continue
        own = FLOORS.index(place.parts[0]) if len(place.parts) > 1 else 0
        wrong += [f"{place} imports {name}" for name in sorted(imported(path)) if floor(name) > own]
    assert not wrong


def test_every_folder_is_a_floor_and_no_file_is_long() -> None:
    package = ROOT / "kashif"
    assert {path.parent.name for path in package.glob("*/__init__.py")} == set(FLOORS) - {""}
    lines = {path.name: path.read_text(encoding="utf-8").count("\n") for path in package.rglob("*.py")}
    assert {name: count for name, count in lines.items() if count > 350} == {}


def loads(code: str) -> str:
    """What of torch and transformers a fresh process has loaded after running ``code``."""
    tail = "\nimport sys\nprint(*sorted({'torch', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_documents_windows_decoding_scores_and_statistics_know_no_torch() -> None:
    package = ROOT / "kashif"
    names = ["modeling.windows", "modeling.alignment", "modeling.decoding"]
    for part in ("corpora", "formats", "evaluation"):
        names += [f"{part}.{path.stem}" for path in (package / part).glob("*.py") if path.stem != "__init__"]
    names.remove("evaluation.systems")
    assert len(names) > 20
    assert loads("\n".join(f"import kashif.{name}" for name in names)) == ""


def test_the_package_itself_loads_nothing_heavy() -> None:
    assert loads("import kashif\nassert kashif.__version__ and 'predict' in dir(kashif)") == ""
    assert loads("import kashif\nkashif.Document, kashif.Scheme, kashif.Recipe, kashif.InputError") == ""
