"""Infusions of an export, and the table of patients."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.ledger import Ledger
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError
from pipeline.importers.exchange_mapping import ExchangeMapping
from pipeline.importers.infusions import find_infusions, one_row_each
from pipeline.importers.records import EVENT_COLUMNS, RESULT_COLUMNS, Records, text_frame
from pipeline.reading.reader import read_cohort
from tests.importers.test_omop import DAY0, MAPPING, bring


def test_infusions_of_one_day_are_one_and_a_later_one_is_an_episode(tmp_path):
    again = {"person_id": "1", "procedure_concept_id": "0", "procedure_source_value": "CART"}
    times = ["2024-03-01", DAY0, "2024-06-01 09:00:00"]
    procedures = [{**again, "procedure_datetime": time} for time in times]
    imported, _, summary = bring(tmp_path, [{}], procedure_occurrence=procedures)
    patients = imported["patients"]
    assert patients["episode"].tolist() == ["1", "2"]
    assert patients["infusion_time"].str.slice(0, 16).tolist() == [
        "2024-03-01T10:00",
        "2024-06-01T09:00",
    ]
    assert "1 patients have infusions at least 1 days apart" in summary
    imported, _, _ = bring(
        tmp_path, [{}], {**MAPPING, "same_infusion_days": 30}, procedure_occurrence=procedures[1:2]
    )
    assert len(imported["patients"]) == 1


def test_an_infusion_without_a_record_stops_the_import(tmp_path):
    rules = [{"table": "drug_exposure", "codes": ["1594034"]}]
    with pytest.raises(InputError, match=r"'infusion'.*drug_exposure: 1594034"):
        bring(tmp_path, [{}], {**MAPPING, "infusion": rules})


def test_an_infusion_in_a_clock_change_is_refused_with_a_remedy(tmp_path):
    done = {"procedure_concept_id": "0", "procedure_source_value": "CART"}
    time = "2024-03-31 02:30:00"
    both = [{"person_id": "1", "procedure_datetime": at, **done} for at in (time, DAY0)]
    _, rejects, _ = bring(tmp_path, [{}], procedure_occurrence=both)
    assert rejects[["file", "row", "value"]].to_numpy().tolist() == [
        ["procedure_occurrence.csv", "2", time]
    ]
    assert "does not exist in Europe/Berlin" in rejects["reason"][0]
    assert "with its offset" in rejects["remedy"][0]
    with pytest.raises(InputError, match=r"'infusion'.*csv, row 2: .*'2024-03-31 02:30:00'.*"):
        bring(tmp_path, [{}], procedure_occurrence=both[:1])


def test_follow_up_is_the_period_of_the_infusion_and_two_years_at_most(tmp_path):
    ends = ("observation_period_start_date", "observation_period_end_date")
    periods = [
        {"person_id": "1", **dict(zip(ends, dates, strict=True))}
        for dates in (("2019-01-01", "2020-01-01"), ("2024-02-01", "2030-01-01"))
    ]
    death = [{"person_id": "1", "death_date": "2029-12-31"}]
    imported, _, summary = bring(tmp_path, [{}], observation_period=periods, death=death)
    assert imported["patients"]["followed_until_at"].tolist() == ["2026-02-28"]
    assert "death_at" not in imported["patients"]
    assert "1 deaths are more than two years after" in summary
    read = read_cohort(
        tmp_path / "out", CohortConfig(), required=("patients", "labs")
    ).cohort.patients
    assert read["followed_until_hours"].between(728 * 24, 730 * 24).all()
    assert read["age_years"].tolist() == [64.0]


PEOPLE = ["patient_id", "birth", "sex", "file", "_line"]


def test_exact_repeats_of_a_patient_collapse_and_contradictions_lose_every_row():
    rows = [
        ("1", "1960", "F", "person.csv", 2),
        ("1", "1960", "F", "person.csv", 3),
        ("2", "1960", "F", "person.csv", 4),
        ("2", "1961", "F", "person.csv", 5),
        ("3", "1950", "M", "person.csv", 6),
    ]
    ledger = Ledger()
    kept = one_row_each(pd.DataFrame(rows, columns=PEOPLE), ledger)
    assert kept["patient_id"].tolist() == ["1", "3"]
    assert ledger.collapsed["person.csv"] == 1
    refused = ledger.frame()
    assert refused["row"].tolist() == [4, 5]
    assert set(refused["code"]) == {"duplicate_patient"}


@given(
    hours=st.lists(st.integers(0, 24 * 12), min_size=1, max_size=6, unique=True),
    gap=st.integers(0, 6),
)
@settings(max_examples=15, deadline=None)
def test_records_closer_to_the_first_than_the_gap_are_one_infusion(hours, gap):
    start = pd.Timestamp("2024-03-01T10:00:00Z")
    blank = dict.fromkeys(EVENT_COLUMNS, "") | {"table": "procedure_occurrence", "file": "p.csv"}
    rows = [
        {
            **blank,
            "codes": ("CART",),
            "patient_id": "1",
            "at": (start + pd.Timedelta(hours=hour)).isoformat(),
            "_line": line,
        }
        for line, hour in enumerate(hours, start=2)
    ]
    people = pd.DataFrame({"patient_id": ["1"]})
    events, results = text_frame(rows, EVENT_COLUMNS), text_frame([], RESULT_COLUMNS)
    records = Records(people, results, events, people, "omop")
    mapping = ExchangeMapping.model_validate({**MAPPING, "same_infusion_days": gap})
    infusions, named = find_infusions(records, mapping, Ledger(), None)
    starts: list[int] = []
    for hour in sorted(hours):
        if not starts or hour - starts[-1] >= max(gap * 24, 1 / 3600):
            starts.append(hour)
    assert infusions["moment"].tolist() == [start + pd.Timedelta(hours=hour) for hour in starts]
    assert infusions["episode"].tolist() == list(range(1, len(starts) + 1))
    assert len(named) == len(hours)


@pytest.mark.parametrize(
    ("birth", "age"),
    [
        ({"year_of_birth": "1964"}, "60"),
        ({"birth_datetime": "1964-02-29 00:00:00"}, "60"),
        ({"birth_datetime": "1964-03-02 00:00:00"}, "59"),
        ({"year_of_birth": "1964", "month_of_birth": "4", "day_of_birth": "1"}, "59"),
        ({}, None),
    ],
)
def test_age_is_in_completed_years_at_the_infusion(tmp_path, birth, age):
    people = [{"person_id": "1", "gender_concept_id": "8507", **birth}]
    patients = bring(tmp_path, [{}], person=people)[0]["patients"]
    assert patients.get("age_years", pd.Series([None]))[0] == age
