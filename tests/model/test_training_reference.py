"""Base rates by day and training ranges."""

import numpy as np
import pytest

from pipeline.features.build import build_features
from pipeline.model.training_reference import (
    TrainingReference,
    base_rate_table,
    clip_ages,
    feature_ranges,
    rates_of_days,
)
from tests.builders import at, lab, make_cohort, make_spec
from tests.model.test_stacked_rows import targets_of


def test_base_rates_by_day_borrow_from_neighbours_until_thirty_patients():
    onsets = [60.0 if number < 10 else None for number in range(40)]
    cohort, landmarks, targets = targets_of(onsets, np.full(40, 600.0), (24.0, 48.0))
    late = np.r_[:70:1]
    matrix = build_features(cohort, landmarks, make_spec()).take(late)
    table = base_rate_table(matrix, targets.take(late), 3, (24.0, 72.0), ipcw_floor=0.1)
    assert [entry["day"] for entry in table["24"]] == [1.0, 2.0]
    assert table["24"][0] == {"day": 1.0, "n": 35.0, "patients": 35.0, "rate": 0.0}
    assert table["24"][1]["rate"] == pytest.approx(10 / 35)
    few = np.arange(50)
    table = base_rate_table(matrix.take(few), targets.take(few), 3, (24.0,), ipcw_floor=0.1)["24"]
    assert table[0]["n"] == 50.0  # 25 patients a day: both days together
    assert table[0]["rate"] == table[1]["rate"] == pytest.approx(10 / 50)
    rate, n = rates_of_days({"24": table}, np.array([0, 1, 9]), (24.0, 48.0))
    np.testing.assert_allclose(rate[:, 0], 0.2)
    assert np.isnan(rate[:, 1]).all()
    assert n[:, 1].tolist() == [0, 0, 0]


def test_ages_are_clipped_to_training_only_when_training_stood_on_a_grid():
    spec = make_spec(analytes=("crp",))
    cohort = make_cohort(1, [lab(0, "crp", 2.0, 20.0)], [(0, "crs", 1, 20.0)])
    train = build_features(cohort, at((0, 24.0), (0, 30.0)), spec)
    asked = build_features(cohort, at((0, 20.5), (0, 50.0)), spec)
    assert feature_ranges(train) == {}  # of one patient
    ranges = dict.fromkeys(("crp__hours_since_last", "state_crs__hours_since_onset"), (4.0, 10.0))

    def clipped(flag):
        reference = TrainingReference(spec, {}, {}, {}, ranges, flag, {}, 1)
        return clip_ages(asked, reference)

    assert clipped(True).column("crp__hours_since_last").tolist() == [4.0, 10.0]
    assert clipped(True).column("state_crs__hours_since_onset").tolist() == [4.0, 10.0]
    assert clipped(True).column("crp__last").tolist() == [1.0, 1.0]
    assert clipped(False).column("crp__hours_since_last").tolist() == [0.5, 30.0]
