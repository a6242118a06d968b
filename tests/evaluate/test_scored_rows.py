"""Scored rows: taken, joined over folds, and seen at one horizon with their weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipeline.evaluate import metrics
from pipeline.evaluate.decision_curve import net_benefit
from pipeline.evaluate.scored_rows import concatenate
from tests.evaluate.scored import censored, make_scores


def part(fold, repeat, **more):
    label = np.array([[0.0, 1.0], [np.nan, 1.0], [1.0, 1.0]])
    risks = {"model": np.full((3, 2), 0.1 * fold), **more}
    rounds = np.full(3, repeat)
    return make_scores(risks, label, horizons=(24.0, 72.0), repeat=rounds, permuted={"crp": label})


def test_folds_are_joined_as_groups_and_a_comparator_that_one_lacks_is_left_out():
    whole = concatenate([part(1, 0), part(2, 0, last_crp=np.ones((3, 2))), part(1, 1)], 2)
    assert whole.group.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert set(whole.risks) == {"model"}
    assert whole.n_repeats == 2
    assert whole.first_repeat().tolist() == list(range(6))
    assert whole.at(72.0).counts()["n"] == round(9 / 2)


def test_weights_stay_with_their_rows():
    scores = concatenate([part(1, 0), part(2, 0)], 1).resampled(30, 0, 2)
    some = scores.take(np.array([5, 0]))
    np.testing.assert_array_equal(some.weight, scores.weight[[5, 0]])
    assert some.minimum == 2
    rows = scores.at(24.0)
    np.testing.assert_array_equal(rows.weight, scores.weight[rows.rows])
    np.testing.assert_array_equal(rows.permuted["crp"], rows.label)
    assert np.asarray(part(1, 0).weight).tolist() == [[1.0]] * 3


def test_a_horizon_that_was_not_scored_is_refused():
    with pytest.raises(ValueError, match="not in tuple"):
        part(1, 0).at(48.0)


def scored(n=300, seed=0, **more):
    """Two horizons; the last CRP is missing at half of the landmarks."""
    random = np.random.default_rng(seed)
    risk = random.uniform(0.05, 0.9, n)
    early = (random.random(n) < risk / 2).astype(float)
    late = np.maximum(early, (random.random(n) < risk / 2).astype(float))
    early[:7] = np.nan
    crp = np.where(np.arange(n) % 2 == 0, np.nan, random.random(n))
    both = {"model": risk, "last_crp": crp}
    return make_scores(
        {name: np.stack([values, values], axis=1) for name, values in both.items()},
        np.stack([early, late], axis=1),
        horizons=(24.0, 72.0),
        patient=np.arange(n) // 3,
        **more,
    ).resampled(40, 0, 5)


def test_a_horizon_holds_the_rows_whose_label_is_known():
    scores = scored()
    rows = scores.at(24.0)
    assert rows.rows.tolist() == list(range(7, 300))
    assert rows.weight.shape == (293, 41)
    assert [hours for hours, _ in scores.by_horizon()] == ["24", "72"]
    assert len(scores.at(72.0).label) == 300


def test_auroc_agrees_with_scikit_learn_and_its_difference_is_on_the_same_rows():
    rows = scored().at(24.0)
    cell = rows.auroc("last_crp", against="model")
    known = rows.known("last_crp")
    model, crp = (roc_auc_score(known.label, known.risks[name]) for name in ("model", "last_crp"))
    assert cell.auroc == pytest.approx(crp, abs=1e-6)
    assert cell.diff_auroc == pytest.approx(model - crp, abs=2e-6)
    assert cell.diff_lo < cell.diff_auroc < cell.diff_hi
    assert cell.n == len(known.label) < len(rows.label)
    assert not rows.auroc("model").is_compared
    assert rows.auroc("model", against="model").difference == (0.0, 0.0, 0.0)


def test_below_the_minimum_only_counts_are_given():
    rows = scored().resampled(10, 0, 1000).at(24.0)
    cell = rows.auroc("model", against="model")
    assert not rows.is_estimable
    assert cell.n == 293
    assert cell.area == cell.difference == (None, None, None)
    assert set(cell.to_dict()) >= {"auroc", "diff_auroc"}


def test_a_mask_and_other_groups_refer_to_all_scored_rows():
    scores = scored()
    rows = scores.at(24.0)
    odd = np.arange(300) % 2 == 1
    assert rows.among(odd).rows.tolist() == [row for row in range(7, 300) if row % 2]
    decile = np.argsort(np.argsort(scores.risks["model"][:, 0])) // 30
    alike = rows.within(decile).auroc("model")
    assert alike.auroc < rows.auroc("model").auroc - 0.1


def test_patients_of_many_landmarks_can_count_once():
    label = np.array([1.0, 0, 0, 0, 1, 0])
    risk = np.array([0.9, 0.1, 0.2, 0.3, 0.2, 0.6])
    patient = np.array([0, 1, 1, 1, 2, 3])
    rows = make_scores({"model": risk}, label, patient=patient).at(24.0)
    assert rows.auroc("model").auroc == pytest.approx((4 + 1.5) / 8)
    assert rows.with_equal_patients().auroc("model").auroc == pytest.approx((2 + 0.5) / 4)


def test_an_analyte_that_is_the_model_carries_its_whole_ranking():
    flat = np.full((300, 2), 0.3)
    rows = scored(permuted={"crp": flat}).at(72.0)
    area = rows.auroc("model").auroc
    assert rows.fall("crp").fall == pytest.approx(area - 0.5, abs=2e-6)
    assert rows.fall("nfl").fall == 0.0


def planted(n=3000, seed=0):
    """Two landmarks per patient, event times by an exponential hazard, and a calibrated risk."""
    random = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n), 2)
    hazard = np.repeat(random.gamma(1.0, 0.004, n), 2)
    onset = np.repeat(random.exponential(1.0, n), 2) / hazard
    day = np.tile([1, 2], n)
    time = onset + 24.0 - 24.0 * day
    rows = np.flatnonzero(time > 0)
    horizons = (24.0, 168.0)
    risk = 1.0 - np.exp(-hazard[:, None] * np.array(horizons))
    label = (time[:, None] <= np.array(horizons)).astype(float)
    return make_scores(
        {"model": risk[rows], "grade_and_day": risk[rows] ** 2},
        label[rows],
        horizons=horizons,
        patient=patient[rows],
        day=day[rows],
        time=time[rows],
        status=np.ones(len(rows), dtype=np.int8),
    )


def figures(rows):
    """Figures of the sample."""
    label, risk, weight = rows.label, rows.risks["model"], rows.sample[:, None]
    intercept, slope = metrics.calibration_line(label, risk, weight)
    return np.array(
        [
            np.average(label, weights=rows.sample),
            metrics.brier(label, risk, weight)[0],
            net_benefit(label, risk, weight, np.array([0.3]))[0, 0],
            intercept[0],
            slope[0],
        ]
    )


def test_planted_censoring_moves_complete_cases_but_no_weighted_figure():
    whole = planted()
    end = np.random.default_rng(1).uniform(24.0, 260.0, whole.patient.max() + 1)[whole.patient]
    part = censored(whole, end, 0.1)
    truth, weighted = figures(whole.at(168.0)), figures(part.at(168.0))
    cases = figures(replace(part, followed=None).at(168.0))
    tolerance = np.array([0.03, 0.015, 0.03, 0.15, 0.15])
    assert (np.abs(weighted - truth) < tolerance).all()
    assert (np.abs(cases - truth)[:4] > tolerance[:4]).all()  # the slope barely moves
    counted = part.at(168.0).counts()
    assert counted == replace(part, followed=None).at(168.0).counts()


def test_weights_are_the_inverse_of_being_followed_since_the_landmark():
    hours, time = np.array([10.0, 50.0, 10.0, 10.0]), np.array([90.0, 50.0, 20.0, 5.0])
    scores = make_scores(
        {"model": np.full(4, 0.5)},
        np.array([0.0, 0.0, np.nan, 1.0]),
        horizons=(48.0,),
        patient=[0, 0, 1, 2],
        hours=hours,
        time=time,
        status=np.array([2, 2, 0, 1], dtype=np.int8),
    ).weighted_for_censoring(0.1)
    # at hour 30, one of the two patients still followed is lost
    np.testing.assert_array_equal(scores.at(48.0).sample, [2.0, 1.0, 1.0])
    np.testing.assert_array_equal(scores.take(np.array([1])).at(48.0).sample, [1.0])
    twice = concatenate([scores, scores], 2)
    np.testing.assert_array_equal(twice.at(48.0).sample, [2.0, 1.0, 1.0, 2.0, 1.0, 1.0])
    drawn = scores.resampled(20, 0, 1)
    rows = drawn.at(48.0)
    np.testing.assert_array_equal(rows.weight, drawn.draws[rows.rows] * rows.sample[:, None])


@given(
    time=st.lists(st.floats(1.0, 400.0), min_size=2, max_size=20),
    floor=st.floats(0.01, 1.0),
)
def test_weights_of_complete_follow_up_are_exactly_one(time, floor):
    status = (np.arange(len(time)) % 2 + 1).astype(np.int8)
    scores = make_scores(
        {"model": np.full(len(time), 0.5)}, np.zeros(len(time)), time=np.array(time), status=status
    )
    # administrative end after every horizon
    late = replace(scores, status=np.where(scores.time >= 24.0, 0, status).astype(np.int8))
    for part in (scores, late):
        assert (part.weighted_for_censoring(floor).followed == 1.0).all()
