from __future__ import annotations

import re

from markupsafe import Markup

from kashif.document import Document, Entity
from kashif.formats.html import Mark, marked, page


def test_mentions_stand_marked_in_the_text(article: Document) -> None:
    html = "".join(page([article]))
    assert 'dir="rtl"' in html
    assert html.count("<mark ") == len(article.entities)
    [body] = re.findall(r"<p>(.*?)</p>", html, re.DOTALL)
    assert re.sub(r"<small>.*?</small>|<[^>]+>", "", body) == article.text


def test_spans_that_end_together_close_inside_out() -> None:
    text = "وزير روسي"
    document = Document("d", text, (Entity(1, 0, 9, "OCC", text), Entity(2, 5, 9, "NORP", "روسي")))
    assert "<small>NORP</small></mark><small>OCC</small></mark>" in "".join(page([document]))


def test_text_is_escaped() -> None:
    document = Document("<d>", "<b>كيم", (Entity(1, 3, 6, "PERS", "كيم"),))
    html = "".join(page([document]))
    assert "<b>" not in html
    assert "&lt;b&gt;<mark" in html
    assert "&lt;d&gt;" in html


def test_marks_that_cross_are_drawn_whole_and_labelled_once() -> None:
    marks = [Mark(0, 4, "A", Markup("a")), Mark(2, 6, "B", Markup("b"))]
    html = marked("0123456789", marks)
    assert html == ("<mark a>01<mark b>23</mark><small>A</small></mark><mark b>45<small>B</small></mark>6789")
    # Cut at a sentence's edges, a mark keeps its part inside.
    assert marked("0123456789", marks, 3, 5) == (
        "<mark a><mark b>3</mark><small>A</small></mark><mark b>4<small>B</small></mark>"
    )
