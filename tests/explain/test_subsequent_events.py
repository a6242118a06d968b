"""What was charted after an estimate: told on page, ward list and stdout; never part of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from pipeline.explain.subsequent_events import SubsequentEvents
from pipeline.pages.patient_page import patient_page
from tests.conftest import edit, read_predictions
from tests.pages.html_reader import read
from tests.pages.patients import facts, rising_crs, soon_after

COLUMNS = {"crs": "3", "death": "1"}


def scored(out) -> tuple[pd.DataFrame, str, pd.Timestamp]:
    """Predictions, a patient who has an estimate, and its moment."""
    rows = read_predictions(out)
    first = rows.loc[rows["status"] == "ok"].iloc[0]
    return rows, first["patient_id"], pd.Timestamp(first["landmark_at"])


def charted(batch, patient: str, moment: pd.Timestamp, **changes: str) -> None:
    def more(table: pd.DataFrame) -> pd.DataFrame:
        when = (moment + pd.Timedelta(hours=5)).isoformat()
        row = table.head(1).assign(patient_id=patient, assessed_at=when, **changes)
        return pd.concat([table, row])

    edit(batch / "assessments.csv", more)


def text_of(out, name: str) -> str:
    return read((out / "report" / f"{name}.html").read_text(encoding="utf-8")).text


@pytest.mark.parametrize(
    ("scale", "said", "chip"),
    [("crs", "CRS 3 (", "CRS 3 since"), ("death", "death (", "died since")],
)
def test_an_event_after_the_newest_result_is_told_and_changes_no_number(
    mini, batch, predict, tmp_path, capsys, scale, said, chip
) -> None:
    before = predict(batch, out=tmp_path / "before")[1]
    rows, who, moment = scored(before)
    charted(batch, who, moment, scale=scale, grade=COLUMNS[scale])
    capsys.readouterr()
    after = predict(batch, out=tmp_path / "after")[1]
    assert "of these with an event or death: 1" in capsys.readouterr().out
    pd.testing.assert_frame_equal(read_predictions(after), rows)
    page = text_of(after, who)
    assert f"Overtaken since this estimate: {said}" in page
    assert chip in text_of(after, "index")
    summary = json.loads((after / "run_summary.json").read_text(encoding="utf-8"))
    assert summary["patients_overtaken"] == 1
    assert "Overtaken" not in text_of(before, who)


def test_an_unchanged_grade_after_the_newest_result_is_no_news(mini, batch, predict) -> None:
    _, who, moment = scored(predict(batch)[1])
    table = pd.read_csv(batch / "assessments.csv", dtype=str)
    mine = table[(table["patient_id"] == who) & (table["scale"] == "crs")]
    known = mine[pd.to_datetime(mine["assessed_at"], utc=True) < moment]
    newest = known.sort_values("assessed_at")["grade"].iloc[-1]
    charted(batch, who, moment, scale="crs", grade=newest)
    out = predict(batch, "--force")[1]
    assert "ince this estimate" not in text_of(out, who)


def test_what_overtakes_an_estimate_is_the_worst_that_can_be_said_of_it() -> None:
    patient = rising_crs()
    at = patient.record.hours + 1
    for fact, level in (
        (SubsequentEvents("crs", 3, "", at), "Low confidence"),
        (SubsequentEvents("crs", 2, "", at), "Reduced confidence"),
        (SubsequentEvents("", 0, "tocilizumab", at), "Reduced confidence"),
    ):
        known = replace(patient, later=[fact])
        page = patient_page(known, facts(), made=soon_after(patient), back="index.html")
        assert level in read(page).text
        assert "ince this estimate: " in read(page).text


def test_as_of_looks_at_nothing_later(mini, batch, predict) -> None:
    out = predict(batch, "--as-of", "60")[1]
    summary = json.loads((out / "run_summary.json").read_text(encoding="utf-8"))
    assert summary["patients_charted_since"] == 0


def test_a_drug_that_the_model_does_not_know_is_called_so() -> None:
    patient = rising_crs()
    doses = pd.DataFrame({"drug": ["wonder_drug"], "given_hours": [patient.record.hours - 5]})
    object.__setattr__(patient.record, "doses", doses)
    page = patient_page(patient, facts(), made=soon_after(patient), back="index.html")
    assert "wonder drug (unknown to the model)" in read(page).text
