from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from helpers import ARTICLE, ROOT, SCHEME, disguise_document

from kashif.corpora.checks import check
from kashif.corpora.loading import load
from kashif.corpora.spec import Spec
from kashif.corpora.splits import divide
from kashif.corpora.warnings import warnings
from kashif.document import Document, Entity
from kashif.errors import Fault, InputError
from kashif.formats.writing import save
from kashif.scheme import Scheme


def found(*specs: Spec) -> list[Fault]:
    """The faults of corpora in the repository's own scheme."""
    return check(list(specs), given=str(SCHEME)).faults


def faults(tmp_path: Path, text: str) -> list[tuple[int, str]]:
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="utf-8")
    return [(fault.line, fault.message) for fault in found(Spec(path))]


def test_a_clean_article_has_no_fault(tmp_path: Path) -> None:
    text = "زار [[بوتين|PERS#1]] [[بيونغ يانغ|GPE#2]] و[[موسكو|GPE#3]] وبلغ [[40%|QUANTITY#4]] في [[يونيو (حزيران)|DATE#5]].\n---\nvisits 1 2\n"
    assert faults(tmp_path, text) == []


def test_every_kind_of_span_fault(tmp_path: Path) -> None:
    text = (
        "[[بوتين |PERS#1]]\n[[«تاس»|ORG#2]]\nم[[وسكو|GPE#3]]\n[[موس|GPE#4]]كو\n"
        "[[كييف|CITY#5]]\n[[مدينة [[كييف|GPE#7]]|GPE#6]]\n[[كيم|PERS#8]]\n---\n"
    )
    wrong = faults(tmp_path, text)
    assert [line for line, _ in wrong] == [1, 2, 2, 3, 4, 5, 6]
    told = " ".join(message for _, message in wrong)
    for part in (
        "cannot end with ' '",
        "cannot begin with '«'",
        "inside the word 'موسكو'",
        "take the whole word",
    ):
        assert part in told
    assert "no entity 'CITY'" in told
    assert "mark the longer one" in told


def test_every_kind_of_span_fault_in_a_learned_scheme(tmp_path: Path) -> None:
    """A blank at the beginning was once an error of the program's."""
    path = tmp_path / "a.txt"
    text = "[[ كيم|P#1]]\n[[«تاس»|O#2]]\nم[[وسكو|G#3]]\n[[موس|G#4]]كو\n[[كيم |P#5]]\n---\n"
    path.write_text(text, encoding="utf-8")
    checked = check([Spec(path)])
    assert checked.scheme is not None
    assert checked.scheme.labels == ("G", "P", "O")
    assert [(fault.line, fault.message.partition(": ")[2]) for fault in checked.faults] == [
        (1, "a span cannot begin with ' '"),
        (3, "begins inside the word 'موسكو'; take the whole word"),
        (4, "ends inside a word; take the whole word"),
        (5, "a span cannot end with ' '"),
    ]


def test_what_a_flat_scheme_of_whole_words_forbids_is_a_fault(tmp_path: Path) -> None:
    """It was once never learned, and all was ticked."""
    text = "[[وزير [[كيم|P#2]]|O#1]]\nو[[كيم|P#3]]\n[[[[كيم|P#4]]|O#5]]\n---\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    rulings = [
        (1, "inside O#1 «وزير كيم»; mark one of them, or write `nested: true` in the scheme"),
        (
            2,
            "begins behind proclitics of 'وكيم'; take the whole word, or write `proclitics: true` in the scheme",
        ),
        (3, "inside P#4 «كيم»; mark one of them, or write `nested: true` in the scheme"),
    ]
    for nested in (True, False):
        for proclitics in (True, False):
            own = Scheme(entities={"P": "", "O": ""}, nested=nested, proclitics=proclitics)
            (tmp_path / "scheme.yaml").write_text(own.dump(), encoding="utf-8")
            told = [
                (fault.line, fault.message.partition(": ")[2]) for fault in check([Spec(tmp_path)]).faults
            ]
            assert told == [each for each in rulings if not (proclitics if each[0] == 2 else nested)]
    assert check([Spec(tmp_path)], given="learned").faults == []


