"""The evaluation report is read and written without a change, whatever parts a file lacks."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model.evaluation_cells import PerformanceCell
from pipeline.model.evaluation_report import EvaluationReport

FIGURE = st.none() | st.integers(-5, 2000) | st.floats(allow_nan=False, allow_infinity=False)
CELL = st.dictionaries(st.sampled_from(list(PerformanceCell.model_fields)), FIGURE)
TABLE = st.dictionaries(st.sampled_from(["24", "72"]), CELL, max_size=2)


def test_the_file_of_a_training_is_read_and_written_unchanged(mini):
    text = (mini.bundle / "evaluation.json").read_text(encoding="utf-8")
    report = EvaluationReport.from_json(text)
    assert report.to_json() == text
    assert report.replace(warnings=report.warnings).to_json() == text


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(model=TABLE, other=TABLE, canary=FIGURE, hours=st.just(24) | st.just(24.5))
def test_absent_parts_stay_absent_and_numbers_keep_their_type(model, other, canary, hours):
    outcome = {"model": model, "comparators": {"last_crp": other}, "within_grade": {"reason": "x"}}
    content = {"outcomes": {"icans": outcome, "death": {}}, "canary_auroc": canary}
    content["protocol"] = {"horizons_h": [hours], "folds": None}
    content["settings_changed"] = {"a": 1, "b": [1.0, "x", {"c": None}]}
    text = json.dumps(content, sort_keys=True)
    assert json.dumps(EvaluationReport.from_json(text).to_dict(), sort_keys=True) == text


@pytest.mark.parametrize("content", [{}, {"outcomes": {}}, {"outcomes": {"icans": {}}}])
def test_missing_parts_are_at_their_defaults(content):
    report = EvaluationReport.model_validate(content)
    assert report.to_dict() == content
    assert report.cohort.name is None
    assert report.contrast_detail.reason == ""
    for outcome in report.outcomes.values():
        assert outcome.compared("grade_and_day", "72") == PerformanceCell()
        assert outcome.performance("model", "72") == PerformanceCell()
        assert outcome.added_value.at("72").diff_auroc is None


def test_the_use_of_an_analyte_holds_falls_by_horizon_or_a_reason():
    entries = {"crp": {"importance": {"24": {"fall": 0.2}}}, "nfl": {"importance": {"reason": "x"}}}
    report = EvaluationReport.model_validate({"analyte_use": {"icans": entries}})
    use = report.analyte_use["icans"]
    assert use["crp"].importance.at("24").fall == 0.2
    assert use["crp"].importance.at("72").fall is None
    assert use["nfl"].importance.reason == "x"
