"""Abstention is counted on held-out patients, by the rule that prediction applies."""

import numpy as np
import pandas as pd
import pytest

from pipeline.config import Config, PredictConfig
from pipeline.evaluate.abstention_rates import (
    abstention_line,
    abstention_report,
    held_out_abstentions,
)
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.model.abstention import TrainingSupport, abstention_codes, support_from_rows
from pipeline.model.evaluation_report import Abstentions
from pipeline.model.outcomes import build_targets
from pipeline.model.training_reference import feature_ranges
from tests.builders import at, course_cohort, lab, make_cohort, make_config, make_spec

SPEC = make_spec(analytes=("crp", "ferritin"), scales=("crs",), drugs=())
FAMILIAR = TrainingSupport(
    ("crp", "ferritin"),
    {"crp__last": (0.0, 9.0), "ferritin__last": (0.0, 12.0)},
    14.0,
    {"axi-cel": 5},
)


def code_at(hours: float, labs, product: str | None = "axi-cel", **settings) -> str:
    cohort = make_cohort(1, labs)
    matrix = build_features(cohort, at((0, hours)), SPEC)
    config = PredictConfig(**settings)
    return str(
        abstention_codes(matrix, pd.Series([product], dtype="str"), FAMILIAR, config).code[0]
    )


BOTH = (lab(0, "crp", 20.0, 10.0), lab(0, "ferritin", 500.0, 10.0))


@pytest.mark.parametrize(
    ("hours", "labs", "product", "expected"),
    [
        (24.0, BOTH, "axi-cel", ""),
        (24.0, (), "axi-cel", "no_lab"),
        (24.0, BOTH[:1], "axi-cel", "few_labs"),
        (200.0, BOTH, "axi-cel", "few_labs"),
        (24.0, BOTH, "other-cel", "unseen_product"),
        (24.0, BOTH, None, ""),
        (24.0 * 16 + 1, BOTH, "axi-cel", "late"),
    ],
)
def test_each_reason(hours, labs, product, expected):
    assert code_at(hours, labs, product) == expected


def test_values_far_from_training():
    far = (lab(0, "crp", 5000.0, 10.0), lab(0, "ferritin", 90000.0, 10.0))
    assert code_at(24.0, far) == "far"
    assert code_at(24.0, (far[0], BOTH[1])) == ""


def test_without_a_floor_a_landmark_without_a_lab_is_still_counted():
    assert code_at(24.0, (), min_analytes=0) == ""


@pytest.fixture(scope="module")
def course():
    cohort = course_cohort(n_patients=40)
    products = np.array(["common"] * 39 + ["rare"])
    cohort = make_cohort(
        40,
        [
            tuple(row)
            for row in cohort.labs[
                ["patient", "analyte", "value", "collected_hours", "resulted_hours"]
            ].itertuples(index=False)
            for row in ((*row, 0, "final"),)
        ],
        [
            tuple(row)
            for row in cohort.assessments[
                ["patient", "scale", "grade", "assessed_hours"]
            ].itertuples(index=False)
        ],
        patients={
            "product": products,
            "record_end_hours": np.full(40, 168.0),
            "followed_until_hours": np.full(40, 600.0),
        },
    )
    config = Config.model_validate(
        {**make_config().model_dump(), "landmarks": {"at_results": "never"}}
    )
    landmarks = training_landmarks(cohort, config.landmarks, "crs")
    targets = build_targets(cohort, landmarks, "crs", (3,))
    return cohort, build_features(cohort, landmarks, SPEC), targets, config


def test_a_product_of_one_patient_is_unseen_when_that_patient_is_held_out(course):
    cohort, matrix, targets, config = course
    code = held_out_abstentions(cohort, matrix, targets, 3, ("crp", "ferritin"), config)
    report = abstention_report(code, matrix, targets, 3)
    at_risk = targets.at_risk[:, 0]
    of_rare = int((at_risk & (targets.patient == 39)).sum())
    few = report.by_reason.get("few_labs", 0) + report.by_reason.get("no_lab", 0)
    assert of_rare > 0
    assert 0 < report.by_reason["unseen_product"] <= of_rare
    assert report.by_reason["unseen_product"] + few >= of_rare
    assert report.n == int(at_risk.sum())
    assert report.n_abstained == sum(report.by_reason.values())
    assert report.n_without_lab >= report.by_reason.get("no_lab", 0)
    assert abstention_line("severe_crs", report).startswith("severe_crs: no estimate at ")


@pytest.mark.parametrize(
    ("without", "ends"), [(0, "2,850 landmarks"), (1200, "1,200 without a lab")]
)
def test_no_abstention_has_one_count_and_landmarks_without_lab_only_if_any(without, ends):
    line = abstention_line("icans", Abstentions(n=2850, rate=0.0, n_without_lab=without))
    assert line.endswith(ends)
    assert "0.0%" not in line


def test_ranges_come_from_the_given_rows_only(course):
    _, matrix, targets, _ = course
    low = np.flatnonzero(targets.patient < 10)
    familiar = support_from_rows(matrix.take(low), ("crp",), None)
    assert familiar.ranges == feature_ranges(matrix.take(low))
    assert familiar.ranges["crp__last"] != feature_ranges(matrix)["crp__last"]
