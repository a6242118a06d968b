"""The plain regression against scikit-learn, where it separates, and where events are few."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import group_meta
from pipeline.model.plain_logistic import fit_plain_logistic, plain_logistic_from_dict
from pipeline.model.stacked_rows import query

METAS = (
    *(group_meta("state_crs", name, "clinical_state", "1", "CRS") for name in ("grade", "worst")),
    group_meta("time", "hours", "host_product", "h", ""),
)
GRADE = "state_crs__grade"


def sample(n=600, seed=0):
    """Landmarks, their patients, and labelled rows of one threshold and two horizons."""
    random = np.random.default_rng(seed)
    grade = random.integers(0, 3, n).astype(float)
    worst = np.maximum(grade, random.integers(0, 3, n))
    hours = 24.0 * random.integers(1, 10, n)
    values = np.stack([grade, worst, hours], axis=1)
    matrix = FeatureMatrix(values, METAS, pd.DataFrame({"patient": np.arange(n), "hours": hours}))
    rows = query(n, (24.0, 72.0), 3)
    log_odds = -3.0 + grade + 0.3 * worst - 0.1 * hours / 24.0
    risk = 1 / (1 + np.exp(-np.repeat(log_odds, 2) - np.tile([0.0, 1.0], n)))
    label = (random.random(2 * n) < risk).astype(float)
    return matrix, replace(rows, label=label, weight=random.uniform(0.5, 3.0, 2 * n))


def test_it_agrees_with_scikit_learn_on_each_horizon():
    matrix, rows = sample()
    patient = np.arange(len(matrix.values))
    model = fit_plain_logistic(matrix, rows, GRADE, (3,), (24.0, 72.0), patient=patient)
    risk = model.risk(matrix, 3, (24.0, 72.0, 100.0))
    assert np.isnan(risk[:, 2]).all()
    for place, horizon in enumerate((24.0, 72.0)):
        part = rows.where(rows.horizon == horizon)
        oracle = LogisticRegression(C=np.inf, tol=1e-8, max_iter=2000)
        oracle.fit(matrix.values, part.label, sample_weight=part.weight)
        expected = oracle.predict_proba(matrix.values)[:, 1]
        np.testing.assert_allclose(risk[:, place], expected, atol=1e-3)


def test_unknown_grades_count_as_the_mean_and_stored_coefficients_give_the_same_risk():
    matrix, rows = sample()
    values = matrix.values.copy()
    values[:100, 0] = np.nan
    some = FeatureMatrix(values, METAS, matrix.landmarks)
    patient = np.arange(len(values))
    model = fit_plain_logistic(some, rows, GRADE, (3,), (24.0,), patient=patient)
    assert model.filled[0] == pytest.approx(np.nanmean(values[:, 0]))
    loaded = plain_logistic_from_dict(json.loads(json.dumps(model.to_dict())))
    assert loaded == model
    risk = loaded.risk(some, 3, (24.0,))
    assert not np.isnan(risk).any()
    assert np.isnan(loaded.risk(some, 2, (24.0,))).all()


def test_separated_classes_give_finite_coefficients_and_few_events_the_rate():
    matrix, rows = sample()
    patient = np.arange(len(matrix.values))
    rows.label[:] = np.repeat(matrix.values[:, 0] == 2, 2)
    model = fit_plain_logistic(matrix, rows, GRADE, (3,), (24.0,), patient=patient)
    assert np.isfinite(model.coefficients["3"]["24"]).all()
    rows.label[:] = 0.0
    rows.label[:8] = 1.0  # four patients, both horizons
    few = fit_plain_logistic(matrix, rows, GRADE, (3,), (24.0,), patient=patient)
    part = rows.where(rows.horizon == 24.0)
    rate = np.average(part.label, weights=part.weight)
    np.testing.assert_allclose(few.risk(matrix, 3, (24.0,)), rate)


def test_without_grades_only_the_day_is_used():
    matrix, rows = sample()
    patient = np.arange(len(matrix.values))
    model = fit_plain_logistic(matrix, rows, None, (3,), (24.0,), patient=patient)
    assert model.columns == ("time__hours",)
