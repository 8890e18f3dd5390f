from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from kashif.corpora.duplicates import FEW, SHINGLE, Overlap, overlaps
from kashif.corpora.texts import article_digest
from kashif.document import Document
from kashif.errors import InputError
from kashif.training import unannotated
from kashif.training.unannotated import read_unannotated

LONG = " ".join(f"كلمة{index}" for index in range(40))


def lines(path: Path, *rows: object) -> Path:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix.lower() == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "A.JSONL", "A.Jsonl.GZ"])
def test_articles_that_are_held_out_and_their_near_duplicates_are_left_out(name: str, tmp_path: Path) -> None:
    rows = [
        {"id": "a", "text": "فقرة\nأخرى"},
        {"id": "b", "text": "له هذا المعرف"},
        {"id": "c", "text": LONG},  # the text, under another id
        {"id": "d", "text": f"وقال {LONG} أمس"},  # nearly the text
        {"id": "e", "text": " ".join(LONG.split()[:7]) + " وغير ذلك"},  # too little of it
    ]
    held_out = [Document("b", "نص غيره"), Document("x", LONG)]
    found = read_unannotated([lines(tmp_path / name, *rows)], held_out=held_out)
    assert found.paragraphs == ["فقرة", "أخرى", rows[4]["text"]]
    assert found.articles == {"a": article_digest("فقرة\nأخرى"), "e": article_digest(rows[4]["text"])}
    assert (found.held_out, found.near) == (2, 1)


def test_no_article_vanishes_behind_another_of_its_id_or_of_none(tmp_path: Path) -> None:
    """The last text of an id was kept alone, and ``null`` was the id None."""
    first = lines(
        tmp_path / "a.jsonl", {"id": 1, "text": "أول"}, {"id": None, "text": "ثان"}, {"text": "ثالث"}
    )
    second = lines(tmp_path / "b.jsonl", {"id": "1", "text": "رابع"}, {"id": 1, "text": "أول"})
    found = read_unannotated([first, second], held_out=[Document("None", "غيره")])
    texts = [article_digest(text) for text in ("أول", "ثان", "ثالث", "رابع")]
    assert found.articles == {
        "1": texts[0],
        texts[1]: texts[1],
        texts[2]: texts[2],
        f"1#{texts[3]}": texts[3],
    }
    assert found.held_out == 0


@pytest.mark.parametrize("count", [1, 3, 5])
def test_what_several_held_out_articles_share_is_left_out_too(count: int, tmp_path: Path) -> None:
    held_out = [Document(f"h{n}", f"خبر{n} {LONG}") for n in range(count)]
    own = " ".join(f"غير{i}" for i in range(300))
    found = read_unannotated(
        [lines(tmp_path / "a.jsonl", {"id": "a", "text": own + LONG})], held_out=held_out
    )
    assert (found.articles, found.near) == ({}, 1)


def test_paragraphs_are_read_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(f"أولى\n\n{LONG}\nأخيرة", encoding="utf-8")
    found = read_unannotated([tmp_path / "t.txt"], held_out=[Document("x", LONG)])
    assert found.paragraphs == ["أولى", "", "أخيرة"]
    assert (found.articles, found.held_out) == ({}, 1)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", b'{"id": 1}\n', r"a\.jsonl:1: expected an object with a string for 'text'"),
        ("a.jsonl", b"nonsense\n", r"a\.jsonl:1: not JSON"),
        ("a.txt.gz", b"no gzip", r"a\.txt\.gz: not a whole gzip file"),
        ("a.txt", b"\xe9\n", r"a\.txt:1: not UTF-8 at byte 0"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_unannotated([tmp_path / name])


def test_a_footer_of_all_held_out_articles_compares_a_text_with_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each text was once compared with every article that holds it, and these with each other."""
    footer = " ".join(f"تذييل{index}" for index in range(SHINGLE))
    held_out = [
        Document(f"h{n}", " ".join([*(f"كلمة{n}ف{i}" for i in range(40)), footer])) for n in range(3 * FEW)
    ]
    rows = [
        {"id": "own", "text": " ".join([*(f"خبر{i}" for i in range(40)), footer])},
        {"id": "copy", "text": f"وقال {held_out[-1].text} أمس"},
    ]
    compared: list[int] = []

    def counting(texts: list[str], groups: list[int], **options: bool) -> list[Overlap]:
        compared.append(len(texts))
        found = overlaps(texts, groups, **options)
        assert {pair.first for pair in found} == {0}
        return found

    monkeypatch.setattr(unannotated, "overlaps", counting)
    found = read_unannotated([lines(tmp_path / "a.jsonl", *rows)], held_out=held_out)
    assert (list(found.articles), found.near) == (["own"], 1)
    assert compared == [1 + FEW, 2 + FEW]
