from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from helpers import ARTICLE, FOREIGN, SCHEME

from kashif.corpora.schemes import learn
from kashif.corpora.texts import text_digest
from kashif.document import Document, Entity, Relation
from kashif.scheme import RelationType, Scheme

Run = Callable[..., CompletedProcess[bytes]]


def test_check_passes_and_fails_with_status_2(run: Run, news: Path) -> None:
    good = run("corpus", "check", news)
    assert good.returncode == 0
    assert "13 entities, 4 relations" in good.stdout.decode()
    (news / "b.txt").write_text("[[كيم|PRS#1]]\n[[x\n", encoding="utf-8")
    (news / "c.txt").write_text("[[كيم|PRS#1]]\n", encoding="utf-8")
    bad = run("corpus", "check", news)
    assert bad.returncode == 2
    told = bad.stdout.decode()
    assert "b.txt:2: [[ is never closed" in told
    assert "c.txt:1:" in told
    assert "did you mean 'PERS'" in told


def test_agree_tells_differences_with_the_lines_of_the_files(run: Run, tmp_path: Path) -> None:
    """The lines were once those of the text, which a CoNLL file has not."""
    for name, tag in (("a", "B-GPE"), ("b", "O")):
        (tmp_path / name).mkdir()
        rows = f"زار O\nكيم B-PERS\n\nعاد O\nمن O\nكييف {tag}\n"
        (tmp_path / name / "x.conll").write_text(rows, encoding="utf-8")
    told = run("corpus", "agree", "a", "b", "--differences", cwd=tmp_path).stdout.decode()
    assert "x: a/x.conll:6: GPE «كييف» | b/x.conll:6: -\n" in told


def test_annotators_of_two_projects_and_systems_are_compared(run: Run, tmp_path: Path) -> None:
    """Other numbers of tasks, and the line ends of another system, were refused, and renaming files advised."""
    for name, end, number in (("a", "\n", 101), ("b", "\r\n", 501)):
        value = {"start": 4, "end": 8, "text": "كييف", "labels": ["GPE"]}
        result = [{"id": "x", "type": "labels", "from_name": "label", "to_name": "text", "value": value}]
        task = {"id": number, "data": {"text": f"زار كييف{end}ثم عاد"}, "annotations": [{"result": result}]}
        (tmp_path / f"{name}.json").write_text(json.dumps([task]), encoding="utf-8")
    sides = ("label-studio:a.json", "label-studio:b.json")
    for done in (
        run("corpus", "agree", *sides, cwd=tmp_path),
        run("corpus", "merge", *sides, "--output", "merged", cwd=tmp_path),
    ):
        told = done.stderr.decode()
        assert "1 article matched by text, the second has other ids (101 is 501)" in told
        assert "the texts of 1 article differ in line ends, white space or invisible characters alone" in told
    merged = (tmp_path / "merged" / "101.txt").read_bytes().decode()
    assert merged == "زار [[كييف|GPE#1]]\nثم عاد\n---\n"


def test_check_tells_how_honest_splits_are(run: Run, news: Path, tiny_encoder: Path) -> None:
    (news / "a1.txt").write_text(ARTICLE, encoding="utf-8")
    (news / "a2.txt").write_text(ARTICLE, encoding="utf-8")
    (news / "a3.txt").write_text("قصير", encoding="utf-8")
    splits = news.parent / "splits.yaml"
    splits.write_text("news: {train: [a1], test: [a2], held-out: [a3]}", encoding="utf-8")
    done = run("corpus", "check", news, "--encoder", tiny_encoder, "--window", "16")
    assert done.returncode == 0
    told = done.stdout.decode()
    assert "a1.txt:1: shares 100% of its runs of 8 words with 'a2'" in told
    assert "near-duplicates across splits: a1 (news#train) 0-" in told
    assert "one sentence in several splits: a1 (news#train)" in told
    rows = [" ".join(line.split()) for line in told.split("\n")]
    assert "label news#test news#held-out" in rows
    assert "all 100% of 13 / 100% – of 0 / –" in rows
    assert "GPE 100% of 4 / 100% –" in rows
    assert any(row.startswith("news#test 4 100% 0%") for row in rows)
    assert "news#held-out 0 – – – – – –" in rows
    assert any(row.startswith("news#test 17 ") for row in rows)
    splits.write_text("news: {test: [a1], held-out: [a3]}", encoding="utf-8")
    told = run("corpus", "check", news, "--encoder", tiny_encoder, "--window", "128").stdout.decode()
    assert "articles in no split: 1" in told
    assert "✓ no near-duplicates across splits; no two articles share 8 words in a row" in told
    assert "no split is named 'train'" in told
    assert "✓ windows of 128 sub-words can give all 17 entities and relations" in told
    assert "✓ spans begin at words or behind proclitics, end at words, nest or stand apart; labels" in told
    alone = run("corpus", "check", news / "a1.txt")
    assert "splits" not in alone.stdout.decode()


