"""Recalibration: a finished model's calibration and thresholds are chosen anew, on other articles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kashif import box
from kashif.corpora import loading, provenance
from kashif.corpora.provenance import SeenArticles
from kashif.corpora.schemes import lacking, refuse_mappings
from kashif.corpora.spec import Spec
from kashif.document import Document
from kashif.errors import Fault, InputError, counted
from kashif.evaluation.suite import Watch, unwatched
from kashif.evaluation.thresholds import DEFAULTS, Outcomes, ThresholdChoice, calibrate, outcomes
from kashif.files import read_json, read_text, write_json, write_text
from kashif.modeling import predictor as predictors
from kashif.modeling.decoding import NO_CALIBRATION
from kashif.modeling.model import KashifModel
from kashif.modeling.weights import read_config
from kashif.replacing import replaced_files
from kashif.scheme import Scheme
from kashif.training import card, checkpoints
from kashif.training.provenance import RECIPE, SCORES
from kashif.training.recipe import Recipe


def choose_threshold(folder: Path, corpora: Sequence[str], *, watch: Watch = unwatched) -> ThresholdChoice:
    """Chooses a model's thresholds and calibration anew and writes them into its ``config.json``.

    ``manifest.json`` and the card then tell of the articles that chose them. A calibration or a
    threshold that these cannot choose better stays as it was, and so does the whole model where all do.

    Raises:
        InputError: if the model was trained on one of the articles or does not say on which it was, if
            they hold no entity of its scheme, for a mapping, or while another command writes to the folder.
    """
    box.refuse(box.find(folder))
    refuse_mappings(map(Spec.parse, corpora))
    with checkpoints.locked(folder):
        return _choose_threshold(folder, corpora, watch)


def _choose_threshold(folder: Path, corpora: Sequence[str], watch: Watch) -> ThresholdChoice:
    predictor = predictors.load(folder, runtime="torch")
    config, scheme = predictor.model.config, predictor.scheme
    stored = read_config(KashifModel, folder).dtype  # that of the weights, which are read in another
    gold, notices = loading.load_all(corpora)
    seen = _not_taught(folder, gold)
    if before := seen.encoder.among(gold):
        notices.append(f"the encoder has seen {len(before)} of {counted(len(gold), 'article')}")
    if unknown := lacking(gold, scheme):
        notices.append(unknown)
    if not any(entity.label in scheme.entities for document in gold for entity in document.entities):
        raise InputError("; ".join(["no gold entity to choose the thresholds by", *notices]))
    texts = [(document.id, document.text) for document in gold]
    predicted = list(watch(predictor.stream_documents(texts), "predicting"))
    former = {"entities": config.entity_threshold, "relations": config.relation_threshold}
    counts = {
        view: Outcomes.joined(
            [outcomes(a, b, scheme=scheme, view=view) for a, b in zip(gold, predicted, strict=True)]
        ).counts(0.0)
        for view in former
    }
    raw = {config.entity_calibration, config.relation_calibration} == {NO_CALIBRATION}
    # A boundary in calibrated probabilities is one of the articles that calibrated them.
    free = {view for view, least in DEFAULTS.items() if former[view] == least and (raw or not least)}
    told = [(read_json(folder / provenance.NAME), config.uncalibrated)]
    chosen = calibrate(predictor, gold, before=counts, watch=watch)
    found = ThresholdChoice(former, counts, chosen, ())
    if found.kept:  # by none of the articles, which are as held out as they were
        return replace(found, notices=(*notices, *_kept(found, scheme, len(gold))))
    notices += _beside(seen, gold)
    anew = len(chosen) == len(former) or not scheme.relations
    anew = anew and all(
        (choice.gained or view in free) and (choice.fitted or choice.calibration == NO_CALIBRATION)
        for view, choice in chosen.items()
    )
    with replaced_files(folder) as new:
        config.dtype = stored
        config.save_pretrained(new)
        manifest = provenance.with_thresholds(folder, gold, anew=anew)
        write_json(new / provenance.NAME, manifest)
        told.append((manifest, config.uncalibrated))
        notices += _tell_on_card(folder, new, scheme, told)
    return replace(found, notices=(*notices, *_kept(found, scheme, len(gold))))


def _kept(found: ThresholdChoice, scheme: Scheme, count: int) -> list[str]:
    """Notices of what of a model so many articles could not choose anew, and of what is lost by the rest."""
    notices, articles = [], counted(count, "article")
    for view, choice in found.chosen.items():
        if not choice.gained:
            why = f"no better one shows on {articles}" if choice.crossed else "one takes two articles"
            moved = f" ({choice.threshold:.3f} in the new probabilities)"
            moved *= choice.threshold != found.former[view]
            notices.append(f"{view}: the former threshold is kept{moved}: {why}")
        if not choice.fitted:
            notices.append(f"{view}: the former calibration is kept: {articles} cannot fit one")
    relations = found.chosen.get("relations")
    if scheme.relations and not relations:
        notices.append("relations: the former threshold and calibration are kept: no gold has a relation")
    if scheme.relations and found.chosen["entities"].fitted:
        anew = "the entities are calibrated anew, whose probabilities are part of theirs"
        if not (relations and relations.fitted):
            notices.append(f"relations: their probabilities change all the same: {anew}")
        old, new = found.before["relations"].f1 or 0, (relations and relations.after.f1) or 0
        if relations and new < old:
            notices.append(f"relations: F1 on {articles} falls from {old:.3f} to {new:.3f}: {anew}")
    return notices


def _not_taught(folder: Path, gold: Sequence[Document]) -> SeenArticles:
    """The articles that a model has seen. Raises InputError if it was trained on some of these."""
    seen = SeenArticles.of(folder)
    if seen is None:
        message = "no such file, so what the model was trained on is not known; copy it beside the weights"
        raise InputError(Fault(str(folder / provenance.NAME), message))
    if learnt := sorted(seen.taught.surely(gold)):
        message = f"the model was trained on {', '.join(learnt)}; choose thresholds on development articles"
        if other := sorted(seen.taught.namesakes(gold)):
            message += f" ({', '.join(other)}: {provenance.OTHER_TEXTS})"
        raise InputError(Fault(str(folder), message))
    return seen


def _beside(seen: SeenArticles, gold: Sequence[Document]) -> Iterator[str]:
    """A notice of articles beside the development ones, which have chosen something."""
    if other := sorted({document.id for document in gold} - seen.development.among(gold)):
        what = f"articles are not the model's development ones ({', '.join(other)})"
        yield f"{len(other)} of {len(gold)} {what}: its scores on them are no longer held out"


def _tell_on_card(
    folder: Path,
    new: Path,
    scheme: Scheme,
    told: Sequence[tuple[Mapping[str, Any], Sequence[str]]],
) -> list[str]:
    """Writes the model's card into ``new`` with what has changed on it; notices of what still stands there.

    ``told`` are the manifest and the uncalibrated views, before and after.
    """
    path = folder / card.NAME
    if not path.is_file():
        return []
    try:
        text, recipe = read_text(path), Recipe.load(folder / RECIPE)
        before, after = (
            card.card(
                folder.resolve().name,
                recipe,
                scheme=scheme,
                manifest=manifest,
                development=read_json(folder / SCORES)["development"],
                uncalibrated=uncalibrated,
            )
            for manifest, uncalibrated in told
        )
        changed = card.changed(text, before, after)
    except (AttributeError, InputError, LookupError, TypeError):  # of another version, or not whole
        changed = None
    if changed is None:
        return [f"{path}: it is not as Kashif wrote it, and still tells of the former calibration"]
    if changed != text:
        write_text(new / card.NAME, changed)
    if any(line in text for line in (card.REPORTED, card.CHOSEN_BY)):
        return [f"{path}: the scores of reports on it are those of the former thresholds"]
    return []
