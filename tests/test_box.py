from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from helpers import ROOT

import kashif
from kashif import box
from kashif.corpora.loading import load_all
from kashif.corpora.provenance import SeenArticles, seen_by
from kashif.errors import InputError, WorkError
from kashif.files import read_json
from kashif.modeling import encoder
from kashif.scheme import Scheme
from kashif.training import card
from kashif.training.recalibration import choose_threshold
from kashif.training.recipe import PretrainingRecipe, Recipe
from kashif.training.train import train

GIVEN_ON = {
    "annotations/newsroom#train": "cc-by-4.0",
    "annotations/newsroom#development": "cc-by-4.0",
    "annotations/newswire#train": "cc-by-4.0",
    "annotations/newswire#development": "cc-by-4.0",
    "$KASHIF_DATA/ant-corpus/articles.jsonl.gz": "apache-2.0",
    "conll:$KASHIF_DATA/wojood-sample/train.txt": "mit",
    "conll:$KASHIF_DATA/fane/wikifane.txt": "cc-by-sa-4.0",
}
"""What the model in the box may learn from: all else may not be given on, or is what it is tested on."""
CARRIED = {
    *("LICENSE", "README.md", "config.json", "manifest.json", "model.safetensors", "recipe.yaml"),
    *("scheme.yaml", "scores.json", "tokenizer.json", "tokenizer_config.json"),
}
TESTS = {"annotations/newsroom#test", "annotations/newswire#test", "annotations/press", "annotations/seeds"}
Run = Callable[..., CompletedProcess[bytes]]


@pytest.fixture
def news(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny model lies in the box."""
    monkeypatch.delenv("KASHIF_MODEL", raising=False)
    monkeypatch.setattr(box, "_PLACES", [trained / "not here", trained])
    return trained


def test_the_box_answers_where_no_model_is_named(
    news: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert box.find(None) == box.find("news") == news
    text = "التقى وزير الخارجية"
    assert kashif.predict(text) == kashif.predict(text, model="news") == kashif.load(news).predict(text)
    monkeypatch.setenv("KASHIF_MODEL", "news")
    assert box.find(None) == news
    monkeypatch.setenv("KASHIF_MODEL", "elsewhere")
    with pytest.raises(InputError, match=r"elsewhere \(from \$KASHIF_MODEL\): no model folder"):
        box.find(None)


def test_a_model_is_read_again_when_it_was_written_to_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, waited = tmp_path / "config.json", list[float]()
    monkeypatch.setattr(box, "sleep", waited.append)
    writes = ["new", "newer"]

    def read() -> str:
        found = file.read_text(encoding="utf-8")
        if writes:
            file.write_text(writes.pop(0), encoding="utf-8")
            if found == "old":
                raise InputError("half there")
        return found

    file.write_text("old", encoding="utf-8")
    assert box.unchanging(tmp_path, read) == "newer"
    writes += ["x" * size for size in range(9, 99)]
    with pytest.raises(WorkError, match="its files are written to all the while"):
        box.unchanging(tmp_path, read)
    assert 1 < sum(waited) < 10
    writes.clear()
    file.unlink()
    with pytest.raises(FileNotFoundError):
        box.unchanging(tmp_path, read)


def test_its_card_is_the_one_of_its_files() -> None:
    # It once counted what the model itself was trained on among what its encoder had seen besides.
    folder = ROOT / "models" / "news"
    told = card.card(
        "news",
        Recipe.load(folder / "recipe.yaml"),
        scheme=Scheme.load(folder / "scheme.yaml"),
        manifest=read_json(folder / "manifest.json"),
        development=read_json(folder / "scores.json")["development"],
    )
    assert set(told.splitlines()) <= set((folder / card.NAME).read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("name", ["./news", Path("news"), os.path.join(".", "news")])
def test_a_folder_of_its_name_is_named_otherwise(
    news: Path, name: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "news").symlink_to(news)
    assert box.find(name) == Path("news")


def test_a_box_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(box, "_PLACES", [tmp_path])
    monkeypatch.delenv("KASHIF_MODEL", raising=False)
    for take in (
        lambda: box.find(None),
        lambda: kashif.score("news", "x"),
        lambda: encoder.locate("news"),
    ):
        with pytest.raises(InputError, match="'news', the model that comes with Kashif, is not here"):
            take()


def test_commands_take_it_by_name(news: Path, run: Run, tmp_path: Path) -> None:
    done = run("predict", stdin="أوسلو".encode(), cwd=tmp_path)
    assert (done.returncode, done.stderr.decode()) == (0, "model: news\n")
    assert run("predict", "--model", "news", stdin=b"x", cwd=tmp_path).stderr == b""
    gold = f"{news.parent.parent / 'annotations' / 'two'}"
    scored = run("score", "news", gold, "--json", "reports/", cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr.decode()
    assert (tmp_path / "reports" / f"{news.name}.json").is_file()
    assert run("compare", "news", news, gold, cwd=tmp_path).returncode == 0


def test_a_recipe_takes_its_encoder_and_knows_what_it_has_seen(news: Path, project: Path) -> None:
    assert encoder.locate("news") == str(news)
    assert encoder.digest("news") == encoder.digest(str(news))
    assert seen_by("news").texts.keys() == {"a1", "a2"}
    corpora = {"train": ["annotations/news#train"], "development": ["annotations/news#development"]}
    kashif.train({"encoder": "news", "epochs": 1, "window": 64, **corpora}, project / "own")
    seen = SeenArticles.of(project / "own")
    assert seen is not None
    assert {"a1", "a2"} <= seen.learned.texts.keys()


def test_the_box_learns_only_from_what_may_be_given_on() -> None:
    model = kashif.Recipe.load(ROOT / "train" / "realnews.yaml")
    encoders = PretrainingRecipe.load(ROOT / "train" / "newswire.yaml")
    assert model.encoder == "models/newswire"
    assert encoders.encoder == encoder.EMBEDDED
    learned = {*model.train, *model.development, *model.calibration, *model.auxiliary}
    learned |= {*encoders.texts, *encoders.auxiliary}
    assert learned <= GIVEN_ON.keys()
    alike = "cc-by-sa-4.0" in map(GIVEN_ON.get, learned)
    assert model.license == ("cc-by-sa-4.0" if alike else "cc-by-4.0")
    assert set(model.held_out) == TESTS
    assert set(encoders.held_out) == {"annotations/newswire#development", "annotations/newswire#test"}


def test_what_is_carried_was_made_by_these_recipes() -> None:
    place = ROOT / "models" / "news"
    written, carried = (
        kashif.Recipe.load(file) for file in (ROOT / "train" / "realnews.yaml", place / "recipe.yaml")
    )
    assert carried.model_dump(exclude={"precision"}) == written.model_dump(exclude={"precision"})
    manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    encoders = PretrainingRecipe.load(ROOT / "train" / "newswire.yaml")
    assert manifest["encoder recipe"] | {"precision": "auto"} == encoders.model_dump(mode="json")
    seen = SeenArticles.of(place)
    assert seen is not None
    tests, _ = load_all(sorted(TESTS))
    assert tests
    assert not seen.learned.among(tests)
    assert {file.name for file in place.iterdir()} == CARRIED
    assert sum(file.stat().st_size for file in place.iterdir()) <= 64e6


def test_it_is_not_changed(news: Path, project: Path) -> None:
    recipe = kashif.Recipe.of({"train": ["annotations/news#train"], "epochs": 1})
    for change in (lambda: train(recipe, news), lambda: choose_threshold(news, ["annotations/news"])):
        with pytest.raises(InputError, match="the model that comes with Kashif stays as it is"):
            change()
