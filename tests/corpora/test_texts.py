from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from kashif import formats
from kashif.corpora import texts
from kashif.document import Document, Entity
from kashif.errors import InputError
from kashif.formats.writing import save

TEXT = "زار بوتين"


@pytest.fixture
def annotations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``.ann`` that points into a text which only a manifest names."""
    monkeypatch.delenv("KASHIF_SEEDS", raising=False)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "annotations" / "seeds").mkdir(parents=True)
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    entry = {"id": "s1", "source": "s1.txt", "sha256": digest, "characters": len(TEXT)}
    manifest = {"variable": "KASHIF_SEEDS", "articles": [entry]}
    (tmp_path / "seeds" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    path = tmp_path / "annotations" / "seeds" / "s1.ann"
    path.write_text("T1\tPERS 4 9\tبوتين\n", encoding="utf-8")
    return path


def test_a_text_is_found_by_manifest(
    annotations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(texts.MissingText, match="set KASHIF_SEEDS"):
        texts.read(annotations, "brat")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "s1.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.setenv("KASHIF_SEEDS", str(elsewhere))
    [reading] = texts.read(annotations, "brat")
    assert reading.document.entities[0].text == "بوتين"
    (elsewhere / "s1.txt").write_text("زار كيم", encoding="utf-8")
    with pytest.raises(InputError, match="not the text that was annotated"):
        texts.read(annotations, "brat")


def test_a_text_may_lie_beside_the_manifest_and_wins_beside_the_annotations(
    annotations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seeds" / "s1.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.setenv("KASHIF_SEEDS", str(tmp_path))  # it is not there
    assert texts.read(annotations, "brat")[0].document.text == TEXT
    annotations.with_suffix(".txt").write_text(f"{TEXT}.", encoding="utf-8")
    assert texts.read(annotations, "brat")[0].document.text == f"{TEXT}."


def test_writing_puts_no_text_beside_the_annotations_where_a_manifest_has_it(annotations: Path) -> None:
    folder, beside = annotations.parent, annotations.with_suffix(".txt")
    document = Document("s1", TEXT, (Entity(1, 4, 9, "PERS", "بوتين"),))
    assert texts.is_named(annotations, document)
    with pytest.raises(InputError, match="1 marks of people's"):
        save([Document("s1", TEXT)], "brat", folder, has_text=texts.is_named)
    save([document], "brat", folder, has_text=texts.is_named)
    assert not beside.exists()
    # Another text of this name is not the manifest's, and another name not in it.
    assert not texts.is_named(annotations, Document("s1", "زار كيم"))
    assert not texts.is_named(folder / "s2.ann", Document("s2", TEXT))
    other = [Document("s1", "زار كيم")]
    with pytest.raises(InputError, match="holds another article"):
        save(other, "brat", folder, has_text=texts.is_named)
    annotations.unlink()
    save(other, "brat", folder, has_text=texts.is_named)
    assert beside.read_text(encoding="utf-8") == "زار كيم"


def write_lines(folder: Path, *rows: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / "all.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def test_a_text_may_be_a_line_of_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    annotations = tmp_path / "annotations" / "wire"
    annotations.mkdir(parents=True)
    entry = {"id": "w1", "source": "all.jsonl.gz", "sha256": texts.text_digest(TEXT), "characters": 9}
    manifest = {"variable": "KASHIF_DATA", "articles": [entry]}
    (annotations / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    path = annotations / "w1.ann"
    path.write_text("T1\tPERS 4 9\tبوتين\n", encoding="utf-8")
    # A second reading in another folder finds the same manifest.
    second = tmp_path / "annotations" / "second" / "wire-b" / "w1.ann"
    second.parent.mkdir(parents=True)
    second.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    data = tmp_path / "data"
    monkeypatch.setenv("KASHIF_DATA", str(data))
    with pytest.raises(texts.MissingText, match=r"all\.jsonl\.gz is not here: set KASHIF_DATA"):
        texts.read(path, "brat")
    write_lines(data, {"id": "w0", "text": "زار"}, {"id": "w1", "text": TEXT})
    for file in (path, second):
        assert texts.read(file, "brat")[0].document.text == TEXT
    # Another release, with another text or without this one, is refused; a model's manifest is passed over.
    write_lines(data, {"id": "w1", "text": "زار كيم هنا"})
    with pytest.raises(InputError, match=r"w1: SHA-256 is .* not the text that was annotated"):
        texts.read(path, "brat")
    write_lines(data, {"id": "w0", "text": "x"}, {"id": "w2", "text": "y"})
    with pytest.raises(InputError, match="holds no text with the id 'w1'"):
        texts.read(path, "brat")
    (data / "all.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match="not a whole gzip file"):
        texts.read(path, "brat")


def test_a_model_s_manifest_is_passed_over(annotations: Path) -> None:
    (annotations.parent / "manifest.json").write_text('{"train": {}}', encoding="utf-8")
    with pytest.raises(texts.MissingText):
        texts.read(annotations, "brat")


def test_annotations_without_any_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ann"
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"no text: a\.txt is not beside it and no manifest\.json"):
        texts.read(path, "brat")


def test_files_of_other_formats_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("[[بوتين|PERS#1]]\n---\n", encoding="utf-8")
    assert texts.read(path, "plain") == formats.read(path, "plain")
