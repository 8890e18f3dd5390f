"""The one error that a user can cause, with the faults it lists, and that of work that failed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MOST_KNOWN = 30
"""So many names a message lists."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in an input: where it is, what it is, what to do about it.

    ``document`` is an id where a file holds several documents and no line tells which.
    """

    where: str
    message: str
    line: int = 0
    document: str = ""

    @property
    def order(self) -> tuple[str, int, str, str]:
        """What faults are sorted by: file, line, document, message."""
        return self.where, self.line, self.document, self.message

    @property
    def place(self) -> str:
        """The file, and the line or the document in it as far as they are known."""
        if self.line:
            return f"{self.where}:{self.line}"
        return f"{self.where}, document '{self.document}'" if self.document else self.where

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class InputError(ValueError):
    """Input that the user has to mend; carries every fault found, not only the first."""

    def __init__(self, faults: Sequence[Fault] | Fault | str) -> None:
        if isinstance(faults, str):
            faults = Fault("kashif", faults)
        self.faults = [faults] if isinstance(faults, Fault) else list(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[InputError], tuple[list[Fault]]]:
        return type(self), (self.faults,)  # so it comes whole out of another process


class WorkError(RuntimeError):
    """Work that failed though its input can be read; the message says what is left and what to try."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its name where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def listed(names: Iterable[str], most: int = 5) -> str:
    """The first of some names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(count: int, noun: str) -> str:
    """A number of things, such as ``1 file`` or ``2,000 files``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that ends a message on an unknown name: the nearest known one, else all or the first."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {listed(names, most=_MOST_KNOWN)}"
