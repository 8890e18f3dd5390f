from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from kashif.box import WEIGHTS
from kashif.corpora.articles import Articles
from kashif.corpora.provenance import (
    FORMER,
    NAME,
    RECIPE,
    TERMS,
    SeenArticles,
    articles_row,
    other_version,
    refuse_seen,
    seen_by,
    terms_of,
    untold,
    with_thresholds,
    write_encoder_manifest,
)
from kashif.corpora.texts import article_digest, text_digest
from kashif.document import Document
from kashif.errors import InputError


def write(folder: Path, **parts: object) -> None:
    (folder / NAME).write_text(json.dumps(parts), encoding="utf-8")


def test_a_manifest_tells_what_a_model_has_seen(tmp_path: Path) -> None:
    first, second, third = (Document(id, f"نص {id}") for id in "abc")
    write(tmp_path, train=articles_row([first]), development=articles_row([second]), versions={"torch": "2"})
    seen = SeenArticles.of(tmp_path)
    assert seen is not None
    assert list(seen.train.texts) == ["a"]
    assert list(seen.development.texts) == ["b"]
    assert seen.thresholds == Articles()
    write(tmp_path, **with_thresholds(tmp_path, [third], anew=True))
    again = SeenArticles.of(tmp_path)
    assert again == replace(seen, thresholds=Articles(articles_row([third])["articles"]))
    write(tmp_path, **with_thresholds(tmp_path, [second], anew=False))
    both = SeenArticles.of(tmp_path)
    assert both is not None
    assert both.thresholds.texts.keys() == {third.id, second.id}
    assert json.loads((tmp_path / NAME).read_text(encoding="utf-8"))["versions"] == {"torch": "2"}


@pytest.mark.parametrize("text", ["زار كيم أوسلو .\r\nعاد بوتين\r\n", "زار كيم أوسلو .\nعاد بوتين"])
def test_a_manifest_of_the_digests_of_whole_texts_knows_them_with_other_line_ends(
    tmp_path: Path, text: str
) -> None:
    older = Articles({"a": text_digest("زار كيم أوسلو .\nعاد بوتين\n")})
    same, copy = Document("a", text), Document("x", text)
    assert older.among([same, copy]) == {"a", "x"}
    assert older.namesakes([same]) == set()
    assert older.very([same]) == [same]
    write(tmp_path, thresholds=older.row)
    rows = with_thresholds(tmp_path, [same], anew=False)
    assert rows["thresholds"]["articles"] == {"a": article_digest(text)}
    assert FORMER not in rows  # it stands there once


def test_the_digest_of_articles_is_of_their_annotations_too(article: Document) -> None:
    row, bare = articles_row([article]), articles_row([Document(article.id, article.text)])
    assert row["articles"] == bare["articles"]
    assert row["sha256"] != bare["sha256"]


def test_a_folder_without_manifest_tells_nothing(tmp_path: Path) -> None:
    assert SeenArticles.of(tmp_path) is None


@pytest.mark.parametrize(
    "parts", [{"train": []}, {"train": {"articles": {}}}, {"train": {}, "development": {}}, {"train": "x"}]
)
def test_a_manifest_of_another_shape_is_refused(tmp_path: Path, parts: dict[str, object]) -> None:
    write(tmp_path, **parts)
    with pytest.raises(InputError, match=r"manifest\.json: (train: expected articles|lacks)"):
        SeenArticles.of(tmp_path)


def test_a_manifest_that_is_no_object_or_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("[1]", encoding="utf-8")
    with pytest.raises(InputError, match="train the model again"):
        SeenArticles.of(tmp_path)
    (tmp_path / NAME).write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"manifest\.json:1: not JSON"):
        SeenArticles.of(tmp_path)


def test_weights_that_the_manifest_does_not_name_are_refused(tmp_path: Path) -> None:
    """A save that was killed left new weights beside the old manifest, whose word was taken for them."""
    (tmp_path / WEIGHTS).write_bytes(b"weights")
    nothing = articles_row([])
    named = hashlib.sha256(b"weights").hexdigest()
    write(tmp_path, train=nothing, development=nothing, weights=named)
    assert SeenArticles.of(tmp_path) == SeenArticles()
    assert seen_by(str(tmp_path)) == Articles()
    (tmp_path / WEIGHTS).write_bytes(b"others!")
    for read in (SeenArticles.of, lambda folder: seen_by(str(folder))):
        with pytest.raises(InputError, match=r"model\.safetensors: not the weights that manifest\.json"):
            read(tmp_path)


def test_an_encoder_s_manifest_is_read_or_refused(tmp_path: Path) -> None:
    assert seen_by("some/encoder") == Articles()
    (tmp_path / WEIGHTS).write_bytes(b"weights")
    seen = Articles({"a": "1"}, {"b[0-50%]": frozenset({"2", "3"})})
    write_encoder_manifest(tmp_path, seen)
    assert seen_by(str(tmp_path)) == seen
    for content in ("{", "[]", "{}", '{"train": []}', '{"pretraining": {"articles": 3}}'):
        (tmp_path / NAME).write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=r"manifest\.json"):
            seen_by(str(tmp_path))


