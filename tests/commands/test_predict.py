"""What an operator gets from a good batch: every patient, every file, twice the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.resources import schema_json
from tests.conftest import edit, read_predictions
from tests.minicohort import cut


def test_every_patient_has_every_outcome_and_horizon(mini, predict) -> None:
    code, out = predict(mini.batch)
    rows = read_predictions(out)
    assert code == 0
    assert set(rows["patient_id"]) == set(mini.patients)
    assert list(rows.columns) == [
        item["name"] for item in schema_json("predictions.json")["fields"]
    ]
    for outcome in ("severe_crs", "icans"):
        asked = rows[rows["outcome"] == outcome]
        assert len(asked) == 4 * len(mini.patients)
    ok = rows[rows["status"] == "ok"]
    assert len(ok) > 0
    assert ((ok["risk_lo"] <= ok["risk"]) & (ok["risk"] <= ok["risk_hi"])).all()
    assert ok["risk"].between(0, 1).all()
    assert ok[["risk", "base_rate", "base_rate_n", "interval_level"]].notna().all().all()
    assert (rows.loc[rows["status"] != "ok", "risk"].isna()).all()


def test_risk_rises_with_the_horizon(mini, predict) -> None:
    rows = read_predictions(predict(mini.batch)[1])
    ok = rows[rows["status"] == "ok"].sort_values("horizon_h")
    steps = ok.groupby(["patient_id", "outcome"])["risk"].diff().dropna()
    assert len(steps) > 0
    assert (steps >= 0).all()


def test_landmark_is_the_first_whole_minute_after_the_newest_result(mini, predict) -> None:
    rows = read_predictions(predict(mini.batch)[1])
    labs = pd.read_csv(mini.batch / "labs.csv", dtype=str)
    newest = pd.to_datetime(labs["resulted_at"]).groupby(labs["patient_id"]).max()
    people = pd.read_csv(mini.batch / "patients.csv", dtype=str).set_index("patient_id")
    for patient, row in rows.drop_duplicates("patient_id").set_index("patient_id").iterrows():
        landmark = pd.Timestamp(row["landmark_at"])
        wait = (landmark - newest[patient]).total_seconds()
        assert 0 < wait <= 61
        since = landmark - pd.Timestamp(people.loc[patient, "infusion_time"])
        assert row["landmark_hours"] == pytest.approx(since.total_seconds() / 3600, abs=1e-3)


def test_explanations_add_up_to_the_displayed_risk(mini, predict) -> None:
    out = predict(mini.batch)[1]
    table = pq.read_table(out / "explanations.parquet").to_pandas()
    fields = [item["name"] for item in schema_json("explanations.json")["fields"]]
    assert list(table.columns) == fields
    key = ["patient_id", "outcome", "horizon_h"]
    for level in ("analyte", "pathway"):
        part = table[table["level"] == level].groupby(key)
        total = part["points"].sum() / 100
        gap = part["risk"].first() - part["reference_risk"].first()
        assert np.abs(total - gap).max() < 1e-9
    rows = read_predictions(out)
    ok = rows[rows["status"] == "ok"].set_index(key)["risk"]
    shown = table.drop_duplicates(key).set_index(key)["risk"]
    assert (shown.reindex(ok.index) - ok).abs().max() < 1e-4
    assert set(table["patient_id"]) == set(ok.index.get_level_values(0))


def test_contrast_rows_are_crs_minus_icans(mini, predict) -> None:
    table = pq.read_table(predict(mini.batch)[1] / "explanations.parquet").to_pandas()
    contrast = table[table["level"] == "contrast"]
    assert set(contrast["outcome"]) == {"severe_crs_vs_icans"}
    asked = contrast[contrast["name"] == contrast["pathway"]]
    key = ["patient_id", "horizon_h"]
    gap = {}
    for outcome in ("severe_crs", "icans"):
        rows = table[table["outcome"] == outcome].groupby(key)[["risk", "reference_risk"]].first()
        gap[outcome] = 100 * (rows["risk"] - rows["reference_risk"])
    total = asked.groupby(key)["points"].sum()
    assert (total - (gap["severe_crs"] - gap["icans"])[total.index]).abs().max() < 1e-9
    both = gap["severe_crs"].index.intersection(gap["icans"].index)
    assert len(total) == len(both) > 0


def test_explained_values_are_those_of_the_input(mini, predict) -> None:
    table = pq.read_table(predict(mini.batch)[1] / "explanations.parquet").to_pandas()
    labs = pd.read_csv(mini.batch / "labs.csv", dtype=str)
    crp = table[(table["name"] == "crp") & (table["level"] == "analyte")]
    assert len(crp) > 0
    for _, row in crp.drop_duplicates("patient_id").iterrows():
        own = labs[(labs["patient_id"] == row["patient_id"]) & (labs["analyte"] == "crp")]
        newest = own.iloc[pd.to_datetime(own["collected_at"]).argmax()]
        assert row["value"] == pytest.approx(float(newest["value"]), rel=1e-6)
        assert row["unit"] == "mg/L"


def test_one_patient_alone_gets_the_same_rows_as_in_the_batch(mini, predict, tmp_path) -> None:
    together = read_predictions(predict(mini.batch)[1])
    patient = mini.patients[3]
    alone_in = cut(mini.batch.parent / "others", tmp_path / "one", hours=84, patients=[patient])
    alone = read_predictions(predict(alone_in, out=tmp_path / "alone")[1])
    expected = together[together["patient_id"] == patient].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, check_dtype=False)


def test_the_same_run_again_rewrites_nothing(mini, predict, capsys) -> None:
    code, out = predict(mini.batch)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    again, _ = predict(mini.batch)
    assert again == code
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    assert "nothing was rewritten" in capsys.readouterr().out


def test_an_output_folder_that_holds_something_else_is_kept(mini, predict, tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert predict(mini.batch)[0] == 2
    assert (out / "notes.txt").read_text() == "mine"
    assert predict(mini.batch, "--force")[0] == 2
    assert (out / "notes.txt").read_text() == "mine"


def test_nothing_is_left_behind_when_writing_fails(mini, predict, tmp_path, monkeypatch) -> None:
    from pipeline.predict import outputs

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(outputs, "_write_explanations", fail)
    assert predict(mini.batch)[0] == 3
    assert [path.name for path in tmp_path.iterdir() if path.name != "batch"] == []


def test_summary_counts_rows_and_names_versions(mini, predict) -> None:
    out = predict(mini.batch)[1]
    summary = json.loads((out / "run_summary.json").read_text())
    for count in summary["files"].values():
        parts = ("accepted", "rejected", "collapsed", "withdrawn")
        assert count["read"] == sum(count[name] for name in parts)
    assert summary["patients"] == len(mini.patients)
    assert summary["synthetic_model"] is True
    manifest = json.loads((mini.bundle / "manifest.json").read_text())
    assert summary["bundle_sha256"] == manifest["bundle_sha256"]


def test_as_of_drops_later_rows_and_sets_the_landmark(mini, predict, tmp_path) -> None:
    code, out = predict(mini.batch, "--as-of", "48")
    rows = read_predictions(out)
    assert code == 0
    assert (rows["landmark_hours"] == 48).all()
    rejects = pd.read_csv(out / "rejects.csv")
    assert set(rejects["code"]) == {"future"}
    earlier = cut(
        mini.batch.parent / "others", tmp_path / "early", hours=48, patients=mini.patients
    )
    same = read_predictions(predict(earlier, "--as-of", "48", out=tmp_path / "early_out")[1])
    pd.testing.assert_frame_equal(rows, same)


def test_without_assessments_the_model_without_state_is_used(mini, predict, batch) -> None:
    (batch / "assessments.csv").unlink()
    code, out = predict(batch)
    rows = read_predictions(out)
    assert code == 0
    assert (rows["status"] == "ok").all()
    assert not rows["state_used"].astype(bool).any()


def test_a_grade_older_than_36_h_is_unknown_not_zero(mini, predict, batch) -> None:
    people = pd.read_csv(batch / "patients.csv", dtype=str).set_index("patient_id")

    def keep_old(table: pd.DataFrame) -> pd.DataFrame:
        zero = pd.to_datetime(table["patient_id"].map(people["infusion_time"]))
        return table[pd.to_datetime(table["assessed_at"]) - zero < pd.Timedelta(hours=30)]

    edit(batch / "assessments.csv", keep_old)
    rows = read_predictions(predict(batch)[1])
    assert not rows.loc[rows["status"] == "ok", "state_used"].astype(bool).any()


def test_an_outcome_that_has_happened_gets_no_risk_and_icans_turns_severe(
    mini, predict, batch
) -> None:
    patient = mini.patients[0]

    def add(table: pd.DataFrame) -> pd.DataFrame:
        last = table[table["patient_id"] == patient].iloc[[-1]]
        others = table[~((table["patient_id"] == patient) & (table["scale"] == "icans"))]
        return pd.concat([others, last.assign(scale="icans", grade="2")])

    edit(batch / "assessments.csv", add)
    rows = read_predictions(predict(batch)[1])
    own = rows[rows["patient_id"] == patient]
    present = own[own["outcome"] == "icans"]
    assert set(present["status"]) == {"event_present"}
    assert present["risk"].isna().all()
    assert present["status_reason"].str.contains("charted at").all()
    severe = own[own["outcome"] == "severe_icans"]
    assert len(severe) == 4
    assert severe["risk"].notna().all()


def test_a_moved_bundle_still_works(mini, predict, tmp_path) -> None:
    moved = shutil.copytree(mini.bundle, tmp_path / "elsewhere" / "b")
    here = read_predictions(predict(mini.batch)[1])
    there = read_predictions(predict(mini.batch, "--model", str(moved), out=tmp_path / "o")[1])
    pd.testing.assert_frame_equal(here, there)


def test_a_single_labs_file_in_hours_is_enough(mini, predict, tmp_path) -> None:
    labs = tmp_path / "today.csv"
    labs.write_text(
        "patient_id,analyte,value,unit,collected_hours\n"
        "P1,CRP,120,mg/L,50\nP1,ferritin,2100,ug/L,50\n"
        "P2,crp,3,mg/dL,20\nP2,ferritin,900,ug/L,19\n"
    )
    code, out = predict(labs)
    rows = read_predictions(out)
    assert code == 0
    assert set(rows["patient_id"]) == {"P1", "P2"}
    assert (rows["status"] == "ok").all()
    assert rows["landmark_at"].isna().all()
    assert json.loads((out / "run_summary.json").read_text())["turnaround_imputed"] == 4
    hours = rows.drop_duplicates("patient_id").set_index("patient_id")["landmark_hours"]
    assert hours.to_dict() == pytest.approx({"P1": 50 + 1 / 60, "P2": 20 + 1 / 60}, abs=1e-3)


def test_a_slow_assay_without_result_time_does_not_move_the_landmark(predict, tmp_path) -> None:
    labs = tmp_path / "labs.csv"
    labs.write_text(
        "patient_id,analyte,value,unit,collected_hours,resulted_hours\n"
        "P1,crp,120,mg/L,40,44\nP1,ferritin,2100,ug/L,40,45\nP1,ifn_gamma,30,pg/mL,38,\n"
    )
    rows = read_predictions(predict(labs)[1])
    assert rows["landmark_hours"].iloc[0] == pytest.approx(45 + 1 / 60, abs=1e-3)
    assert (rows["status"] == "ok").all()


def test_predicting_from_a_folder_imports_neither_mlflow_nor_shap(mini, tmp_path) -> None:
    program = (
        "import sys; from pipeline.cli import main; "
        f"code = main(['predict', '--input', {str(mini.batch)!r}, '--out', {str(tmp_path / 'o')!r},"
        f" '--model', {str(mini.bundle)!r}, '--quiet']); "
        "print(code, sorted(set(sys.modules) & {'mlflow', 'shap', 'matplotlib', 'scipy.optimize'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].startswith("0 ")
    assert "mlflow" not in done.stdout.splitlines()[-1]
    assert "shap" not in done.stdout.splitlines()[-1]
    assert done.stderr == ""
