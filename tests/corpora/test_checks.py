from __future__ import annotations

from pathlib import Path

from helpers import ROOT

from kashif.corpora.checks import check
from kashif.corpora.loading import Spec
from kashif.corpora.warnings import warnings
from kashif.scheme import Scheme


def faults(tmp_path: Path, scheme: Scheme, text: str) -> list[tuple[int, str]]:
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="utf-8")
    _, found, _ = check([Spec(path)], scheme)
    return [(fault.line, fault.message) for fault in found]


def test_a_clean_article_has_no_fault(tmp_path: Path, scheme: Scheme) -> None:
    text = "زار [[بوتين|PERS#1]] [[بيونغ يانغ|GPE#2]] و[[موسكو|GPE#3]] وبلغ [[40%|QUANTITY#4]] في [[يونيو (حزيران)|DATE#5]].\n---\nvisits 1 2\n"
    assert faults(tmp_path, scheme, text) == []


def test_every_kind_of_span_fault(tmp_path: Path, scheme: Scheme) -> None:
    text = (
        "[[بوتين |PERS#1]]\n[[«تاس»|ORG#2]]\nم[[وسكو|GPE#3]]\n[[موس|GPE#4]]كو\n"
        "[[كييف|CITY#5]]\n[[مدينة [[كييف|GPE#7]]|GPE#6]]\n[[كيم|PERS#8]]\n---\n"
    )
    found = faults(tmp_path, scheme, text)
    assert [line for line, _ in found] == [1, 2, 2, 3, 4, 5, 6]
    told = " ".join(message for _, message in found)
    for part in (
        "cannot end with ' '",
        "cannot begin with '«'",
        "inside the word 'موسكو'",
        "take the whole word",
    ):
        assert part in told
    assert "no entity 'CITY'" in told
    assert "mark the longer one" in told


def test_every_kind_of_relation_fault(tmp_path: Path, scheme: Scheme) -> None:
    text = (
        "[[وزير [[الدفاع|ORG#2]]|OCC#1]] [[كيم|PERS#3]] [[بوتين|PERS#4]].\nثانية.\n[[موسكو|GPE#5]]\n---\n"
        "visits 5 3\nvisits 3 5\nmeets 4 3\nmeets 3 4\nvisit 3 5\nmeets 3 3\naffiliation 3 2\naffiliation 3 2\n"
    )
    found = faults(tmp_path, scheme, text)
    told = {line: [message for at, message in found if at == line] for line in range(5, 14)}
    assert any("the head is GPE" in message for message in told[5])
    assert any("more than one sentence apart" in message for message in told[6])
    assert any("comes first" in message for message in told[7])
    assert any("stands twice" in message for message in told[8])
    assert any("did you mean 'visits'" in message for message in told[9])
    assert any("to itself" in message for message in told[10])
    assert told[11] == []
    assert any("stands twice" in message for message in told[12])


def test_crossing_and_nested_arguments(tmp_path: Path, scheme: Scheme) -> None:
    (tmp_path / "b.txt").write_text("وزير الدفاع الروسي", encoding="utf-8")
    path = tmp_path / "b.ann"
    path.write_text(
        "T1\tORG 0 11\tوزير الدفاع\nT2\tGPE 5 18\tالدفاع الروسي\nT3\tORG 0 18\tوزير الدفاع الروسي\n"
        "R1\tlocated_in Arg1:T3 Arg2:T2\n",
        encoding="utf-8",
    )
    _, found, _ = check([Spec(path)], scheme)
    told = " ".join(fault.message for fault in found)
    assert "crosses" in told
    assert "one argument stands inside the other" in told
    assert {fault.line for fault in found} == {1, 2, 4}


def test_faults_of_all_files_come_in_one_run(tmp_path: Path, scheme: Scheme) -> None:
    (tmp_path / "a.txt").write_text("[[x", encoding="utf-8")
    (tmp_path / "b.txt").write_text("[[x|X#1]]", encoding="utf-8")
    readings, found, _ = check([Spec(tmp_path), Spec(tmp_path / "none")], scheme)
    assert len(readings) == 1
    assert [Path(fault.where).name for fault in found] == ["a.txt", "b.txt", "none"]


def test_a_split_is_checked_alone_and_must_exist(tmp_path: Path, scheme: Scheme) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "a.txt").write_text("x", encoding="utf-8")
    (folder / "b.txt").write_text("[[x|X#1]]", encoding="utf-8")
    (tmp_path / "splits.yaml").write_text("news: {good: [a]}", encoding="utf-8")
    assert check([Spec(folder, split="good")], scheme)[1] == []
    assert "has no split 'nope'" in check([Spec(folder, split="nope")], scheme)[1][0].message
    assert len(check([Spec(tmp_path)], scheme)[1]) == 1


def test_splits_that_share_an_article_or_name_none_are_faults(tmp_path: Path, scheme: Scheme) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text("x", encoding="utf-8")
    file = tmp_path / "splits.yaml"
    file.write_text("news: {train: [a, b], small: [a], test: [b]}", encoding="utf-8")
    for spec in (Spec(tmp_path), Spec(folder), Spec(folder, split="train")):
        [fault] = check([spec], scheme)[1]
        assert str(fault) == f"{file}: news: b in both train and test; keep each in one of them"
    file.write_text("news: {train: [a], test: [b, c]}", encoding="utf-8")
    for spec in (Spec(tmp_path), Spec(folder), Spec(folder, split="test")):
        [fault] = check([spec], scheme)[1]
        assert str(fault) == f"{file}: news.test: c: no such document in {folder}"
    assert check([Spec(folder, split="train")], scheme)[1] == []
    file.write_text("news: {train: [a]}\ngone: {test: [b]}", encoding="utf-8")
    [fault] = check([Spec(tmp_path)], scheme)[1]
    assert str(fault) == f"{tmp_path / 'gone'}: no such file or folder"
    file.write_text("news: [a]", encoding="utf-8")
    assert [str(f) for f in check([Spec(folder, split="x")], scheme)[1]] == [
        f"{file}: expected corpus: {{split: [ids]}}"
    ]


def test_the_repository_s_annotations_are_clean(scheme: Scheme) -> None:
    readings, found, _ = check([Spec(ROOT / "annotations")], scheme)
    assert found == []
    assert len(readings) >= 150 + 2 * 20
    assert warnings([r for r in readings if r.path.parent.name == "newsroom"]) == []
