"""Reasons as text: names, values, opposing findings and what favours a syndrome."""

from dataclasses import replace

import pytest

from pipeline.explain.phrases import pathway_name, phrase, section
from pipeline.explain.sentences import (
    caveat_sentences,
    estimate_reasons,
    favouring_players,
    lab_row,
    player_name,
)
from pipeline.resources import schema_yaml
from tests.pages.patients import (
    KINDS,
    after_tocilizumab,
    estimate,
    facts,
    icans_only,
    record,
    rising_crs,
)

with_estimates = [name for name, make in KINDS.items() if any(e.risks for e in make().estimates)]


@pytest.mark.parametrize("name", with_estimates)
def test_measured_labs_are_named_with_value_and_driver(name):
    patient = KINDS[name]()
    for item in patient.estimates:
        if item.headline is None:
            continue
        for bar in estimate_reasons(item, patient.record, facts()).bars:
            measured = bar.key in patient.record.results
            assert bool(bar.driver) == measured
            assert bar.name == player_name(bar.key, facts())
            assert not measured or bar.value


def test_an_old_value_states_its_age():
    values = {"crp": [(20.0, 90.0)], "ferritin": [(70.0, 9000.0)]}
    item = estimate("severe_crs", 0.2, {"crp": 5.0, "ferritin": 4.0})
    crp, ferritin = estimate_reasons(item, record("P", 72.0, values), facts()).bars
    assert "2\u00a0days old" in crp.value
    assert "old" not in ferritin.value


def test_what_opposes_a_low_estimate_raises_it():
    item = estimate("severe_crs", 0.02, {"crp": 3.0, "ferritin": -6.0})
    person = record("P", 72.0, {"crp": [(70, 90)], "ferritin": [(70, 90)]})
    reasons = estimate_reasons(item, person, facts())
    assert "CRP" in reasons.against
    assert "Ferritin" not in reasons.against
    alone = estimate_reasons(replace(item, players={"ferritin": -3.0}), person, facts())
    assert alone.against == phrase("against", "none")


def test_a_small_difference_of_model_and_average_is_part_of_other_and_a_large_one_is_named():
    item = estimate("severe_crs", 0.2, {"crp": 9.0})
    person = record("P", 72.0, {"crp": [(70, 90)]})
    close = replace(item, reference_risk=item.average + 0.01)
    apart = replace(item, reference_risk=item.average + 0.03)
    assert estimate_reasons(close, person, facts()).offset == 0.0
    assert estimate_reasons(close, person, facts()).other == pytest.approx(1.0)
    assert estimate_reasons(apart, person, facts()).offset == pytest.approx(3.0)


def test_what_favours_a_syndrome_needs_both_estimates_and_raises_it():
    crs, icans = icans_only().estimates
    assert favouring_players((crs,)) == {}
    assert favouring_players((crs, replace(icans, risks=()))) == {}
    found = favouring_players((crs, icans))
    assert found["severe_crs"] == []
    assert found["icans"] == ["nfl", "csf_serum_albumin"]


@pytest.mark.parametrize("key", [*schema_yaml("pathways.yaml")["pathways"], *section("groups")])
def test_every_pathway_and_group_has_a_name(key):
    assert pathway_name(key)
    assert pathway_name(key) != key


def test_drug_effects_are_stated_once_for_the_labs_they_change():
    patient = after_tocilizumab()
    found = caveat_sentences(["crp", "il6", "il1ra", "clinical_state"], patient.record, facts())
    assert len(found) == len(set(found)) == 3
    assert caveat_sentences(["ferritin"], patient.record, facts()) == []
    assert caveat_sentences(["crp"], rising_crs().record, facts()) == []


def test_a_lab_is_described_by_value_time_and_change():
    name, value, when, change = lab_row("crp", rising_crs().record, facts())
    assert (name, value, when) == ("CRP", "184 mg/L", "22 Nov 06:12")
    assert "3.1-fold" in change
