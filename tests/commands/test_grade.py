"""The command grade: derived grades, their differences from charted ones, and rejects."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.config_cohort import CohortConfig
from pipeline.reading.reader import read_cohort
from tests.exported import write_export
from tests.grading.test_derived_grades import OBSERVATIONS

ASSESSMENTS = [("patient_id", "scale", "grade", "assessed_hours"), ("A", "crs", "2", "20.5")]


def test_the_command_writes_grades_differences_and_rejects(tmp_path, capsys):
    folder = write_export(tmp_path / "in", observations=OBSERVATIONS, assessments=ASSESSMENTS)
    out = tmp_path / "out" / "grades.csv"
    assert main(["grade", "--cohort", str(folder), "--out", str(out), "--quiet"]) == 0
    table = pd.read_csv(out)
    assert list(table) == [
        "patient_id", "scale", "assessed_hours", "grading_system", "grade", "domain",
        "confidence", "missing", "note",
    ]  # fmt: skip
    assert table.query("patient_id == 'A'")["grade"].tolist() == [2, 3]
    assert table.query("patient_id == 'B'")["grade"].isna().all()
    other = pd.read_csv(out.with_name("grades.disagreements.csv"))
    assert other[["patient_id", "charted", "derived"]].values.tolist() == [["A", 2, 3]]
    assert len(pd.read_csv(out.with_name("grades.rejects.csv"))) == 1
    printed = capsys.readouterr().out
    assert "crs: 1 of 1 charted grades compared, 0 agree (0.00%)" in printed
    assert "icans: no charted grade to compare with" in printed
    assert main(["grade", "--cohort", str(folder), "--out", str(out), "--quiet"]) == 2
    arguments = ["grade", "--cohort", str(folder), "--out", str(out), "--quiet", "--force"]
    assert main(arguments) == 0


def test_labs_and_charted_grades_are_not_needed(tmp_path):
    folder = write_export(
        tmp_path / "in", labs=None, assessments=None, observations=OBSERVATIONS[:-1]
    )
    out = tmp_path / "grades.parquet"
    assert main(["grade", "--cohort", str(folder), "--out", str(out), "--quiet"]) == 0
    assert pd.read_parquet(out)["grade"].dropna().tolist() == [2, 3]
    files = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert files == {"grades.parquet", ".grades.parquet.cytocast.json"}


@pytest.mark.parametrize(
    ("observations", "out", "code", "text"),
    [
        (None, "grades.csv", 3, "lacks observations.csv"),
        (OBSERVATIONS[:1], "grades.csv", 3, "no usable row"),
        (OBSERVATIONS, "grades.txt", 2, ".csv or .parquet"),
    ],
)
def test_what_cannot_be_graded_is_said(tmp_path, capsys, observations, out, code, text):
    folder = write_export(tmp_path / "in", observations=observations)
    arguments = ["grade", "--cohort", str(folder), "--out", str(tmp_path / out), "--quiet"]
    assert main(arguments) == code
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("seed", range(2))
def test_derived_grades_are_those_charted_in_simulated_cohorts(tmp_path, capsys, seed):
    folder, out = tmp_path / "cohort", tmp_path / "grades.csv"
    arguments = ["simulate", "--patients", "15", "--seed", str(seed), "--quiet"]
    assert main([*arguments, "--out", str(folder)]) == 0
    assert main(["grade", "--cohort", str(folder), "--out", str(out), "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("agree (100.00%), weighted kappa 1.0000") == 2
    assert not out.with_name("grades.disagreements.csv").exists()
    both = CohortConfig(grades="derived"), CohortConfig()
    derived, charted = (read_cohort(folder, item).cohort.assessments for item in both)
    assert derived["grade"].tolist() == charted["grade"].tolist()
