"""Release: a trained model as it is carried, in half the bytes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from kashif import box
from kashif.corpora import provenance as seen
from kashif.errors import Fault, InputError, counted
from kashif.evaluation.development import development_scores, in_words
from kashif.files import read_json, read_text, write_json, write_text
from kashif.modeling import predictor as predictors
from kashif.modeling import runtime
from kashif.modeling.weights import refuse_foreign, replaced_model
from kashif.training import card, checkpoints, exporting
from kashif.training.data import gather
from kashif.training.provenance import RECIPE, SCORES, as_trained
from kashif.training.recipe import Recipe
from kashif.training.trainer import Say, silent

MOST_LOST = 0.001
"""The F1 that weights of 16 bits may lose on the development articles."""


def release(
    folder: Path, output: Path, *, reports: Sequence[Path] = (), say: Say = silent
) -> dict[str, float]:
    """Writes what is carried of a model: 16-bit weights, tokenizer, scheme, recipe, manifest, scores, card.

    Loading widens the weights to 32 bits. ``reports`` are files of ``kashif score --json`` on this model, or
    on what is carried of it, for the card. A ``LICENSE`` in ``output`` stays. Reads the corpora of the
    model's recipe, of which the development articles count that its manifest names; ``say`` is told of the
    others. Where OpenVINO is installed, the scores tell what it loses and gains, for an export without
    articles.

    Returns:
        The F1 on the development articles that the narrower weights lose, by name.

    Raises:
        InputError: if a weight does not fit into 16 bits, or more than ``MOST_LOST`` is lost; if the model is
            not whole, or a report is not of it.
    """
    if output.resolve() == folder.resolve():
        raise InputError(Fault(str(output), "this is the model itself, and its weights would be lost"))
    refuse_foreign(output, model=True)
    with checkpoints.locked(folder):  # or what is carried would be of two models
        _refuse_not_whole(folder)
        told = {path: _reports(path) for path in reports}
        here = [seen.model_digests(place) for place in (folder, output) if box.is_model(place)]
        _refuse_foreign_reports(told, here, names={folder.resolve().name, output.resolve().name})
        return _release(folder, output, told, say)


def _release(folder: Path, output: Path, reports: Mapping[Path, card.Reports], say: Say) -> dict[str, float]:
    recipe = Recipe.load(folder / RECIPE)
    predictor = predictors.load(folder, runtime="torch", device="cpu")
    data, notices = as_trained(folder, gather(recipe), scheme=predictor.scheme)
    for notice in notices:
        say(notice)
    texts = [(document.id, document.text) for document in data.development]

    def scores(predictor: predictors.Predictor) -> dict[str, float]:
        predicted = predictor.predict_documents(texts)
        return development_scores(data.development, predicted, scheme=data.scheme)

    before = scores(predictor)
    network = predictor.model.half()  # type: ignore[no-untyped-call]
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise InputError(Fault(str(folder), "a weight is too large for 16 bits; carry the folder as it is"))
    with checkpoints.locked(output), replaced_model(output) as new:
        network.save_pretrained(new)
        predictor.tokenizer.save_pretrained(new)
        names = {folder.resolve().name, output.resolve().name}
        _refuse_foreign_reports(reports, [seen.model_digests(place) for place in (folder, new)], names=names)
        for name in (RECIPE, SCORES, "scheme.yaml"):
            write_text(new / name, read_text(folder / name))
        manifest = {**read_json(folder / seen.NAME), "weights": seen.weights_digest(new)}
        write_json(new / seen.NAME, manifest)
        development = read_json(new / SCORES)["development"]
        name = output.resolve().name
        text = card.card(
            name,
            recipe,
            scheme=data.scheme,
            manifest=manifest,
            development=development,
            uncalibrated=network.config.uncalibrated,
            reports=[row for found in reports.values() for row in found.rows()],
        )
        write_text(new / card.NAME, text)
        narrow = predictors.load(new, runtime="torch", device="cpu")
        after = scores(narrow)
        lost = {key: before[key] - after[key] for key in before}
        if max(lost.values()) > MOST_LOST:
            told = f"more than {MOST_LOST} on {counted(len(texts), 'development article')}"
            remedy = "carry the folder as it is, or train with more of them, where one change weighs less"
            raise InputError(
                Fault(str(folder), f"weights of 16 bits lose {told}: {in_words(lost)}; {remedy}")
            )
        if "openvino" in runtime.installed():
            measured = exporting.measured(new, narrow, data)
            write_json(new / SCORES, {**read_json(new / SCORES), exporting.MEASURED: measured})
    return lost


def _refuse_not_whole(folder: Path) -> None:
    """Raises InputError where files of a model lack what its card tells, as an older version's may."""
    faults: list[Fault] = []
    kinds: dict[str, type[card.ManifestRow | card.ScoresRow]] = {
        seen.NAME: card.ManifestRow,
        SCORES: card.ScoresRow,
    }
    for name, kind in kinds.items():
        try:
            kind.check(read_json(folder / name), str(folder / name))
        except InputError as error:
            faults += error.faults
    if faults:
        remedy = "not whole, or of an older version; train the model again, or carry the folder as it is"
        raise InputError([*faults, Fault(str(folder), remedy)])


def _refuse_foreign_reports(
    reports: Mapping[Path, card.Reports], models: Sequence[Mapping[str, str]], *, names: Collection[str]
) -> None:
    """Raises InputError for reports of none of ``models``."""
    told = {path: found.fault(models, names) for path, found in reports.items()}
    if faults := [Fault(str(path), fault) for path, fault in told.items() if fault]:
        raise InputError(faults)


def _reports(path: Path) -> card.Reports:
    try:
        return card.Reports.check(read_json(path), str(path))
    except InputError as error:
        faults = [*error.faults, Fault(str(path), "no report of `kashif score --json`; give one, or none")]
        raise InputError(faults) from error
