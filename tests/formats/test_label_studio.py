from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kashif.document import Document, Entity
from kashif.errors import InputError
from kashif.formats import label_studio, writing

TEXT = "😀 زار بوتين موسكو"


def span(
    id: str, start: int, end: int, label: str | list[str], text: str | None = None, **more: Any
) -> dict[str, Any]:
    labels = [label] if isinstance(label, str) else label
    value = {"start": start, "end": end, "text": TEXT[start:end] if text is None else text, "labels": labels}
    return {"id": id, "from_name": "label", "to_name": "text", "type": "labels", "value": value} | more


def link(head: str, tail: str, direction: str = "right", labels: list[str] | None = None) -> dict[str, Any]:
    return {"type": "relation", "from_id": head, "to_id": tail, "direction": direction, "labels": labels}


def export(path: Path, *tasks: dict[str, Any]) -> Path:
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def task(*results: dict[str, Any], text: str = TEXT, **more: Any) -> dict[str, Any]:
    return {"id": 7, "data": {"text": text, "source": "x"}, "annotations": [{"result": list(results)}]} | more


def test_an_export(tmp_path: Path) -> None:
    spans = [span("aX_1", 6, 11, "PERS"), span("b", 12, 17, ["GPE", "LOC"])]
    links = [
        link("b", "aX_1", "left", ["visits"]),
        link("aX_1", "b", "bi", ["x"]),
        link("b", "b", "right", []),
    ]
    choice = {"type": "choices", "value": {"choices": ["news"]}}
    first = task(*links, *spans, choice, span("c", 0, 1, []))
    first["annotations"].insert(0, {"was_cancelled": True, "result": [span("z", 0, 1, "Z")]})
    first["annotations"].append({"result": []})
    skipped = {"id": 8, "data": {"text": TEXT}, "annotations": [], "predictions": [{"result": [spans[0]]}]}
    [reading] = label_studio.read(export(tmp_path / "a.json", first, skipped))
    document = reading.document
    assert (document.id, document.text, document.meta) == ("7", TEXT, {"source": "x"})
    assert [(e.id, e.text, e.label) for e in document.entities] == [
        (1, "بوتين", "PERS"),
        (2, "موسكو", "GPE"),
        (3, "موسكو", "LOC"),
    ]
    assert [(r.label, r.head, r.tail) for r in document.relations] == [("visits", 1, 2), ("x", 1, 2)]
    told = [notice.partition(": ")[2] for notice in reading.notices]
    assert told == [
        "1 cancelled annotations are left out",
        "1 further annotations of tasks are left out; the first is read",
        "1 tasks without a finished annotation are left out",
        "1 results of type 'choices' are passed over",
        "1 spans without a label are left out",
        "1 relations in both directions are read as one from the first span to the second",
        "2 relations of spans with several labels are read for the first of these",
        "1 relations without a label are left out",
    ]


def test_predictions_are_read_where_nothing_is_annotated(tmp_path: Path) -> None:
    item = task(
        annotations=[], predictions=[{"result": [span("1", 6, 11, "PERS", score=0.5)]}, {"result": []}]
    )
    [reading] = label_studio.read(export(tmp_path / "a.json", item))
    assert [(e.text, e.score) for e in reading.document.entities] == [("بوتين", 0.5)]
    assert "their first prediction is read" in reading.notices[0]
    item["annotations"] = [{"result": [span("1", 6, 11, "PERS", score=0.5)]}]
    [reading] = label_studio.read(export(tmp_path / "a.json", item))
    assert [e.score for e in reading.document.entities] == [None]  # somebody looked at it
    assert reading.notices == ()


def test_what_a_model_found_nothing_in_is_no_annotation(tmp_path: Path) -> None:
    marked = Entity(1, 6, 11, "PERS", "بوتين", score=0.5)
    bare, scored = Document("a", TEXT), Document("b", TEXT, (marked,))
    gold = Document("c", TEXT, (replace(marked, score=None),))
    writing.save([bare, scored], "label-studio", tmp_path / "a.json")
    first, second = json.loads((tmp_path / "a.json").read_text())
    assert first["predictions"] == [{"model_version": "kashif", "result": []}]
    assert "annotations" not in first
    assert second["predictions"][0]["score"] == 0.5
    for people in ([bare, gold], [bare, gold, scored]):  # a mark without a score: people made the corpus
        writing.save(people, "label-studio", tmp_path / "b.json")
        untouched, other, *_ = json.loads((tmp_path / "b.json").read_text())
        assert untouched["annotations"] == [{"result": []}]
        assert "predictions" not in other
    [reading] = label_studio.read(export(tmp_path / "c.json", first))
    assert reading.document == bare


def test_a_normal_form_is_dropped_where_a_person_changed_the_span(tmp_path: Path) -> None:
    """The tool keeps a region's meta: the normal form of the old mention was taken for the new one's."""
    content, _ = label_studio.write(Document("a", TEXT, (Entity(1, 6, 11, "PERS", "بوتين", normal="بوتن"),)))
    row = json.loads(content)
    [reading] = label_studio.read(export(tmp_path / "a.json", row))
    assert (reading.document.entities[0].normal, reading.notices) == ("بوتن", ())
    row["annotations"][0]["result"][0]["value"] |= {"end": 17, "text": "بوتين موسكو"}
    [reading] = label_studio.read(export(tmp_path / "a.json", row))
    assert [(e.text, e.normal) for e in reading.document.entities] == [("بوتين موسكو", None)]
    assert "1 normal forms are left out, their spans were changed" in reading.notices[0]
    others = task(span("b", 6, 11, "PERS", meta={"normal": "بوتن"}))  # it does not say of which mention
    [reading] = label_studio.read(export(tmp_path / "a.json", others))
    assert (reading.document.entities[0].normal, reading.notices) == ("بوتن", ())


