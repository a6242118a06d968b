"""Curves survive evaluation.json unchanged, unknown points included."""

from pipeline.model.evaluation_curves import (
    CalibrationGroups,
    HorizonCurves,
    RiskDistribution,
    RocCurve,
    SmoothCalibration,
)
from pipeline.model.evaluation_report import EvaluationReport


def test_reading_and_writing_keep_every_curve():
    curves = HorizonCurves(
        roc={"model": RocCurve([0.0, 1.0], [0.0, 1.0])},
        calibration=CalibrationGroups([0.1], [None], [0.0], [0.5], [9.0]),
        calibration_smooth=SmoothCalibration([0.1], [0.1], [0.0], [0.2]),
        risk_distribution=RiskDistribution([0.0, 1.0], [1.0], [2.0], [0.3, None]),
    )
    content = {"outcomes": {"icans": {"curves": {"72": curves}}}}
    report = EvaluationReport.model_validate(content)
    again = EvaluationReport.from_json(report.to_json())
    assert again == report
    assert again.outcomes["icans"].curves["72"] == curves


def test_files_of_earlier_versions_have_no_curves():
    assert EvaluationReport.from_json('{"outcomes": {"icans": {}}}').outcomes["icans"].curves == {}
