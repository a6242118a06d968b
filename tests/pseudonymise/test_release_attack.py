"""Knowing the cut-off recovers no shift of a release; a plain shift is recovered."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.cohort.schema import TableSchema
from pipeline.commands.pseudonymise import pseudonymise
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError
from pipeline.pseudonymise.common_dates import common_dates, infusion_times
from pipeline.pseudonymise.release_attack import recovered_shifts, refuse_recovered
from pipeline.pseudonymise.released_columns import Account
from pipeline.pseudonymise.released_times import shifted
from pipeline.pseudonymise.secret_key import Key, write_key
from pipeline.reading.reader import read_cohort

SECRET = Key(bytes(range(7, 39)))
CUT = "2026-06-30T00:00:00+02:00"


def cohort(folder: Path, column: str, cell: str = CUT) -> Path:
    """Twelve patients; eight share a cell of one column."""
    people, labs = [f"patient_id,infusion_time,{column}"], ["patient_id,analyte,value,unit,"]
    labs[0] += "collected_at"
    for place in range(12):
        zero = pd.Timestamp("2026-02-01T09:00:00+01:00") + pd.Timedelta(days=12 * place)
        own = zero + pd.Timedelta(days=30 + place, hours=place)
        end = cell if place < 8 else own.isoformat()
        if column.endswith("_hours"):
            end = str((pd.Timestamp(end) - zero) / pd.Timedelta(hours=1))
        people.append(f"Q{place:03},{zero.isoformat()},{end}")
        for day in (1, 2, 5):
            at = zero + pd.Timedelta(days=day)
            labs.append(f"Q{place:03},crp,{10 + place + day},mg/L,{at.isoformat()}")
    folder.mkdir()
    (folder / "patients.csv").write_text("\n".join(people) + "\n", encoding="utf-8")
    (folder / "labs.csv").write_text("\n".join(labs) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("times", ["shifted", "hours"])
@pytest.mark.parametrize(
    "column",
    ["followed_until_at", "record_end_at", "death_at", "new_therapy_at", "followed_until_hours"],
)
def test_a_known_cut_off_reveals_no_patient(tmp_path, column, times) -> None:
    source = cohort(tmp_path / "in", column)
    write_key(SECRET, tmp_path / "keys" / "key")
    _, text = pseudonymise(source, tmp_path / "out", tmp_path / "keys" / "key", times=times)
    assert column in text
    wanted = ("patients", "labs")
    before = read_cohort(source, CohortConfig(), required=wanted).cohort.patients
    after = read_cohort(tmp_path / "out", CohortConfig(), required=wanted).cohort.patients
    before = before.set_index(before["patient_id"].map(SECRET.pseudonym))
    after = after.set_index("patient_id").reindex(before.index)
    end = "record_end_hours" if column.startswith("record") else "followed_until_hours"
    limit = before[end]
    if column.startswith(("death", "new")):
        event = column.replace("_at", "_hours")
        limit = before[event]
        assert after[event].notna().sum() == 4  # the others end as followed, before the event
    assert (after[end] <= limit.fillna(float("inf")) + 1e-6).all()
    for name, hours in after[end].items():  # the attack, by hand
        zero = before.loc[name, "infusion_time"]
        if pd.notna(hours) and limit[name] == (pd.Timestamp(CUT) - zero) / pd.Timedelta(hours=1):
            assert (pd.Timestamp(CUT) - pd.Timedelta(hours=hours)).date() != zero.date()


def test_a_naive_shift_is_recovered_and_stops_the_release(tmp_path) -> None:
    source = cohort(tmp_path / "in", "followed_until_at")
    table = pd.read_csv(source / "patients.csv", dtype="str").assign(_line=range(2, 14))
    zero = infusion_times({"patients": table}, None)
    common = common_dates({"patients": table}, zero, None)
    schema = TableSchema.load("patients")
    naive = shifted(table, schema, "patients.csv", SECRET, {}, None, Account())
    recovered = recovered_shifts({"patients": naive}, common, SECRET.days, zero, {})
    assert {place: len(ids) for place, ids in recovered.items()} == {
        "patients, column followed_until_at": 8
    }
    with pytest.raises(InputError, match="column followed_until_at") as stopped:
        refuse_recovered(recovered, {"patients": "patients.csv"})
    assert "Q0" not in str(stopped.value)


def test_a_release_that_still_reveals_a_shift_is_not_written(tmp_path, monkeypatch, capfd) -> None:
    source = cohort(tmp_path / "in", "followed_until_at")
    monkeypatch.setattr(
        "pipeline.commands.pseudonymise.without_common_dates", lambda tables, *rest: tables
    )
    paths = ["--input", source, "--out", tmp_path / "out", "--key", tmp_path / "keys" / "key"]
    assert main(["pseudonymise", *map(str, paths)]) == 3
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "keys" / "key").exists()
    assert "followed_until_at" in capfd.readouterr().err
