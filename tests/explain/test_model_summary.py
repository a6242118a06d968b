"""What a page says about a model: base rates, ranges, headline horizon and typical values."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.explain.model_summary import (
    DayAverage,
    graded_scales,
    headline_horizon,
    summarise_model,
)
from pipeline.model.background import learn_background
from pipeline.model.bundle import Bundle
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.training_reference import TrainingReference, feature_ranges
from tests.builders import course_cohort, make_config
from tests.model.conftest import fit
from tests.pages.patients import facts

RATES = {
    "severe_crs": {
        "72": [
            {"day": 1.0, "n": 40.0, "patients": 40.0, "rate": 0.1},
            {"day": 4.0, "n": 60.0, "patients": 30.0, "rate": 0.25},
        ]
    }
}


@pytest.fixture(scope="module")
def bundle():
    fitted = fit(course_cohort(30), bootstrap=0, booster_rounds=3, inner_folds=2)
    at_risk = fitted.targets.at_risk[:, fitted.targets.thresholds.index(3)]
    background = learn_background(
        fitted.matrix, at_risk, fitted.targets.patient, fitted.model.columns
    )
    reference = TrainingReference(
        fitted.plan.spec, {}, {}, RATES, feature_ranges(fitted.matrix), False, {"x": 3}, 30,
        {"severe_crs": background},
    )  # fmt: skip
    origin = {"cohort_name": "mini", "event_patients": {"severe_crs": 12}}
    return Bundle(make_config(), reference, {"crs": fitted.model}, origin, "0" * 64)


@pytest.fixture(scope="module")
def described(bundle):
    figures = {"model": {"72": {"auroc_lo": 0.6}}, "added_value": {"72": {"diff_lo": 0.01}}}
    evaluation = {"kind": "cross-validated", "outcomes": {"severe_crs": figures}}
    return summarise_model(bundle, "cytocast", "3", EvaluationReport.model_validate(evaluation))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (0, DayAverage(1, 0.1, 40, False)),
        (2, DayAverage(1, 0.1, 40, False)),
        (3, DayAverage(4, 0.25, 60, True)),
        (99, DayAverage(4, 0.25, 60, True)),
    ],
)
def test_the_base_rate_is_that_of_the_nearest_day(described, day, expected):
    assert described.usual("severe_crs", day, 72.0) == expected
    assert described.usual("severe_crs", day, 24.0) is None
    assert described.usual("icans", day, 72.0) is None


def test_events_of_a_day_are_its_share_rounded():
    assert DayAverage(1, 0.1, 44, False).events == 4
    assert DayAverage(1, 0.1, 45, False).events == 5


def test_ranges_are_in_natural_units(described, bundle):
    for analyte in bundle.reference.spec.analytes:
        low, high = bundle.reference.ranges[f"{analyte.key}__last"]
        assert analyte.log
        assert described.ranges[analyte.key] == pytest.approx((2**low, 2**high))


def test_typical_values_are_the_mean_over_the_patients_behind_the_prototypes(described, bundle):
    background = bundle.reference.background["severe_crs"]
    column = background.columns.index("crp__last")
    for day, prototypes in background.days.items():
        known = ~np.isnan(prototypes.values[:, column])
        mean = np.average(prototypes.values[known, column], weights=prototypes.patients[known])
        value = described.typical_value("severe_crs", 24.0 * day + 3, "crp")
        assert value == pytest.approx(2**mean)
    assert described.typical_value("icans", 24.0, "crp") is None
    assert described.typical_value("severe_crs", 24.0, "nfl") is None


def test_figures_are_those_at_the_headline_horizon(described):
    assert described.horizon == 72.0
    figures = described.validation["severe_crs"]
    assert figures.shown.auroc_lo == 0.6
    assert figures.added.diff_lo == 0.01
    assert figures.no_state.auroc_lo is None


@pytest.mark.parametrize(("wanted", "nearest"), [(72, 72.0), (30, 24.0), (70, 72.0), (999, 168.0)])
def test_the_headline_is_the_fitted_horizon_nearest_to_the_setting(bundle, wanted, nearest):
    predict = bundle.config.predict.model_copy(update={"headline_hours": wanted})
    config = bundle.config.model_copy(update={"predict": predict})
    assert headline_horizon(replace(bundle, config=config)) == nearest


def test_without_an_evaluation_nothing_is_said_of_skill(bundle):
    described = summarise_model(bundle, "cytocast", "", None)
    assert described.validation == {}
    assert described.validation_kind == ""
    assert described.event_patients == {"severe_crs": 12}


def test_scales_are_named_once_and_death_is_no_grade():
    assert graded_scales(facts()) == ["crs", "icans"]
    outcomes = {"death": replace_scale("death"), **facts().outcomes}
    assert graded_scales(facts(outcomes=outcomes)) == ["crs", "icans"]


def replace_scale(scale):
    outcome = next(iter(facts().outcomes.values()))
    return outcome.model_copy(update={"scale": scale, "threshold": 1})
