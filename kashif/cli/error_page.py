"""The errors of a system as one page of HTML: each in its sentence, gold beside predicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment
from markupsafe import Markup

from kashif.arabic import sentence_index, sentences
from kashif.controls import visible_on_page
from kashif.document import Document
from kashif.evaluation.analysis import CAUSES, Analysis, Error
from kashif.evaluation.counting import Item, entity_items
from kashif.evaluation.scoring import Report
from kashif.formats.html import Mark, marked

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Errors of {{ system }}</title>
<style>
 body { font: .9rem/1.5 system-ui, "Noto Sans", sans-serif; color: #222; max-width: 62rem;
        margin: 2rem auto; padding: 0 1rem }
 h1, h2 { font-weight: 600 }
 h2 { margin: 3rem 0 .3rem; border-bottom: 2px solid #222 }
 h3 { font-size: .8rem; font-weight: 400; color: #777; margin: 0 0 .3rem }
 table { border-collapse: collapse }
 td, th { padding: .15rem .7rem; text-align: start; font-weight: 400 }
 th { color: #777; font-size: .8rem }
 td { border-top: 1px solid #e4e4e4 }
 .number { text-align: end; font-variant-numeric: tabular-nums }
 .summary { display: flex; flex-wrap: wrap; gap: 1rem 4rem; align-items: start }
 .summary caption { text-align: start; white-space: nowrap; font-weight: 600; padding: .3rem .7rem }
 .legend { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .8rem; margin: 0 }
 .legend dd { margin: 0; color: #555 }
 form { position: sticky; top: 0; background: #fffffff2; padding: .6rem 0; z-index: 1;
        border-bottom: 1px solid #ddd; display: flex; gap: 1.2rem; align-items: baseline }
 form[hidden] { display: none }
 section { margin: 1.1rem 0; padding: .7rem 1rem; border: 1px solid #e0e0e0; border-radius: .5rem }
 .reading { display: grid; grid-template-columns: 1fr 4.6rem; gap: .6rem .8rem; align-items: baseline }
 .reading p { font: 1.15rem/2.2 "Noto Naskh Arabic", "Amiri", "Noto Sans Arabic", serif; margin: 0;
        white-space: pre-wrap; overflow-wrap: anywhere }
 .reading span { color: #777; font-size: .8rem }
 .relations { width: 100%; margin-top: .6rem }
 .relations td { padding: .25rem .4rem }
 .relations .mention { font: 1.05rem/1.6 "Noto Naskh Arabic", "Amiri", "Noto Sans Arabic", serif }
 .relations small { color: #777; font: .65rem/1 system-ui, sans-serif }
 .arrow { color: #555; white-space: nowrap; font: .8rem system-ui, sans-serif; margin: 0 .5rem }
 .side { width: 4.6rem; color: #777; font-size: .8rem }
 .cause { width: 13rem }
 mark, .tag { --hue: 0; --ink: hsl(var(--hue) 65% 42%); background: hsl(var(--hue) 85% 50% / .14);
        border-bottom: 2px solid var(--ink); border-radius: .2em; color: inherit; padding: .1em .15em }
 .tag { padding: .05em .45em; white-space: nowrap; font-size: .8rem; justify-self: start }
 mark > small { font: .6rem/1 system-ui, sans-serif; color: var(--ink); margin: 0 .3em;
        unicode-bidi: isolate; direction: ltr }
 mark.right, .tag.right { background: #0000000d; --ink: #999; border-bottom-style: dotted }
 .missed, .below-threshold, .not-predicted { --hue: 0 }
 .spurious { --hue: 35 }
 .boundary-wrong, .wrong-argument { --hue: 210 }
 .type-wrong, .wrong-label { --hue: 285 }
 .boundary-and-type-wrong { --hue: 245 }
 .head-missed, .tail-missed, .head-and-tail-missed { --hue: 330 }
 .pair-not-scored { --hue: 170 }
 .unreachable { --ink: #666; background: #0000001f; border-bottom-style: dashed }
</style>
{% macro tag(cause) %}<span class="tag {{ cause | replace(" ", "-") }}">{{ cause }}</span>{% endmacro %}
<h1>Errors of <bdi>{{ system }}</bdi></h1>
<p>Each sentence that holds an error, once with the gold marks and once with the predicted ones. What both
have is grey; a colour tells what is wrong with the gold item above or with the predicted one below.</p>
<dl class="legend">
<dt><span class="tag right">right</span></dt><dd>gold and predicted alike</dd>
{% for cause, meaning in causes.items() if cause in counts %}
<dt>{{ tag(cause) }}</dt><dd>{{ meaning }}</dd>
{% endfor %}
</dl>
<form hidden>
{% for name, options in (("label", labels), ("cause", counts)) %}
<label>{{ name }} <select name="{{ name }}"><option value="">all</option>
{% for option, count in options.items() %}
<option value="{{ option }}">{{ option }} ({{ count }})</option>
{% endfor %}
</select></label>
{% endfor %}
<output></output>
</form>
{% for part in parts %}
<h2><bdi>{{ part.report.name }}</bdi></h2>
<div class="summary">
{% for view in ("entities", "relations") if view in part.report.measures %}
{% set found = part.report.measures[view].counts %}
<table>
<caption>{{ view }}: F1 {{ share(found.f1) }}, precision {{ share(found.precision) }},
recall {{ share(found.recall) }}</caption>
<tr><th></th><th class="number">count</th><th class="number">share</th></tr>
{% for side, whole in (("missed", "gold"), ("spurious", "predicted")) %}
<tr><td>{{ side }}, of {{ whole }}</td>
<td class="number">{{ found.fn if side == "missed" else found.fp }}</td>
<td class="number">{{ share(missing(found.recall if side == "missed" else found.precision)) }}</td></tr>
{% for cause, (count, of) in part.report.causes(side, view).items() %}
<tr><td>&emsp;{{ tag(cause) }}</td>
<td class="number">{{ count }}</td><td class="number">{{ share(of) }}</td></tr>
{% endfor %}
{% endfor %}
</table>
{% endfor %}
</div>
{% for sentence in part.sentences %}
<section data-errors="{{ sentence.errors }}">
<h3><bdi>{{ sentence.document }}</bdi>, line {{ sentence.line }}</h3>
<div class="reading">
<p dir="rtl" lang="ar">{{ sentence.gold }}</p><span>gold</span>
<p dir="rtl" lang="ar">{{ sentence.predicted }}</p><span>predicted</span>
</div>
{% if sentence.relations %}
<table class="relations">
{% for row in sentence.relations %}
<tr><td class="cause">{{ tag(row.cause) }}{% if row.score is not none %}
 <small title="the system's probability">{{ "%.2f" | format(row.score) }}</small>{% endif %}</td>
<td class="mention" dir="rtl" lang="ar">
<bdi>{{ row.head[0] }}</bdi> <small dir="ltr">{{ row.head[1] }}</small>
<span class="arrow" dir="ltr">←&#8202;{{ row.label }}&#8202;—</span>
<bdi>{{ row.tail[0] }}</bdi> <small dir="ltr">{{ row.tail[1] }}{{ row.away }}</small></td>
<td class="side">{{ row.side }}</td></tr>
{% endfor %}
</table>
{% endif %}
</section>
{% else %}
<p>No errors.</p>
{% endfor %}
{% endfor %}
<script>
 const form = document.querySelector("form"), all = [...document.querySelectorAll("section")];
 function show() {
   const label = form.label.value, cause = form.cause.value;
   for (const section of all)
     section.hidden = !section.dataset.errors.split("\\n").some(error => {
       const [one, other] = error.split("\\t");
       return (!label || one === label) && (!cause || other === cause);
     });
   const shown = all.filter(section => !section.hidden).length;
   form.querySelector("output").value = `${shown} of ${all.length} sentences`;
 }
 form.hidden = false;
 form.addEventListener("change", show);
 show();
</script>
</html>
"""


