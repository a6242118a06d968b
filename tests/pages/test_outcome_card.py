"""The card of one outcome: a number with what it is compared with, or none and why."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.model_summary import DayAverage
from pipeline.explain.phrases import risk_text
from pipeline.pages.outcome_card import (
    average_text,
    card,
    change_text,
    occurred_text,
    refits_text,
    unscored_text,
)
from tests.pages.patients import (
    HORIZONS,
    KINDS,
    after_tocilizumab,
    facts,
    icans_present,
    icans_resolved,
    nearly_no_labs,
    record,
    rising_crs,
    without,
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_has_a_number_and_a_drawing_exactly_where_there_is_an_estimate(kind):
    patient = KINDS[kind]()
    for item in patient.estimates:
        found = card(item, patient.record, facts())
        estimated = item.headline is not None
        assert (found.scale is not None) == (found.steps is not None) == estimated
        assert bool(found.rows) == bool(found.interval) == estimated
        assert found.lines
        assert found.hue in ("crs", "icans", "severe-icans")
        if estimated:
            assert found.big == risk_text(item.headline.risk)
            assert len(found.rows) == len(HORIZONS)
        else:
            assert "%" not in found.big


def test_a_note_is_kept_with_and_without_an_estimate():
    patient = icans_present()
    for item in patient.estimates:
        assert card(item, patient.record, facts(), note="why this").note == "why this"


def test_the_change_of_a_day_is_told_where_that_day_is_known():
    patient = rising_crs()
    crs, icans = patient.estimates
    assert change_text(crs, patient.record.hours)
    assert change_text(replace(crs, past=crs.past[:1]), patient.record.hours) == ""
    assert change_text(without("icans", "abstained"), patient.record.hours) == ""
    words = {change_text(item, patient.record.hours).split()[0] for item in (crs, icans)}
    assert len(words) == 2


def test_only_a_large_change_is_taken_apart():
    patient = after_tocilizumab()
    crs, icans = (card(item, patient.record, facts()) for item in patient.estimates)
    assert "CRS/ICANS grade" in crs.drivers
    assert "tocilizumab" in crs.events
    assert icans.drivers == icans.events == ""


@given(rate=st.floats(0, 1), of=st.integers(1, 900), pooled=st.booleans())
def test_the_average_is_stated_with_its_counts(rate, of, pooled):
    risk = rising_crs().estimates[0].headline
    text = average_text(replace(risk, usual=DayAverage(3, rate, of, pooled)))
    assert f"average {risk_text(rate)} (" in text
    assert f"of {of:,}" in text
    assert ("patient-days" in text) == pooled


def test_an_unknown_average_is_called_unknown():
    risk = rising_crs().estimates[0].headline
    nan = DayAverage(1, float("nan"), 9, False)
    assert average_text(replace(risk, usual=None)) == average_text(replace(risk, usual=nan))


def test_risks_that_print_alike_are_called_average():
    risk = rising_crs().estimates[0].headline
    same = replace(risk, risk=0.0226, usual=replace(risk.usual, rate=0.0175), ratio=1.29)
    assert average_text(same).endswith("; about average")
    higher = replace(same, risk=0.027, ratio=1.54)
    assert "1.5 times" in average_text(higher)
    rare = replace(same, risk=0.004, usual=replace(risk.usual, rate=0.0075))
    assert "average" not in average_text(rare).partition(")")[2]


def test_an_estimate_at_one_end_of_its_interval_says_so():
    risk = rising_crs().estimates[0].headline
    inside, low, high, narrow = (
        refits_text(replace(risk, low=low, high=high))
        for low, high in (
            (risk.low, risk.high),
            (risk.risk, risk.high),
            (risk.low, risk.risk),
            (risk.risk, risk.risk),
        )
    )
    assert inside == narrow == ""
    assert low
    assert high
    assert low != high


def test_an_outcome_is_present_only_while_the_newest_grade_says_so():
    patient, over = icans_present(), icans_resolved().record
    item, clock = patient.estimates[1], patient.record.clock
    now, past = (occurred_text(item, person) for person in (patient.record, over))
    assert clock.words(98.5) in now
    assert clock.words(118.0) in past
    assert "grade 0" in past
    assert "grade" not in now
    since = replace(patient.record, later_grades=over.grades.tail(1))
    assert occurred_text(item, since) == past
    titles = {card(item, person, facts()).big for person in (patient.record, over)}
    assert len(titles) == 2
    assert occurred_text(item, nearly_no_labs().record) == ""


def test_a_severe_grade_that_fell_keeps_its_onset_and_names_the_newest_grade():
    grades = [("icans", 3, 40.0), ("icans", 2, 60.0), ("icans", 2, 80.0)]
    person = record("P", 96.0, {}, grades=grades)
    text = occurred_text(without("severe_icans", "event_present"), person)
    assert person.clock.words(40.0) in text
    assert person.clock.words(60.0) in text
    assert "grade 2" in text


def test_no_estimate_names_its_cause_in_the_words_of_the_page():
    texts = {
        reason: unscored_text(without("icans", "rejected", reason))
        for reason in ("unknown_patient", "value_unusable", "no_lab_rows", "unit_refused")
    }
    assert len(set(texts.values())) == len(texts)
    assert not any("unusable" in text or "_" in text for text in texts.values())
