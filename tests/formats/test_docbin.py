"""What of spaCy's format needs no spaCy; ``tests/tools/test_spacy.py`` has the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from kashif import formats
from kashif.corpora.loading import load
from kashif.corpora.spec import Spec
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import docbin
from kashif.formats.writing import save

TEXT = "زار الرئيس الفرنسي بيروت"
PRESIDENT, TITLE = Entity(1, 4, 18, "OCC", "الرئيس الفرنسي"), Entity(2, 4, 10, "TITLE", "الرئيس")
PLACE = Entity(3, 19, 24, "GPE", "بيروت")


def test_without_spacy_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    (tmp_path / "a.spacy").write_bytes(b"")
    told = "the format spacy needs a package that is not installed: pip install spacy"
    for corpus in (f"{tmp_path / 'a.spacy'}", f"spacy+spans=sc:{tmp_path / 'a.spacy'}"):
        with pytest.raises(InputError, match=told):
            load(corpus)
    with pytest.raises(InputError, match=told):
        save([Document("a", TEXT)], "spacy", tmp_path / "b.spacy")
    assert not (tmp_path / "b.spacy").exists()


def test_a_span_group_is_an_option() -> None:
    assert Spec.parse("spacy+spans=sc:a.spacy").options == (("spans", "sc"),)
    with pytest.raises(InputError, match=r"no option 'group'; spacy takes \+spans=sc"):
        Spec.parse("spacy+group=sc:a.spacy")


def test_what_is_not_held_is_told() -> None:
    links = (Relation("visits", 1, 3), Relation("holds", 3, 2))
    document = Document("a", TEXT, (PRESIDENT, TITLE, PLACE), links)
    assert docbin.write(document)[1] == [
        "a: 1 spans in others stand in doc.spans['sc'], not in doc.ents",
        "a: 1 relations of spans that a longer one begins with are left out",
    ]
    assert docbin.write(Document("a", TEXT, (PRESIDENT, PLACE), links[:1])) == ("", [])
    scored = Entity(3, 19, 24, "GPE", "بيروت", None, 0.5)
    assert docbin.write(Document("a", TEXT, (PRESIDENT, scored)))[1] == [
        "a: scores of entities are left out, since some have none"
    ]
    with pytest.raises(InputError, match="a lone surrogate"):
        docbin.write(Document("a", "\ud800"))
