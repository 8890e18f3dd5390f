from __future__ import annotations

import sys
from pathlib import Path
from threading import Thread

import pytest

from kashif.corpora import partition
from kashif.corpora.checks import check
from kashif.corpora.loading import load, split_file
from kashif.corpora.spec import Spec
from kashif.document import Document
from kashif.errors import InputError
from kashif.files import write_text

STRETCH = "وقال المتحدث إن الوفد سيغادر العاصمة صباح غد في زيارة تستمر ثلاثة أيام"
HALVES = {"train": 0.5, "test": 0.5}
COMMENTED = """\
# all corpora

other:
  train: [a] # by hand

# of the news
news:
  # old ones
  train: [x]
  small: [y]

# the last
third: {test: [z]}
"""


def documents(*texts: str) -> list[Document]:
    return [Document(f"d{index}", text) for index, text in enumerate(texts)]


def test_shares_are_read_and_every_fault_is_told() -> None:
    assert partition.parse_shares("train=0.7, test=0.3") == {"train": 0.7, "test": 0.3}
    assert set(partition.parse_shares(partition.SHARES)) == {"train", "development", "test"}
    with pytest.raises(InputError, match=r"they make 0\.9, not 1"):
        partition.parse_shares("train=0.8,test=0.1")
    with pytest.raises(InputError) as caught:
        partition.parse_shares("train=x,0.5,a=2,train=0.5")
    assert len(caught.value.faults) == 4


def test_copies_and_near_duplicates_stay_together() -> None:
    found = documents(f"افتتح المتحف. {STRETCH}", "نص", f"{STRETCH}. نهاية", "نص ", "نص آخر")
    assert partition.together(found) == [["d0", "d2"], ["d1", "d3"], ["d4"]]


def test_where_all_articles_are_alike_copies_alone_stay_together() -> None:
    alike = documents(f"{STRETCH}. نهاية", f"بداية. {STRETCH}", f"{STRETCH}.  نهاية")
    groups, told = partition.apart(alike)
    assert groups == [["d0", "d2"], ["d1"]]
    assert told == [
        "all articles are near-duplicates: what is left out of training is like what is trained on"
    ]
    assert partition.apart([*alike, Document("e", "نص آخر")]) == ([["d0", "d1", "d2"], ["e"]], [])


def test_splits_come_near_their_shares_and_hold_each_article_once() -> None:
    groups = [["a", "b", "c"], *([f"n{index}"] for index in range(17))]
    shares = partition.parse_shares("train=0.8,development=0.1,test=0.1")
    drawn = partition.draw(groups, shares, seed=1)
    assert sorted(id for ids in drawn.values() for id in ids) == sorted(id for g in groups for id in g)
    assert {name: len(ids) for name, ids in drawn.items()} == {"train": 16, "development": 2, "test": 2}
    assert any({"a", "b", "c"} <= set(ids) for ids in drawn.values())
    assert drawn == partition.draw(groups, shares, seed=1)
    assert drawn != partition.draw(groups, shares, seed=2)
    few = partition.draw([["a", "b", "c", "d"], ["e"], ["f"]], shares, seed=1)
    assert sorted(len(ids) for ids in few.values()) == [1, 1, 4]
    with pytest.raises(InputError, match="2 articles that are not alike make no 3 splits"):
        partition.draw([["a"], ["b"]], shares, seed=1)


def test_other_corpora_and_their_comments_stay(tmp_path: Path) -> None:
    file = tmp_path / "splits.yaml"
    file.write_text(COMMENTED, encoding="utf-8")
    drawn = {"train": ["n1", "2024"], "test": ["no"]}
    found = partition.write(file, "news", drawn, overwrite=True)
    assert split_file(file) == {"other": {"train": ["a"]}, "news": drawn, "third": {"test": ["z"]}}
    text = file.read_text(encoding="utf-8")
    for kept in ("# all corpora", "# by hand", "# of the news\nnews:", "\n\n# the last\nthird:"):
        assert kept in text
    assert [line.partition(": ")[2] for line in found.notices] == [
        "small (1)",
        "1 lines of comments are lost",
    ]
    for name in ("news", "new: one"):
        (tmp_path / name).mkdir()
    for name in ("new: one", "new #1"):  # once this lost -1 lines of comments
        assert partition.write(file, name, drawn).notices == ()
    assert split_file(file)["new: one"] == drawn
    assert "# the last" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("end", ["\n", "\r", "\x85", "\u2028"])
