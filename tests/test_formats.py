from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashif import formats
from kashif.arabic import sentences, words
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats.reading import MissingText

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
    losses = formats.save([document], name, folder)
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
    losses = formats.save([document], "conll", file)
    [reading] = formats.read(file, "conll")

    def tagged(doc: Document) -> list[tuple[str, str]]:
        return sorted((e.label, "".join(e.text.split())) for e in doc.entities)

    assert "".join(reading.document.text.split()) == "".join(document.text.split())
    # A span that runs over a sentence's end is cut there.
    cuts = sentences(document.text)
    if all(any(a <= e.start and e.end <= b for a, b in cuts) for e in document.entities):
        assert tagged(reading.document) == tagged(document)
    assert ("relations" in " ".join(losses)) == bool(document.relations)


def test_plain_tells_all_faults_with_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(
        "[[بوتين|PERS#1]] و[[كيم|PERS#1]]\nزار|GPE#2]]\n[[موسكو\nثم ]] عاد\n---\nmeets 1 9\nmeets 1\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        formats.read(path, "plain")
    lines = [(fault.line, fault.message.split(";")[0]) for fault in caught.value.faults]
    assert lines == [
        (1, "id 1 is taken by the span on line 1"),
        (2, "|GPE#2]] closes no span"),
        (3, "[[ is never closed"),
        (4, "']]' closes no span"),
        (6, "meets: there is no entity #9"),
        (7, "expected 'label head-id tail-id', found 'meets 1'"),
    ]


def test_plain_keeps_the_text_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff[[بوتين|PERS#1]]\r\n\n---\n".encode())
    document = formats.read(path, "plain")[0].document
    assert document.text == "\ufeffبوتين\r\n"
    assert formats.render(document, "plain")[0] == path.read_bytes().decode()


def test_carriage_returns_do_not_hide_relations(tmp_path: Path) -> None:
    """A CRLF file once lost its relations to the text without a word."""
    path = tmp_path / "a.txt"
    path.write_bytes("[[بوتين|PERS#1]] زار [[موسكو|GPE#2]]\r\n---\r\nvisits 1 2\r\n".encode())
    document = formats.read(path, "plain")[0].document
    assert document.text == "بوتين زار موسكو"
    assert document.relations == (Relation("visits", 1, 2),)
    (tmp_path / "b.txt").write_bytes("بوتين".encode())
    (tmp_path / "b.ann").write_bytes("T1\tPERS 0 5\tبوتين\r\n".encode())
    assert formats.read(tmp_path / "b.ann", "brat")[0].document.entities[0].text == "بوتين"


@pytest.mark.parametrize("ids", [["a", "a"], ["../a"], ["/tmp/a"], [""]])
def test_ids_that_would_overwrite_or_leave_the_folder_are_refused(tmp_path: Path, ids: list[str]) -> None:
    with pytest.raises(InputError, match="id"):
        formats.save([Document(id, "x") for id in ids], "plain", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_lone_surrogates_are_escaped_or_refused(tmp_path: Path) -> None:
    document = Document("d", "a\ud83d b")
    formats.save([document], "jsonl", tmp_path)
    assert formats.read(tmp_path / "d.jsonl", "jsonl")[0].document == document
    with pytest.raises(InputError, match="lone surrogate"):
        formats.save([document], "plain", tmp_path)


def test_plain_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(InputError, match="cannot be told"):
        formats.render(Document("d", "a [[b]]"), "plain")
    crossing = (Entity(1, 0, 3, "A", "abc"), Entity(2, 2, 4, "B", "cd"))
    with pytest.raises(InputError, match="crosses"):
        formats.render(Document("d", "abcd", crossing), "plain")


def test_brat_tells_all_faults_with_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("زار بوتين موسكو", encoding="utf-8")
    path = tmp_path / "a.ann"
    path.write_text(
        "T1\tPERS 4 9\tكيم\nT2\tGPE 10 99\tx\nT3\tGPE 0 3;4 9\tزار\nR1\tvisits Arg1:T1 Arg2:T8\n# note\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        formats.read(path, "brat")
    assert [fault.line for fault in caught.value.faults] == [1, 2, 3, 4]


def manifest(folder: Path, text: str) -> Path:
    """A project whose annotations point into a text that only a manifest names."""
    (folder / "seeds").mkdir()
    (folder / "annotations").mkdir()
    digest = hashlib.sha256(text.encode()).hexdigest()
    entry = {"file": "s1.txt", "sha256": digest, "bytes": len(text.encode())}
    (folder / "seeds" / "manifest.json").write_text(json.dumps({"articles": [entry]}), encoding="utf-8")
    path = folder / "annotations" / "s1.ann"
    path.write_text("T1\tPERS 4 9\tبوتين\n", encoding="utf-8")
    return path


def test_brat_finds_a_text_by_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = manifest(tmp_path, "زار بوتين")
    monkeypatch.delenv("KASHIF_SEEDS", raising=False)
    with pytest.raises(MissingText, match="set KASHIF_SEEDS"):
        formats.read(path, "brat")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "s1.txt").write_text("زار بوتين", encoding="utf-8")
    monkeypatch.setenv("KASHIF_SEEDS", str(elsewhere))
    [reading] = formats.read(path, "brat")
    assert reading.document.entities[0].text == "بوتين"
    # Writing does not put the text beside the annotations when the manifest has it.
    formats.save([reading.document], "brat", tmp_path / "annotations")
    assert not path.with_suffix(".txt").exists()
    (elsewhere / "s1.txt").write_text("زار كيم", encoding="utf-8")
    with pytest.raises(InputError, match="not the text that was annotated"):
        formats.read(path, "brat")


def test_brat_without_any_text(tmp_path: Path) -> None:
    path = tmp_path / "a.ann"
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="no text"):
        formats.read(path, "brat")


def test_jsonl_tells_double_ids_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "text": ""}\n\n{"id": "a", "text": ""}\n{"id": 3}\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        formats.read(path, "jsonl")
    assert {fault.line for fault in caught.value.faults} == {3, 4}


def test_conll_reads_nested_columns_dividers_and_stray_tags(tmp_path: Path) -> None:
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


def test_conll_keeps_same_type_spans_in_their_columns(tmp_path: Path) -> None:
    text = "جامعة كلية العلوم الكبرى"
    entities = (Entity(1, 0, 24, "ORG", text), Entity(2, 6, 17, "ORG", "كلية العلوم"))
    formats.save([Document("d", text, entities)], "conll", tmp_path / "d.conll")
    again = formats.read(tmp_path / "d.conll", "conll")[0].document
    assert {entity.key for entity in again.entities} == {entity.key for entity in entities}
    across = "شركة ياهو! العالمية"
    _, losses = formats.render(Document("d", across, (Entity(1, 0, 19, "ORG", across),)), "conll")
    assert losses == ["d: 1 spans run over the end of a sentence and are cut there"]


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


def test_not_utf8_says_where(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"ab\xff")
    with pytest.raises(InputError, match="not UTF-8 at byte 2"):
        formats.read_text(path)
