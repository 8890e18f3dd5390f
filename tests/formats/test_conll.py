from __future__ import annotations

from pathlib import Path

import pytest

from kashif import formats
from kashif.document import Document, Entity
from kashif.errors import InputError
from kashif.formats.writing import save


def test_nested_columns_dividers_and_stray_tags_are_read(tmp_path: Path) -> None:
    path = tmp_path / "w.conll"
    path.write_text(
        "سكرتير B-OCC\nاللجنة I-OCC B-ORG\nالقومية I-OCC I-ORG\n\nزار O\n$#$ O\n\nموسكو I-GPE\n",
        encoding="utf-8",
    )
    first, second = formats.read(path, "conll")
    assert first.document.text == "سكرتير اللجنة القومية\nزار\n"
    assert [(e.label, e.text) for e in first.document.entities] == [
        ("OCC", "سكرتير اللجنة القومية"),
        ("ORG", "اللجنة القومية"),
    ]
    assert [(e.label, e.text) for e in second.document.entities] == [("GPE", "موسكو")]
    assert (first.document.id, second.document.id) == ("w-0001", "w-0002")
    assert first.notices == (f"{path}: 1 stray I- tags read as the beginning of a span",)
    path.write_text("زار\nموسكو X-GPE\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        formats.read(path, "conll")
    assert [fault.line for fault in caught.value.faults] == [1, 2]


def test_invisible_ends_of_tokens_are_in_no_span(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("\u200fكيم B-PERS\nجو\u200dنغ\u200e I-PERS\nزار\u200e O\n\n", encoding="utf-8")
    [reading] = formats.read(path, "conll")
    document = reading.document
    assert [entity.text for entity in document.entities] == ["كيم جو\u200dنغ"]
    assert document.text == "\u200fكيم جو\u200dنغ\u200e زار\u200e\n"
    written, losses = formats.render(document, "conll")
    assert "\nكيم B-PERS\nجو\u200dنغ I-PERS\nزار O\n" in written
    assert losses == ["a: 3 invisible characters beside words are left out"]


def test_spans_of_one_label_keep_their_columns(tmp_path: Path) -> None:
    text = "جامعة كلية العلوم الكبرى"
    entities = (Entity(1, 0, 24, "ORG", text), Entity(2, 6, 17, "ORG", "كلية العلوم"))
    save([Document("d", text, entities)], "conll", tmp_path / "d.conll")
    again = formats.read(tmp_path / "d.conll", "conll")[0].document
    assert {entity.key for entity in again.entities} == {entity.key for entity in entities}
    across = "شركة ياهو! العالمية"
    _, losses = formats.render(Document("d", across, (Entity(1, 0, 19, "ORG", across),)), "conll")
    assert losses == ["d: 1 spans run over the end of a sentence and are cut there"]
