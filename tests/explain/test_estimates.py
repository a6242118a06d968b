"""Rows of the output files to the estimates of one patient."""

import pytest

from pipeline.explain.estimates import asked, estimates
from tests.pages.patients import HORIZONS, OUTCOMES, facts


def row(outcome, horizon, risk=0.2, status="ok", **changes):
    return {
        "outcome": outcome, "horizon_h": horizon, "status": status, "status_reason": float("nan"),
        "risk": risk, "risk_lo": risk / 2, "risk_hi": risk * 2, "infusion_day": 2.0,
        "ratio_to_base": 2.0, "state_used": "true", **changes,
    }  # fmt: skip


def rows(outcome, **changes):
    return [row(outcome, horizon, 0.1 * n, **changes) for n, horizon in enumerate(HORIZONS, 1)]


def point(outcome, level, name, points):
    return {
        "outcome": outcome, "level": level, "name": name, "points": points, "reference_risk": 0.07,
    }  # fmt: skip


def past(outcome, hours, risk):
    return {
        "outcome": outcome, "landmark_hours": hours, "risk": risk, "risk_lo": 0.0, "risk_hi": 1.0,
        "points": {}, "reference_risk": 0.1,
    }  # fmt: skip


def test_outcomes_come_in_their_configured_order_with_risks_by_horizon():
    found = estimates([*rows("icans")[::-1], *rows("severe_crs")], [], [], facts())
    assert [item.outcome for item in found] == ["severe_crs", "icans"]
    for item in found:
        assert [risk.hours for risk in item.risks] == list(HORIZONS)
        assert item.headline.hours == item.headline_hours == 72.0
        assert item.headline.usual == facts().usual(item.outcome, 2.0, 72.0)


def test_points_belong_to_their_outcome_and_level():
    explained = [
        point("severe_crs", "analyte", "crp", 4.0),
        point("severe_crs", "pathway", "inflammation", 5.0),
        point("icans", "analyte", "crp", -1.0),
    ]
    crs, icans = estimates([*rows("severe_crs"), *rows("icans")], explained, [], facts())
    assert (crs.players, crs.pathways) == ({"crp": 4.0}, {"inflammation": 5.0})
    assert icans.players == {"crp": -1.0}
    assert crs.reference_risk == 0.07


@pytest.mark.parametrize("status", ["abstained", "rejected", "event_present"])
def test_without_an_estimate_there_is_no_risk_and_no_points(status):
    listed = rows("icans", status=status, status_reason="why")
    (found,) = estimates(listed, [point("icans", "analyte", "crp", 1.0)], [], facts())
    assert (found.status, found.reason) == (status, "why")
    assert found.risks == ()
    assert found.headline is None
    assert found.players == {}


def test_earlier_estimates_are_sorted_and_that_of_a_day_before_is_found():
    earlier = [past("icans", 47.8, 0.2), past("icans", 24.0, 0.1), past("severe_crs", 48.0, 0.9)]
    (found,) = estimates(rows("icans"), [], earlier, facts())
    assert [item.landmark_hours for item in found.past] == [24.0, 47.8]
    assert found.day_before(72.0).risk == 0.2
    assert found.day_before(72.4) is None


def test_an_outcome_shown_after_another_takes_its_place():
    names = ("severe_crs", "icans", "severe_icans")
    every = estimates([item for name in names for item in rows(name)], [], [], facts())
    assert [item.outcome for item in asked(every, OUTCOMES)] == ["severe_crs", "severe_icans"]
    first = [item for item in every if item.outcome != "severe_icans"]
    assert asked(first, OUTCOMES) == first