@pytest.mark.parametrize("seed", range(10))
def test_a_learned_scheme_allows_what_its_gold_has(tmp_path: Path, article: Document, seed: int) -> None:
    gold = disguise_document(article, Random(seed))
    for flat in (gold, replace(gold, entities=gold.entities[:1], relations=())):
        (tmp_path / "a.jsonl").write_text(flat.to_json() + "\n", encoding="utf-8")
        told = " ".join(fault.message for fault in check([Spec(tmp_path / "a.jsonl")]).faults)
        assert "in the scheme" not in told


def test_spans_begin_and_end_beside_invisible_characters(tmp_path: Path) -> None:
    text = (
        "[[\u200fكيم|PERS#1]]\n[[كيم\u200e|PERS#2]]\nو[[\u200dموسكو|GPE#3]]\n[[\u200f|PERS#4]]كيم\n"
        "\u200f[[ك\u00adيم|PERS#5]]\u200e\nو\u200d[[موسكو|GPE#6]]\nﻭ[[ﻣﻮﺳﻜﻮ|GPE#7]]\n[[40٪|QUANTITY#8]]\n---\n"
    )
    wrong = [(line, message.partition(": ")[2]) for line, message in faults(tmp_path, text)]
    assert wrong == [
        (1, "a span cannot begin with the invisible character U+200F"),
        (2, "a span cannot end with the invisible character U+200E"),
        (3, "a span cannot begin with the invisible character U+200D"),
        (4, "a span cannot begin with the invisible character U+200F"),
        (4, "a span cannot end with the invisible character U+200F"),
    ]


def test_every_kind_of_relation_fault(tmp_path: Path) -> None:
    text = (
        "[[وزير [[الدفاع|ORG#2]]|OCC#1]] [[كيم|PERS#3]] [[بوتين|PERS#4]].\nثانية.\n[[موسكو|GPE#5]]\n---\n"
        "visits 5 3\nvisits 3 5\nmeets 4 3\nmeets 3 4\nvisit 3 5\nmeets 3 3\naffiliation 3 2\naffiliation 3 2\n"
    )
    wrong = faults(tmp_path, text)
    told = {line: [message for at, message in wrong if at == line] for line in range(5, 14)}
    assert any("the head is GPE" in message for message in told[5])
    assert any("more than one sentence apart" in message for message in told[6])
    assert any("comes first" in message for message in told[7])
    assert any("stands twice" in message for message in told[8])
    assert any("did you mean 'visits'" in message for message in told[9])
    assert any("to itself" in message for message in told[10])
    assert told[11] == []
    assert any("stands twice" in message for message in told[12])


