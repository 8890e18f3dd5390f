from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import ROOT

from kashif.errors import InputError
from kashif.scheme import RelationType, Scheme


def test_the_scheme_is_the_documented_one(scheme: Scheme) -> None:
    assert len(scheme.labels) == 13
    assert len(scheme.relation_labels) == 13
    assert [name for name, kind in scheme.relations.items() if kind.symmetric] == ["meets", "cooperates_with"]
    assert {"anercorp", "wojood", "ontonotes"} == set(scheme.mappings)
    assert scheme.allows("occupation", "PERS", "OCC")
    assert not scheme.allows("occupation", "OCC", "PERS")
    with pytest.raises(InputError, match="no relation 'ocupation' in the scheme; did you mean 'occupation'"):
        scheme.allows("ocupation", "PERS", "OCC")


def test_dump_reads_back(scheme: Scheme) -> None:
    assert Scheme.parse(scheme.dump(), "x") == scheme


def test_the_package_carries_no_scheme_but_what_init_copies() -> None:
    found = [file.relative_to(ROOT) for file in (ROOT / "kashif").rglob("scheme.yaml")]
    assert found == [Path("kashif/starter/scheme.yaml")]


def test_misfits_name_side_and_allowed_labels(scheme: Scheme) -> None:
    assert list(scheme.misfits("visits", "GPE", "PERS")) == [
        "visits: the head is GPE, the scheme allows PERS",
        "visits: the tail is PERS, the scheme allows GPE, LOC, FAC",
    ]
    assert "did you mean 'visits'" in next(scheme.misfits("visit", "PERS", "GPE"))


def test_a_symmetric_relation_is_allowed_in_either_order() -> None:
    """Of arguments with other labels one order alone was once allowed, but all were turned to text order."""
    kind = RelationType(head=("GPE",), tail=("ORG", "PERS"), symmetric=True)
    own = Scheme(entities=dict.fromkeys(("GPE", "ORG", "PERS"), ""), relations={"cooperates": kind})
    allowed = [
        (head, tail) for head in own.labels for tail in own.labels if own.allows("cooperates", head, tail)
    ]
    assert allowed == [("GPE", "ORG"), ("GPE", "PERS"), ("ORG", "GPE"), ("PERS", "GPE")]
    assert all(list(own.misfits("cooperates", *pair)) == [] for pair in allowed)
    for pair, told in (
        (("ORG", "PERS"), ["cooperates: the head is ORG, the scheme allows GPE"]),
        (("PERS", "DATE"), ["cooperates: the tail is DATE, the scheme allows GPE"]),
    ):
        assert list(own.misfits("cooperates", *pair)) == told
    assert Scheme.parse(own.dump(), "x") == own
    one_way = own.relations["cooperates"].model_copy(update={"symmetric": False})
    own = Scheme(entities=own.entities, relations={"cooperates": one_way})
    assert not own.allows("cooperates", "ORG", "GPE")


def test_labels_that_the_scheme_does_not_have_are_told() -> None:
    text = "entities: {PERS: a}\nrelations: {r: {head: [PER], tail: [PERS]}}"
    with pytest.raises(InputError, match="relation r: no entity 'PER'; did you mean 'PERS'"):
        Scheme.parse(text, "s.yaml")
    text = "entities: {PERS: a}\nmappings: {m: {labels: {P: [PERSON]}}}"
    with pytest.raises(InputError, match="mapping m: no entity 'PERSON'; did you mean 'PERS'"):
        Scheme.parse(text, "s.yaml")
    with pytest.raises(InputError, match="closing: no entity 'ORG'; known: PERS"):
        Scheme.parse("entities: {PERS: a}\nclosing: {ORG: x}", "s.yaml")
    for rules in ("names: [PER]", "inside: [{label: PERS, of: [PER]}]", "inside: [{label: PER, of: []}]"):
        with pytest.raises(InputError, match="warnings: no entity 'PER'; did you mean 'PERS'"):
            Scheme.parse(f"entities: {{PERS: a}}\nwarnings: {{{rules}}}", "s.yaml")
    rules = "warnings: {beside: [{first: PERS, second: PERS, relation: met}]}"
    text = f"entities: {{PERS: a}}\nrelations: {{meets: {{head: [PERS], tail: [PERS]}}}}\n{rules}"
    with pytest.raises(InputError, match="warnings: no relation 'met'; did you mean 'meets'"):
        Scheme.parse(text, "s.yaml")
    with pytest.raises(InputError, match=r"unknown key 'warnings\.besides'; did you mean 'beside'"):
        Scheme.parse("entities: {PERS: a}\nwarnings: {besides: []}", "s.yaml")


PAIRS = [("مس\u0624ول", "مس\u0648\u0654ول", "U+0624", "U+0648"), ("ا ب", "ا\u00a0ب", "U+0020", "U+00A0")]
PAIRS += [("نوع\u200cمكان", "نوعمكان", "U+200C", "U+0645"), ("ab", "ab\u200d", "none", "U+200D")]


@pytest.mark.parametrize(("one", "other", "here", "there"), PAIRS)
def test_labels_that_look_the_same_are_told(one: str, other: str, here: str, there: str) -> None:
    """They were two labels, each with half of the gold."""
    assert one != other
    look = rf"look the same, but of their characters number \d is {re.escape(here)} and {re.escape(there)}"
    with pytest.raises(InputError, match=rf"Scheme: the labels .* and .* {look}; write one of them"):
        Scheme(entities={one: "", "C": "", other: ""})
    relation = RelationType(head=("C",), tail=("C",))
    with pytest.raises(InputError, match=look):
        Scheme(entities={"C": "", one: ""}, relations={one: relation, other: relation})
    assert Scheme(entities={"C": "", one: ""}, relations={other: relation})
    known = Scheme(entities={"C": "", other: ""}, relations={other: relation})
    assert re.search(f"no relation .*; it and .* {look}", next(known.misfits(one, "C", "C")))


def test_a_scheme_is_read_from_a_file_that_is_there(scheme: Scheme, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(scheme.dump(), encoding="utf-8")
    assert Scheme.load(tmp_path / "own.yaml") == scheme
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read: No such file"):
        Scheme.load(tmp_path / "none.yaml")


def test_a_mapping_that_the_scheme_does_not_have_is_told(scheme: Scheme) -> None:
    with pytest.raises(InputError, match="did you mean 'wojood'"):
        scheme.mapping("wojod")
    with pytest.raises(InputError, match="no mapping 'wojood': the scheme has none; take '@wojood' away"):
        Scheme(entities={"PERS": ""}).mapping("wojood")
