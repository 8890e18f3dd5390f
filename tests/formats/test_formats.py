from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashif import formats
from kashif.arabic import sentences, words
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats.writing import save

LABELS = ["PERS", "GPE", "ORG"]


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Documents over words, with spans that nest or stand apart."""
    text = draw(st.text(alphabet="ابت ولم\n.،«»\u064e😀", min_size=1, max_size=40))
    spans = words(text)
    entities: list[Entity] = []
    for _ in range(draw(st.integers(0, 4)) if spans else 0):
        first = draw(st.integers(0, len(spans) - 1))
        last = draw(st.integers(first, len(spans) - 1))
        start, end = spans[first][0], spans[last][1]
        label = draw(st.sampled_from(LABELS))
        crossing = any(start < e.start < end < e.end or e.start < start < e.end < end for e in entities)
        same = any(e.label == label and start < e.end and e.start < end for e in entities)
        if not crossing and not same:
            entities.append(Entity(len(entities) + 1, start, end, label, text[start:end]))
    entities.sort(key=lambda item: (item.start, -item.end))
    relations = [Relation("r", a.id, b.id) for a, b in itertools.pairwise(entities)]
    return Document("d", text, tuple(entities), tuple(relations))


def contents(document: Document) -> tuple[object, ...]:
    keys = {entity.id: entity.key for entity in document.entities}
    links = sorted((r.label, keys[r.head], keys[r.tail]) for r in document.relations)
    return document.text, sorted(keys.values()), links


@pytest.mark.parametrize("name", ["plain", "brat", "jsonl"])
@settings(max_examples=60, deadline=None)
@given(document=documents())
def test_round_trip_is_lossless(
    name: str, tmp_path_factory: pytest.TempPathFactory, document: Document
) -> None:
    folder = tmp_path_factory.mktemp("round")
    losses = save([document], name, folder)
    [(format, file)] = formats.files(folder)
    again = formats.read(file, format)[0].document
    assert losses == []
    assert contents(again) == contents(document)
    assert again.id == "d"


@settings(max_examples=60, deadline=None)
@given(document=documents())
def test_conll_keeps_spans_over_words(tmp_path_factory: pytest.TempPathFactory, document: Document) -> None:
    if not words(document.text):
        return
    file = tmp_path_factory.mktemp("round") / "d.conll"
    losses = save([document], "conll", file)
    [reading] = formats.read(file, "conll")

    def tagged(doc: Document) -> list[tuple[str, str]]:
        return sorted((e.label, "".join(e.text.split())) for e in doc.entities)

    assert "".join(reading.document.text.split()) == "".join(document.text.split())
    # A span that runs over a sentence's end is cut there.
    cuts = sentences(document.text)
    if all(any(a <= e.start and e.end <= b for a, b in cuts) for e in document.entities):
        assert tagged(reading.document) == tagged(document)
    assert ("relations" in " ".join(losses)) == bool(document.relations)


@pytest.mark.parametrize(
    "ids", [["a", "a"], ["../a"], ["/tmp/a"], [""], [".a"], ["a\0b"], ["a\nb"], ["a\ud800"], ["ا" * 130]]
)
def test_ids_that_would_overwrite_or_leave_the_folder_are_refused(tmp_path: Path, ids: list[str]) -> None:
    with pytest.raises(InputError, match="id"):
        save([Document(id, "x") for id in ids], "plain", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_lone_surrogates_are_escaped_or_refused(tmp_path: Path) -> None:
    document = Document("d", "a\ud83d b")
    save([document], "jsonl", tmp_path)
    assert formats.read(tmp_path / "d.jsonl", "jsonl")[0].document == document
    for format in ("plain", "brat"):  # of brat it stands in the text alone, and was told after all the work
        with pytest.raises(InputError, match="lone surrogate"):
            formats.render(document, format)


def test_endings_and_names(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("نص", encoding="utf-8")
    (tmp_path / "b.txt").write_text("نص", encoding="utf-8")
    (tmp_path / "b.ann").write_text("", encoding="utf-8")
    assert [(name, file.name) for name, file in formats.files(tmp_path)] == [
        ("plain", "a.txt"),
        ("brat", "b.ann"),
    ]
    assert formats.files(tmp_path / "b.txt")[0][0] == "brat"
    assert formats.files(tmp_path / "b.txt", "plain")[0][0] == "plain"
    with pytest.raises(InputError, match="no such file"):
        formats.files(tmp_path / "none")
    with pytest.raises(InputError, match="did you mean 'plain'"):
        formats.files(tmp_path, "plian")
    (tmp_path / "c.xml").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="FORMAT:PATH"):
        formats.files(tmp_path / "c.xml")


def test_a_text_that_is_elsewhere_is_not_written_beside_its_annotations(tmp_path: Path) -> None:
    asked: list[tuple[Path, Document]] = []

    def has_text(path: Path, document: Document) -> bool:
        asked.append((path, document))
        return document.id == "a"

    documents = [Document("a", "نص"), Document("b", "نص")]
    save(documents, "brat", tmp_path, has_text=has_text)
    assert asked == [(tmp_path / f"{document.id}.ann", document) for document in documents]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.ann", "b.ann", "b.txt"]


def test_endings_in_capitals_are_endings_and_hidden_files_are_none(tmp_path: Path) -> None:
    for name in ("A.TXT", "B.ANN", "B.TXT", ".c.txt"):
        (tmp_path / name).write_text("", encoding="utf-8")
    assert [(name, file.name) for name, file in formats.files(tmp_path)] == [
        ("plain", "A.TXT"),
        ("brat", "B.ANN"),
    ]
    assert formats.files(tmp_path / "B.TXT") == [("brat", tmp_path / "B.ANN")]
    assert formats.read(tmp_path / "B.ANN", "brat")[0].document.text == ""


def test_a_folder_without_documents_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    with pytest.raises(InputError, match=r"it holds folders, name them: .*inside"):
        formats.files(tmp_path)
    (tmp_path / "train.txt").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"no \.conll file in this folder; .* FORMAT:.*train\.txt"):
        formats.files(tmp_path, "conll")
    (tmp_path / "a.json").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="jsonl:PATH"):
        formats.files(tmp_path / "a.json")


def test_a_folder_s_name_may_have_an_ending(tmp_path: Path) -> None:
    folder = tmp_path / "a.d"
    folder.mkdir()
    save([Document("a", "x")], "plain", folder)
    save([Document("a", "x")], "jsonl", folder)
    assert sorted(file.name for file in folder.iterdir()) == ["a.jsonl", "a.txt"]
    save([Document("a/b", "x")], "jsonl", tmp_path / "all.jsonl")  # no file is named after it


def test_conllu_is_an_ending_of_conll(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text("كيم\tB-PERS\nهنا\tO\n", encoding="utf-8")
    for place in (tmp_path, tmp_path / "a.conllu"):
        for format in (None, "conll"):
            assert formats.files(place, format) == [("conll", tmp_path / "a.conllu")]


def test_marks_of_another_tool_are_not_lost_in_the_meta(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    mark = '{"start": 0, "end": 4, "label": "PERS"}'
    path.write_text(f'{{"id": "a", "text": "بوتين", "spans": [{mark}], "relations": []}}\n', encoding="utf-8")
    with pytest.raises(InputError, match=f"write prodigy:{path}"):
        formats.read(path, "jsonl")


def test_the_text_of_brat_stands_for_its_marks(tmp_path: Path) -> None:
    save([Document("a", "بوتين", (Entity(1, 0, 5, "PERS", "بوتين"),))], "brat", tmp_path / "b")
    assert formats.files(tmp_path / "b" / "a.txt", "brat") == [("brat", tmp_path / "b" / "a.ann")]
