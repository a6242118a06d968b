"""The table before and after: one row each, nothing for a trained bundle."""

from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.recalibration_report import BeforeAfter, RecalibrationReport, UpdateFigures
from pipeline.pages.recalibration_table import change_lines, recalibration_grid


def report() -> EvaluationReport:
    before = UpdateFigures(cal_slope=2.4, cal_slope_lo=1.9, cal_slope_hi=3.0, cal_intercept=-1.9)
    after = UpdateFigures(cal_slope=1.0, net_benefit={"0.1": 0.02})
    part = RecalibrationReport(
        performance={"death": {"72": BeforeAfter(before=before, after=after)}}
    )
    return EvaluationReport(recalibration=part)


def test_each_horizon_has_a_row_before_and_after():
    grid = recalibration_grid(report())
    assert [row[1] for row in grid.rows] == ["2.40 [1.90, 3.00]", "1.00"]
    assert grid.rows[1][-1] == "10% 0.020"
    assert grid.main == {1}
    assert all(len(row) == len(grid.head) for row in grid.rows)


def test_lines_for_stdout_name_outcome_and_horizon():
    (line,) = change_lines(report())
    assert {"death", "72", "2.40", "1.00", "-1.90"} <= set(line.replace(",", "").split())


def test_a_trained_bundle_has_neither():
    assert recalibration_grid(EvaluationReport()) is None
    assert change_lines(EvaluationReport()) == []