def test_crossing_and_nested_arguments(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("وزير الدفاع الروسي", encoding="utf-8")
    path = tmp_path / "b.ann"
    path.write_text(
        "T1\tORG 0 11\tوزير الدفاع\nT2\tGPE 5 18\tالدفاع الروسي\nT3\tORG 0 18\tوزير الدفاع الروسي\n"
        "R1\tlocated_in Arg1:T3 Arg2:T2\n",
        encoding="utf-8",
    )
    wrong = found(Spec(path))
    told = " ".join(fault.message for fault in wrong)
    assert "crosses" in told
    assert "one argument stands inside the other" in told
    assert {fault.line for fault in wrong} == {1, 2, 4}


def test_faults_of_all_files_come_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("[[x", encoding="utf-8")
    (tmp_path / "b.txt").write_text("[[x|X#1]]", encoding="utf-8")
    checked = check([Spec(tmp_path), Spec(tmp_path / "none")], given=str(SCHEME))
    assert len(checked.readings) == 1
    assert [Path(fault.where).name for fault in checked.faults] == ["a.txt", "b.txt", "none"]


def test_a_scheme_that_cannot_be_had_is_one_fault_among_the_others(tmp_path: Path) -> None:
    for name, text in (("a", "[[x"), ("b", "زار كيم موسكو")):
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    checked = check([Spec(tmp_path)])
    assert checked.scheme is None
    assert [str(fault).partition(";")[0] for fault in checked.faults] == [
        f"{tmp_path / 'a.txt'}:1: [[ is never closed",
        "kashif: no entity is marked, so there is no scheme to learn",
    ]
    [_, fault] = check([Spec(tmp_path)], given="none.yaml").faults
    assert str(fault).startswith("none.yaml: no such scheme file in /")
    with pytest.raises(InputError, match="take '@anercorp' away"):
        check([Spec(tmp_path, mapping="anercorp")])


def test_a_corpus_that_is_not_there_leads_to_no_scheme(tmp_path: Path) -> None:
    news = tmp_path / "annotations" / "news"
    news.mkdir(parents=True)
    (news / "a.txt").write_text("[[كيم|P#1]]\n---\n", encoding="utf-8")
    (news / "scheme.yaml").write_text("entities: {P: a}", encoding="utf-8")
    [fault] = check([Spec(news), Spec(tmp_path / "gone")]).faults
    assert str(fault) == f"{tmp_path / 'gone'}: no such file or folder"


def test_a_split_is_checked_alone_and_must_exist(tmp_path: Path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "a.txt").write_text("x", encoding="utf-8")
    (folder / "b.txt").write_text("[[x|X#1]]", encoding="utf-8")
    (tmp_path / "splits.yaml").write_text("news: {good: [a]}", encoding="utf-8")
    assert found(Spec(folder, split="good")) == []
    assert "has no split 'nope'" in found(Spec(folder, split="nope"))[0].message
    assert len(found(Spec(tmp_path))) == 1


def test_what_is_read_below_a_folder_of_corpora_is_not_told_as_left_out(tmp_path: Path) -> None:
    """An export between the folders was passed over, and a corpus that was read told as one that was not."""
    (tmp_path / "a" / "press").mkdir(parents=True)
    (tmp_path / "others").mkdir()
    (tmp_path / "n.jsonl").write_text('{"id": "n", "text": "x"}', encoding="utf-8")
    (tmp_path / "a" / "press" / "p.txt").write_text("x", encoding="utf-8")
    (tmp_path / "splits.yaml").write_text("n.jsonl: {test: [n]}\na/press: {train: [p]}", encoding="utf-8")
    assert check([Spec(tmp_path)], given=str(SCHEME)).notices == []
    for file in ("a/export.json", "others/export.json"):
        (tmp_path / file).write_text("x", encoding="utf-8")
    assert [notice.partition(";")[0] for notice in check([Spec(tmp_path)], given=str(SCHEME)).notices] == [
        f"{tmp_path}: 1 folder not read (others/)",
        f"{tmp_path / 'a'}: 1 file not read (export.json)",
    ]


def test_a_corpus_below_a_folder_is_read_in_the_format_that_it_is_named_with(tmp_path: Path) -> None:
    """Splits of an export were a fault of its folder, which nothing could mend."""
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "a.txt").write_text(ARTICLE, encoding="utf-8")
    export = tmp_path / "export.json"
    documents = [Document(id, f"زار {id} القاهرة") for id in "xy"]
    save(documents, "label-studio", export)
    folder, named = Spec(tmp_path), Spec(export, "label-studio")
    (tmp_path / "splits.yaml").write_text("news: {train: [a]}\nexport.json: {test: [x, y]}", encoding="utf-8")
    checked = check([folder], given=str(SCHEME))
    assert checked.faults == []
    assert checked.notices == [
        f"{tmp_path}: 1 file not read (export.json); name those with articles: [FORMAT:]PATH"
    ]
    assert [part.name for part in divide([folder], checked.readings).parts] == ["news#train"]
    checked = check([folder, named], given=str(SCHEME))
    assert (checked.faults, checked.notices) == ([], [])
    division = divide([folder, named], checked.readings)
    assert [part.name for part in division.parts] == ["news#train", "export.json#test"]
    assert division.notices == ()
    (tmp_path / "splits.yaml").write_text("export.json: {test: [x, z]}", encoding="utf-8")
    assert "z: no such document" in str(check([folder, named], given=str(SCHEME)).faults[0])
    shutil.rmtree(tmp_path / "news")
    assert "no document file in this folder" in str(check([folder], given=str(SCHEME)).faults[0])


