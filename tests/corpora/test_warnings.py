from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from kashif.corpora.warnings import AnnotationWarning, accept, read_accepted, warnings
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.files import write_text
from kashif.formats import Reading, plain
from kashif.scheme import Beside, Inside, Scheme, WarningRules


def readings(folder: Path, *texts: str) -> list[Reading]:
    result = []
    for index, text in enumerate(texts, start=1):
        path = folder / f"a{index}.txt"
        path.write_text(text, encoding="utf-8")
        result += plain.read(path)
    return result


def told(folder: Path, scheme: Scheme, *texts: str) -> list[tuple[int, str]]:
    return [(w.fault.line, w.fault.message) for w in warnings(readings(folder, *texts), scheme)]


def test_a_name_marked_here_and_not_there(tmp_path: Path, scheme: Scheme) -> None:
    text = "[[بيونغ يانغ|GPE#1]] بعيدة.\nثم زار وبيونغ يانغ.\n---\n"
    assert told(tmp_path, scheme, text) == [(1, "GPE «بيونغ يانغ» stands unmarked on line 2 of the text")]
    more = text.replace("---", "بيونغ يانغ وبيونغ يانغ\n---")  # an accepted line hid the others
    assert [message[-18:] for _, message in told(tmp_path, scheme, more)] == [
        "line 2 of the text",
        "line 3 of the text",
    ]
    # Marked in both places, or inside another mention: nothing to tell.
    clean = "[[بيونغ يانغ|GPE#1]] بعيدة.\nثم زار و[[بيونغ يانغ|GPE#2]] و[[مطار بيونغ يانغ|FAC#3]].\n---\n"
    assert told(tmp_path, scheme, clean) == []


def test_a_title_beside_a_name_without_occupation(tmp_path: Path, scheme: Scheme) -> None:
    text = "[[الرئيس|OCC#1]] [[بوتين|PERS#2]]\n---\n"
    slip = "OCC «الرئيس» stands beside PERS «بوتين» without occupation on line"
    assert told(tmp_path, scheme, text) == [(1, f"{slip} 1 of the text")]
    more = text.replace(
        "---", "نام [[الرئيس|OCC#3]] [[بوتين|PERS#4]]\n---"
    )  # an accepted line hid the others
    assert told(tmp_path, scheme, more) == [(1, f"{slip} 1 of the text"), (2, f"{slip} 2 of the text")]
    assert told(tmp_path, scheme, text + "occupation 2 1\n") == []
    assert len(told(tmp_path, scheme, text.replace(" ", "\u200f \u2060"))) == 1


def test_a_nationality_left_unmarked_in_a_title(tmp_path: Path, scheme: Scheme) -> None:
    norps = "\n".join(f"جندي [[روسي|NORP#{i}]]." for i in range(1, 4))
    text = norps + "\n[[وزير روسي|OCC#9]] و[[وزير [[روسي|NORP#11]]|OCC#10]]\n---\n"
    slip = "OCC «وزير روسي» holds «روسي», elsewhere a NORP, unmarked on line"
    assert told(tmp_path, scheme, text) == [(4, f"{slip} 4 of the text")]
    more = text.replace(
        "---", "[[وزير روسي|OCC#12]] و[[وزير روسي|OCC#13]]\n---"
    )  # an accepted line hid the others
    assert told(tmp_path, scheme, more) == [(4, f"{slip} 4 of the text"), (5, f"{slip} 5 of the text")]


def test_a_mention_that_runs_over_the_end_of_a_line(tmp_path: Path) -> None:
    """A forgotten ]] and a forgotten [[ in the next paragraph make one mention, which was said to be right."""
    long = "زار [[كيم مدينة " + "بعيدة " * 10 + "\n\nوعاد بوتين|PERS#1]].\n[[كيم|PERS#2]]\n---\n"
    silent = Scheme(entities={"PERS": ""})
    [(line, message)] = told(tmp_path, silent, long)
    assert line == 3  # of the mark's end
    assert message.startswith("PERS «كيم مدينة بعيدة")
    assert message.endswith("…» runs over the end of a line on line 1 of the text")
    [(_, message)] = told(tmp_path, silent, "في [[شط\nالجريد|PERS#1]]\n---\n")
    assert message == "PERS «شط الجريد» runs over the end of a line on line 1 of the text"


