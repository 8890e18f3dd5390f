from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from itertools import accumulate, count
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from helpers import ARTICLE, ROOT, disguise
from hypothesis import given, settings
from hypothesis import strategies as st

import kashif
from kashif import box
from kashif.corpora import loading
from kashif.document import Document
from kashif.errors import InputError
from kashif.modeling import predictor as predictors
from kashif.modeling.decoding import calibrated
from kashif.modeling.predictor import Predictor
from kashif.modeling.weights import replaced_model
from kashif.scheme import Scheme


def known(trained: Path) -> Document:
    """The article that the model was trained on."""
    [document] = loading.load(str(trained.parent.parent / "annotations" / "one")).documents
    return document


@pytest.fixture(scope="session")
def predictor(trained: Path) -> Predictor:
    return predictors.load(trained)


@pytest.fixture(scope="session")
def text(trained: Path) -> str:
    return known(trained).text


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ([("a", None)], "a: predict takes a string, found NoneType"),
        (["b"], r"write \(id, text\), found 'b'"),
        ({"ab": "c"}, "a string or several, found dict"),
        (None, "a string or several, found NoneType"),
        ([(1, "b")], r"write \(id, text\), found \(1, 'b'\)"),
        ([None], r"write \(id, text\), found None"),
    ],
)
def test_what_is_no_id_and_text_is_told(predictor: Predictor, texts: Any, told: str) -> None:
    for predict in (predictor.predict_documents, predictor.stream_documents):
        with pytest.raises(InputError, match=told):
            list(predict(texts))


def test_arguments_that_do_not_fit_are_told(predictor: Predictor) -> None:
    given: list[tuple[Any, str]] = [
        (lambda: predictor.predict_relations(predictor.predict("نص")), "a list of documents, found Document"),  # type: ignore[arg-type]
        (lambda: predictor.predict_documents([("a", "نص")], layouts=[]), "0 layouts of 1 texts"),
        (lambda: predictor.predict_relations([Document("a", "نص")], layouts=[]), "0 layouts of 1 texts"),
        (
            lambda: list(predictor.stream_documents([("a", "نص")], layouts=predictor.lay_out(["نص", "x"]))),
            "2 layouts of 1 texts",
        ),
        (
            lambda: predictor.predict_documents([("a", "نص")], layouts=predictor.lay_out(["نَص"])),
            r"layouts\[0\] is of another text",
        ),
        (lambda: predictor.predict_documents([("a", "نص")], threshold="0.5"), "threshold '0.5': write"),  # type: ignore[arg-type]
        (lambda: predictor.lay_out("نص"), "expected several texts, found one string"),
        (lambda: predictor.lay_out(["نص", 1]), "text-2: predict takes a string, found int"),  # type: ignore[list-item]
    ]
    for call, told in given:
        with pytest.raises(InputError, match=told):
            call()


@pytest.mark.parametrize("layouts", [[None], "x", {}, 5, {"a"}])
def test_what_is_no_list_of_layouts_is_told(predictor: Predictor, layouts: Any) -> None:
    for predict in (predictor.predict_documents, predictor.stream_documents):
        with pytest.raises(InputError, match="layouts: expected a list of them, found"):
            list(predict([("a", "نص")], layouts=layouts))
    with pytest.raises(InputError, match="layouts: expected a list of them, found"):
        predictor.predict_relations([Document("a", "نص")], layouts=layouts)


def plain(document: Document) -> tuple[object, ...]:
    keys = {entity.id: entity.key for entity in document.entities}
    return (
        [(entity.key, entity.normal) for entity in document.entities],
        [(r.label, keys[r.head], keys[r.tail]) for r in document.relations],
    )


def fits(document: Document, scheme: Scheme) -> None:
    by_id = document.by_id()
    for entity in document.entities:
        assert document.text[entity.start : entity.end] == entity.text
        assert 0 <= (entity.score or 0) <= 1
    for relation in document.relations:
        assert scheme.allows(relation.label, by_id[relation.head].label, by_id[relation.tail].label)


def test_spans_leave_proclitics_out_and_normal_forms_restore(predictor: Predictor, text: str) -> None:
    found = {entity.text: entity.normal for entity in predictor.predict(text).entities}
    assert "النرويج" in found  # written والنرويج
    assert "لجيش الأوكراني" in found  # written لـلجيش


