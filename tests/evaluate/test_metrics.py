"""Metrics against scikit-learn and plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from pipeline.evaluate import metrics
from pipeline.evaluate.intervals import patient_draws
from pipeline.model.logistic import logit

RISKS = st.sampled_from([0.02, 0.1, 0.1, 0.3, 0.5, 0.7, 0.95]) | st.floats(0.01, 0.99)


rows = st.lists(st.tuples(st.booleans(), RISKS, st.integers(0, 3)), min_size=4, max_size=40)


def arrays(drawn):
    label, risk, weight = (np.array(column, dtype=float) for column in zip(*drawn, strict=True))
    assume(0 < (label * weight).sum() < weight.sum())
    return label, risk, weight


@settings(deadline=None)
@given(drawn=rows)
def test_auroc_auprc_and_brier_agree_with_scikit_learn(drawn):
    label, risk, weight = arrays(drawn)
    group = np.zeros(len(label), dtype=int)
    both = np.stack([np.ones(len(label)), weight], axis=1)
    plain, weighted = metrics.auroc(label, risk, both, group)
    assert plain == pytest.approx(roc_auc_score(label, risk))
    assert weighted == pytest.approx(roc_auc_score(label, risk, sample_weight=weight))
    precision = [average_precision_score(label, risk, sample_weight=both[:, d]) for d in (0, 1)]
    np.testing.assert_allclose(metrics.auprc(label, risk, both, group), precision)
    expected = [brier_score_loss(label, risk, sample_weight=both[:, draw]) for draw in (0, 1)]
    np.testing.assert_allclose(metrics.brier(label, risk, both), expected)


def concordance(label, score, weight, group):
    """AUROC of one draw, pair by pair."""
    pairs = [
        (weight[i] * weight[j], (score[i] > score[j]) + (score[i] == score[j]) / 2)
        for i in np.flatnonzero(label == 1)
        for j in np.flatnonzero(label == 0)
        if group[i] == group[j]
    ]
    total = sum(weight for weight, _ in pairs)
    return sum(weight * part for weight, part in pairs) / total if total else np.nan


def precision_of_groups(label, score, weight, group):
    """Average precision of each group, weighted by its events."""
    parts = [group == number for number in np.unique(group)]
    known = [(weight[part] @ label[part], part) for part in parts if weight[part] @ label[part] > 0]
    areas = [
        count * average_precision_score(label[part], score[part], sample_weight=weight[part])
        for count, part in known
    ]
    return sum(areas) / sum(count for count, _ in known)


@pytest.mark.parametrize("seed", range(4))
def test_patients_with_many_rows_are_weighed_as_pair_by_pair(seed):
    """Draws of patients, one factor per row, ties, and groups that share patients."""
    random = np.random.default_rng(seed)
    patient, group = random.integers(0, 12, 90), random.integers(0, 4, 90)
    score = np.round(random.random(90), 1 + seed % 2)
    label = (random.random(90) < 0.3).astype(float)
    weight = patient_draws(patient, 8, seed) * random.uniform(0.2, 3.0, (90, 1))
    matrix = np.asarray(weight)
    area = [concordance(label, score, column, group) for column in matrix.T]
    np.testing.assert_allclose(metrics.auroc(label, score, weight, group), area)
    np.testing.assert_allclose(metrics.auroc(label, score, matrix, group), area)
    precision = [precision_of_groups(label, score, column, group) for column in matrix.T]
    np.testing.assert_allclose(metrics.auprc(label, score, weight, group), precision)
    for figure in (metrics.brier, metrics.ipa):
        np.testing.assert_allclose(figure(label, score, weight), figure(label, score, matrix))


@settings(deadline=None)
@given(drawn=rows, power=st.integers(-3, 3))
def test_ranks_are_compared_within_groups_only(drawn, power):
    label, risk, _ = arrays(drawn)
    group = np.arange(len(label)) % 2
    ones = np.ones((len(label), 1))
    moved = risk * 2.0 ** (power * group)  # exact, so that ties stay ties
    np.testing.assert_allclose(
        metrics.auroc(label, risk, ones, group), metrics.auroc(label, moved, ones, group)
    )


@settings(deadline=None)
@given(drawn=rows)
def test_a_constant_has_an_auroc_of_exactly_one_half(drawn):
    label, _, weight = arrays(drawn)
    group = np.arange(len(label)) % 3
    both = np.stack([np.ones(len(label)), weight], axis=1)
    area = metrics.auroc(label, np.full(len(label), 0.5), both, group)
    assert set(area[~np.isnan(area)]) <= {0.5}


def test_metrics_without_events_or_rows_are_unknown():
    label, risk, group = np.zeros(4), np.full(4, 0.2), np.zeros(4, dtype=int)
    weight = np.stack([np.ones(4), np.zeros(4)], axis=1)
    assert np.isnan(metrics.auroc(label, risk, weight, group)).all()
    assert np.isnan(metrics.auprc(label, risk, weight, group)).all()
    np.testing.assert_allclose(metrics.brier(label, risk, weight), [0.04, np.nan])
    assert np.isnan(metrics.ipa(label, risk, weight)).all()
    assert np.isnan(metrics.calibration_line(label, risk, weight)).all()
    assert np.isnan(metrics.roc_points(label, risk, weight[:, 0], group)[1]).all()


@pytest.mark.parametrize(("shift", "stretch"), [(0.0, 1.0), (0.7, 0.5), (-1.2, 1.8), (6, 3)])
def test_calibration_line_agrees_with_an_unpenalised_logistic_regression(shift, stretch):
    random = np.random.default_rng(4)
    true = random.normal(-1.0, 1.2, 1500)
    label = (random.random(1500) < 1 / (1 + np.exp(-true))).astype(float)
    risk = np.clip(1 / (1 + np.exp(-(shift + stretch * true))), 1e-6, 1 - 1e-6)
    weight = random.integers(0, 4, (1500, 3)).astype(float)
    intercept, slope = metrics.calibration_line(label, risk, weight)
    for draw in range(3):
        fitted = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(
            logit(risk)[:, None], label, sample_weight=weight[:, draw]
        )
        assert slope[draw] == pytest.approx(fitted.coef_[0, 0], abs=1e-4)
        offset = 1 / (1 + np.exp(-(intercept[draw] + logit(risk))))
        assert (weight[:, draw] * (offset - label)).sum() == pytest.approx(0.0, abs=1e-6)
    assert slope.mean() == pytest.approx(1 / stretch, abs=0.2)


def test_calibration_line_of_separated_classes_is_unknown():
    label, risk = np.array([0, 0, 1, 1.0]), np.array([0.1, 0.2, 0.7, 0.8])
    assert np.isnan(metrics.calibration_line(label, risk, np.ones((4, 1)))[1]).all()


def test_ipa_and_ici_tell_a_good_from_a_distorted_predictor():
    random = np.random.default_rng(5)
    risk = random.uniform(0.05, 0.6, 4000)
    label = (random.random(4000) < risk).astype(float)
    ones = np.ones((4000, 1))
    distorted = np.clip(risk * 1.6, 0, 0.99)
    rate = label.mean()
    expected = 1.0 - np.mean((risk - label) ** 2) / (rate * (1 - rate))
    half = np.stack([np.ones(4000), np.arange(4000) < 2000], axis=1)
    whole, part = metrics.ipa(label, risk, half)
    assert whole == pytest.approx(expected)
    assert part == pytest.approx(metrics.ipa(label[:2000], risk[:2000], ones[:2000])[0])
    assert metrics.ipa(label, distorted, ones)[0] < whole
    assert metrics.ici(label, risk, ones) < 0.02
    assert metrics.ici(label, distorted, ones) > 0.1


def test_roc_curve_is_the_mean_over_groups():
    label = np.array([0, 1, 0, 1.0])
    score = np.array([0.1, 0.9, 0.8, 0.2])
    false, true = metrics.roc_points(label, score, np.ones(4), np.array([0, 0, 1, 1]))
    assert false.tolist() == metrics.FALSE_POSITIVE_RATES.tolist()
    assert true[0] == pytest.approx(0.5)
    assert true[false == 0.5] == pytest.approx(0.5)
    assert true[-1] == 1.0
