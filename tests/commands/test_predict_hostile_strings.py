"""Hostile strings in every text cell: nobody is lost, and no output is dangerous."""

from __future__ import annotations

import csv
import random

import pandas as pd
import pytest

from pipeline.cohort.patient_ids import shown_id
from tests.conftest import read_predictions
from tests.planted.hostile_strings import hostile_string, problems_of, write_batch


@pytest.mark.parametrize("parquet", [False, True])
def test_hostile_strings_lose_no_patient_and_reach_no_page(mini, predict, tmp_path, parquet):
    chance = random.Random(20 + parquet)
    ids = list(dict.fromkeys(hostile_string(chance) for _ in range(24)))
    ids = [name for name in ids if name.strip(" ")]
    write_batch(tmp_path / "in", ids, chance, "axi-cel", parquet=parquet)
    code, out = predict(tmp_path / "in", "--emit", "fhir")
    assert code in (3, 4)
    assert list(problems_of(out, ids)) == []


def test_predictions_are_neutralised_only_on_demand_and_that_is_another_result(
    mini, predict, tmp_path
):
    ids = ["=1+1", "+49", "@x", "-a", "P-1", "'=q"]
    write_batch(tmp_path / "in", ids, random.Random(1), "axi-cel", parquet=False)
    _, plain = predict(tmp_path / "in", "--no-pages", out=tmp_path / "plain")
    assert set(read_predictions(plain)["patient_id"]) == set(ids)
    arguments = ("--no-pages", "--spreadsheet-safe")
    code, _ = predict(tmp_path / "in", *arguments, out=tmp_path / "plain")
    assert code == 2  # another result than the folder holds
    _, safe = predict(tmp_path / "in", *arguments, out=tmp_path / "safe")
    with (safe / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["patient_id"] for row in rows} == {"'=1+1", "+49", "'@x", "'-a", "P-1", "''=q"}
    numbers = pd.read_csv(safe / "predictions.csv")["landmark_hours"]
    assert pd.api.types.is_numeric_dtype(numbers)


def test_ids_with_controls_are_rejected_patients_of_their_own(mini, predict, tmp_path):
    ids = ["a\rb", "a\x00b", "a\u202eb", "ab", "a\u200bb"]
    write_batch(tmp_path / "in", ids, random.Random(1), "axi-cel", parquet=True)
    _, out = predict(tmp_path / "in", "--no-pages")
    table = read_predictions(out).drop_duplicates("patient_id").set_index("patient_id")
    assert set(table.index) == {shown_id(name) for name in ids}
    refused = table.drop(index="ab")
    assert set(refused["status"]) == {"rejected"}
    assert set(refused["status_reason"]) == {"id_unusable"}