STRANGE = [
    ("diacritics", lambda text: text.replace("أوسلو", "أُوسْلُو")),
    ("tatweel", lambda text: text.replace("وزير", "وزيـــر")),
    ("bidi marks", lambda text: "\u200f" + text.replace(" ", " \u200e\u2067", 3) + "\u2069"),
    ("Persian letters", lambda text: text.replace("ي", "ی").replace("ك", "ک")),
    ("CRLF", lambda text: text.replace("\n", "\r\n")),
    ("emoji", lambda text: "😀👨‍👩‍👧 " + text + " 🇳🇴"),
    ("byte order mark", lambda text: "\ufeff" + text),
    ("lone surrogate", lambda text: text + " \ud800 "),
    ("NUL and controls", lambda text: "\x00\x1f" + text + "\x7f"),
    ("no break spaces", lambda text: text.replace(" ", "\u00a0")),
]


@pytest.mark.parametrize(("name", "change"), STRANGE, ids=[name for name, _ in STRANGE])
def test_offsets_point_into_the_caller_s_own_string(
    predictor: Predictor, scheme: Scheme, text: str, name: str, change: Callable[[str], str]
) -> None:
    changed = change(text)
    document = predictor.predict(changed)
    assert document.text == changed
    fits(document, scheme)
    if name in ("CRLF", "byte order mark", "bidi marks", "no break spaces"):
        assert len(document.entities) >= 10
    if name == "emoji":  # unknown to the tiny encoder, which then finds fewer
        assert document.entities


