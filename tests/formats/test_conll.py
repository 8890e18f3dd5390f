from __future__ import annotations

import random
from pathlib import Path

import pytest

from kashif import formats
from kashif.document import Document, Entity
from kashif.errors import InputError
from kashif.formats import conll
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


def test_what_has_no_word_is_told_as_lost(tmp_path: Path) -> None:
    """An article without a word was lost in silence; a span of none was said to be written."""
    lost = f"a: {conll.WORDLESS}"
    for text in ("", " \n", "\u200c"):
        assert conll.write(Document("a", text)) == ("", [lost])
    losses = save([Document("a", " "), Document("b", "زار كيم")], "conll", tmp_path / "o.conll")
    assert losses == [lost]
    assert [reading.document.text for reading in conll.read(tmp_path / "o.conll")] == ["زار كيم\n"]
    between = Document("b", "زار كيم", (Entity(1, 3, 4, "X", " "),))
    assert conll.write(between)[1] == ["b: 1 spans of no word are left out"]


def test_spans_of_one_label_keep_their_columns(tmp_path: Path) -> None:
    text = "جامعة كلية العلوم الكبرى"
    entities = (Entity(1, 0, 24, "ORG", text), Entity(2, 6, 17, "ORG", "كلية العلوم"))
    save([Document("d", text, entities)], "conll", tmp_path / "d.conll")
    again = formats.read(tmp_path / "d.conll", "conll")[0].document
    assert {entity.key for entity in again.entities} == {entity.key for entity in entities}
    across = "شركة ياهو! العالمية"
    _, losses = formats.render(Document("d", across, (Entity(1, 0, 19, "ORG", across),)), "conll")
    assert losses == ["d: 1 spans run over the end of a sentence and are cut there"]


def spans(path: Path, content: str | bytes, **options: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Labels and mentions of a file's entities, and its notices without its name; offsets fit the text."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    readings = formats.read(path, "conll", options=tuple(options.items()))
    for reading in readings:
        for entity in reading.document.entities:
            assert reading.document.text[entity.start : entity.end] == entity.text
    found = [(e.label, e.text) for reading in readings for e in reading.document.entities]
    return found, [notice.removeprefix(f"{path}: ") for reading in readings for notice in reading.notices]


KIM = [("PERS", "كيم جونغ"), ("PERS", "لي"), ("GPE", "سيول")]
WORDS = ["زار", "كيم", "جونغ", "لي", "في", "سيول"]


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ("O B-PERS I-PERS B-PERS O B-GPE", []),
        ("O I-PERS I-PERS B-PERS O I-GPE", ["tags are IOB1"]),
        ("O B-PERS E-PERS S-PERS O S-GPE", ["tags are BIOES"]),
        ("O B-PERS L-PERS U-PERS O U-GPE", ["tags are BILOU"]),
        ("O B-PERS M-PERS S-PERS O S-GPE", ["tags are BMES"]),
        ("O B-PERS E-PERS W-PERS O W-GPE", ["tags are BMEWO"]),
        ("O PERS-B PERS-I PERS-B O GPE-B", ["tags are IOB2, written NAME-B"]),
        ("O PERS_B PERS_E PERS_S O GPE_S", ["tags are BIOES, written NAME_B"]),
        ("O B_PERS I_PERS B_PERS O B_GPE", ["tags are IOB2, written B_NAME"]),
        ("o b-PERS i-PERS b-PERS o b-GPE", ["2 tags 'o' read as 'O'"]),
        (
            "O B-PERS E-PERS I-PERS O S-GPE",
            ["tags are BIOES", "1 stray inner tags read as the beginning of a span"],
        ),
    ],
)
def test_the_scheme_of_tags_is_found_and_named(tmp_path: Path, tags: str, told: list[str]) -> None:
    rows = "".join(f"{word} {tag}\n" for word, tag in zip(WORDS, tags.split(), strict=True))
    assert spans(tmp_path / "a.conll", rows) == (KIM, told)