def test_a_corpus_of_other_labels_is_checked_and_counted_in_those(
    run: Run, tmp_path: Path, tiny_encoder: Path
) -> None:
    (tmp_path / "a.conll").write_text(FOREIGN, encoding="utf-8")
    for place in (tmp_path / "a.conll", tmp_path):
        good = run("corpus", "check", place)
        assert good.returncode == 0, good.stdout.decode()
        assert "3 entities" in good.stdout.decode()
        assert "learned from the gold: PERS 2, LOC 1\nno relations\n" in (good.stdout + good.stderr).decode()
        assert "✓ spans begin and end at words, stand apart; labels" in good.stdout.decode()
    wrong = run("corpus", "check", place, "--scheme", SCHEME)
    assert wrong.returncode == 0, wrong.stdout.decode()  # both are ours too
    own = tmp_path / "own.yaml"
    own.write_text("entities: {PERSON: a person, LOC: a place}", encoding="utf-8")
    wrong = run("corpus", "check", place, "--scheme", own)
    assert wrong.returncode == 2
    assert "no entity 'PERS' in the scheme; did you mean 'PERSON'?" in wrong.stdout.decode()
    assert "LOC" in run("corpus", "stats", place).stdout.decode()
    # Foreign labels were once told to be unreachable.
    halves = [f"{tmp_path / 'a.conll'}#{half}" for half in ("0-50%", "50-100%")]
    told = run("corpus", "check", *halves, "--encoder", tiny_encoder).stdout.decode()
    assert "✓ windows of 256 sub-words can give all 3 entities and relations" in told
    assert "PERS 0% of 1 / 0%" in " ".join(told.split())


