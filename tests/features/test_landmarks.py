"""Landmarks: grid, batches of results, ends of records and weights."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import LandmarkConfig
from pipeline.errors import UsageError
from pipeline.features.landmarks import (
    assessed_several_times_a_day,
    every_result_landmarks,
    given_landmarks,
    grid_landmarks,
    next_minute,
    result_landmarks,
    training_landmarks,
)
from tests.builders import lab, make_cohort

MINUTE = 1.0 / 60.0


def test_grid_ends_with_the_record_inclusive():
    cohort = make_cohort(3, patients={"record_end_hours": [72.0, 71.9, 10.0]})
    table = grid_landmarks(cohort, np.array([24.0, 48.0, 72.0]))
    assert list(zip(table["patient"], table["hours"], strict=True)) == [
        (0, 24.0),
        (0, 48.0),
        (0, 72.0),
        (1, 24.0),
        (1, 48.0),
    ]


@given(hour=st.floats(-200, 2000) | st.integers(-2000, 100000).map(lambda number: number / 60.0))
def test_next_minute_is_whole_and_strictly_later(hour):
    moment = float(next_minute(np.array([hour]))[0])
    assert moment > hour
    assert moment - hour <= 1.01 * MINUTE + 1e-9
    assert abs(moment * 60.0 - round(moment * 60.0)) < 1e-6


def test_results_of_one_hour_give_one_landmark_at_its_end():
    rows = [
        lab(0, "crp", 1.0, 5.0, 8.0),
        lab(0, "il6", 1.0, 5.0, 8.5),
        lab(0, "ldh", 1.0, 5.0, 8.5),
        lab(0, "crp", 1.0, 9.0, 9.5),
        lab(0, "crp", 1.0, -9.0, -5.0),
        lab(0, "crp", 1.0, 20.0, 40.0),
        lab(1, "crp", 1.0, 8.0, 9.0),
    ]
    ends = {"record_end_hours": [40.0, 100.0]}
    table = result_landmarks(make_cohort(2, rows, patients=ends), 336.0)
    assert table["patient"].tolist() == [0, 0, 1]
    assert table["hours"].tolist() == [9.0, 10.0, 10.0]
    assert result_landmarks(make_cohort(2, rows, patients=ends), 9.2)["patient"].tolist() == [0]


def test_result_landmarks_up_to_an_hour_do_not_depend_on_what_comes_later():
    rows = [lab(0, "crp", 1.0, hours, hours + 0.2) for hours in (3.0, 3.5, 3.9, 4.4, 9.0)]
    ends = {"record_end_hours": [50.0]}
    for kept in range(1, len(rows) + 1):
        earlier = result_landmarks(make_cohort(1, rows[:kept], patients=ends), 336.0)["hours"]
        everything = result_landmarks(make_cohort(1, rows, patients=ends), 336.0)["hours"]
        assert set(earlier) <= set(everything)


def test_result_landmarks_only_where_grades_are_finer_than_a_day():
    rows = [lab(0, "crp", 1.0, 30.0)]
    daily = make_cohort(1, rows, [(0, "crs", 0, 24.0 * day) for day in range(1, 5)])
    fine = make_cohort(1, rows, [(0, "crs", 0, 8.0 * shift) for shift in range(1, 12)])
    assert not assessed_several_times_a_day(daily, "crs")
    assert assessed_several_times_a_day(fine, "crs")
    assert not assessed_several_times_a_day(fine, "icans")
    settings_ = LandmarkConfig()
    assert set(training_landmarks(daily, settings_, "crs")["source"]) == {"grid"}
    assert set(training_landmarks(fine, settings_, "crs")["source"]) == {"grid", "result"}
    always = LandmarkConfig(at_results="always")
    assert set(training_landmarks(daily, always, "crs")["source"]) == {"grid", "result"}
    assert len(training_landmarks(make_cohort(2), always, "crs")) == 0


@settings(deadline=None, max_examples=15)
@given(
    resulted=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 9000).map(lambda minute: minute / 60.0)),
        max_size=30,
    )
)
def test_weights_sum_to_one_per_patient_day_and_moments_are_unique(resulted):
    rows = [lab(who, "crp", 1.0, hours) for who, hours in resulted]
    cohort = make_cohort(3, rows, patients={"record_end_hours": [150.0, 100.0, 24.0]})
    config = LandmarkConfig(at_results="always", extra_hours=(12.0,))
    table = training_landmarks(cohort, config, "crs")
    assert not table.duplicated(["patient", "hours"]).any()
    order = np.lexsort((table["hours"], table["patient"]))
    assert (order == np.arange(len(table))).all()
    end = cohort.patients["record_end_hours"].to_numpy()[table["patient"]]
    assert (table["hours"] <= end).all()
    total = table.groupby([table["patient"], table["hours"] // 24])["weight"].sum()
    np.testing.assert_allclose(total, 1.0)
    grid = table.loc[table["source"] == "grid"]
    assert set(grid.loc[grid["patient"] == 2, "hours"]) == {12.0, 24.0}


def test_landmarks_at_every_new_result_are_those_of_a_prediction():
    rows = [lab(0, "crp", 1.0, 1.0, 5.0), lab(0, "ferritin", 1.0, 1.0, 5.0)]
    rows += [lab(0, "crp", 1.0, 6.0, 7.51), lab(1, "crp", 1.0, -9.0, -5.0)]
    cohort = make_cohort(2, rows, patients={"record_end_hours": [7.6, 50.0]})
    moments = every_result_landmarks(cohort)
    assert moments["patient"].tolist() == [0, 0]
    assert moments["hours"].round(6).tolist() == [round(301 / 60, 6), round(451 / 60, 6)]
    assert every_result_landmarks(cohort, 6.0)["hours"].tolist() == moments["hours"].tolist()[:1]


def test_landmarks_at_given_times_name_unknown_patients():
    cohort = make_cohort(2)
    given = pd.DataFrame({"patient_id": ["P001", "P000"], "hours": [9, 24]})
    assert given_landmarks(cohort, given)[["patient", "hours"]].to_numpy().tolist() == [
        [0, 24.0],
        [1, 9.0],
    ]
    with pytest.raises(UsageError, match="P9"):
        given_landmarks(cohort, given.assign(patient_id=["P9", "P000"]))
    for hours in (["x", "3"], [np.nan, 3.0], [np.inf, 3.0]):
        with pytest.raises(UsageError, match=r"row 0, column 'hours'"):
            given_landmarks(cohort, given.assign(hours=hours))
    with pytest.raises(UsageError, match=r"'patient_id' and 'hours', got patient_id"):
        given_landmarks(cohort, given[["patient_id"]])
