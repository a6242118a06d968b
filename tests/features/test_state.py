"""Clinical state against a plain loop over the charted grades."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.features.build import build_features
from pipeline.features.state import FORMULAS, STATISTICS, state_features, state_meta
from tests.builders import at, make_cohort, make_spec

SPEC = make_spec()
NAN = float("nan")


def state_statistics(rows, patient, scale, moment):
    by_hour = {}
    for who, what, grade, assessed in rows:
        if who == patient and what == scale and assessed < moment:
            by_hour[assessed] = max(grade, by_hour.get(assessed, 0))
    hours = sorted(by_hour)
    grades = [by_hour[assessed] for assessed in hours]
    present = [assessed for assessed in hours if by_hour[assessed] >= 1]
    known = bool(hours) and moment - hours[-1] <= 36.0
    return {
        "grade": grades[-1] if known else NAN,
        "worst": max(grades) if grades else NAN,
        "hours_since_onset": moment - present[0] if present else NAN,
        "change": grades[-1] - grades[-2] if known and len(grades) > 1 else NAN,
        "n_ge1": min(len(present), 5),
        "n_ge2": min(sum(grade >= 2 for grade in grades), 4),
    }


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from(["crs", "icans"]),
            st.integers(0, 4),
            st.integers(0, 40).map(lambda number: 6.0 * number),
        ),
        max_size=20,
    ),
    moment=st.integers(1, 42).map(lambda number: 6.0 * number),
)
def test_state_agrees_with_a_plain_loop(rows, moment):
    cohort = make_cohort(2, assessments=rows)
    matrix = build_features(cohort, at((0, moment), (1, moment)), SPEC)
    for patient in (0, 1):
        for scale in ("crs", "icans"):
            for name, value in state_statistics(rows, patient, scale, moment).items():
                column = matrix.column(f"state_{scale}__{name}")[patient]
                np.testing.assert_equal(column, float(value), err_msg=f"{scale} {name}")


def test_grade_assessed_at_the_landmark_is_invisible_and_36_hours_are_the_limit():
    cohort = make_cohort(1, assessments=[(0, "crs", 2, 24.0)])
    matrix = build_features(cohort, at((0, 24.0), (0, 24.01), (0, 60.0), (0, 60.01)), SPEC)
    np.testing.assert_equal(matrix.column("state_crs__grade"), [np.nan, 2.0, 2.0, np.nan])
    np.testing.assert_equal(matrix.column("state_crs__worst"), [np.nan, 2.0, 2.0, 2.0])


def test_columns_are_in_the_order_of_their_metadata_for_the_scales_of_the_spec():
    one = make_spec(scales=("icans",))
    names = [meta.name for meta in state_meta(one)]
    assert names == [f"state_icans__{statistic}" for statistic in STATISTICS]
    cohort = make_cohort(1, assessments=[(0, "crs", 4, 3.0), (0, "icans", 1, 5.0)])
    values = state_features(cohort.assessments, at((0, 24.0)), one)
    assert values.shape == (1, len(names))
    assert values[0, names.index("state_icans__grade")] == 1.0
    assert state_features(cohort.assessments, at((0, 24.0)), make_spec(scales=())).shape == (1, 0)


def test_every_statistic_is_documented():
    assert set(FORMULAS) == set(STATISTICS)
