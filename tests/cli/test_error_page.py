from __future__ import annotations

import re
from collections.abc import Sequence

from kashif.cli.error_page import page
from kashif.document import Document, Entity, Relation
from kashif.evaluation.analysis import Analysis, analyse, tally
from kashif.evaluation.scoring import score
from kashif.scheme import Scheme

TEXT = "زار كيم <NATO> في أوسلو.\nلا خطأ هنا.\nوصل كيم.\n"


def document(spans: Sequence[tuple[str, int, str]], *relations: Relation) -> Document:
    found = []
    for id, (mention, nth, label) in enumerate(spans, start=1):
        start = [match.start() for match in re.finditer(mention, TEXT)][nth]
        found.append(Entity(id, start, start + len(mention), label, mention))
    return Document("<d>", TEXT, tuple(found), relations)


GOLD = document(
    [("كيم", 0, "PERS"), ("NATO", 0, "ORG"), ("أوسلو", 0, "GPE"), ("كيم", 1, "PERS")],
    Relation("visits", 1, 3),
    Relation("visits", 4, 3),
)
GUESS = document(
    [("كيم", 0, "PERS"), ("NATO", 0, "GPE"), ("أوسلو", 0, "GPE"), ("كيم", 1, "PERS")],
    Relation("attacks", 1, 3, 0.75),
)


def shown(analysis: Analysis, scheme: Scheme) -> str:
    errors = tally([analysis])
    report = score([analysis.gold], [analysis.predicted], name="news", scheme=scheme, errors=errors)
    return page("model", [report], analyses=[[analysis]])


def test_each_error_stands_in_its_sentence_gold_beside_predicted(scheme: Scheme) -> None:
    html = shown(analyse(GOLD, GUESS, scheme=scheme), scheme)
    first, second = re.findall(r"<section.*?</section>", html, re.DOTALL)
    gold, predicted = (
        re.sub(r"<small>.*?</small>|<[^>]+>", "", line) for line in re.findall(r"<p .*?</p>", first)
    )
    assert gold == predicted == "زار كيم &lt;NATO&gt; في أوسلو."
    assert '<mark class="type-wrong" title="ORG: type wrong">NATO<small>ORG</small></mark>' in first
    assert '<mark class="type-wrong" title="GPE: type wrong">NATO<small>GPE</small></mark>' in first
    assert first.count('<mark class="right"') == 4
    assert "&lt;d&gt;</bdi>, line 1" in first
    rows = [
        " ".join(re.sub(r"<[^>]+>", " ", row).split())
        for row in re.findall(r"<tr>.*?</tr>", first + second, re.DOTALL)
    ]
    assert rows == [
        "wrong label 0.75 كيم PERS ←&#8202;attacks&#8202;— أوسلو GPE predicted",
        "wrong label كيم PERS ←&#8202;visits&#8202;— أوسلو GPE gold",
        "not predicted كيم PERS ←&#8202;visits&#8202;— أوسلو GPE, 2 sentence(s) back gold",
    ]


def test_the_filter_knows_the_label_and_cause_of_every_error(scheme: Scheme) -> None:
    analysis = analyse(GOLD, GUESS, scheme=scheme)
    html = shown(analysis, scheme)
    told = [line for data in re.findall(r'data-errors="(.*?)"', html, re.DOTALL) for line in data.split("\n")]
    assert sorted(told) == sorted(f"{error.item[0]}\t{error.cause}" for error in analysis.errors)
    options = dict(re.findall(r'<option value="([^"]+)">[^(]*\((\d+)\)', html))
    assert (options["visits"], options["wrong label"], options["type wrong"]) == ("2", "2", "2")
    assert r'split("\n")' in html
    assert r'split("\t")' in html


def test_a_page_without_errors_says_so(scheme: Scheme) -> None:
    html = shown(analyse(GOLD, GOLD, scheme=scheme), scheme)
    assert "<section" not in html
    assert "No errors." in html
