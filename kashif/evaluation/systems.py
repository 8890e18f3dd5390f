"""A system is a model folder or a file of predictions, and answers on a corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kashif import box, formats
from kashif.corpora import mapping
from kashif.corpora.loading import Corpus
from kashif.corpora.provenance import SeenArticles, model_digests
from kashif.document import Document
from kashif.errors import Fault, InputError, listed
from kashif.evaluation.suite import Watch, unwatched
from kashif.modeling import predictor as predictors
from kashif.modeling.alignment import Unreachable, unreachable
from kashif.modeling.runtime import choose
from kashif.scheme import Scheme


@dataclass(frozen=True)
class Answers:
    """What a system predicts on a corpus; all but ``predicted`` is for models alone.

    ``given_gold`` are its relations between the gold entities, ``scored`` its documents with every
    relation that it scored, however low, ``unreachable`` the gold that it cannot give.
    """

    predicted: Sequence[Document]
    given_gold: Sequence[Document] | None = None
    scored: Sequence[Document] | None = None
    unreachable: Sequence[Unreachable] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class System:
    """A model, or predictions, which bring no scheme.

    ``answer`` takes a corpus, and the name that progress messages give it. ``digests`` are a model's,
    ``runtime`` is what runs it.
    """

    name: str
    answer: Callable[[Corpus, str], Answers]
    scheme: Scheme | None = None
    seen: SeenArticles | None = field(default_factory=SeenArticles)
    digests: dict[str, str] | None = None
    runtime: str | None = None


def open_system(path: Path, *, watch: Watch = unwatched, runtime: str = "torch", **options: Any) -> System:
    """The system of a model folder, or of a ``.jsonl`` file of predictions.

    ``options`` are further arguments of ``predictor.load``.

    Raises:
        InputError: if the path is neither.
    """
    if path.is_dir():
        return open_model(path, watch=watch, runtime=runtime, **options)
    if path.suffix == ".jsonl":
        return _open_predictions(path)
    missing = "no such file or folder; " if not path.exists() else ""
    raise InputError(Fault(str(path), f"{missing}write a model folder or a .jsonl file of predictions"))


def open_model(folder: Path, *, watch: Watch = unwatched, runtime: str = "torch", **options: Any) -> System:
    """The model of a folder as a system."""

    def read() -> tuple[predictors.Predictor, str, SeenArticles | None, dict[str, str]]:
        predictor = predictors.load(folder, runtime=runtime, **options)
        chosen = choose(folder, runtime, device=predictor.model.device.type)
        return predictor, chosen, SeenArticles.of(folder), model_digests(folder)

    predictor, chosen, seen, digests = box.unchanging(folder, read)
    scheme = predictor.scheme

    def answer(asked: Corpus, name: str) -> Answers:
        gold = asked.documents
        through = scheme.mapping(asked.mapping) if asked.mapping else None
        if through and (faults := mapping.unknown(gold, through)):
            raise InputError(faults)
        layouts = predictor.lay_out([d.text for d in gold])
        # One pass gives every relation that was scored; those above the threshold are among them.
        texts = ((d.id, d.text) for d in gold)
        stream = predictor.stream_documents(texts, threshold=0.0, layouts=layouts)
        scored = list(watch(stream, f"scoring {name}"))
        return Answers(
            [predictor.above_threshold(document) for document in scored],
            predictor.predict_relations(gold, layouts=layouts) if scheme.relations and not through else None,
            scored,
            unreachable(gold, layouts, scheme=scheme, mapping=through),
        )

    return System(str(folder), answer, scheme, seen, digests, chosen)


def _open_predictions(path: Path) -> System:
    predicted = {reading.document.id: reading.document for reading in formats.read(path, "jsonl")}
    if not predicted:
        raise InputError(Fault(str(path), "holds no document; write the system's predictions into it"))

    def answer(asked: Corpus, name: str) -> Answers:
        found = [predicted[d.id] for d in asked.documents if d.id in predicted]
        if not found:
            theirs, ours = listed(predicted, most=3), listed((d.id for d in asked.documents), most=3)
            message = f"no id is one of {name}: here {theirs}, there {ours}; give predictions its ids"
            raise InputError(Fault(str(path), message))
        known = {document.id for document in asked.documents}
        other = [id for id in predicted if id not in known]
        return Answers(found, notices=_left_out(other, len(predicted), path, name))

    return System(str(path), answer)


def _left_out(other: Sequence[str], count: int, path: Path, name: str) -> tuple[str, ...]:
    """In words, how many of a file's predictions are of articles that a corpus does not have."""
    told = f"{path}: {len(other):,} of {count:,} predictions are of no article of {name} ({listed(other)})"
    return (told,) if other else ()