def test_a_file_of_lines_below_a_folder_is_read_in_the_format_that_it_is_named_with(tmp_path: Path) -> None:
    """It was a fault of the folder, whatever was named beside."""
    for name, ids in (("own.jsonl", "ab"), ("doccano.jsonl", "xy")):
        documents = [Document(id, f"{id} زار", (Entity(1, 2, 5, "PERS", "زار"),)) for id in ids]
        save(documents, name.partition(".")[0].replace("own", "jsonl"), tmp_path / name)
    splits = "own.jsonl: {train: [a, b]}\ndoccano.jsonl: {test: [x, y]}"
    (tmp_path / "splits.yaml").write_text(splits, encoding="utf-8")
    file, folder = tmp_path / "doccano.jsonl", Spec(tmp_path)
    [fault] = check([folder], given=str(SCHEME)).faults
    assert f"write doccano:{file}" in fault.message
    specs = [folder, Spec(file, "doccano")]
    checked = check(specs, given=str(SCHEME))
    assert not any("looks like" in fault.message for fault in checked.faults)
    assert [reading.document.id for reading in checked.readings] == [*"abxy"]
    assert [part.name for part in divide(specs, checked.readings).parts] == [
        "own.jsonl#train",
        "doccano.jsonl#test",
    ]


@pytest.mark.parametrize("split", ["nonsense", "train"])
def test_a_split_of_a_folder_of_corpora_is_its_own_and_must_exist(tmp_path: Path, split: str) -> None:
    """Whatever it was, all corpora below were checked, by all their splits."""
    folder = tmp_path / "all"
    (folder / "press").mkdir(parents=True)
    (folder / "press" / "p.txt").write_text("[[x|X#1]]", encoding="utf-8")
    (folder / "splits.yaml").write_text("press: {train: [p]}", encoding="utf-8")
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text("x\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load(f"{folder}#{split}")
    assert found(Spec(folder, split=split)) == refused.value.faults
    (tmp_path / "splits.yaml").write_text(f"all: {{{split}: [a], other: [b]}}", encoding="utf-8")
    for spec in (Spec(folder, split=split), Spec(folder, split="0-50%")):
        checked = check([spec], given=str(SCHEME))
        assert not checked.faults
        assert [reading.path.stem for reading in checked.readings] == ["a"]
        assert [part.split for part in divide([spec], checked.readings).parts] == [spec.split]


def test_splits_that_share_an_article_or_name_none_are_faults(tmp_path: Path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text("x", encoding="utf-8")
    file = tmp_path / "splits.yaml"
    file.write_text("news: {train: [a, b], small: [a], test: [b]}", encoding="utf-8")
    for spec in (Spec(tmp_path), Spec(folder), Spec(folder, split="train")):
        [fault] = found(spec)
        assert str(fault) == f"{file}: news: b in both train and test; keep each in one of them"
    file.write_text("news: {train: [a], test: [b, c]}", encoding="utf-8")
    for spec in (Spec(tmp_path), Spec(folder), Spec(folder, split="test")):
        [fault] = found(spec)
        assert str(fault) == f"{file}: news.test: c: no such document in {folder}"
    assert found(Spec(folder, split="train")) == []
    file.write_text("news: {train: [a]}\ngone: {test: [b]}", encoding="utf-8")
    [fault] = found(Spec(tmp_path))
    assert str(fault).startswith(f"{tmp_path / 'gone'}: no such file or folder")
    file.write_text("news: [a]", encoding="utf-8")
    assert [str(f) for f in found(Spec(folder, split="x"))] == [f"{file}: expected corpus: {{split: [ids]}}"]


def test_the_repository_s_annotations_are_clean(scheme: Scheme) -> None:
    checked = check([Spec(ROOT / "annotations")])
    assert checked.scheme == scheme
    assert checked.faults == []
    assert len(checked.readings) >= 150 + 2 * 20
    newsroom = [r for r in checked.readings if r.path.parent.name == "newsroom"]
    assert warnings(newsroom, scheme) == []


def test_an_id_of_two_files_is_a_fault_as_it_is_for_other_commands(tmp_path: Path) -> None:
    """Check once passed what load refused."""
    (tmp_path / "a01.txt").write_text("[[كيم|PERS#1]]\n---\n", encoding="utf-8")
    (tmp_path / "x.jsonl").write_text('{"id": "a01", "text": "نص"}\n', encoding="utf-8")
    [fault] = found(Spec(tmp_path))
    assert str(fault) == f"{tmp_path / 'x.jsonl'}: id 'a01' is also in {tmp_path / 'a01.txt'}; ids are unique"
    with pytest.raises(InputError) as refused:
        load(str(tmp_path))
    assert refused.value.faults == [fault]


def test_articles_asked_for_twice_are_counted_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corpus named with a slice of itself once had half as many articles again."""
    monkeypatch.chdir(tmp_path)
    news = tmp_path / "news"
    news.mkdir()
    for name in "abc":
        (news / f"{name}.txt").write_text("[[كيم|PERS#1]]\nسطر\n---\n", encoding="utf-8")
    (tmp_path / "splits.yaml").write_text("news: {train: [a], test: [b, c]}", encoding="utf-8")
    for others in (["news"], [str(news)], ["news#train"], ["news#0-50%"], ["news#0-50%", "news#30-80%"]):
        checked = check([Spec.parse(text) for text in ("news", *others)])
        assert [reading.document.id for reading in checked.articles] == ["a", "b", "c"], others
        assert checked.notices == [
            "learned from the gold: PERS 3",
            "no relations",
            "spans stand apart and begin at words",
        ]
    slices = check([Spec.parse("news#0-50%"), Spec.parse("news#50-100%")])
    assert [reading.document.id for reading in slices.articles] == ["a", "b[0-50%]", "b[50-100%]", "c"]
    (news / "a.txt").write_text("[[كيم", encoding="utf-8")
    for others in (["news"], ["news#train"]):
        assert len(check([Spec.parse(text) for text in ("news", *others)]).faults) == 1


def test_faults_and_warnings_of_files_without_lines_name_their_documents(tmp_path: Path) -> None:
    """Equal faults of several documents were once one, and no warning said which article it was of."""
    sentence = "قال كيم في خبر طويل إن مسؤولا كبيرا زار مدينة بعيدة في الشمال"
    shared = "shares 100% of its runs of 8 words with"
    read = {"a": [1, 1, "P"], "b": [1, 1, "P"], "c": [1, 1, "Q"]}
    items = [{"id": id, "tokenized_text": sentence.split(), "ner": [span]} for id, span in read.items()]
    array = tmp_path / "x.json"
    array.write_text(json.dumps(items), encoding="utf-8")
    scheme = tmp_path / "s.yaml"
    scheme.write_text("entities: {Q: a}", encoding="utf-8")
    wrong = check([Spec(array, "gliner")], given=str(scheme)).faults
    assert [fault.place for fault in wrong] == [f"{array}, document '{id}'" for id in "ab"]
    checked = check([Spec(array, "gliner")])
    assert checked.scheme is not None
    told = [str(w.fault).partition(", at most")[0] for w in warnings(checked.readings, checked.scheme)]
    assert told == [
        f"{array}, document '{one}': {shared} '{two}'" for one, two in (("a", "b"), ("a", "c"), ("b", "c"))
    ]
    lines = tmp_path / "y.jsonl"
    rows = [Document(id, sentence, (Entity(1, 4, 7, "P", "كيم"),)).to_json() for id in "ab"]
    lines.write_text("\n".join(rows), encoding="utf-8")
    checked = check([Spec(lines)])
    assert checked.scheme is not None
    [warning] = warnings(checked.readings, checked.scheme)
    assert str(warning.fault).startswith(f"{lines}:1: {shared} 'b'")
