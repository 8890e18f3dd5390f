"""WebAnno TSV 3, as INCEpTION exports it: a token a line, layers of spans and of relations in columns.

Format: the appendix on WebAnno TSV 3.3 of INCEpTION's user guide. Offsets are UTF-16 code units; where a file
counts code points the tokens tell. A relation stands in the line of its tail.
"""

from __future__ import annotations

import codecs
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import regex

from kashif.errors import Fault, InputError
from kashif.files import opened, read_text
from kashif.formats import offsets
from kashif.formats.drafts import EMPTY, Draft, gathered
from kashif.formats.reading import Reading

ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
_ROW = regex.compile(r"(\d+-\d+(?:\.\d+)?)\t(\d{1,15})-(\d{1,15})\t([^\t]*)(?:\t(.*))?")
_ITEM = regex.compile(r"(?:\\.|[^|\\])+")
_VALUE = regex.compile(r"((?:\\.|[^\\\[])*)(?:\[(\d{1,15})\])?")
_REFERENCE = regex.compile(r"(\d+-\d+(?:\.\d+)?)(?:\[(\d{1,15})_(\d{1,15})\])?")
_WAYS = ("UTF-16 code units", "code points")
GAPS = "gaps before sentences are read as line ends; what stood there is not said"
CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f"}


@dataclass
class _Layer:
    """Columns of the table: a layer's features, from column ``first`` on; ``base`` is what relations join."""

    name: str
    kind: str
    features: list[str]
    first: int
    base: str = ""

    def label(self, cells: list[str]) -> int | None:
        """The column that holds the label; None if there is none so far."""
        names = [feature for feature in self.features if not feature.startswith("BT_")]
        wanted: list[str] = [name for name in ("value", "label") if name in names]
        wanted += [name for name in names if name and name != "identifier"]
        place = self.first + self.features.index(wanted[0] if wanted else self.features[0])
        return place if place < len(cells) else None


@dataclass
class _Row:
    unit: str
    start: int
    end: int
    form: str
    cells: list[str]
    line: int


@dataclass
class _Sentence:
    text: str
    rows: list[_Row] = field(default_factory=list)


def begins(path: Path) -> bool:
    """Whether a file begins as WebAnno TSV does."""
    with opened(path) as file:
        return file.read(100).removeprefix(codecs.BOM_UTF8).startswith(b"#FORMAT=WebAnno")


def read(path: Path) -> list[Reading]:
    """The document of a file; its id is the file's stem.

    Entities are of the layer NamedEntity and of those that relations join, else of all layers of spans.

    Raises:
        InputError: listing every line that does not fit.
    """
    layers, parts, faults = _parse(path)
    if not parts and not faults:
        faults.append(Fault(str(path), "no line '#Text='; is it WebAnno TSV 3? export it so from INCEpTION"))
    if faults:
        raise InputError(faults)
    passed: Counter[str] = Counter()
    texts = {way: _assembled(parts, way) for way in _WAYS}
    rows = [row for part in parts for row in part.rows]
    counted = offsets.best(_WAYS, lambda way: _fits(texts[way][0], rows, way))
    text, gaps = texts[counted]
    passed[GAPS] = gaps
    draft = Draft(path, text)
    draft.table = offsets.COUNTS[counted](text)
    for row in rows:
        place = offsets.taken(draft.table, row.start, row.end)
        if place is None or text[slice(*place)] != row.form:
            draft.line = row.line
            draft.fault(f"no token {row.form!r:.40} at {row.start}-{row.end} of the text that '#Text=' gives")
    spans = _chosen(layers)
    for layer in layers:
        if layer.kind == "T_CH" or (layer.kind == "T_SP" and layer not in spans):
            cells = [row.cells[layer.first :][: len(layer.features)] for row in rows]
            used = sum(any(cell != "_" for cell in each) for each in cells)
            passed[f"lines with marks of the layer {layer.name} are passed over"] += used
        else:
            _count_features(layer, rows, passed)
    ids = _entities(draft, spans, rows, passed)
    for layer in layers:
        if layer.kind == "T_RL":
            _relations(draft, layer, rows, ids, passed)
    draft.line = 0
    return gathered(path, [(draft, path.stem, {})], passed, [])


def _parse(path: Path) -> tuple[list[_Layer], list[_Sentence], list[Fault]]:
    layers: list[_Layer] = []
    parts: list[_Sentence] = []
    faults: list[Fault] = []
    column = 0
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        line = line.removesuffix("\r")
        if kind := next((kind for kind in ("T_SP", "T_RL", "T_CH") if line.startswith(f"#{kind}=")), ""):
            name, *features = line[len(kind) + 2 :].split("|")
            features = features or [""]
            base = next((feature[3:] for feature in features if feature.startswith("BT_")), "")
            layers.append(_Layer(name, kind, features, column, base))
            column += len(features)
        elif line.startswith("#Text="):
            text = _plain(line.removeprefix("#Text="))
            if parts and not parts[-1].rows:
                parts[-1].text += "\n" + text
            else:
                parts.append(_Sentence(text))
        elif match := _ROW.fullmatch(line):
            if not parts:
                faults.append(Fault(str(path), "a token before the first '#Text='", number))
                continue
            cells = (match[5] or "").split("\t")
            row = _Row(match[1], int(match[2]), int(match[3]), _plain(match[4]), cells, number)
            parts[-1].rows.append(row)
        elif line.strip() and not line.startswith("#"):
            message = f"expected 'sentence-token TAB start-end TAB token …', found {line!r:.80}"
            faults.append(Fault(str(path), message, number))
    return layers, [part for part in parts if part.rows or part.text], faults


