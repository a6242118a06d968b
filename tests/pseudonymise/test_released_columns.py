"""Columns and cells of a release, and refusals."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.commands.pseudonymise import pseudonymise
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError, UsageError
from pipeline.pseudonymise.released_columns import WITHHELD
from pipeline.pseudonymise.secret_key import Key, write_key
from pipeline.reading.reader import read_cohort

PATIENTS = """\
Patient ID,MRN,infusion_time,age_years,comment,ldh_baseline,contact,disease
P1,17,2026-03-01T09:00:00+01:00,89,seen 2 Jan,210,a.b@example.org,LBCL
p1 ,18,2026-03-02T09:00:00+01:00,89.5,"Doe, J",220,b.c@example.org,B-ALL
P3,19,2026-03-03T09:00:00+01:00,103,,230,c.d@example.org,MM since 12.01.2019
P4,20,2026-03-04T09:00:00+01:00,born 1931,,240,d.e@example.org,LBCL
"""
LABS = """\
patient_id,analyte,value,unit,collected_at,resulted_at,lloq
P1,crp,<0.5,mg/L,2026-03-02T06:00:00+01:00,,0.5
 P1,crp,12.40,mg/L,2026-03-03T06:00:00+01:00,soon,
p1,crp,1E2,mg/L,03/04/2026 06:00,,
P3,note,see 2026-03-04,mg/L,2026-03-05T06:00:00+01:00,,call Dr. X
P3,crp,7,mg/L,2026-03-05T06:00:00+01:00
P9,crp,5,mg/L,2026-03-05T06:00:00+01:00,,
,crp,5,mg/L,2026-03-05T06:00:00+01:00,,
"""


@pytest.fixture
def key(tmp_path) -> Path:
    write_key(Key(bytes(range(50, 90))), tmp_path / "keys" / "key")
    return tmp_path / "keys" / "key"


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "patients.csv").write_text(PATIENTS, encoding="utf-8")
    (folder / "labs.csv").write_text(LABS, encoding="utf-8")
    (folder / "letter.docx").write_bytes(b"who it is")
    return folder


def cells(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", dtype="str", keep_default_na=False)


def test_only_columns_with_a_meaning_leave_and_the_others_are_listed(source, key, tmp_path) -> None:
    _, summary = pseudonymise(source, tmp_path / "out", key)
    assert list(cells(tmp_path / "out", "patients")) == [
        "patient_id", "infusion_time", "age_years", "disease",
    ]  # fmt: skip
    assert "column MRN: identifies persons" in summary
    assert "column contact: identifies persons" in summary
    assert "--keep comment" in summary
    assert "not copied: letter.docx" in summary
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".cytocast.json", "labs.csv", "patients.csv",
    ]  # fmt: skip
    assert "P9" not in summary
    assert "Doe" not in summary
    assert "103" not in summary


def test_a_column_is_kept_by_name_or_by_the_configuration(source, key, tmp_path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("cohort: {host_columns: [ldh_baseline]}\n", encoding="utf-8")
    pseudonymise(source, tmp_path / "out", key, [config], keep=["comment"])
    table = cells(tmp_path / "out", "patients")
    assert sorted(table["ldh_baseline"]) == ["210", "220", "230", "240"]
    assert sorted(table["comment"]) == ["", "", "Doe, J", "seen 2 Jan"]


@pytest.mark.parametrize("column", ["MRN", "contact"])
def test_what_identifies_persons_is_never_kept(source, key, tmp_path, column) -> None:
    with pytest.raises(UsageError, match=f"--keep {column}: .*identifies persons"):
        pseudonymise(source, tmp_path / "out", key, keep=[column])
    assert not (tmp_path / "out").exists()


def test_a_column_that_is_not_there_cannot_be_kept(source, key, tmp_path) -> None:
    with pytest.raises(UsageError, match=r"--keep nothing: no table has .*ldh_baseline"):
        pseudonymise(source, tmp_path / "out", key, keep=["nothing"])


def test_the_oldest_share_one_age_and_what_is_no_age_does_not_leave(source, key, tmp_path) -> None:
    _, summary = pseudonymise(source, tmp_path / "out", key)
    ages = cells(tmp_path / "out", "patients")["age_years"]
    assert sorted(ages) == ["89", "90", "90", WITHHELD]
    assert "ages above 89 set to 90: 2" in summary


@pytest.mark.parametrize("times", ["shifted", "hours"])
def test_what_cannot_be_moved_never_leaves_and_is_refused_as_before(
    source, key, tmp_path, times
) -> None:
    _, summary = pseudonymise(source, tmp_path / "out", key, times=times)
    text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir())
    for cell in ("soon", "03/04/2026", "2026-03-04", "Dr. X", "12.01.2019", "1931", "P9,", "P1,"):
        assert cell not in text
    assert "labs.csv, column collected_at, row 4: 1 cell (may be day first or month" in summary
    assert "labs.csv, column resulted_at, row 3: 1 cell (is not an ISO 8601 time)" in summary
    assert "labs.csv, column value, row 5: 1 cell with a date" in summary
    assert "left out: labs.csv: 1 line that cannot be read" in summary
    both = [
        read_cohort(place, CohortConfig(), required=("labs",))
        for place in (source, tmp_path / "out")
    ]
    assert [len(read.cohort) for read in both] == [4, 4]  # P1 and p1 are two patients
    assert [read.cohort.labs["value"].tolist() for read in both] == [[0.5], [0.5]]
    counts = [read.counts["labs.csv"] for read in both]
    assert counts[0]["rejected"] == counts[1]["rejected"] + 1  # the line without all its fields
    assert [count["accepted"] for count in counts] == [1, 1]


def test_the_order_of_dates_is_that_of_the_configuration(source, key, tmp_path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(
        "cohort: {date_order: day_first, time_zone: Europe/Berlin}\n", encoding="utf-8"
    )
    _, summary = pseudonymise(source, tmp_path / "out", key, [config], times="hours")
    assert "collected_at, row 4" not in summary
    hours = cells(tmp_path / "out", "labs")["collected_hours"]
    assert str(32 * 24.0 - 3.0 - 1.0) in set(hours)  # an hour is lost to the clock change


def test_a_column_of_times_without_offset_needs_a_zone(source, key, tmp_path) -> None:
    text = LABS.replace("+01:00", "")
    (source / "labs.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"labs.csv, row 2, column collected_at: .*--tz Europe"):
        pseudonymise(source, tmp_path / "out", key)
    assert pseudonymise(source, tmp_path / "out", key, time_zone="Europe/Berlin")[0] == 0


def test_hours_need_an_infusion_time(source, key, tmp_path) -> None:
    (source / "patients.csv").unlink()
    with pytest.raises(InputError, match=r"labs.csv has 'collected_at'.*infusion_time"):
        pseudonymise(source, tmp_path / "out", key, times="hours")
    assert pseudonymise(source, tmp_path / "shifted", key)[0] == 0


def test_a_cohort_of_hours_keeps_its_times(key, tmp_path) -> None:
    file = tmp_path / "today.csv"
    text = "patient_id,analyte,value,unit,collected_hours\nb,crp,12,mg/L,5.250\na,crp,,mg/L,7\n"
    file.write_text(text, encoding="utf-8")
    _, summary = pseudonymise(file, tmp_path / "out", key)
    assert "no table has dates" in summary
    table = cells(tmp_path / "out", "labs").drop(columns="patient_id")
    assert {tuple(row) for row in table.to_numpy()} == {
        ("crp", "12", "mg/L", "5.250"),
        ("crp", "", "mg/L", "7"),
    }


@pytest.mark.parametrize(
    ("change", "code", "fragment"),
    [
        ("missing", 3, "does not exist"),
        ("workbook", 3, "is a workbook"),
        ("occupied", 2, "choose another --out"),
        ("itself", 2, "would replace it"),
        ("column", 3, "lacks the column unit"),
        ("zone", 2, "unknown time zone"),
    ],
)
def test_what_cannot_be_done_is_refused(
    source, key, tmp_path, capsys, change, code, fragment
) -> None:
    out, extra, place = tmp_path / "out", [], source
    if change == "missing":
        place = tmp_path / "nowhere"
    elif change == "workbook":
        place = tmp_path / "books"
        place.mkdir()
        (place / "labs.xlsx").write_bytes(b"PK")
    elif change == "occupied":
        out.mkdir()
        (out / "thesis.txt").write_text("mine", encoding="utf-8")
    elif change == "itself":
        out, extra = source, ["--force"]
    elif change == "column":
        text = LABS.replace("value,unit", "value,other")
        (source / "labs.csv").write_text(text, encoding="utf-8")
    elif change == "zone":
        extra = ["--tz", "Berlin/Europe"]
    arguments = ["--input", str(place), "--out", str(out), "--key", str(key), *extra]
    assert main(["pseudonymise", *arguments, "--quiet"]) == code
    assert fragment in capsys.readouterr().err
    assert {path.name for path in out.parent.iterdir()} >= {"in", "keys"}
    if change == "occupied":
        assert (out / "thesis.txt").read_text(encoding="utf-8") == "mine"
        assert main(["pseudonymise", *arguments, "--force", "--quiet"]) == 2
        assert (out / "thesis.txt").read_text(encoding="utf-8") == "mine"