@settings(max_examples=40, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_a_text_in_disguise_gives_the_same_entities_and_relations(
    predictor: Predictor, text: str, random: Random
) -> None:
    disguised, place = disguise(text, random)
    expected, found = predictor.predict(text), predictor.predict(disguised)
    assert len(expected.entities) > 10
    assert found.text == disguised
    assert [(e.id, e.start, e.end, e.label, e.normal, e.score) for e in found.entities] == [
        (e.id, place[e.start], place[e.end - 1] + 1, e.label, e.normal, e.score) for e in expected.entities
    ]
    assert found.relations == expected.relations


def test_a_decomposed_text_gives_the_same_entities(predictor: Predictor, text: str) -> None:
    pieces = [unicodedata.normalize("NFD", char) for char in text]
    assert max(map(len, pieces)) == 2
    place = [0, *accumulate(map(len, pieces))]
    expected, found = predictor.predict(text), predictor.predict("".join(pieces))
    assert [(e.start, e.end, e.label, e.normal, e.score) for e in found.entities] == [
        (place[e.start], place[e.end], e.label, e.normal, e.score) for e in expected.entities
    ]
    assert found.relations == expected.relations


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_any_string_is_answered(predictor: Predictor, scheme: Scheme, text: str) -> None:
    document = predictor.predict(text)
    assert document.text == text
    fits(document, scheme)


def test_batched_and_single_and_streamed_answers_agree(predictor: Predictor, text: str) -> None:
    texts = [text, "", "زار بوتين أوسلو", text * 4, " \n", text[:60]]
    together = predictor.predict(texts)
    assert [document.id for document in together] == [f"text-{i}" for i in range(1, 7)]
    for document, alone in zip(together, (predictor.predict(item) for item in texts), strict=True):
        assert plain(document) == plain(alone)
    assert [plain(d) for d in predictor.stream(iter(texts))] == [plain(d) for d in together]


def test_stream_is_lazy(predictor: Predictor, text: str) -> None:
    taken: list[int] = []
    long = text + " " * 4000

    def endless() -> Iterator[str]:
        for index in count():
            taken.append(index)
            yield long

    stream = predictor.stream(endless())
    assert next(stream).text == long
    assert len(taken) * len(long) < 3 * 65536


def test_long_articles_are_read_whole(predictor: Predictor, text: str) -> None:
    many = predictor.predict("\n".join([text] * 30))
    assert {entity.start // (len(text) + 1) for entity in many.entities} == set(range(30))


def test_nothing_is_remembered(predictor: Predictor, text: str) -> None:
    first = plain(predictor.predict(text))
    predictor.predict("كلام آخر")
    assert plain(predictor.predict(text)) == first


def test_relations_given_entities_keep_them(predictor: Predictor, trained: Path) -> None:
    gold = known(trained)
    [found] = predictor.predict_relations([gold])
    assert found.entities == gold.entities
    assert {(r.label, r.head, r.tail) for r in found.relations} == {
        (r.label, r.head, r.tail) for r in gold.relations
    }


def test_relations_are_given_out_from_the_model_s_threshold(
    predictor: Predictor, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [every] = predictor.predict_documents([("a", text)], threshold=0.0)
    assert len({r.label for r in every.relations}) > 4
    scores = sorted(relation.score or 0 for relation in every.relations)
    for threshold in (0.0, scores[len(scores) // 2], 0.5, 1.0):
        monkeypatch.setattr(predictor.model.config, "relation_threshold", threshold)
        [found] = predictor.predict_documents([("a", text)])
        assert found.relations == tuple(r for r in every.relations if (r.score or 0) >= threshold)
        assert found == predictor.predict_documents([("a", text)], threshold=threshold)[0]


def test_relations_of_given_entities_are_given_out_from_the_model_s_threshold(
    predictor: Predictor, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = known(trained)
    monkeypatch.setattr(predictor.model.config, "relation_threshold", 0.0)
    [every] = predictor.predict_relations([gold])
    scores = sorted(relation.score or 0 for relation in every.relations)
    assert len(scores) > 4
    for threshold in (scores[len(scores) // 2], 0.5, 1.0):
        monkeypatch.setattr(predictor.model.config, "relation_threshold", threshold)
        [found] = predictor.predict_relations([gold])
        assert found.relations == tuple(r for r in every.relations if (r.score or 0) >= threshold)


def test_one_pass_at_threshold_0_holds_what_the_model_gives_out(
    predictor: Predictor, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [scored] = predictor.predict_documents([("d", text)], threshold=0.0)
    scores = sorted(relation.score or 0 for relation in scored.relations)
    # Also a threshold that is itself a score, and one that is no float32.
    for threshold in (0.5, scores[len(scores) // 2], 0.7, 1.0):
        monkeypatch.setattr(predictor.model.config, "relation_threshold", threshold)
        assert predictor.above_threshold(scored) == predictor.predict_documents([("d", text)])[0]
    assert len(scored.relations) > 4


def test_layouts_made_before_give_the_same_answers(predictor: Predictor, text: str) -> None:
    texts = [("a", text), ("b", text[:60]), ("c", "")]
    layouts = predictor.lay_out([each for _, each in texts])
    expected = predictor.predict_documents(texts)
    assert predictor.predict_documents(texts, layouts=layouts) == expected
    assert list(predictor.stream_documents(iter(texts), layouts=layouts)) == expected
    # A text that fills a chunk: the layouts of those behind it stand one place on.
    long = ("x", " " * 70_000)
    streamed = predictor.stream_documents([long, *texts], layouts=[*predictor.lay_out([long[1]]), *layouts])
    assert list(streamed)[1:] == expected
    related = predictor.predict_relations(expected)
    assert predictor.predict_relations(expected, layouts=layouts) == related


def test_predict_from_code(trained: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASHIF_MODEL", str(trained))
    one = kashif.predict(text)
    assert one.id == "text"
    assert [plain(d) for d in kashif.predict([text, text])] == [plain(one)] * 2
    assert plain(kashif.load().predict(text)) == plain(one)
    assert plain(kashif.predict(text, model=trained)) == plain(one)


def test_wrong_input_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="takes a string, found int"):
        predictor.predict([3])  # type: ignore[list-item]
    with pytest.raises(InputError, match="no model folder of Kashif's"):
        box.find(tmp_path)


def test_a_device_or_number_of_threads_that_is_none_is_refused(trained: Path) -> None:
    with pytest.raises(InputError, match="device 'nowhere': "):
        predictors.load(trained, device="nowhere")
    with pytest.raises(InputError, match="threads 0: write a number from 1 to 1024"):
        predictors.load(trained, threads=0)


def test_import_loads_neither_torch_nor_transformers() -> None:
    import subprocess
    import sys

    code = "import sys, kashif; print([m for m in ('torch', 'transformers', 'datasets') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
    assert ARTICLE


def test_calibration_changes_scores_and_a_threshold_takes_off(
    trained: Path, article: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = predictors.load(trained)
    config = predictor.model.config
    plain = predictor.predict(article.text)
    monkeypatch.setattr(config, "entity_calibration", (0.5, -1.0))
    mended = predictor.predict(article.text)
    assert [entity.key for entity in mended.entities] == [entity.key for entity in plain.entities]
    for before, after in zip(plain.entities, mended.entities, strict=True):
        assert after.score == pytest.approx(calibrated(before.score, (0.5, -1.0)), abs=1e-4)
    middle = sorted(entity.score or 0 for entity in mended.entities)[3]
    monkeypatch.setattr(config, "entity_threshold", middle)
    above = predictor.predict(article.text)
    assert {e.key for e in above.entities} == {e.key for e in mended.entities if (e.score or 0) >= middle}
    assert len(above.entities) < len(mended.entities)
    monkeypatch.setattr(config, "relation_calibration", (1.0, -20.0))
    assert predictor.predict(article.text).relations == ()
    assert {r.label for r in predictor.predict_relations([article])[0].relations} == set()


def test_a_model_that_is_replaced_while_it_is_read_is_read_again(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had one model's configuration and the other's weights."""
    folder = tmp_path / "m"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints", "manifest.json"))
    other = predictors.load(folder, runtime="torch")
    other.model.config.window = 32
    with torch.no_grad():
        other.model.tagger.bias.fill_(7)
    read = [predictors.read_config]

    def replaced_meanwhile(*arguments: Any) -> Any:
        config = read[0](*arguments)
        if len(read) == 1:
            read.append(read[0])
            with replaced_model(folder) as new:
                other.model.save_pretrained(new)
                other.tokenizer.save_pretrained(new)
        return config

    monkeypatch.setattr(predictors, "read_config", replaced_meanwhile)
    model = predictors.load(folder, runtime="torch").model
    assert (model.config.window, model.tagger.bias[0]) == (32, 7)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("config.json", [], "no model folder of Kashif's"),
        (
            "config.json",
            {"window": "64"},
            r"config\.json: not a model's configuration: window is a whole number",
        ),
        ("config.json", {"relation_threshold": 7}, "relation_threshold is a number from 0 to 1"),
        ("config.json", {"entity_threshold": 5}, "entity_threshold is a number from 0 to 1, found 5"),
        ("config.json", {"entity_threshold": "0.5"}, "entity_threshold is a number from 0 to 1, found '0.5'"),
        ("config.json", {"relation_threshold": True}, "relation_threshold is a number from 0 to 1"),
        ("config.json", {"dropout": 7}, "dropout is a number from 0 to 1"),
        ("config.json", {"relation_hidden_size": 2.5}, "relation_hidden_size is a whole number from 1 on"),
        ("config.json", {"relation_loss_weight": -1}, "relation_loss_weight is a number from 0 on"),
        ("config.json", {"entity_calibration": [-1, 0]}, "entity_calibration is a slope above 0"),
        ("config.json", {"relation_calibration": ["1", 0]}, "relation_calibration is a slope above 0"),
        ("config.json", {"window": 4096}, "window is 4096, and its encoder reads at most 512 sub-words"),
        ("config.json", {"scheme": "entities: ["}, r"config\.json:1: not YAML"),
        (
            "config.json",
            {"encoder": {"model_type": "bert", "hidden_size": "x"}},
            r"config\.json: not a model",
        ),
        ("config.json", {"dropout": None}, r"config\.json: not a model's configuration"),
        ("tokenizer.json", [], r"tokenizer\.json: not the model's tokenizer: .*; copy the model's folder"),
        ("tokenizer_config.json", {"pad_token": None}, "its special sub-words are not those of the encoder"),
        ("tokenizer_config.json", {"cls_token": "x"}, "its special sub-words are not those of the encoder"),
    ],
)
def test_a_damaged_file_of_a_model_is_told_by_its_name(
    trained: Path, tmp_path: Path, name: str, values: Any, told: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    rows = json.loads((folder / name).read_text(encoding="utf-8"))
    changed = rows | values if isinstance(values, dict) else values
    (folder / name).write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(InputError, match=told):
        predictors.load(folder)