def test_near_duplicates(tmp_path: Path, scheme: Scheme) -> None:
    sentence = "هذا خبر طويل عن زيارة قام بها مسؤول كبير إلى مدينة بعيدة في الشمال"
    other = "وهذا كلام آخر لا صلة له بما سبق من الأخبار الطويلة عن المدن البعيدة"
    assert told(tmp_path, scheme, sentence, other) == []
    [(_, message)] = told(tmp_path, scheme, sentence, f"{other} {sentence}")
    shared = "at most 14 words in a row: code points 0-66 of the text, 68-134 there"
    assert message == f"shares 100% of its runs of 8 words with 'a2', {shared}"


def test_what_is_looked_for_is_the_scheme_s(tmp_path: Path) -> None:
    """The labels of our own guidelines were once built in."""
    norps = "\n".join(f"جندي [[روسي|NORP#{i}]]." for i in range(1, 4))
    ours = (
        "[[بيونغ يانغ|GPE#1]] بعيدة.\nثم زار وبيونغ يانغ.\n---\n",
        "[[الرئيس|OCC#1]] [[بوتين|PERS#2]]\n---\n",
        f"{norps}\n[[وزير روسي|OCC#9]]\n---\n",
    )
    silent = Scheme(entities=dict.fromkeys(("GPE", "OCC", "PERS", "NORP"), ""))
    assert told(tmp_path, silent, *ours) == []
    sentence = "هذا خبر طويل عن زيارة قام بها مسؤول كبير إلى مدينة بعيدة في الشمال"
    assert len(told(tmp_path, silent, sentence, f"أمس {sentence}")) == 1


def test_rules_go_by_the_labels_of_any_scheme(tmp_path: Path) -> None:
    rules = WarningRules(
        names=("دواء",),
        beside=(Beside(first="جرعة", second="دواء", relation="تخص"),),
        inside=(Inside(label="مرض", of=("دواء",)),),
    )
    relation = {"تخص": {"head": ("جرعة",), "tail": ("دواء",)}, "تعالج": {"head": ("دواء",), "tail": ("مرض",)}}
    scheme = Scheme.model_validate(
        {"entities": dict.fromkeys(("دواء", "جرعة", "مرض"), ""), "relations": relation, "warnings": rules}
    )
    text = (
        "[[حبة|جرعة#1]] [[أسبرين|دواء#2]] ثم وأسبرين.\n"
        "[[الصداع|مرض#3]] و[[الصداع|مرض#4]] و[[الصداع|مرض#5]] و[[مسكن الصداع|دواء#6]].\n---\n"
    )
    assert told(tmp_path, scheme, text + "تعالج 2 3\n") == [
        (1, "جرعة «حبة» stands beside دواء «أسبرين» without تخص on line 1 of the text"),
        (1, "دواء «أسبرين» stands unmarked on line 1 of the text"),
        (2, "دواء «مسكن الصداع» holds «الصداع», elsewhere a مرض, unmarked on line 2 of the text"),
    ]
    # The relation may go either way.
    for pair in ("1 2", "2 1"):
        assert len(told(tmp_path, scheme, f"{text}تخص {pair}\n")) == 2