def test_labels_are_taken_as_they_stand_but_for_scores(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text(FOREIGN, encoding="utf-8")
    mapped = f"{tmp_path / 'a.conll'}@anercorp"
    for command in (
        ("check", mapped),
        ("stats", mapped),
        ("stats", mapped, "--register"),
        ("scheme", mapped),
        ("agree", mapped, mapped),
        ("convert", mapped, "--format", "jsonl", "--output", tmp_path / "x.jsonl"),
    ):
        done = run("corpus", *command)
        assert done.returncode == 2, command
        assert "take '@anercorp' away" in done.stderr.decode()
        assert done.stdout == b""
    assert not (tmp_path / "x.jsonl").exists()


def test_the_scheme_that_gold_follows_is_printed_to_mend(run: Run, tmp_path: Path) -> None:
    odd = ("شخص", "Side-Effect", ":on:", "[red]x", "yes", "12", "مكان " + "طويل" * 30)
    text = " ".join(["كيم"] * len(odd) * 2)
    marks = tuple(Entity(i, 4 * i, 4 * i + 3, label, "كيم") for i, label in enumerate(odd * 2))
    document = Document("a", text, marks, (Relation(":on:", 0, 1), Relation("يسكن", 1, 0)))
    (tmp_path / "own.jsonl").write_text(document.to_json() + "\n", encoding="utf-8")
    done = run("corpus", "scheme", tmp_path / "own.jsonl")
    assert done.returncode == 0, done.stderr.decode()
    found = Scheme.parse(done.stdout.decode(), "printed")
    assert found == learn([document])
    assert found.labels == tuple(sorted(odd))
    assert found.relations["يسكن"] == RelationType(head=("Side-Effect",), tail=("شخص",))
    told = done.stderr.decode()
    assert told.startswith("learned from the gold: 12 2, ")
    assert "perhaps slips" in told
    # What was printed is a scheme file as it stands.
    (tmp_path / "scheme.yaml").write_bytes(done.stdout)
    assert run("corpus", "check", tmp_path / "own.jsonl").returncode == 0
    (tmp_path / "none.txt").write_text("زار كيم موسكو", encoding="utf-8")
    refused = run("corpus", "scheme", tmp_path / "none.txt")
    assert refused.returncode == 2
    assert "no entity is marked" in refused.stderr.decode()


def test_convert_stats_and_agree(run: Run, news: Path, tmp_path: Path) -> None:
    output = tmp_path / "all.jsonl"
    assert run("corpus", "convert", news, "--format", "jsonl", "--output", output).returncode == 0
    assert Document.from_json(output.read_text(encoding="utf-8")).id == "a1"
    assert "GPE" in run("corpus", "stats", output).stdout.decode()
    told = run("corpus", "agree", news, output, "--differences")
    assert told.returncode == 2  # the scheme of one, and none beside the other
    assert "do not share one scheme" in told.stderr.decode()
    agreed = run("corpus", "agree", news, output, "--differences", "--scheme", SCHEME).stdout.decode()
    assert "1.000" in agreed
    (news / "more.txt").write_text("[[كيم|PERS#1]]\n", encoding="utf-8")
    told = run("corpus", "agree", news, output, "--scheme", SCHEME).stderr.decode()
    assert f"left out, in {news} alone: 1 article (more)" in told
    (news / "more.txt").unlink()
    lossy = run("corpus", "convert", news, "--format", "conll", "--output", tmp_path / "a.conll")
    assert "4 relations have no place" in lossy.stderr.decode()
    (news / "empty.txt").write_text("\n", encoding="utf-8")
    lossy = run("corpus", "convert", news, "--format", "conll", "--output", tmp_path / "a.conll")
    assert "empty: no word" in lossy.stderr.decode()
    assert "wrote 1 article to" in lossy.stderr.decode()


def test_check_gives_no_green_tick_for_nothing(run: Run, news: Path) -> None:
    """CoNLL in a .txt was once read as plain text, and check was content."""
    for file in news.iterdir():
        file.unlink()
    (news / "b.txt").write_text("زار O\nبوتين B-PERS\n", encoding="utf-8")
    done = run("corpus", "check", news)
    assert done.returncode == 2
    assert (
        "no entity is marked; is the format the right one? CoNLL is written conll:PATH"
        in done.stdout.decode()
    )
    assert "✓" not in done.stdout.decode()


def test_check_says_that_it_checked_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the texts that a corpus points into, check was content in silence."""
    monkeypatch.delenv("KASHIF_SEEDS", raising=False)
    done = run("corpus", "check", "annotations/seeds")
    assert done.returncode == 0
    assert "nothing was checked: no article could be read" in done.stdout.decode()


def test_letters_that_a_terminal_cannot_show_are_escapes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("[[كيم|شخص#1]] هنا.\n---\n", encoding="utf-8")
    command = [sys.executable, "-m", "kashif", "corpus", "check", str(tmp_path)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert b"\\u2713 digests" in done.stdout


def test_convert_from_and_to_another_tool(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(
        '{"id": 4, "text": "زار كيم", "label": [[4, 7, "PERS"]], "Comments": ["?"]}', encoding="utf-8"
    )
    done = run(
        "corpus", "convert", f"doccano:{source}", "--format", "label-studio", "--output", tmp_path / "b.json"
    )
    assert done.returncode == 0
    assert "1 comments are left out" in " ".join(done.stderr.decode().split())
    back = run(
        "corpus",
        "convert",
        f"label-studio:{tmp_path}/b.json",
        "--format",
        "jsonl",
        "--output",
        tmp_path / "c.jsonl",
    )
    assert back.returncode == 0
    assert '"label": "PERS", "text": "كيم"' in (tmp_path / "c.jsonl").read_text(encoding="utf-8")


def test_a_scheme_goes_to_its_file_as_it_is(run: Run, tmp_path: Path) -> None:
    label = "نام\u200cها"
    document = Document("a", "زار كيم", (Entity(1, 4, 7, label, "كيم"),))
    (tmp_path / "a.jsonl").write_text(document.to_json() + "\n", encoding="utf-8")
    done = run("corpus", "scheme", str(tmp_path / "a.jsonl"))
    (tmp_path / "scheme.yaml").write_bytes(done.stdout)
    assert Scheme.load(tmp_path / "scheme.yaml").entities.keys() == {label}


def test_convert_writes_over_nothing_that_it_reads(run: Run, tmp_path: Path) -> None:
    """A corpus was only safe where the output was the file named."""
    pool, brat, split = tmp_path / "pool", tmp_path / "brat", tmp_path / "splits.yaml"
    for folder in (pool, brat):
        folder.mkdir()
    gold = [Document(id, "زار كيم", (Entity(1, 4, 7, "PERS", "كيم"),)) for id in ("one", "two")]
    (pool / "one.jsonl").write_text("".join(d.to_json() + "\n" for d in gold), encoding="utf-8")
    split.write_text("pool: {train: [one]}", encoding="utf-8")
    (brat / "a.ann").write_text("T1\tPERS 4 7\tكيم\n", encoding="utf-8")
    (brat / "a.txt").write_text("زار كيم", encoding="utf-8")
    convert = ("corpus", "convert")
    data = tmp_path / "data"
    assert run(*convert, pool, "--format", "datasets", "--output", data).returncode == 0

    def content() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    before = content()
    for corpus, format, output in (
        (f"{pool}#train", "conll", pool / "one.jsonl"),
        (f"{pool}#train", "conll", pool / "new.conll"),
        (f"{pool}#train", "jsonl", split),
        (f"{pool}#train", "jsonl", f"{pool}/"),
        (brat / "a.ann", "jsonl", brat / "a.txt"),
        (brat / "a.txt", "jsonl", brat / "a.ann"),
        (f"datasets:{data}#0-50%", "datasets", data),
        (f"datasets:{data}", "jsonl", data / "state.json"),
    ):
        done = run(*convert, corpus, "--format", format, "--output", output)
        assert done.returncode == 2, output
        assert "is an input, or stands in a folder that is read; name another" in done.stderr.decode()
        assert content() == before


def test_a_text_that_a_manifest_names_is_not_written_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.ann").write_text("T1\tPERS 4 7\tكيم\n", encoding="utf-8")
    text = "زار كيم"
    (tmp_path / "notes" / "long-name.txt").write_text(text, encoding="utf-8")
    named = {"id": "a", "source": "long-name.txt", "sha256": text_digest(text), "characters": len(text)}
    manifest = tmp_path / "notes" / "manifest.json"
    manifest.write_text(json.dumps({"variable": "NOWHERE", "articles": [named]}), encoding="utf-8")
    corpus = tmp_path / "notes" / "a.ann"
    for place in ("long-name.txt", "manifest.json"):
        output = tmp_path / "notes" / place
        done = run("corpus", "convert", corpus, "--format", "jsonl", "--output", output)
        assert done.returncode == 2
        assert "is an input" in done.stderr.decode()
    assert (tmp_path / "notes" / "long-name.txt").read_text(encoding="utf-8") == text


def test_webanno_articles_beside_tables_of_ours(run: Run, tmp_path: Path) -> None:
    """The table of differences took an article's place, and was then read as one."""
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    text = "زار كيم كييف"
    marks = (Entity(1, 4, 7, "PERS", "كيم"), Entity(2, 8, 12, "GPE", "كييف"))
    for file, id, entities in ((one, "a", marks), (two, "a", marks[:1])):
        file.write_text(Document(id, text, entities).to_json() + "\n", encoding="utf-8")
    merged = tmp_path / "merged"
    done = run("corpus", "merge", one, two, "--format", "webanno", "--output", merged)
    assert done.returncode == 0, done.stderr.decode()
    assert sorted(file.name for file in merged.iterdir()) == ["a.tsv", "differences.tsv"]
    assert run("corpus", "stats", f"webanno:{merged}").returncode == 0
    for file in (one, two):
        file.write_text(file.read_text(encoding="utf-8").replace('"a"', '"differences"'), encoding="utf-8")
    refused = run("corpus", "merge", one, two, "--format", "webanno", "--output", tmp_path / "m")
    assert refused.returncode == 2
    assert "differences.tsv is a table of Kashif's own" in refused.stderr.decode()


def test_a_corpus_is_not_taken_for_its_splits(run: Run, tmp_path: Path) -> None:
    rows = "كيم\tB-PERS\n\nكييف\tB-GPE\n"
    (tmp_path / "splits.yaml").write_text(rows, encoding="utf-8")
    done = run("corpus", "split", f"conll:{tmp_path / 'splits.yaml'}", "--shares", "train=1", "--overwrite")
    assert done.returncode == 2
    assert "splits.yaml" in done.stderr.decode()
    assert (tmp_path / "splits.yaml").read_text(encoding="utf-8") == rows
