from __future__ import annotations

from pathlib import Path

import pytest

from kashif.errors import InputError
from kashif.scheme import Scheme


def test_the_scheme_is_the_documented_one(scheme: Scheme) -> None:
    assert len(scheme.labels) == 13
    assert len(scheme.relation_labels) == 13
    assert [name for name, kind in scheme.relations.items() if kind.symmetric] == ["meets", "cooperates_with"]
    assert {"anercorp", "wojood", "ontonotes"} == set(scheme.mappings)
    assert scheme.allows("occupation", "PERS", "OCC")
    assert not scheme.allows("occupation", "OCC", "PERS")


def test_packaged_scheme_is_the_repository_s(scheme: Scheme) -> None:
    assert Scheme.load() == scheme


def test_dump_reads_back(scheme: Scheme) -> None:
    assert Scheme.parse(scheme.dump(), "x") == scheme


def test_a_foreign_scheme_has_the_mapping_s_labels(scheme: Scheme) -> None:
    flat, nested = scheme.foreign("anercorp"), scheme.foreign("wojood")
    assert flat.labels == ("PERS", "LOC", "ORG", "MISC")
    assert {"PERCENT", "ORDINAL"} < set(nested.labels)
    assert (flat.nested, nested.nested, nested.proclitics) == (False, True, False)
    assert flat.relation_labels == ()
    assert Scheme.parse(flat.dump(), "x") == flat


def test_misfits_name_side_and_allowed_labels(scheme: Scheme) -> None:
    assert list(scheme.misfits("visits", "GPE", "PERS")) == [
        "visits: the head is GPE, the scheme allows PERS",
        "visits: the tail is PERS, the scheme allows GPE, LOC, FAC",
    ]
    assert "did you mean 'visits'" in next(scheme.misfits("visit", "PERS", "GPE"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("entities: {A: a}\nrelation: {}", "did you mean 'relations'"),
        ("entities: {PERS: a}\nrelations: {r: {head: [PER], tail: [PERS]}}", "did you mean 'PERS'"),
        (
            "entities: {A: a}\nrelations: {r: {hed: [A], head: [A], tail: [A]}}",
            "unknown key 'relations.r.hed'",
        ),
        ("entities: [", "not YAML"),
        ("- a", "expected keys and values"),
    ],
)
def test_faults_are_told(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Scheme.parse(text, "s.yaml")


def test_missing_file_and_mapping(scheme: Scheme, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such scheme"):
        Scheme.load(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="did you mean 'wojood'"):
        scheme.mapping("wojod")
