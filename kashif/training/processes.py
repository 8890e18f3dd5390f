"""Several processes that train one model, as torchrun starts them; alone, one does everything.

The first speaks, predicts the development articles and writes; the others take from it what it found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TypeVar

from kashif.errors import Fault, InputError

Value = TypeVar("Value")


def count() -> int:
    """How many processes there are.

    Raises:
        InputError: if the environment gives no such number.
    """
    return _number("WORLD_SIZE", 1, least=1)


def is_first() -> bool:
    """Whether this process is the one that speaks and writes, which one that is alone always is.

    Raises:
        InputError: if the environment does not say which of several it is.
    """
    return count() == 1 or _number("RANK", 0, least=0) == 0


def _number(name: str, default: int, *, least: int) -> int:
    """A whole number of the environment."""
    text = os.environ.get(name, str(default))
    if not re.fullmatch("-?[0-9]{1,9}", text.strip()) or int(text) < least:
        message = f"expected a whole number from {least} on, found {text!r:.40}"
        raise InputError(Fault(f"${name}", f"{message}; torchrun sets it, without torchrun unset it"))
    return int(text)


def refuse_several(command: str) -> None:
    """Refuses several processes for a command other than ``train``, which runs in one.

    Raises:
        InputError: for several, or if the environment does not say how many there are and which this is.
    """
    is_first()
    for name in ("RANK", "LOCAL_RANK"):  # -1 is none, as the libraries take it
        _number(name, 0, least=-1)
    if command != "train" and count() > 1:
        raise InputError(f"torchrun: `kashif {command}` runs in one process; only `kashif train` in several")


def from_first(compute: Callable[[], Value]) -> Value:
    """What ``compute`` gives in the first process; all processes call this, and get it or its error."""
    if count() == 1:
        return compute()
    import torch

    outcome: list[tuple[Value | None, Exception | None]] = [(None, None)]
    if is_first():
        try:
            outcome = [(compute(), None)]
        except Exception as error:
            outcome = [(None, error)]
    torch.distributed.broadcast_object_list(outcome)
    value, raised = outcome[0]
    if raised is not None:
        raise raised
    return value  # type: ignore[return-value]
