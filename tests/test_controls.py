from __future__ import annotations

from kashif.controls import visible_on_page, visible_on_terminal

HOSTILE = "a\x1b[31mb\x07\x9b2J\x7f\x00\ud83dc\tذ\n"


def test_what_a_terminal_would_act_on_is_shown() -> None:
    assert visible_on_terminal(HOSTILE) == "a\\x1b[31mb\\x07\\x9b2J\\x7f\\x00\\ud83dc\tذ\n"
    assert (
        visible_on_terminal("a\r\u202eb\u202c\u2066\u2028\x85") == "a\\x0d\\u202eb\\u202c\\u2066\\u2028\\x85"
    )
    kept = "وَلَدٌ\u200f \u061c ك\u200cم \u2068x\u2069 \\x1b"
    assert visible_on_terminal(kept) == kept


def test_a_page_keeps_line_ends_and_directions() -> None:
    assert visible_on_page(HOSTILE) == visible_on_terminal(HOSTILE)
    assert visible_on_page("a\r\n\u202bb\u202c") == "a\r\n\u202bb\u202c"
