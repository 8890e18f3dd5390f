"""Choosing a model's relation thresholds on development articles, and writing them into its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kashif import corpus, manifest, thresholds
from kashif.decoding import THRESHOLD
from kashif.document import Document
from kashif.errors import Fault, InputError
from kashif.manifest import Seen
from kashif.scoring import Counts
from kashif.suite import Watch, unwatched


@dataclass(frozen=True)
class Tuned:
    """Thresholds by relation label, and relation counts on the articles that chose them.

    ``before`` is by the model's former thresholds; ``crossed`` are those of ``thresholds.cross_fitted``.
    """

    thresholds: dict[str, float]
    former: dict[str, float]
    before: Counts
    after: Counts
    crossed: Counts | None
    notices: tuple[str, ...]


def tune(
    folder: Path,
    targets: Sequence[str],
    per_label: bool = False,
    watch: Watch = unwatched,
) -> Tuned:
    """Chooses the thresholds of a model's relations and writes them into its ``config.json``.

    ``manifest.json`` then names the articles that chose them.

    Raises:
        InputError: if the model was trained on one of the articles or does not say on which it was, or
            if they hold no relation.
    """
    from kashif import predicting

    predictor = predicting.load(folder, runtime="torch")
    scheme, config = predictor.scheme, predictor.model.config
    gold, notices = corpus.load_all(targets)
    notices += _not_development(folder, gold)
    if not any(document.relations for document in gold):
        raise InputError("; ".join(["no gold relation to choose thresholds by", *notices]))
    texts = [(document.id, document.text) for document in gold]
    predicted = list(watch(predictor.stream_documents(texts, threshold=0.0), "predicting"))
    table = thresholds.outcomes(gold, predicted, scheme)
    best = thresholds.chosen(table, per_label)
    former = {label: config.thresholds.get(label, THRESHOLD) for label in scheme.relation_labels}
    config.thresholds = {label: best[label] for label in scheme.relation_labels}
    config.save_pretrained(folder)
    manifest.add_thresholds(folder, gold)
    before, after = thresholds.counted(table, former), thresholds.counted(table, best)
    crossed = thresholds.cross_fitted(gold, predicted, scheme, per_label)
    if crossed and (crossed.f1 or 0) <= (before.f1 or 0) < (after.f1 or 0):
        notices.append(
            "chosen on half of the articles, the gain did not show on the other half: do not rely on it"
        )
    return Tuned(config.thresholds, former, before, after, crossed, tuple(notices))


def _not_development(folder: Path, gold: Sequence[Document]) -> list[str]:
    """Notices of articles beside the development ones. Raises InputError for training articles."""
    seen = Seen.of(folder)
    if seen is None:
        message = "no such file, so what the model was trained on is not known; copy it beside the weights"
        raise InputError(Fault(str(folder / manifest.NAME), message))
    if learnt := sorted(seen.train.among(gold)):
        message = f"the model was trained on {', '.join(learnt)}; choose thresholds on development articles"
        raise InputError(Fault(str(folder), message))
    other = sorted({document.id for document in gold} - seen.development.among(gold))
    if not other:
        return []
    return [
        f"{len(other)} of {len(gold)} articles are not the model's development ones ({', '.join(other)}): "
        "its scores on them are no longer held out"
    ]
