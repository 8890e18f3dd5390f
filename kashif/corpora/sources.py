"""What is read for a corpus, so that no command writes there: files, folders, texts, splits, schemes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from kashif.corpora import texts
from kashif.corpora.loading import files_of
from kashif.corpora.spec import Spec
from kashif.errors import InputError
from kashif.formats import FORMATS

_BESIDE = ("splits.yaml", "scheme.yaml")


def sources(corpora: Iterable[str]) -> list[Path]:
    """The paths that corpora are read from, whether anything stands there or not.

    Raises:
        InputError: for what is no corpus by its form.
    """
    found: list[Path] = []
    for spec in map(Spec.parse, corpora):
        found.append(spec.path)
        found += (folder / name for folder in spec.path.absolute().parents[:3] for name in _BESIDE)
        with suppress(InputError):  # told when the corpus is read
            for format, file in files_of(spec):
                found += [file, *texts.sources(file, format)]
                if FORMATS[format].tree and file.is_dir():
                    found += (path for path in file.rglob("*") if path.is_dir())
    return found
