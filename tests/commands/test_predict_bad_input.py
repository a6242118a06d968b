"""Bad input: a clear message, the documented exit code, and nothing lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.commands.predict import reading_text
from pipeline.config_cohort import CohortConfig
from pipeline.reading.reader import read_batch
from tests.conftest import edit, read_predictions
from tests.pages.html_reader import read


def text_of(page: Path) -> str:
    return read(page.read_text(encoding="utf-8")).text.replace("\u00a0", " ")


def rejects(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "rejects.csv", dtype=str, keep_default_na=False)


def set_cell(batch: Path, table: str, row: int, **cells: str) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        for name, value in cells.items():
            if name not in frame:
                frame[name] = ""
            frame.loc[row, name] = value
        return frame

    edit(batch / f"{table}.csv", change)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"unit": "furlong"}, "unit_refused"),
        ({"unit": ""}, "unit_refused"),
        ({"value": "see comment"}, "no_result"),
        ({"value": ""}, "no_result"),
        ({"value": "inf"}, "value_unusable"),
        ({"value": "-5"}, "value_unusable"),
        ({"value": "1e9"}, "implausible"),
        ({"analyte": "unobtainium"}, "unknown_analyte"),
        ({"collected_at": "yesterday"}, "time_unusable"),
        ({"collected_at": "2024-01-09T08:00:00"}, "time_unusable"),
        ({"resulted_at": "2093-01-09T08:00:00+00:00"}, "time_unusable"),
        ({"patient_id": ""}, "unknown_patient"),
    ],
)
def test_one_bad_lab_row_loses_only_itself(mini, predict, batch, cells, code) -> None:
    set_cell(batch, "labs", 4, **cells)
    exit_code, out = predict(batch)
    result = rejects(out)
    assert exit_code == 0
    assert len(result) == 1
    assert result.loc[0, "file"] == "labs.csv"
    assert result.loc[0, "row"] == "6"
    assert result.loc[0, "code"] == code
    assert result.loc[0, "reason"]
    assert result.loc[0, "remedy"]
    assert set(read_predictions(out)["patient_id"]) == set(mini.patients)
    counts = json.loads((out / "run_summary.json").read_text())["files"]["labs.csv"]
    assert counts["rejected"] == 1
    assert counts["read"] == counts["accepted"] + 1


def test_a_time_later_than_now_is_rejected_as_future(mini, predict, batch) -> None:
    soon = (pd.Timestamp.now(tz="UTC") + pd.Timedelta(hours=3)).isoformat()
    start = (pd.Timestamp.now(tz="UTC") - pd.Timedelta(hours=60)).isoformat()
    set_cell(batch, "patients", 0, infusion_time=start)
    patient = pd.read_csv(batch / "patients.csv", dtype=str)["patient_id"][0]
    before = (pd.Timestamp.now(tz="UTC") - pd.Timedelta(hours=9)).isoformat()

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        own = frame["patient_id"] == patient
        frame.loc[own, ["collected_at", "resulted_at"]] = before
        first = frame.index[own][0]
        frame.loc[first, "resulted_at"] = soon
        return frame

    edit(batch / "labs.csv", change)
    (batch / "assessments.csv").unlink()
    (batch / "treatments.csv").unlink()
    code, out = predict(batch)
    assert code == 0
    assert list(rejects(out)["code"]) == ["future"]


def test_a_patient_without_one_usable_row_is_in_the_output_as_rejected(
    mini, predict, batch
) -> None:
    patient = mini.patients[2]

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame["patient_id"] == patient, "unit"] = "furlong"
        return frame

    edit(batch / "labs.csv", change)
    code, out = predict(batch)
    rows = read_predictions(out)
    own = rows[rows["patient_id"] == patient]
    assert code == 4
    assert set(own["status"]) == {"rejected"}
    assert set(own["status_reason"]) == {"unit_refused"}
    assert set(own["outcome"]) == {"severe_crs", "icans"}
    others = rows[rows["patient_id"] != patient]
    assert others["status"].isin(["ok", "event_present"]).all()


def test_contradicting_rows_of_one_patient_reject_that_patient_only(mini, predict, batch) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame, frame.iloc[[0]].assign(age_years="3")])

    edit(batch / "patients.csv", change)
    code, out = predict(batch)
    rows = read_predictions(out)
    assert code == 4
    own = rows[rows["patient_id"] == mini.patients[0]]
    assert set(own["status"]) == {"rejected"}
    assert set(own["status_reason"]) == {"duplicate_patient"}
    assert set(rejects(out)["code"]) >= {"duplicate_patient"}


def test_a_repeated_patient_row_collapses(mini, predict, batch) -> None:
    edit(batch / "patients.csv", lambda frame: pd.concat([frame, frame.iloc[[0]]]))
    code, out = predict(batch)
    assert code == 0
    assert (
        json.loads((out / "run_summary.json").read_text())["files"]["patients.csv"]["collapsed"]
        == 1
    )


@pytest.mark.parametrize("table", ["assessments", "treatments"])
def test_a_patient_of_no_other_table_is_listed_and_in_the_output(
    mini, predict, batch, table
) -> None:
    set_cell(batch, table, 0, patient_id="Z9")
    code, out = predict(batch)
    assert code == 4
    assert list(rejects(out)["code"]) == ["unknown_patient"]
    rows = read_predictions(out)
    own = rows[rows["patient_id"] == "Z9"]
    assert set(own["status"]) == {"rejected"}
    assert set(own["status_reason"]) == {"unknown_patient"}
    assert set(own["outcome"]) == {"severe_crs", "icans"}
    assert "Z9" in text_of(out / "report" / "Z9.html")
    assert set(rows["patient_id"]) == {*mini.patients, "Z9"}


def test_a_grade_outside_its_scale_is_listed(mini, predict, batch) -> None:
    set_cell(batch, "assessments", 0, grade="7")
    code, out = predict(batch)
    assert code == 0
    assert list(rejects(out)["code"]) == ["grade_outside_scale"]


def test_a_product_never_seen_in_training_is_abstained(mini, predict, batch) -> None:
    set_cell(batch, "patients", 1, product="new-cel")
    code, out = predict(batch)
    rows = read_predictions(out)
    own = rows[(rows["patient_id"] == mini.patients[1]) & (rows["status"] != "event_present")]
    assert code == 4
    assert set(own["status"]) == {"abstained"}
    assert own["status_reason"].str.contains("new_cel").all()
    assert own["status_reason"].str.contains("(known: axi_cel, tisa_cel)", regex=False).all()
    assert own["risk"].isna().all()


def test_old_labs_only_are_abstained(mini, predict, tmp_path) -> None:
    labs = tmp_path / "labs.csv"
    labs.write_text("patient_id,analyte,value,unit,collected_hours\nP1,crp,120,mg/L,10\n")
    code, out = predict(labs, "--as-of", "150")
    rows = read_predictions(out)
    assert code == 4
    assert set(rows["status"]) == {"abstained"}


@pytest.mark.parametrize("files", [{}, {"patients.csv": "patient_id\nP1\n"}])
def test_a_folder_without_labs_is_unusable(predict, tmp_path, capsys, files) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(text)
    code, out = predict(source)
    assert code == 3
    assert not out.exists()
    assert "labs.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("", "empty"),
        ("patient_id,analyte,value,unit,collected_hours\n", "no usable row"),
        ("patient_id,analyte,value,collected_hours\nP1,crp,3,5\n", "unit"),
        ("PK\x03\x04 a workbook", "Excel"),
        ("patient_id,analyte,value,unit\nP1,crp,3,mg/L\n", "collected_hours or collected_at"),
        ("patient_id,analyte,value,unit,collected_at\nP1,crp,3,mg/L,2024\n", "infusion_time"),
    ],
)
def test_an_unusable_labs_file_is_named(predict, tmp_path, capsys, text, output) -> None:
    labs = tmp_path / "labs.csv"
    labs.write_text(text)
    code, out = predict(labs)
    assert code == 3
    assert not out.exists()
    error = capsys.readouterr().err
    assert output in error
    assert "labs.csv" in error


def test_when_no_row_is_usable_the_rejects_are_still_written(predict, tmp_path) -> None:
    labs = tmp_path / "labs.csv"
    labs.write_text("patient_id,analyte,value,unit,collected_hours\nP1,crp,3,furlong,5\n")
    code, out = predict(labs)
    assert code == 3
    assert len(rejects(out)) == 1
    assert set(read_predictions(out)["status"]) == {"rejected"}


def test_strict_makes_a_reject_fatal(mini, predict, batch, capsys) -> None:
    set_cell(batch, "labs", 4, unit="furlong")
    code, out = predict(batch, "--strict")
    assert code == 3
    assert not out.exists()
    assert "line 6" in capsys.readouterr().err


def damaged(bundle: Path, target: Path, how: str) -> Path:
    copy = shutil.copytree(bundle, target)
    if how == "truncated booster":
        path = copy / "crs_state_0.ubj"
        path.write_bytes(path.read_bytes()[:100])
    elif how == "changed coefficients":
        path = copy / "crs.json"
        path.write_text(path.read_text().replace("0.", "1.", 1))
    elif how == "missing file":
        (copy / "reference.json").unlink()
    elif how == "changed report":
        path = copy / "evaluation.html"
        path.write_text(path.read_text() + " ")
    elif how == "missing report":
        (copy / "card.json").unlink()
    elif how == "no manifest":
        (copy / "manifest.json").unlink()
    elif how == "manifest is no JSON":
        (copy / "manifest.json").write_text("{")
    elif how == "manifest digest":
        path = copy / "manifest.json"
        content = json.loads(path.read_text())
        content["files"]["crs.json"] = "0" * 64
        path.write_text(json.dumps(content))
    elif how == "reports digest":
        path = copy / "manifest.json"
        content = json.loads(path.read_text())
        content["reports"]["card.json"] = "0" * 64
        path.write_text(json.dumps(content))
    elif how == "newer format":
        path = copy / "manifest.json"
        content = json.loads(path.read_text())
        content["format"] = 99
        path.write_text(json.dumps(content))
    return copy


@pytest.mark.parametrize(
    "how",
    [
        "truncated booster",
        "changed coefficients",
        "missing file",
        "changed report",
        "missing report",
        "no manifest",
        "manifest is no JSON",
        "manifest digest",
        "reports digest",
        "newer format",
    ],
)
def test_a_damaged_bundle_is_refused(mini, predict, tmp_path, capsys, how) -> None:
    bundle = damaged(mini.bundle, tmp_path / "damaged", how)
    code, out = predict(mini.batch, "--model", str(bundle))
    assert code == 5
    assert not out.exists()
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "damaged" in error or "bundle" in error


def test_refused_results_stand_on_the_page_and_the_list(mini, predict, batch) -> None:
    some, most = mini.patients[1], mini.patients[3]

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        ferritin = (frame["patient_id"] == some) & (frame["analyte"] == "ferritin")
        frame.loc[ferritin, "unit"] = "furlong"
        own = frame.index[frame["patient_id"] == most]
        frame.loc[own[1:], "value"] = "-7"
        return frame

    edit(batch / "labs.csv", change)
    labs = pd.read_csv(batch / "labs.csv", dtype=str)
    count = int(((labs["patient_id"] == some) & (labs["unit"] == "furlong")).sum())
    lost = int(((labs["patient_id"] == most) & (labs["value"] == "-7")).sum())
    _, out = predict(batch)
    page = text_of(out / "report" / f"{some}.html")
    assert f"{count} results unreadable, not used: Ferritin ({count})" in page
    assert not any(
        "Ferritin" in line for line in page.splitlines() if line.startswith("Never measured")
    )
    ward = text_of(out / "report" / "index.html")
    assert f"{lost} results unreadable" in ward
    other = text_of(out / "report" / f"{mini.patients[5]}.html")
    assert "unreadable" not in other.lower()


def test_rows_left_out_by_an_earlier_moment_are_no_refused_results(mini, predict) -> None:
    _, out = predict(mini.batch, "--as-of", "60")
    assert "unreadable" not in text_of(out / "report" / "index.html")


@pytest.mark.parametrize("moment", ["2093-01-01T00:00:00Z", "900000"])
def test_a_moment_in_the_future_is_refused(mini, predict, capsys, moment) -> None:
    code, out = predict(mini.batch, "--as-of", moment)
    assert code == 2
    assert not out.exists()
    output = capsys.readouterr().err
    assert f"--as-of {moment} lies in the future" in output
    assert "UTC" in output


def test_an_hour_that_some_patients_have_not_reached_is_remarked(mini, predict, batch) -> None:
    begun = (pd.Timestamp.now(tz="UTC") - pd.Timedelta(hours=30)).isoformat()
    set_cell(batch, "patients", 0, infusion_time=begun)
    _, out = predict(batch, "--as-of", "72")
    remark = " ".join(json.loads((out / "run_summary.json").read_text())["remarks"])
    assert "1 of 7 patients have not reached hour 72 yet" in remark


def test_before_the_infusion_there_is_no_estimate_and_no_day(mini, predict) -> None:
    code, out = predict(mini.batch, "--as-of", "-5")
    rows = read_predictions(out)
    assert code == 4
    assert set(rows["status"]) == {"abstained"}
    assert rows["status_reason"].str.contains("before the infusion").all()
    page = text_of(out / "report" / f"{mini.patients[0]}.html")
    assert "5 h before infusion" in page
    assert "day −1" not in page
    assert "5 h before infusion" in text_of(out / "report" / "index.html")


@pytest.mark.parametrize("end", [False, True])
def test_a_patient_without_an_infusion_time_is_said_to_lack_it(mini, predict, batch, end) -> None:
    set_cell(batch, "patients", 0, infusion_time="")
    if end:
        set_cell(batch, "patients", 0, record_end_at="2024-02-01T00:00:00Z")
    code, out = predict(batch)
    result = rejects(out)
    assert code == 4
    assert set(result["code"]) == {"no_infusion_time"}
    assert set(result["remedy"]) == {"Fill in infusion_time in the patient's row of patients."}
    assert result["reason"].str.contains("no infusion_time").all()
    rows = read_predictions(out)
    own = rows[rows["patient_id"] == mini.patients[0]]
    assert set(own["status_reason"]) == {"no_infusion_time"}
    assert predict(batch, "--as-of", "2026-01-01T00:00:00Z", "--force")[0] == 4


def test_rejects_quote_a_date_as_it_was_written(tmp_path) -> None:
    zero = "1.3.2026 08:00"
    rows = ["P1,crp,5,mg/L,31.02.2026 08:00", "P1,crp,5,mg/L,2.3.2026 08:00"]
    rows += ["P1,crp,5,mg/L,01.01.2020 08:00", "P1,crp,5,mg/L,31/02/2026"]
    text = "patient_id,analyte,value,unit,collected_at\n" + "\n".join(rows) + "\n"
    (tmp_path / "labs.csv").write_text(text)
    (tmp_path / "patients.csv").write_text(f"patient_id,infusion_time\nP1,{zero}\n")
    config = CohortConfig(name="dates", date_order="day_first", time_zone="Europe/Berlin")
    result = read_batch(tmp_path, config, {}).rejects
    assert result["value"].tolist() == ["31.02.2026 08:00", "01.01.2020 08:00", "31/02/2026"]
    assert result["row"].tolist() == [2, 4, 5]
    assert "calendar" in result["reason"][0]
    assert "lies outside" in result["reason"][1]
    assert "calendar" in result["reason"][2]


def test_remedies_name_what_a_user_of_make_types(mini, predict, batch) -> None:
    set_cell(batch, "labs", 4, collected_at="2024-01-09T08:00:00")
    result = rejects(predict(batch)[1])
    assert result.loc[0, "remedy"].endswith("or --tz (make: TZ_NAME=).")


def test_settings_of_the_training_that_change_how_a_batch_is_read_are_told(
    mini, predict, capsys
) -> None:
    assert predict(mini.batch, "--no-pages")[0] == 0
    assert "read as in training" not in capsys.readouterr().out
    assert predict(mini.batch, "--no-pages", "--tz", "Europe/Berlin", "--force")[0] == 0
    assert "read with: times without offset in Europe/B" in capsys.readouterr().out
    config = CohortConfig(decimal_comma=False, date_order="month_first")
    assert reading_text(config) == [
        "a point before decimals (12,500 is 12500); dates with the month first (01/03 is 3 January)"
    ]


def test_an_unknown_time_zone_and_as_of_are_usage_errors(mini, predict, capsys) -> None:
    assert predict(mini.batch, "--as-of", "noon")[0] == 2
    assert "noon" in capsys.readouterr().err
    assert predict(mini.batch, "--tz", "Mars/Olympus")[0] == 2
    assert "Mars/Olympus" in capsys.readouterr().err


def test_a_patient_with_a_second_infusion_is_scored_once_and_since_then(
    mini, predict, batch
) -> None:
    people = pd.read_csv(batch / "patients.csv", dtype=str, keep_default_na=False)
    labs = pd.read_csv(batch / "labs.csv", dtype=str, keep_default_na=False)
    patient = mini.patients[0]
    again = pd.Timestamp(people["infusion_time"][0]) + pd.Timedelta(hours=40)
    second = people.iloc[[0]].assign(infusion_time=again.isoformat(), episode="2")
    pd.concat([people.assign(episode="1"), second]).to_csv(batch / "patients.csv", index=False)
    code, out = predict(batch)
    rows = read_predictions(out)
    own = rows[rows["patient_id"] == patient]
    newest = pd.to_datetime(labs.loc[labs["patient_id"] == patient, "resulted_at"]).max()
    assert code in (0, 4)
    assert set(rows["patient_id"]) == set(mini.patients)
    assert not own.duplicated(["outcome", "horizon_h"]).any()
    since = (newest - again).total_seconds() / 3600
    assert own["landmark_hours"].iloc[0] == pytest.approx(since, abs=0.05)
    assert (out / "report" / f"{patient}.html").is_file()
    assert not list((out / "report").glob("*#*"))
    assert "later infusion" in json.loads((out / "run_summary.json").read_text())["remarks"][0]


def test_a_workbook_is_answered_with_what_to_export(mini, predict, tmp_path, capsys) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "labs.xlsx").write_bytes(b"PK")
    for source in (folder, folder / "labs.xlsx"):
        assert predict(source)[0] == 3
        assert "labs.xlsx is a workbook: export each sheet as CSV" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_found_before_scoring(
    mini, predict, tmp_path, capsys, monkeypatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("pipeline.commands.predict.score_batch", None)
    assert predict(mini.batch, out=tmp_path / "file" / "out")[0] == 2
    assert "is a file" in capsys.readouterr().err


def test_quiet_may_stand_before_the_command(mini, tmp_path, capsys) -> None:
    model, batch, out = str(mini.bundle), str(mini.batch), str(tmp_path / "out")
    command = ["predict", "--input", batch, "--out", out, "--model", model, "--no-pages"]
    assert main(["--quiet", *command]) == 0
    assert capsys.readouterr().err == ""


def spoil(batch: Path, patient: str, refused: int) -> int:
    """Give a patient unknown units in the first results; returns how many results there are."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        own = frame.index[frame["patient_id"] == patient]
        frame.loc[own[:refused], "unit"] = "furlong"
        return frame

    edit(batch / "labs.csv", change)
    table = pd.read_csv(batch / "labs.csv", dtype=str)
    return int((table["patient_id"] == patient).sum())


