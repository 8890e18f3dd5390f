from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ARTICLE

from kashif.corpora import loading
from kashif.corpora.spec import Spec
from kashif.errors import InputError


def test_spec_has_all_its_parts() -> None:
    spec = Spec.parse("conll:data/train.txt#a@anercorp")
    assert spec == Spec(Path("data/train.txt"), "conll", "a", "anercorp")
    assert Spec.parse("data") == Spec(Path("data"))
    with pytest.raises(InputError, match="is no corpus"):
        Spec.parse("#x")


def test_the_environment_says_where_public_data_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KASHIF_DATA", str(tmp_path))
    spec = Spec.parse("conll:$KASHIF_DATA/a/train.txt#0-80%")
    assert spec == Spec(tmp_path / "a" / "train.txt", "conll", "0-80%")
    assert Spec.parse("$HOME/x").path == Path("$HOME/x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KASHIF_DATA", "data")
    assert Spec.parse("$KASHIF_DATA/a").path == tmp_path / "data" / "a"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "t.conll").write_text("كيم I-X\n", encoding="utf-8")
    told = loading.load("conll:$KASHIF_DATA/t.conll").notices
    assert told == ("$KASHIF_DATA/t.conll: tags are IOB1",)
    monkeypatch.delenv("KASHIF_DATA")
    with pytest.raises(InputError, match="set KASHIF_DATA to the folder"):
        loading.load("conll:$KASHIF_DATA/a/train.txt")


@pytest.mark.parametrize("name", ["run#2", "me@host", "c:corp", "مجلد أخبار", "a#b@c", "~x", "C:\\news"])
def test_a_path_that_exists_is_that_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / name).mkdir()
    (tmp_path / name / "x.TXT").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "splits.yaml").write_text(f"'{name}': {{train: [x]}}", encoding="utf-8")
    assert Spec.parse(name) == Spec(Path(name))
    assert Spec.parse(f"plain:{name}#train@m") == Spec(Path(name), "plain", "train", "m")
    assert Spec.parse(f"~/{name}/x.TXT").path == tmp_path / name / "x.TXT"
    assert [document.id for document in loading.load(f"{name}#train").documents] == ["x"]


@pytest.mark.parametrize("name", ["run#2", "me@host", "conll:corp"])
def test_a_path_that_is_not_there_is_named_whole(name: str) -> None:
    with pytest.raises(InputError, match=f"no such file or folder; .*nor is there one named '{name}'"):
        loading.load(name)


def test_a_home_that_nobody_can_have_is_refused() -> None:
    for text in ("~a\0b", "~\ud800"):
        with pytest.raises(InputError, match="cannot be read"):
            loading.load(text)


def test_options_of_a_format_stand_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "splits.yaml").write_text("a.txt: {train: [a]}", encoding="utf-8")
    (tmp_path / "a.txt").write_text("س O زار\nص B-PERS كيم\n", encoding="utf-8")
    spec = Spec.parse("conll+word=3+tag=2:a.txt#train@m")
    assert spec == Spec(Path("a.txt"), "conll", "train", "m", (("word", "3"), ("tag", "2")))
    [document] = loading.load("conll+word=3+tag=2:a.txt#train").documents
    assert (document.text, document.entities[0].text) == ("زار كيم\n", "كيم")
    assert Spec.parse("conll+tag=2,3:none").options == (("tag", "2,3"),)
    (tmp_path / "conll+tag=2:b").mkdir()
    assert Spec.parse("conll+tag=2:b") == Spec(Path("conll+tag=2:b"))
    assert Spec.parse("c++/x:y").path == Path("c++/x:y")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("brat+part=cover:a", r"no option 'part'; brat takes \+parts=cover .* or \+parts=largest"),
        ("brat+parts=all:a", "'all' is no value of 'parts'; brat takes"),
        ("brat+parts:a", "'' is no value of 'parts'"),
        ("conll+word=0:a", r"'0' is no value of 'word'; conll takes \+word=2 .* and \+tag=4"),
        ("conll+word=1+word=2:a", "'word' stands twice"),
        ("plain+x=1:a", "no option 'x'; plain takes no options"),
        ("brta+parts=cover:a", "no format 'brta'; did you mean 'brat'"),
        ("brat+parts=cover:a", r"nor is there one named 'brat\+parts=cover:a'"),
    ],
)
def test_options_that_a_format_does_not_have_are_refused(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        loading.load(text)
