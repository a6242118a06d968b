"""A custom member end to end: configuration, training, bundle, prediction, explanations."""

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.model.bundle import load_bundle
from tests.conftest import read_predictions

CONFIG = """\
model:
  members: [grade_and_day, labs]
  custom:
    boosting:
      estimator: sklearn.ensemble.HistGradientBoostingClassifier
      parameters: {max_iter: 8, max_leaf_nodes: 4}
  weights: {boosting: 2}
"""


def test_hist_gradient_boosting_from_configuration_to_explanations(mini, tmp_path):
    config = tmp_path / "custom.yaml"
    config.write_text(CONFIG)
    sources = ["--cohort", str(mini.cohort), "--outcomes", "severe_crs"]
    sources += ["--config", str(mini.config), "--config", str(config)]
    bundle = tmp_path / "bundle"
    assert main(["train", *sources, "--out", str(bundle), "--no-track", "--quiet"]) == 0
    state = load_bundle(bundle).models["crs"].state
    assert [member.name for member in (*state.linear, *state.custom)] == [
        "grade_and_day",
        "labs",
        "boosting",
    ]
    assert state.shares[-1] == pytest.approx(0.5)
    out = tmp_path / "out"
    arguments = ["--input", str(mini.batch), "--out", str(out), "--model", str(bundle), "--quiet"]
    assert main(["predict", *arguments]) == 0
    shown = read_predictions(out).dropna(subset="risk")
    why = pd.read_parquet(out / "explanations.parquet")
    total = (
        why[why["level"] == "pathway"].groupby(["patient_id", "horizon_h"])[
            ["points", "reference_risk", "risk"]
        ]
    ).agg({"points": "sum", "reference_risk": "first", "risk": "first"})
    assert len(total) == len(shown) > 0
    gap = total["points"] - 100 * (total["risk"] - total["reference_risk"])
    assert gap.abs().max() < 0.01
