"""Status of each landmark, and the order of precedence if several apply."""

import pytest

from pipeline.config import OutcomeConfig, PredictConfig
from pipeline.features.build import build_features
from pipeline.model.abstention import abstention_codes, support_from_reference
from pipeline.model.status import ABSTAINED, EVENT_PRESENT, OK, outcome_statuses
from pipeline.model.training_reference import TrainingReference
from tests.builders import at, lab, make_cohort, make_spec

SPEC = make_spec(analytes=("crp",))
RANGES = {"crp__last": (-10.0, 20.0)}
RATES = {"severe_crs": {"24": [{"day": 9.0, "n": 40.0, "patients": 40.0, "rate": 0.1}]}}
REFERENCE = TrainingReference(SPEC, {}, {}, RATES, RANGES, False, {}, 40)
SEVERE = OutcomeConfig(scale="crs", threshold=3, label="Severe CRS")
RULE = PredictConfig(min_analytes=1)


def status_of(*, grades=(), hours=48.0, labs=True, mostly_rejected="", **patients):
    measured = [lab(0, "crp", 9.0, hours - 2.0)] if labs else []
    columns = {name: [value] for name, value in patients.items()}
    cohort = make_cohort(1, measured, [(0, "crs", *grade) for grade in grades], patients=columns)
    matrix = build_features(cohort, at((0, hours)), SPEC)
    support = support_from_reference(REFERENCE)
    statuses = outcome_statuses(
        cohort,
        matrix.landmarks,
        SEVERE,
        abstention_codes(matrix, None, support, RULE),
        mostly_rejected,
    )
    status = statuses.status[0]
    assert (status == OK) == (statuses.reason[0] == "")
    assert statuses.estimated().tolist() == ([0] if status == OK else [])
    return status


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ([(2, 40.0)], OK),
        ([(3, 40.0)], EVENT_PRESENT),
        ([(5, 40.0)], EVENT_PRESENT),
        ([(3, 40.0), (0, 46.0)], EVENT_PRESENT),
        ([(3, 48.0)], OK),
    ],
    ids=["moderate", "severe", "death grade", "resolved since", "charted at the landmark"],
)
def test_an_event_charted_before_the_landmark_is_present_for_good(grades, expected):
    assert status_of(grades=grades) == expected


@pytest.mark.parametrize("end", ["death_hours", "second_infusion_hours", "new_therapy_hours"])
def test_no_estimate_after_a_competing_event(end):
    assert status_of(**{end: 30.0}) == ABSTAINED
    assert status_of(**{end: 60.0}) == OK


def test_no_estimate_before_the_infusion_without_labs_or_with_most_results_rejected():
    assert status_of(hours=-5.0) == ABSTAINED
    assert status_of(labs=False) == ABSTAINED
    assert status_of(mostly_rejected="most") == ABSTAINED


def test_an_event_that_is_present_counts_before_every_reason_to_abstain():
    severe = [(3, 40.0)]
    assert (
        status_of(grades=severe, labs=False, mostly_rejected="x", death_hours=45.0) == EVENT_PRESENT
    )
