"""Landmarks with labels, against a plain loop over the charted grades."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.config import as_config
from pipeline.errors import UsageError
from pipeline.model.labelled_landmarks import labels, landmarks, outcome_of
from tests.builders import course_cohort


def by_hand(cohort, patient, hours, scale, threshold, horizon):
    """1, 0 or NaN from the grades of one patient."""
    rows = cohort.assessments
    own = rows[(rows["patient"] == patient) & (rows["scale"] == scale)]
    onset = own.loc[own["grade"] >= threshold, "assessed_hours"].min()
    if onset < hours:
        return np.nan
    if onset <= hours + horizon:
        return 1.0
    followed = max(cohort.patients["followed_until_hours"][patient], own["assessed_hours"].max())
    return 0.0 if onset < np.inf or followed >= hours + horizon else np.nan


def test_labels_are_those_of_a_plain_loop():
    cohort, config = course_cohort(25, seed=3), as_config()
    outcome = config.outcomes["severe_crs"]
    moments = pd.DataFrame(
        [(patient, 24.0 * day) for patient in range(25) for day in (1, 2, 3)],
        columns=["patient", "hours"],
    )
    found = labels(cohort, moments, outcome, 48.0, config)
    expected = [
        by_hand(cohort, patient, hours, "crs", 3, 48.0)
        for patient, hours in moments.itertuples(index=False)
    ]
    assert set(found[~np.isnan(found)]) == {0.0, 1.0}
    both = ~np.isnan(found)
    np.testing.assert_array_equal(found[both], np.array(expected)[both])
    assert not np.isnan(np.array(expected)[both]).any()


def test_landmarks_are_samples_labels_and_groups_of_one_index():
    cohort = course_cohort(25, seed=3)
    X, y, groups = landmarks(cohort, "severe_crs", 48)
    assert len(X) == len(y) == len(groups) > 0
    assert X.index.equals(y.index)
    assert y.name == "severe_crs"
    assert (groups == X["patient"]).all()


def test_an_unknown_outcome_is_named():
    with pytest.raises(UsageError, match="severe_crs"):
        outcome_of(as_config(), "crs")
