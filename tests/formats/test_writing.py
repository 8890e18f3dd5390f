from __future__ import annotations

from pathlib import Path

import pytest

from kashif.document import Document, Entity
from kashif.errors import InputError
from kashif.formats.writing import Output, save


def test_a_format_of_one_document_a_file_needs_a_folder(tmp_path: Path) -> None:
    for format, names in (("plain", ["a.txt"]), ("brat", ["a.ann", "a.txt"])):
        save([Document("a", "نص")], format, tmp_path / f"{format}.txt")
        assert sorted(file.name for file in (tmp_path / f"{format}.txt").iterdir()) == names
    save([Document("a", "نص"), Document("b", "نص")], "jsonl", tmp_path / "no ending")
    assert (tmp_path / "no ending").read_text(encoding="utf-8").count("\n") == 2
    save([Document("a", "نص")], "conll", f"{tmp_path}/new.d/")
    assert [file.name for file in (tmp_path / "new.d").iterdir()] == ["a.conll"]


def test_nothing_is_written_unless_all_can_be(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")
    crossing = Document("c", "abcd", (Entity(1, 0, 3, "X", "abc"), Entity(2, 1, 4, "X", "bcd")))
    bad = [Document("a", "نص"), crossing, Document("b/", ""), Document("e" * 240, ""), Document("\x00", "")]
    with pytest.raises(InputError) as error:
        save(bad, "plain", tmp_path)
    assert len(error.value.faults) == 4
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"
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
