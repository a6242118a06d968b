"""A page read long after its estimate says so: fresh, old and past, with and without a clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pipeline.explain.infusion_clock import InfusionClock
from pipeline.pages.patient_page import patient_page
from pipeline.pages.ward_list import ward_pages
from pipeline.predict.patient_results import Patient
from tests.pages.html_reader import read
from tests.pages.patients import facts, icans_only, nearly_no_labs, rising_crs, soon_after


def page(patient: Patient, later: float) -> str:
    made = soon_after(patient) + timedelta(hours=later)
    return read(patient_page(patient, facts(), made=made)).text


def ward(patients: list[Patient], later: float) -> str:
    made = soon_after(patients[0]) + timedelta(hours=later)
    listed = [(patient, f"p{place}.html") for place, patient in enumerate(patients)]
    return read(ward_pages(listed, facts(), made=made)["index.html"]).text


def test_the_age_of_the_newest_sample_counts_up_to_the_page() -> None:
    text = page(rising_crs(), 11.0)
    assert "Labs 12 h old" in text
    assert "confidence" not in text


def test_a_page_made_in_the_clock_of_the_patient() -> None:
    assert "Page made 22 Nov 2026 07:30. Times in UTC+01:00." in page(rising_crs(), 0.0)


def test_an_estimate_of_yesterday_is_called_old() -> None:
    text = page(rising_crs(), 39.7)
    assert "Labs 41 h old" in text
    assert "▲ Reduced confidence" in text
    assert "Made for 22 Nov 07:12, 40 h ago: 40 of 72 h have passed" in text
    assert "40 h old" in ward([rising_crs()], 39.7).replace("\u00a0", " ")


def test_an_estimate_beyond_its_horizon_is_called_expired() -> None:
    text = page(rising_crs(), 100.0)
    assert "■ Expired" in text
    assert "Expired: the 72 h ended 25 Nov 07:12" in text
    both = ward([rising_crs(), replace_clock(icans_only(), 200.0)], 100.0)
    assert "Expired (4 days old)" in both.replace("\u00a0", " ")
    assert "All estimates have expired" not in both


def replace_clock(patient: Patient, hours: float) -> Patient:
    """The same patient with an infusion that many hours later."""
    zero = patient.record.clock.zero
    assert zero is not None
    clock = InfusionClock(zero + timedelta(hours=hours))
    return replace(patient, record=replace(patient.record, clock=clock))


def test_a_batch_of_past_years_says_so_once_and_with_the_year() -> None:
    text = ward([rising_crs(), icans_only()], 24 * 900.0)
    assert text.count("All estimates have expired") == 1
    single = page(rising_crs(), 24 * 900.0)
    assert "Expired: the 72 h ended 25 Nov 2026 07:12" in single


def test_without_a_clock_nothing_is_said_of_the_page() -> None:
    for later in (0.0, 24 * 900.0):
        text = page(nearly_no_labs(), later)
        assert "Labs 30 h old" in text.replace("\u00a0", " ")
        assert "Expired" not in text
        assert "Made for" not in text
        lines = ward([nearly_no_labs()], later)
        assert "xpired" not in lines
        assert "no recent labs" in lines


def test_an_estimate_ahead_of_the_page_is_as_fresh_as_can_be() -> None:
    text = page(rising_crs(), -24 * 30.0)
    assert "Labs 1 h old" in text
    assert "confidence" not in text
