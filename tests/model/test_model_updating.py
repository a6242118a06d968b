"""Updates: closed testing keeps its level and finds the form; every fit is monotone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import chi2

from pipeline.config_evaluation import RecalibrationConfig
from pipeline.model import model_updating
from pipeline.model.logistic import sigmoid
from pipeline.model.model_updating import (
    FORMS,
    choose_form,
    fit_form,
    fit_update,
    working_score_test,
)
from pipeline.model.stacked_rows import StackedRows, query

HOURS = (24.0, 72.0, 168.0)
DAYS = (1, 3, 7)
CONFIG = RecalibrationConfig()
MOVE = np.array([[0.9, 0.1, 0.0], [0.15, 0.75, 0.1], [0.0, 0.3, 0.7]])


def course(random, patients, hazard=(0.001, 0.012, 0.08), days=8):
    """Patients of a Markov chain at daily landmarks, with their true log-odds at each horizon."""
    hazard = np.array(hazard)
    stay = MOVE * (1.0 - hazard)[:, None]
    left = [np.linalg.matrix_power(stay, day).sum(axis=1) for day in DAYS]
    state = random.choice(3, size=patients, p=[0.6, 0.3, 0.1])
    event, path = np.full(patients, np.inf), np.zeros((days, patients), dtype=int)
    for day in range(days + max(DAYS)):
        if day < days:
            path[day] = state
        hit = (random.random(patients) < hazard[state]) & np.isinf(event)
        event[hit] = day + 0.5
        state = (random.random(patients)[:, None] > MOVE[state].cumsum(axis=1)).sum(axis=1)
    parts = []
    for day in range(days):
        at_risk = np.flatnonzero(event > day)
        for hours, ahead, share in zip(HOURS, DAYS, left, strict=True):
            risk = 1.0 - share[path[day, at_risk]]
            label = (event[at_risk] < day + ahead).astype(float)
            z = np.log(risk / (1.0 - risk))
            parts.append((at_risk, np.full(len(at_risk), hours), label, z))
    patient, horizon, label, z = (np.concatenate(part) for part in zip(*parts, strict=True))
    every = np.ones(len(z))
    return z, StackedRows(np.arange(len(z)), horizon, 3 * every, label, every), patient


def test_no_change_is_kept_when_the_model_is_calibrated():
    random = np.random.default_rng(0)
    forms = Counter(
        choose_form(z, rows, patient, CONFIG).form
        for z, rows, patient in (course(random, 80) for _ in range(160))
    )
    assert forms["none"] >= 142  # 152 expected, standard deviation 2.8


@pytest.mark.parametrize(
    ("form", "distorted"),
    [
        ("intercept", lambda z, horizon: z + 1.5),
        ("slope", lambda z, horizon: 2.0 * z + 1.5),
        ("horizon", lambda z, horizon: z - np.where(horizon == 24.0, 2.0, -1.0)),
    ],
)
def test_the_simplest_sufficient_form_is_chosen(form, distorted):
    random = np.random.default_rng(1)
    chosen = Counter()
    for _ in range(12):
        z, rows, patient = course(random, 300)
        choice = choose_form(distorted(z, rows.horizon), rows, patient, CONFIG)
        chosen[choice.form] += 1
        tested = [test.form for test in choice.tests]
        assert tested == list(FORMS[: len(tested)])
    assert chosen[form] >= 9


@pytest.mark.parametrize(("patients", "forms"), [(4, 1), (5, 2), (19, 2), (20, 4)])
@pytest.mark.parametrize("rare", [0.0, 1.0])
def test_few_patients_with_either_label_allow_simple_forms_only(patients, forms, rare):
    every = np.ones(200)
    label = np.where(np.arange(200) < patients, rare, 1.0 - rare)
    rows = StackedRows(np.arange(200), 24.0 * every, 3 * every, label, every)
    choice = choose_form(every - 1.0, rows, np.arange(200), CONFIG)
    assert len(choice.candidates) == forms
    assert choice.event_patients == patients
    assert choice.too_few == (forms == 1)


def test_the_working_score_test_agrees_with_loops_over_patients():
    z, rows, patient = course(np.random.default_rng(2), 60)
    simple, flexible = np.ones((len(z), 1)), np.stack([np.ones(len(z)), z, z**2], axis=1)
    random = np.random.default_rng(3)
    weight = random.uniform(0.5, 1.5, len(z))
    code = np.unique(patient, return_inverse=True)[1]
    risk = sigmoid(z)
    statistic, df, p = working_score_test(simple, flexible, risk, rows.label, weight, code)

    spread = np.diag(weight * risk * (1 - risk))
    extra = flexible - simple @ np.linalg.solve(
        simple.T @ spread @ simple, simple.T @ spread @ flexible
    )
    extra = extra[:, 1:]  # the first column is in the simple model
    information = extra.T @ spread @ extra
    scores = [
        sum(
            extra[row] * weight[row] * (rows.label[row] - risk[row])
            for row in np.flatnonzero(code == one)
        )
        for one in range(code.max() + 1)
    ]
    total = np.sum(scores, axis=0)
    values = np.linalg.eigvals(
        np.linalg.solve(information, sum(np.outer(each, each) for each in scores))
    ).real
    scale = values.sum() / (values**2).sum()
    assert df == pytest.approx(values.sum() * scale)
    assert statistic == pytest.approx(total @ np.linalg.solve(information, total) * scale)
    assert p == pytest.approx(chi2.sf(statistic, df))


def test_one_parameter_is_the_robust_score_test():
    z, rows, patient = course(np.random.default_rng(4), 50)
    one = np.ones((len(z), 1))
    statistic, df, _ = working_score_test(
        one[:, :0],
        one,
        sigmoid(z),
        rows.label,
        one[:, 0],
        np.unique(patient, return_inverse=True)[1],
    )
    score = np.bincount(patient, rows.label - sigmoid(z))
    assert df == pytest.approx(1.0)
    assert statistic == pytest.approx(score.sum() ** 2 / (score**2).sum())


def test_fits_are_those_of_a_general_optimiser():
    z, rows, patient = course(np.random.default_rng(5), 100)
    shifted = 1.4 * z + 1.0

    def loss(theta, slope):
        eta = theta[0] + (theta[1] if slope else 1.0) * shifted
        fit = np.sum(np.logaddexp(0.0, eta) - rows.label * eta)
        return fit + (0.5 * (theta[1] - 1.0) ** 2 if slope else 0.0)

    for form in ("intercept", "slope"):
        fitted = fit_form(form, shifted, rows, patient, HOURS, (3,), ridge=5.0)
        best = minimize(loss, [0.0, 1.0], args=(form == "slope",)).x
        assert fitted.intercept == pytest.approx(best[0], abs=1e-3)
        assert fitted.slope == pytest.approx(best[1] if form == "slope" else 1.0, abs=1e-3)


@given(st.sampled_from(FORMS), st.integers(0, 10_000))
def test_every_update_is_monotone(form, seed):
    random = np.random.default_rng(seed)
    z = random.normal(-1.0, 1.5, 120)
    rows = StackedRows(
        np.arange(120),
        np.tile(HOURS, 40),
        np.full(120, 3.0),
        (random.random(120) < random.uniform(0.1, 0.9)).astype(float),
        np.ones(120),
    )
    fitted = fit_form(form, z, rows, np.arange(120), HOURS, (3, 4), ridge=5.0)
    grid = np.linspace(-8.0, 8.0, 33)
    for threshold in (3, 4):
        asked = query(len(grid), (12.0, 24.0, 50.0, 72.0, 168.0), threshold)
        updated = fitted.log_odds(np.repeat(grid, 5), asked).reshape(-1, 5)
        assert (np.diff(updated, axis=0) >= -1e-9).all()
        if not fitted.by_horizon:  # others are put in order by the variant
            assert (np.diff(updated, axis=1) >= -1e-9).all()


def test_samples_with_one_class_have_no_refit(monkeypatch):
    every = np.ones(40)
    label = (np.arange(40) < 6).astype(float)
    rows = StackedRows(np.arange(40), 24.0 * every, 3 * every, label, every)
    samples = np.stack([every, 1.0 - label, label])
    monkeypatch.setattr(model_updating, "patient_resample", lambda *_: samples)
    update = fit_update(
        3.0 * every, rows, np.arange(40), (24.0,), (3,), ridge=5.0, config=CONFIG, bootstrap=3
    )
    assert update.choice.form == "intercept"
    assert [item.to_dict() for item in update.redrawn] == [update.calibration.to_dict()]
