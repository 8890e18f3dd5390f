"""Whose labels: schemes that corpora lead to, that a path names, that are learned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import ROOT, SCHEME, make_encoder, recipe

from kashif.corpora import loading
from kashif.corpora.checks import check
from kashif.corpora.schemes import describe, lacking, learn, refuse_mappings, scheme_of, unscored
from kashif.corpora.spec import Spec
from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.formats import plain
from kashif.formats.writing import save
from kashif.modeling import predictor as predictors
from kashif.scheme import RelationType, Scheme
from kashif.training.train import train


def marked(folder: Path, text: str, name: str = "a") -> Document:
    """The document of a text in the plain format, which is written to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.txt"
    path.write_text(text, encoding="utf-8")
    [reading] = plain.read(path)
    return reading.document


def write(folder: Path, label: str) -> Path:
    """A scheme of one label in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scheme.yaml"
    path.write_text(f"entities: {{{label}: one}}", encoding="utf-8")
    return path


def labels(*corpora: Path | str, given: str = "") -> tuple[str, ...]:
    """The labels of the scheme of corpora."""
    texts = [str(corpus) for corpus in corpora]
    documents, _ = loading.load_all(texts)
    return scheme_of([Spec.parse(text) for text in texts], documents, given=given).scheme.labels


@pytest.fixture
def news(tmp_path: Path) -> Path:
    """A corpus four folders below, with an entity ``GOLD``."""
    folder = tmp_path / "one" / "two" / "three" / "news"
    marked(folder, "زار [[كيم|GOLD#1]]\n---\n")
    return folder


@pytest.mark.parametrize("above", [0, 1, 2])
def test_a_scheme_stands_beside_a_corpus_or_in_one_of_the_two_folders_above(news: Path, above: int) -> None:
    write([news, *news.parents][above], "FILE")
    assert labels(news) == labels(news / "a.txt") == labels(f"plain:{news}#0-100%") == ("FILE",)


def test_a_scheme_three_folders_above_is_none(news: Path) -> None:
    write(news.parents[2], "FILE")
    assert labels(news) == ("GOLD",)


def test_the_nearest_scheme_counts(news: Path) -> None:
    write(news.parent, "NEAR")
    write(news.parent.parent, "FAR")
    assert labels(news) == ("NEAR",)


def test_a_relative_path_leads_to_the_folders_above_where_one_works(
    news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(news.parent.parent, "FILE")
    monkeypatch.chdir(news)
    assert labels(".") == labels("a.txt") == ("FILE",)


def test_one_scheme_may_stand_above_several_corpora(news: Path) -> None:
    marked(news.parent / "more" / "sub", "[[كيم|OTHER#1]]", "b")
    write(news.parent, "FILE")
    assert labels(news, news.parent / "more" / "sub") == ("FILE",)


def test_found_schemes_tell_nothing_and_learned_ones_do(news: Path) -> None:
    [document] = loading.load(str(news)).documents
    assert scheme_of([Spec(news)], [document]).notices == tuple(describe([document], learn([document])))
    write(news, "FILE")
    assert scheme_of([Spec(news)], [document]).notices == ()


def test_different_schemes_are_refused_and_each_corpus_named(news: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    marked(other, "[[كيم|OTHER#1]]", "b")
    mine, its = write(news, "A"), write(other, "A")
    with pytest.raises(InputError) as refused:
        labels(news, other)
    listed = f"{news}: {mine}; {other}: {its}"
    told = f"the corpora do not share one scheme ({listed}); name it: scheme: PATH, or --scheme"
    assert [fault.message for fault in refused.value.faults] == [told]
    its.unlink()
    with pytest.raises(InputError) as refused:
        labels(news, other)
    assert f"({news}: {mine}; {other}: no scheme.yaml)" in str(refused.value)
    mine.unlink()
    assert labels(news, other) == ("GOLD", "OTHER")


def test_a_path_or_learned_wins_over_what_is_found(news: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    marked(other, "[[كيم|OTHER#1]]", "b")
    write(news, "A")
    for corpora in ((news,), (news, other)):
        assert labels(*corpora, given=str(SCHEME)) == Scheme.load(SCHEME).labels
        assert labels(*corpora, given="learned") == ("GOLD", "OTHER")[: len(corpora)]
    with pytest.raises(InputError, match=r"/none\.yaml: no such scheme file; write its path, or `learned`"):
        labels(news, given=str(tmp_path / "none.yaml"))


def test_a_found_scheme_must_fit(news: Path) -> None:
    (news / "scheme.yaml").write_text("entity: {A: a}", encoding="utf-8")
    with pytest.raises(InputError, match=r"scheme\.yaml: unknown key 'entity'; did you mean 'entities'"):
        labels(news)


def test_labels_are_learned_by_frequency_then_by_name(tmp_path: Path) -> None:
    found = learn([marked(tmp_path, "[[كيم|B#1]] [[بوتين|C#2]] [[جونغ|A#3]] [[كيم|C#4]]")])
    assert found == Scheme(entities={"C": "", "A": "", "B": ""}, nested=False, proclitics=False)
    assert found.labels == ("C", "A", "B")  # equal mappings may differ in order
    assert found.closing is None


def test_relations_are_learned_with_the_labels_of_their_arguments(tmp_path: Path) -> None:
    entities = "[[كيم|P#1]] [[بوتين|P#2]] [[موسكو|G#3]] [[الناتو|O#4]] [[جونغ|P#5]] [[هنا|X#6]]"
    found = learn([marked(tmp_path, f"{entities}\n---\nin 1 3\nmet 1 2\nin 4 3\nin 2 4\nmet 2 5\n")])
    assert found.relations == {
        "in": RelationType(head=("P", "O"), tail=("G", "O")),
        "met": RelationType(head=("P",), tail=("P",)),
    }
    assert found.relation_labels == ("in", "met")
    assert found.allows("in", "O", "G")
    assert not found.allows("met", "P", "O")
    assert not found.relations["met"].symmetric


@pytest.mark.parametrize(
    ("text", "nested"),
    [
        ("[[كيم|P#1]] [[بوتين|P#2]]", False),
        ("[[كيم|P#1]][[بوتين|P#2]]", False),
        ("[[وزير [[الدفاع|O#2]]|T#1]]", True),
        ("[[[[كيم|P#1]]|T#2]]", True),
        ("[[[[كيم|P#1]]|P#2]]", False),  # the same mark twice
        ("[[أ ب ج [[د|P#1]] ه و|T#2]] [[ز|P#3]]", True),
    ],
)
def test_it_is_learned_whether_spans_nest(tmp_path: Path, text: str, nested: bool) -> None:
    assert learn([marked(tmp_path, "[[كيم|P#1]]", "b"), marked(tmp_path, text)]).nested is nested


@pytest.mark.parametrize(
    ("text", "proclitics"),
    [
        ("زار [[كيم|P#1]] و [[بوتين|P#2]]", False),
        ("زار [[كيم|P#1]] و[[بوتين|P#2]]", True),
        ("([[كيم|P#1]])، «[[بوتين|P#2]]»", False),
        ("لـ[[21|P#1]] يوما", True),
        ("زار ﻭ\u200d[[بوتين|P#1]]", True),
        ("زار \u200f[[بوتين|P#1]]", False),
        ("زار[[ كيم|P#1]]", False),  # faults, which a check tells, not proclitics
        ("م[[وسكو|P#1]]", False),
    ],
)
def test_it_is_learned_whether_spans_begin_behind_proclitics(
    tmp_path: Path, text: str, proclitics: bool
) -> None:
    assert learn([marked(tmp_path, "[[كيم|P#1]]", "b"), marked(tmp_path, text)]).proclitics is proclitics


def test_labels_that_look_the_same_are_not_learned(tmp_path: Path) -> None:
    one, other = marked(tmp_path, "[[كيم|ا ب#1]] [[جون|ا ب#2]]"), marked(tmp_path, "[[كيم|ا\xa0ب#1]]", "b")
    with pytest.raises(InputError, match=r"document 'b': the labels 'ا ب' and 'ا\\xa0ب' look the same, but"):
        learn([one, other])
    (tmp_path / "scheme.yaml").write_text("entities: {ا ب: one}", encoding="utf-8")
    [fault] = check([Spec(tmp_path)]).faults
    assert (fault.where, fault.line) == (str(tmp_path / "b.txt"), 1)
    assert (
        "in the scheme; it and 'ا ب' look the same, but of their characters number 2 is U+00A0"
        in fault.message
    )


def test_where_nothing_is_marked_there_is_nothing_to_learn(tmp_path: Path) -> None:
    marked(tmp_path, "زار كيم موسكو")
    with pytest.raises(InputError, match=r"no entity is marked.*is the format the right one"):
        labels(tmp_path)
    with pytest.raises(InputError, match="no entity is marked"):
        learn([])


def test_what_was_learned_is_described_and_slips_are_named(tmp_path: Path) -> None:
    people = " ".join(f"[[كيم|PERS#{i}]]" for i in range(1, 4))
    document = marked(tmp_path, f"{people} [[كيم|PRES#4]] [[موسكو|GPE#5]] و[[كييف|GPE#6]]\n---\nin 1 5\n")
    assert describe([document], learn([document])) == [
        "learned from the gold: PERS 3, GPE 2, PRES 1",
        "relations: in 1",
        "spans stand apart and may begin behind proclitics",
        "seen once or twice, perhaps slips: GPE (in a), PRES (in a; PERS?), in (in a)",
    ]
    many = [marked(tmp_path, " ".join(f"[[كيم [[زار|V#{i}]]|P#1{i}]]" for i in (1, 2, 3)))] * 400
    assert describe(many, learn(many)) == [
        "learned from the gold: P 1,200, V 1,200",
        "no relations",
        "spans nest and begin at words",
    ]


def test_a_learned_scheme_fits_the_gold_that_it_is_learned_of(scheme: Scheme) -> None:
    """Ours teach all of our own scheme but what no gold shows."""
    newsroom = ROOT / "annotations" / "newsroom"
    documents = loading.load(str(newsroom)).documents
    found = learn(documents)
    assert set(found.labels) == set(scheme.labels)
    assert set(found.relation_labels) == set(scheme.relation_labels)
    for label, learned in found.relations.items():
        assert set(learned.head) <= set(scheme.relations[label].head)
        assert set(learned.tail) <= set(scheme.relations[label].tail)
    assert (found.nested, found.proclitics) == (scheme.nested, scheme.proclitics)
    assert check([Spec(newsroom)], given="learned").faults == []
    assert Scheme.parse(found.dump(), "x") == found
    assert list(Scheme.parse(found.dump(), "x").entities) == list(found.entities)


def test_marks_that_a_scheme_lacks_are_counted(tmp_path: Path) -> None:
    text = "[[كيم|P#1]] [[بوتين|P#2]] [[موسكو|G#3]]\n---\nin 1 3\nmet 1 2\n"
    document = marked(tmp_path, text)
    assert lacking([document], learn([document])) == ""
    known = Scheme(entities={"G": ""}, relations={"in": RelationType(head=("G",), tail=("G",))})
    assert lacking([document, document], known) == (
        "6 marks have labels that the scheme lacks; a model of it misses them: P 4, met 2"
    )
    assert unscored([document, document], known) == ""
    without = Scheme(entities={"G": ""})
    assert lacking([document], without).endswith("a model of it misses them: P 2")
    assert unscored([document, document], without) == (
        "the gold has 4 relations, the scheme none: they are not scored"
    )


def test_mappings_are_refused_each_by_name() -> None:
    refuse_mappings([Spec(Path("a"))])
    with pytest.raises(InputError) as refused:
        refuse_mappings(Spec.parse(text) for text in ("a@x", "b", "conll:c.txt#train@y"))
    rest = "labels are taken as they stand; a mapping is for scores"
    assert [str(f) for f in refused.value.faults] == [
        f"a: take '@x' away: {rest}",
        f"c.txt: take '@y' away: {rest}",
    ]


def people(count: int, *, year: int = 2000) -> list[Document]:
    """Articles in labels of somebody's own: who lives where."""
    names, towns = ("سامي", "هند", "كمال", "ليلى", "عمر", "نور"), ("إربد", "نزوى", "طرابلس", "حلب")
    found = []
    for index in range(count):
        name, town = names[index % len(names)], towns[index % len(towns)]
        text = f"يسكن {name} في مدينة {town} منذ عام {year + index}."
        spans = ((text.index(name), name, "شخص"), (text.index(town), town, "مكان"))
        marks = tuple(Entity(i, at, at + len(m), label, m) for i, (at, m, label) in enumerate(spans, start=1))
        found.append(Document(f"d{year + index}", text, marks, (Relation("يسكن", 1, 2),)))
    return found


