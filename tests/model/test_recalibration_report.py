"""The report of a recalibration keeps every field when it is written and read."""

from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.recalibration_report import (
    BeforeAfter,
    FormEvidence,
    ParentBundle,
    RecalibrationReport,
    UpdateDescription,
    UpdateFigures,
    learned_from,
)


def test_it_is_read_as_it_was_written():
    part = RecalibrationReport(
        parent=ParentBundle(bundle_sha256="1f", cohort_name="wuhan", n_patients=375),
        updates={"crs": {"state": UpdateDescription(form="slope", tests=[FormEvidence(p=0.01)])}},
        kept={"icans": "no grades"},
        performance={"crs": {"24": BeforeAfter(after=UpdateFigures(net_benefit={"0.1": 0.02}))}},
    )
    report = EvaluationReport(recalibration=part)
    assert EvaluationReport.from_json(report.to_json()).recalibration == part
    assert EvaluationReport.from_json("{}").recalibration is None


def test_a_bundle_that_was_not_recalibrated_learned_from_one_cohort():
    assert learned_from({"cohort_sha256": "1f"}) == {"1f"}
    assert learned_from({}) == frozenset()
