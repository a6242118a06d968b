"""Patient pages as text (golden files), and what no page may ever show.

After a wanted change of wording or layout, write the golden files anew and read the difference:

    CYTOCAST_WRITE_GOLDEN=1 .venv/bin/pytest tests/pages/test_patient_page.py -q -k golden
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.estimate_inputs import EstimateInputs
from pipeline.explain.infusion_clock import InfusionClock
from pipeline.pages.patient_page import most_relevant, patient_page
from pipeline.predict.patient_results import Patient
from tests.pages.html_reader import read
from tests.pages.patients import (
    ANALYTES,
    KINDS,
    MADE,
    PAGES,
    ZERO,
    abstained,
    after_tocilizumab,
    estimate,
    facts,
    icans_after_crs,
    icans_only,
    icans_present,
    icans_resolved,
    low_risk,
    nearly_no_labs,
    record,
    rejected,
    rising_crs,
    soon_after,
    tocilizumab_since,
    unknown,
    validation,
    without,
)

GOLDEN = Path(__file__).parent / "golden"
WRITE = "CYTOCAST_WRITE_GOLDEN"


def page_text(patient: Patient, **changes: object) -> str:
    made = soon_after(patient)
    return read(patient_page(patient, facts(**changes), made=made, back="index.html")).text


@pytest.mark.parametrize("kind", sorted(PAGES))
def test_golden_page(kind: str) -> None:
    text = page_text(PAGES[kind]()) + "\n"
    path = GOLDEN / f"{kind}.txt"
    if os.environ.get(WRITE):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_order_of_the_page() -> None:
    text = page_text(rising_crs()).partition("\n")[2]
    order = [
        "P-0042",
        "Research use",
        "Severe CRS (ASTCT grade 3 or more), next 72 h",
        "ICANS of any grade (ASTCT), next 72 h",
        "Why severe CRS",
        "Why ICANS",
        "Timeline",
        "Missing or stale",
        "Contributions by day",
        "All labs",
        "All horizons",
        "cannot see",
        "Model cytocast version 7, bundle 3f9a1c20b7de.",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_the_risk_has_its_interval_average_and_change() -> None:
    text = page_text(rising_crs())
    assert "18% 80% interval 11–26%" in text
    assert "Day-2 average 7% (21 of 301); about 3 times average" in text
    assert "▲ +11 points since 24 h ago (7% then)" in text


def test_pooled_days_are_counted_as_patient_days() -> None:
    rates = facts().base_rates
    entry = {"day": 2.0, "n": 88.0, "patients": 41.0, "rate": 0.25}
    pooled = {"severe_crs": {"72": [entry]}, **{k: rates[k] for k in ("icans", "severe_icans")}}
    usual = facts(base_rates=pooled).usual("severe_crs", 2, 72)
    assert usual is not None
    assert (usual.events, usual.of, usual.pooled) == (22, 88, True)
    single = facts(base_rates={"icans": {"72": [entry | {"n": 40.9}]}}).usual("icans", 6, 72)
    assert single is not None
    assert (single.day, single.of, single.pooled) == (2, 41, False)


def test_drugs_put_a_caveat_on_what_they_change() -> None:
    text = page_text(after_tocilizumab())
    assert "After tocilizumab, IL-6 rises because its receptor no longer clears it" in text
    assert "After anakinra, the assay measures the drug itself" in text
    assert "Tocilizumab" in text.partition("Timeline")[2]
    assert "2 doses" in text
    assert "interpret cautiously" not in page_text(rising_crs())


def test_no_risk_where_the_outcome_has_happened() -> None:
    text = page_text(icans_present())
    assert "ICANS present since 23 Nov 10:30" in text
    assert "Severe ICANS (ASTCT grade 3 or more), next 72 h" in text
    assert "ICANS of any grade" not in text
    present = Patient(
        icans_present().record, EstimateInputs(2.0), (without("severe_crs", "event_present"),)
    )
    alone = page_text(present)
    assert "Already present" in alone
    assert "interval" not in alone.partition("Model, validation")[0]


@pytest.mark.parametrize("make", [abstained, rejected])
def test_a_missing_estimate_says_why_and_shows_no_number(make) -> None:
    text = page_text(make())
    assert "No estimate" in text
    assert "A missing estimate is not a low risk." in text
    assert "%" not in text


def test_hours_only_cohorts_show_day_and_hour() -> None:
    text = page_text(nearly_no_labs())
    assert "day 0, 10 h" in text
    assert "UTC" not in text.replace("06:30 UTC", "")


def test_clipped_and_whole_percentages() -> None:
    assert "under 1% 80% interval under 1%" in page_text(icans_only())
    high = Patient(
        rising_crs().record, EstimateInputs(1.0), (estimate("severe_crs", 0.9995, {"crp": 9.0}),)
    )
    assert "over 99%" in page_text(high)


def test_only_exceptions_of_the_patient_are_shown() -> None:
    text = page_text(icans_only())
    assert "▲ Reduced confidence" in text
    assert "CSF/serum albumin 0.0142 ratio above the highest in training (0.012)" in text
    assert "cilta-cel: 12 patients in training" in text
    assert "No CRS or ICANS grade charted in 36 h" in text
    assert "■ Low confidence" in page_text(replace(rising_crs(), inputs=EstimateInputs(61.0)))
    assert "Since this estimate: tocilizumab given (22 Nov 07:24)" in page_text(tocilizumab_since())
    # what holds for every patient of the model is at the foot
    poor = {"severe_crs": validation(auroc_lo=0.4), "icans": validation(auroc_lo=0.4)}
    usual = page_text(rising_crs(), synthetic=True, validation=poor, event_patients={"icans": 9})
    assert "confidence" not in usual
    foot = usual.partition("Model, validation and limits")[2]
    assert "Hardly better than chance" in foot
    assert "Only 9 ICANS cases" in foot
    assert "simulated patients" in foot


def test_refused_results_are_unreadable_and_not_never_measured() -> None:
    patient = replace(rising_crs(), refused=PatientRejects({"nfl": 2, "crp": 1, "zinc": 4}, rows=3))
    text = page_text(patient)
    assert "3 results unreadable, not used: CRP and NfL (2)" in text
    never = next(line for line in text.splitlines() if line.startswith("Never measured: "))
    assert "NfL" not in never
    assert "GM-CSF" in never
    assert "rejects.csv" not in text
    more = page_text(replace(patient, refused=replace(patient.refused, rows=4)))
    assert "see rejects.csv" in more
    gone = replace(abstained(), refused=PatientRejects({"crp": 2}, rows=2))
    assert "2 results unreadable" in page_text(gone)


def test_what_measuring_would_change_comes_first() -> None:
    chips = page_text(icans_after_crs()).partition("Missing or stale")[2]
    first, second = chips.splitlines()[1:3]
    assert first.startswith("NfL never measured: ")
    assert first.endswith("ICANS to 24–51%")
    assert "NfL" not in second


def test_a_moment_before_the_infusion_is_named() -> None:
    person = record("P-1", -5.0, {"crp": [(-17.0, 4.0)]})
    found = (without("severe_crs", "abstained", "this moment lies before the infusion"),)
    text = page_text(Patient(person, EstimateInputs(12.0), found))
    assert "5 h before infusion" in text
    assert "this moment lies before the infusion" in text


def test_synthetic_models_say_so() -> None:
    assert "Synthetic" in page_text(rising_crs(), synthetic=True)
    assert "Synthetic" not in page_text(rising_crs())


def test_opposing_findings_are_always_stated() -> None:
    item = estimate("severe_crs", 0.2, {"crp": 16.0, "ferritin": -3.0})
    person = rising_crs().record
    text = page_text(Patient(person, EstimateInputs(1.0), (item,)))
    assert "Argues against: Ferritin (▼ −3)" in text
    agreed = Patient(person, EstimateInputs(1.0), (estimate("severe_crs", 0.2, {"crp": 9.0}),))
    assert "No substantial opposing findings" in page_text(agreed)
    assert "No single finding moves this estimate by 2 points or more" in page_text(low_risk())


def test_the_models_own_average_is_stated_without_a_finding_too() -> None:
    """Average 7%, mean of the model 3%: no finding explains an estimate of 2%."""
    item = replace(estimate("severe_crs", 0.02, {"crp": -1.0}), reference_risk=0.03)
    text = page_text(Patient(rising_crs().record, EstimateInputs(1.0), (item,)))
    assert "own day-2 average is 3%, below the observed 7%" in text
    assert "own average: mean estimate" in text
    assert "opposing" not in text
    high = replace(item, reference_risk=0.1, players={"crp": -8.0})
    text = page_text(Patient(rising_crs().record, EstimateInputs(1.0), (high,)))
    assert "own day-2 average 10%" in text
    assert "own average: mean estimate" not in page_text(icans_after_crs())


def test_other_findings_are_taken_apart_where_they_are_the_largest() -> None:
    text = page_text(low_risk())
    assert "CRP −1.9, Ferritin −1.4, CRS/ICANS grade −1.2" in text
    assert "largest:" not in page_text(icans_only())


def test_points_lead_from_the_reference_to_the_risk() -> None:
    for make in (rising_crs, icans_only, after_tocilizumab):
        for item in make().estimates:
            gap = 100 * (item.headline.risk - item.reference_risk)
            assert sum(item.pathways.values()) == pytest.approx(gap)
            assert sum(item.players.values()) == pytest.approx(gap)


HOSTILE = "<script>alert(1)</script>&\"'"
NUMBERS = st.floats(0.02, 5e5, allow_nan=False)
IDS = st.text(
    st.characters(exclude_characters="\r", exclude_categories=("Cs",)), min_size=1, max_size=40
).filter(lambda text: not re.search(r"nan|none|inf|undefined|%|//", text, re.IGNORECASE))


@st.composite
def patients(draw: st.DrawFn) -> Patient:
    keys = draw(st.lists(st.sampled_from(ANALYTES), unique=True, max_size=len(ANALYTES)))
    hours = draw(st.floats(1.0, 500.0))
    times = st.floats(-160.0, hours - 0.1)
    labs = {
        key: sorted(
            draw(
                st.lists(
                    st.tuples(times, NUMBERS, st.sampled_from([-1, 0, 0, 0, 1])),
                    min_size=1,
                    max_size=6,
                )
            )
        )
        for key in keys
    }
    past = st.floats(0.0, hours - 0.1)
    drugs = st.sampled_from(["tocilizumab", "anakinra", "dexamethasone", "unheard_of"])
    doses = sorted(draw(st.lists(st.tuples(drugs, past), max_size=5)), key=lambda dose: dose[1])
    scales = st.sampled_from(["crs", "icans"])
    grades = draw(st.lists(st.tuples(scales, st.integers(0, 5), past), max_size=6))
    person = record(
        draw(st.sampled_from(["P1", HOSTILE]) | IDS),
        hours,
        labs,
        doses=doses,
        grades=sorted(grades, key=lambda grade: grade[2]),
        product=draw(st.sampled_from(["axi-cel", "", HOSTILE])),
        clock=draw(st.sampled_from([InfusionClock(None), InfusionClock(ZERO)])),
    )
    points = st.floats(-30, 30)
    groups = ["clinical_state", "measurement", "treatments", "host_product"]
    found = []
    for outcome in ("severe_crs", "icans"):
        players = {key: draw(points) for key in [*keys, *groups]}
        status = draw(st.sampled_from(["ok", "ok", "ok", "event_present", "abstained", "rejected"]))
        if status != "ok":
            found.append(without(outcome, status, HOSTILE))
            continue
        total = sum(players.values())
        risk = draw(st.floats(0.0, 1.0))
        scaled = {
            key: value * min(1.0, 100 * risk / max(abs(total), 1e-9))
            for key, value in players.items()
        }
        if risk - sum(scaled.values()) / 100 > 1:
            scaled = dict.fromkeys(players, 0.0)
        before = [(hours - 24.0, draw(st.floats(0, 1)))] if hours > 48 else []
        found.append(estimate(outcome, risk, scaled, past=before))
    measured = tuple(keys[:2])
    inputs = EstimateInputs(draw(st.floats(0.0, 100.0)), measured, tuple(keys[:3]))
    lost = draw(st.dictionaries(st.sampled_from(ANALYTES), st.integers(1, 9), max_size=3))
    refused = PatientRejects(lost, rows=sum(lost.values()) + draw(st.integers(0, 2)))
    return Patient(person, inputs if keys else None, tuple(found), refused)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(patients())
def test_no_page_shows_what_no_page_may_show(patient: Patient) -> None:
    page = patient_page(patient, facts(), made=MADE)
    reader = read(page)
    assert "<script" not in page
    assert not re.search(r"\d\.\d+ ?points?", reader.text)


def test_one_outcome_alone_has_one_card_and_no_contrast() -> None:
    alone = replace(rising_crs(), estimates=rising_crs().estimates[:1])
    text = page_text(alone, outcomes={"severe_crs": facts().outcomes["severe_crs"]})
    assert "ICANS of any grade" not in text
    assert "Favours" not in text
    assert "Favours severe CRS over ICANS: " in page_text(rising_crs())


def test_a_large_change_names_drugs_and_grades_since() -> None:
    text = page_text(after_tocilizumab())
    changed = text.partition("Change since 24 h ago.")[2].partition("\n")[0]
    assert "Since then: tocilizumab (21 Nov 06:00)" in changed
    assert "CRS 2 to 1" in changed
    # what drove it is on the card, not under the fold
    card = text.partition("Why severe CRS")[0]
    assert "Mainly CRP (−6)" in card
    assert "Since then: no drug given, no grade changed." in page_text(icans_only())
    assert "Since then" not in page_text(nearly_no_labs())


def test_the_timeline_shows_the_six_most_relevant_labs() -> None:
    patient = icans_after_crs()
    order = most_relevant(patient.record, patient.estimates, facts())
    assert order[:4] == ["ferritin", "platelets", "ldh", "ang2"]
    labs = {key: [(40.0, 5.0), (60.0, 7.0)] for key in ANALYTES}
    page = patient_page(
        Patient(record("P", 71.2, labs), EstimateInputs(1.0), ()), facts(), made=MADE
    )
    assert page.count('<div class="row lab ') == 6
    assert f"All labs ({len(ANALYTES)})" in read(page).text


def test_a_number_never_leaves_its_unit() -> None:
    page = patient_page(rising_crs(), facts(), made=MADE)
    hourly = replace(rising_crs(), record=replace(rising_crs().record, clock=InfusionClock(None)))
    assert "day 2, 23\u00a0h" in patient_page(hourly, facts(), made=MADE)
    assert "next 72\u00a0h" in page


def test_the_highest_number_of_things_prints_shortened() -> None:
    assert 'class="sheet dense denser full"' in patient_page(KINDS["crowded"](), facts(), made=MADE)
    assert 'class="sheet dense denser"' in patient_page(after_tocilizumab(), facts(), made=MADE)
    assert 'class="sheet dense"' in patient_page(tocilizumab_since(), facts(), made=MADE)
    assert 'class="sheet"' in patient_page(low_risk(), facts(), made=MADE)


def test_the_hour_of_the_estimate_is_in_the_bar_and_on_the_timeline() -> None:
    for make, moment in ((rising_crs, "day 2, 22 Nov 07:12"), (nearly_no_labs, "day 1, 16 h")):
        page = patient_page(make(), facts(), made=soon_after(make())).replace("\u00a0", " ")
        bar, _, rest = page.partition("</header>")
        assert f"Estimate {moment}" in bar
        assert f"Estimate {moment}</text>" in rest
    assert "Estimate" not in page_text(abstained())
    assert "day 4, 23 Nov 12:00" in page_text(abstained())


def test_a_dose_given_since_is_on_the_timeline_and_in_the_exceptions() -> None:
    page = patient_page(tocilizumab_since(), facts(), made=soon_after(tocilizumab_since()))
    assert page.count('class="row drug') == 1
    text = read(page).text
    assert "1 dose, later" in text.partition("Timeline")[2]
    assert "tocilizumab given" in text.partition("Why")[0]
    # without an estimate the event is an exception too
    gone = replace(tocilizumab_since(), estimates=abstained().estimates)
    assert "tocilizumab given" in page_text(gone).partition("Timeline")[0]


def test_a_drug_given_since_is_not_left_out_for_others() -> None:
    patient = KINDS["crowded"]()
    given = record("P", 0, {}, later_doses=[("emapalumab", patient.record.hours + 0.5)])
    person = replace(patient.record, later_doses=given.later_doses)
    page = patient_page(replace(patient, record=person), facts(), made=MADE)
    assert "1 dose, later" in page


def test_the_current_state_of_icans_is_stated() -> None:
    assert "ICANS present since 23 Nov 10:30" in page_text(icans_present())
    text = page_text(icans_resolved())
    assert "ICANS present" not in text
    assert "ICANS resolved: grade 0 since 24 Nov 06:00" in text


def test_an_unreadable_grade_or_dose_is_an_exception() -> None:
    text = page_text(icans_resolved())
    line = next(line for line in text.splitlines() if "unreadable" in line)
    assert line.startswith("1 CRS grade")
    assert "1 ICANS grade" in line
    assert "unknown scale" in line
    assert "rejects.csv" not in text
    dosed = page_text(replace(rising_crs(), refused=PatientRejects(rows=1, doses={"Dexa": 1})))
    assert "1 Dexa row unreadable, not used" in dosed
    assert "rejects.csv" not in dosed
    alone = replace(abstained(), refused=PatientRejects(rows=1, grades={"crs": 1}))
    assert "1 CRS grade unreadable" in page_text(alone)


def test_an_unknown_patient_is_called_unknown_and_nothing_unreadable() -> None:
    text = page_text(unknown())
    assert "Patient unknown" in text
    assert "unreadable" not in text
    assert "grade unknown" not in text


def test_a_rejected_patient_has_the_day_and_grades_that_are_known() -> None:
    bar = page_text(rejected()).partition("Research use")[0]
    assert "day 10" in bar
    assert "CRS 1" in bar
    assert "ICANS 0" in bar


def test_no_list_is_cut() -> None:
    patient = replace(abstained(), refused=PatientRejects())
    missing = page_text(patient).partition("Missing or stale")[2]
    absent = [facts().analytes[key].short for key in ANALYTES if key != "crp"]
    assert all(short in missing for short in absent)
    text = page_text(KINDS["crowded"]())
    assert not re.search(r"^\d+ more$", text, re.MULTILINE)
