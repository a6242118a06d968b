"""Samples of patients: patients stay whole, events are spread, draws repeat."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.patient_samples import inner_folds, patient_resample


@given(
    patient=st.lists(st.integers(0, 12), min_size=1, max_size=60).map(np.array),
    folds=st.integers(2, 5),
    seed=st.integers(0, 50),
)
def test_inner_folds_keep_patients_whole_and_spread_events(patient, folds, seed):
    event = np.random.default_rng(seed).random(len(patient)) < 0.3
    fold = inner_folds(patient, event, folds, seed)
    np.testing.assert_array_equal(fold, inner_folds(patient, event, folds, seed))
    size = np.zeros(folds)
    for who in np.unique(patient):
        assert len(set(fold[patient == who])) == 1
        size[fold[patient == who][0]] += 1
    assert size.max() - size.min() <= 1
    hit = [
        len(np.unique(patient[(fold == number)][event[fold == number]])) for number in range(folds)
    ]
    assert max(hit) - min(hit) <= 1


def test_bootstrap_draws_patients():
    patient = np.array([4, 4, 9, 2])
    times = patient_resample(patient, 30, 0)
    assert (times[:, 0] == times[:, 1]).all()
    assert (times[:, [0, 2, 3]].sum(axis=1) == 3).all()
