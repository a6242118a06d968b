"""The ward list: sorted, counted, honest about who has no estimate, for none and for many."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from pipeline.explain.estimate_inputs import EstimateInputs
from pipeline.pages.ward_list import highest_risk, ward_page
from pipeline.predict.patient_results import Patient
from tests.pages.html_reader import read
from tests.pages.patients import (
    KINDS,
    MADE,
    estimate,
    facts,
    icans_present,
    rising_crs,
    soon_after,
)


def ward_text(patients: list[Patient], made: datetime | None = None) -> str:
    """The list, made right after the first estimate unless a moment is given."""
    made = made or (soon_after(patients[0]) if patients else MADE)
    listed = [(patient, f"p{number}.html") for number, patient in enumerate(patients)]
    return read(ward_page(listed, facts(), made=made)).text


def line_of(text: str, patient_id: str) -> str:
    """All that stands on the line of a patient, joined."""
    rest = text[text.index(f"\n{patient_id}") + 1 :]
    return " ".join(re.split(r"\n(?=P-|Without|Page made)", rest)[0].split("\n"))


def test_highest_risk_comes_first_and_the_rest_last() -> None:
    patients = [make() for make in KINDS.values()]
    text = ward_text(patients)
    order = sorted(patients, key=lambda patient: -highest_risk(patient))
    places = [text.index(f"\n{patient.record.patient_id}") for patient in order]
    assert places == sorted(places)
    assert text.index("A missing estimate is not a low risk.") < text.index("\nP-0400")


def test_counts_stand_on_top() -> None:
    text = ward_text([make() for make in KINDS.values()])
    said = "8 patients: 6 with an estimate, 2 without; 1 already with an outcome."
    assert said in text
    assert "1 patient: 1 with an estimate" in ward_text([rising_crs()])


def test_a_line_tells_risk_interval_usual_change_and_age() -> None:
    line = line_of(ward_text([rising_crs()]), "P-0042")
    assert "day 2, 23 h" in line
    assert "18%" in line
    assert "11–26%, usual 7%" in line
    assert "▲ up 11 points in 24 h" in line
    assert "unchanged in 24 h" in line
    assert "1 h ● No exceptions" in line


def test_an_outcome_that_is_present_shows_the_next_question() -> None:
    line = line_of(ward_text([icans_present()]), "P-0099")
    assert "31% severe ICANS; ICANS present since 23 Nov 10:30 19–43%, usual 9%" in line


def test_old_labs_are_flagged_in_words() -> None:
    line = line_of(ward_text([replace(rising_crs(), inputs=EstimateInputs(61.0))]), "P-0042")
    assert "■ 61 h old" in line
    assert "no recent labs" in line


def test_current_grades_stand_beside_the_time() -> None:
    assert "day 2, 23 h 22 Nov 07:12 CRS 2, ICANS 0" in line_of(ward_text([rising_crs()]), "P-0042")
    assert "day 5, 0 h 24 Nov 08:00 ICANS 2, no recent CRS grade" in line_of(
        ward_text([icans_present()]), "P-0099"
    )


def test_no_patient_at_all() -> None:
    assert "No patient stands in this batch." in ward_text([])


def test_two_hundred_patients() -> None:
    patients = []
    for number in range(200):
        first = rising_crs()
        person = replace(first.record, patient_id=f"Q{number:03d}")
        crs = estimate("severe_crs", number / 250, {"crp": 0.0})
        patients.append(replace(first, record=person, estimates=(crs,)))
    text = ward_text(patients)
    found = re.findall(r"^Q(\d{3})", text, re.MULTILINE)
    assert found == [f"{number:03d}" for number in reversed(range(200))]
