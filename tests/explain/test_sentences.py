"""The labs that are shown, their order, and their effect on each estimate."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.phrases import pathway_name, section, whole
from pipeline.explain.sentences import (
    MOST_LABS,
    contrast_sentence,
    effect_text,
    factor_text,
    lab_sentences,
    lab_text,
    opposing_sentences,
)
from pipeline.resources import schema_yaml
from tests.pages.patients import KINDS, crowded, facts, icans_only, rising_crs

with_estimates = [name for name, make in KINDS.items() if any(e.risks for e in make().estimates)]


@pytest.mark.parametrize("name", with_estimates)
def test_told_labs_are_measured_ones_strongest_first_and_the_rest_is_one(name):
    patient = KINDS[name]()
    found = lab_sentences(patient.record, patient.estimates, facts())
    told = [item for item in found if item.analyte]
    measured = {key for key in facts().analytes if len(patient.record.series(key))}
    assert len(told) <= MOST_LABS
    assert {item.analyte for item in told} <= measured
    points = [item.points for item in told]
    assert points == sorted(points, reverse=True)
    rest = measured - {item.analyte for item in told}
    assert len(found) - len(told) == bool(rest)
    for item in told:
        players = [abs(one.players.get(item.analyte, 0.0)) for one in patient.estimates]
        assert item.points == max(players)


def test_labs_that_lower_an_estimate_are_told_although_others_are_stronger():
    patient = crowded()
    found = [item.analyte for item in lab_sentences(patient.record, patient.estimates, facts())]
    lowering = [
        key
        for key in facts().analytes
        if any(whole(-item.players.get(key, 0.0)) > 0 for item in patient.estimates)
    ]
    assert len(set(found) & set(lowering)) >= 2


@given(st.lists(st.tuples(st.sampled_from(["CRS", "ICANS"]), st.floats(-30, 30)), max_size=3))
def test_effects_are_told_by_direction_and_small_ones_not_at_all(effects):
    text = effect_text(effects)
    up = [points for _, points in effects if whole(points) > 0]
    down = [points for _, points in effects if whole(-points) > 0]
    assert text.count("▲") == bool(up)
    assert text.count("▼") == bool(down)


def test_reasons_follow_an_effect_each_once():
    text = effect_text([("CRS", 3.0)], ["because", "", "because"])
    assert text.endswith(", because")
    assert text.count("because") == 1
    assert "because" not in effect_text([("CRS", 0.1)], ["because"])


@pytest.mark.parametrize("name", with_estimates)
def test_each_estimate_has_at_most_two_opposing_factors(name):
    patient = KINDS[name]()
    shown = [item for item in patient.estimates if item.headline is not None]
    found = opposing_sentences(patient.record, patient.estimates, facts())
    assert len(found) == len(shown)
    for item, told in zip(shown, found, strict=True):
        sign = 1.0 if item.headline.risk >= item.reference_risk else -1.0
        opposing = [key for key, points in item.players.items() if whole(-sign * points) > 0]
        assert len(told) == min(max(len(opposing), 1), 2)


def test_the_contrast_names_pathways_that_raise_their_outcome():
    patient = icans_only()
    crs, icans = patient.estimates
    text = contrast_sentence(patient.estimates)
    strongest = max(icans.pathways, key=lambda key: icans.pathways[key] - crs.pathways.get(key, 0))
    assert pathway_name(strongest).lower() in text.lower()
    assert contrast_sentence((crs,)) == ""
    assert contrast_sentence((crs, replace(icans, risks=()))) == ""
    same = replace(icans, pathways=dict(crs.pathways))
    assert contrast_sentence((crs, same)) not in ("", text)


@pytest.mark.parametrize("key", [*schema_yaml("pathways.yaml")["pathways"], *section("groups")])
def test_every_pathway_and_group_has_a_name(key):
    assert pathway_name(key)
    assert pathway_name(key) != key


def test_a_factor_is_named_with_what_it_holds():
    patient = rising_crs()
    state = factor_text("clinical_state", patient.record, facts())
    assert "CRS 2" in state
    assert "ICANS 0" in state
    old = replace(patient.record, hours=patient.record.hours + 48)
    assert "CRS" not in factor_text("clinical_state", old, facts())
    brief = factor_text("crp", patient.record, facts())
    assert brief == lab_text(patient.record, facts().analytes["crp"], brief=True)
    assert len(brief) < len(lab_text(patient.record, facts().analytes["crp"]))
