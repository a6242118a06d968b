"""The report of an outcome: tables that mix horizons and names, and intervals kept apart."""

from __future__ import annotations

from pipeline.model.evaluated_outcome import OtherSplit, OutcomeReport
from pipeline.model.evaluation_cells import Metric


def test_tables_that_mix_horizons_and_names_are_typed():
    content = {
        "added_value": {"72": {"diff_auroc": 0.1}, "against_clinical_state": {"72": {}}},
        "within_grade": {"24": {"model": {"auroc": 0.7}}},
    }
    outcome = OutcomeReport.model_validate(content)
    assert outcome.added_value.at("72").diff_auroc == 0.1
    assert list(outcome.added_value.against_clinical_state) == ["72"]
    assert outcome.within_grade.by_horizon()["24"].model.auroc == 0.7
    assert outcome.to_dict() == content


def test_a_further_split_is_a_table_or_the_reason_why_there_is_none():
    splits = {"leave_one_site_out": {"model": {"24": {"auroc": 0.7}}}, "temporal": "no dates"}
    parsed = OutcomeReport.model_validate({"further_splits": splits}).further_splits
    assert isinstance(parsed["leave_one_site_out"], OtherSplit)
    assert parsed["temporal"] == "no dates"


def test_intervals_kept_apart_join_their_cell():
    content = {
        "comparators": {"x": {"24": {"brier": 0.2}}},
        "probability_intervals": {"x": {"24": {"brier_lo": 0.1, "brier_hi": 0.3}}},
    }
    outcome = OutcomeReport.model_validate(content)
    assert outcome.performance("x", "24").brier_score == Metric(0.2, 0.1, 0.3)
    assert outcome.compared("x", "24").brier_score == Metric(0.2)