def test_labels_alone_are_io(tmp_path: Path) -> None:
    rows = "زار O\nكيم PERS\nجونغ PERS\nفي O\nسيول Side-Effect\n"
    found, [told] = spans(tmp_path / "a.conll", rows)
    assert found == [("PERS", "كيم جونغ"), ("Side-Effect", "سيول")]
    assert told.startswith("tags are IO: labels alone")


def table(*columns: str, between: str = " ") -> str:
    """Rows of columns, each written as its values with blanks between."""
    return "".join(between.join(row) + "\n" for row in zip(*(c.split() for c in columns), strict=True)) + "\n"


NAMES = "O B-PERS I-PERS B-PERS O B-GPE"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            "-DOCSTART- -X- O O\n\n"
            + table(" ".join(WORDS), "V N N N P N", "B-VP B-NP I-NP B-NP B-PP B-NP", NAMES),
            ["words are column 1, tags column 4 of 4"],
        ),
        (
            "-DOCSTART- -X- O\n" + table(" ".join(WORDS), "-X- " * 6, "_ " * 6, NAMES),
            ["words are column 1, tags column 4 of 4"],
        ),
        (table(NAMES, " ".join(WORDS)), ["words are column 2, tags column 1 of 2"]),
        (
            "#\thttp://a [2020]\n" + table("1 2 3 4 5 6", " ".join(WORDS), NAMES, "O " * 6, between="\t"),
            ["words are column 2, tags columns 3, 4 of 4", "1 comments (lines that begin with #) read over"],
        ),
        ("# id = 1\n" + table(" ".join(WORDS), NAMES), ["1 comments (lines that begin with #) read over"]),
        (table(" ".join(WORDS), NAMES, between="\t").replace("\n", "\r\n"), []),
        ("\ufeff" + table(" ".join(WORDS), NAMES), []),
    ],
)
def test_the_columns_are_found_and_named(tmp_path: Path, content: str, told: list[str]) -> None:
    assert spans(tmp_path / "a.conll", content) == (KIM, told)


