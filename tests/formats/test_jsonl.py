from __future__ import annotations

from pathlib import Path

import pytest

from kashif import formats
from kashif.errors import InputError


def test_double_ids_are_told_with_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "text": ""}\n\n{"id": "a", "text": ""}\n{"id": 3}\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        formats.read(path, "jsonl")
    assert {fault.line for fault in caught.value.faults} == {3, 4}
