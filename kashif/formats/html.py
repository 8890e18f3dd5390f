"""Documents as one page of HTML: every mention in its sentence, right to left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jinja2 import Environment
from markupsafe import Markup, escape

from kashif.controls import visible_on_page
from kashif.document import Document

HEAD = """<!doctype html>
<html lang="ar" dir="rtl">
<meta charset="utf-8">
<title>كاشف</title>
"""
"""How every page begins."""
_PAGE = (
    HEAD
    + """<style>
 body { font: 1.15rem/2.3 "Noto Naskh Arabic", "Amiri", serif;
        max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
 article p { white-space: pre-wrap; margin: 0 }
 mark { background: hsl(var(--hue) 80% 90%); border-bottom: 2px solid hsl(var(--hue) 60% 45%);
        border-radius: .2em; padding: .1em .15em; color: inherit }
 mark > small { font: .6rem/1 sans-serif; color: hsl(var(--hue) 70% 30%); margin: 0 .3em;
        unicode-bidi: isolate; direction: ltr }
 table { border-collapse: collapse; margin: 1rem 0; font-size: 1rem; line-height: 1.5 }
 td, th { border-bottom: 1px solid #ddd; padding: .2rem .8rem; text-align: start }
 .label { font-family: sans-serif; font-size: .8rem; direction: ltr }
</style>
{% for document in documents %}
<article>
<h2 dir="auto">{{ document.id }}</h2>
<p>{{ shown(document) }}</p>
{% if document.relations %}
<table>
{% set entities = document.by_id() %}
{% for relation in document.relations %}
<tr><td>{{ entities[relation.head].text }}</td><td class="label">{{ relation.label }}</td>
<td>{{ entities[relation.tail].text }}</td></tr>
{% endfor %}
</table>
{% endif %}
</article>
{% endfor %}
</html>
"""
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to mark, the label behind it, and the attributes of its element."""

    start: int
    end: int
    label: str
    attributes: Markup


def page(documents: Iterable[Document], *, labels: Iterable[str] = ()) -> Iterator[str]:
    """The page that shows documents, piece by piece; each of the labels has a colour of its own."""
    known = sorted(set(labels))
    hues = {label: round(360 * index / len(known)) for index, label in enumerate(known)}

    def shown(document: Document) -> Markup:
        marks = [
            Mark(e.start, e.end, e.label, Markup('style="--hue: {}"').format(hues.get(e.label, 0)))
            for e in document.entities
        ]
        return marked(document.text, marks)

    pieces = Environment(autoescape=True).from_string(_PAGE).stream(documents=documents, shown=shown)
    pieces.enable_buffering(100)
    yield from map(visible_on_page, pieces)


def marked(text: str, marks: Iterable[Mark], begin: int = 0, stop: int | None = None) -> Markup:
    """``text[begin:stop]`` with its marks; one that crosses another is drawn in two parts, labelled once."""
    stop = len(text) if stop is None else stop
    waiting = sorted(
        (mark for mark in marks if mark.start < stop and mark.end > begin),
        key=lambda mark: (mark.start, -mark.end, mark.label),
    )
    places = {max(begin, mark.start) for mark in waiting} | {min(stop, mark.end) for mark in waiting}
    parts: list[Markup] = []
    opened: list[Mark] = []
    done = begin
    for place in sorted(places):
        parts.append(escape(text[done:place]))
        done = place
        again: list[Mark] = []
        while any(min(stop, mark.end) == place for mark in opened):
            inner = opened.pop()
            if min(stop, inner.end) == place:
                parts.append(Markup("<small>{}</small></mark>").format(inner.label))
            else:
                parts.append(Markup("</mark>"))
                again.insert(0, inner)
        while waiting and max(begin, waiting[0].start) == place:
            again.append(waiting.pop(0))
        for mark in again:
            parts.append(Markup("<mark {}>").format(mark.attributes))
            opened.append(mark)
    return Markup("").join([*parts, escape(text[done:stop])])
