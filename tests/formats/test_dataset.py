from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest

from kashif import formats
from kashif.corpora.checks import check
from kashif.corpora.loading import load, refuse_unknown
from kashif.corpora.spec import Spec
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import conll, dataset
from kashif.formats.writing import save
from kashif.training.starter import recipe_of

ROWS = {"tokens": [["زار", "كيم", "جونغ", "عمان"], ["عاد"]], "ner_tags": [[0, 1, 2, 3], [0]]}
NAMES = ["O", "B-PER", "I-PER", "B-LOC"]


def conll2003(**columns: Any) -> datasets.Dataset:
    """A dataset as the hub has them: numbers that stand for tags."""
    made = datasets.Dataset.from_dict({**ROWS, **columns})
    return made.cast_column("ner_tags", datasets.Sequence(datasets.ClassLabel(names=NAMES)))


def spans(document: Document) -> list[tuple[str, str]]:
    return [(entity.label, entity.text) for entity in document.entities]


def test_tokens_and_tags_are_read_from_disk_and_parquet(tmp_path: Path) -> None:
    conll2003(source=["web", "web"]).save_to_disk(tmp_path / "d")
    conll2003(source=["web", "web"]).to_parquet(tmp_path / "d.parquet")
    for place in (f"datasets:{tmp_path / 'd'}", str(tmp_path / "d.parquet")):
        corpus = load(place)
        assert [document.text for document in corpus.documents] == ["زار كيم جونغ عمان", "عاد"]
        first = corpus.documents[0]
        assert (first.id, dict(first.meta)) == ("d-00001", {"source": "web"})
        assert spans(first) == [("PER", "كيم جونغ"), ("LOC", "عمان")]
        assert not corpus.notices


def test_joined_tags_are_of_nested_spans(tmp_path: Path) -> None:
    """They were one label, `GPE|I-OCC`."""
    rows = {"tokens": [["رئيس", "جمهورية", "مصر"]], "ner_tags": [["B-OCC", "B-GPE|I-OCC", "I-GPE|I-OCC"]]}
    datasets.Dataset.from_dict(rows).save_to_disk(tmp_path / "d")
    [reading] = formats.read(tmp_path / "d", "datasets")
    assert spans(reading.document) == [("OCC", "رئيس جمهورية مصر"), ("GPE", "جمهورية مصر")]
    assert reading.notices == (f"{tmp_path / 'd'}: 2 {conll.JOINED}",)


def test_splits_are_chosen_by_name(tmp_path: Path) -> None:
    parts = {"train": conll2003(), "validation": conll2003()}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "d")
    whole = load(f"datasets:{tmp_path / 'd'}")
    assert [d.id for d in whole.documents] == [f"d-{s}-0000{n}" for s in parts for n in (1, 2)]
    assert whole.notices == (
        f"{tmp_path / 'd'}: its splits train, validation are read together; #train names one",
    )
    assert [d.id for d in load(f"datasets:{tmp_path / 'd'}#0-50%").documents] == [
        d.id for d in whole.documents
    ][:2]
    one = load(f"datasets:{tmp_path / 'd'}#validation")
    assert not one.notices
    assert [d.id for d in one.documents] == ["d-validation-00001", "d-validation-00002"]
    with pytest.raises(InputError, match="no split 'valid'; did you mean 'validation'"):
        load(f"datasets:{tmp_path / 'd'}#valid")


