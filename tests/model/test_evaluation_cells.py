"""Figures at one horizon: what a metric and its interval show, and what a cell holds."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from pipeline.model.evaluation_cells import AreaCell, Metric, NetBenefit


def test_a_metric_knows_whether_it_has_an_interval():
    cell = AreaCell(auroc=0.8, auroc_lo=0.7, auroc_hi=0.9)
    assert cell.area.is_complete
    assert cell.area.width == pytest.approx(0.2)
    assert not Metric(0.8, math.nan, 0.9).has_interval
    assert math.isnan(Metric(0.8).width)


@pytest.mark.parametrize(
    ("low", "high", "side"), [(0.01, 0.2, 1), (-0.2, -0.01, -1), (0.001, 0.2, 0), (None, None, 0)]
)
def test_the_side_of_an_interval_is_that_of_its_printed_ends(low, high, side):
    assert Metric(0.0, low, high).side_of(0.0, 2) == side


def test_a_cell_is_compared_where_it_holds_a_difference_known_or_not():
    assert not AreaCell(auroc=0.8).is_compared
    assert AreaCell(diff_auroc=None).is_compared
    assert AreaCell(diff_auroc=None).to_dict() == {"diff_auroc": None}


def test_an_exchanged_field_is_checked_and_the_others_stay_unset():
    cell = AreaCell(auroc=0.8).replace(n=24)
    assert cell.to_dict() == {"n": 24, "auroc": 0.8}
    with pytest.raises(ValidationError):
        cell.replace(n="many")


def test_net_benefit_has_an_interval_where_its_ends_are_known():
    curve = NetBenefit(thresholds=[0.1, 0.2], model=[0.3, 0.2], model_lo=[0.1, 0.1])
    curve = curve.replace(model_hi=[0.5, 0.4], treat_all=[0.2, None])
    assert curve.at("model", 1) == Metric(0.2, 0.1, 0.4)
    assert curve.at("treat_all", 1) == Metric()
    assert curve.curve("grade_and_day") is None
