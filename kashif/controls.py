"""Control characters, made visible: what a terminal or a browser would act on instead of showing it."""

from __future__ import annotations

import re

_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff"
"""C0 and C1 but for tab and line ends, and lone surrogates."""
_PAGE = re.compile(f"[{_CONTROLS}]")
_TERMINAL = re.compile(rf"[{_CONTROLS}\r\u2028\u2029\u202a-\u202e\u2066\u2067]")
"""Also what turns the direction of a line, and what breaks it in some terminals."""


def visible_on_terminal(text: str) -> str:
    """A text whose control characters are escapes such as ``\\x1b``, but for tabs and newlines."""
    return _TERMINAL.sub(_escape, text)


def visible_on_page(text: str) -> str:
    """The same for HTML, which knows carriage returns, and keeps turned directions inside an element."""
    return _PAGE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
