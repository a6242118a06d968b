"""Sheets with one column per analyte: the mapping is proposed, confirmed, then applied."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.cohort.ledger import Ledger
from pipeline.commands.import_export import import_export
from pipeline.errors import InputError, UsageError
from pipeline.importers.wide_mapping import WideMapping, propose_mapping, read_mapping
from pipeline.importers.wide_sheet import from_wide
from tests.exported import conserved, read

SHEET = (
    "Patient ID,Day,Age,CRP (mg/L),IL-6,D-Dimer [mg/L] FEU,CRS grade,Ward\r\n"
    "007,1,61,12,<1.5,0.6,0,3B\r\n"
    "007,2,61,45.5,,1.2,2,3B\r\n"
    "008,1,44,,30,,1,3B\r\n"
)


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "sheet.csv"
    path.write_text(SHEET, encoding="utf-8")
    return path


def confirm(path, **changes):
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["labs"]["IL-6"]["unit"] = "pg/mL"
    path.write_text(yaml.safe_dump({**content, "confirmed": True, **changes}), encoding="utf-8")
    return path


def proposed(sheet):
    with pytest.raises(UsageError, match="a proposal is written to"):
        import_export(sheet, sheet.parent / "out", None, force=False)
    return sheet.parent / "out.mapping.yaml"


def test_the_proposal_is_written_and_the_exit_code_is_2(sheet, capsys):
    out = sheet.parent / "out"
    arguments = ["import", "--format", "wide", "--input", str(sheet), "--out", str(out)]
    assert main(arguments) == 2
    assert "set confirmed: true" in capsys.readouterr().err
    mapping = yaml.safe_load((sheet.parent / "out.mapping.yaml").read_text(encoding="utf-8"))
    assert mapping["confirmed"] is False
    assert mapping["patient_id"] == "Patient ID"
    assert mapping["collected"] == {"column": "Day", "reads": "days"}
    assert mapping["labs"]["IL-6"] == {"analyte": "il6", "unit": ""}
    assert mapping["grades"] == {"CRS grade": "crs"}
    assert mapping["ignored"] == ["Ward"]
    assert not out.exists()


def test_a_proposal_is_never_written_over_and_not_used_unconfirmed(sheet):
    place = proposed(sheet)
    before = place.read_text()
    with pytest.raises(UsageError, match="IL-6: 'unit' is blank; units of il6: pg/mL"):
        import_export(sheet, sheet.parent / "out", place, force=False)
    confirm(place, confirmed=False)
    with pytest.raises(UsageError, match="not confirmed"):
        import_export(sheet, sheet.parent / "out", place, force=False)
    assert before.startswith("# Meaning of each column of sheet.csv")


def test_a_confirmed_mapping_gives_a_readable_cohort(sheet, capsys):
    place, out = confirm(proposed(sheet)), sheet.parent / "out"
    arguments = ["import", "--format", "wide", "--input", str(sheet), "--out", str(out)]
    assert main([*arguments, "--mapping", str(place)]) == 0
    assert "results: 6, blank cells: 3, patients: 2" in capsys.readouterr().out
    result = read(out)
    conserved(result)
    assert result.rejects.empty
    assert result.cohort.patients["patient_id"].tolist() == ["007", "008"]
    assert result.cohort.patients["age_years"].tolist() == [61.0, 44.0]
    labs = result.cohort.labs
    assert labs.loc[labs["analyte"] == "il6", ["value", "side"]].to_numpy().tolist() == [
        [1.5, -1.0],
        [30.0, 0.0],
    ]
    assert result.cohort.assessments["grade"].tolist() == [0, 2, 1]


def test_times_of_a_sheet_get_the_offset_of_the_zone_or_are_listed(tmp_path):
    sheet = tmp_path / "sheet.csv"
    rows = ["2026-03-28 06:00,12", "2026-03-29 02:30,13", "2026-03-30 06:00,14"]
    lines = ["Patient ID,Collected at,CRP (mg/L),Infusion time", *(
        f"007,{row},2026-03-27 09:00" for row in rows
    )]  # fmt: skip
    sheet.write_text("\n".join(lines), encoding="utf-8")
    proposed(sheet)
    place, out = tmp_path / "out.mapping.yaml", tmp_path / "out"
    content = yaml.safe_load(place.read_text(encoding="utf-8"))
    place.write_text(yaml.safe_dump({**content, "confirmed": True}), encoding="utf-8")
    _, summary = import_export(sheet, out, place, time_zone="Europe/Berlin")
    assert "sheet.csv: 3 rows read, 1 rejected" in summary
    labs = pd.read_csv(out / "labs.csv", dtype="str")
    assert labs["collected_at"].tolist() == [
        "2026-03-28T06:00:00+01:00",
        "2026-03-30T06:00:00+02:00",
    ]
    people = pd.read_csv(out / "patients.csv", dtype="str")
    assert people["infusion_time"].tolist() == ["2026-03-27T09:00:00+01:00"]
    refused = pd.read_csv(out / "import_rejects.csv").iloc[0]
    assert (refused["row"], refused["column"], refused["value"]) == (
        3, "Collected at", "2026-03-29 02:30",
    )  # fmt: skip
    assert "does not exist in Europe/Berlin" in refused["reason"]
    assert "with its offset" in refused["remedy"]
    _, summary = import_export(sheet, out, place, force=True)
    assert "6 times have no offset" in summary


@pytest.mark.parametrize(
    ("changes", "fragment"),
    [
        ({"ignored": []}, "columns without a role in the mapping: 'Ward'"),
        ({"ignored": ["Ward", "Bed"]}, "names 'Bed', which sheet.csv lacks"),
        ({"patients": {"Age": "shoe_size"}}, "data_schema/patients.json"),
        ({"grades": {"CRS grade": "mood"}}, "is not a scale"),
        ({"grades": {"CRS grade": "crs", "Ward": "icans"}}, "two roles: Ward"),
        ({"collected": {"column": "Day", "reads": "weeks"}}, "collected.reads"),
        ({"nonsense": 1}, "nonsense"),
        ({"labs": {"IL-6": {"analyte": "il6", "unit": "IU/mL"}}}, "no fixed mass"),
        ({"labs": {"IL-6": {"analyte": "", "unit": "1"}}}, "'analyte' is blank"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(sheet, changes, fragment):
    place = confirm(proposed(sheet), **changes)
    with pytest.raises(UsageError, match=fragment):
        import_export(sheet, sheet.parent / "out", place, force=False)


def test_two_values_of_one_patient_are_refused_with_their_line(sheet):
    sheet.write_text(SHEET.replace("007,2,61", "007,2,62"), encoding="utf-8")
    place = confirm(proposed(sheet))
    with pytest.raises(InputError, match=r"sheet\.csv line 3: column 'Age' differs"):
        import_export(sheet, sheet.parent / "out", place, force=False)


def test_a_damaged_line_is_kept_out_and_listed(sheet):
    sheet.write_text(SHEET + "009,1\r\n", encoding="utf-8")
    place = confirm(proposed(sheet))
    _, summary = import_export(sheet, sheet.parent / "out", place, force=False)
    assert "1 rejected" in summary
    assert "ragged_line" in (sheet.parent / "out" / "import_rejects.csv").read_text()


def test_a_sheet_that_is_no_table_and_an_occupied_folder_are_refused(sheet, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        import_export(tmp_path / "none.csv", tmp_path / "out", None, force=False)
    (tmp_path / "sheet.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match="workbook"):
        import_export(tmp_path / "sheet.xlsx", tmp_path / "out", None, force=False)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").write_text("")
    with pytest.raises(UsageError, match="already holds"):
        import_export(sheet, tmp_path / "out", None, force=False)


def test_a_sheet_whose_id_and_time_are_not_recognised_gets_a_proposal_to_fill(sheet):
    sheet.write_text("Kennung,Zeitpunkt,IL-6\r\n1,2026-01-02,5\r\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"(?s)patient_id is blank.*collected.column is blank"):
        import_export(sheet, sheet.parent / "out", confirm(proposed(sheet)), force=False)


def test_a_confirmed_mapping_is_read_as_written(sheet):
    place = confirm(proposed(sheet))
    assert read_mapping(place).labs["D-Dimer [mg/L] FEU"].unit == "mg/L FEU"


# a REDCap export with repeating instruments: labs and grades on rows of their own
REPEATING = (
    "record_id,redcap_repeat_instrument,infusion_date,sex,lab_date,crp_mg_l,labs_complete,"
    "tox_date,crs_grade,icans_grade,tox_complete\n"
    "R1,,2026-03-01 08:00,2,,,,,,,\n"
    "R1,labs,,,2026-03-02 06:00,35,2,,,,\n"
    "R1,labs,,,,40,2,,,,\n"
    "R1,tox,,,,,,2026-03-03 18:00,3,0,2\n"
    "R1,tox,,,,,,,4,,0\n"
    "R2,,2026-03-02 08:00,1,,,,,,,\n"
    "R2,labs,,,2026-03-04 06:00,12,2,,,,\n"
)
SAME_ROW = (
    "record_id,infusion_date,lab_date,crp_mg_l,tox_date,crs_grade\n"
    "R1,2026-03-01 08:00,2026-03-03 06:00,120,2026-03-03 18:00,3\n"
)


def brought(folder, text, *, confirmed=True, **changes):
    """Tables of a sheet imported by its changed proposal, and the summary."""
    sheet = folder / "sheet.csv"
    sheet.write_text(text, encoding="utf-8")
    place = proposed(sheet)
    content = yaml.safe_load(place.read_text(encoding="utf-8"))
    content = {**content, "confirmed": confirmed, **changes}
    place.write_text(yaml.safe_dump(content), encoding="utf-8")
    _, summary = import_export(sheet, folder / "out", place, time_zone="Europe/Berlin", force=True)
    tables = {
        path.stem: pd.read_csv(path, dtype="str", keep_default_na=False)
        for path in (folder / "out").glob("*.csv")
    }
    return tables, summary


INFUSED = {"infusion_date": "infusion_time"}
SEX = {**INFUSED, "sex": {"to": "sex", "values": {"1": "male", "2": "female"}}}


def test_a_repeating_instrument_is_timed_by_its_own_column(tmp_path):
    tables, summary = brought(tmp_path, REPEATING, patients=SEX)
    grades = tables["assessments"][["patient_id", "scale", "grade", "assessed_at"]]
    assert grades.to_numpy().tolist() == [
        ["R1", "crs", "3", "2026-03-03T18:00:00+01:00"],
        ["R1", "icans", "0", "2026-03-03T18:00:00+01:00"],
    ]
    assert tables["labs"]["collected_at"].tolist() == [
        "2026-03-02T06:00:00+01:00",
        "2026-03-04T06:00:00+01:00",
    ]
    assert tables["patients"]["sex"].tolist() == ["female", "male"]
    rejects = tables["import_rejects"][["row", "column", "value", "code"]]
    assert rejects.to_numpy().tolist() == [
        ["4", "crp_mg_l", "40", "time_unusable"],
        ["6", "crs_grade", "4", "time_unusable"],
    ]
    assert "labs 1, assessments 1" in summary


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (SAME_ROW, r"assessed\.column is blank.*crs_grade"),
        (REPEATING, "'values' is blank for 1, 2"),
    ],
)
def test_an_incomplete_proposal_is_refused(tmp_path, text, match):
    with pytest.raises(UsageError, match=match):
        brought(tmp_path, text)


@pytest.mark.parametrize(
    "changes",
    [
        {"assessed": {"column": "tox_date", "reads": "at"}, "ignored": []},
        {"assessed": "tox_date"},
        {"grades": {"crs_grade": {"scale": "crs", "at": "tox_date"}}},
    ],
)
def test_two_dates_in_one_row_stay_apart(tmp_path, changes):
    tables, _ = brought(tmp_path, SAME_ROW, **changes)
    assert tables["assessments"]["assessed_at"].tolist() == ["2026-03-03T18:00:00+01:00"]
    assert tables["labs"]["collected_at"].tolist() == ["2026-03-03T06:00:00+01:00"]


@pytest.mark.parametrize("text", [SAME_ROW, REPEATING, SAME_ROW.replace("tox_date", "seen")])
def test_a_mapping_without_the_clock_of_grades_asks_where_it_is_ambiguous(tmp_path, text):
    patients = SEX if "sex" in text else INFUSED
    later = "seen" if "seen" in text else "tox_date"
    ignored = [
        name
        for name in text.split("\n")[0].split(",")
        if name.startswith("redcap") or name.endswith("complete") or name == later
    ]
    with pytest.raises(UsageError, match=f"'assessed.*'lab_date', '{later}'"):
        brought(tmp_path, text, assessed=None, ignored=ignored, patients=patients)


def test_doses_and_observations_have_clocks_of_their_own(tmp_path):
    text = (
        "id,infusion_date,lab_date,crp_mg_l,dose_date,tocilizumab_mg,obs_date,temperature_c\n"
        "1,2026-03-01 08:00,2026-03-02 06:00,3,2026-03-02 18:00,560,2026-03-02 19:00,39.1\n"
        "1,,,,2026-03-03 18:00,0,,38.5\n"
    )
    tables, summary = brought(tmp_path, text, given="dose_date", observed="obs_date")
    assert tables["treatments"].to_numpy().tolist() == [
        ["1", "tocilizumab", "560", "mg", "2026-03-02T18:00:00+01:00"]
    ]
    assert tables["observations"].to_numpy().tolist() == [
        ["1", "temperature_c", "39.1", "2026-03-02T19:00:00+01:00"]
    ]
    assert "observations 1" in summary


def test_names_of_drugs_have_their_doses_in_another_column(tmp_path):
    text = (
        "id,lab_date,crp_mg_l,med,mg,med_date\n1,2026-03-02 06:00,3,Actemra,560,2026-03-02 18:00\n"
    )
    role = {"med": {"dose": "mg", "unit": "mg"}}
    tables, _ = brought(tmp_path, text, doses=role, given="med_date", ignored=[])
    assert tables["treatments"].to_numpy().tolist() == [
        ["1", "Actemra", "560", "mg", "2026-03-02T18:00:00+01:00"]
    ]


def test_a_time_of_day_in_a_column_of_its_own_is_joined_to_its_date(tmp_path):
    text = (
        "id,lab_date,lab_time,crp_mg_l,tox_date,tox_time,tox_crs\n"
        "1,2026-03-02,06:00,3,2026-03-02,18:00,1\n1,2026-03-03,,4,,19:00,2\n"
    )
    tables, summary = brought(tmp_path, text)
    assert tables["labs"]["collected_at"].tolist() == ["2026-03-02T06:00:00+01:00", "2026-03-03"]
    assert tables["assessments"]["assessed_at"].tolist() == ["2026-03-02T18:00:00+01:00"]
    assert "assessments 1" in summary


def test_a_result_time_belongs_only_to_labs_of_the_same_draw(tmp_path):
    text = (
        "id,collected_at,resulted_at,crp_mg_l,il6_date,il6_pg_ml\n"
        "1,2026-03-02 06:00,2026-03-02 07:00,3,2026-03-01 06:00,9\n"
    )
    tables, _ = brought(tmp_path, text)
    assert tables["labs"][["analyte", "resulted_at"]].to_numpy().tolist() == [
        ["crp", "2026-03-02T07:00:00+01:00"],
        ["il6", ""],
    ]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"patients": {**INFUSED, "sex": "sex"}}, "'sex' has 1, 2"),
        ({"patients": {**SEX, "sex": {"to": "sex", "values": {"1": "male"}}}}, "'sex' has 2"),
        ({"patients": {"sex": {"to": "sex", "values": {"1": "x", "2": "m"}}}}, "one of male"),
        ({"patients": SEX, "assessed": {"column": "tox_date", "reads": "days"},
          "grades": {"crs_grade": "crs", "icans_grade": {"scale": "icans", "at": "lab_date"}}},
         "at and days"),
    ],
)  # fmt: skip
def test_codes_without_meaning_and_mixed_readings_are_refused(tmp_path, changes, match):
    with pytest.raises(UsageError, match=match):
        brought(tmp_path, REPEATING, **changes)


def test_codes_of_grades_are_translated(tmp_path):
    role = {"scale": "crs", "at": "tox_date", "values": {"3": 2}}
    tables, _ = brought(tmp_path, SAME_ROW, grades={"crs_grade": role})
    assert tables["assessments"]["grade"].tolist() == ["2"]


ROWS = st.lists(
    st.tuples(*(st.sampled_from(["", text]) for text in ("2", "12", "3", "1", "9"))), min_size=1
)


@settings(max_examples=6, deadline=None)
@given(ROWS)
def test_every_filled_cell_is_carried_over_or_rejected_with_its_line(rows):
    table = pd.DataFrame(rows, columns=["lab_day", "crp", "tox_day", "crs", "icans"], dtype="str")
    table = table.assign(id="1", _line=range(2, len(rows) + 2))
    mapping = WideMapping.model_validate(
        {
            "patient_id": "id",
            "collected": {"column": "lab_day", "reads": "days"},
            "assessed": {"column": "tox_day", "reads": "days"},
            "labs": {"crp": {"analyte": "crp", "unit": "mg/L"}},
            "grades": {"crs": "crs", "icans": "icans"},
        }
    )
    ledger = Ledger()
    made = from_wide(table, mapping, "sheet.csv", ledger)
    filled = int((table[["crp", "crs", "icans"]] != "").sum().sum())
    carried = len(made.tables["labs"]) + len(made.tables.get("assessments", []))
    assert filled == carried + sum(made.untimed.values())
    assert sum(made.untimed.values()) == len(ledger.frame())
    assert made.filled + made.blank + made.untimed.get("labs", 0) == len(table)
    assert made.unused == int((table[["crp", "crs", "icans"]] == "").all(axis=1).sum())
    for name in ("labs", "assessments"):
        part = made.tables.get(name, pd.DataFrame())
        assert not (part.filter(like="_days") == "").to_numpy().any()


UNITS = {"crp": "mg/L", "il6": "pg/mL", "ferritin": "ng/mL", "platelets": "10*9/L"}
CELLS = st.dictionaries(
    st.tuples(
        st.sampled_from(["001", "1", "A b"]), st.integers(0, 5), st.sampled_from(sorted(UNITS))
    ),
    st.sampled_from(["12", "<0.5", "> 300", "1.5E2", "NEG", "7.0"]),
    min_size=1,
)


@settings(max_examples=20, deadline=None)
@given(CELLS)
def test_long_to_wide_to_long_is_the_same_table(cells):
    long = pd.DataFrame(
        [(who, key, value, UNITS[key], str(hour)) for (who, hour, key), value in cells.items()],
        columns=["patient_id", "analyte", "value", "unit", "collected_hours"],
    ).astype("str")
    wide = long.pivot(index=["patient_id", "collected_hours"], columns="analyte", values="value")
    wide = wide.fillna("").rename(columns=lambda key: f"{key} ({UNITS[key]})").reset_index()
    proposal = propose_mapping(list(wide.columns))
    mapping = WideMapping.model_validate({**proposal.model_dump(), "confirmed": True})
    again = from_wide(wide.assign(_line=range(2, len(wide) + 2)), mapping, "wide.csv")
    order = list(long.columns)
    left = long.sort_values(order, ignore_index=True)
    right = again.tables["labs"][order].sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(left, right.astype("str"))
    assert again.filled == len(cells)
    assert again.filled + again.blank == len(wide) * len(mapping.labs)


@pytest.mark.parametrize(
    ("order", "cell", "wanted"),
    [
        ("month_first", "3/2/2026 8:00 PM", "2026-03-02T20:00:00-05:00"),
        ("day_first", "2.3.2026 20:00", "2026-03-02T20:00:00-05:00"),
        (None, "2-Mar-2026 20:00", "2026-03-02T20:00:00-05:00"),
        (None, "2026-3-2 8:00 PM", "2026-03-02T20:00:00-05:00"),
        (None, "3/2/2026 8:00 PM", "3/2/2026 8:00 PM"),
    ],
)
def test_times_with_one_reading_are_carried_in_iso(tmp_path, order, cell, wanted):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(f"id,time,CRP\n1,{cell},5\n", encoding="utf-8")
    place = tmp_path / "m.yaml"
    content = {
        "confirmed": True,
        "patient_id": "id",
        "collected": {"column": "time", "reads": "at"},
        "labs": {"CRP": {"analyte": "crp", "unit": "mg/L"}},
        "date_order": order,
    }
    place.write_text(yaml.safe_dump(content), encoding="utf-8")
    import_export(sheet, tmp_path / "out", place, time_zone="America/New_York")
    labs = pd.read_csv(tmp_path / "out" / "labs.csv", dtype="str")
    assert labs["collected_at"].tolist() == [wanted]


@pytest.mark.parametrize("column", ["specimen", "Sample type", "Probe"])
def test_a_column_of_specimens_is_carried_so_that_csf_is_never_blood(tmp_path, column):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        f"id,hours,{column},IL-6 (pg/mL)\nA,24,CSF,2000\nA,24,serum,30\nA,48,Plasma,33\n",
        encoding="utf-8",
    )
    path = proposed(sheet)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (content["specimen"], content["ignored"]) == (column, [])
    path.write_text(yaml.safe_dump({**content, "confirmed": True}), encoding="utf-8")
    import_export(sheet, tmp_path / "out", path, force=False)
    labs = pd.read_csv(tmp_path / "out" / "labs.csv")
    assert labs["specimen"].tolist() == ["CSF", "serum", "Plasma"]
