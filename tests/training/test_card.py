from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from helpers import NEWS, SCHEME, add_away, pretraining_recipe, recipe

import kashif
from kashif.corpora.provenance import terms_of
from kashif.errors import InputError
from kashif.modeling import encoder
from kashif.scheme import Scheme
from kashif.training import card
from kashif.training.pretraining import pretrain
from kashif.training.train import train


def front(text: str) -> dict[str, object]:
    """The part that the hub reads."""
    found: dict[str, object] = yaml.safe_load(text.split("---\n")[1])
    return found


def test_a_model_folder_has_a_card(tiny_encoder: Path, project: Path) -> None:
    about = {"about": "Reads small articles.", "license": "cc-by-4.0", "credits": ["Somebody: CC0"]}
    trained = train(recipe(tiny_encoder, epochs=1, **about), project / "small")
    text = (project / "small" / "README.md").read_text(encoding="utf-8")
    assert front(text)["license"] == "cc-by-4.0"
    assert front(text)["language"] == ["ar"]
    assert "# small\n\nReads small articles.\n" in text
    assert "| `visits` | PERS | GPE, LOC, FAC |" in text
    assert "| trained on | `annotations/news#train` | 2 |" in text
    assert "\n- Somebody: CC0\n" in text
    assert f"entity F1 {trained.scores['entity_f1']:.3f}" in text
    manifest = json.loads((project / "small" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["weights"] in text
    assert "The probabilities of entities and relations could not be calibrated" in text


def test_a_card_names_the_corpora_that_were_there_and_what_else_its_encoder_read(
    tiny_encoder: Path, project: Path
) -> None:
    train(recipe(tiny_encoder, epochs=1), project / "first")
    there, away = "annotations/news#train", str(add_away(project / "annotations"))
    given = {"train": [there, away], "calibration": [away]}
    trained = train(recipe(project / "first", epochs=1, **given), project / "second")
    text = (trained.folder / card.NAME).read_text(encoding="utf-8")
    # The corpora that are not here once stood on the card, and the encoder's own articles as more.
    assert f"| trained on | `{there}` | 2 |" in text
    assert "| looked at for calibration and thresholds | `annotations/news#development` | 1 |" in text
    assert "more articles before" not in text
    (project / "annotations" / "splits.yaml").write_text("news:\n  train: [n1]\n  development: [n3]\n")
    train(recipe(project / "first", epochs=1), project / "third")
    assert "has seen 2 more articles before." in (project / "third" / card.NAME).read_text(encoding="utf-8")


def test_the_terms_of_a_model_that_serves_as_encoder_go_on(tiny_encoder: Path, project: Path) -> None:
    about = {"license": "cc-by-sa-4.0", "credits": ["Somebody: CC BY-SA 4.0"]}
    train(recipe(tiny_encoder, epochs=1, **about), project / "first")
    train(recipe(project / "first", epochs=1), project / "second")
    text = (project / "second" / "README.md").read_text(encoding="utf-8")
    assert "\n- Somebody: CC BY-SA 4.0\n" in text
    assert "Licence of the weights: none is stated; its encoder came under cc-by-sa-4.0." in text
    # A copy, an encoder that was pretrained further and a third model once knew nothing of it.
    with pytest.raises(InputError, match="this is a model, which cannot be pretrained; write its encoder"):
        pretrain(pretraining_recipe(project / "first"), project / "read-in")
    encoder.copy("first", project / "copy")
    (project / "news.txt").write_text(NEWS, encoding="utf-8")
    pretrain(pretraining_recipe(project / "copy", epochs=1), project / "read-in")
    train(recipe(project / "read-in", epochs=1, license="mit"), project / "third")
    assert terms_of(project / "third") == {"license": "mit AND cc-by-sa-4.0", "credits": about["credits"]}
    train(recipe(project / "third", epochs=1, license="mit"), project / "fourth")
    text = (project / "fourth" / "README.md").read_text(encoding="utf-8")
    assert "\n- Somebody: CC BY-SA 4.0\n" in text
    assert "Licence of the weights: mit; its encoder came under mit AND cc-by-sa-4.0." in text


def test_reports_stand_in_the_card_with_intervals(trained: Path, project: Path) -> None:
    [report] = kashif.score(trained, "annotations/news#held-out")
    manifest = json.loads((trained / "manifest.json").read_text(encoding="utf-8"))
    text = card.card(
        "m",
        recipe(),
        scheme=Scheme(entities={"شخص": "a person | or so"}, nested=False),
        manifest=manifest
        | {"thresholds": {"articles": {"x": "", "y": ""}}, "former thresholds": {"articles": {"z": ""}}},
        development={"entity_f1": 0.5},
        reports=[(card.ReportRow.check(report.row(), "report"), 0)],
    )
    scheme = Scheme(entities={"شخص": ""})
    fitted = card.card("m", recipe(), scheme=scheme, manifest=manifest, development={"entity_f1": 0.5})
    assert "| calibrated by | " in fitted
    assert "| `شخص` | a person \\| or so |" in text
    assert "Spans stand apart." in text
    assert (
        "| chose thresholds or calibration by `kashif threshold` | `manifest.json` names them | 2 |" in text
    )
    assert "| chose what these left as it was | `manifest.json` names them | 1 |" in text
    low, high = report.measures["entities"].interval or (0, 0)
    assert f"({low:.3f}–{high:.3f})" in text
    assert "| annotations/news#held-out, 1 articles | 1.000" in text
    assert "license" not in front(text)
    assert Scheme.load(SCHEME).relations


def test_labels_without_meanings_are_listed(trained: Path) -> None:
    manifest = json.loads((trained / "manifest.json").read_text(encoding="utf-8"))
    scheme = Scheme(entities={"PERS": "", "ORG": ""})
    text = card.card("m", recipe(), scheme=scheme, manifest=manifest, development={})
    assert "\nEntities: `PERS`, `ORG`.\n" in text
    assert "what it is" not in text