@pytest.mark.parametrize("kind", ["one", "saved", "parquet", "data"])
def test_a_bare_folder_of_a_dataset_is_the_same_as_with_its_format(tmp_path: Path, kind: str) -> None:
    """Of parquet files that stood right in a folder the training read the test too."""
    folder, parts = tmp_path / kind, {"train": conll2003(), "test": conll2003()}
    if kind == "one":
        conll2003().save_to_disk(folder)
    elif kind == "saved":
        datasets.DatasetDict(parts).save_to_disk(folder)
    else:
        place = folder / "data" if kind == "data" else folder
        place.mkdir(parents=True)
        for name, rows in parts.items():
            rows.to_parquet(place / f"{name}-00000-of-00001.PARQUET")
    (folder / "README.md").write_text("x", encoding="utf-8")
    bare, named = load(str(folder)), load(f"datasets:{folder}")
    assert (bare.documents, bare.notices) == (named.documents, named.notices)
    recipe = recipe_of(str(folder))
    if kind == "one":
        assert (recipe.train, recipe.held_out) == ((str(folder),), ())
    else:
        assert (recipe.train, recipe.held_out) == ((f"{folder}#train",), (f"{folder}#test",))
        assert len(load(f"{folder}#test").documents) == 2


def test_a_dataset_beside_other_articles_is_named(tmp_path: Path) -> None:
    for name in ("train", "test"):
        conll2003().to_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="a dataset of Hugging Face and more; write datasets:"):
        load(str(tmp_path))
    (tmp_path / "a.txt").unlink()
    (tmp_path / "splits.yaml").write_text("{}", encoding="utf-8")  # a folder of corpora
    with pytest.raises(InputError, match="write datasets:"):
        load(str(tmp_path))


def test_ids_that_repeat_in_every_split_are_told_apart(tmp_path: Path) -> None:
    parts = {"train": conll2003(id=["0", "1"]), "test": conll2003(id=["0", "1"])}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "d")
    whole = load(f"datasets:{tmp_path / 'd'}")
    assert [d.id for d in whole.documents] == ["train-0", "train-1", "test-0", "test-1"]
    assert [d.id for d in load(f"datasets:{tmp_path / 'd'}#test").documents] == ["test-0", "test-1"]


def test_a_training_keeps_to_the_splits_of_a_dataset(tmp_path: Path) -> None:
    parts = {"train": conll2003(), "validation": conll2003(), "test": conll2003()}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "d")
    place = f"datasets:{tmp_path / 'd'}"
    recipe = recipe_of(place)
    assert recipe.train == (f"{place}#train",)
    assert recipe.development == (f"{place}#validation",)
    assert recipe.held_out == (f"{place}#test",)
    datasets.DatasetDict({"all": conll2003(), "more": conll2003()}).save_to_disk(tmp_path / "e")
    with pytest.raises(InputError, match=r"no split 'train' of e; name the one to train on: .*e#all"):
        recipe_of(f"datasets:{tmp_path / 'e'}")


def test_parquet_files_in_the_hub_s_layout_have_splits(tmp_path: Path) -> None:
    """They were once read together, and a training learned from the test."""
    (tmp_path / "d" / "data").mkdir(parents=True)
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001", "test"):
        conll2003(id=[name, f"{name}b"]).to_parquet(tmp_path / "d" / "data" / f"{name}.parquet")
    place = f"datasets:{tmp_path / 'd'}"
    recipe = recipe_of(place)
    assert (recipe.train, recipe.development) == ((f"{place}#train",), (f"{place}#validation",))
    assert recipe.held_out == (f"{place}#test",)
    assert [d.id for d in load(f"{place}#test").documents] == ["test-test", "test-testb"]
    assert len(load(f"{place}#train").documents) == 4
    whole = load(place)
    assert len(whole.documents) == 8
    assert "its splits train, validation, test are read together" in " ".join(whole.notices)
    (tmp_path / "e").mkdir()
    for name in ("one", "two"):
        conll2003(id=[name, f"{name}b"]).to_parquet(tmp_path / "e" / f"{name}.parquet")
    assert [d.id for d in load(f"datasets:{tmp_path / 'e'}").documents] == ["one", "oneb", "two", "twob"]