def test_columns_may_be_named(tmp_path: Path) -> None:
    rows = table("O B-PERS I-PERS B-PERS O O", "س ص ع ف ق ك", " ".join(WORDS), NAMES)
    path = tmp_path / "a.conll"
    assert spans(path, rows, word="3", tag="4") == (KIM, [])
    assert len(spans(path, rows, word="3", tag="4,1")[0]) == 5
    assert spans(path, rows.replace("س ", "ص "), word="3", tag="4") == (KIM, [])
    with pytest.raises(InputError, match=r"columns 1 and 4 hold the same tags.*conll\+word=N\+tag=1:PATH"):
        spans(path, rows)
    with pytest.raises(InputError, match="there is no column 9"):
        spans(path, rows, word="3", tag="9")
    with pytest.raises(InputError, match="name the same column"):
        spans(path, rows, word="4", tag="4")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            table("O B-X O", "a a b", "ا ب ت"),
            r"not clear which column holds the words \(1 'O', 2 'a', 3 'ا'\)",
        ),
        (
            table("ا ب ت", "N V N"),
            r"no column holds tags such as O and B-NAME \(1 'ا', 2 'N'\); name the columns",
        ),
    ],
)
def test_columns_in_doubt_are_an_error_that_says_how_to_name_them(
    tmp_path: Path, content: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        spans(tmp_path / "a.conll", content)


def test_a_word_may_be_a_hash(tmp_path: Path) -> None:
    rows = "# O\nكيم B-PERS\n#وسم B-X\n# text = كيم\n"
    assert spans(tmp_path / "a.conll", rows)[0] == [("PERS", "كيم"), ("X", "#وسم")]


def test_only_the_separator_separates(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    for inside in ("\u00a0", "\u2028", "\x0b", " "):
        rows = f"زار\tO\nأبو{inside}ظبي\tB-GPE\n"
        assert spans(path, rows) == ([("GPE", f"أبو{inside}ظبي")], [])
    assert spans(path, "زار O\nأبو\u2028ظبي\u00a0 B-GPE\n") == ([("GPE", "أبو\u2028ظبي")], [])
    with pytest.raises(InputError, match="carriage returns alone"):
        spans(path, "زار O\rكيم B-PERS\r")


def test_all_rows_that_do_not_fit_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    rows = "زار\tO\n\u00a0\tO\nكيم\tB-PERS\n\tO\nلي\nسيول\tX-GPE\nبوسان\tB-\n"
    with pytest.raises(InputError) as caught:
        spans(path, rows)
    assert [fault.line for fault in caught.value.faults] == [2, 4, 5, 6, 7]
    assert "its word is blank" in caught.value.faults[0].message
    assert "'X-GPE' is no tag of IOB2 (O, B-NAME, I-NAME)" in caught.value.faults[3].message


CONLLU = """# newdoc id = d1
# text = وقال كيم.
1-2\tوقال\t_\t_\t_\t_\t_\t_\t_\t_
1\tو\tو\tCCONJ\tC\t_\t2\tcc\t_\t_
2\tقال\tقال\tVERB\tV\t_\t0\troot\t_\t_
3\tكيم\tكيم\tPROPN\tN\t_\t2\tnsubj\t_\tNER=B-PERS|SpaceAfter=No
3.1\tx\t_\t_\t_\t_\t_\t_\t_\t_
4\t.\t.\tPUNCT\tP\t_\t2\tpunct\t_\t_

# newdoc id = d2
1-2\tللأمم\t_\t_\t_\t_\t_\t_\t_\t_
1\tل\tل\tADP\tP\t_\t2\tcase\t_\t_
2\tالأمم\tأمة\tNOUN\tN\t_\t0\troot\t_\tNER=B-ORG
3\tالمتحدة\tمتحد\tADJ\tA\t_\t2\tamod\t_\tNER=I-ORG
4-5\tوسيول\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
4\tو\tو\tCCONJ\tC\t_\t5\tcc\t_\t_
5\tسيول\tسيول\tPROPN\tN\t_\t3\tconj\t_\tNER=B-GPE
6\t.\t.\tPUNCT\tP\t_\t2\tpunct\t_\t_
"""


def test_conllu_holds_tags_in_its_last_column(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    found, told = spans(path, CONLLU)
    assert found == [("PERS", "كيم"), ("ORG", "للأمم المتحدة"), ("GPE", "سيول")]
    assert [r.document.text for r in formats.read(path, "conll")] == ["وقال كيم.\n", "للأمم المتحدة وسيول.\n"]
    assert told == [
        "CoNLL-U: words are column 2, tags are NER= in column 10",
        "1 comments (lines that begin with #) read over",
    ]
    for key in ("NE", "Entity"):
        assert spans(path, CONLLU.replace("NER=", f"{key}="))[0] == found
    with pytest.raises(InputError, match="no column holds tags"):
        spans(path, CONLLU.replace("NER=", "Entity=(e1-").replace("B-PERS", "x)"))


def test_conll_in_a_txt_is_no_article(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(table(" ".join(WORDS), NAMES), encoding="utf-8")
    (tmp_path / "b.txt").write_text("زار كيم سيول\nO\nB-52 O\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"words and tags in columns.* conll:{tmp_path}/a\.txt"):
        formats.read(tmp_path / "a.txt", "plain")
    assert formats.read(tmp_path / "b.txt", "plain")[0].document.id == "b"
    assert len(formats.read(tmp_path / "a.txt", "conll")[0].document.entities) == 3


@pytest.mark.parametrize("content", [table(NAMES, " ".join(WORDS)), CONLLU, table(" ".join(WORDS), NAMES)])
def test_what_was_read_is_written_as_json_lines(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.conll").write_text(content, encoding="utf-8")
    documents = [reading.document for reading in formats.read(tmp_path / "a.conll", "conll")]
    save(documents, "jsonl", tmp_path / "a.jsonl")
    assert [reading.document for reading in formats.read(tmp_path / "a.jsonl", "jsonl")] == documents


def test_the_line_between_documents_tells_the_columns(tmp_path: Path) -> None:
    """A word that is an O itself, and nested spans of one label, were refused as not clear."""
    (tmp_path / "a.conll").write_text("-DOCSTART- O O\n\nO B-LOC B-LOC\nx O I-LOC\n", encoding="utf-8")
    [reading] = formats.read(tmp_path / "a.conll", "conll")
    assert [(e.label, e.text) for e in reading.document.entities] == [("LOC", "O"), ("LOC", "O x")]
    assert not reading.notices


NESTED = [("OCC", "رئيس جمهورية مصر"), ("GPE", "جمهورية مصر")]


@pytest.mark.parametrize(
    "content",
    [
        "رئيس\tB-OCC\nجمهورية\tB-GPE|I-OCC\nمصر\tI-GPE|I-OCC\nو\tO\n",
        "رئيس B-OCC|O\nجمهورية I-OCC|B-GPE\nمصر I-OCC|I-GPE\nو O|O\n",
        "رئيس\tB-OCC\nجمهورية\tB-GPE I-OCC\nمصر\tI-GPE I-OCC\nو\tO\n",
        "رئيس B-OCC\nجمهورية B-GPE,I-OCC\nمصر E-GPE,E-OCC\nو O\n",
        table("1 2 3 4", "رئيس جمهورية مصر و", *["_ " * 4] * 8, between="\t")
        .replace("_\n", "NER=B-OCC|X=y\n", 1)
        .replace("_\n", "NER=B-GPE|I-OCC|SpaceAfter=Yes\n", 1)
        .replace("_\n", "NER=I-GPE|I-OCC\n", 1),
        table("1 2 3 4", "رئيس جمهورية مصر و", *["_ " * 4] * 8, between="\t")
        .replace("_\n", "Flag|NER=OCC_B|Flag\n", 1)
        .replace("_\n", "NER=O|GPE_B|OCC_I|SpaceAfter=Yes\n", 1)
        .replace("_\n", "NER=GPE_I|OCC_I|Flag\n", 1),
    ],
)
def test_tags_joined_in_one_cell_are_of_nested_spans(tmp_path: Path, content: str) -> None:
    """They were one label, `GPE|I-OCC`, or no tag at all, and the outer span was cut short."""
    found, told = spans(tmp_path / "a.conll", content)
    assert sorted(found) == sorted(NESTED)
    assert any(
        "joined tags (such as " in notice and notice.endswith(") read as those of nested spans")
        for notice in told
    )


def test_a_sign_in_a_label_joins_nothing(tmp_path: Path) -> None:
    rows = "زار O\nكيم B-PERS/ORG\nجونغ I-PERS/ORG\nسيول B-A|S\n"
    assert spans(tmp_path / "a.conll", rows) == ([("PERS/ORG", "كيم جونغ"), ("A|S", "سيول")], [])


@pytest.mark.parametrize("letters", ["BIIB", "BIES"])  # of a word that begins, goes on, ends, is alone
def test_joined_tags_in_any_order_give_the_spans_that_they_were_made_of(tmp_path: Path, letters: str) -> None:
    draw = random.Random(13)
    for _ in range(200):
        made: set[tuple[int, int, str]] = set()
        for _ in range(draw.randint(1, 6)):
            start = draw.randrange(6)
            end = draw.randint(start + 1, 6)
            crossing = any(a < start < b < end or start < a < end < b for a, b, _ in made)
            made |= set() if crossing else {(start, end, draw.choice(["X", "Y"]))}
        rows = ["س O\nس O"]
        for word in range(6):
            tags = []
            for start, end, label in draw.sample(sorted(made), len(made)):
                if start <= word < end:
                    alone, first, last = end - start == 1, word == start, word == end - 1
                    tags.append(f"{letters[3 if alone else 0 if first else 2 if last else 1]}-{label}")
            rows.append(f"س {'|'.join(tags) or 'O'}")
        (tmp_path / "a.conll").write_text("\n".join(rows) + "\n", encoding="utf-8")
        [reading] = formats.read(tmp_path / "a.conll", "conll")
        assert {(e.start // 2 - 2, e.end // 2 - 1, e.label) for e in reading.document.entities} == made
