"""Figures for the data scientist: contributions to the calibrated risk of prototypes, as PNG."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.explain.prototype_contributions import PrototypeContributions, explain_prototypes
from pipeline.model.bundle import load_bundle
from pipeline.model.evaluation_cells import DayCell
from pipeline.model.evaluation_curves import CalibrationGroups, HorizonCurves
from pipeline.train.figures import (
    as_explanation,
    bar,
    beeswarm,
    dependence,
    explanation_file,
    outcome_figures,
    pathway_importance,
)

BY_DAY = {
    "1": DayCell(n=60, n_events=4, base_rate=0.07, mean_risk=0.08),
    "2": DayCell(n=58, n_events=3),
}
GROUPS = CalibrationGroups([0.1, 0.3], [0.12, 0.25], [0.05, 0.1], [0.2, 0.5], [30, 30])
CURVES = dict.fromkeys(("24", "72"), HorizonCurves(calibration=GROUPS))


@pytest.fixture(scope="module")
def bundle(mini):
    return load_bundle(mini.bundle)


@pytest.fixture(scope="module")
def part(bundle) -> PrototypeContributions:
    return explain_prototypes(bundle, 4)["severe_crs"][72.0]


def test_shap_receives_points_that_add_up_to_the_risk_in_percent(part):
    explanation = as_explanation(part)
    risk = explanation.values.sum(axis=1) + explanation.base_values
    assert ((risk > 0) & (risk < 100)).all()
    content = json.loads(explanation_file(part, "Severe CRS"))
    np.testing.assert_allclose(content["values"], part.points)
    assert len(content["feature_names"]) == part.points.shape[1]
    known = np.array(content["data"], dtype=float)
    np.testing.assert_array_equal(np.isnan(known), np.isnan(part.values))


def test_bars_have_the_mean_size_of_players_and_pathways(part):
    widths = [patch.get_width() for patch in bar(part, "T").axes[0].patches]
    np.testing.assert_allclose(widths[::-1], part.mean_size[: len(widths)])
    together = pathway_importance(part, "T").axes[0].patches
    assert len(together) == len(set(part.pathways))
    assert max(patch.get_width() for patch in together) <= part.mean_size.sum() + 1e-9


def test_labels_are_names(part, bundle):
    labels = [text.get_text() for text in beeswarm(part, "T").axes[0].get_yticklabels()]
    assert not any("__" in label for label in labels)
    analytes = {analyte.key: analyte for analyte in bundle.reference.spec.analytes}
    panels = dependence(part, analytes, "T").axes
    titles = [axes.get_title() for axes in panels if axes.get_title()]
    assert sorted(titles) == sorted(item.name for item in analytes.values() if item.core)


@pytest.mark.parametrize("synthetic", [True, False])
def test_every_figure_is_a_png_that_says_synthetic_where_it_is(
    part, bundle, synthetic, monkeypatch
):
    from matplotlib.figure import Figure

    texts = []
    save = Figure.savefig

    def spy(figure, *arguments, **options):
        texts.append(
            " ".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))
        )
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", spy)
    analytes = {analyte.key: analyte for analyte in bundle.reference.spec.analytes}
    drawn = dict(
        outcome_figures(
            "Severe CRS", {72.0: part}, analytes, CURVES, BY_DAY, horizon_h=168, synthetic=synthetic
        )
    )
    figures = [f"shap/h72/{name}.png" for name in ("beeswarm", "bar", "waterfall")]
    figures += ["shap/dependence.png", "shap/pathways.png"]
    assert list(drawn) == [*figures, "figures/calibration.png", "figures/risk_by_day.png"]
    for content in drawn.values():
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(content) > 5_000
    assert all(("SYNTHETIC" in text) == synthetic for text in texts)
    assert all("Severe CRS" in text for text in texts)


def test_without_prototypes_the_other_figures_remain():
    left = outcome_figures("L", {}, {}, CURVES, {}, horizon_h=168, synthetic=False)
    assert [path for path, _ in left] == ["figures/calibration.png"]
