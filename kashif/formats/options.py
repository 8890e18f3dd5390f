"""Options of a format: ``FORMAT+key=value:PATH`` in the name of a corpus."""

from __future__ import annotations

from collections.abc import Mapping

import regex

from kashif.errors import InputError

Option = tuple[regex.Pattern[str], str]
"""What the values of an option look like; the option as it is written, and what it says."""
Options = tuple[tuple[str, str], ...]
"""The options that were given, and their values."""


def parse(written: str, format: str, known: Mapping[str, Option]) -> Options:
    """The options in ``+key=value+key=value``; nothing in an empty text.

    Raises:
        InputError: for options and values that the format does not have; it names those it has.
    """
    told = " and ".join(about for _, about in known.values())
    told = f"{format} takes {told}" if known else f"{format} takes no options"
    found: dict[str, str] = {}
    for part in written.split("+")[1:]:
        key, equals, value = part.partition("=")
        if key not in known:
            raise InputError(f"{format}{written}: no option '{key}'; {told}")
        if not equals or not known[key][0].fullmatch(value):
            raise InputError(f"{format}{written}: '{value}' is no value of '{key}'; {told}")
        if key in found:
            raise InputError(f"{format}{written}: '{key}' stands twice; keep one")
        found[key] = value
    return tuple(found.items())