def test_labels_of_one_s_own_are_trained_without_any_scheme_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    documents = people(12)
    save(documents, "jsonl", tmp_path / "people.jsonl")
    encoder = make_encoder(tmp_path / "encoder", [document.text for document in documents])
    told: list[str] = []
    settings = recipe(encoder, train=["people.jsonl"], development=[], epochs=1)
    model = train(settings, tmp_path / "model", say=told.append).folder
    assert told[:3] == [
        "learned from the gold: شخص 12, مكان 12",
        "relations: يسكن 12",
        "spans stand apart and begin at words",
    ]
    relation = {"يسكن": RelationType(head=("شخص",), tail=("مكان",))}
    expected = Scheme(entities={"شخص": "", "مكان": ""}, nested=False, proclitics=False, relations=relation)
    assert Scheme.load(model / "scheme.yaml") == expected
    predictor = predictors.load(model)
    assert predictor.scheme == expected
    found = predictor.predict_documents([(d.id, d.text) for d in documents], threshold=0.0)
    assert {entity.label for document in found for entity in document.entities} <= {"شخص", "مكان"}
    assert {relation.label for document in found for relation in document.relations} <= {"يسكن"}
    given = predictor.predict_relations(documents)
    assert {relation.label for document in given for relation in document.relations} <= {"يسكن"}
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["train"]["articles"]) + len(manifest["development"]["articles"]) == 12


