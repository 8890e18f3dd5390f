"""Label Studio's own package validates and converts what is written, and what it makes is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kashif.corpora.loading import load
from kashif.document import Document
from kashif.errors import InputError
from kashif.formats.writing import save

pytestmark = [pytest.mark.tools, pytest.mark.filterwarnings("default")]

CONFIG = """<View><Text name="text" value="$text"/><Labels name="label" toName="text">
<Label value="OCC"/><Label value="NORP"/><Label value="PERS"/><Label value="GPE"/><Label value="ORG"/>
</Labels></View>"""


@pytest.fixture
def interface() -> Any:
    return pytest.importorskip("label_studio_sdk.label_interface").LabelInterface(CONFIG)


def tasks(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text(encoding="utf-8")))


def test_annotations_and_predictions_are_valid(interface: Any, article: Document, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    save([article], "label-studio", path)
    [task] = tasks(path)
    assert interface.validate_prediction(task["annotations"][0], return_errors=True) == []
    assert task["data"][interface.get_object("text").value_name] == article.text
    entities = tuple(replace(entity, score=0.5) for entity in article.entities)
    save([replace(article, entities=entities)], "label-studio", path)
    [task] = tasks(path)
    assert interface.validate_prediction(task["predictions"][0], return_errors=True) == []


def test_its_conll_of_what_is_written_is_read(flat: Document, tmp_path: Path) -> None:
    converters = pytest.importorskip("label_studio_sdk.converter.converter")
    path = tmp_path / "a.json"
    save([flat], "label-studio", path)
    numbered = [{"id": number} | task for number, task in enumerate(tasks(path))]  # as an import does
    path.write_text(json.dumps(numbered), encoding="utf-8")
    converter = converters.Converter(CONFIG, str(tmp_path))
    converter.convert_to_conll2003(str(path), str(tmp_path), is_dir=False)
    [document] = load(str(tmp_path / "result.conll")).documents
    assert [(e.label, e.text) for e in document.entities] == [(e.label, e.text) for e in flat.entities]
    converter.convert_to_json_min(str(path), str(tmp_path), is_dir=False)
    with pytest.raises(InputError, match="of the exports choose JSON, not JSON-MIN"):
        load(f"label-studio:{tmp_path / 'result.json'}")


def test_what_its_interface_makes_is_read(interface: Any, article: Document, tmp_path: Path) -> None:
    objects = pytest.importorskip("label_studio_sdk.label_interface.objects")
    marks = [{"start": e.start, "end": e.end, "label": e.label} for e in article.entities]
    regions = interface.create_regions({"label": marks})
    for relation in article.relations:
        regions[relation.head - 1].add_relation(regions[relation.tail - 1], label=[relation.label])
    annotation = objects.AnnotationValue(completed_by=1, result=regions)
    task = {"id": 7, "data": {"text": article.text}, "annotations": [annotation.model_dump()]}
    (tmp_path / "b.json").write_text(json.dumps([task]), encoding="utf-8")
    [document] = load(f"label-studio:{tmp_path / 'b.json'}").documents
    assert [entity.key for entity in document.entities] == [entity.key for entity in article.entities]
    keys, ours = document.by_id(), article.by_id()
    assert [(r.label, keys[r.head].key, keys[r.tail].key) for r in document.relations] == [
        (r.label, ours[r.head].key, ours[r.tail].key) for r in article.relations
    ]
