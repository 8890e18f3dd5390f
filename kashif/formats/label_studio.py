"""Label Studio's JSON: an array of tasks, their spans and relations as results of an annotation.

Format: https://labelstud.io/guide/export#JSON. Offsets are code points; early versions counted UTF-16 code
units, which the mentions that stand beside them tell. Of several finished annotations of a task the first is
read. Predictions are read only where no task of the file has a finished annotation: what nobody
looked at is no gold beside what somebody did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kashif.document import Document, Entity, json_line
from kashif.errors import Fault
from kashif.formats import offsets
from kashif.formats.drafts import Draft, count_others, gathered, listed, meta_of, name, rows, same
from kashif.formats.reading import Reading

FRAME = ("[\n", ",\n", "\n]\n")
_SPANS = "labels"
_UNMARKED = {"choices", "textarea", "rating", "number", "datetime", "taxonomy", "pairwise", "ranker"}
"""Results that mark no span: counted, and passed over."""
_COUNTED = ("code points", "UTF-16 code units")
_OWN = ("id", "meta")
_RESULT = {"id", "type", "from_name", "to_name", "value", "score", "from_id", "to_id", "direction", "labels"}
_RESULT |= {"origin", "readonly", "hidden", "locked", "meta"}
_VALUE = {"start", "end", "text", _SPANS, "startOffset", "endOffset", "globalOffsets"}
_META = {"normal", "mention"}
"""What we read of a result, of its value and of its meta, and what the tool itself sets there."""


def read(path: Path) -> list[Reading]:
    """The documents of an export, one a task.

    A task's id is ``data.id``, else the task's number. Other keys of ``data`` go into the meta.

    Raises:
        InputError: listing every task that does not fit.
    """
    faults: list[Fault] = []
    passed: Counter[str] = Counter()
    tasks = [_Task(path, number, row) for number, _, row in rows(path, "label-studio", faults)]
    finished = any(task.finished for task in tasks)
    chosen = []
    for task in tasks:
        passed["cancelled annotations are left out"] += task.cancelled
        passed["further annotations of tasks are left out; the first is read"] += max(
            0, len(task.finished) - 1
        )
        if not finished and task.predictions:
            passed["tasks without a finished annotation: their first prediction is read"] += 1
            task.results = task.predictions[0].get("result")
        elif task.finished:
            task.results = task.finished[0].get("result")
        elif finished or task.cancelled:
            passed["tasks without a finished annotation are left out"] += 1
            continue
        chosen.append(task)
    usual = Counter(key for task in chosen for key in task.fitting())
    texts = [(task, task.text(usual)) for task in chosen]
    counted = offsets.best(
        _COUNTED, lambda way: sum(task.fits(text, way) for task, text in texts if text is not None)
    )
    if counted != _COUNTED[0]:
        passed[f"tasks read with offsets of {counted}, by which the mentions fit"] = len(texts)
    drafts = [task.draft(text, counted, passed, predicted=not finished) for task, text in texts]
    return gathered(path, drafts, passed, faults)


class _Task:
    """One task, and the results of it that are read."""

    def __init__(self, path: Path, number: int, row: Mapping[str, Any]) -> None:
        self.path, self.row = path, row
        self.number = number
        self.results: Any = None
        self.named: list[str] = []
        self.faults: list[str] = []
        data = row.get("data")
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}
        if not self.data:
            hint = "; of the exports choose JSON, not JSON-MIN" if isinstance(row.get("text"), str) else ""
            self.faults.append(f"a task has 'data' with its text{hint}")
        annotations = self._objects("annotations") or self._objects("completions")
        self.cancelled = sum(bool(item.get("was_cancelled") or item.get("skipped")) for item in annotations)
        self.finished = [i for i in annotations if not (i.get("was_cancelled") or i.get("skipped"))]
        self.predictions = self._objects("predictions")

    def _objects(self, key: str) -> list[dict[str, Any]]:
        value = self.row.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.faults.append(f"'{key}' is a list of objects; export with all that is annotated")
            return []
        return value

    def _marks(self) -> Iterator[dict[str, Any]]:
        """The values of the spans, as far as they have the shape of a text's."""
        for result in self.results if isinstance(self.results, list) else ():
            value = result.get("value") if isinstance(result, dict) else None
            if isinstance(value, dict) and isinstance(value.get(_SPANS), list):
                yield value

    def fits(self, text: str, counted: str) -> int:
        """How many mentions are those of the text, if offsets are counted so."""
        table = offsets.COUNTS[counted](text)
        places = (
            (value.get("text"), offsets.taken(table, value.get("start"), value.get("end")))
            for value in self._marks()
        )
        return sum(
            isinstance(mention, str) and place is not None and same(mention, text[slice(*place)])
            for mention, place in places
        )

    def _strings(self) -> dict[str, str]:
        """The strings in ``data``, one of which is the text; those that the results name come first."""
        results = self.results if isinstance(self.results, list) else []
        self.named = [str(result.get("to_name")) for result in results if isinstance(result, dict)]
        keys = [key for key in dict.fromkeys([*self.named, "text", *self.data]) if key not in _OWN]
        return {key: value for key in keys if isinstance(value := self.data.get(key), str)}

    def fitting(self) -> list[str]:
        """The names of the strings that most mentions fit; none if they fit none."""
        strings = self._strings()
        fits = {key: max(self.fits(text, way) for way in _COUNTED) for key, text in strings.items()}
        most = max(fits.values(), default=0)
        return [key for key, count in fits.items() if most and count == most]

    def text(self, usual: Mapping[str, int]) -> str | None:
        """The text: of the strings in ``data`` that which most mentions fit.

        Where they fit none or several it is that of most other tasks (``usual`` counts them), else that which
        the results name (``to_name``), then ``text``, then the only one, of several that fit the longest.
        """
        strings = self._strings()
        if not strings:
            if self.data:
                self.faults.append("'data' has no string that is the text; only plain texts can be read")
            return None

        def likely(key: str) -> tuple[int, bool, bool, int]:
            return usual.get(key, 0), key in self.named, key == "text", len(strings[key])

        key = max(self.fitting() or strings, key=likely)
        if len(strings) > 1 and not usual.get(key) and key not in (*self.named, "text"):
            self.faults.append(f"which of {', '.join(strings)} is the text? name it 'text'")
            return None
        self.data = {other: value for other, value in self.data.items() if other != key}
        return strings[key]

    def draft(
        self, text: str | None, counted: str, passed: Counter[str], *, predicted: bool
    ) -> tuple[Draft, str, dict[str, Any]]:
        """The document in the making, its id and its meta."""
        draft = Draft(self.path, text or "", place=f"task {self.row.get('id') or self.number}")
        for message in self.faults:
            draft.fault(message)
        if text is not None:
            draft.table = offsets.COUNTS[counted](text)
            self._fill(draft, passed, predicted=predicted)
            if draft.faults and "://" in text[:10] and len(text.split()) == 1:
                draft.faults.clear()
                draft.fault("its text is a link to a file, not the text; import the texts themselves")
        id = name(self.data, ["id"], name(self.row, ["id"], f"{self.path.stem}-{self.number}"))
        return draft, id, meta_of(self.data, _OWN)

    def _fill(self, draft: Draft, passed: Counter[str], *, predicted: bool) -> None:
        regions: dict[str, list[Any]] = {}
        relations = []
        for result in listed(draft, _level(self.results), "result"):
            kind, value = result.get("type"), result.get("value")
            if kind == "relation":
                relations.append(result)
            elif kind == _SPANS and isinstance(value, dict):
                if "xpath" in str(value.get("startOffset", "")) or isinstance(value.get("start"), str):
                    draft.fault("its spans lie in HTML or in paragraphs; only plain texts can be read")
                    return
                again = str(result.get("id")) in regions  # a span that two controls label
                found = self._region(draft, result, value, passed, predicted=predicted, again=again)
                regions.setdefault(str(result.get("id")), []).extend(found)
            elif str(kind) in _UNMARKED:
                passed[f"results of type '{kind}' are passed over"] += 1
            else:
                draft.fault(f"a result of type {kind!r:.40}: only '{_SPANS}' over plain texts can be read")
                return
        for result in relations:
            self._relate(draft, result, regions, passed, predicted=predicted)

    def _region(
        self,
        draft: Draft,
        result: Mapping[str, Any],
        value: Mapping[str, Any],
        passed: Counter[str],
        *,
        predicted: bool,
        again: bool,
    ) -> Iterator[Any]:
        """Adds an entity for each label of a region; gives their ids."""
        labels = value.get(_SPANS)
        if not isinstance(labels, list) or not labels:
            passed["spans without a label are left out"] += 1
            return
        meta = result.get("meta")
        count_others(result, _RESULT, passed)
        count_others(value, _VALUE, passed)
        count_others(meta if isinstance(meta, dict) else {"meta": meta}, _META, passed)
        normal = _normal(draft, meta, value, passed)
        for index, label in enumerate(labels):
            named = result.get("id") is not None
            id = f"{result['id']} {label}" if named and (index or again) else result.get("id")
            draft.entity(
                value.get("start"),
                value.get("end"),
                label,
                id=id,
                mention=value.get("text"),
                normal=normal,
                score=result.get("score") if predicted else None,
            )
            yield id

    def _relate(
        self,
        draft: Draft,
        result: Mapping[str, Any],
        regions: Mapping[str, list[Any]],
        passed: Counter[str],
        *,
        predicted: bool,
    ) -> None:
        labels = result.get("labels") or []
        count_others(result, _RESULT - {"meta"}, passed, of="a relation")
        ends = [str(result.get("from_id")), str(result.get("to_id"))]
        if not isinstance(labels, list) or not labels:
            passed["relations without a label are left out"] += 1
            return
        if any(regions.get(end) == [] for end in ends):
            passed["relations of spans without a label are left out"] += 1
            return
        if result.get("direction") == "left":
            ends.reverse()
        passed["relations in both directions are read as one from the first span to the second"] += (
            result.get("direction") == "bi"
        )
        passed["relations of spans with several labels are read for the first of these"] += any(
            len(regions.get(end, ())) > 1 for end in ends
        )
        for label in labels:
            draft.relation(label, *ends, score=result.get("score") if predicted else None)