def test_ids_with_line_ends_are_read_back_and_cost_no_comment(tmp_path: Path, end: str) -> None:
    """They were written so that the splits named other articles, and all was said to be well."""
    file = tmp_path / "splits.yaml"
    file.write_text(
        f'# all\nother: {{train: ["x{end} news: y"]}} # kept\nnews: {{old: [b]}}\n', encoding="utf-8"
    )
    other = split_file(file)["other"]
    drawn = {"train": [f"a{end}b", f"{'c ' * 60}{end}#d"], "test": [f"{end}e"]}
    for splits in (drawn, {"test": ["a"]}, drawn):
        assert not any(
            "comments" in told for told in partition.write(file, "news", splits, overwrite=True).notices
        )
        assert split_file(file) == {"other": other, "news": splits}
    assert "# kept" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "{news: {train: [x]}, other: {test: [y]}} # one line\n"]
)
def test_any_splits_file_takes_new_splits(tmp_path: Path, text: str) -> None:
    file = tmp_path / "splits.yaml"
    file.write_text(text, encoding="utf-8")
    notices = partition.write(file, "news", {"train": ["a"]}, overwrite=True).notices
    assert split_file(file)["news"] == {"train": ["a"]}
    assert ("other" in split_file(file)) == ("other" in text)
    assert bool(notices) == ("one line" in text)  # its comment is lost, and that is said


def test_splits_that_are_there_and_parts_of_a_corpus_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "splits.yaml"
    partition.refuse_change(file, "news")
    file.write_text(COMMENTED, encoding="utf-8")
    partition.refuse_change(file, "fourth")
    with pytest.raises(InputError, match=r"news has splits \(train 1, small 1\); --overwrite"):
        partition.refuse_change(file, "news")
    before = file.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="--overwrite"):  # two at once had both found none
        partition.write(file, "news", {"test": ["a"]})
    assert file.read_text(encoding="utf-8") == before
    assert partition.place_of(Spec(tmp_path / "news")) == (file, "news")
    for spec in (Spec(tmp_path / "news", split="train"), Spec(tmp_path / "news", mapping="m")):
        with pytest.raises(InputError, match="take # and @ away"):
            partition.place_of(spec)


def test_splits_of_a_corpus_that_was_renamed_are_not_drawn_anew(tmp_path: Path) -> None:
    """Articles that models were tested on went into train without a word."""
    file, drawn = tmp_path / "splits.yaml", {"train": ["b", "c", "d"], "test": ["a"]}
    file.write_text("mine: {train: [a, b], test: [c]}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"yours has no splits.*write yours for mine here"):
        partition.write(file, "yours", drawn)
    partition.refuse_renamed(file, "yours", ["a"])  # few of its articles: such ids as 1 are in many corpora
    (tmp_path / "mine").mkdir()
    partition.refuse_renamed(file, "yours", ["a", "b", "c"])
    (tmp_path / "mine").rmdir()
    partition.write(file, "yours", drawn, overwrite=True)
    partition.refuse_renamed(file, "yours", ["a", "b", "c"])
    assert split_file(file)["yours"] == drawn


def test_splits_that_no_command_would_read_are_refused(tmp_path: Path) -> None:
    """Those of a DatasetDict of Hugging Face were once drawn and written, and its own were read."""
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}', encoding="utf-8")
    with pytest.raises(InputError, match=r"it has splits of its own \(train, test\)"):
        partition.place_of(Spec.parse(f"datasets:{folder}"))


def test_splits_of_the_folder_one_stands_in_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were written for its name and looked for under none."""
    news = tmp_path / "news"
    (news / "in").mkdir(parents=True)
    (news / "a.txt").write_text("نص", encoding="utf-8")
    monkeypatch.chdir(news / "in")
    for name in ("..", "../../news"):
        partition.write(*partition.place_of(Spec.parse(name)), {"test": ["a"]}, overwrite=True)
        assert [document.id for document in load(f"{name}#test").documents] == ["a"]
    monkeypatch.chdir(news)
    assert partition.place_of(Spec.parse(".")) == (tmp_path / "splits.yaml", "news")
    assert [document.id for document in load(".#test").documents] == ["a"]
    assert [fault.message for fault in check([Spec.parse(".")]).faults] == [
        "no entity is marked, so there is no scheme to learn; is the format the right one? CoNLL is written"
        " conll:PATH"
    ]


def test_what_many_articles_share_is_told_where_it_leaves_too_few_to_part() -> None:
    with pytest.raises(InputError, match=r"name fewer, or take out what some share .20 words in a row"):
        partition.draw([["a", "b"]], HALVES, seed=1)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks")
def test_splits_that_two_write_at_once_are_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both had read the file before either wrote, and one corpus's splits were lost."""
    file = tmp_path / "splits.yaml"
    others: list[Thread] = []

    def write(path: Path, text: str) -> None:
        if not others:  # another one begins before the first one's are written
            others.append(Thread(target=partition.write, args=(file, "q", {"test": ["b"]})))
            others[0].start()
            others[0].join(0.5)  # long enough for the fault; it waits
        write_text(path, text)

    monkeypatch.setattr(partition, "write_text", write)
    partition.write(file, "p", {"test": ["a"]})
    others[0].join()
    assert split_file(file) == {"p": {"test": ["a"]}, "q": {"test": ["b"]}}
    assert [path.name for path in tmp_path.iterdir()] == ["splits.yaml"]
