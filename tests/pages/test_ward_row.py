"""One line of the ward list: risks, change, reason, exceptions, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.estimate_age import estimate_age
from pipeline.explain.phrases import section
from pipeline.explain.subsequent_events import SubsequentEvents
from pipeline.pages.ward_row import WardPatient, brief_risk, change_marks
from pipeline.predict.patient_results import Patient
from tests.pages.patients import (
    OUTCOMES,
    abstained,
    after_tocilizumab,
    crowded,
    facts,
    icans_present,
    icans_resolved,
    record,
    rejected,
    rising_crs,
    soon_after,
    unknown,
)

NAMES = list(OUTCOMES)
SEVERE = ["severe_crs", "severe_icans"]


def line(patient: Patient, hours: float = 0.0) -> WardPatient:
    """The patient on a list made some hours after the estimate."""
    model = facts()
    made = soon_after(patient) + timedelta(hours=hours)
    return WardPatient(patient, "p.html", model, estimate_age(patient.record, made, model.horizon))


def test_a_cell_has_the_risk_its_change_and_a_bar_that_names_interval_and_average() -> None:
    crs, icans, severe = line(rising_crs()).cells(NAMES)
    assert (crs.number, crs.change, crs.hue) == (brief_risk(0.18), "▲ 11", "crs")
    assert crs.change_words == "up 11 points in 24 h"
    assert 'role="img"' in crs.bar
    assert "average" in crs.bar
    assert icans.hue == "icans"
    assert (severe.number, severe.status, severe.bar) == ("", "", None)


def test_a_present_outcome_has_its_day_and_no_number() -> None:
    icans = line(icans_present()).cells(NAMES)[1]
    assert icans.number == ""
    assert "present" in icans.status
    assert "day 4" in icans.status
    assert line(icans_present()).present


def test_without_an_estimate_the_reason_stands_on_the_line() -> None:
    for patient in (abstained(), rejected()):
        one = line(patient)
        assert not one.estimated
        assert one.missing
        assert "_" not in one.missing
        assert one.leading(SEVERE) is None
        assert one.reason(SEVERE) == ""
    assert line(rising_crs()).missing == ""


def test_the_reason_is_what_raises_the_leading_severe_risk_most() -> None:
    for make in (rising_crs, icans_present, after_tocilizumab, crowded):
        one = line(make())
        item = one.leading(SEVERE)
        assert item.headline.risk == max(one.risk(name) for name in SEVERE)
        assert one.reason(SEVERE).endswith(f"+{round(max(item.players.values()))}")
        assert one.reason(SEVERE).startswith(item.scale.upper())


def test_what_lowers_a_risk_is_no_reason_for_it() -> None:
    first = rising_crs()
    crs = replace(first.estimates[0], players={"clinical_state": -3.0, "crp": 1.4})
    assert line(replace(first, estimates=(crs,))).reason(SEVERE) == ""


def test_small_contributions_are_not_named() -> None:
    first = rising_crs()
    crs = replace(first.estimates[0], players={"crp": 1.4})
    reason = line(replace(first, estimates=(crs,))).reason(SEVERE)
    assert "CRP" not in reason
    assert reason


def test_what_happened_since_is_an_exception_and_comes_before_the_rest() -> None:
    later = [SubsequentEvents("", 0, "tocilizumab", 71.2), SubsequentEvents("icans", 2, "", 72.0)]
    one = line(replace(rising_crs(), later=later))
    assert one.exceptions()[:2] == ["Tocilizumab given since", "ICANS 2 since"]
    assert one.treated_since
    assert not line(rising_crs()).treated_since


def test_an_expired_estimate_says_so_first() -> None:
    assert line(rising_crs(), hours=80).exceptions()[0].startswith("Expired")
    assert line(rising_crs(), hours=80).expired
    assert not line(rising_crs(), hours=1).expired


def test_further_exceptions_are_counted() -> None:
    one = line(crowded())
    most = section("ward")["most_exceptions"]
    assert len(one.exceptions()) > most == len(one.chips)
    assert one.chips[-1].startswith(str(len(one.exceptions()) - most + 1))


def test_an_unknown_grade_is_no_grade_0() -> None:
    assert line(icans_present()).grades == "CRS ? ICANS 2"


def test_a_resolved_outcome_is_not_present() -> None:
    one = line(icans_resolved())
    status = one.cells(NAMES)[1].status
    assert not one.present
    assert "grade 0" in status
    assert "day 4" in status
    assert "present" not in status


def test_an_unreadable_grade_is_an_exception() -> None:
    [flag] = [chip for chip in line(icans_resolved()).exceptions() if "unreadable" in chip]
    assert "1 CRS grade" in flag
    dosed = replace(rising_crs(), refused=PatientRejects(rows=1, doses={"dexamethasone": 1}))
    assert "1 dexamethasone row unreadable" in line(dosed).exceptions()


def test_a_severe_grade_charted_is_the_reason_of_its_place() -> None:
    patient = rising_crs()
    later = record("P", 0, {}, later_grades=[("icans", 4, patient.record.hours + 0.1)])
    person = replace(patient.record, later_grades=later.later_grades)
    one = line(replace(patient, record=person))
    assert one.has_now("severe_icans")
    assert one.reason(SEVERE).startswith("ICANS 4")
    assert one.grades == "CRS 2 ICANS 4"


def test_ages_and_points_are_in_days_and_in_the_right_number() -> None:
    assert "days" in line(rising_crs(), hours=900).exceptions()[0]
    assert change_marks(1)[1].count("point ") == 1
    assert change_marks(-2)[1].count("points ") == 1


def test_a_rejected_patient_has_day_and_grades_and_an_unknown_one_has_none() -> None:
    one = WardPatient(rejected(), "p.html", facts(), now=240.0)
    assert (one.day, one.grades) == ("10", "CRS 1 ICANS 0")
    stranger = WardPatient(unknown(), "p.html", facts())
    assert (stranger.day, stranger.grades) == ("", "")
    assert not any("unreadable" in chip for chip in stranger.exceptions())
