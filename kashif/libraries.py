"""The libraries that Kashif stands on, kept quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


def quiet_libraries() -> None:
    """Turns off the load reports of transformers, and its progress bars where output is no terminal."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    if not sys.stderr.isatty():
        logging.disable_progress_bar()


@contextmanager
def silent_libraries(silent: bool = True) -> Iterator[None]:
    """No load reports and no progress bars of transformers inside, and its settings as before outside."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    if silent:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if silent:
            logging.set_verbosity(verbosity)
            if bars:
                logging.enable_progress_bar()
