"""Curves hold few aggregated points for every comparator that can be ranked."""

import pytest

from pipeline.evaluate.horizon_curves import curves
from pipeline.evaluate.metrics import FALSE_POSITIVE_RATES
from tests.evaluate.test_outcome_report import simulated_scores


@pytest.fixture(scope="module")
def drawn():
    return curves(simulated_scores(), 5, 20)["24"]


def test_roc_has_the_fixed_points_of_each_comparator_but_no_constant(drawn):
    assert set(drawn.roc) == {"model", "model_no_state", "grade_and_day", "last_crp"}
    for curve in drawn.roc.values():
        assert list(curve.fpr) == FALSE_POSITIVE_RATES.tolist()
        assert list(curve.tpr) == sorted(curve.tpr)
        assert curve.tpr[-1] == 1.0
    assert len(FALSE_POSITIVE_RATES) < 20


def test_points_are_rounded_and_groups_are_few(drawn):
    assert len(drawn.calibration.predicted) <= 8
    values = [*drawn.roc["model"].tpr, *drawn.calibration.observed, *drawn.calibration_smooth.lo]
    assert all(round(value, 4) == value for value in values)


def test_horizons_with_few_event_patients_have_no_curve():
    assert curves(simulated_scores(), 1000, 20) == {}
