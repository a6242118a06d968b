"""Confidence in an estimate: each reason asks for its level, and the worst one counts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.confidence import confidence_of, refused_reasons
from pipeline.explain.estimate_age import estimate_age
from pipeline.explain.estimate_inputs import (
    EstimateInputs,
)
from pipeline.explain.phrases import section
from pipeline.explain.subsequent_events import SubsequentEvents
from tests.pages.patients import facts, rising_crs, validation

LIMITS = section("reliance")["limits"]
SURE = facts(
    event_patients=dict.fromkeys(facts().outcomes, LIMITS["few_event_patients"]),
    products={"axi_cel": LIMITS["few_product_patients"]},
)
NONE = PatientRejects()


def confidence(*, model=SURE, inputs=None, rejects=NONE, patient=None, **changes):
    person = patient or rising_crs()
    return confidence_of(
        person.record, inputs or person.inputs, person.estimates, model, rejects, **changes
    )


def test_a_patient_like_those_of_training_is_good_without_a_flag():
    found = confidence()
    assert (found.level, found.flags) == ("good", ())
    assert found.shape == section("reliance")["levels"]["good"]["shape"]
    assert found.reasons == ()


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"model": replace(SURE, synthetic=True)}, "good"),
        ({"model": replace(SURE, event_patients={"icans": 9})}, "good"),
        ({"model": replace(SURE, validation={"icans": validation(auroc_lo=0.3)})}, "good"),
        ({"model": replace(SURE, n_patients=900, products={"axi_cel": 29})}, "care"),
        ({"model": replace(SURE, n_patients=900, products={"axi_cel": 30})}, "good"),
        ({"model": replace(SURE, n_patients=100, products={"axi_cel": 6})}, "good"),
        ({"model": replace(SURE, n_patients=100, products={"axi_cel": 4})}, "care"),
        ({"model": replace(SURE, products={})}, "good"),
        ({"inputs": EstimateInputs(LIMITS["old_hours"])}, "good"),
        ({"inputs": EstimateInputs(LIMITS["old_hours"] + 0.1)}, "care"),
        ({"inputs": EstimateInputs(LIMITS["very_old_hours"] + 0.1)}, "poor"),
        ({"rejects": PatientRejects({"crp": 2}, rows=2)}, "care"),
        ({"rejects": PatientRejects({}, rows=2)}, "good"),
        ({"rejects": PatientRejects(rows=1, grades={"crs": 1})}, "care"),
        ({"rejects": PatientRejects(rows=1, grades={"hlh": 1})}, "good"),
        ({"rejects": PatientRejects(rows=1, doses={"Dexa": 1})}, "care"),
        ({"inputs": EstimateInputs(1.0, out_of_range=("crp",))}, "care"),
        ({"inputs": EstimateInputs(1.0, out_of_range=("crp", "il6", "ferritin"))}, "poor"),
        ({"inputs": EstimateInputs(1.0, out_of_range=("nfl",))}, "good"),
    ],
)
def test_one_reason_asks_for_its_level(changes, level):
    assert confidence(**changes).level == level


def test_all_markers_of_a_small_model_are_enough():
    person = rising_crs()
    labs = person.record.labs
    recent = labs.loc[labs["collected_hours"] >= person.record.hours - 24, "analyte"].unique()
    keys = [key for key in SURE.analytes if key in recent][: LIMITS["few_analytes_24h"] - 1]
    assert keys
    small = replace(SURE, analytes={key: SURE.analytes[key] for key in keys})
    assert section("flags")["few"] not in confidence(model=small).flags
    larger = [key for key in SURE.analytes if key not in recent][:1]
    assert larger
    partly = replace(small, analytes={key: SURE.analytes[key] for key in [*keys[:1], *larger]})
    assert section("flags")["few"] in confidence(model=partly).flags


@pytest.mark.parametrize(
    ("ends", "level"),
    [((0.1, 0.29), "good"), ((0.01, 0.3), "care"), ((0.01, 0.12), "good"), ((0.4, 0.7), "good")],
)
def test_members_that_disagree_much_lower_the_level(ends, level):
    patient = rising_crs()
    items = [replace(item, member_range=ends) for item in patient.estimates]
    found = confidence(patient=replace(patient, estimates=items))
    assert found.level == level
    assert len(found.flags) == (len(items) if level == "care" else 0)


@pytest.mark.parametrize(
    ("later", "level"), [(1.0, "good"), (LIMITS["late_hours"] + 1, "care"), (80.0, "past")]
)
def test_an_estimate_read_late_is_old_and_beyond_its_horizon_past(later, level):
    record = rising_crs().record
    made = record.clock.moment(record.hours) + timedelta(hours=later)
    assert confidence(late=estimate_age(record, made, 72.0)).level == level


def test_worst_reasons_come_first():
    worst = confidence(
        inputs=EstimateInputs(60.0, out_of_range=("crp",)), rejects=PatientRejects({"crp": 1})
    )
    assert worst.level == "poor"
    assert worst.flags[0] == section("flags")["old"]
    assert len(worst.reasons) == 3


def test_only_rejected_results_of_the_models_analytes_count():
    rejects = PatientRejects({"crp": 2, "saa": 9}, rows=11)
    assert len(refused_reasons(SURE, rejects)) == 1
    assert refused_reasons(SURE, PatientRejects({"saa": 9}, rows=9)) == []


def test_rejected_doses_are_named_by_the_drug_as_written():
    [reason] = refused_reasons(SURE, PatientRejects(rows=1, doses={"Dexa (4 mg)": 1}))
    assert reason.text.startswith("1 Dexa (4 mg) row unreadable")
    assert "1 Dexa (4 mg) row" in reason.flag
    many = {"": 2, "x" * 99: 1, "b": 1, "c": 1}
    [reason] = refused_reasons(SURE, PatientRejects(rows=5, doses=many))
    assert "2 treatment rows" in reason.text
    assert "2 more" in reason.text
    assert len(reason.text) < 120


def test_what_was_charted_since_precedes_everything_but_expiry():
    later = [SubsequentEvents("", 0, "tocilizumab", rising_crs().record.hours + 0.2)]
    inputs = EstimateInputs(60.0, out_of_range=("crp",))
    found = confidence(inputs=inputs, later=later)
    assert found.level == "poor"
    assert "tocilizumab" in found.flags[0]
    record = rising_crs().record
    made = record.clock.moment(record.hours) + timedelta(hours=80)
    past = confidence(inputs=inputs, later=later, late=estimate_age(record, made, 72.0))
    assert past.level == "past"
    assert "tocilizumab" in past.flags[1]
