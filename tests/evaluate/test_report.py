"""The evaluation report is put together: rivals of an outcome, counts, protocol and parts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from pipeline.config import Config, OutcomeConfig, load_config
from pipeline.evaluate.report import (
    assemble,
    event_patients,
    few_events,
    result_times,
    rival_hours,
)
from pipeline.evaluate.scoring_protocol import ScoredOutcome
from pipeline.model.evaluation_report import EvaluatedCohort, EvaluationReport, ResultTimes
from pipeline.model.outcomes import build_targets
from tests.builders import at, lab, make_cohort, make_spec
from tests.evaluate.scored import make_scores

NAN, INF = float("nan"), float("inf")
N = 60


def settings(**changes) -> Config:
    config = load_config()
    chosen = config.evaluation.model_copy(update={"bootstrap": 20, **changes})
    return config.model_copy(update={"evaluation": chosen})


def scored(seed=0) -> ScoredOutcome:
    random = np.random.default_rng(seed)
    risk = random.uniform(0.05, 0.9, N)
    names = ("model", "model_no_state", "grade_and_day", "clinical_state", "base_rate")
    scores = make_scores(
        {**dict.fromkeys(names, risk), "constant": np.full(N, 0.5)},
        random.random(N) < risk,
        horizons=(72.0,),
        grade=np.zeros(N),
    )
    return ScoredOutcome(scores, ())


def assembled(parts, config=None, *, kind="cross-validated", cohort=None, **more):
    grades = [(number, "crs", number % 4, 1.0) for number in range(N // 2)]
    return assemble(
        parts,
        config or settings(),
        kind=kind,
        cohort=cohort or make_cohort(N, assessments=grades),
        spec=make_spec(),
        evaluated=EvaluatedCohort(name="small"),
        warnings=["one"],
        command="cytocast train",
        **more,
    )


@pytest.fixture(scope="module")
def whole():
    return assembled({"severe_crs": scored()})


def test_times_of_results_are_counted_without_cancelled_ones():
    rows = [lab(0, "crp", 5.0, 10.0), lab(0, "crp", 6.0, 20.0, 23.0)]
    rows += [lab(0, "crp", 7.0, 30.0, status="cancelled")]
    assert result_times(make_cohort(1, labs=rows)) == ResultTimes(rows=2, as_collected=1)


def test_rivals_are_counted_from_the_landmark_and_not_before_it():
    """Four patients at 24 h: ICANS later, ICANS before, death, and never graded for ICANS."""
    cohort = make_cohort(
        4,
        assessments=[
            *((patient, "icans", 0, 1.0) for patient in range(3)),
            (0, "icans", 1, 60.0),
            (1, "icans", 2, 20.0),
        ],
        patients={
            "death_hours": [NAN, NAN, 100.0, NAN],
            "second_infusion_hours": [NAN, 90.0, NAN, 40.0],
            "new_therapy_hours": [NAN, 50.0, NAN, NAN],
        },
    )
    scores = make_scores({"model": np.full(4, 0.1)}, np.zeros(4))
    hours = rival_hours(cohort, scores, "crs")
    assert set(hours) == {"icans", "iec_hs", "death", "second_infusion_or_new_therapy"}
    np.testing.assert_array_equal(hours["icans"], [36.0, INF, INF, NAN])
    np.testing.assert_array_equal(hours["death"], [INF, INF, 76.0, INF])
    np.testing.assert_array_equal(hours["second_infusion_or_new_therapy"], [INF, 26.0, INF, 16.0])
    known = rival_hours(cohort, scores, "crs", "no_event")
    np.testing.assert_array_equal(known["icans"], [36.0, INF, INF, INF])
    assert "icans" not in rival_hours(cohort, scores, "icans")
    grade_2 = OutcomeConfig(scale="icans", threshold=2, label="ICANS 2")
    chosen = rival_hours(cohort, scores, "crs", "no_event", {"icans_2": grade_2})
    assert "icans" not in chosen
    np.testing.assert_array_equal(chosen["icans_2"], [INF, INF, INF, INF])
    assert "death" not in rival_hours(cohort, scores, "death")


@effort(max_examples=12, deadline=None)
@given(
    grades=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(1, 90).map(float)), max_size=15
    )
)
def test_event_patients_are_at_risk_at_some_landmark_and_have_the_event_later(grades):
    moments = [(patient, hour) for patient in range(6) for hour in (24.0, 48.0)]
    ends = {"record_end_hours": np.full(6, 96.0), "followed_until_hours": np.full(6, 600.0)}
    rows = [(patient, "crs", grade, hour) for patient, grade, hour in grades]
    targets = build_targets(
        make_cohort(6, assessments=rows, patients=ends), at(*moments), "crs", (2, 3), "no_event"
    )
    for threshold in (2, 3):
        first = {}
        for patient, grade, hour in grades:
            if grade >= threshold:
                first[patient] = min(hour, first.get(patient, INF))
        expected = sum(hour >= 24.0 for hour in first.values())
        assert event_patients(targets, threshold) == expected


@given(count=st.integers(0, 200), minimum=st.integers(0, 50))
def test_there_is_a_warning_below_a_hundred_event_patients_or_the_minimum(count, minimum):
    warnings = few_events("icans", count, minimum)
    assert len(warnings) == (count < max(100, minimum))
    assert all(line.startswith(f"icans: {count:,} event patient") for line in warnings)
    if count < minimum:
        assert f"fewer than {minimum}" in warnings[0]


def test_the_report_is_json_without_a_change_and_has_curves_for_its_page(whole):
    text = whole.report.to_json()
    assert EvaluationReport.from_json(text) == whole.report
    json.loads(text, parse_constant=pytest.fail)
    assert set(whole.report.outcomes["severe_crs"].curves) == {"72"}
    assert (whole.report.kind, whole.report.command) == ("cross-validated", "cytocast train")
    assert whole.report.warnings == ["one"]
    assert whole.report.canary_auroc == 0.5


def test_parts_are_added_to_a_copy(whole):
    more = whole.with_parts(warnings=["two"], canary_auroc=0.6)
    assert (more.report.warnings, more.report.canary_auroc) == (["two"], 0.6)
    kept = set(whole.report.to_dict()) - {"warnings", "canary_auroc"}
    for name in kept:
        assert getattr(more.report, name) == getattr(whole.report, name)
    assert whole.report.warnings == ["one"]


@pytest.mark.parametrize(
    ("kind", "control"),
    [
        ("cross-validated", "refitted"),
        ("external", "applied, not refitted"),
        ("apparent", "applied, not refitted"),
    ],
)
def test_folds_and_refitted_controls_belong_to_cross_validation_only(kind, control):
    config = settings(folds=4, repeats=3)
    report = assembled({"severe_crs": scored()}, config, kind=kind).report
    internal = kind == "cross-validated"
    assert report.protocol.folds == (4 if internal else None)
    assert report.protocol.repeats == (3 if internal else None)
    assert report.protocol.bootstrap == 20
    assert report.outcomes["severe_crs"].negative_control_kind == control
    assert report.outcomes["severe_crs"].label == config.outcomes["severe_crs"].label


def test_whole_hours_are_whole_numbers_in_the_file():
    config = settings()
    model = config.model.model_copy(update={"horizons_hours": (24.0, 36.5)})
    config = config.model_copy(update={"model": model})
    protocol = assembled({"severe_crs": scored()}, config).report.protocol
    assert json.dumps(protocol.horizons_h) == "[24, 36.5]"
    assert protocol.by_day_horizon_h == 36.5


def test_the_cutoffs_of_alerts_are_those_of_the_training(whole):
    training = whole.report
    output = training.outcomes["severe_crs"].alerts["72"].model
    report = assembled({"severe_crs": scored(1)}, kind="external", training=training).report
    result = report.outcomes["severe_crs"].alerts["72"].model
    assert {rate: cell.cutoff for rate, cell in result.items()} == {
        rate: cell.cutoff for rate, cell in output.items()
    }
    alone = assembled({"severe_crs": scored(1)}, kind="external").report
    assert all(cell.reason for cell in alone.outcomes["severe_crs"].alerts["72"].model.values())


def test_the_contrast_needs_both_syndromes(whole):
    assert whole.report.contrast == {}
    assert whole.report.contrast_detail.reason
    both = assembled({"icans": scored(1), "severe_crs": scored()}).report
    assert set(both.contrast) == {"72"}
    assert both.contrast_detail.outcomes == ["severe_crs", "icans"]
    assert math.isclose(both.canary_auroc, 0.5)


def test_patients_never_graded_are_counted_by_scale(whole):
    never = whole.report.never_graded
    assert set(never) == {"crs"}
    assert (never["crs"].n, never["crs"].of) == (N // 2, N)
    assert never["crs"].with_zero == sum(number % 4 == 0 for number in range(N // 2))
