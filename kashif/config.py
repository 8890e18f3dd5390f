"""Configuration files: strict YAML. Unknown keys are refused, and the nearest known one is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from kashif.errors import Fault, InputError, nearest
from kashif.files import read_text


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text; ``where`` names it in errors.

    Raises:
        InputError: if it is not YAML, with the line.
    """
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(Fault(where, f"not YAML: {problem}", mark.line + 1 if mark else 0)) from error


class StrictModel(BaseModel):
    """Frozen settings that a YAML file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

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
            raise InputError([_fault(cls, where, item) for item in error.errors()]) from error

    def dump(self) -> str:
        """The settings as YAML, which ``parse`` reads back."""
        return yaml.safe_dump(self.model_dump(mode="json"), allow_unicode=True, sort_keys=False)


def _fault(model: type[BaseModel], where: str, item: Any) -> Fault:
    """One error of pydantic's in the user's terms."""
    path = [str(part) for part in item["loc"]]
    if item["type"] != "extra_forbidden":
        message = item["msg"].removeprefix("Value error, ")
        return Fault(where, f"{'.'.join(path)}: {message}" if path else message)
    owner: Any = model
    for part in path[:-1]:
        field = getattr(owner, "model_fields", {}).get(part)
        owner = field.annotation if field else None
    known = getattr(owner, "model_fields", {})
    hint = f"; {nearest(path[-1], known)}" if known else ""
    return Fault(where, f"unknown key '{'.'.join(path)}'{hint}")
