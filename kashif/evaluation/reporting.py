"""Systems are scored and compared on corpora."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kashif.corpora import loading, mapping
from kashif.corpora.loading import Corpus
from kashif.corpora.provenance import UNKNOWN, SeenArticles
from kashif.corpora.schemes import lacking, scheme_of, unscored
from kashif.corpora.spec import Spec
from kashif.document import Document, Entity, Relation
from kashif.errors import Fault, InputError
from kashif.evaluation.analysis import Analysis, analyse, tally, whys
from kashif.evaluation.comparing import Comparison, compare, of_both
from kashif.evaluation.scoring import Report, score
from kashif.evaluation.suite import named_corpora
from kashif.modeling.alignment import Unreachable
from kashif.scheme import Scheme

if TYPE_CHECKING:
    from kashif.evaluation.systems import Answers, System

Kind = TypeVar("Kind", bound=Report | Comparison)


@dataclass(frozen=True)
class Scored(Generic[Kind]):
    """The reports of one run, one a corpus, each with notices of what was left out or is not held out.

    ``notices`` are of the whole run and of corpora without a report; ``analyses`` are each report's errors,
    article by article.
    """

    reports: tuple[Kind, ...]
    notices: tuple[str, ...]
    analyses: tuple[tuple[Analysis, ...], ...] = ()

    def told(self) -> list[Kind]:
        """The reports, each with the notices of the whole run before its own."""
        return [replace(one, notices=(*self.notices, *one.notices)) for one in self.reports]

    def row(self) -> dict[str, Any]:
        """The reports as JSON values."""
        return {"reports": [report.row() for report in self.reports], "notices": list(self.notices)}


def score_system(
    system: System, targets: Sequence[str], *, scheme: str = "", seed: int = 0, every: bool = False
) -> Scored[Report]:
    """Scores a system on corpora and suites, without the articles that it was trained on.

    A model is scored by the scheme that it carries, bare predictions by that of the corpora: the file
    ``scheme``, or the one that ``schemes.scheme_of`` finds. ``seed`` is that of the bootstrap. With
    ``every`` each corpus has a report; else a notice tells of those of which no article is left to score.

    Raises:
        InputError: if the system, a corpus or a suite does not fit, if a ``scheme`` is given with a model, or
            no article is left to score, of ``every`` corpus or at all.
    """
    _refuse_scheme([system], scheme)
    corpora, notices = _unseen(targets, [system], every=every)
    ruling = _ruling([system], corpora, scheme)
    found = [
        report(system.answer(asked, name), asked, name=name, scheme=ruling, seed=seed)
        for name, asked in corpora
    ]
    reports, analyses = zip(*found, strict=True)
    return Scored(reports, tuple(notices), analyses)


def report(
    answers: Answers, asked: Corpus, *, name: str, scheme: Scheme, seed: int = 0
) -> tuple[Report, tuple[Analysis, ...]]:
    """The report of a system's answers, in the labels of the corpus, and the errors of each article."""
    gold, answers, scheme, notices = _in_its_labels(asked, answers, scheme)
    predicted = {document.id: document for document in answers.predicted}
    scored = {document.id: document for document in answers.scored or ()}
    lost: dict[str, list[Unreachable]] = {}
    for item in answers.unreachable:
        lost.setdefault(item.document, []).append(item)
    analyses = tuple(
        analyse(
            document,
            predicted.get(document.id, Document(document.id, document.text)),
            scheme=scheme,
            scored=scored.get(document.id),
            unreachable=_lost_gold(lost.get(document.id, ()), document),
        )
        for document in gold
    )
    found = score(
        gold,
        answers.predicted,
        name=name,
        scheme=scheme,
        given_gold=answers.given_gold,
        unreachable=whys(analyses),
        seed=seed,
        errors=tally(analyses),
    )
    if not any(document.entities for document in gold):
        hint = "is its format the right one? CoNLL is written conll:PATH"
        notices.append(f"no entity is marked in the gold; {hint}")
    return replace(found, notices=(*asked.notices, *found.notices, *answers.notices, *notices)), analyses


def _lost_gold(lost: Sequence[Unreachable], document: Document) -> dict[Entity | Relation, str]:
    """What of a document, perhaps mapped, ``lost`` holds by id or as it is, with the causes."""
    causes = {item.gold.id if isinstance(item.gold, Entity) else item.gold: item.cause for item in lost}
    marks: list[Entity | Relation] = [*document.entities, *document.relations]
    keys = [mark.id if isinstance(mark, Entity) else mark for mark in marks]
    return {mark: causes[key] for mark, key in zip(marks, keys, strict=True) if key in causes}


