"""Summaries of a read result: patients with rejects, share of rejects, missing grades."""

from __future__ import annotations

import logging

import pytest

from pipeline.cohort.analytes import find_key
from pipeline.cohort.ledger import HARMLESS
from pipeline.config_cohort import CohortConfig
from tests.exported import ASSESSMENTS, lab_rows, read, read_labs, score, write_export

GOOD = [("crp", "12", "mg/L", hour, hour + 1) for hour in (1, 2)]
BAD = [("crp", "12", "furlong", hour, hour + 1) for hour in (3, 4, 5)]
STRANGE = [("zinc", "1", "mg/L", hour, hour + 1) for hour in range(6)]
EMPTY = [("ferritin", "", "ng/mL", 1, 2)]


@pytest.fixture
def logged(caplog, monkeypatch):
    """Level and text of what is logged."""
    logger = logging.getLogger("cytocast")
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger="cytocast")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize(
    "rows", [GOOD, [*GOOD, *BAD], [*GOOD, *STRANGE, *EMPTY], [*GOOD, *BAD[:1]]]
)
def test_the_refused_share_is_that_of_rows_with_a_result_of_a_known_analyte(tmp_path, rows):
    result = read_labs(tmp_path, *rows)
    usable = [row for row in rows if find_key(row[0]) is not None and row[1]]
    refused = [row for row in usable if row[2] == "furlong"]
    assert result.refused_share() == (len(refused), len(usable))
    harmless = result.rejects["code"].isin(HARMLESS)
    assert harmless.sum() == len(rows) - len(usable)


def test_patients_with_a_refused_result_are_listed_once_and_sorted(tmp_path):
    rows = [
        lab_rows()[0],
        ("C", "crp", "12", "furlong", "1", "2"),
        ("B", "crp", "12", "furlong", "1", "2"),
        ("B", "il6", "12", "furlong", "1", "2"),
        ("A", "zinc", "12", "mg/L", "1", "2"),
        *[(patient, "crp", "9", "mg/L", "3", "4") for patient in "ABC"],
    ]
    people = [("patient_id",), *[(patient,) for patient in "ABC"]]
    result = score(write_export(tmp_path, patients=people, labs=rows, assessments=None))
    assert result.refused_ids() == ["B", "C"]
    assert dict(result.refused["B"].results) == {"crp": 1, "il6": 1}
    assert result.refused["A"].rows == 1


def test_refusals_are_a_warning_only_where_they_are_most(tmp_path, logged):
    read_labs(tmp_path, *GOOD).report_refusals()
    assert logged() == []
    read_labs(tmp_path, *GOOD, *BAD[:1]).report_refusals()
    assert {level for level, _ in logged()} == {"INFO"}
    read_labs(tmp_path, *GOOD, *BAD).report_refusals()
    loud = [text for level, text in logged() if level == "WARNING"]
    assert any("crp" in text for text in loud)
    assert any("unit_refused" in text for text in loud)


def test_the_main_reason_is_the_commonest_code_of_the_named_table(tmp_path):
    rows = [*lab_rows(*GOOD, *BAD, ("crp", "much", "mg/L", 6, 7))]
    result = read(write_export(tmp_path, labs=rows))
    reason = result.main_reject_reason("labs")
    counts = result.rejects["code"].value_counts()
    assert counts.index[0] == "unit_refused"
    assert f"unit_refused ({counts.iloc[0]})" in reason
    assert f"{counts.sum()} of {len(rows) - 1} rows" in reason
    assert result.main_reject_reason("assessments") == ""
    assert result.main_reject_reason("treatments") == ""  # no such file


def test_without_a_single_grade_there_is_nothing_to_learn(tmp_path):
    config = CohortConfig()
    result = read(write_export(tmp_path / "bare", assessments=ASSESSMENTS[:1]))
    assert result.no_grades_reason(["crs"], config).startswith("assessments.csv has a header but")
    rows = [ASSESSMENTS[0], ("A", "crs", "9", "5")]
    result = read(write_export(tmp_path / "refused", assessments=rows))
    assert result.no_grades_reason(["crs"], config).startswith("no row of assessments.csv gives a")
    assert read(write_export(tmp_path / "whole")).no_grades_reason(["icans"], config) == ""
    # patients also has deaths
    people = [("patient_id", "death_hours"), ("A", "50"), ("B", "")]
    result = read(write_export(tmp_path / "d", patients=people, assessments=ASSESSMENTS[:1]))
    assert result.no_grades_reason(["crs"], config)
    assert result.no_grades_reason(["crs", "death"], config) == ""
