"""Labs of another patient of the same day: nobody keeps their own, nothing else moves."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.added_value import analyte_columns, donors_of, same_day_donors, swap_labs
from pipeline.features.build import build_features
from pipeline.model.stacked_rows import Targets
from tests.builders import at, course_cohort, make_spec

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), min_size=1, max_size=40)


@given(rows=pairs, seed=st.integers(0, 50))
def test_nobody_keeps_their_own_labs(rows, seed):
    patient, day = (np.array(column) for column in zip(*sorted(rows), strict=True))
    donor = same_day_donors(patient, day, seed)
    if len(np.unique(patient)) == 1:
        assert donor.tolist() == list(range(len(patient)))
        return
    assert (patient[donor] != patient).all()
    assert (same_day_donors(patient, day, seed) == donor).all()
    crowded = [value for value in np.unique(day) if len(np.unique(patient[day == value])) > 1]
    lonely = set(np.unique(day)) - set(crowded)
    if not lonely:
        assert (day[donor] == day).all()


def test_one_landmark_a_day_is_used_exactly_once():
    patient, day = np.tile(np.arange(9), 4), np.repeat(np.arange(4), 9)
    donor = same_day_donors(patient, day, 3)
    assert sorted(donor) == list(range(36))


def targets_of(patient, at_risk=None):
    n = len(patient)
    at_risk = np.ones((n, 2), dtype=bool) if at_risk is None else at_risk
    zeros = np.zeros((n, 2))
    return Targets(
        (1, 3), zeros, zeros.astype(np.int8), at_risk, np.ones(n), patient, zeros[:, 0], zeros,
        patient,
    )  # fmt: skip


def test_a_donor_has_charted_what_the_receiver_has():
    cohort = course_cohort(12, days=2)
    landmarks = at(*[(patient, 24.0 * day) for patient in range(12) for day in (1, 2)])
    matrix = build_features(cohort, landmarks, make_spec(analytes=("crp",)))
    patient = landmarks["patient"].to_numpy()
    at_risk = np.stack([patient % 3 != 0, patient != 0], axis=1)  # severe in patient 0 alone
    for seed in range(10):
        donor = donors_of(matrix, targets_of(patient, at_risk), seed)
        assert (patient[donor] != patient).all()
        charted = (~at_risk).sum(axis=1)
        others = patient != 0
        np.testing.assert_array_equal(charted[donor][others], charted[others])


def test_a_swap_moves_whole_blocks_of_labs_and_leaves_the_rest():
    cohort = course_cohort(12, days=3)
    landmarks = at(*[(patient, 24.0 * day) for patient in range(12) for day in (1, 2, 3)])
    matrix = build_features(cohort, landmarks, make_spec(analytes=("crp", "ferritin")))
    donor = donors_of(matrix, targets_of(landmarks["patient"].to_numpy()), 1)
    swapped = swap_labs(matrix, donor)
    labs = [meta.group in ("analyte", "measurement") for meta in matrix.metas]
    np.testing.assert_array_equal(swapped.values[:, labs], matrix.values[donor][:, labs])
    rest = [not lab for lab in labs]
    np.testing.assert_array_equal(swapped.values[:, rest], matrix.values[:, rest])
    columns = analyte_columns(matrix)
    assert set(columns) == {"crp", "ferritin"}
    assert sum(len(part) for part in columns.values()) == sum(labs)


def test_nobody_is_given_their_own_labs_of_another_infusion():
    cohort = course_cohort(6, days=2)
    person = np.array([0, 0, 2, 2, 4, 4])  # every second row is another infusion of the one before
    landmarks = at(*[(row, 24.0 * day) for row in range(6) for day in (1, 2)])
    matrix = build_features(cohort, landmarks, make_spec(analytes=("crp",)))
    patient = person[landmarks["patient"]]
    for seed in range(20):
        assert (patient[donors_of(matrix, targets_of(patient), seed)] != patient).all()
