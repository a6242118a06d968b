"""Every known defect of the public cohorts is found, unaided; false results are blocked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.audit.runner import AuditReport, audit_folder
from pipeline.config import load_config

CONFIGS = Path(__file__).parent.parent.parent / "configs" / "cohorts"


def audit_of(folder: Path, config: str) -> AuditReport:
    return audit_folder(folder, load_config([CONFIGS / config]))


def summaries(report: AuditReport, code: str) -> str:
    """Summaries of the findings of one check."""
    return " ".join(item.summary for item in report.findings if item.code == code)


def test_fills_that_encode_the_grade_block_prcrs_as_released(shared_data) -> None:
    report = audit_of(shared_data / "prcrs_as_released", "prcrs.yaml")
    assert {item.code for item in report.blocking} == {"CHK101"}
    assert "crs grade of the day" in summaries(report, "CHK101")
    assert "ferritin: 354 of 1030 results are exactly 455.605" in summaries(report, "CHK208")
    counts = next(item.counts for item in report.findings if item.code == "CHK101")
    assert counts["decoded correctly"] > 0.99
    assert counts["patient-days decoded"] > 0.9


@pytest.mark.parametrize("cohort", ["prcrs_as_released", "prcrs_recovered"])
def test_the_other_defects_of_prcrs_are_warnings(shared_data, cohort) -> None:
    report = audit_of(shared_data / cohort, "prcrs.yaml")
    assert all(
        f"{key}: the digit 0" in summaries(report, "CHK201") for key in ("crp", "ferritin", "ldh")
    )
    assert "the worst one in 97 of 106 patients" in summaries(report, "CHK107")
    assert "mg/L without FEU or DDU" in summaries(report, "CHK302")
    assert "hour 6 of the day" in summaries(report, "CHK401")
    assert "collected" in summaries(report, "CHK402")
    assert "140 of 140 patients" in summaries(report, "CHK404")


def test_prcrs_recovered_is_not_blocked(shared_data) -> None:
    assert audit_of(shared_data / "prcrs_recovered", "prcrs.yaml").blocking == []


def test_every_known_defect_of_wuhan_is_a_warning(shared_data) -> None:
    report = audit_of(shared_data / "wuhan", "wuhan.yaml")
    assert report.count("error") == 0
    limits = summaries(report, "CHK202")
    for limit in (
        "d_dimer: 172 of 630 results (27%) are exactly 21",
        "il1b: 233 of 268 results (87%) are exactly 5",
        "il10: 120 of 267 results (45%) are exactly 5",
        "il6: 27 of 272 results (10%) are exactly 1.5",
        "il6: 3 of 272 results (1%) are exactly 5000",
        "ldh: 15 of 934 results (2%) are exactly 1867",
        "crp: 6 of 737 results (1%) are exactly 320",
    ):
        assert limit in limits
    for name in ("wbc", "rbc", "ph_value"):
        assert f"{name}: " in summaries(report, "CHK205")
    assert "platelets: 4 results are -1" in summaries(report, "CHK204")
    assert "after the death" in summaries(report, "CHK109")
    assert "without it" not in summaries(report, "CHK301")
    assert "serum_chloride" in summaries(report, "CHK301")
    assert "il6 (81% of 218)" in summaries(report, "CHK406")
    assert "14 of 375 patients" in summaries(report, "CHK004")
    assert "hs_troponin_i (57% against 30%)" in summaries(report, "CHK108")
    assert "55230 of 55230 results" in summaries(report, "CHK402")
    assert "patient_id predicts death (AUROC 1.00)" in summaries(report, "CHK105")


def test_every_peculiarity_of_nulisa_is_a_warning(shared_data) -> None:
    report = audit_of(shared_data / "nulisa", "nulisa.yaml")
    assert report.count("error") == 0
    times = summaries(report, "CHK401")
    for clock in ("collected_hours", "given_hours", "assessed_hours"):
        assert clock in times
    assert "hour 6 of the day or hour 23 of the day" in times
    assert "508 of 508 results" in summaries(report, "CHK402")
    assert "60 of 60 patients" in summaries(report, "CHK404")
    assert "severe_icans in 3 of 6 against 5 of 54" in summaries(report, "CHK004")
    assert "age_years, sex blank" in summaries(report, "CHK004")
    assert "in 19 it is at most a day after the last grade" in summaries(report, "CHK109")
    for score in ("effector_score", "vascular_score"):
        assert f"{score}: 254 results" in summaries(report, "CHK306")
    assert "steroid (121)" in summaries(report, "CHK307")
    assert "202 of 733 patient-days" in summaries(report, "CHK408")
    assert "8 of 60 patients" in summaries(report, "CHK003")