def test_what_people_hung_on_a_region_is_counted(tmp_path: Path) -> None:
    """A region's note was dropped without a word."""
    noted = span("a", 6, 11, "PERS", meta={"text": ["the president"]}, origin="manual", readonly=False)
    bare = span("b", 12, 17, "GPE", meta={"text": []}, parentID=None)
    item = task(noted, bare, link("a", "b", labels=["visits"]) | {"meta": {"text": ["sure"]}})
    [reading] = label_studio.read(export(tmp_path / "a.json", item))
    assert [notice.partition(": ")[2] for notice in reading.notices] == [
        "1 values of 'text' of a span are left out",
        "1 values of 'meta' of a relation are left out",
    ]


def test_offsets_may_count_code_units(tmp_path: Path) -> None:
    """Early versions counted as JavaScript does; the mentions tell."""
    tasks = [task(span("a", 7, 12, "PERS", "بوتين"), span("b", 13, 18, "GPE", "موسكو"))]
    [reading] = label_studio.read(export(tmp_path / "a.json", *tasks))
    assert [e.text for e in reading.document.entities] == ["بوتين", "موسكو"]
    assert "offsets of UTF-16 code units" in reading.notices[0]


def test_the_text_is_the_one_that_the_mentions_fit(tmp_path: Path) -> None:
    item = task(span("a", 6, 11, "PERS"))
    item["data"] = {"headline": "عنوان قصير", "body": TEXT, "id": "n1", "meta": {"day": 3}}
    [reading] = label_studio.read(export(tmp_path / "a.json", item))
    assert (reading.document.text, reading.document.id) == (TEXT, "n1")
    assert reading.document.meta == {"headline": "عنوان قصير", "day": 3}
    item["annotations"] = [{"result": []}]
    with pytest.raises(InputError, match="which of headline, body is the text"):
        label_studio.read(export(tmp_path / "a.json", item))


def test_an_article_without_marks_has_its_text_where_the_others_have(tmp_path: Path) -> None:
    """It once got its headline as its text."""
    marked, bare = task(span("a", 6, 11, "PERS")), task()
    for number, item in enumerate((marked, bare)):
        item["data"] = {"text": "عنوان قصير", "content": f"{TEXT} {number}", "id": f"n{number}"}
    for items in ((marked, bare), (bare, marked)):
        read = label_studio.read(export(tmp_path / "a.json", *items))
        assert {r.document.id: r.document.text for r in read} == {"n0": f"{TEXT} 0", "n1": f"{TEXT} 1"}
    [alone] = label_studio.read(export(tmp_path / "a.json", bare))
    assert alone.document.text == "عنوان قصير"


def test_of_strings_that_a_mention_fits_alike_the_text_is_where_the_others_have_it(tmp_path: Path) -> None:
    """The title was read as the article."""
    items = [task(span("a", 6, 11, "PERS")) for _ in range(3)]
    for number, item in enumerate(items):
        title = f"{TEXT[:14]}…" if number == 1 else "عنوان"
        item["data"] = {"title": title, "body": f"{TEXT} {number}", "id": f"n{number}"}
    for chosen in (items, items[1:2]):  # alone the longer one is
        read = label_studio.read(export(tmp_path / "a.json", *chosen))
        assert [r.document.text for r in read] == [item["data"]["body"] for item in chosen]


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (task(span("a", 6, 11, "X", "كيم")), "task 7: the text at 6-11 is 'بوتين', not 'كيم'"),
        (task(span("a", 6, 99, "X", "كيم")), "offsets 6-99 do not lie in the text"),
        (task(link("a", "b", labels=["r"])), "relation r: there is no entity 'a' (head)"),
        (task(span("a", 6, 11, "X") | {"type": "rectanglelabels"}), "only 'labels' over plain texts"),
        (task(span("a", 6, 11, "X") | {"type": "hypertextlabels"}), "only 'labels' over plain texts"),
        (
            task({"type": "labels", "value": {"start": "/p[1]", "labels": ["X"]}}),
            "lie in HTML or in paragraphs",
        ),
        (task(span("a", 6, 11, "X", "كيم"), text="https://x.org/a.txt"), "is a link to a file"),
        ({"id": 1, "data": {"image": 3}, "annotations": []}, "no string that is the text"),
        ({"id": 1, "text": "x", "label": []}, "choose JSON, not JSON-MIN"),
        (
            {"id": 1, "text": "x", "label": [{"start": 0, "end": 1, "text": "x", "labels": ["X"]}]},
            "choose JSON, not JSON-MIN",
        ),
        (task(annotations=[5]), "'annotations' is a list of objects"),
        (task(annotations=[{"was_cancelled": True}]), "no document is left: 1 cancelled annotations"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, item: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as error:
        label_studio.read(export(tmp_path / "a.json", item))
    assert told in str(error.value)


def test_spans_without_ids_are_spans(tmp_path: Path) -> None:
    results = [
        {"type": "labels", "value": {"start": i, "end": i + 1, "labels": ["P"], "text": "abc"[i]}}
        for i in range(3)
    ]
    row = {"id": 1, "data": {"text": "abc"}, "annotations": [{"result": results}]}
    (tmp_path / "a.json").write_text(json.dumps([row]), encoding="utf-8")
    [reading] = label_studio.read(tmp_path / "a.json")
    assert [entity.text for entity in reading.document.entities] == ["a", "b", "c"]