def test_a_patient_of_whom_most_results_are_refused_gets_no_risk(mini, predict, batch) -> None:
    patient = mini.patients[3]
    whole = spoil(batch, patient, 0)
    most = whole // 2 + 1
    spoil(batch, patient, most)
    code, out = predict(batch)
    rows = read_predictions(out)
    own = rows[rows["patient_id"] == patient]
    assert code == 4
    assert set(own["status"]) == {"abstained"}
    assert set(own["status_reason"]) == {
        f"most results of this patient are unreadable ({most} of {whole}), see rejects.csv"
    }
    assert own["risk"].isna().all()
    others = rows[rows["patient_id"] != patient]
    assert others["status"].isin(["ok", "event_present"]).all()
    assert json.loads((out / "run_summary.json").read_text())["patients_mostly_refused"] == 1


def test_half_of_the_results_refused_is_not_most(mini, predict, batch) -> None:
    patient = mini.patients[3]
    spoil(batch, patient, spoil(batch, patient, 0) // 2)
    code, out = predict(batch, "--no-pages")
    rows = read_predictions(out)
    assert code == 0
    assert rows.loc[rows["patient_id"] == patient, "status"].isin(["ok", "event_present"]).all()


def test_rows_without_a_result_or_of_unknown_analytes_are_not_refused_results(
    mini, predict, batch
) -> None:
    patient = mini.patients[3]

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        own = frame[frame["patient_id"] == patient]
        blank, strange = own.assign(value="QNS"), own.assign(analyte="unobtainium")
        return pd.concat([frame, own, blank, strange])

    edit(batch / "labs.csv", change)
    code, out = predict(batch, "--no-pages")
    assert code == 0
    assert json.loads((out / "run_summary.json").read_text())["patients_mostly_refused"] == 0


def test_semicolons_and_decimal_commas_give_no_risk_and_say_why(
    mini, predict, batch, capsys
) -> None:
    table = pd.read_csv(batch / "labs.csv", dtype=str, keep_default_na=False)
    number = table["value"].str.replace(r"^(\d+)(?:\.(\d+))?$", r"\1,\g<2>5", regex=True)
    table.assign(value=number).to_csv(batch / "labs.csv", sep=";", index=False)
    code, out = predict(batch, "--no-pages")
    output = capsys.readouterr().out
    assert code in (3, 4)
    assert read_predictions(out)["risk"].isna().all()
    line = next(line for line in output.splitlines() if "MOST OF labs.csv" in line)
    assert "mostly value_unusable" in line
    assert "Write a point before decimals (12.5)" in line
    assert "cohort.decimal_comma: true with --config" in line
    assert predict(batch, "--no-pages")[0] == code
    again = capsys.readouterr().out
    assert "nothing was rewritten" in again
    assert output in again


def test_a_misnamed_table_is_named_with_what_may_be_meant(mini, predict, batch, capsys) -> None:
    (batch / "assessments.csv").rename(batch / "assessment.csv")
    (batch / "planted.csv").write_text("file\n")
    (batch / "README.txt").write_text("nothing\n")
    code, out = predict(batch, "--no-pages")
    expected = (
        "assessment.csv was not read; is 'assessments' meant? Then rename it to assessments.csv."
    )
    assert code == 0
    assert json.loads((out / "run_summary.json").read_text())["remarks"] == [expected]
    assert expected in capsys.readouterr().err


def test_an_optional_table_as_a_workbook_is_refused(mini, predict, batch, capsys) -> None:
    (batch / "assessments.csv").rename(batch / "assessments.xlsx")
    assert predict(batch)[0] == 3
    assert "assessments.xlsx is a workbook: export each sheet" in capsys.readouterr().err


def test_a_workbook_beside_its_table_is_a_remark(mini, predict, batch) -> None:
    (batch / "labs.xlsx").write_bytes(b"PK")
    code, out = predict(batch, "--no-pages")
    remarks = json.loads((out / "run_summary.json").read_text())["remarks"]
    assert code == 0
    assert remarks == ["labs.xlsx was not read; 'labs' was read from another file."]


def test_a_year_ten_too_high_is_answered_with_checking_the_date(mini, predict, batch) -> None:
    moment = pd.read_csv(batch / "labs.csv", dtype=str)["collected_at"][4]
    set_cell(batch, "labs", 4, collected_at=f"{int(moment[:4]) + 10}{moment[4:]}")
    result = rejects(predict(batch, "--no-pages")[1])
    assert list(result["code"]) == ["time_unusable"]
    assert "lies outside" in result.loc[0, "reason"]
    assert result.loc[0, "remedy"] == "Check this time and the patient's infusion_time."


def test_text_of_the_input_is_cut_and_escaped_in_messages(mini, predict, batch, capsys) -> None:
    (batch / "assessments.csv").write_text("x" * 5000 + "\nA\n")
    assert predict(batch)[0] == 3
    output = capsys.readouterr().err
    assert "lacks the column" in output
    assert len(output) < 500
    (batch / "assessments.csv").write_bytes(b"\xcd\x07,\xd8\x1b[31m\n\x00\x01\n")
    assert predict(batch)[0] == 3
    output = capsys.readouterr().err
    assert "is not text" in output
    assert output.strip().isprintable()


def test_nobody_scored_has_no_abstention_rate(mini, predict, batch, capsys) -> None:
    edit(batch / "labs.csv", lambda labs: labs.assign(unit="furlong"))
    code, _ = predict(batch, "--no-pages")
    output = capsys.readouterr().out
    assert code == 3
    assert "7 rejected (no patient has usable input)" in output
    assert "abstention rate" not in output
