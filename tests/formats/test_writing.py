from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import files, read
from kashif.formats.writing import Output, save
from kashif.outputs import Sources


def test_a_format_of_one_document_a_file_needs_a_folder(tmp_path: Path) -> None:
    for format, names in (("plain", ["a.txt"]), ("brat", ["a.ann", "a.txt"])):
        save([Document("a", "نص")], format, tmp_path / f"{format}.txt")
        assert sorted(file.name for file in (tmp_path / f"{format}.txt").iterdir()) == names
    save([Document("a", "نص"), Document("b", "نص")], "jsonl", tmp_path / "no ending")
    assert (tmp_path / "no ending").read_text(encoding="utf-8").count("\n") == 2
    save([Document("a", "نص")], "conll", f"{tmp_path}/new.d/")
    assert [file.name for file in (tmp_path / "new.d").iterdir()] == ["a.conll"]


def test_nothing_is_written_unless_all_can_be(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("[[نص|X#1]]", encoding="utf-8")
    crossing = Document("c", "abcd", (Entity(1, 0, 3, "X", "abc"), Entity(2, 1, 4, "X", "bcd")))
    bad = [Document("a", "نص"), crossing, Document("b/", ""), Document("e" * 240, ""), Document("\x00", "")]
    with pytest.raises(InputError) as error:
        save(bad, "plain", tmp_path)
    assert len(error.value.faults) == 5
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "[[نص|X#1]]"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_text_that_annotations_point_into_is_not_written_over(tmp_path: Path) -> None:
    save([Document("a", "نص")], "brat", tmp_path)
    (tmp_path / "a.txt").write_bytes("\ufeffنص".encode())
    save([Document("a", "نص")], "brat", tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == "\ufeffنص".encode()  # the same text, left as it is
    with pytest.raises(InputError, match=r"is the text of the \.ann beside it"):
        save([Document("a", "نص")], "plain", tmp_path)
    with pytest.raises(InputError, match="holds another text"):
        save([Document("a", "نص آخر")], "brat", tmp_path)


def test_plain_is_not_written_over_the_text_of_annotations_in_capitals(tmp_path: Path) -> None:
    for ending in (".ANN", ".Ann"):
        (tmp_path / f"a{ending}").write_text("T1\tX 0 2\tنص\n", encoding="utf-8")
        (tmp_path / "a.txt").write_text("نص", encoding="utf-8")
        with pytest.raises(InputError, match=r"is the text of the \.ann beside it"):
            save([Document("a", "نص")], "plain", tmp_path)
        (tmp_path / f"a{ending}").unlink()


@pytest.mark.parametrize(
    "format", ["plain", "webanno", "jsonl", "conll", "doccano", "prodigy", "gliner", "label-studio"]
)
def test_an_article_of_another_text_is_not_written_over(tmp_path: Path, format: str) -> None:
    """A second project numbered its articles from 1 again, and took the place of the first one's."""
    place, first = f"{tmp_path}/articles/", Document("1", "زار كيم\u200f عمان.\n\nعاد.")
    save([first, Document("2", "")] if format != "webanno" else [first], format, place)
    marked = Document("1", first.text, (Entity(1, 4, 7, "X", "كيم"),))
    save([marked], format, place)  # the same article, with marks
    files = {file.name: file.read_bytes() for file in (tmp_path / "articles").iterdir()}
    with pytest.raises(InputError, match=r"1\.\w+ holds another article, which would be lost; name another"):
        save([Document("3", "نص"), Document("1", "نص آخر")], format, place)
    assert {file.name: file.read_bytes() for file in (tmp_path / "articles").iterdir()} == files


@pytest.mark.parametrize(
    "format", ["plain", "brat", "webanno", "jsonl", "conll", "doccano", "prodigy", "gliner", "label-studio"]
)
def test_marks_of_people_are_not_written_over(tmp_path: Path, format: str) -> None:
    """An older export, or a model's marks, took the place of what somebody had corrected since."""
    place, text = f"{tmp_path}/articles/", "زار كيم عمان."
    kim, amman = Entity(1, 4, 7, "PERS", "كيم"), Entity(2, 8, 12, "GPE", "عمان")
    save([Document("1", text)], format, place)
    save([Document("1", text, (kim, amman))], format, place)  # its first marks
    files = {file.name: file.read_bytes() for file in (tmp_path / "articles").iterdir()}
    for marks in ((kim,), (kim, replace(amman, label="ORG")), (kim, replace(amman, start=9, text="مان"))):
        if format not in ("conll", "gliner") or marks[-1].start != 9:  # they mark whole words
            with pytest.raises(
                InputError, match=r"1\.\w+ holds 1 marks of people's, which would be lost; name"
            ):
                save([Document("1", text, marks)], format, place)
    save([Document("1", text, (kim, amman))], format, place)
    more = Entity(3, 0, 3, "X", "زار")  # perhaps one that somebody took away
    with pytest.raises(InputError, match=r"1\.\w+ lacks 1 marks, which people may have taken away; name"):
        save([Document("1", text, (more, kim, amman))], format, place)
    scored = tuple(replace(mark, score=0.9) for mark in (kim, amman))
    model = [Document("1", text, scored)]
    if format in ("jsonl", "prodigy", "label-studio"):
        with pytest.raises(InputError, match=r"and a model's would take their place; name"):
            save(model, format, place)
    assert {file.name: file.read_bytes() for file in (tmp_path / "articles").iterdir()} == files


def test_a_relation_and_white_space_are_not_lost_either(tmp_path: Path) -> None:
    text = "زار كيم   عمان.\n\nعاد"
    ends = (Entity(1, 4, 7, "PERS", "كيم"), Entity(2, 10, 14, "GPE", "عمان"))
    save([Document("1", text, ends, (Relation("visits", 1, 2),))], "plain", f"{tmp_path}/a/")
    with pytest.raises(InputError, match="1 marks of people's"):
        save([Document("1", text, ends)], "plain", f"{tmp_path}/a/")
    with pytest.raises(InputError, match="with other white space"):
        save([Document("1", "زار كيم عمان.\nعاد")], "plain", f"{tmp_path}/a/")


def test_white_space_that_a_tool_s_file_does_not_say_is_none_that_is_lost(tmp_path: Path) -> None:
    """An export of INCEpTION without marks could not be written anew with a model's."""
    text = "زار كيم. عاد كيم."
    save([Document("1", text)], "webanno", f"{tmp_path}/a/")
    file = tmp_path / "a" / "1.tsv"
    file.write_text(file.read_text(encoding="utf-8").replace(". \n", ".\n"), encoding="utf-8")
    save([Document("1", text, (Entity(1, 4, 7, "PERS", "كيم", score=0.9),))], "webanno", f"{tmp_path}/a/")
    assert "PERS" in file.read_text(encoding="utf-8")


def test_what_is_not_read_is_not_written_over(tmp_path: Path) -> None:
    kim = Entity(1, 4, 7, "PERS", "كيم")
    save([Document("1", "زار كيم", (kim,))], "brat", tmp_path)
    with (tmp_path / "1.ann").open("a", encoding="utf-8") as file:
        file.write("A1\tDoubtful T1\n")
    with pytest.raises(InputError, match=r"1\.ann holds what is not read \(.*attributes"):
        save([Document("1", "زار كيم", (kim, Entity(2, 0, 3, "X", "زار")))], "brat", tmp_path)


def test_marks_of_a_model_are_written_over(tmp_path: Path) -> None:
    old, new = (Entity(1, *span, "PERS", "زار كيم"[slice(*span)], score=0.5) for span in ((4, 7), (0, 3)))
    save([Document("1", "زار كيم", (old,))], "jsonl", f"{tmp_path}/a/")
    assert save([Document("1", "زار كيم", (new,))], "jsonl", f"{tmp_path}/a/") == []


def test_what_no_reader_reads_is_not_written_over(tmp_path: Path) -> None:
    save([Document("a", "زار كيم"), Document("b", "عاد")], "jsonl", tmp_path / "a.jsonl")
    (tmp_path / "a.txt").write_text("[[ أولى", encoding="utf-8")
    (tmp_path / "b.ann").write_text("T1\tX 0 2\tنص\n", encoding="utf-8")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for format, id in (("jsonl", "a"), ("plain", "a"), ("brat", "b")):
        with pytest.raises(InputError, match="holds another article"):
            save([Document(id, "زار كيم")], format, f"{tmp_path}/")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_no_article_has_the_name_of_a_table_of_ours(tmp_path: Path) -> None:
    for id in ("differences", "Accepted"):
        with pytest.raises(InputError, match="is a table of Kashif's own; rename the document"):
            save([Document(id, "زار كيم")], "webanno", tmp_path)
    assert save([Document("differences", "زار كيم")], "plain", tmp_path) == []


def test_no_source_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("كيم O\n", encoding="utf-8")
    sources = Sources([tmp_path])
    for output in (f"{tmp_path}/", tmp_path / "a.conll", tmp_path / "b.conll"):
        with pytest.raises(InputError, match="is an input, or stands in a folder that is read"):
            save([Document("a", "كيم")], "conll", output, sources=sources)
    assert [file.name for file in tmp_path.iterdir()] == ["a.conll"]
    save([Document("a", "كيم")], "conll", f"{tmp_path}/below/", sources=sources)


@pytest.mark.parametrize("format", ["plain", "brat"])
def test_the_largest_id_is_read_as_it_was_written(tmp_path: Path, format: str) -> None:
    document = Document("a", "كيم", (Entity(10**18 - 1, 0, 3, "X", "كيم"),))
    save([document], format, tmp_path)
    [(name, file)] = files(tmp_path)
    assert [reading.document for reading in read(file, name)] == [document]


def test_html_has_a_page_for_each_document_or_for_all(tmp_path: Path) -> None:
    documents = [Document(id, "كيم\x1b", (Entity(1, 0, 3, "X", "كيم"),)) for id in "ab"]
    for output, names in ((f"{tmp_path}/pages/", ["a.html", "b.html"]), (f"{tmp_path}/page", ["page"])):
        Output.at(output, "html", labels=["X", "Y"]).write(documents, tell=print)
        place = Path(output)
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        assert [file.name for file in files] == names
        pages = "".join(file.read_text(encoding="utf-8") for file in files)
        assert pages.count("<article>") == 2
        assert "كيم<small>X</small></mark>\\x1b" in pages


def test_tables_and_pages_of_others_are_not_written_over(tmp_path: Path) -> None:
    document = Document("a", "كيم", (Entity(1, 0, 3, "X", "كيم"),))
    for format in ("csv", "html"):
        for _ in range(2):  # its own is written anew
            Output.at(f"{tmp_path}/", format).check(document)
            Output.at(f"{tmp_path}/", format).write([document], tell=print)
        (tmp_path / f"a.{format}").write_text("x,y\n", encoding="utf-8")
        with pytest.raises(InputError, match="was not written by Kashif, and would be lost; name another"):
            Output.at(f"{tmp_path}/", format).check(document)


def test_meta_is_not_lost(tmp_path: Path) -> None:
    kim = Entity(1, 4, 7, "PERS", "كيم")
    save([Document("1", "زار كيم", (kim,), meta={"url": "a", "by": "سعاد"})], "jsonl", f"{tmp_path}/")
    with pytest.raises(
        InputError, match=r"1\.jsonl holds other meta \(by\), which would be lost; name another"
    ):
        save([Document("1", "زار كيم", (kim,), meta={"url": "a"})], "jsonl", f"{tmp_path}/")


def test_nothing_takes_the_place_of_no_file(tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match=r"no document to write; .*gold\.jsonl is left as it is"):
        save([], "jsonl", tmp_path / "gold.jsonl")
    assert (tmp_path / "gold.jsonl").read_text(encoding="utf-8") == "x"


def test_an_article_without_a_word_leaves_no_file_in_conll(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="no document to write"):
        save([Document("e", " \n")], "conll", tmp_path / "a.conll")
    losses = save([Document("e", " \n"), Document("k", "كيم")], "conll", f"{tmp_path}/")
    assert [line.split(":")[0] for line in losses] == ["e"]
    assert {file.name for file in tmp_path.iterdir()} == {"a.conll", "k.conll"}


def test_a_model_s_own_file_is_written_again(tmp_path: Path) -> None:
    """Its mean of scores was compared before they were rounded."""
    marks = tuple(
        Entity(n, n, n + 1, "X", "كيم"[n], score=score) for n, score in enumerate((0.333333333, 0.66666666))
    )
    for _ in range(2):
        output = replace(Output.at(f"{tmp_path}/", "label-studio"), predicted=True)
        output.check(Document("a", "كيم", marks))
        output.write([Document.from_json(Document("a", "كيم", marks).to_json())], tell=print)