def compare_systems(
    systems: tuple[System, System],
    targets: Sequence[str],
    *,
    scheme: str = "",
    seed: int = 0,
    every: bool = False,
) -> Scored[Comparison]:
    """Compares two systems on articles that neither was trained on; ``every`` is as in ``score_system``.

    Raises:
        InputError: as ``score_system``.
    """
    _refuse_scheme(systems, scheme)
    corpora, notices = _unseen(targets, systems, every=every)
    ruling = _ruling(systems, corpora, scheme)
    notices = [*notices, *_other_schemes(systems)]
    reports = []
    schemes = [system.scheme or ruling for system in systems]
    # A mapping that no scheme has is told before the work.
    mappers = [_mapper(asked, schemes) for _, asked in corpora]
    for (name, asked), mapper in zip(corpora, mappers, strict=True):
        a, b = (system.answer(asked, name) for system in systems)
        gold, a, own, told_a = _in_its_labels(asked, a, mapper or ruling, theirs=schemes[0])
        _, b, _, told_b = _in_its_labels(asked, b, mapper or ruling, theirs=schemes[1])
        related = None
        if a.given_gold is not None and b.given_gold is not None:
            related = (a.given_gold, b.given_gold)
        both = (a.predicted, b.predicted)
        found = compare(gold, both, name=name, scheme=own, given_gold=related, seed=seed)
        told = (*asked.notices, *found.notices, *a.notices, *b.notices, *of_both(told_a, told_b))
        reports.append(replace(found, notices=told))
    return Scored(tuple(reports), tuple(notices))


def _other_schemes(systems: Sequence[System]) -> list[str]:
    """A notice where systems carry different schemes, of which the first one's rules relations."""
    schemes = [system.scheme for system in systems if system.scheme is not None]
    if all(scheme == schemes[0] for scheme in schemes):
        return []
    compared = "all gold entities are compared, and what a scheme lacks its own system misses"
    relations = f"relations count as that of {systems[0].name} has them"
    return [f"the systems have different schemes: {compared}; {relations}"]


def _refuse_scheme(systems: Sequence[System], given: str) -> None:
    """Raises InputError for a scheme that is given with a model."""
    if models := [system.name for system in systems if given and system.scheme is not None]:
        message = f"{models[0]} is a model, which is scored by its own scheme; leave --scheme {given} out"
        raise InputError(message)


def _ruling(systems: Sequence[System], corpora: Sequence[tuple[str, Corpus]], given: str) -> Scheme:
    """The scheme to score by: the first that a system carries, else that of the corpora."""
    for system in systems:
        if system.scheme is not None:
            return system.scheme
    gold = [document for _, asked in corpora for document in asked.documents]
    return scheme_of([Spec.parse(asked.name) for _, asked in corpora], gold, given=given).scheme


def _mapper(asked: Corpus, schemes: Sequence[Scheme]) -> Scheme | None:
    """The first scheme that has the mapping of a corpus; None if the corpus has none."""
    if not asked.mapping:
        return None
    having = [scheme for scheme in schemes if asked.mapping in scheme.mappings]
    if not having:
        schemes[0].mapping(asked.mapping)  # which says what there is
    return having[0]


def _in_its_labels(
    asked: Corpus, answers: Answers, scheme: Scheme, *, theirs: Scheme | None = None
) -> tuple[Sequence[Document], Answers, Scheme, list[str]]:
    """Gold, answers and scheme as they are compared: through the corpus's mapping, if it has one.

    ``scheme`` has the mapping. Answers in ``theirs``, if that has not, are in the corpus's own labels.
    """
    if not asked.mapping:
        own = theirs or scheme
        unknown = lacking(asked.documents, own)
        fitting = [name for name, m in own.mappings.items() if not mapping.unknown(asked.documents, m)]
        if unknown and fitting:
            unknown += "; a mapping translates them: " + ", ".join(f"{asked.name}@{name}" for name in fitting)
        told = filter(None, (unknown, unscored(asked.documents, scheme)))
        return asked.documents, answers, scheme, list(told)
    through = scheme.mapping(asked.mapping)
    foreign = theirs is not None and asked.mapping not in theirs.mappings
    faults = [*mapping.unknown(asked.documents, through)]
    faults += (
        mapping.unknown(answers.predicted, through)
        if foreign
        else mapping.untranslatable(answers.predicted, scheme)
    )
    if faults:
        raise InputError(faults)
    translated = mapping.gold if foreign else mapping.predicted
    return (
        [mapping.gold(document, through) for document in asked.documents],
        replace(
            answers,
            predicted=[translated(document, through) for document in answers.predicted],
            given_gold=None,
            scored=None,
        ),
        mapping.merged(through),
        mapping.notices(asked.documents, scheme, through),
    )


def _unseen(
    targets: Sequence[str], systems: Sequence[System], *, every: bool
) -> tuple[list[tuple[str, Corpus]], list[str]]:
    """The corpora by name without the articles that a system was trained on, and notices beside theirs."""
    found: list[tuple[str, Corpus]] = []
    empty: list[Fault] = []
    for name, text in named_corpora(targets):
        loaded = loading.load(text)
        unseen, told = loaded.documents, loaded.notices
        for system in systems:
            seen = system.seen or SeenArticles()
            told += tuple(seen.notices(unseen, system.name))
            learnt = seen.learned.among(unseen)
            unseen = tuple(document for document in unseen if document.id not in learnt)
        if unseen:
            found.append((name, replace(loaded, documents=unseen, notices=told)))
        else:
            empty.append(Fault(name, "; ".join(["no article to score", *told])))
    if empty and (every or not found):
        raise InputError(empty)
    unknown = [f"{system.name}: {UNKNOWN}" for system in systems if system.seen is None]
    return found, [*unknown, *map(str, empty)]
