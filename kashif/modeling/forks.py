"""A fork of a process that has used torch lacks its threads, and would wait for them: it takes one thread."""

from __future__ import annotations

import os

import torch

_FIRST = os.getpid()


def is_fork() -> bool:
    """Whether this process is a fork of the one that loaded torch."""
    return os.getpid() != _FIRST


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
