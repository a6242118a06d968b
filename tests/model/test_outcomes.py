"""Patients at risk at a landmark, and the first event afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import OutcomeConfig, load_config
from pipeline.config_model import HEADLINE_HOURS
from pipeline.errors import InputError
from pipeline.evaluate.cross_validation import rows_at_risk
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.model.outcomes import (
    build_targets,
    headline_key,
    nearest_horizon,
    onset_hours,
    refuse_unlearnable,
    refuse_unscored,
    reported_thresholds,
    stacked_thresholds,
)
from pipeline.reading.reader import read_cohort
from tests.builders import at, lab, make_cohort, make_config, make_spec

NAN = float("nan")


ROOT = Path(__file__).parents[2]


SHARED = ROOT.parent / "shared" / "data"


def labels(cohort, hours, scale="crs", threshold=3, horizon=72.0):
    landmarks = at(*[(0, hour) for hour in hours])
    return build_targets(cohort, landmarks, scale, (threshold,)).label(threshold, horizon)


def patient(assessments=(), followed=600.0, **clocks):
    columns = {f"{name}_hours": [value] for name, value in clocks.items()}
    columns["followed_until_hours"] = [followed]
    return make_cohort(1, assessments=[(0, *row) for row in assessments], patients=columns)


def test_labels_follow_the_charted_onset():
    cohort = patient([("crs", 1, 20.0), ("crs", 3, 90.0), ("crs", 4, 120.0)])
    actual = labels(cohort, [17.9, 18.0, 48.0, 90.0, 90.1, 200.0])
    np.testing.assert_equal(actual, [0.0, 1.0, 1.0, 1.0, NAN, NAN])


def test_grade_five_counts_as_severe():
    np.testing.assert_equal(labels(patient([("crs", 5, 90.0)]), [48.0]), [1.0])


@pytest.mark.parametrize("clock", ["death", "second_infusion", "new_therapy"])
def test_a_competing_event_ends_the_risk_and_is_no_event(clock):
    cohort = patient([("crs", 3, 90.0)], **{clock: 60.0})
    severe_later = [0.0, 0.0, NAN] if clock != "death" else [1.0, 1.0, NAN]
    np.testing.assert_equal(labels(cohort, [24.0, 60.0, 61.0]), severe_later)
    free = patient(**{clock: 60.0})
    np.testing.assert_equal(labels(free, [24.0, 60.0, 61.0], horizon=168.0), [0.0, 0.0, NAN])
    late = patient([("crs", 3, 90.0)], **{clock: 90.0})
    np.testing.assert_equal(labels(late, [48.0]), [1.0])


def test_a_grade_charted_after_death_stands_for_the_time_before_it():
    cohort = patient([("crs", 2, 47.9), ("crs", 5, 71.9)], death=60.0)
    targets = build_targets(cohort, at((0, 48.0), (0, 66.0)), "crs", (3,))
    assert targets.time[0, 0] == 12.0
    np.testing.assert_equal(targets.label(3, 24.0), [1.0, NAN])


def test_death_as_outcome_comes_from_either_table():
    stated = patient(death=60.0)
    charted = patient([("death", 1, 60.0)])
    for cohort in (stated, charted):
        assert onset_hours(cohort, "death", 1).tolist() == [60.0]
        np.testing.assert_equal(labels(cohort, [24.0], "death", 1), [1.0])


def test_only_loss_of_follow_up_is_unknown():
    cohort = make_cohort(
        2, patients={"followed_until_hours": [100.0, 600.0], "record_end_hours": [90.0, 90.0]}
    )
    targets = build_targets(cohort, at((0, 24.0), (0, 48.0), (1, 48.0)), "crs", (3,))
    np.testing.assert_equal(targets.label(3, 72.0), [0.0, NAN, 0.0])
    assert targets.at_risk.all()


def test_the_end_of_follow_up_does_not_leave_events_only():
    grades = [(number, "crs", 3, 95.0) for number in range(5)]
    cohort = make_cohort(
        40, assessments=grades, patients={"followed_until_hours": np.full(40, 100.0)}
    )
    targets = build_targets(cohort, at(*[(number, 72.0) for number in range(40)]), "crs", (3,))
    assert np.nansum(targets.label(3, 24.0)) == 5
    assert not np.isnan(targets.label(3, 28.0)).any()
    assert np.isnan(targets.label(3, 48.0)).all()


@pytest.mark.parametrize("late", [0, 3])
def test_who_is_graded_after_the_stated_end_is_followed_until_then(late):
    grades = [(0, "crs", 0, 30.0), (0, "crs", late, 200.0), (1, "crs", 0, 30.0)]
    grades += [(1, "icans", 0, 200.0)]
    ends = {"followed_until_hours": [60.0, 60.0], "record_end_hours": [50.0, 50.0]}
    cohort = make_cohort(2, assessments=grades, patients=ends)
    targets = build_targets(cohort, at((0, 48.0), (1, 48.0)), "crs", (3,))
    assert targets.time[:, 0].tolist() == [
        152.0,
        12.0,
    ]  # another scale does not extend follow-up on this one
    assert targets.status[:, 0].tolist() == [1 if late else 0, 0]
    np.testing.assert_equal(targets.label(3, 100.0), [0.0, NAN])
    # the end of the record is unchanged: no landmark lies after it
    assert cohort.patients["record_end_hours"].tolist() == [50.0, 50.0]


def ungraded_targets(grades, setting="as_charted"):
    """Targets at 24 h and 48 h of four patients; the last is never graded."""
    moments = at(*[(number, hour) for number in range(4) for hour in (24.0, 48.0)])
    cohort = make_cohort(4, assessments=grades, patients={"followed_until_hours": [600.0] * 4})
    return build_targets(cohort, moments, "crs", (1, 3), setting)


def test_who_was_never_graded_has_no_label_where_grade_0_is_charted():
    zeros = [(0, "crs", 0, 5.0), (0, "crs", 3, 50.0), (1, "crs", 0, 5.0), (2, "crs", 1, 30.0)]
    known = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    actual = ungraded_targets(zeros)
    np.testing.assert_equal(actual.label(3, 72.0), [*known, NAN, NAN])
    assert actual.at_risk[:, 1].tolist() == [True] * 6 + [False] * 2
    assert actual.time[6:].max() == 0.0
    np.testing.assert_equal(ungraded_targets(zeros, "no_event").label(3, 72.0), [*known, 0.0, 0.0])
    # the loss of the fourth does not make the others weigh more
    assert actual.followed(3).share.min() == ungraded_targets(zeros[:-1]).followed(3).share.min()
    # where only events are charted, silence is no event
    events = [(0, "crs", 3, 50.0), (2, "crs", 1, 30.0)]
    np.testing.assert_equal(ungraded_targets(events).label(3, 72.0), [*known, 0.0, 0.0])
    missing = ungraded_targets(events, "unknown").label(3, 72.0)
    np.testing.assert_equal(missing, [1.0, 1.0, NAN, NAN, 0.0, 0.0, NAN, NAN])


def test_a_death_of_a_patient_never_graded_is_no_competing_event_of_the_scale():
    zeros = [(number, "crs", 0, 5.0) for number in range(3)]
    cohort = make_cohort(4, assessments=zeros, patients={"death_hours": [NAN, NAN, NAN, 60.0]})
    assert not build_targets(cohort, at((3, 24.0)), "crs", (3,)).at_risk.any()
    np.testing.assert_equal(
        build_targets(cohort, at((3, 24.0)), "death", (1,)).label(1, 72.0), [1.0]
    )


@settings(deadline=None, max_examples=20)
@given(
    grades=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100).map(float)), max_size=6),
    later=st.lists(st.tuples(st.integers(0, 5), st.integers(60, 200).map(float)), max_size=6),
    death=st.none() | st.integers(60, 200).map(float),
)
def test_no_landmark_is_dropped_because_of_what_follows(grades, later, death):
    clocks = {"record_end": 96.0}
    landmarks = [24.0, 48.0, 60.0]

    def at_risk(rows, **more):
        cohort = patient([("crs", *row) for row in rows], **clocks, **more)
        actual = training_landmarks(cohort, load_config().landmarks, "crs")
        assert actual["hours"].tolist() == [24.0, 48.0, 72.0, 96.0]
        return build_targets(cohort, at(*[(0, hour) for hour in landmarks]), "crs", (1, 3)).at_risk

    past = [row for row in grades if row[1] < 60.0]
    more = {} if death is None else {"death": death}
    np.testing.assert_array_equal(at_risk(past), at_risk([*past, *later], **more))


def test_thresholds_taught_together():
    grades = [(0, "crs", 1, 5.0), (1, "crs", 2, 5.0), (2, "crs", 2, 5.0), (3, "crs", 5, 5.0)]
    cohort = make_cohort(5, assessments=grades)
    assert stacked_thresholds(cohort, "crs", (3,)) == (1, 2, 3)
    with pytest.raises(InputError, match="no assessment on the scale 'icans'"):
        stacked_thresholds(cohort, "icans", (1,))
    mild = make_cohort(2, assessments=grades[:2])
    with pytest.raises(InputError, match="no patient reaches grade 3"):
        stacked_thresholds(mild, "crs", (3,))
    assert reported_thresholds(load_config().outcomes, "icans") == (1, 3)
    assert reported_thresholds(make_config().outcomes, "crs") == (3,)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public cohorts are not beside the project")
def test_counts_on_the_recovered_public_cohort():
    config = load_config([ROOT / "configs" / "cohorts" / "prcrs.yaml"])
    cohort = read_cohort(SHARED / "prcrs_recovered", config.cohort).cohort
    landmarks = training_landmarks(cohort, config.landmarks, "crs")
    targets = build_targets(cohort, landmarks, "crs", (3,))
    matrix = build_features(cohort, landmarks, make_spec(analytes=()))
    rows = rows_at_risk(matrix, targets, np.arange(len(landmarks)), 3)
    assert len(rows) == 983
    assert (landmarks["weight"] == 1.0).all()
    events = [int(targets.label(3, horizon)[rows].sum()) for horizon in (24.0, 48.0, 72.0, 168.0)]
    assert events == [31, 62, 92, 159]


def refusal(grades, *, followed=600.0, end=96.0, horizons=(24.0, 48.0)):
    """Message that refuses an outcome of ten patients with these daily grades."""
    rows = [(patient, "crs", grade, hour) for patient in range(10) for grade, hour in grades]
    ends = {"record_end_hours": np.full(10, end), "followed_until_hours": np.full(10, followed)}
    cohort = make_cohort(10, [lab(0, "crp", 5.0, 1.0)], rows, patients=ends)
    landmarks = training_landmarks(cohort, make_config().landmarks, "crs")
    targets = build_targets(cohort, landmarks, "crs", (3,))
    asked = OutcomeConfig(scale="crs", threshold=3, label="Severe CRS")
    with pytest.raises(InputError) as caught:
        refuse_unlearnable("severe", asked, targets, np.ones(len(landmarks), bool), horizons)
    assert "leave 'severe' out" in str(caught.value)
    return str(caught.value)


def test_an_outcome_that_teaches_nothing_is_refused_with_the_reason():
    assert "no landmark is at risk" in refusal([(3, 6.0)])
    assert "no landmark is at risk" in refusal([(0, 6.0)], end=12.0)
    assert "no landmark is followed by crs grade 3" in refusal([(0, 6.0), (3, 400.0)])
    assert "no landmark is followed to the end" in refusal([(0, 6.0)], followed=30.0, end=30.0)
    assert "every landmark is followed by" in refusal([(3, 30.0)], end=29.0)


def test_an_outcome_that_no_fold_could_score_is_refused():
    asked = {"severe": OutcomeConfig(scale="crs", threshold=3, label="Severe CRS")}
    refuse_unscored(asked, "crs", [1, 3])
    refuse_unscored(asked, "icans", [])
    with pytest.raises(InputError, match=r"severe: no fold of .*cohort\.ungraded"):
        refuse_unscored(asked, "crs", [1])


hours = st.lists(st.integers(1, 700), min_size=1, max_size=8, unique=True)


@given(horizons=hours, wanted=st.integers(0, 800))
def test_no_horizon_is_nearer_and_none_as_near_is_shorter(horizons, wanted):
    best = horizons[0]
    for other in horizons:
        gap, least = abs(other - wanted), abs(best - wanted)
        if gap < least or (gap == least and other < best):
            best = other
    assert nearest_horizon([float(item) for item in horizons], wanted) == best
    assert nearest_horizon([str(item) for item in horizons], wanted) == str(best)


@pytest.mark.parametrize("horizons", [[24, 72], [72, 24], [168, 72, 24, 0]])
def test_of_two_equally_near_horizons_the_shorter_is_taken(horizons):
    assert nearest_horizon([float(item) for item in horizons], 48.0) == 24.0
    assert nearest_horizon([str(item) for item in horizons], 48.0) == "24"


@given(horizons=hours, data=st.data())
def test_the_order_of_the_horizons_does_not_matter(horizons, data):
    keys = [f"{item:g}" for item in horizons]
    assert headline_key(data.draw(st.permutations(keys))) == headline_key(keys)


@given(horizons=hours)
def test_the_headline_is_the_fixed_horizon_wherever_it_is_fitted(horizons):
    keys = [f"{item:g}" for item in {*horizons, HEADLINE_HOURS}]
    assert float(headline_key(keys)) == HEADLINE_HOURS


def test_keys_are_compared_as_numbers_not_as_text():
    assert nearest_horizon(["9", "100"], 90.0) == "100"
    assert nearest_horizon(["36.5", "48"], 40.0) == "36.5"


def test_without_a_horizon_a_report_has_no_headline_and_a_model_is_refused():
    assert headline_key([]) == ""
    with pytest.raises(ValueError, match="empty"):
        nearest_horizon([], 72.0)
