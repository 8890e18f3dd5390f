from __future__ import annotations

import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from helpers import ARTICLE, FOREIGN, ROOT, SCHEME, disguise_document

from kashif.arabic import words
from kashif.corpora.checks import check
from kashif.corpora.spec import Spec
from kashif.corpora.splits import (
    QUANTILES,
    Division,
    SeenCounts,
    distances,
    divide,
    seen_in_training,
    shared,
)
from kashif.document import Document, Entity, Relation
from kashif.formats import Reading

STRETCH = "وقال المتحدث إن الوفد سيغادر العاصمة صباح غد في زيارة تستمر ثلاثة أيام"
TEXTS = {
    "n1": f"افتتح المتحف أبوابه أمس بعد ترميم طويل.\n{STRETCH}.",
    "n2": "ارتفعت أسعار القمح في الأسواق العالمية.",
    "n3": f"«{STRETCH}» بحسب البيان.",
    "n4": "ارتفعت أسعارُ القمح في الأسواق العالمية.",
    "n5": "هطلت أمطار غزيرة على الساحل.",
}
SPLITS = "news:\n  small: [n1]\n  train: [n1, n2]\n  test: [n3]\n  development: [n4]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    news = tmp_path / "annotations" / "news"
    news.mkdir(parents=True)
    for name, text in TEXTS.items():
        (news / f"{name}.txt").write_text(text, encoding="utf-8")
    other = news.parent / "second"
    other.mkdir()
    (other / "n3.txt").write_text(TEXTS["n3"], encoding="utf-8")
    (news.parent / "splits.yaml").write_text(SPLITS, encoding="utf-8")
    return news


def read(*specs: Spec, scheme: str = str(SCHEME)) -> tuple[list[Spec], list[Reading]]:
    checked = check(list(specs), given=scheme)
    assert checked.faults == []
    return list(specs), checked.readings


def ids(division: Division) -> dict[str, list[str]]:
    return {part.name: [document.id for document in part.documents] for part in division.parts}


def test_a_corpus_is_divided_by_its_splits_and_a_subset_is_left_out(folder: Path) -> None:
    division = divide(*read(Spec(folder)))
    assert ids(division) == {"news#train": ["n1", "n2"], "news#development": ["n4"], "news#test": ["n3"]}
    assert [document.id for document in division.training] == ["n1", "n2"]
    assert [part.split for part in division.evaluation] == ["development", "test"]
    assert division.notices == (
        "news#small is not compared: 1 of 1 articles are in news#train",
        f"articles in no split: 1 ({folder} 1)",
    )


def test_a_folder_of_corpora_is_divided_by_its_splits_file(folder: Path) -> None:
    division = divide(*read(Spec(folder.parent)))
    assert list(ids(division)) == ["news#train", "news#development", "news#test"]
    assert division.notices[1] == f"articles in no split: 2 ({folder} 1, {folder.parent / 'second'} 1)"


def test_corpora_of_the_command_line_are_parts(folder: Path) -> None:
    second = folder.parent / "second"
    specs = (Spec(folder, split="test"), Spec(folder, split="train"), Spec(second))
    division = divide(*read(*specs))
    assert ids(division) == {"news#train": ["n1", "n2"], "news#test": ["n3"]}
    assert division.notices == (f"{second} is not compared: 1 of 1 articles are in news#test",)
    division = divide(*read(Spec(folder, split="train"), Spec(second)))
    assert ids(division) == {"news#train": ["n1", "n2"], str(second): ["n3"]}
    # The same text under another id is no second annotation but a leak.
    (second / "n3.txt").rename(second / "m3.txt")
    assert len(divide(*read(*specs)).parts) == 3


def test_a_corpus_without_splits_is_one_part(folder: Path) -> None:
    division = divide(*read(Spec(folder.parent / "second")))
    assert ids(division) == {str(folder.parent / "second"): ["n3"]}
    assert division.notices == ()


