from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from helpers import ARTICLE, add_scheme, another

from kashif.document import Document
from kashif.formats.plain import parse

Run = Callable[..., CompletedProcess[bytes]]
SENTENCES = ("زار بوتين أوسلو أمس.", "وصل كيم إلى كييف.", "أرسلت النرويج دبابات.", "التقى الوزير السفراء.")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """JSON lines of four texts and of the one that the model of ``trained`` knows."""
    path = tmp_path / "pool.jsonl"
    rows = [{"id": f"t{i}", "text": text, "day": i} for i, text in enumerate(SENTENCES)]
    rows.append({"id": "known", "text": parse(ARTICLE, Path("a1.txt")).document.text})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_next_chooses_what_nobody_annotated_and_says_why(
    run: Run, trained: Path, texts: Path, tmp_path: Path
) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(Document("t1", "نص آخر").to_json() + "\n", encoding="utf-8")
    options = ["--corpus", gold, "--count", "2", "--json", "out/", "--output", "chosen.jsonl"]
    done = run("corpus", "next", trained, texts, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    told = done.stderr.decode()
    assert "passed over: 1 texts with the ids of some that are annotated in the corpus, with other" in told
    assert "passed over: 1 texts that the model was trained on or chosen by" in told
    report = json.loads((tmp_path / "out" / "next.json").read_text(encoding="utf-8"))
    chosen = [row["id"] for row in report["chosen"]]
    assert len(chosen) == 2
    assert {*chosen} <= {"t0", "t2", "t3"}
    assert report["texts"] == 3
    assert report["chosen"][0]["nearest"] == "t1"
    lines = (tmp_path / "chosen.jsonl").read_text(encoding="utf-8").splitlines()
    written = [Document.from_json(line) for line in lines]
    assert [document.id for document in written] == chosen
    assert [document.text for document in written] == [SENTENCES[int(id[1:])] for id in chosen]
    assert written[0].meta == {"day": int(chosen[0][1:])}
    assert all(id in done.stdout.decode() for id in chosen)
    assert run("corpus", "next", trained, texts, *options, cwd=tmp_path).stdout == done.stdout


def test_next_refuses_what_it_cannot_do(run: Run, trained: Path, texts: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.jsonl"
    known.write_text(texts.read_text(encoding="utf-8").splitlines()[-1], encoding="utf-8")
    done = run("corpus", "next", trained, known)
    assert done.returncode == 2
    assert "no text is left to choose from; passed over: 1 texts" in done.stderr.decode()
    before = texts.read_bytes()
    gold = tmp_path / "gold.jsonl"  # it was written over by the texts chosen
    gold.write_text(Document("t1", "نص آخر").to_json() + "\n", encoding="utf-8")
    annotated = ["--corpus", gold]
    for option in (
        ["--output", texts],
        ["--json", texts],
        ["--json", "x", "--output", "x"],
        [*annotated, "--output", gold],
        [*annotated, "--json", gold],
        ["--json", trained / "config.json"],
    ):
        done = run("corpus", "next", trained, texts, *option, cwd=tmp_path)
        assert done.returncode == 2
        assert "name another place" in done.stderr.decode()
    assert texts.read_bytes() == before
    assert Document.from_json(gold.read_text(encoding="utf-8")).id == "t1"
    (tmp_path / "bad.jsonl").write_text("{\n[]\n", encoding="utf-8")
    done = run("corpus", "next", trained, tmp_path / "bad.jsonl")
    assert done.returncode == 2
    assert b"bad.jsonl:1" in done.stderr
    assert b"bad.jsonl:2" in done.stderr
    assert run("corpus", "next", tmp_path, texts).returncode == 2
    empty = run("corpus", "next", trained, "", cwd=tmp_path)  # it read the current folder
    assert (empty.returncode, b"the name of an input is empty" in empty.stderr) == (2, True)


def test_doubt_lists_gold_that_the_model_contradicts(run: Run, trained: Path, tmp_path: Path) -> None:
    """The article that the model knows by heart under another id and text, with slips."""
    corpus = tmp_path / "annotations" / "gold"
    corpus.mkdir(parents=True)
    add_scheme(corpus.parent)
    slips = (
        another(2)
        .replace("[[إسبن بارت إيدي|PERS#5]]", "[[إسبن بارت إيدي|ORG#5]]")
        .replace("[[12 دبابة|QUANTITY#11]]", "12 دبابة")
    )
    (corpus / "g1.txt").write_text(slips.partition("---")[0], encoding="utf-8")
    options = ["--json", tmp_path / "doubt.json", "--threshold", "0.5"]
    done = run("corpus", "doubt", trained, corpus, *options)
    assert done.returncode == 0, done.stderr.decode()
    report = json.loads((tmp_path / "doubt.json").read_text(encoding="utf-8"))
    kinds = {(row["kind"], row["gold"], row["model"]) for row in report["doubts"]}
    assert ("other label", "ORG «إسبن بارت إيدي»", "PERS «إسبن بارت إيدي»") in kinds
    assert ("unmarked mention", "nothing", "QUANTITY «12 دبابة»") in kinds
    order = [row["confidence"] for row in report["doubts"]]
    assert order == sorted(order, reverse=True)
    told = done.stdout.decode()
    assert f"{corpus / 'g1.txt'}:3" in told
    assert "[إسبن بارت إيدي]" in told
    assert f"{len(order)} doubts, in 1 of 1 articles" in told
    assert run("corpus", "doubt", trained, corpus, "--threshold", "2").returncode == 2
    assert run("corpus", "doubt", trained, corpus, "--json", corpus / "g1.txt").returncode == 2
    taught = run("corpus", "doubt", trained, trained.parent.parent / "annotations" / "one")
    assert taught.returncode == 2
    assert "no article to judge; passed over: 1 articles" in taught.stderr.decode()