def _plain(text: str) -> str:
    return regex.sub(r"\\(.)", lambda match: CONTROLS.get(match[1], match[1]), text)


def _assembled(parts: list[_Sentence], way: str) -> tuple[str, int]:
    """The text of the sentences, each where its first token says, and how many gaps line ends fill."""
    pieces: list[str] = []
    length = gaps = 0
    for part in parts:
        begin = length
        if part.rows and (local := part.text.find(part.rows[0].form)) >= 0:
            begin = part.rows[0].start - (len(offsets.COUNTS[way](part.text[:local])) - 1)
        gap = min(max(0, begin - length), _LONGEST_GAP)
        gaps += gap > 0
        pieces += ["\n" * gap, part.text]
        length += gap + len(offsets.COUNTS[way](part.text)) - 1
    return "".join(pieces), gaps


_LONGEST_GAP = 1000
"""Characters between two sentences; more are a slip."""


def _fits(text: str, rows: list[_Row], way: str) -> int:
    table = offsets.COUNTS[way](text)
    places = ((row.form, offsets.taken(table, row.start, row.end)) for row in rows)
    return sum(place is not None and text[slice(*place)] == form for form, place in places)


def _chosen(layers: list[_Layer]) -> list[_Layer]:
    """The layers of spans that are entities."""
    spans = [layer for layer in layers if layer.kind == "T_SP"]
    bases = {
        layer.base for layer in layers if layer.kind == "T_RL" and layer.base.startswith("webanno.custom")
    }
    named = [layer for layer in spans if layer.name.endswith(".NamedEntity") or layer.name in bases]
    return named or spans


def _items(cell: str) -> list[tuple[str, int]]:
    """The values that stand in one cell, each with the number that tells it from others, or 0."""
    found = ((item, _VALUE.fullmatch(item)) for item in _ITEM.findall(cell))
    return [(match[1], int(match[2] or 0)) if match else (item, 0) for item, match in found]


def _count_features(layer: _Layer, rows: list[_Row], passed: Counter[str]) -> None:
    """Counts the values of a layer's features beside the label, each once for its span or relation."""
    for place, feature in enumerate(layer.features, start=layer.first):
        found = {
            number or (row.unit, index)
            for row in rows
            if place < len(row.cells) and place != layer.label(row.cells) and not feature.startswith("BT_")
            for index, (value, number) in enumerate(_items(row.cells[place]))
            if value not in EMPTY
        }
        passed[f"values of '{feature}' of the layer {layer.name} are left out"] += len(found)


def _entities(
    draft: Draft, layers: list[_Layer], rows: list[_Row], passed: Counter[str]
) -> dict[tuple[str, str], str]:
    """Adds the entities; gives their ids by layer, and number or line."""
    found: dict[tuple[str, str], tuple[str, int, int, int]] = {}
    for layer in layers:
        for row in rows:
            place = layer.label(row.cells)
            cell = "_" if place is None else row.cells[place]
            for value, number in _items(cell) if cell != "_" else ():
                key = layer.name, f"{number}" if number else row.unit
                label, start, end, line = found.get(key, (value, row.start, row.end, row.line))
                found[key] = label, min(start, row.start), max(end, row.end), line
    ids: dict[tuple[str, str], str] = {}
    for key, (value, start, end, line) in found.items():
        draft.line = line
        if value == "*":
            passed["spans without a label are left out"] += 1
            continue
        ids[key] = key[1] if len(layers) == 1 else " ".join(key)
        draft.entity(start, end, _plain(value), id=ids[key])
    return ids


def _relations(
    draft: Draft, layer: _Layer, rows: list[_Row], ids: dict[tuple[str, str], str], passed: Counter[str]
) -> None:
    place = next((i for i, name in enumerate(layer.features) if name.startswith("BT_")), None)
    for row in rows:
        if place is None or layer.first + place >= len(row.cells) or row.cells[layer.first + place] == "_":
            continue
        draft.line = row.line
        label_place = layer.label(row.cells) if len(layer.features) > 1 else None
        labels = [] if label_place is None else _items(row.cells[label_place])
        for index, reference in enumerate(_ITEM.findall(row.cells[layer.first + place])):
            match = _REFERENCE.fullmatch(reference)
            if not match:
                draft.fault(f"expected the token of a relation's head, found {reference!r:.40}")
                continue
            label = labels[index][0] if index < len(labels) else "*"
            head = ids.get((layer.base, match[2] if int(match[2] or 0) else match[1]))
            tail = ids.get((layer.base, match[3] if int(match[3] or 0) else row.unit))
            if label in ("*", "_") or head is None or tail is None:
                lost = f"relations of the layer {layer.name} without a label, or of no entity, are left out"
                passed[lost] += 1
            else:
                draft.relation(_plain(label), head, tail)
