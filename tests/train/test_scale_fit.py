"""What the scales of a training share, and one scale from landmarks to a fitted model."""

import numpy as np
import pytest

from pipeline.cohort.detection_limits import infer_limits
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.model.outcomes import build_targets


def test_limits_are_the_inferred_and_the_usual_ones_by_analyte(steps):
    inferred = infer_limits(steps.read.cohort.labs)
    for key in {*inferred, *steps.read.limits}:
        expected = {**inferred.get(key, {}), **steps.read.limits.get(key, {})}
        assert steps.task.limits[key] == expected
    assert list(steps.task.limits) == sorted(steps.task.limits)


def test_every_patient_is_in_one_fold_of_each_repeat(steps):
    settings = steps.config.evaluation
    assert steps.task.folds.shape == (settings.repeats, len(steps.task.cohort))
    assert set(np.unique(steps.task.folds)) == set(range(settings.folds))


def test_features_and_outcomes_are_those_at_the_training_landmarks(steps):
    part, task = steps.scales["crs"], steps.task
    landmarks = training_landmarks(task.cohort, steps.config.landmarks, "crs")
    matrix = build_features(task.cohort, landmarks, task.spec)
    np.testing.assert_array_equal(part.matrix.values, matrix.values)
    targets = build_targets(task.cohort, landmarks, "crs", part.targets.thresholds)
    np.testing.assert_array_equal(part.targets.status, targets.status)
    assert part.targets.patient.tolist() == landmarks["patient"].tolist()


def test_reported_thresholds_are_scored_and_the_model_reads_known_columns(steps):
    part = steps.scales["crs"]
    reported = {item.threshold for item in steps.config.outcomes.values()}
    assert set(part.scored) == reported <= set(part.targets.thresholds)
    assert {name.rstrip("?") for name in part.model.columns} <= set(part.matrix.names)


@pytest.mark.parametrize("hours", [(24.0,), (24.0, 168.0)])
def test_the_final_model_gives_a_probability_at_every_landmark(steps, hours):
    part = steps.scales["crs"]
    risk = part.model.risk(part.matrix, 3, hours)
    assert risk.shape == (len(part.matrix.values), len(hours))
    assert ((risk > 0) & (risk < 1)).all()
    assert (np.diff(risk, axis=1) >= 0).all()