@dataclass(frozen=True, slots=True)
class _Relation:
    """A row: the arguments as (mention, entity label); ``away`` tells of a tail in another sentence."""

    side: str
    label: str
    head: tuple[str, str]
    tail: tuple[str, str]
    away: str
    cause: str
    score: float | None


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence with errors; ``errors`` is a line ``label<tab>cause`` for each, which the filter reads."""

    document: str
    line: int
    gold: Markup
    predicted: Markup
    relations: list[_Relation]
    errors: str


def page(system: str, reports: Sequence[Report], *, analyses: Sequence[Sequence[Analysis]]) -> str:
    """The page that shows a system's errors, corpus by corpus; ``analyses`` go with the reports."""
    parts = [
        {"report": report, "sentences": [s for analysis in found for s in _sentences(analysis)]}
        for report, found in zip(reports, analyses, strict=True)
    ]
    errors = [error for found in analyses for analysis in found for error in analysis.errors]
    causes = Counter(error.cause for error in errors)
    template = Environment(autoescape=True, trim_blocks=True).from_string(_PAGE)
    rendered = template.render(
        system=system,
        parts=parts,
        causes=CAUSES,
        counts={cause: causes[cause] for cause in CAUSES if cause in causes},
        labels=dict(sorted(Counter(error.item[0] for error in errors).items())),
        share=lambda value: "–" if value is None else f"{value:.3f}",
        missing=lambda value: None if value is None else 1 - value,
    )
    return visible_on_page(rendered)


def _sentences(analysis: Analysis) -> Iterator[_Sentence]:
    """The sentences of a document with the errors that begin in them; a relation begins at its head."""
    text = analysis.gold.text
    spans = sentences(text)
    locate = sentence_index(spans)
    held: dict[int, list[Error]] = {}
    for error in analysis.errors:
        start = error.item[1] if error.view == "entities" else error.item[1][0]
        held.setdefault(locate(start), []).append(error)
    causes = {(error.side, error.item): error.cause for error in analysis.errors}
    gold = _marks(analysis.gold, "missed", causes)
    predicted = _marks(analysis.predicted, "spurious", causes)
    for index, errors in sorted(held.items()):
        begin, end = spans[index]
        end = begin + len(text[begin:end].rstrip())
        begin = end - len(text[begin:end].lstrip())
        yield _Sentence(
            analysis.gold.id,
            text.count("\n", 0, begin) + 1,
            marked(text, gold, begin, end),
            marked(text, predicted, begin, end),
            [
                _relation(text, error, locate(error.item[2][0]) - index)
                for error in errors
                if error.view == "relations"
            ],
            "\n".join(f"{error.item[0]}\t{error.cause}" for error in errors),
        )


def _marks(document: Document, side: str, causes: dict[tuple[str, Item], str]) -> list[Mark]:
    marks = []
    for item in entity_items(document):
        label, start, end = item
        cause = causes.get((side, item), "right")
        attributes = Markup('class="{}" title="{}"').format(cause.replace(" ", "-"), f"{label}: {cause}")
        marks.append(Mark(start, end, label, attributes))
    return marks


def _relation(text: str, error: Error, sentences_on: int) -> _Relation:
    label, head, tail = error.item
    mentions = [(" ".join(text[start:end].split()), kind) for start, end, kind in (head, tail)]
    side = "gold" if error.side == "missed" else "predicted"
    away = f", {abs(sentences_on)} sentence(s) {'on' if sentences_on > 0 else 'back'}" if sentences_on else ""
    return _Relation(side, label, mentions[0], mentions[1], away, error.cause, error.score)
