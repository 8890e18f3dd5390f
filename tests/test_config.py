from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import PositiveInt, ValidationError

from kashif.config import StrictModel, dump_yaml, parse_yaml
from kashif.errors import InputError
from kashif.scheme import Scheme
from kashif.training.recipe import Recipe


class Inner(StrictModel):
    width: PositiveInt = 1


class Outer(StrictModel):
    name: str
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("entities: {A: a}\nrelation: {}", "unknown key 'relation'; did you mean 'relations'"),
        (
            "entities: {A: a}\nrelations: {r: {hed: [A], head: [A], tail: [A]}}",
            "unknown key 'relations.r.hed'",
        ),
        ("entities: [", r"s\.yaml:1: not YAML"),
        ("entities: {A: a}\n\n  x: y", r"s\.yaml:3: not YAML"),
        ("- a", "expected keys and values, found list"),
        ("", "expected keys and values, found NoneType"),
    ],
)
def test_faults_of_a_yaml_text_are_told(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Scheme.parse(text, "s.yaml")


def test_every_fault_is_told_at_once_with_its_place() -> None:
    with pytest.raises(InputError) as caught:
        Outer.parse("nme: a\ninner: {width: 0, with: 3}", "o.yaml")
    assert [str(fault) for fault in caught.value.faults] == [
        "o.yaml: name: this key is missing",
        "o.yaml: inner.width: Input should be greater than 0",
        "o.yaml: unknown key 'inner.with'; did you mean 'width'?",
        "o.yaml: unknown key 'nme'; did you mean 'name'?",
    ]


def test_what_is_dumped_is_read_back_in_its_order() -> None:
    outer = Outer(name="كاشف", inner=Inner(width=3))
    assert outer.dump() == "name: كاشف\ninner:\n  width: 3\n"
    assert Outer.parse(outer.dump(), "o.yaml") == outer


def test_settings_are_read_from_a_file_and_frozen(tmp_path: Path) -> None:
    path = tmp_path / "o.yaml"
    path.write_text("name: كاشف", encoding="utf-8")
    outer = Outer.load(path)
    assert outer == Outer(name="كاشف")
    with pytest.raises(ValidationError, match="frozen"):
        outer.name = "x"  # type: ignore[misc]
    path.write_text("nam: x", encoding="utf-8")
    with pytest.raises(InputError, match=r"o\.yaml: unknown key 'nam'"):
        Outer.load(path)
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        Outer.load(tmp_path / "none.yaml")


def test_values_of_yaml_that_no_calendar_has_are_told() -> None:
    assert parse_yaml("[1, a]", "x.yaml") == [1, "a"]
    with pytest.raises(InputError, match=r"x\.yaml: not YAML: month must be in 1\.\.12"):
        parse_yaml("2024-13-01", "x.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3", r"x\.yaml:3: not YAML: the key 'a' stands twice"),
        ("[" * 5000, r"x\.yaml:1: not YAML: nested too deep"),
        ("a:\n  &b\n  - *b", r"x\.yaml:3: not YAML: nested too deep"),
        ("a: " + "9" * 5000, r"x\.yaml: not YAML: Exceeds the limit"),
        ("a:\n- \x06", r"x\.yaml:2: not YAML: special characters"),
        ("!!timestamp x", r"x\.yaml: not YAML"),
        ("!!bool x", r"x\.yaml: not YAML"),
    ],
)
def test_yaml_that_nobody_means_is_refused(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_yaml(text, "x.yaml")


def test_names_can_be_read_as_they_are_written() -> None:
    text = "2024: [007, 2024-01-01, no, 1e3, null]"
    assert parse_yaml(text, "x.yaml", strings=True) == {"2024": ["007", "2024-01-01", "no", "1e3", "null"]}
    assert parse_yaml("a: &b [1]\nc: *b\nd: {<<: {e: 1}, e: 2}", "x.yaml") == {
        "a": [1],
        "c": [1],
        "d": {"e": 2},
    }


def test_what_yaml_takes_for_something_else_goes_into_quotes() -> None:
    with pytest.raises(InputError) as caught:
        Scheme.parse("entities: {NO: a, 2024-01-01: b, A: 5}", "s.yaml")
    assert [fault.message.partition(", as")[0] for fault in caught.value.faults] == [
        "entities: expected text, found False",
        "entities: expected text, found 2024-01-01",
        "entities.A: expected text, found 5",
    ]
    with pytest.raises(InputError, match="finite"):
        Recipe.parse("train: [a]\nlayer_decay: .nan", "r.yaml")


def test_all_unknown_labels_of_a_scheme_are_told() -> None:
    with pytest.raises(InputError) as caught:
        Scheme.parse("entities: {A: a}\nrelations: {r: {head: [B], tail: [C]}}", "s.yaml")
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize(
    "char", [*map(chr, (*range(33), *range(0x7F, 0xA1))), *"\u2028\u2029\ufeff\u200f", "\r\n"]
)
def test_every_string_that_is_written_is_read_back(char: str) -> None:
    """A line end U+0085 was read back as a space."""
    for text in (char, f"{char}a", f"a{char}", f"a{char}b", f"a {char} b", f"{'a ' * 60}{char}{'b ' * 60}"):
        for value in ({"c": {"s": [text, "b"]}}, {text: {text: ["a"]}}):
            assert parse_yaml(dump_yaml(value), "x", strings=True) == value
        assert Outer.parse(Outer(name=text).dump(), "x") == Outer(name=text)
