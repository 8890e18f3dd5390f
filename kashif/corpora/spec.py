"""A corpus as it is written: ``[FORMAT[+KEY=VALUE…]:]PATH[#SPLIT][@MAPPING]``.

SPLIT is a name from ``splits.yaml`` or a slice of the corpus's lines, such as ``0-80%``. A relative path
starts in the folder where the program was started.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import regex

from kashif import formats
from kashif.corpora import slices
from kashif.errors import Fault, InputError, nearest
from kashif.files import possible
from kashif.formats import Options, dataset
from kashif.formats.options import parse as parse_options

_SPEC = regex.compile(
    r"(?:(?P<format>[a-z][a-z-]*)(?P<options>(?:\+[^:+/]*)*):)?"
    r"(?P<path>[^#@]+)(?:#(?P<split>[^#@]+))?(?:@(?P<mapping>[^#@]+))?"
)
_REST = regex.compile(r"(?:#(?P<split>[^#@]+))?(?:@(?P<mapping>[^#@]+))?")
_FORMAT = regex.compile(r"([a-z][a-z-]*)((?:\+[^:+/]*)*):")
_VARIABLE = regex.compile(r"\$(KASHIF_DATA|KASHIF_SEEDS)\b")


@dataclass(frozen=True, slots=True)
class Spec:
    """A corpus as it is written in recipes and on the command line."""

    path: Path
    format: str | None = None
    split: str | None = None
    mapping: str | None = None
    options: Options = ()

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Reads ``[FORMAT[+KEY=VALUE…]:]PATH[#SPLIT][@MAPPING]``; a path that exists is taken as it is.

        ``$KASHIF_DATA`` and ``$KASHIF_SEEDS`` in the path are the environment's, ``~`` is the home folder.

        Raises:
            InputError: if the text is not of this form, a variable is not set or an option is not the
            format's.
        """
        whole = _VARIABLE.sub(lambda found: _folder(found[1], text), text)
        match = _FORMAT.match(whole)
        begins = [(None, "", 0)] + ([(match[1], match[2], match.end())] if match else [])
        ends = [i for i in range(len(whole), 0, -1) if whole[i : i + 1] in ("", "#", "@")]
        for format, written, begin in begins:
            for end in ends:
                rest, path = _REST.fullmatch(whole, end), _existing(whole[begin:end])
                if rest and path:
                    options = _options(format, written)
                    return cls(path, format, rest["split"], rest["mapping"], options)
        match = _SPEC.fullmatch(whole)
        if not match:
            raise InputError(f"'{text}' is no corpus; write [FORMAT:]PATH[#SPLIT][@MAPPING]")
        options = _options(match["format"], match["options"] or "")
        return cls(possible(Path(match["path"])), match["format"], match["split"], match["mapping"], options)

    @property
    def own_splits(self) -> tuple[str, ...]:
        """The splits that the corpus itself has, as a DatasetDict of Hugging Face does."""
        return dataset.splits(self.path) if formats.is_dataset(self.path, self.format) else ()

    @property
    def slice(self) -> slices.Slice | None:
        """The percentages that the split names, if it is a slice."""
        return slices.parse(self.split)


def _options(format: str | None, written: str) -> Options:
    """The options of a format; without any, a format that is not known is told with the files."""
    if not format or not written:
        return ()
    if format not in formats.FORMATS:
        raise InputError(f"{format}{written}: no format '{format}'; {nearest(format, formats.FORMATS)}")
    return parse_options(written, format, formats.FORMATS[format].options)


def _existing(text: str) -> Path | None:
    """The path that stands at a text, or at it below the home folder for ``~``, if there is one."""
    with suppress(ValueError):  # nobody has that name
        for path in (Path(text), Path(os.path.expanduser(text))):
            if text and os.path.lexists(path):
                return path
    return None


def _folder(variable: str, text: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise InputError(Fault(text, f"set {variable} to the folder that holds this corpus"))
    return str(Path(value).absolute())


def without_folders(text: str, notices: Iterable[str]) -> list[str]:
    """Notices of a corpus, with the variables of its text: reports keep them, and name no folder."""
    told = list(notices)
    for found in _VARIABLE.finditer(text):
        told = [notice.replace(_folder(found[1], text), found[0]) for notice in told]
    return told
