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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[\n {"id": "a",\n  "text": "x"}\n]', ["one array, not JSON lines"]),
        ('[{"id": "a", "text": "x"}]', ["one array, not JSON lines"]),
        ('{\n "id": "a",\n "text": "x"\n}\n', ["one object over several lines, not JSON lines"]),
        (
            '{"id": 3, "entities": [{"start": 0}, {"start": 1}]}\n{"id": "a"}',
            [
                "'id' of a document is a string, found 3",
                "a document lacks 'text'",
                "an entity lacks 'id' (2 times)",
                "an entity lacks 'end' (2 times)",
                "an entity lacks 'label' (2 times)",
                "a document lacks 'text'",
            ],
        ),
    ],
)
def test_all_faults_of_a_file_come_in_one_round(tmp_path: Path, text: str, told: list[str]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        formats.read(path, "jsonl")
    assert [fault.message.partition(";")[0] for fault in caught.value.faults] == told
