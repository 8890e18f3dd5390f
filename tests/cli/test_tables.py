from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console, RenderableType

from kashif.cli import tables
from kashif.corpora.statistics import statistics
from kashif.document import Document, Entity, Relation
from kashif.evaluation.agreement import agreement
from kashif.evaluation.comparing import compare
from kashif.evaluation.pairing import Pairing
from kashif.evaluation.scoring import score
from kashif.formats import Reading
from kashif.scheme import Scheme

TEXT = "زار بوتين موسكو"
PUTIN, CITY = Entity(1, 4, 9, "PERS", "بوتين", score=0.9), Entity(2, 10, 15, "GPE", "موسكو", score=0.6)
GOLD = Document("d", TEXT, (PUTIN, CITY), (Relation("visits", 1, 2),))
GUESS = Document("d", TEXT, (PUTIN, Entity(2, 10, 15, "ORG", "موسكو", score=0.8)))


def paired(first: Document, second: Document) -> Pairing:
    return Pairing(((Reading(first, Path("A")), Reading(second, Path("B"))),))


def lines(items: Iterable[RenderableType], width: int = 200) -> list[str]:
    """What a terminal shows, runs of spaces as one."""
    console = Console(file=io.StringIO(), width=width)
    for item in items:
        console.print(item)
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().split("\n")]


def test_a_report(scheme: Scheme) -> None:
    causes = {("missed", "entities", "GPE", "type wrong"): 1}
    found = score([GOLD], [GUESS], name="news", scheme=scheme, unreachable={"too long": 2}, errors=causes)
    told = lines(tables.report(found))
    assert told[0] == "news: 1 article, one paragraph has no interval"
    [entities] = [row for row in told if row.startswith("entities ") and "(" not in row]
    assert (entities.split()[1], entities.split()[-5:]) == ("0.500", ["0.500", "0.500", "1", "1", "1"])
    # No relation was predicted: precision is undefined, and F1 is 0.
    [relations] = [row for row in told if row.startswith("relations ") and "by" not in row]
    assert relations.split()[-5:] == ["–", "0.000", "0", "0", "1"]
    assert "PERS 1.000 1.000 1.000 1 0 0" in told
    assert "GPE 0.000 – 0.000 0 0 1" in told
    assert "visits 0.000 – 0.000 0 0 1" in told
    assert "type wrong 1 0.500" in told
    assert any(row.startswith("entities: expected calibration error 0.") for row in told)
    assert "unreachable, counted as missed: 2 (too long)" in told


def test_statistics() -> None:
    told = lines(tables.statistics(statistics([GOLD] * 1200)))
    assert "documents 1,200" in told
    assert "PERS 1,200" in told
    assert "visits 1,200" in told


def test_an_agreement(scheme: Scheme) -> None:
    told = lines(tables.agreement(agreement(paired(GOLD, GUESS), scheme=scheme)))
    assert told[0] == "1 articles"
    assert "entities 0.500 1 1 1" in told
    assert "relations on agreed entities – 0 0 0" in told
    assert "PERS 1.000 1 0 0" in told
    assert any(row.startswith("Cohen's kappa over words: 0.") for row in told)


def test_a_comparison(scheme: Scheme) -> None:
    found = compare([GOLD], ([GUESS], [GOLD]), name="news", scheme=scheme)
    told = lines(tables.comparison(found, first="one", second="two"))
    assert told[0] == "A = one, B = two"
    assert any(row.startswith("entities 0.500 1.000 +0.500 ") for row in told)
    # Only labels that differ are listed.
    assert "GPE 0.000 1.000 +1.000 +1 +0" in told
    assert "ORG 0.000 – – +0 -1" in told
    assert not any(row.startswith("PERS ") for row in told)


def test_long_names_fold_and_numbers_stay_whole(scheme: Scheme) -> None:
    """A label of 90 letters left no room for the register's numbers, and other tables cut it."""
    long, many = "L" * 90, {f"corpus-{number}": {"M" * 90: 12.5} for number in range(4)}
    text = Document("d", TEXT, (Entity(1, 4, 9, long, "بوتين"), Entity(2, 10, 15, long, "موسكو")))
    for items, numbers in (
        (tables.statistics(statistics([text] * 700)), "1,400"),
        (tables.agreement(agreement(paired(text, text), scheme=scheme)), "1.000 2 0 0"),
        ([tables.register(many)], "12.5 12.5 12.5 12.5"),
        (tables.document(text), "10 15 \u2068موسكو\u2069"),
    ):
        told = lines(items, width=80)
        whole = "".join(told)
        assert "…" not in whole
        assert max(whole.count("L"), whole.count("M")) >= 90
        assert any(numbers in row for row in told)
