"""Unreadable parts of an export are reported as such and cause no further findings."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from tests.audit.conftest import in_memory, run, settings
from tests.conftest import edit
from tests.minicohort import write_cohort
from tests.planted.defects import plant_defect

ROMAN = {"0": "none", "1": "I", "2": "II", "3": "III", "4": "IV"}


@pytest.fixture
def cohort(tmp_path):
    return write_cohort(tmp_path / "cohort", patients=20)


def audited(cohort, out) -> tuple[int, dict[str, list[str]]]:
    """Exit code, and the summaries of the findings by their code."""
    code = main(["audit", "--cohort", str(cohort), "--out", str(out), "--quiet"])
    found: dict[str, list[str]] = {}
    for item in json.loads((out / "audit.json").read_text(encoding="utf-8")):
        found.setdefault(item["code"], []).append(item["evidence"]["summary"])
    return code, found


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows.assign(grade=rows["grade"].map(ROMAN)), "mostly illegal_value (680)"),
        (lambda rows: rows.assign(scale=rows["scale"] + "-grad"), "mostly unknown_scale (680)"),
    ],
    ids=["roman", "scale"],
)
def test_assessments_of_which_nothing_can_be_used_block_and_say_why(
    change, why, cohort, tmp_path, capsys
) -> None:
    edit(cohort / "assessments.csv", change)
    code, found = audited(cohort, tmp_path / "out")
    assert code == 3
    assert found["CHK001"][0].startswith("no row of assessments.csv gives a grade, so there is no")
    assert f"680 of 680 rows of assessments.csv are rejected, {why}: " in found["CHK001"][0]
    assert "CHK003" not in found  # whether an outcome has few events cannot be told
    arguments = ["--cohort", str(cohort), "--out", str(tmp_path / "b"), "--no-track", "--quiet"]
    assert main(["train", *arguments]) == 3
    said = capsys.readouterr().err
    assert f"680 of 680 rows of assessments.csv are rejected, {why}: " in said


def test_one_scale_that_is_refused_as_a_whole_is_told_with_the_reason(
    cohort, tmp_path, capsys
) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(grade=rows["grade"].mask(rows["scale"] == "crs", "II"))

    edit(cohort / "assessments.csv", change)
    arguments = ["--cohort", str(cohort), "--out", str(tmp_path / "b"), "--no-track", "--quiet"]
    assert main(["train", *arguments, "--outcomes", "severe_crs"]) == 3
    said = capsys.readouterr().err
    assert "the cohort has no assessment on the scale 'crs' (found: icans)" in said
    assert "340 of 680 rows of assessments.csv are rejected, mostly illegal_value (340): " in said


def test_few_events_are_counted_among_the_graded(clean) -> None:
    tables = plant_defect(clean, "CHK003", np.random.default_rng(7), 1.0)
    lost = tables["patients"]["patient_id"].iloc[:20]
    grades = tables["assessments"]
    tables = {**tables, "assessments": grades[~grades["patient_id"].isin(lost)]}
    found = [item for item in run("CHK003", in_memory(tables)) if "severe_crs" in item.summary]
    words = "is charted in 0 of 220 patients graded on the scale. 20 were never graded and are "
    assert words in found[0].summary
    assert found[0].counts["patients"] == 220
    stated = settings(cohort={"ungraded": "no_event"})
    found = [i for i in run("CHK003", in_memory(tables, stated)) if "severe_crs" in i.summary]
    assert "is charted in 0 of 240 patients. Scales" in found[0].summary


def day_first(tables):
    """The same tables with every time as 01.03.2026 08:05, which is refused without an order."""
    spoilt = {}
    for name, table in tables.items():
        columns = [item for item in table if item.endswith("_at") or item == "infusion_time"]
        times = {
            item: pd.to_datetime(table[item].astype("str").str[:19], errors="coerce")
            .dt.strftime("%d.%m.%Y %H:%M")
            .fillna("")
            for item in columns
        }
        spoilt[name] = table.assign(**times)
    return spoilt


@pytest.mark.parametrize("code", ["CHK205", "CHK402", "CHK406"])
def test_times_that_cannot_be_read_are_no_finding_about_times(code, clean) -> None:
    spoilt = day_first(clean)
    assert run(code, in_memory(spoilt)) == []
    planted = plant_defect(clean, code, np.random.default_rng(7), 1.0)
    stated = settings(cohort={"date_order": "day_first", "time_zone": "Europe/Berlin"})
    assert run(code, in_memory(planted, stated))


def test_days_are_times(clean) -> None:
    labs = clean["labs"].drop(columns=["collected_at", "resulted_at"])
    people = clean["patients"].drop(columns=["infusion_time"])
    day = (np.arange(len(labs)) % 28).astype(str)
    tables = {**clean, "patients": people, "labs": labs.assign(collected_days=day)}
    assert run("CHK406", in_memory(tables)) == []
    assert "has a result time" in run("CHK402", in_memory(tables))[0].summary


def test_patients_without_their_column_of_ids_raise_no_warning(clean) -> None:
    people = clean["patients"].rename(columns={"patient_id": "Patienten-ID"})
    assert run("CHK102", in_memory({**clean, "patients": people})) == []


def test_local_times_that_clocks_skip_or_show_twice_are_found(clean) -> None:
    labs = (
        clean["labs"]
        .head(3)
        .assign(collected_at=["2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-10-25 12:00:00"])
    )
    tables = {"labs": labs.drop(columns="resulted_at")}
    found = run("CHK403", in_memory(tables, settings(cohort={"time_zone": "Europe/Berlin"})))
    assert [item.counts["rows"] for item in found] == [2]
    assert [place.row for place in found[0].examples] == [2, 3]


def test_refused_rows_of_one_site_name_it(cohort, tmp_path) -> None:
    def site(rows: pd.DataFrame) -> pd.DataFrame:
        number = rows["patient_id"].str[1:].astype(int)
        return rows.assign(site=np.where(number % 2, "Weststadt", "Oststadt"))

    def rename(rows: pd.DataFrame) -> pd.DataFrame:
        west = rows["patient_id"].str[1:].astype(int) % 2 == 1
        return rows.assign(analyte=rows["analyte"].mask(west & (rows["analyte"] == "crp"), "CRP-W"))

    edit(cohort / "patients.csv", site)
    edit(cohort / "labs.csv", rename)
    found = audited(cohort, tmp_path / "west")[1]["CHK002"]
    assert "unknown_analyte (CRP-W 100; all at site Weststadt). For" in found[0]
    page = (tmp_path / "west" / "audit.html").read_text(encoding="utf-8")
    assert "all at site Weststadt" in page
    edit(
        cohort / "labs.csv",
        lambda rows: rows.assign(analyte=rows["analyte"].replace("crp", "CRP-W")),
    )
    found = audited(cohort, tmp_path / "both")[1]["CHK002"]
    assert "unknown_analyte (CRP-W 200). For" in found[0]


@pytest.mark.parametrize("name", ["cohort", "date", "infusion_time"])
def test_a_message_names_the_setting_whatever_the_folder_is_called(
    name, tmp_path, monkeypatch
) -> None:
    folder = write_cohort(tmp_path / name, patients=5)
    edit(folder / "patients.csv", lambda rows: rows.assign(infusion_time="3/1/2026 8:00 AM"))
    monkeypatch.chdir(tmp_path)
    code, found = audited(name, tmp_path / "out")
    assert code == 3
    assert "(cohort.date_order)" in found["CHK001"][0]
    assert "The folder" not in found["CHK001"][0]