def test_an_encoder_s_folder_that_lost_its_manifest_is_told_of(tmp_path: Path) -> None:
    assert untold("some/encoder") == untold("e5-small-ar") == untold(str(tmp_path)) == []
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / WEIGHTS).write_bytes(b"weights")
    [notice] = untold(str(tmp_path))
    assert f"'{tmp_path}': no manifest.json, so what it has read is not known" in notice
    write_encoder_manifest(tmp_path, Articles())
    assert untold(str(tmp_path)) == []


def test_no_text_vanishes_where_parts_of_a_manifest_share_an_id(tmp_path: Path) -> None:
    """Of two texts of an id, one was forgotten, and scored as held out."""
    names = ("pretraining", "train", "development", "encoder articles", "auxiliary", "thresholds")
    write(tmp_path, **{name: articles_row([Document("1", f"نص {name}")]) for name in names})
    seen = SeenArticles.of(tmp_path)
    assert seen is not None
    learned = [Document(name, f"نص {name}") for name in ("train", "encoder articles", "auxiliary")]
    assert seen.learned.among(learned) == {document.id for document in learned}
    assert set(seen_by(str(tmp_path)).texts.values()) == {
        text
        for name in names[:5]
        for text in articles_row([Document("1", f"نص {name}")])["articles"].values()
    }
    for text in ("نص آخر", "نص ثالث"):
        write(tmp_path, **with_thresholds(tmp_path, [Document("1", text)], anew=False))
    again = SeenArticles.of(tmp_path)
    assert again is not None
    assert len(set(again.thresholds.texts.values())) == 3


def test_the_terms_of_a_model_and_of_its_encoder(tmp_path: Path) -> None:
    nothing: dict[str, object] = {"license": "", "credits": []}
    assert terms_of(tmp_path / "none") == terms_of(tmp_path) == nothing
    write(tmp_path, **{TERMS: {"license": "mit AND cc0", "credits": ["A", "B"]}})
    assert terms_of(tmp_path) == {"license": "mit AND cc0", "credits": ["A", "B"]}
    (tmp_path / RECIPE).write_text("license: cc0\ncredits: [B, C]\nother: x\n", encoding="utf-8")
    assert terms_of(tmp_path) == {"license": "cc0 AND mit", "credits": ["B", "C", "A"]}
    for content in ("license: 4\n", "credits: a\n", "credits: [3]\n"):
        (tmp_path / RECIPE).write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=r"recipe\.yaml: expected a text as license"):
            terms_of(tmp_path)


@pytest.mark.parametrize("manifest", ["{}", "[", "[]", '{"versions": 1}', '{"versions": {"kashif": 1}}'])
def test_a_version_that_is_not_told_is_no_other_one(tmp_path: Path, manifest: str) -> None:
    assert other_version(tmp_path) == ""
    (tmp_path / "manifest.json").write_text(manifest, encoding="utf-8")
    assert other_version(tmp_path) == ""
    (tmp_path / "manifest.json").write_text('{"versions": {"kashif": "0.0.1"}}', encoding="utf-8")
    assert "written by Kashif 0.0.1, this is" in other_version(tmp_path)


def test_words_that_a_model_was_trained_on_are_known_after_a_change_of_the_file(tmp_path: Path) -> None:
    """Sentences put before the others moved what was trained on into the slice that is scored."""
    lines = [" ".join(f"كلمة{word}من{line}" for word in range(24)) + "\n" for line in range(20)]
    trained, new = Document("w[0-80%]", "".join(lines[:16])), Document("w[80-100%]", "".join(lines[16:]))
    moved = Document("w[80-100%]", "".join(lines[14:]))
    write(tmp_path, train=articles_row([trained]), development=articles_row([]))
    seen = SeenArticles.of(tmp_path)
    assert seen is not None
    assert seen.learned.among([new]) == set()
    assert seen.learned.among([moved]) == {"w[80-100%]"}
    for anew in (True, False):  # the runs of those that choose thresholds are there, too
        write(tmp_path, **with_thresholds(tmp_path, [new], anew=anew))
        again = SeenArticles.of(tmp_path)
        assert again is not None
        assert again.thresholds.among([moved]) == {"w[80-100%]"}
    assert "runs" not in articles_row([Document("w", "نص")])


def test_a_short_text_that_an_encoder_has_seen_is_refused_by_its_id_alone() -> None:
    before = Articles(
        articles_row([Document("a", "عاد كيم"), Document("b", "عاد كيم إلى مدينة كييف")])["articles"]
    )
    refuse_seen(before, [Document("x", "عاد كيم")])
    rows = [Document("x", "عاد كيم"), Document("a", "عاد كيم"), Document("y", "عاد كيم إلى مدينة كييف")]
    assert (before.surely(rows), before.among(rows)) == ({"a", "y"}, {"x", "a", "y"})
    with pytest.raises(InputError, match="has seen a, y, which held_out names"):
        refuse_seen(before, [Document("a", "عاد كيم"), Document("y", "عاد كيم إلى مدينة كييف")])