def test_corpora_of_one_name_are_told_apart(folder: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin" / "news"
    twin.mkdir(parents=True)
    (twin / "m1.txt").write_text("نص قصير", encoding="utf-8")
    (twin.parent / "splits.yaml").write_text("news: {test: [m1]}", encoding="utf-8")
    division = divide(*read(Spec(folder, split="test"), Spec(twin, split="test")))
    assert list(ids(division)) == [f"{folder}#test", f"{twin}#test"]


def test_two_slices_of_a_corpus_are_two_parts(tmp_path: Path) -> None:
    """They were once merged into one part that held both."""
    file = tmp_path / "train.conll"
    sentence = "".join(f"{word} O\n" for word in STRETCH.split())
    file.write_text(f"{FOREIGN}{sentence}\n" * 2, encoding="utf-8")
    specs = [Spec(file, split=split) for split in ("0-50%", "50-100%")]
    division = divide(*read(*specs, scheme="learned"))
    assert ids(division) == {
        "train.conll#0-50%": ["train[0-50%]"],
        "train.conll#50-100%": ["train[50-100%]"],
    }
    assert division.notices == ()
    # The slice that begins the corpus is what the other is compared with.
    [held] = division.evaluation
    assert held.split == "50-100%"
    assert seen_in_training(division.training, held.documents)["all"] == SeenCounts(3, 3, 3, 3)
    [(_, second, overlap)] = shared(division.parts).pairs
    assert second.part == "train.conll#50-100%"
    assert overlap.near_duplicate


def test_near_duplicates_and_repeated_sentences_across_splits(folder: Path) -> None:
    found = shared(divide(*read(Spec(folder))).parts)
    [(first, second, overlap)] = found.pairs
    assert (first.part, first.document) == ("news#train", "n1")
    assert (second.part, second.document) == ("news#test", "n3")
    assert TEXTS["n1"][first.start : first.end] == STRETCH == TEXTS["n3"][second.start : second.end]
    assert overlap.run == len(words(STRETCH)) == 13
    assert overlap.near_duplicate
    assert str(second) == f"n3 (news#test) 1-{1 + len(STRETCH)}"
    # Too short for a shingle, and one has a mark more.
    [places] = found.repeated
    assert [(place.document, place.part) for place in places] == [
        ("n2", "news#train"),
        ("n4", "news#development"),
    ]


def document(id: str, text: str, *mentions: tuple[str, str], relations: Any = ()) -> Document:
    entities = []
    at = 0
    for number, (mention, label) in enumerate(mentions):
        at = text.index(mention, at)
        entities.append(Entity(number, at, at + len(mention), label, mention))
    return Document(id, text, tuple(entities), tuple(Relation(*relation) for relation in relations))


def test_entities_seen_in_training() -> None:
    training = [
        document("t", "زار كَيم موسكو والتقى الجيش", ("كَيم", "PERS"), ("موسكو", "GPE"), ("الجيش", "ORG"))
    ]
    held = [
        document("a", "كيم في موسـكو ثم موسكو", ("كيم", "PERS"), ("موسـكو", "GPE"), ("موسكو", "GPE")),
        document("b", "في باريس للجيش كيم", ("باريس", "GPE"), ("لجيش", "ORG"), ("كيم", "ORG")),
    ]
    rows = seen_in_training(training, held)
    assert rows == {
        "all": SeenCounts(6, 4, 5, 3),
        "GPE": SeenCounts(3, 2, 2, 1),
        "ORG": SeenCounts(2, 1, 2, 1),
        "PERS": SeenCounts(1, 1, 1, 1),
    }
    assert list(rows) == ["all", "GPE", "ORG", "PERS"]
    assert seen_in_training(training, [disguise_document(each, Random(1)) for each in held]) == rows
    assert seen_in_training(training, []) == {"all": SeenCounts(0, 0, 0, 0)}


def test_distances_of_relations() -> None:
    text = "التقى كيم أمس، في موسكو وزير الدفاع. وزار وموسكو بعيدة."
    found = distances(
        [
            document(
                "a",
                text,
                *(("كيم", "PERS"), ("موسكو", "GPE"), ("وزير الدفاع", "OCC"), ("موسكو", "GPE")),
                relations=[("occupation", 0, 2), ("visits", 0, 1), ("located_in", 2, 1), ("visits", 2, 3)],
            )
        ]
    )
    assert (found.relations, found.within, found.adjoining) == (4, 3, 1)
    # Between: أمس ، في موسكو; أمس ، في; nothing; the point and وزار (the word of the argument is none).
    between = sorted([4, 3, 0, 2])
    assert found.words == tuple(between[math.ceil(4 * share) - 1] for share in QUANTILES) == (2, 4, 4, 4)
    assert distances([document("b", "نص")]).words is None


def test_the_repository_s_splits_share_nothing() -> None:
    division = divide(*read(Spec(ROOT / "annotations" / "newsroom")))
    assert [len(part.readings) for part in division.parts] == [179, 22, 29, 120]
    found = shared(division.parts)
    assert not any(overlap.near_duplicate for _, _, overlap in found.pairs)
    assert found.repeated == ()


def test_annotations_do_not_hide_a_duplicate(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(ARTICLE, encoding="utf-8")
    division = divide(*read(Spec(tmp_path / "one"), Spec(tmp_path / "two")))
    assert division.training == []
    [(_, _, overlap)] = shared(division.parts).pairs
    assert overlap.resemblance == 1
