"""Incidence of competing events against scikit-survival."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sksurv.nonparametric import cumulative_incidence_competing_risks

from pipeline.evaluate.competing_risks import (
    aalen_johansen,
    incidence_of_outcome,
    what_comes_first,
)
from tests.evaluate.scored import make_scores


@settings(deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 12), st.integers(0, 2), st.integers(0, 3)), min_size=3, max_size=40
    )
)
def test_aalen_johansen_agrees_with_scikit_survival(rows):
    time, cause, times = (np.array(column) for column in zip(*rows, strict=True))
    weight = np.stack([np.ones(len(time)), times], axis=1).astype(float)
    moments = np.unique(time).astype(float)
    found = aalen_johansen(time.astype(float), cause, weight, moments, 2)
    for draw, copies in enumerate((np.ones(len(time), dtype=int), times)):
        if len(np.unique(np.repeat(cause, copies))) < 3:  # the oracle wants every cause to occur
            continue
        at, oracle = cumulative_incidence_competing_risks(
            np.repeat(cause, copies), np.repeat(time, copies).astype(float)
        )
        known = np.isin(moments, at)
        np.testing.assert_allclose(found[:, known, draw], oracle[1:], atol=1e-12)


def survival(seed, n=400, competing=False):
    """Exponential events and losses without ties, all landmarks at hour 0."""
    random = np.random.default_rng(seed)
    risk = random.uniform(0.05, 0.9, n)
    event = random.exponential(90.0 / risk)
    lost = random.uniform(20.0, 400.0, n)
    rival = random.exponential(600.0, n) if competing else np.full(n, np.inf)
    time = np.minimum(np.minimum(event, lost), rival)
    status = np.where(event == time, 1, np.where(rival == time, 2, 0)).astype(np.int8)
    label = np.where((time <= 72.0) & (status == 1), 1.0, 0.0)
    label[(status == 0) & (time < 72.0)] = np.nan
    scores = make_scores(
        {"model": risk, "grade_and_day": risk},
        label,
        horizons=(72.0,),
        time=time,
        status=status,
        hours=np.zeros(n),
    )
    return scores, risk, time, status


def test_incidence_counts_losses_and_competing_events():
    scores, risk, time, status = survival(3, competing=True)
    scores = scores.resampled(30, 0, 5)
    cell = incidence_of_outcome(scores)["72"]
    _, oracle = cumulative_incidence_competing_risks(status.astype(int), time, time_min=None)
    moments = np.unique(time)
    last = np.searchsorted(moments, 72.0, side="right") - 1
    assert cell.observed == pytest.approx(oracle[1][last], abs=1e-6)
    assert cell.competing == pytest.approx(oracle[2][last], abs=1e-6)
    assert cell.observed_lo < cell.observed < cell.observed_hi
    assert cell.mean_risk == pytest.approx(risk.mean(), abs=1e-6)
    observed = [group.observed for group in cell.groups]
    assert len(observed) == 4
    assert observed[0] < observed[-1]
    assert incidence_of_outcome(replace(scores, minimum=1000))["72"].to_dict() == {
        "reason": "too few event patients"
    }


def test_what_comes_first_splits_the_incidence():
    scores = survival(4)[0].resampled(20, 0, 5)
    random = np.random.default_rng(0)
    never = np.full(len(scores.hours), np.inf)
    other = random.uniform(0.0, 300.0, len(scores.hours))
    result = what_comes_first(scores, {"icans": other, "iec_hs": never})
    assert result.never_observed == ["iec_hs"]
    first = result.incidence["72"]
    assert set(first) == {"outcome", "icans"}
    alone = what_comes_first(scores, {}).incidence["72"]["outcome"].value
    assert 0 < first["outcome"].value < alone
    plain = incidence_of_outcome(scores)["72"].observed
    assert alone == pytest.approx(plain, abs=1e-6)
    assert what_comes_first(replace(scores, minimum=1000), {}).reason


def test_where_a_rival_is_unknown_what_came_first_is_unknown_too():
    scores = survival(4)[0].resampled(20, 0, 5)
    n = len(scores.hours)
    other = np.random.default_rng(0).uniform(0.0, 300.0, n)
    other[:50] = np.nan
    rare = np.where(np.arange(n) % 10 == 0, 20.0, np.nan)
    result = what_comes_first(scores, {"icans": other, "iec_hs": rare})
    assert (result.left_out_unknown, result.mostly_unknown) == (50, ["iec_hs"])
    assert result.never_observed == []
    kept = np.arange(50, n)
    known = what_comes_first(scores.take(kept), {"icans": other[kept]})
    assert result.incidence == known.incidence
    # read as without the rival, they would make it look rarer
    bare = what_comes_first(scores, {"icans": np.nan_to_num(other, nan=np.inf)})
    values = [found.incidence["72"]["icans"].value for found in (result, bare)]
    assert values[1] < values[0]
    assert what_comes_first(replace(scores, minimum=400), {"icans": other}).reason
