"""Splits by patient: who is tested by whom."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import load_config
from pipeline.errors import InputError
from pipeline.evaluate.scoring_protocol import shared_folds
from pipeline.evaluate.splits import (
    patient_folds,
    repeated_patient_folds,
    site_folds,
    splits_of,
    temporal_fold,
)
from tests.builders import make_cohort


@given(
    patient=st.lists(st.integers(0, 30), min_size=1, max_size=80).map(np.array),
    folds=st.integers(2, 5),
    seed=st.integers(0, 100),
)
def test_no_patient_stands_on_both_sides(patient, folds, seed):
    event = patient % 3 == 0
    if len(np.unique(patient)) < folds:
        with pytest.raises(InputError, match="cannot be split"):
            repeated_patient_folds(patient, event, folds=folds, repeats=2, seed=seed)
        return
    splits = repeated_patient_folds(patient, event, folds=folds, repeats=2, seed=seed)
    assert len(splits) == 2 * folds
    for split in splits:
        assert not set(patient[split.train]) & set(patient[split.test])
        assert len(split.train) + len(split.test) == len(patient)
    for repeat in range(2):
        tested = np.concatenate([split.test for split in splits if split.repeat == repeat])
        assert sorted(tested) == list(range(len(patient)))
        hit = [len(np.unique(patient[s.test][event[s.test]])) for s in splits if s.repeat == repeat]
        assert max(hit) - min(hit) <= 1


@given(
    stratum=st.lists(st.integers(0, 3), min_size=6, max_size=60).map(np.array),
    seed=st.integers(0, 100),
)
def test_every_stratum_is_spread_evenly(stratum, seed):
    table = patient_folds(stratum, folds=3, repeats=2, seed=seed)
    for fold_of in table:
        for value in np.unique(stratum):
            size = np.bincount(fold_of[stratum == value], minlength=3)
            assert size.max() - size.min() <= 1


def test_outcomes_share_folds_and_each_is_spread_evenly():
    grades = [(patient, "crs", 3, 90.0) for patient in range(0, 30)]
    grades += [(patient, "icans", 1, 90.0) for patient in range(20, 80)]
    grades += [(patient, "crs", 3, 10.0) for patient in range(90, 100)]
    config = load_config()
    table = shared_folds(make_cohort(100, assessments=grades), config)
    assert table.shape == (config.evaluation.repeats, 100)
    for fold_of in table:
        for event in (range(0, 30), range(20, 80)):
            size = np.bincount(fold_of[list(event)], minlength=5)
            assert size.max() - size.min() <= 2
        assert np.bincount(fold_of[:30]).tolist() == [6] * 5


def test_each_site_is_tested_by_the_others():
    patients = pd.DataFrame({"site": ["A"] * 6 + ["B"] * 7 + ["C", "D", None, " "]})
    table, names = site_folds(patients)
    assert names == ("A", "B", "other sites")
    splits = splits_of(np.arange(17), table)
    assert [len(split.test) for split in splits] == [6, 7, 4]
    assert set(splits[0].test) == set(range(6))
    assert "one site" in site_folds(pd.DataFrame({"site": ["A"] * 9}))
    assert "no site" in site_folds(pd.DataFrame({"patient_id": ["P1"]}))


def test_the_latest_patients_are_tested_by_the_earlier_ones():
    start = pd.date_range("2024-01-01", periods=10, freq="D", tz="UTC")[::-1]
    (split,) = splits_of(np.arange(10), temporal_fold(pd.DataFrame({"infusion_time": start}), 0.3))
    assert split.test.tolist() == [0, 1, 2]
    assert split.train.tolist() == list(range(3, 10))
    undated = pd.DataFrame({"infusion_time": [pd.NaT, start[0]]})
    assert "infusion time" in temporal_fold(undated, 0.3)
    same = pd.DataFrame({"infusion_time": [start[0]] * 4})
    assert "same infusion time" in temporal_fold(same, 0.3)


def test_repeats_differ_and_a_seed_repeats():
    patient = np.repeat(np.arange(40), 3)
    event = patient < 10
    first, again = (
        repeated_patient_folds(patient, event, folds=5, repeats=2, seed=1) for _ in range(2)
    )
    assert all((a.test == b.test).all() for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].test, first[5].test)
