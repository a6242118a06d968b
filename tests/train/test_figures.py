"""Figures for the data scientist: SHAP agrees with xgboost, files are PNG, nobody is named."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.explain.shap_values import Attribution, attribute
from pipeline.model.evaluation_cells import DayCell
from pipeline.model.evaluation_curves import CalibrationGroups, HorizonCurves
from pipeline.train.figures import beeswarm, dependence, outcome_figures, pathway_importance
from tests.builders import course_cohort
from tests.model.conftest import Fitted, fit

BY_DAY = {
    "1": DayCell(n=60, n_events=4, base_rate=0.07, mean_risk=0.08),
    "2": DayCell(n=58, n_events=3),
}
GROUPS = CalibrationGroups([0.1, 0.3], [0.12, 0.25], [0.05, 0.1], [0.2, 0.5], [30, 30])
CURVES = dict.fromkeys(("24", "72"), HorizonCurves(calibration=GROUPS))


@pytest.fixture(scope="module")
def small() -> Fitted:
    return fit(course_cohort(n_patients=50), bootstrap=0)


@pytest.fixture(scope="module")
def rows(small) -> Attribution:
    result = attribute(small.model, small.matrix, small.targets, 3, 72.0, seed=0)
    assert result is not None
    return result


def test_shap_values_agree_with_the_contributions_of_xgboost(small, rows):
    import xgboost

    booster = small.model.state.boosters[0].booster
    expected = booster.predict(xgboost.DMatrix(rows.inputs), pred_contribs=True)
    np.testing.assert_allclose(rows.values, expected[:, :-1], atol=1e-5)
    assert rows.expected == pytest.approx(expected[0, -1], abs=1e-5)
    margin = booster.inplace_predict(rows.inputs, predict_type="margin")
    np.testing.assert_allclose(rows.values.sum(axis=1) + rows.expected, margin, atol=1e-4)
    assert np.abs(rows.values).max() > 0.05


def test_pathways_and_the_question_add_up_to_all_columns(rows):
    question = [number for number, meta in enumerate(rows.metas) if meta is None]
    assert [rows.names[number] for number in question] == ["log_horizon", "threshold"]
    parts = [rows.pathway(key) for key in rows.pathways()]
    total = np.sum(parts, axis=0) + rows.values[:, question].sum(axis=1)
    np.testing.assert_allclose(total, rows.values.sum(axis=1), atol=1e-9)
    bars = pathway_importance(rows, "Pathways").axes[0].patches
    widths = sorted(bar.get_width() for bar in bars)
    np.testing.assert_allclose(widths, sorted(np.abs(part).mean() for part in parts))


def test_only_landmarks_at_risk_with_a_known_grade_are_explained(small, rows):
    at_risk = small.targets.at_risk[:, small.targets.thresholds.index(3)]
    assert len(rows.values) == (at_risk & small.model.state_known(small.matrix)).sum()


def test_labels_have_words_and_units(small, rows):
    labels = [text.get_text() for text in beeswarm(rows, "T").axes[0].get_yticklabels()]
    assert any("mg/L" in label or "ng/mL" in label for label in labels)
    assert not any("__" in label or "10*9" in label or "log2(1)" in label for label in labels)
    analytes = {analyte.key: analyte for analyte in small.plan.spec.analytes}
    panels = dependence(rows, analytes, "T").axes
    titles = [axes.get_title() for axes in panels if axes.get_title()]
    assert sorted(titles) == sorted(item.name for item in analytes.values() if item.core)


@pytest.mark.parametrize("synthetic", [True, False])
def test_every_figure_is_a_png_that_says_synthetic_where_it_is(small, rows, synthetic, monkeypatch):
    from matplotlib.figure import Figure

    texts = []
    save = Figure.savefig

    def spy(figure, *arguments, **options):
        texts.append(
            " ".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))
        )
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", spy)
    analytes = {analyte.key: analyte for analyte in small.plan.spec.analytes}
    drawn = dict(
        outcome_figures(
            "crs", "Severe CRS", rows, analytes, CURVES, BY_DAY, horizon_h=168, synthetic=synthetic
        )
    )
    names = ("beeswarm", "dependence", "pathways", "calibration", "risk_by_day")
    assert list(drawn) == [f"figures/crs/{name}.png" for name in names]
    for content in drawn.values():
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(content) > 5_000
    assert all(("SYNTHETIC" in text) == synthetic for text in texts)
    assert all("Severe CRS" in text for text in texts)


def test_without_a_booster_or_rows_the_other_figures_remain(small):
    nobody = small.matrix.take(np.zeros(0, dtype=np.intp))
    none = small.targets.take(np.zeros(0, dtype=np.intp))
    assert attribute(small.model, nobody, none, 3, 72.0, seed=0) is None
    left = outcome_figures("crs", "L", None, {}, CURVES, {}, horizon_h=168, synthetic=False)
    assert [path for path, _ in left] == ["figures/crs/calibration.png"]
