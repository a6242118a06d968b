"""A custom member end to end: configuration, training, bundle, prediction, explanations."""

import pytest

from pipeline.cli import main
from pipeline.model.bundle import load_bundle
from tests.conftest import points_add_up

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
    points_add_up(out)