def test_a_split_s_folder_of_parquet_files_is_that_split(tmp_path: Path) -> None:
    """Named ``train/0000.parquet``, as the hub converts, both were one split."""
    for name in ("train", "test"):
        (tmp_path / "d" / "default" / name).mkdir(parents=True)
        for part in range(2):
            file = tmp_path / "d" / "default" / name / f"000{part}.parquet"
            conll2003(id=[f"{part}a", f"{part}b"]).to_parquet(file)
    assert dataset.splits(tmp_path / "d") == ("train", "test")
    assert len(dataset.read(tmp_path / "d", split="test")) == 4
    assert dataset.splits(tmp_path / "d" / "default" / "test") == ()  # one alone has none
    conll2003().to_parquet(tmp_path / "d" / "test.parquet")
    [fault] = check([Spec(tmp_path / "d")]).faults
    assert "the split test stands in several folders; give one" in fault.message


def test_hidden_parquet_files_are_none_of_a_dataset(tmp_path: Path) -> None:
    """Copies that editors and macOS leave were read with it."""
    for file in ("data/train", ".cache/train", "data/.ipynb_checkpoints/train-checkpoint", "data/._train"):
        place = tmp_path / ".d" / f"{file}.parquet"  # the dataset's own folder may be hidden
        place.parent.mkdir(parents=True, exist_ok=True)
        conll2003().to_parquet(place)
    assert dataset.splits(tmp_path / ".d") == ("train",)
    assert len(load(f"datasets:{tmp_path / '.d'}").documents) == 2


def test_configurations_are_not_mixed(tmp_path: Path) -> None:
    """Those of two languages became one split."""
    for name in ("ar", "en"):
        (tmp_path / "d" / name).mkdir(parents=True)
        conll2003().to_parquet(tmp_path / "d" / name / "train-00000-of-00001.parquet")
    told = "the split train stands in several folders; give one: datasets:.*d/ar, datasets:.*d/en"
    for place in ("d", "d#train", "d#0-50%"):
        with pytest.raises(InputError, match=told):
            load(f"datasets:{tmp_path / place}")
        with pytest.raises(InputError, match=told):
            refuse_unknown([f"datasets:{tmp_path / place}"])
    with pytest.raises(InputError, match=told):
        load(str(tmp_path / "d"))
    assert len(load(f"datasets:{tmp_path / 'd' / 'ar'}#train").documents) == 2


def test_texts_and_spans_are_read(tmp_path: Path) -> None:
    row = {
        "id": "a",
        "text": "زار كيم عمان",
        "spans": [
            {"start": 4, "end": 7, "type": "P", "wikidata": "Q42"},
            {"start": 8, "end": 12, "type": "G", "wikidata": None},
        ],
        "relations": [{"label": "visits", "head": 0, "tail": 1}],
        "scores": [1.0, 2.0],
    }
    datasets.Dataset.from_list([row]).to_parquet(tmp_path / "x.parquet")
    corpus = load(str(tmp_path / "x.parquet"))
    [document] = corpus.documents
    assert spans(document) == [("P", "كيم"), ("G", "عمان")]
    assert document.relations == (Relation("visits", 1, 2),)
    assert corpus.notices == (
        f"{tmp_path / 'x.parquet'}: 1 values of 'wikidata' of a span are left out",
        f"{tmp_path / 'x.parquet'}: 1 values of the column 'scores' are left out",
    )


def test_the_column_and_scheme_of_tags_are_told(tmp_path: Path) -> None:
    rows = {"words": [["كيم", "هنا"]], "fine": [["U-PER", "O"]], "coarse": [["U-X", "O"]]}
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(
        InputError, match=r"which column holds the tags of 'words'\? \+tag=NAME of fine, coarse"
    ):
        load(str(tmp_path / "x.parquet"))
    corpus = load(f"datasets+tag=fine:{tmp_path / 'x.parquet'}")
    assert spans(corpus.documents[0]) == [("PER", "كيم")]
    assert "tags are BILOU" in " ".join(corpus.notices)


