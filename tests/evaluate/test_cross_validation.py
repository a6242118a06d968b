"""Out-of-fold scores: the scored patients, the training patients and the comparators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluate.cross_validation import (
    ComparatorInputs,
    cross_validate,
    rows_at_risk,
    score,
)
from pipeline.evaluate.outcome_report import canary_auroc
from pipeline.evaluate.splits import Split, repeated_patient_folds
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.fitting import fit_risk_model
from pipeline.model.stacked_rows import EVENT
from pipeline.model.training_reference import base_rate_table
from tests.builders import course_cohort
from tests.model.conftest import fit

SEVERE = 3


@pytest.fixture(scope="module")
def small():
    return fit(course_cohort(40, days=6, seed=2), bootstrap=0, booster_rounds=5, inner_folds=2)


@pytest.fixture(scope="module")
def splits(small):
    event = small.targets.status[:, small.targets.thresholds.index(SEVERE)] == EVENT
    return repeated_patient_folds(small.targets.patient, event, folds=3, repeats=1, seed=0)


@pytest.fixture(scope="module")
def scores(small, splits):
    return cross_validate(small.matrix, small.targets, small.plan, splits)[SEVERE]


@pytest.fixture(scope="module")
def at_risk(small):
    return np.flatnonzero(small.targets.at_risk[:, small.targets.thresholds.index(SEVERE)])


@pytest.fixture(scope="module")
def rates(small):
    return base_rate_table(
        small.matrix, small.targets, SEVERE, small.model.horizons, ipcw_floor=0.1
    )


def scored(small, rows, rates, **inputs):
    return score(
        small.model,
        small.matrix.take(rows),
        small.targets.take(rows),
        SEVERE,
        rates,
        inputs=ComparatorInputs(**inputs),
    )


def test_each_landmark_at_risk_is_scored_once_per_repeat(scores, at_risk):
    assert len(scores.patient) == len(at_risk)
    assert len(np.unique(scores.group)) == 3
    for number in range(3):
        inside = set(scores.patient[scores.group == number])
        assert not inside & set(scores.patient[scores.group != number])
    assert canary_auroc(scores, 2) == 0.5


def test_a_fold_is_scored_by_a_model_of_the_other_folds(small, splits, scores):
    split = splits[1]
    model = fit_risk_model(
        small.matrix.take(split.train), small.targets.take(split.train), small.plan
    )
    rows = rows_at_risk(small.matrix, small.targets, split.test, SEVERE)
    risk = model.risk(small.matrix.take(rows), SEVERE, model.horizons)
    np.testing.assert_array_equal(scores.risks["model"][scores.group == 1], risk)
    np.testing.assert_array_equal(scores.hours[scores.group == 1], small.targets.hours[rows])


def test_what_happened_to_the_patients_of_a_fold_changes_no_risk_of_theirs(small, splits, scores):
    status = small.targets.status.copy()
    status[splits[0].test] = np.where(status[splits[0].test] == EVENT, 0, EVENT)
    other = replace(small.targets, status=status)
    changed = cross_validate(small.matrix, other, small.plan, splits[:2])[SEVERE]
    own, others = scores.group == 0, scores.group == 1
    for name in ("model", "model_no_state", "grade_and_day", "base_rate"):
        before, after = scores.risks[name], changed.risks[name]
        np.testing.assert_array_equal(after[changed.group == 0], before[own], err_msg=name)
        assert not np.allclose(after[changed.group == 1], before[others]), name
    assert not np.array_equal(changed.label[changed.group == 0], scores.label[own], equal_nan=True)


def test_a_split_without_a_landmark_to_learn_from_or_to_score_is_passed_over(small, splits, scores):
    everyone, nobody = np.arange(len(small.matrix.values)), np.array([], dtype=np.intp)
    empty = [Split(0, 7, nobody, everyone), Split(0, 8, everyone, nobody)]
    assert cross_validate(small.matrix, small.targets, small.plan, empty) == {}
    both = cross_validate(small.matrix, small.targets, small.plan, [empty[0], splits[0], empty[1]])
    first = scores.risks["model"][scores.group == 0]
    np.testing.assert_array_equal(both[SEVERE].risks["model"], first)


def test_landmarks_at_new_results_are_not_scored(small, at_risk):
    source = np.where(np.arange(len(small.matrix.values)) % 3 == 0, "result", "grid")
    landmarks = small.matrix.landmarks.assign(source=source)
    matrix = FeatureMatrix(small.matrix.values, small.matrix.metas, landmarks)
    wanted = np.arange(len(source))[::-1]
    expected = [row for row in wanted if row in set(at_risk) and source[row] == "grid"]
    assert rows_at_risk(matrix, small.targets, wanted, SEVERE).tolist() == expected
    assert len(expected) < len(at_risk)


def test_comparators_have_one_value_per_landmark_at_every_horizon(small, at_risk, rates):
    ranked = {"last_crp": np.arange(float(len(at_risk)))}
    result = scored(small, at_risk, rates, ranked=ranked)
    shape = (len(at_risk), len(small.model.horizons))
    assert {name: risk.shape for name, risk in result.risks.items()} == dict.fromkeys(
        result.risks, shape
    )
    for column in result.risks["last_crp"].T:
        np.testing.assert_array_equal(column, ranked["last_crp"])
    np.testing.assert_array_equal(
        result.risks["model_no_state"],
        small.model.risk(small.matrix.take(at_risk), SEVERE, small.model.horizons, use_state=False),
    )
    for place, horizon in enumerate(result.horizons):
        label = small.targets.label(SEVERE, horizon)[at_risk]
        np.testing.assert_array_equal(result.label[:, place], label)


def test_exchanging_an_analyte_changes_the_risk_through_its_columns_only(small, at_risk, rates):
    matrix = small.matrix.take(at_risk)
    same = scored(small, at_risk, rates, swapped=matrix)
    assert set(same.permuted) == {"crp", "ferritin", "axis:systemic"}
    for risk in same.permuted.values():
        np.testing.assert_array_equal(risk, same.risks["model"])
    values = matrix.values.copy()
    crp = [place for place, meta in enumerate(matrix.metas) if meta.analyte == "crp"]
    values[:, crp] = values[::-1][:, crp]
    other = FeatureMatrix(values, matrix.metas, matrix.landmarks)
    changed = scored(small, at_risk, rates, swapped=other)
    np.testing.assert_array_equal(changed.permuted["ferritin"], same.risks["model"])
    np.testing.assert_array_equal(
        changed.permuted["crp"], small.model.risk(other, SEVERE, small.model.horizons)
    )
    assert not np.allclose(changed.permuted["crp"], same.risks["model"])
    # the axis holds both, and only CRP differs
    np.testing.assert_array_equal(changed.permuted["axis:systemic"], changed.permuted["crp"])


def test_comparator_inputs_follow_their_landmarks(small):
    count = len(small.matrix.values)
    inputs = ComparatorInputs({"last_crp": np.arange(float(count))}, small.matrix)
    rows = np.array([5, 2, 2])
    taken = inputs.take(rows)
    assert taken.ranked["last_crp"].tolist() == [5.0, 2.0, 2.0]
    np.testing.assert_array_equal(taken.swapped.values, small.matrix.values[rows])
    assert ComparatorInputs({}).take(rows).swapped is None
