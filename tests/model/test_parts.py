"""The parts of a model: logistic fits, censoring weights, calibration, base rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from pipeline.features.build import build_features
from pipeline.model.booster import fit_booster
from pipeline.model.calibration import calibration_from_dict, fit_calibration, fit_shares
from pipeline.model.linear import linear_from_dict
from pipeline.model.logistic import fit_logistic, logit, penalty, sigmoid
from pipeline.model.outcomes import build_targets
from pipeline.model.stacked_rows import FollowUp, StackedRows, censoring_weight, query, stack
from pipeline.model.training_reference import (
    TrainingReference,
    base_rate_table,
    clip_ages,
    feature_ranges,
    rates_of_days,
)
from tests.builders import at, lab, make_cohort, make_config, make_spec


def regression(seed=0, n=300, width=4):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, width))
    y = (random.random(n) < sigmoid(x @ np.linspace(-1, 1, width) - 0.5)).astype(float)
    return x, y, random.uniform(0.2, 2.0, n)


@pytest.mark.parametrize("strength", [0.5, 10.0, 200.0])
def test_logistic_fit_agrees_with_scikit_learn(strength):
    x, y, weight = regression()
    ones = np.ones((len(x), 1))
    ridge = penalty([strength] * 4 + [0.0])
    theta = fit_logistic(x, ones, np.arange(len(x)), y, weight, ridge)
    expected = LogisticRegression(C=1.0 / strength, tol=1e-10, max_iter=5000).fit(
        x, y, sample_weight=weight
    )
    np.testing.assert_allclose(theta[:4], expected.coef_[0], atol=2e-4)
    assert theta[4] == pytest.approx(expected.intercept_[0], abs=2e-4)


def test_features_stored_once_per_landmark_give_the_same_fit():
    x, _, _ = regression(n=100)
    random = np.random.default_rng(1)
    landmark = random.integers(0, 100, 400)
    y, weight = (random.random(400) < 0.3).astype(float), random.uniform(0.5, 1.5, 400)
    context = np.stack([np.ones(400), random.normal(size=400)], axis=1)
    limits = penalty([1.0] * 4 + [0.0, 1.0])
    shared = fit_logistic(x, context, landmark, y, weight, limits)
    flat = np.hstack([x[landmark], context])
    plain = fit_logistic(np.zeros((400, 0)), flat, np.arange(400), y, weight, limits)
    np.testing.assert_allclose(shared, plain, atol=1e-4)


def test_bounds_and_centres_are_respected():
    x, y, weight = regression()
    rows, none = np.arange(len(x)), np.zeros((len(x), 0))
    limits = penalty([1.0] * 4, lower=[0, 0, -np.inf, -0.1], upper=[np.inf, 0.05, 0, 0.1])
    theta = fit_logistic(x, none, rows, y, weight, limits)
    assert (theta >= limits.lower - 1e-12).all()
    assert (theta <= limits.upper + 1e-12).all()
    assert theta[0] == 0.0  # the data pull it below its bound
    heavy = fit_logistic(x, none, rows, y, weight, penalty([1e9] * 4, centre=[1, -1, 0, 2]))
    np.testing.assert_allclose(heavy, [1, -1, 0, 2], atol=1e-3)


def test_logit_and_sigmoid_are_inverse_and_finite():
    p = np.array([0.0, 1e-12, 0.3, 1.0])
    assert np.isfinite(logit(p)).all()
    np.testing.assert_allclose(sigmoid(logit(p)), np.clip(p, 1e-9, 1 - 1e-9), rtol=1e-6)


ends = st.lists(
    st.tuples(st.integers(1, 12).map(float), st.integers(0, 2)), min_size=1, max_size=25
)


def naive_followed(rows, hours):
    """Kaplan-Meier by its definition: losses at a moment come after events of that moment."""
    share = 1.0
    for moment in sorted({end for end, status in rows if status == 0}):
        if moment < hours:
            exposed = sum(end > moment or (end == moment and status == 0) for end, status in rows)
            lost = sum(end == moment and status == 0 for end, status in rows)
            share *= 1.0 - lost / exposed
    return share


@settings(deadline=None)
@given(rows=ends, landmark=st.integers(0, 11), ahead=st.integers(0, 12))
def test_censoring_weights_agree_with_a_naive_kaplan_meier(rows, landmark, ahead):
    end, status = (np.array(column) for column in zip(*rows, strict=True))
    follow_up = FollowUp.fit(end.astype(float), status.astype(np.int8))
    start = naive_followed(rows, landmark)
    if start == 0:
        return
    kept = naive_followed(rows, landmark + ahead) / start
    found = censoring_weight(follow_up, np.array([landmark]), np.array([ahead]), 0.1)[0]
    assert found == pytest.approx(1.0 / max(kept, 0.1))
    reach = follow_up.reach(np.array([float(landmark)]), 0.1)[0]
    assert (ahead <= reach) == (kept >= 0.1 - 1e-12)


def targets_of(onsets, followed, hours=(24.0,)):
    grades = [(number, "crs", 3, onset) for number, onset in enumerate(onsets) if onset is not None]
    cohort = make_cohort(
        len(onsets), assessments=grades, patients={"followed_until_hours": followed}
    )
    landmarks = at(*[(number, hour) for number in range(len(onsets)) for hour in hours])
    return cohort, landmarks, build_targets(cohort, landmarks, "crs", (1, 3))


def test_stacked_rows_carry_labels_and_weights():
    onsets, followed = [40.0, None, None, None], np.array([600.0, 60.0, 600.0, 600.0])
    _, _, targets = targets_of(onsets, followed)
    rows = stack(targets, (24.0, 72.0), reported=(3,), other_weight=0.5, ipcw_floor=0.1)

    def block(threshold, horizon):
        chosen = (rows.threshold == threshold) & (rows.horizon == horizon)
        return rows.landmark[chosen], rows.label[chosen], rows.weight[chosen]

    for threshold, share in ((3, 1.0), (1, 0.5)):
        landmark, label, weight = block(threshold, 24.0)
        assert landmark.tolist() == [0, 1, 2, 3]
        assert label.tolist() == [1, 0, 0, 0]
        np.testing.assert_allclose(weight, share)
        landmark, label, weight = block(threshold, 72.0)
        assert landmark.tolist() == [0, 2, 3]
        assert label.tolist() == [1, 0, 0]
        np.testing.assert_allclose(weight, np.array([1, 1.5, 1.5]) * share)
    only = stack(targets, (24.0,), reported=(3,), other_weight=0.0, ipcw_floor=0.1)
    assert set(only.threshold) == {3.0}


def rows_of(label, horizon, threshold=3.0):
    n = len(label)
    return StackedRows(
        np.arange(n), np.asarray(horizon), np.full(n, threshold), np.asarray(label), np.ones(n)
    )


def test_calibration_repairs_a_distorted_predictor():
    random = np.random.default_rng(0)
    true = random.normal(-1.5, 1.0, 4000)
    horizon = np.tile([24.0, 48.0], 2000)
    true = true + (horizon == 48.0) * 0.8
    label = (random.random(4000) < sigmoid(true)).astype(float)
    blend = 1.0 + 2.5 * (true - (horizon == 48.0) * 0.8)
    rows = rows_of(label, horizon)
    fitted = fit_calibration(blend, rows, (24.0, 48.0), (1, 3), 5.0)

    def loss(eta):
        return np.mean(np.logaddexp(0, eta) - label * eta)

    assert fitted.slope == pytest.approx(0.4, abs=0.05)
    assert fitted.horizon[0] == pytest.approx(0.8, abs=0.2)
    assert loss(fitted.log_odds(blend, rows)) < loss(blend) - 0.1
    assert loss(fitted.log_odds(blend, rows)) == pytest.approx(loss(true), abs=0.005)
    assert (fitted.horizon >= 0).all()
    assert (fitted.threshold <= 0).all()
    again = calibration_from_dict(fitted.to_dict())
    np.testing.assert_array_equal(again.log_odds(blend, rows), fitted.log_odds(blend, rows))


def test_calibration_never_turns_a_ranking_round():
    random = np.random.default_rng(0)
    blend = random.normal(size=500)
    label = (random.random(500) < sigmoid(-2 * blend)).astype(float)
    fitted = fit_calibration(blend, rows_of(label, np.full(500, 24.0)), (24.0,), (3,), 5.0)
    assert fitted.slope == 0.0


def test_calibration_below_five_events_changes_nothing():
    label = np.r_[np.ones(4), np.zeros(96)]
    rows = rows_of(label, np.full(100, 24.0))
    blend = np.linspace(-3, 3, 100)
    fitted = fit_calibration(blend, rows, (24.0, 72.0), (1, 3), 5.0)
    np.testing.assert_array_equal(fitted.log_odds(blend, rows), blend)
    changed = fit_calibration(
        blend, rows_of(np.r_[1.0, label[:-1]], rows.horizon), (24.0,), (3,), 5.0
    )
    assert changed.slope != 1.0


@pytest.mark.parametrize("sign", [1, -1])
def test_the_booster_keeps_the_sign_of_an_analyte(sign):
    random = np.random.default_rng(0)
    value = np.exp(random.normal(2, 1, 200))
    cohort = make_cohort(200, [lab(number, "crp", value[number], 10.0) for number in range(200)])
    matrix = build_features(cohort, at(*[(number, 24.0) for number in range(200)]), make_spec())
    label = (random.random(200) < sigmoid(np.log(value) - 2)).astype(float)
    rows = rows_of(label, np.full(200, 24.0))
    config = make_config(booster_min_child_weight=1.0).model
    member = fit_booster("booster", ("crp__last",), (sign,), None, matrix, rows, config, seed=0)
    found = member.log_odds(matrix, query(200, (24.0,), 3))
    change = np.diff(found[np.argsort(value)]) * sign
    assert (change >= -1e-6).all()
    assert (found.max() - found.min() > 0.1) == (sign == 1)


def test_linear_members_survive_json_form_and_keep_signs(fitted):
    for member in (*fitted.model.state.linear, *fitted.model.no_state.linear):
        again = linear_from_dict(member.to_dict())
        rows = query(len(fitted.matrix.values), (24.0, 99.0), 3)
        np.testing.assert_array_equal(
            again.log_odds(fitted.matrix, rows), member.log_odds(fitted.matrix, rows)
        )
        size = len(member.design.columns)
        signed = np.array(member.design.sign) * member.coefficients[:, :size]
        assert (signed >= -1e-12).all()
    labs = fitted.model.no_state.linear[-1].design
    assert labs.sign[labs.columns.index("crp__last")] == 1


def test_base_rates_by_day_borrow_from_neighbours_until_thirty_patients():
    onsets = [60.0 if number < 10 else None for number in range(40)]
    cohort, landmarks, targets = targets_of(onsets, np.full(40, 600.0), (24.0, 48.0))
    late = np.r_[:70:1]
    matrix = build_features(cohort, landmarks, make_spec()).take(late)
    table = base_rate_table(matrix, targets.take(late), 3, (24.0, 72.0))
    assert [entry["day"] for entry in table["24"]] == [1.0, 2.0]
    assert table["24"][0] == {"day": 1.0, "n": 35.0, "patients": 35.0, "rate": 0.0}
    assert table["24"][1]["rate"] == pytest.approx(10 / 35)
    few = np.arange(50)
    table = base_rate_table(matrix.take(few), targets.take(few), 3, (24.0,))["24"]
    assert table[0]["n"] == 50.0  # 25 patients a day: both days together
    assert table[0]["rate"] == table[1]["rate"] == pytest.approx(10 / 50)
    rate, n = rates_of_days({"24": table}, np.array([0, 1, 9]), (24.0, 48.0))
    np.testing.assert_allclose(rate[:, 0], 0.2)
    assert np.isnan(rate[:, 1]).all()
    assert n[:, 1].tolist() == [0, 0, 0]


def test_ages_are_clipped_to_training_only_when_training_stood_on_a_grid():
    spec = make_spec(analytes=("crp",))
    cohort = make_cohort(1, [lab(0, "crp", 2.0, 20.0)], [(0, "crs", 1, 20.0)])
    train = build_features(cohort, at((0, 24.0), (0, 30.0)), spec)
    asked = build_features(cohort, at((0, 20.5), (0, 50.0)), spec)
    ranges = feature_ranges(train)
    assert ranges["crp__hours_since_last"] == (4.0, 10.0)

    def clipped(flag):
        reference = TrainingReference(spec, {}, {}, {}, ranges, flag, {}, 1)
        return clip_ages(asked, reference)

    assert clipped(True).column("crp__hours_since_last").tolist() == [4.0, 10.0]
    assert clipped(True).column("state_crs__hours_since_onset").tolist() == [4.0, 10.0]
    assert clipped(True).column("crp__last").tolist() == [1.0, 1.0]
    assert clipped(False).column("crp__hours_since_last").tolist() == [0.5, 30.0]


def member_rows(seed, n):
    """Out-of-fold log-odds of a member that knows, one that knows half and one that guesses."""
    random = np.random.default_rng(seed)
    truth = random.normal(scale=1.5, size=n)
    label = (random.random(n) < sigmoid(truth - 1.0)).astype(float)
    half = truth + random.normal(scale=1.5, size=n)
    parts = np.stack([truth, half, random.normal(scale=1.5, size=n)], axis=1)
    rows = StackedRows(np.arange(n), np.full(n, 72.0), np.full(n, 3.0), label, np.ones(n))
    return parts, rows


def shares_of(parts, rows, ridge_share, centre=(1 / 3, 1 / 3, 1 / 3)):
    return fit_shares(
        parts, rows, (72.0,), (3,), 5.0, ridge_share=ridge_share, centre=np.array(centre)
    )


def test_shares_are_the_minimum_of_the_penalised_loss():
    from scipy.optimize import minimize

    parts, rows = member_rows(0, 400)

    def loss(theta):
        eta = theta[0] + parts @ theta[1:]
        fit = np.sum(np.logaddexp(0.0, eta) - rows.label * eta)
        return fit + 0.5 * 20.0 * np.sum((theta[1:] - 1 / 3) ** 2)

    bounds = [(None, None), *[(0.0, None)] * 3]
    found = minimize(loss, np.full(4, 0.3), bounds=bounds, method="L-BFGS-B", tol=1e-12).x[1:]
    np.testing.assert_allclose(shares_of(parts, rows, 20.0), found / found.sum(), atol=1e-4)


def test_few_rows_leave_the_stated_shares_and_many_favour_the_better_member():
    centre = (0.2, 0.5, 0.3)
    few = shares_of(*member_rows(1, 30), 3000.0, centre)
    np.testing.assert_allclose(few, centre, atol=0.01)
    many = shares_of(*member_rows(1, 20000), 300.0)
    assert many[0] > 0.8
    assert many[2] < 0.05


@given(st.integers(0, 30), st.floats(0.1, 1e4))
@settings(max_examples=20, deadline=None)
def test_shares_are_none_below_zero_and_sum_to_one(seed, ridge_share):
    parts, rows = member_rows(seed, 60)
    parts[:, 1] = -parts[:, 1]  # a member that is wrong is left out, never turned round
    shares = shares_of(parts, rows, ridge_share)
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1.0)


def test_members_that_are_all_wrong_keep_the_stated_shares():
    parts, rows = member_rows(2, 5000)
    wrong = -parts[:, [0, 0, 0]]
    np.testing.assert_array_equal(shares_of(wrong, rows, 0.1), np.full(3, 1 / 3))