def test_what_is_written_is_read_again_and_by_the_library(tmp_path: Path) -> None:
    document = Document(
        "a/1",
        "زار كيم عمان",
        (Entity(7, 4, 7, "P", "كيم", None, 0.5), Entity(9, 8, 12, "G", "عمان", "عمّان")),
        (Relation("visits", 7, 9, 0.25),),
        {"url": "u\ud800", "deep": [{"a": None}]},
    )
    bare = Document("b", "نص")
    for _ in range(2):  # also over an older one
        assert save([document, bare], "datasets", tmp_path / "out") == []
    found = formats.read(tmp_path / "out", "datasets")
    assert ([r.document for r in found], found[0].notices) == ([document, bare], ())
    rows = datasets.load_from_disk(tmp_path / "out")
    assert rows[0]["entities"][0]["label"] == "P"
    with pytest.raises(InputError, match="a lone surrogate"):
        save([Document("s", "\ud800")], "datasets", tmp_path / "s")


def test_only_a_dataset_is_replaced(tmp_path: Path) -> None:
    """Every file that ended in .arrow was deleted, whosever it was."""
    bare = [Document("b", "نص")]
    conll2003().save_to_disk(tmp_path / "theirs", num_shards=2)
    save(bare, "datasets", tmp_path / "theirs")
    assert [d.id for d in load(f"datasets:{tmp_path / 'theirs'}").documents] == ["b"]
    assert len(list((tmp_path / "theirs").iterdir())) == 3
    datasets.DatasetDict({"train": conll2003()}).save_to_disk(tmp_path / "splits")
    for name, files in {
        "mixed": ("other.arrow", "state.json", "dataset_info.json"),
        "articles": ("a.txt",),
        "odd": ("state.json",),
    }.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text("{}", encoding="utf-8")
    save(bare, "datasets", tmp_path / "cached")
    (tmp_path / "cached" / "cache-1.arrow").write_bytes(b"kept")
    for name, told in {
        "mixed": "other.arrow",
        "articles": "a.txt",
        "odd": "state.json",
        "splits": "dataset_dict.json, train",
        "cached": "cache-1.arrow",
    }.items():
        before = {file: file.read_bytes() for file in (tmp_path / name).rglob("*") if file.is_file()}
        with pytest.raises(InputError, match=f"{told} in this folder would be lost.*name a new folder"):
            save(bare, "datasets", tmp_path / name)
        assert {file: file.read_bytes() for file in (tmp_path / name).rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"tokens": ["a"], "ner_tags": ["B-X", "O"]}], "row 1: 1 words, and 2 tags"),
        ([{"tokens": [" "], "ner_tags": ["O"]}], "row 1: 1 words, and ' ' is no word or no tag"),
        (
            [{"text": "ab", "entities": [{"start": 1, "end": 9, "label": "X"}]}],
            "row 1: offsets 1-9 do not lie",
        ),
        ([{"body": "ab"}], "its columns are body; a dataset has 'tokens' and 'ner_tags', or"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, rows: list[Any], message: str) -> None:
    datasets.Dataset.from_list(rows).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=message):
        dataset.read(tmp_path / "x.parquet")


def test_no_dataset_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no dataset in this folder"):
        dataset.read(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"x\.parquet: not a dataset that can be read: "):
        dataset.read(tmp_path / "x.parquet")


def test_parquet_files_without_splits_in_a_bare_folder_are_corpora_of_their_own(tmp_path: Path) -> None:
    """Read as one table, a new file shifted the ids of all, and other columns took the text away."""
    for name in ("b", "c"):
        conll2003().to_parquet(tmp_path / f"{name}.parquet")
    ids = [f"{name}-0000{number}" for name in ("b", "c") for number in (1, 2)]
    assert [document.id for document in load(str(tmp_path)).documents] == ids
    (tmp_path / "splits.yaml").write_text("b.parquet:\n  train: [b-00001]\n", encoding="utf-8")
    checked = check([Spec(tmp_path)])
    assert (checked.faults, len(checked.readings)) == ([], 4)
    datasets.Dataset.from_list([{"text": "زار"}]).to_parquet(tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"d\.parquet: its columns are not those of .*b\.parquet; read each"):
        load(f"datasets:{tmp_path}")
