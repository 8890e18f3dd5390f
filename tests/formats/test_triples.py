from __future__ import annotations

import csv
from pathlib import Path

import pytest

from kashif import formats
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats.writing import save


def test_a_row_for_each_mention_and_each_triple(tmp_path: Path) -> None:
    entities = (Entity(1, 0, 3, "P", "كيم"), Entity(2, 4, 9, "G", 'ع,"\nن', score=0.5))
    documents = [Document("a", 'كيم ع,"\nن', entities, (Relation("visits", 1, 2, 0.25),)), Document("b", "")]
    assert save(documents, "csv", tmp_path / "x.csv") == []
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        first, second, third = csv.DictReader(file)
    assert (first["kind"], first["mention"], first["start"], first["score"]) == ("entity", "كيم", "0", "")
    assert (second["mention"], second["score"]) == ('ع,"\nن', "0.5")
    assert (third["kind"], third["label"], third["head_mention"], third["tail_label"]) == (
        "relation",
        "visits",
        "كيم",
        "G",
    )
    with pytest.raises(InputError, match="is only written"):
        formats.read(tmp_path / "x.csv", "csv")


def test_every_kind_of_line_end_stays_in_its_field(tmp_path: Path) -> None:
    """A carriage return was not quoted, and readers took it for the end of the row."""
    mention = "كيم\rجونغ\r\nأون\nن"
    document = Document("a", mention, (Entity(1, 0, len(mention), "P", mention),))
    assert save([document], "csv", tmp_path / "x.csv") == []
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["mention"], row["normal"]) == (mention, "")
    assert (tmp_path / "x.csv").read_bytes().endswith(b",\n")