def test_labels_of_one_s_own_are_learned_by_heart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    documents = people(4)
    save(documents, "jsonl", tmp_path / "people.jsonl")
    development = people(4, year=1990)
    save(development, "jsonl", tmp_path / "dev.jsonl")
    encoder = make_encoder(tmp_path / "encoder", [document.text for document in documents])
    settings = recipe(
        encoder,
        train=["people.jsonl"],
        development=["dev.jsonl"],
        epochs=20,
        patience=20,
        batch_size=2,
        dropout=0.0,
        encoder_learning_rate=3e-3,
        head_learning_rate=1e-2,
    )
    predictor = predictors.load(train(settings, tmp_path / "model").folder)
    found = predictor.predict(development[0].text)
    assert [(e.label, e.text) for e in found.entities] == [("شخص", "سامي"), ("مكان", "إربد")]
    assert [r.label for r in found.relations] == ["يسكن"]


def test_labels_that_are_ids_are_counted_and_not_compared() -> None:
    """Each rare label was compared with each frequent one, and looked for in all articles: minutes."""
    names = [f"Q{number}" for number in range(20_000)]
    often = names[:5_000]
    documents = [
        Document(f"d{n}", "ا", tuple(Entity(i, 0, 1, label, "ا") for i, label in enumerate(labels)))
        for n, labels in enumerate([names, often, often])
    ]
    listed, _, _, rare = describe(documents, learn(documents))
    assert listed.startswith("learned from the gold: Q0 3, Q1 3, Q10 3,")
    assert listed.endswith("and 19,900 more")
    assert rare.startswith("seen once or twice, perhaps slips: Q10000 (in d0), Q10001 (in d0),")
    assert rare.endswith("and 14,980 more")
