from __future__ import annotations

from pathlib import Path

import pytest

from kashif import formats
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import webanno, webanno_writing
from kashif.formats.writing import save

EXPORT = """#FORMAT=WebAnno TSV 3.3
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue|coarseValue
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value
#T_RL=webanno.custom.Relation|label|BT_de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity


#Text=زار كيم جونغ وعمان
1-1	0-3	زار	V	_	_	_	_	_
1-2	4-7	كيم	_	_	*[1]	PERS[1]	_	_
1-3	8-12	جونغ	_	_	*[1]|*[2]	PERS[1]|FAM\\_X[2]	_	_
1-4	13-18	وعمان	_	_	_	_	_	_
1-4.1	14-18	عمان	_	_	*	GPE	visits|*	1-2[1_0]|1-3[2_0]

#Text=عاد كيم
2-1	20-23	عاد	_	_	_	_	_	_
2-2	24-27	كيم	_	_	*	*	_	_
"""


def test_an_export(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(EXPORT.replace("\t_\n", "\t_\t\n"), encoding="utf-8")  # as INCEpTION ends lines
    [reading] = webanno.read(path)
    document = reading.document
    assert (document.id, document.text) == ("a", "زار كيم جونغ وعمان\n\nعاد كيم")
    assert [(e.label, e.text) for e in document.entities] == [
        ("PERS", "كيم جونغ"),
        ("FAM_X", "جونغ"),
        ("GPE", "عمان"),
    ]
    [relation] = document.relations
    assert (relation.label, document.entity(relation.head).label, document.entity(relation.tail).label) == (
        "visits",
        "PERS",
        "GPE",
    )
    assert [notice.partition(": ")[2] for notice in reading.notices] == [
        "1 gaps before sentences are read as line ends; what stood there is not said",
        "1 lines with marks of the layer de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS are passed over",
        "1 spans without a label are left out",
        "1 relations of the layer webanno.custom.Relation without a label, or of no entity, are left out",
    ]


def test_features_beside_the_label_are_counted(tmp_path: Path) -> None:
    """An identifier, or a role, was dropped without a word, and then written over."""
    path = tmp_path / "a.tsv"
    named = EXPORT.replace("\t*[1]\t", "\thttp://x/Q_1[1]\t").replace("*[1]|*[2]", "http://x/Q_1[1]|\\*[2]")
    path.write_text(named, encoding="utf-8")
    [reading] = webanno.read(path)
    layer = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
    assert f"{path}: 2 values of 'identifier' of the layer {layer} are left out" in reading.notices
    with pytest.raises(InputError, match="holds what is not read"):
        save([reading.document], "webanno", tmp_path)
    custom = "#T_SP=webanno.custom.Person|gender|role\n#T_RL=webanno.custom.R|label|note|BT_webanno.custom.Person\n"
    rows = "1-1\t0-3\tزار\tm\tminister\t_\t_\t_\n1-2\t4-7\tكيم\tm\t*\tr|r\tn|*\t1-1|1-1\n"
    path.write_text(f"{custom}\n#Text=زار كيم\n{rows}", encoding="utf-8")
    [reading] = webanno.read(path)
    assert (len(reading.document.entities), len(reading.document.relations)) == (2, 2)
    assert [notice.partition(": ")[2] for notice in reading.notices] == [
        "1 values of 'role' of the layer webanno.custom.Person are left out",
        "1 values of 'note' of the layer webanno.custom.R are left out",
    ]


def test_round_trip(tmp_path: Path) -> None:
    text = "😀 زار كيم جونغ\tوعمان.  ثم\\عاد\r\n\nقال *مصدر* «رسمي»؟\n"
    mentions = ["كيم جونغ", "جونغ", "عمان", "مصدر* «رسمي", "كيم"]
    entities = tuple(
        Entity(i, text.index(m), text.index(m) + len(m), label, m)
        for i, (m, label) in enumerate(
            zip(mentions, ["PERS", "x_y|[z]\\n", "->", "a b", "*"], strict=True), start=1
        )
    )
    relations = (Relation("r_1", 1, 3), Relation("*x", 3, 1), Relation("r", 5, 1), Relation("r", 4, 4))
    document = Document("d", text, entities, relations)
    assert save([document], "webanno", tmp_path) == []
    [(_, file)] = formats.files(tmp_path, "webanno")
    assert not formats.read(file, "webanno")[0].notices
    again = formats.read(file, "webanno")[0].document

    def links(of: Document) -> set[tuple[str, str, str]]:
        return {(r.label, of.entity(r.head).label, of.entity(r.tail).label) for r in of.relations}

    assert again.text == text
    assert {e.key for e in again.entities} == {e.key for e in entities}
    assert links(again) == links(document)


def in_inception(content: str) -> list[tuple[str, str]]:
    """The word of each token, and what stands at its offsets in the text as INCEpTION puts it together."""
    text, sentence, found = b"", "", []
    for line in content.split("\n"):
        if line.startswith("#Text="):
            sentence = webanno._plain(line.removeprefix("#Text=")) + "\n"
        elif line and not line.startswith("#"):
            _, place, word, *_ = line.split("\t")
            start, end = (2 * int(offset) for offset in place.split("-"))
            if sentence:
                text = text[:-2] if len(text) > start else text
                text += (" " * ((start - len(text)) // 2) + sentence).encode("utf-16-le")
                sentence = ""
            found.append((word, text[start:end].decode("utf-16-le")))
    return found


def test_offsets_fit_the_text_that_inception_makes() -> None:
    """The blank between two sentences stood before the second, and all its marks moved by one."""
    text = "\u200f 😀 زار. عاد.  ثم\\عاد\t!\u200f وقال؟\r\n\n قالوا.غدا \n"
    content, losses = webanno_writing.write(Document("d", text))
    found = in_inception(content)
    assert len(found) == 14
    assert [word for word, _ in found] == [there for _, there in found]
    assert losses == ["d: what stands before the first word is written as blanks"]


def test_gaps_are_filled_and_told(tmp_path: Path) -> None:
    """Blanks between sentences came back as line ends, without a word."""
    save([Document("d", " \tزار.  عاد.\n\nقال. ")], "webanno", tmp_path)
    [reading] = webanno.read(tmp_path / "d.tsv")
    assert reading.document.text == "\n\nزار.  عاد.\n\nقال. "
    rows = "#Text=زار.\n1-1\t0-3\tزار\n1-2\t3-4\t.\n\n#Text=عاد\n2-1\t5-8\tعاد\n"
    (tmp_path / "d.tsv").write_text(f"#FORMAT=WebAnno TSV 3.3\n\n\n{rows}", encoding="utf-8")
    [other] = webanno.read(tmp_path / "d.tsv")
    assert other.document.text == "زار.\nعاد"
    told = "1 gaps before sentences are read as line ends; what stood there is not said"
    assert reading.notices == other.notices == (f"{tmp_path / 'd.tsv'}: {told}",)


def test_spans_beside_words_are_told(tmp_path: Path) -> None:
    document = Document(
        "d", "زار \u200c كيم ", (Entity(1, 4, 5, "X", "\u200c"), Entity(2, 5, 10, "P", " كيم "))
    )
    assert len(save([document], "webanno", tmp_path)) == 2
    again = formats.read(tmp_path / "d.tsv", "webanno")[0].document
    assert (again.text, [(e.label, e.text) for e in again.entities]) == (document.text, [("P", "كيم")])
    with pytest.raises(InputError, match="no text without a word"):
        save([Document("e", " \n")], "webanno", tmp_path)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    for content, lines in (
        ("", [0]),
        ("1-1\t0-3\tزار\n#Text=زار\nزار", [1, 3]),
        ("#Text=زار كيم\n1-1\t0-3\tزار\n1-2\t5-8\tكيم\n", [3]),
        (EXPORT.replace("1-2[1_0]", "x"), [12]),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(InputError) as error:
            webanno.read(path)
        assert [fault.line for fault in error.value.faults] == lines


def test_tables_of_ours_are_no_articles(tmp_path: Path) -> None:
    """``corpus check --accept`` wrote one beside the articles, and no command read these any more."""
    save([Document("a", "زار كيم")], "webanno", tmp_path)
    for name in ("accepted.tsv", "Differences.tsv"):
        (tmp_path / name).write_text("a\tكيم\n", encoding="utf-8")
    assert formats.files(tmp_path, "webanno") == [("webanno", tmp_path / "a.tsv")]
    (tmp_path / "accepted.tsv").write_text(f"\ufeff{EXPORT}", encoding="utf-8")  # an article all the same
    assert [file.name for _, file in formats.files(tmp_path, "webanno")] == ["a.tsv", "accepted.tsv"]
