from __future__ import annotations

from pathlib import Path

import pytest

from kashif.corpora.warnings import accept, read_accepted, warnings
from kashif.errors import InputError
from kashif.formats import Reading, plain


def readings(folder: Path, *texts: str) -> list[Reading]:
    result = []
    for index, text in enumerate(texts, start=1):
        path = folder / f"a{index}.txt"
        path.write_text(text, encoding="utf-8")
        result += plain.read(path)
    return result


def told(folder: Path, *texts: str) -> list[tuple[int, str]]:
    return [(w.fault.line, w.fault.message) for w in warnings(readings(folder, *texts))]


def test_a_name_marked_here_and_not_there(tmp_path: Path) -> None:
    text = "[[بيونغ يانغ|GPE#1]] بعيدة.\nثم زار وبيونغ يانغ.\n---\n"
    assert told(tmp_path, text) == [(1, "GPE «بيونغ يانغ» stands unmarked on line 2 of the text")]
    # Marked in both places, or inside another mention: nothing to tell.
    clean = "[[بيونغ يانغ|GPE#1]] بعيدة.\nثم زار و[[بيونغ يانغ|GPE#2]] و[[مطار بيونغ يانغ|FAC#3]].\n---\n"
    assert told(tmp_path, clean) == []


def test_a_title_beside_a_name_without_occupation(tmp_path: Path) -> None:
    text = "[[الرئيس|OCC#1]] [[بوتين|PERS#2]]\n---\n"
    assert told(tmp_path, text) == [(1, "OCC «الرئيس» stands beside PERS «بوتين» without occupation")]
    assert told(tmp_path, text + "occupation 2 1\n") == []


def test_a_nationality_left_unmarked_in_a_title(tmp_path: Path) -> None:
    norps = "\n".join(f"جندي [[روسي|NORP#{i}]]." for i in range(1, 4))
    text = norps + "\n[[وزير روسي|OCC#9]] و[[وزير [[روسي|NORP#11]]|OCC#10]]\n---\n"
    assert told(tmp_path, text) == [(4, "OCC «وزير روسي» holds «روسي», elsewhere a NORP, unmarked")]


def test_near_duplicates(tmp_path: Path) -> None:
    sentence = "هذا خبر طويل عن زيارة قام بها مسؤول كبير إلى مدينة بعيدة في الشمال"
    other = "وهذا كلام آخر لا صلة له بما سبق من الأخبار الطويلة عن المدن البعيدة"
    assert told(tmp_path, sentence, other) == []
    [(_, message)] = told(tmp_path, sentence, f"{other} {sentence}")
    shared = "at most 14 words in a row: code points 0-66 of the text, 68-134 there"
    assert message == f"shares 100% of its runs of 8 words with 'a2', {shared}"


def test_accepted_warnings_are_not_told_again(tmp_path: Path) -> None:
    texts = ("[[الرئيس|OCC#1]] [[بوتين|PERS#2]]\n---\n", "[[الملك|OCC#1]] [[كارل|PERS#2]]\n---\n")
    found = warnings(readings(tmp_path, *texts))
    assert len(found) == 2
    assert accept(found[:1]) == 1
    assert warnings(readings(tmp_path, *texts)) == found[1:]
    assert accept(found[1:]) == 1
    assert [id for id, _ in read_accepted(tmp_path)] == ["a1", "a2"]
    assert warnings(readings(tmp_path, *texts)) == []
    (tmp_path / "accepted.tsv").write_text("a1 no tab\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"accepted\.tsv:1"):
        read_accepted(tmp_path)