def test_accepted_warnings_are_not_told_again(tmp_path: Path, scheme: Scheme) -> None:
    texts = ("[[الرئيس|OCC#1]] [[بوتين|PERS#2]]\n---\n", "[[الملك|OCC#1]] [[كارل|PERS#2]]\n---\n")
    found = warnings(readings(tmp_path, *texts), scheme)
    assert len(found) == 2
    assert accept(found[:1]) == 1
    assert warnings(readings(tmp_path, *texts), scheme) == found[1:]
    assert accept(found[1:]) == 1
    assert [id for id, _ in read_accepted(tmp_path)] == ["a1", "a2"]
    assert warnings(readings(tmp_path, *texts), scheme) == []
    (tmp_path / "accepted.tsv").write_text("a1 no tab\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"accepted\.tsv:1"):
        read_accepted(tmp_path)


def test_a_corpus_is_not_taken_for_the_table_of_accepted_warnings(tmp_path: Path) -> None:
    corpus = tmp_path / "accepted.tsv"
    corpus.write_text("كيم\tO\n", encoding="utf-8")  # columns of CoNLL look like an id and a warning
    with pytest.raises(InputError, match="this is an input"):
        accept([AnnotationWarning(tmp_path, "a", Fault(str(corpus), "holds"))])
    assert corpus.read_text(encoding="utf-8") == "كيم\tO\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_accepted_warnings_may_have_windows_line_ends(tmp_path: Path, scheme: Scheme, end: str) -> None:
    """A spreadsheet's line ends once brought every accepted warning back, and accepted it again."""
    texts = ("[[الرئيس|OCC#1]] [[بوتين|PERS#2]]\n---\n", "[[الملك|OCC#1]] [[كارل|PERS#2]]\n---\n")
    file = tmp_path / "accepted.tsv"
    accept(warnings(readings(tmp_path, *texts), scheme))
    file.write_bytes(file.read_bytes().replace(b"\n", end.encode()) + end.encode())
    assert warnings(readings(tmp_path, *texts), scheme) == []
    accept(warnings(readings(tmp_path, *texts, texts[0]), scheme))
    assert [id for id, _ in read_accepted(tmp_path)] == ["a1", "a2", "a3"]


def test_an_id_of_several_lines_is_accepted(tmp_path: Path, scheme: Scheme) -> None:
    """Its line end once stood in the table, which no later check could read."""
    sentence = "هذا خبر طويل عن زيارة قام بها مسؤول كبير إلى مدينة بعيدة في الشمال"
    [marked] = readings(tmp_path, "[[الرئيس|OCC#1]] [[بوتين|PERS#2]]\n---\n")
    document = replace(marked.document, id="خبر\tمن\nيوم")
    articles = [replace(marked, document=document)]
    articles += [Reading(Document(f"نسخة\r\n{n}", sentence), tmp_path / "x.jsonl") for n in (1, 2)]
    found = warnings(articles, scheme)
    assert accept(found) == len(found) == 2
    assert len(read_accepted(tmp_path)) == 2
    assert warnings(articles, scheme) == []


def test_a_long_article_costs_no_squares(tmp_path: Path) -> None:
    """Every word was compared with every entity, and every entity with every other: minutes."""
    names = [f"مدينة{number}" for number in range(10_000)]
    text = "روسي " + "".join(f"[[{name}|GPE#{i}]] [[روسي|NORP#1{i:06}]]\n" for i, name in enumerate(names))
    text += f"و{names[7]}\n---\n"
    [reading] = readings(tmp_path, text)
    rules = WarningRules(names=("GPE",), inside=(Inside(label="NORP", of=("GPE", "NORP")),))
    scheme = Scheme(entities={"GPE": "", "NORP": ""}, nested=True, warnings=rules)
    [warning] = warnings([reading], scheme)
    assert warning.fault.message == f"GPE «{names[7]}» stands unmarked on line 10001 of the text"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks")
def test_warnings_that_two_accept_at_once_are_all_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both had read the table before either wrote, and lines were lost."""
    first, second = (
        AnnotationWarning(tmp_path, id, Fault(str(tmp_path / f"{id}.txt"), "twice")) for id in ("p", "q")
    )
    others: list[Thread] = []

    def write(path: Path, text: str) -> None:
        if not others:  # another one begins before the first one's are written
            others.append(Thread(target=accept, args=([second],)))
            others[0].start()
            others[0].join(0.5)  # long enough for the fault; it waits
        write_text(path, text)

    monkeypatch.setattr("kashif.corpora.warnings.write_text", write)
    accept([first])
    others[0].join()
    assert read_accepted(tmp_path) == [("p", "twice"), ("q", "twice")]
    assert [path.name for path in tmp_path.iterdir()] == ["accepted.tsv"]
