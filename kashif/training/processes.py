"""Several processes that train one model, as torchrun starts them; alone, one does everything.

The first speaks, predicts the development articles and writes; the others take from it what it found.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from kashif.errors import InputError

Value = TypeVar("Value")


def count() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_first() -> bool:
    """Whether this process is the one that speaks and writes."""
    return int(os.environ.get("RANK", 0)) == 0


def refuse_several(command: str) -> None:
    """Raises InputError if there are several processes, for a command that one process runs."""
    if count() > 1:
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
