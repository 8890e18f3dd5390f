from __future__ import annotations

import re

from kashif.document import Document, Entity
from kashif.html import page


def test_mentions_stand_marked_in_the_text(article: Document) -> None:
    html = page([article])
    assert 'dir="rtl"' in html
    assert html.count("<mark ") == len(article.entities)
    [body] = re.findall(r"<p>(.*?)</p>", html, re.DOTALL)
    assert re.sub(r"<small>.*?</small>|<[^>]+>", "", body) == article.text


def test_spans_that_end_together_close_inside_out() -> None:
    text = "وزير روسي"
    document = Document("d", text, (Entity(1, 0, 9, "OCC", text), Entity(2, 5, 9, "NORP", "روسي")))
    assert "<small>NORP</small></mark><small>OCC</small></mark>" in page([document])


def test_text_is_escaped() -> None:
    document = Document("<d>", "<b>كيم", (Entity(1, 3, 6, "PERS", "كيم"),))
    html = page([document])
    assert "<b>" not in html
    assert "&lt;b&gt;<mark" in html
    assert "&lt;d&gt;" in html
