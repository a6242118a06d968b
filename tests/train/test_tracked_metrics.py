"""Metrics of a run: names, intervals, differences, and tables with a row per predictor."""

from __future__ import annotations

from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import ControlCell, PartCell, PerformanceCell
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.train.tracked_metrics import (
    comparator_table,
    outcome_metrics,
    subgroup_table,
    training_metrics,
)

CELL = PerformanceCell(auroc=0.8, auroc_lo=0.7, auroc_hi=0.9, brier=0.1, cal_slope=1.1, n_events=9)
OTHER = PerformanceCell(auroc=0.75, diff_auroc=0.05, diff_lo=-0.01, diff_hi=0.1)
CONTROL = ControlCell(auroc=0.7, diff_auroc=0.1, diff_lo=0.02, diff_hi=0.2)
OUTCOME = OutcomeReport(
    label="ICANS",
    model={"24": CELL, "72": CELL.model_copy(update={"auroc": 0.82})},
    comparators={"grade_and_day": {"72": OTHER}},
    negative_control={"72": CONTROL},
    model_no_state={"72": PerformanceCell(auroc=0.7)},
    subgroups={"sex": {"female": {"72": PartCell(auroc=0.6, n=5)}}},
)
EVALUATION = EvaluationReport(outcomes={"icans": OUTCOME})


def test_a_training_has_every_horizon_and_the_headline_of_the_gates():
    metrics = training_metrics(EVALUATION, 72)
    assert metrics["icans/h24/auroc"] == 0.8
    assert metrics["icans/h72/auroc"] == metrics["headline/icans_auroc"] == 0.82
    assert metrics["headline/icans_minus_grade_and_day_lo"] == -0.01
    assert metrics["headline/icans_minus_negative_control"] == 0.1
    assert training_metrics(EVALUATION, 24)["headline/icans_auroc"] == 0.8
    assert metrics["icans/h72/no_state/auroc"] == metrics["headline/icans_no_state_auroc"] == 0.7


def test_what_cannot_be_estimated_is_absent():
    metrics = outcome_metrics(OUTCOME)
    assert "h24/auprc" not in metrics
    assert None not in metrics.values()
    assert not any(name.startswith("h24/minus") for name in metrics)


def test_an_outcome_has_intervals_and_paired_differences():
    metrics = outcome_metrics(OUTCOME)
    assert (metrics["h72/auroc_lo"], metrics["h72/auroc_hi"]) == (0.7, 0.9)
    assert metrics["h72/minus_negative_control/auroc_hi"] == 0.2
    assert metrics["h72/n_events"] == 9.0
    assert metrics["h72/grade_and_day/auroc"] == 0.75
    assert metrics["h72/negative_control/auroc"] == 0.7


def test_tables_have_a_row_per_predictor_and_level():
    table = comparator_table(EVALUATION)
    assert list(table["predictor"].unique()) == ["model", "model_no_state", "grade_and_day"]
    row = table[(table["predictor"] == "grade_and_day") & (table["horizon_h"] == 72)].iloc[0]
    assert (row["auroc"], row["diff_auroc"]) == (0.75, 0.05)
    (level,) = subgroup_table(EVALUATION).to_dict("records")
    assert (level["attribute"], level["level"], level["auroc"]) == ("sex", "female", 0.6)
