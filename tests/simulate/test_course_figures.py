"""Figures of a course against the libraries' values and naive loops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from pipeline.simulate.course_figures import (
    auroc,
    daily_levels,
    daily_worsening,
    lab_auroc,
    onset_and_days,
    rank_correlation,
    within_patient_sd,
)


@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40),
)
def test_auroc_is_that_of_scikit_learn(rows):
    score, event = (np.array(column) for column in zip(*rows, strict=True))
    if event.all() or not event.any():
        assert np.isnan(auroc(score.astype(float), event))
        return
    assert auroc(score.astype(float), event) == pytest.approx(roc_auc_score(event, score))


def results(seed: int, patients: int = 12) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    count = 20 * patients
    return pd.DataFrame(
        {
            "patient": random.integers(0, patients, count),
            "analyte": random.choice(["crp", "il6"], count),
            "value": np.exp(random.normal(size=count)),
            "hours": random.uniform(-40, 400, count),
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_correlation_and_spread_are_those_of_loops(seed):
    rows = results(seed)
    levels = daily_levels(rows, 14)
    means: dict[tuple[int, int, str], list[float]] = {}
    for row in rows.itertuples():
        day = int(np.floor(row.hours / 24))
        if 0 <= day <= 14:
            means.setdefault((row.patient, day, row.analyte), []).append(np.log10(row.value))
    crp, il6 = (
        {key[:2]: np.mean(logs) for key, logs in means.items() if key[2] == name}
        for name in ("crp", "il6")
    )
    both = sorted(set(crp) & set(il6))
    value, patients = rank_correlation(levels, "crp", "il6")
    expected = spearmanr([crp[key] for key in both], [il6[key] for key in both]).statistic
    assert value == pytest.approx(expected, abs=1e-6)
    assert patients == len({key[0] for key in both})
    own = [[v for key, v in crp.items() if key[0] == one] for one in range(12)]
    often = [logs for logs in own if len(logs) >= 3]
    squares = sum(np.sum((np.array(logs) - np.mean(logs)) ** 2) for logs in often)
    spread, n = within_patient_sd(levels, "crp")
    assert spread == pytest.approx(np.sqrt(squares / sum(len(logs) - 1 for logs in often)))
    assert n == len(often)


@pytest.mark.parametrize("seed", range(3))
def test_a_lab_alone_scores_with_its_latest_value_before_a_landmark(seed):
    rows, random = results(seed), np.random.default_rng(seed)
    event = np.where(random.uniform(size=12) < 0.5, random.uniform(30, 300, 12), np.inf)
    end = random.uniform(100, 300, 12)
    scores, labels, hit = [], [], set()
    for patient in range(12):
        for mark in np.arange(24.0, min(event[patient], end[patient]) + 0.01, 24.0):
            own = rows.query("patient == @patient and analyte == 'crp' and hours < @mark")
            own = own[own["hours"] >= mark - 96]
            if len(own):
                scores.append(own.sort_values("hours")["value"].iloc[-1])
                labels.append(event[patient] <= mark + 72)
                hit |= {patient} if labels[-1] else set()
    value, patients = lab_auroc(rows, "crp", event, end)
    assert value == pytest.approx(roc_auc_score(labels, scores))
    assert patients == len(hit)


def test_a_value_at_the_landmark_or_after_it_is_not_used():
    rows = pd.DataFrame(
        {"patient": [0, 1], "analyte": "crp", "value": [9.0, 1.0], "hours": [24.0, 30.0]}
    )
    value, patients = lab_auroc(rows, "crp", np.array([40.0, np.inf]), np.array([47.0, 47.0]))
    assert np.isnan(value)
    assert patients == 0


def test_worsening_looks_at_the_worst_grade_of_the_next_day():
    grades = pd.DataFrame(
        {
            "patient": [0, 0, 0, 1, 1, 2],
            "hours": [1.0, 13.0, 30.0, 3.0, 60.0, 3.0],
            "grade": [1, 2, 3, 2, 4, 2],
        }
    )
    assert daily_worsening(grades, 2) == (1.0, 1)  # patient 1 is not graded on the next day
    assert np.isnan(daily_worsening(grades, 3)[0])


def test_onset_and_days_count_days_and_not_assessments():
    grades = pd.DataFrame({"patient": 3, "hours": [10.0, 30.0, 40.0, 80.0], "grade": [0, 1, 2, 1]})
    assert onset_and_days(grades).loc[3].tolist() == [1, 2]
