"""The articles of two annotators side by side, the marks of both on one text."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kashif.document import Entity
from kashif.errors import Fault, InputError, counted, listed
from kashif.folding import letter_offsets, letters
from kashif.formats import Reading

_SHOWN = 20
"""How many code points of texts that differ are shown."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The articles that both annotated, the second's marks at the offsets of the first's text.

    ``alone`` are the ids of articles that only the first and only the second annotated. ``notices`` say which
    articles were matched otherwise than by id and the same text.
    """

    pairs: tuple[tuple[Reading, Reading], ...]
    alone: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    notices: tuple[str, ...] = ()


def pair(first: Sequence[Reading], second: Sequence[Reading]) -> Pairing:
    """The articles of both sides that have the same letters, by id or, where they have other ids, by text.

    A text that stands several times on a side is matched by id alone.

    Raises:
        InputError: if they share no article, or a shared id has another text on either side, where none is
            matched by text.
    """
    texts = [[letters(reading.document.text) for reading in side] for side in (first, second)]
    once = set.intersection(*({text for text, n in Counter(side).items() if n == 1} for side in texts)) - {""}
    by_id = {reading.document.id: (text, reading) for text, reading in zip(texts[1], second, strict=True)}
    by_text = {text: reading for text, reading in by_id.values() if text in once}
    found: list[tuple[Reading, Reading]] = []
    for text, reading in zip(texts[0], first, strict=True):
        same_id, other = by_id.get(reading.document.id, ("", None))
        if other is None or same_id != text:
            other = by_text.get(text)
        found += [(reading, other)] if other else []
    matched = ({a.document.id for a, _ in found}, {b.document.id for _, b in found})
    one, two = (
        {reading.document.id: reading for reading in side if reading.document.id not in known}
        for side, known in zip((first, second), matched, strict=True)
    )
    numbered = any(a.document.id != b.document.id for a, b in found)  # so an id says nothing of the article
    if faults := [_other_text(one[id], two[id]) for id in one if id in two and not numbered]:
        raise InputError(faults)
    if not found:
        told = f"the first has {listed(one) or 'none'}, the second {listed(two) or 'none'}"
        raise InputError(f"the two corpora share no article, neither by id nor by text: {told}")
    pairs = tuple((a, b if _ends_alone_differ(a, b) else _laid(b, a)) for a, b in found)
    return Pairing(pairs, (tuple(one), tuple(two)), tuple(_notices(found)))


def _ends_alone_differ(a: Reading, b: Reading) -> bool:
    """Whether two texts are the same but for white space at the end, so that offsets are the same."""
    return a.document.text.rstrip() == b.document.text.rstrip()


def _notices(found: Sequence[tuple[Reading, Reading]]) -> Iterator[str]:
    renamed = [(a.document.id, b.document.id) for a, b in found if a.document.id != b.document.id]
    if renamed:
        named = listed(f"{one} is {other}" for one, other in renamed)
        yield f"{counted(len(renamed), 'article')} matched by text, the second has other ids ({named})"
    if other := [a.document.id for a, b in found if not _ends_alone_differ(a, b)]:
        told = "differ in line ends, white space or invisible characters alone"
        yield f"the texts of {counted(len(other), 'article')} {told}; the first's are taken ({listed(other)})"


def _other_text(a: Reading, b: Reading) -> Fault:
    """The fault of two texts of one id, where their letters begin to differ."""
    sides = [(side.document.text, letter_offsets(side.document.text)) for side in (a, b)]
    (one, here), (other, there) = sides
    both = enumerate(zip(here, there, strict=False))
    same = next((i for i, (x, y) in both if one[x] != other[y]), min(len(here), len(there)))
    places = [offsets[same] if same < len(offsets) else len(text) for text, offsets in sides]
    shown = [
        f"«{' '.join(text[at : at + _SHOWN].split())}»" if text[at:].strip() else "it ends"
        for (text, _), at in zip(sides, places, strict=True)
    ]
    message = f"its text is not that of {b.place(places[1])}: {shown[0]} here, {shown[1]} there"
    remedy = "both must annotate the same text, and two articles have two ids"
    return a.fault(f"{message}; {remedy}", offset=places[0])


def _laid(b: Reading, a: Reading) -> Reading:
    """The second's marks on the first's text, which has the same letters.

    A span of the letters and the label of one of the first has its offsets.

    Raises:
        InputError: if a span holds no letter, so that nothing tells its place.
    """
    text = a.document.text
    here, there = letter_offsets(text), letter_offsets(b.document.text)

    def held(entity: Entity, offsets: Sequence[int]) -> tuple[int, int]:
        return bisect_left(offsets, entity.start), bisect_left(offsets, entity.end)

    known = {(held(entity, here), entity.label): (entity.start, entity.end) for entity in a.document.entities}
    entities, faults = [], []
    for entity in b.document.entities:
        first, last = held(entity, there)
        if first == last:
            message = f"{entity.label} marks white space or invisible characters alone, and {a.place(0)}"
            line = b.entity_lines.get(entity.id, 0)
            faults.append(b.fault(f"{message} has others; take it out", offset=entity.start, line=line))
        else:
            start, end = known.get(((first, last), entity.label), (here[first], here[last - 1] + 1))
            entities.append(replace(entity, start=start, end=end, text=text[start:end]))
    if faults:
        raise InputError(faults)
    places = [*here, len(text)]
    starts = [places[bisect_left(there, start)] for start in b.text_lines.starts]
    return replace(
        b,
        document=replace(b.document, text=text, entities=tuple(entities)),
        text_lines=replace(b.text_lines, starts=starts),
    )
