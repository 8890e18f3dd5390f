"""Documents as one page of HTML: every mention in its sentence, right to left."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment
from markupsafe import Markup, escape

from kashif.document import Document

_PAGE = """<!doctype html>
<html lang="ar" dir="rtl">
<meta charset="utf-8">
<title>كاشف</title>
<style>
 body { font: 1.15rem/2.3 "Noto Naskh Arabic", "Amiri", serif;
        max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
 article p { white-space: pre-wrap; margin: 0 }
 mark { background: hsl(var(--hue) 80% 90%); border-bottom: 2px solid hsl(var(--hue) 60% 45%);
        border-radius: .2em; padding: .1em .15em; color: inherit }
 mark > small { font: .6rem/1 sans-serif; color: hsl(var(--hue) 70% 30%); margin-inline-start: .25em;
        unicode-bidi: isolate; direction: ltr }
 table { border-collapse: collapse; margin: 1rem 0; font-size: 1rem; line-height: 1.5 }
 td, th { border-bottom: 1px solid #ddd; padding: .2rem .8rem; text-align: start }
 .label { font-family: sans-serif; font-size: .8rem; direction: ltr }
</style>
{% for document in documents %}
<article>
<h2 dir="auto">{{ document.id }}</h2>
<p>{{ marked(document) }}</p>
{% if document.relations %}
<table>
{% for relation in document.relations %}
<tr><td>{{ document.entity(relation.head).text }}</td><td class="label">{{ relation.label }}</td>
<td>{{ document.entity(relation.tail).text }}</td></tr>
{% endfor %}
</table>
{% endif %}
</article>
{% endfor %}
</html>
"""


def page(documents: Sequence[Document]) -> str:
    """The page that shows the documents."""
    labels = sorted({entity.label for document in documents for entity in document.entities})
    hues = {label: round(360 * index / len(labels)) for index, label in enumerate(labels)}

    def marked(document: Document) -> Markup:
        places: dict[int, tuple[list[str], list[str]]] = {}
        for entity in sorted(document.entities, key=lambda item: (item.start, -item.end)):
            opening = f'<mark style="--hue: {hues[entity.label]}">'
            places.setdefault(entity.start, ([], []))[1].append(opening)
            closing = f"<small>{escape(entity.label)}</small></mark>"
            places.setdefault(entity.end, ([], []))[0].insert(0, closing)  # the inner one closes first
        parts, done = [], 0
        for place in sorted(places):
            parts += [str(escape(document.text[done:place])), *places[place][0], *places[place][1]]
            done = place
        return Markup("".join(parts)) + escape(document.text[done:])

    template = Environment(autoescape=True).from_string(_PAGE)
    return template.render(documents=documents, marked=marked)
