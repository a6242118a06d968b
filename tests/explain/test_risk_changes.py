"""What moved an estimate since a day before, and what was charted in between."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.phrases import phrase, section
from pipeline.explain.risk_changes import change_drivers, interim_events, is_large_change
from tests.pages.patients import (
    ANALYTES,
    after_tocilizumab,
    estimate,
    facts,
    record,
    rising_crs,
)

SCALES = ("crs", "icans")


@given(before=st.integers(0, 100), now=st.integers(0, 100))
def test_a_change_is_large_by_its_whole_points(before, now):
    large = abs(now - before) >= section("between")["from_points"]
    assert is_large_change(before / 100, now / 100) == large
    assert is_large_change(now / 100, before / 100) == large


def driven():
    item = rising_crs().estimates[0]
    return item, item.day_before(71.2)


def test_the_contributions_that_moved_most_the_way_of_the_risk_are_named():
    item, before = driven()
    moves = {key: item.players[key] - before.players.get(key, 0.0) for key in item.players}
    text = change_drivers(item, before, facts())
    strongest = max(moves, key=lambda key: moves[key])
    names = {"crp": "CRP", "ferritin": "ferritin", "il6": "IL-6"}
    assert names[strongest] in text


def test_nothing_is_told_where_the_points_are_unknown_or_do_not_add_up():
    item, before = driven()
    assert change_drivers(item, before, facts())
    assert change_drivers(item, replace(before, players={}), facts()) == ""
    assert change_drivers(item, replace(before, reference_risk=0.5), facts()) == ""
    assert change_drivers(item, replace(before, reference_risk=float("nan")), facts()) == ""
    assert change_drivers(replace(item, risks=()), before, facts()) == ""
    same = replace(before, risk=item.headline.risk, players=item.players)
    assert change_drivers(item, replace(same, reference_risk=item.reference_risk), facts()) == ""


NOTHING = phrase("between", "nothing")


@pytest.mark.parametrize(
    ("doses", "grades", "parts"),
    [
        ([], [], 0),
        ([("tocilizumab", 47.9)], [("crs", 2, 47.0)], 0),
        ([("tocilizumab", 48.0)], [], 1),
        ([], [("crs", 1, 40.0), ("crs", 1, 60.0)], 0),
        ([], [("crs", 1, 40.0), ("crs", 2, 60.0)], 1),
        ([], [("icans", 0, 60.0)], 1),
        ([("anakinra", 50.0)], [("crs", 2, 60.0), ("icans", 1, 60.0)], 3),
    ],
)
def test_drugs_and_grades_from_then_on_are_told(doses, grades, parts):
    person = record("P", 72.0, {"crp": [(70, 9)]}, doses=doses, grades=grades)
    text = interim_events(person, 48.0, SCALES)
    assert (text == NOTHING) == (parts == 0)
    assert parts == 0 or text.count(";") == parts - 1


def test_a_scale_that_is_not_asked_for_is_not_told():
    patient = after_tocilizumab().record
    assert interim_events(patient, 45.9, ()) != interim_events(patient, 45.9, SCALES)


def changed(now, then, risks=(0.2, 0.1)):
    """Sentence on the change of a severe-CRS estimate with these points now and a day ago."""
    item = estimate("severe_crs", risks[0], now, past=[(47.2, risks[1])], before=then)
    return change_drivers(item, item.past[-1], facts()).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("now", "then", "text"),
    [
        ({"ferritin": 8.0}, {"ferritin": 1.0}, "Mainly ferritin (+7)"),
        (
            {"ferritin": 6.0, "crp": 5.0, "il6": 1.0},
            {"ferritin": 1.0, "crp": 1.0},
            "Mainly ferritin (+5) and CRP (+4)",
        ),
        # what was not measured then had no points then
        ({"measurement": 0.0, "nfl": 9.0}, {"measurement": -1.0}, "Mainly NfL (+9)"),
        # the mean of the patients of the day is a part of the change
        ({"crp": 1.0}, {"crp": 0.0}, "Mainly day since infusion (+9)"),
        (
            {"ferritin": 9.0, "il6": -4.0, "clinical_state": 5.0},
            {"ferritin": 1.0, "il6": 3.0},
            "Mainly ferritin (+8) and CRS/ICANS grade (+5), against IL-6 (−7)",
        ),
        (
            dict.fromkeys(ANALYTES[:10], 1.0),
            dict.fromkeys(ANALYTES[:10], 0.001),
            "Spread over several findings, most of all CRP (+1) and CSF/serum albumin (+1)",
        ),
        (
            {"score_m_easix": 9.0},
            {"score_m_easix": 1.0},
            "Mainly Modified EASIX (LDH, CRP, Platelets) (+8)",
        ),
    ],
)
def test_a_change_names_the_contributions_that_changed_most(now, then, text):
    assert text in changed(now, then)


def test_a_fall_is_attributed_to_what_fell():
    fell = changed({"crp": 1.0, "ferritin": 6.0}, {"crp": 9.0, "ferritin": 4.0}, (0.05, 0.2))
    assert "day since infusion (−9) and CRP (−8)" in fell
