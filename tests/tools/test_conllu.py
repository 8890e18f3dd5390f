"""CoNLL-U that the package conllu writes, with tags in MISC, is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kashif.corpora.loading import load

pytestmark = [pytest.mark.tools, pytest.mark.filterwarnings("default")]

EMPTY: dict[str, Any] = dict.fromkeys(("lemma", "upos", "xpos", "feats", "head", "deprel", "deps"))
SENTENCES = [
    (
        "زار كيم عمان.",
        [
            (1, "زار", {"NER": "O"}),
            (2, "كيم", {"NER": "B-PERS"}),
            (3, "عمان", {"NER": "B-GPE", "SpaceAfter": "No"}),
            (4, ".", None),
        ],
    ),
    (
        "غادرها وفرنسا معا",
        [
            ((1, "-", 2), "غادرها", None),
            (1, "غادر", {"NER": "O"}),
            (2, "ها", {"NER": "O"}),
            ((3, "-", 4), "وفرنسا", None),
            (3, "و", {"NER": "O", "Translit": "wa"}),
            (4, "فرنسا", {"Gloss": "France", "NER": "B-GPE"}),
            (5, "معا", {"NER": "O"}),
        ],
    ),
]


def test_what_conllu_writes_is_read(tmp_path: Path) -> None:
    conllu = pytest.importorskip("conllu")
    written = ""
    for text, words in SENTENCES:
        tokens = [conllu.Token(id=id, form=form, **EMPTY, misc=misc) for id, form, misc in words]
        sentence = conllu.TokenList(tokens, metadata=conllu.models.Metadata(text=text))
        written += sentence.serialize()
    assert [str(sentence.metadata["text"]) for sentence in conllu.parse(written)] == [
        text for text, _ in SENTENCES
    ]
    path = tmp_path / "a.conllu"
    path.write_text(written, encoding="utf-8")
    [document] = load(f"conll:{path}").documents
    assert document.text == "".join(text + "\n" for text, _ in SENTENCES)
    assert [(e.label, e.text) for e in document.entities] == [
        ("PERS", "كيم"),
        ("GPE", "عمان"),
        ("GPE", "فرنسا"),
    ]
