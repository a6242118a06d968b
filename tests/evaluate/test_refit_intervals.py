"""Whole refits on bootstrap samples of patients, scored on the patients left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from pipeline.evaluate.refit_intervals import bootstrap_splits, refit_intervals, score_refits
from pipeline.evaluate.scored_rows import concatenate
from tests.builders import course_cohort
from tests.evaluate.scored import make_scores
from tests.model.conftest import fit


@given(patient=st.lists(st.integers(0, 9), min_size=1, max_size=40), seed=st.integers(0, 99))
def test_a_patient_is_never_on_both_sides_and_drawn_with_all_landmarks(patient, seed):
    patient = np.array(patient)
    size = len(np.unique(patient))
    for split in bootstrap_splits(patient, 5, seed):
        assert not set(patient[split.train]) & set(patient[split.test])
        assert set(patient[split.train]) | set(patient[split.test]) == set(patient)
        rows = Counter(split.train.tolist())
        times = {who: {rows[row] for row in np.flatnonzero(patient == who)} for who in patient}
        assert all(len(counts) == 1 for counts in times.values())
        assert sum(counts.pop() for counts in times.values()) == size


def refitted(draws, n=60, events=True):
    parts = []
    for draw in range(draws):
        random = np.random.default_rng(draw)
        risk = random.uniform(0.05, 0.9, n)
        label = (random.random(n) < risk) * float(events or draw > 0)
        risks = {
            "model": risk,
            "grade_and_day": np.clip(risk + random.normal(0, 0.2, n), 0.01, 0.99),
        }
        parts.append(make_scores(risks, label, repeat=np.full(n, draw)))
    return concatenate(parts, draws)


def test_figures_are_percentiles_over_the_refits():
    scores = refitted(25)
    cell = refit_intervals(scores, 25, 5)["24"]
    assert (cell.refits, cell.used) == (25, 25)
    area, error = [], []
    for draw in range(25):
        rows = scores.repeat == draw
        label = scores.label[rows, 0]
        ours, bar = (scores.risks[name][rows, 0] for name in ("model", "grade_and_day"))
        area.append([roc_auc_score(label, ours), roc_auc_score(label, bar)])
        error.append(brier_score_loss(label, ours))
    area = np.array(area)
    ends = np.quantile(area[:, 0], [0.5, 0.025, 0.975])
    assert cell.model.metric("auroc") == pytest.approx(tuple(ends), abs=1e-6)
    ends = np.quantile(area[:, 0] - area[:, 1], [0.5, 0.025, 0.975])
    assert cell.difference.metric("auroc") == pytest.approx(tuple(ends), abs=1e-6)
    assert cell.model.brier == pytest.approx(np.median(error), abs=1e-6)
    assert cell.model.cal_slope_lo < cell.model.cal_slope < cell.model.cal_slope_hi


def test_refits_without_enough_events_are_counted_and_few_have_no_interval():
    cell = refit_intervals(refitted(4, events=False), 6, 5)["24"]
    assert (cell.refits, cell.used) == (6, 3)
    assert cell.model.auroc is not None
    assert cell.model.auroc_lo is None
    none = refit_intervals(refitted(2), 2, 1000)["24"]
    assert none.used == 0
    assert none.model.auroc is None


def test_each_refit_scores_the_patients_it_left_out_once():
    small = fit(course_cohort(30, days=4, seed=2), bootstrap=0, booster_rounds=2, inner_folds=2)
    plan = replace(small.plan, reported=(2,))
    scores = score_refits(small.matrix, small.targets, plan, 2, 0, 1)[2]
    splits = bootstrap_splits(small.targets.patient, 2, 0)
    for draw, split in enumerate(splits):
        left_out = set(small.targets.patient[split.test])
        assert set(scores.patient[scores.repeat == draw]) <= left_out
    assert len(np.unique(scores.group)) == 2
    assert len(score_refits(small.matrix, small.targets, plan, 2, 0, 1000)[2].label) == 0
