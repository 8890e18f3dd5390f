"""Configuration files: strict YAML. Unknown keys are refused, and the nearest known one is named."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from yaml.composer import ComposerError
from yaml.reader import ReaderError

from kashif.errors import Fault, InputError, first_line, nearest
from kashif.files import read_text

_DEEPEST = 100
"""How deep YAML may be nested."""
_LIST, _STRING = "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str"
"""What YAML calls a list and a string."""
_LINE_END = re.compile(r"[\n\r\x85\u2028\u2029]")


class _Composer:
    """Refuses what YAML allows and nobody means: a key that stands twice, endless nesting."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        event = self.peek_event()  # type: ignore[attr-defined]
        node = super().compose_node(parent, index) if self._depth <= _DEEPEST else None  # type: ignore[misc]
        if node is None or node.end_mark is None:  # the node itself stands around this place
            raise ComposerError(None, None, "nested too deep", event.start_mark)
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)  # type: ignore[misc]
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise ComposerError(None, None, f"the key '{key.value}' stands twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return node


class _Loader(_Composer, yaml.SafeLoader):
    """Values as YAML 1.1 reads them."""


class _StringLoader(_Composer, yaml.BaseLoader):
    """Every value is a string, as it is written."""


class _Dumper(yaml.SafeDumper):
    """Strings with line ends between double quotes: unquoted, those of Unicode are read as spaces."""


class _InlineDumper(_Dumper):
    """Lists between brackets, as people write those of ids and labels."""


def _represent_string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_STRING, value, style='"' if _LINE_END.search(value) else None)


_Dumper.add_representer(str, _represent_string)
_InlineDumper.add_representer(
    list, lambda dumper, value: dumper.represent_sequence(_LIST, value, flow_style=True)
)


def parse_yaml(text: str, where: str, *, strings: bool = False) -> Any:
    """The value of a YAML text; ``where`` names it in errors.

    With ``strings`` what looks like a number, date or boolean is the string that it is written as.

    Raises:
        InputError: if it is not YAML, with the line; if a key stands twice.
    """
    try:
        return yaml.load(text, _StringLoader if strings else _Loader)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(Fault(where, f"not YAML: {error.reason}", line)) from error
    # PyYAML's own constructors stumble over tags that do not fit their values.
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or first_line(error).partition(";")[0]
        raise InputError(Fault(where, f"not YAML: {problem}", mark.line + 1 if mark else 0)) from error


def dump_yaml(value: Any) -> str:
    """A value as YAML, each list between brackets; ``parse_yaml`` reads it back."""
    text: str = yaml.dump(value, Dumper=_InlineDumper, allow_unicode=True, sort_keys=False, width=100)
    return text


class StrictModel(BaseModel):
    """Frozen settings that a YAML file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _refused(type(self), type(self).__name__, error) from error

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined] # which lets pydantic pass it over

    @classmethod
    def load(cls, path: Path) -> Self:
        """The settings of a YAML file.

        Raises:
            InputError: if there is no such file; for what is not YAML, unknown keys, wrong values.
        """
        return cls.parse(read_text(path), str(path))

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """The settings of a YAML text; ``where`` names it in errors.

        Raises:
            InputError: listing everything that does not fit.
        """
        return cls.check(parse_yaml(text, where), where)

    @classmethod
    def check(cls, values: Any, where: str) -> Self:
        """The settings that a mapping holds.

        Raises:
            InputError: listing everything that does not fit.
        """
        if not isinstance(values, dict):
            raise InputError(Fault(where, f"expected keys and values, found {type(values).__name__}"))
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _refused(cls, where, error) from error

    def dump(self) -> str:
        """The settings as YAML, which ``parse`` reads back."""
        values = self.model_dump(mode="json")
        text: str = yaml.dump(values, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
        return text


_EXPECTED = {
    "missing": "this key is missing",
    "tuple_type": "expected a list, such as [A, B]",
    "dict_type": "expected keys and values",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
}
"""pydantic's errors in the user's terms."""


def _refused(model: type[BaseModel], where: str, error: ValidationError) -> InputError:
    """The error of settings that do not fit, in the user's terms."""
    return InputError([fault for item in error.errors() for fault in _faults(model, where, item)])


def _faults(model: type[BaseModel], where: str, item: Any) -> list[Fault]:
    """One error of pydantic's in the user's terms; a message of several lines is as many faults."""
    place = item["loc"][:-2] if item["loc"][-1:] == ("[key]",) else item["loc"]
    path = [str(part) for part in place]
    if item["type"] != "extra_forbidden":
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "string_type" and isinstance(item["input"], bool | int | float | date):
            message = f"expected text, found {item['input']!s:.40}, as YAML reads it; put it in quotes"
        if item["type"] in _EXPECTED:
            found = "" if item["type"] == "missing" else f", found {item['input']!r:.40}"
            message = _EXPECTED[item["type"]] + found
        before = f"{'.'.join(path)}: " if path else ""
        return [Fault(where, before + line) for line in message.split("\n")]
    owner: Any = model
    for part in path[:-1]:
        field = getattr(owner, "model_fields", {}).get(part)
        owner = field.annotation if field else None
    known = getattr(owner, "model_fields", {})
    hint = f"; {nearest(path[-1], known)}" if known else ""
    return [Fault(where, f"unknown key '{'.'.join(path)}'{hint}")]