def _normal(draft: Draft, meta: Any, value: Mapping[str, Any], passed: Counter[str]) -> Any:
    """The normal form in a region's meta; none if it is of another mention than the one now marked."""
    meta = meta if isinstance(meta, dict) else {}
    normal, mention = meta.get("normal"), meta.get("mention")
    place = offsets.taken(draft.table, value.get("start"), value.get("end"))
    if normal is None or place is None or not isinstance(mention, str):
        return normal
    if same(mention, draft.text[slice(*place)]):
        return normal
    passed["normal forms are left out, their spans were changed"] += 1
    return None


def _level(results: Any) -> Any:
    """Results in one list; the package label_studio_sdk puts the relations of a span into a list in it."""
    if not isinstance(results, list):
        return results
    return [part for item in results for part in (item if isinstance(item, list) else [item])]


def write_predicted(document: Document) -> tuple[str, list[str]]:
    """As ``write``, of a model's document: one without marks is a prediction of nothing, to be looked at."""
    return _task(document, predicted=not document.entities), []


def write(document: Document) -> tuple[str, list[str]]:
    """The document as a task to import: a prediction if any mark has a score, else an annotation.

    The project's text is named ``text``, its labels ``label``.
    """
    return _task(document, predicted=False), []


def _task(document: Document, *, predicted: bool) -> str:
    scores = [e.score for e in document.entities] + [r.score for r in document.relations]
    scored = [score for score in scores if score is not None]
    results = [_region(entity) for entity in document.entities]
    for relation in document.relations:
        result: dict[str, Any] = {
            "type": "relation",
            "from_id": str(relation.head),
            "to_id": str(relation.tail),
            "direction": "right",
            "labels": [relation.label],
        }
        results.append(result | ({} if relation.score is None else {"score": relation.score}))
    data: dict[str, Any] = {"text": document.text, "id": document.id}
    task: dict[str, Any] = {"data": data | ({"meta": dict(document.meta)} if document.meta else {})}
    if scored or predicted:
        score = {"score": sum(scored) / len(scored)} if scored else {}
        task["predictions"] = [{"model_version": "kashif", **score, "result": results}]
    else:
        task["annotations"] = [{"result": results}]
    return json_line(task, document.id)


def _region(entity: Entity) -> dict[str, Any]:
    value = {"start": entity.start, "end": entity.end, "text": entity.text, _SPANS: [entity.label]}
    result: dict[str, Any] = {
        "id": str(entity.id),
        "from_name": "label",
        "to_name": "text",
        "type": _SPANS,
        "value": value,
    }
    if entity.score is not None:
        result["score"] = entity.score
    if entity.normal is not None:  # the tool keeps the meta where a person moves the span's edges
        result["meta"] = {"normal": entity.normal, "mention": entity.text}
    return result
