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
from pipeline.pages.patient_page import patient_page
from pipeline.predict.patient_results import Patient
from tests.pages.html_reader import read
from tests.pages.patients import (
    ANALYTES,
    KINDS,
    MADE,
    ZERO,
    abstained,
    after_tocilizumab,
    estimate,
    facts,
    icans_only,
    icans_present,
    nearly_no_labs,
    record,
    rejected,
    rising_crs,
    soon_after,
    validation,
    without,
)

GOLDEN = Path(__file__).parent / "golden"
WRITE = "CYTOCAST_WRITE_GOLDEN"


def page_text(patient: Patient, **changes: object) -> str:
    made = soon_after(patient)
    return read(patient_page(patient, facts(**changes), made=made, back="index.html")).text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_golden_page(kind: str) -> None:
    text = page_text(KINDS[kind]()) + "\n"
    path = GOLDEN / f"{kind}.txt"
    if os.environ.get(WRITE):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_order_of_the_page() -> None:
    text = page_text(rising_crs()).partition("\n")[2]
    order = [
        "Research use only",
        "P-0042",
        "labs up to 22 Nov 06:12: 1 h before this page",
        "Severe CRS (ASTCT grade 3 or more), next 72 h",
        "ICANS of any grade (ASTCT), next 72 h",
        "Can it be relied on here?",
        "Why, by pathway",
        "Association, not cause.",
        "Why, by lab",
        "Trends",
        "Missing or old",
        "Against the estimate",
        "cannot see",
        "Model cytocast version 7, bundle 3f9a1c20b7de.",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert text.count("Association, not cause.") == 1


def test_risk_stands_beside_what_is_usual() -> None:
    text = page_text(rising_crs())
    assert "18 % 80 % interval 11 to 26 %" in text
    assert "Usual on day 2: 7 %, about 21 of 301 training patients. About 3 times usual." in text
    assert "▲ Up 11 points since 24 h ago (7 % then)." in text


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
    assert "after tocilizumab IL-6 rises because its receptor no longer clears it" in text
    assert "after anakinra the assay measures the drug itself" in text
    assert "T = tocilizumab from 20 Nov 14:00, 2 doses" in text
    assert "read it with care" not in page_text(rising_crs())


def test_no_risk_where_the_outcome_has_happened() -> None:
    text = page_text(icans_present())
    assert "ICANS was first charted 23 Nov 10:30 (day 4, 2 h); the question is now severe" in text
    assert "Severe ICANS (ASTCT grade 3 or more), next 72 h" in text
    assert "ICANS of any grade" not in text
    present = Patient(
        icans_present().record, EstimateInputs(2.0), (without("severe_crs", "event_present"),)
    )
    alone = page_text(present)
    assert "Already present" in alone
    assert "No risk is given for what has already happened." in alone
    assert "interval" not in alone


@pytest.mark.parametrize("make", [abstained, rejected])
def test_a_missing_estimate_says_why_and_shows_no_number(make) -> None:
    text = page_text(make())
    assert "No estimate" in text
    assert "A missing estimate is not a low risk." in text
    assert "%" not in text


def test_hours_only_cohorts_show_day_and_hour() -> None:
    text = page_text(nearly_no_labs())
    assert "Labs up to day 0, 10 h" in text
    assert "UTC" not in text.replace("06:30 UTC", "")


def test_clipped_and_whole_percentages() -> None:
    text = page_text(icans_only())
    assert "under 1 % 80 % interval under 1 %" in text
    low = Patient(
        rising_crs().record, EstimateInputs(1.0), (estimate("severe_crs", 0.9995, {"crp": 9.0}),)
    )
    assert "over 99 %" in page_text(low)


def test_reliance_names_the_limits_in_words_and_shape() -> None:
    text = page_text(icans_only())
    assert "▲ Use with care" in text
    assert "CSF/serum albumin 0.0142 is above the training range (to 0.012)" in text
    assert "cilta-cel: only 12 training patients." in text
    assert "No CRS or ICANS grade charted in the last 36 h: the estimate of severe CRS" in text
    assert "● Within what the model was trained on" in page_text(rising_crs())
    poor = replace(rising_crs(), inputs=EstimateInputs(61.0))
    assert "■ Rely on it little" in page_text(poor)
    rough = page_text(rising_crs(), event_patients={"severe_crs": 12, "icans": 148})
    assert "Few events in training (12 severe CRS): the estimate is rough." in rough


def test_refused_results_are_named_as_refused_and_not_as_never_measured() -> None:
    patient = replace(rising_crs(), refused=PatientRejects({"nfl": 2, "crp": 1, "zinc": 4}, rows=3))
    text = page_text(patient)
    told = "3 results refused and so left out of the estimate: CRP and NfL."
    assert told in text
    assert (
        "Refused, so not used: CRP (1 result) and NfL (2 results); reasons: file rejects.csv"
        in text
    )
    assert "No result so far: CSF/serum albumin, IL-1RA and GM-CSF." in text
    assert "Other rows" not in text
    assert "▲ Use with care" in text
    more = page_text(replace(patient, refused=replace(patient.refused, rows=4)))
    assert "Other rows of this patient's input were refused too." in more
    others = page_text(replace(patient, refused=PatientRejects(rows=1)))
    assert (
        "Some rows of this patient's input were refused. The sender of the data finds why" in others
    )
    assert "● Within what the model was trained on" in others


def with_figures(**figures: float) -> str:
    """Page of two outcomes, of which ICANS has these figures on top of good ones."""
    good = {"auroc": 0.8, "auroc_lo": 0.7, "auroc_hi": 0.9, "cal_slope": 1.0}
    good |= {"added": 0.01, "no_state": 0.6}
    found = {"severe_crs": validation(**good), "icans": validation(**{**good, **figures})}
    return page_text(rising_crs(), validation=found)


def test_an_outcome_that_the_model_hardly_tells_from_chance_is_named() -> None:
    chance = "In its training cohort the model did hardly better than chance for ICANS."
    known = "was not shown to do better than grade and day alone for ICANS."
    assert "hardly better than chance" not in with_figures()
    assert "grade and day alone" not in with_figures()
    assert chance in with_figures(auroc_lo=0.5)
    assert "▲ Use with care" in with_figures(auroc_lo=0.5)
    assert known in with_figures(added=0.0)
    both = with_figures(auroc_lo=0.44, added=-0.1)
    assert chance in both
    assert known not in both
    poor = validation(auroc_lo=0.45)
    alone = replace(rising_crs(), estimates=rising_crs().estimates[:1])
    assert "■ Rely on it little" in page_text(alone, validation={"severe_crs": poor})


def test_without_grades_the_figures_of_the_model_without_grades_count() -> None:
    figures = validation(auroc_lo=0.7, added=-0.1, no_state=0.48)
    text = page_text(icans_only(), validation={"icans": figures})
    assert "hardly better than chance for ICANS" in text
    assert "not shown to do better than grade and day" not in text


def many_labs(points: dict[str, float]) -> str:
    labs = {key: [(40.0, 5.0), (60.0, 7.0)] for key in points}
    return alone(labs, points).partition("Why, by lab")[2].partition("Trends")[0]


def test_labs_beyond_the_told_ones_are_counted_and_summed_up() -> None:
    points = {key: 4.0 - 0.2 * place for place, key in enumerate(ANALYTES[:6])}
    small = {"nfl": 0.4, "il1ra": 0.4, "gm_csf": 0.4}
    assert "more lab" not in many_labs(points)
    told = many_labs(points | small)
    assert "3 more labs together, each by under 1 point at most: ▲ raises severe CRS by 1" in told
    assert "1 more lab, by under 1 point: hardly changes" in many_labs(points | {"nfl": 0.4})


def test_labs_that_lower_a_risk_are_told_beside_stronger_ones() -> None:
    points = {key: 4.0 - 0.2 * place for place, key in enumerate(ANALYTES[:6])}
    told = many_labs(points | {"nfl": -1.4, "il1ra": -1.2, "gm_csf": -1.1})
    lines = [line for line in told.splitlines() if "severe CRS" in line]
    assert [line.split()[0] for line in lines[:6]] == [
        *("CRP", "Ferritin", "IL-6", "D-dimer", "NfL", "IL-1RA")
    ]
    assert sum("▼ lowers severe CRS by 1 point" in line for line in lines) == 2
    assert "3 more labs together, each by 3 points at most: ▲ raises severe CRS by 5" in told


def test_a_moment_before_the_infusion_is_said_as_such() -> None:
    person = record("P-1", -5.0, {"crp": [(-17.0, 4.0)]})
    found = (without("severe_crs", "abstained", "this moment lies before the infusion"),)
    text = page_text(Patient(person, EstimateInputs(12.0), found))
    assert "P-1 · axi-cel · 5 h before infusion" in text
    assert "this moment lies before the infusion" in text


def test_synthetic_models_say_so() -> None:
    text = page_text(rising_crs(), synthetic=True)
    assert "SYNTHETIC DATA." in text
    assert "trained on simulated patients" in text
    assert "SYNTHETIC" not in page_text(rising_crs())


def test_what_speaks_against_is_always_said() -> None:
    text = page_text(rising_crs())
    assert "Severe CRS: D-dimer 1.1 mg/L FEU, for a lower risk (2 points), because" in text
    agreed = Patient(
        rising_crs().record, EstimateInputs(1.0), (estimate("severe_crs", 0.2, {"crp": 9.0}),)
    )
    assert "nothing the model sees speaks against it" in page_text(agreed)


def test_shown_points_of_the_mirror_chart_add_up_before_rounding() -> None:
    for make in (rising_crs, icans_only, after_tocilizumab):
        for item in make().estimates:
            gap = 100 * (item.headline.risk - item.reference_risk)
            assert sum(item.pathways.values()) == pytest.approx(gap)
            assert sum(item.players.values()) == pytest.approx(gap)


def test_limits_are_open_triangles_and_gaps_are_not_bridged() -> None:
    labs = {"il6": [(10, 2, -1), (30, 40), (50, 60), (120, 900, 1)]}
    person = record("P", 121.0, labs)
    page = patient_page(Patient(person, EstimateInputs(1.0), ()), facts(), made=MADE)
    drawing = page[page.index("<title>IL-6") : page.index("</svg>", page.index("<title>IL-6"))]
    assert drawing.count('d="M0 1.2L1.2-1-1.2-1z"') == 1
    assert drawing.count('d="M0-1.2L1.2 1-1.2 1z"') == 1
    assert drawing.count('stroke="#0b4f8a" stroke-width="1.8"') == 1  # 30 to 50 only


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


def test_one_outcome_alone_stands_beside_its_reliance() -> None:
    alone = replace(rising_crs(), estimates=rising_crs().estimates[:1])
    text = page_text(alone, outcomes={"severe_crs": facts().outcomes["severe_crs"]})
    assert "ICANS of any grade" not in text
    assert text.count("Can it be relied on here?") == 1
    assert "Points by pathway: severe CRS" in text
    assert "tells them apart" not in text


def alone(labs, points, *, hours=71.2, **changes: object) -> str:
    """Page of one CRS estimate that the given labs move by the given points."""
    person = record("P", hours, labs, grades=[("crs", 1, hours - 2)])
    found = (estimate("severe_crs", 0.2, points),)
    return page_text(Patient(person, EstimateInputs(1.0), found), **changes)


def test_an_effect_against_the_usual_range_says_why() -> None:
    old = alone({"d_dimer": [(30.0, 1.1)]}, {"d_dimer": -2.0})
    assert "lowers severe CRS by 2 points, because it is 41 h old" in old
    less = alone({"d_dimer": [(30.0, 0.7)]}, {"d_dimer": -2.0})
    assert "because it is below the 0.9 of the average patient of this day" in less
    course = alone({"d_dimer": [(46.0, 1.9), (70.0, 1.1)]}, {"d_dimer": -2.0})
    assert "lowers severe CRS by 2 points, by its course, not its height" in course
    first = alone({"d_dimer": [(70.0, 1.1)]}, {"d_dimer": -2.0})
    assert "lowers severe CRS by 2 points, not by its height" in first
    fallen = alone({"d_dimer": [(20.0, 6.0), (44.0, 4.0), (70.0, 0.3)]}, {"d_dimer": 2.0})
    assert "by its course, not its height (the highest D-dimer so far was 6 mg/L FEU)" in fallen
    limit = {"d_dimer": [(-9.0, 90.0), (20.0, 6.0), (44.0, 6.0, 1), (45.0, 9.0, -1), (70.0, 0.3)]}
    assert "(the highest D-dimer so far was >6 mg/L FEU)" in alone(limit, {"d_dimer": 2.0})
    more = alone(
        {"d_dimer": [(70.0, 0.4)]}, {"d_dimer": 2.0}, typical={"severe_crs": {2: {"d_dimer": 0.2}}}
    )
    assert "because it is above the 0.2 of the average patient of this day" in more
    unknown = alone({"d_dimer": [(30.0, 1.1)]}, {"d_dimer": -2.0}, typical={})
    assert "lowers severe CRS by 2 points, compared with other patients of this day" in unknown


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([(-9, 0.4), (46, 1.0), (70, 1.2)], "by 2 points, not by its height"),
        ([(-9, 4.0), (46, 1.0), (70, 1.2)], "by its course since before the infusion, not its"),
        (
            [(20, 5.0), (46, 1.0), (70, 1.2)],
            "its fall since its highest so far (20 Nov 04:00), not",
        ),
        ([(46, 1.6), (70, 1.2)], "by 2 points, by its course, not its height"),
    ],
)
def test_a_course_that_is_named_goes_the_way_of_the_effect(values, words) -> None:
    text = alone({"d_dimer": values}, {"d_dimer": -2.0})
    assert words in text.partition("Why, by lab")[2].partition("Trends")[0]


def test_averages_of_two_outcomes_are_told_as_one_range() -> None:
    person = record("P", 71.2, {"crp": [(70, 30.0)]}, grades=[("crs", 1, 69)])
    found = (estimate("severe_crs", 0.1, {"crp": -3.0}), estimate("icans", 0.1, {"crp": -2.0}))
    typical = {"severe_crs": {2: {"crp": 100.0}}, "icans": {2: {"crp": 104.0}}}
    labs = page_text(Patient(person, EstimateInputs(1.0), found), typical=typical)
    labs = labs.partition("Why, by lab")[2].partition("Trends")[0]
    assert labs.count("because it is") == 1
    assert "because it is below the 100 to 104 of the average patient of this day" in labs


def test_risks_that_read_alike_are_called_alike() -> None:
    def text(risk: float) -> str:
        item = estimate("severe_crs", risk, {"crp": 0.2})
        usual = tuple(
            replace(one, ratio=risk / 0.0175, usual=replace(one.usual, rate=0.0175))
            for one in item.risks
        )
        person = record("P", 71.2, {"crp": [(70, 30.0)]})
        return page_text(Patient(person, EstimateInputs(1.0), (replace(item, risks=usual),)))

    assert "training patients. About as usual." in text(0.0226)
    assert "severe CRS stays at 2 %" in text(0.0226)
    assert "training patients. Somewhat above usual." not in text(0.0226)
    assert "training patients. About one and a half times usual." in text(0.027)


def test_what_only_lowers_an_outcome_less_does_not_point_to_it() -> None:
    person = record("P", 71.2, {"crp": [(70, 30.0)]})

    def text(crs: float, icans: float) -> str:
        found = (
            estimate("severe_crs", 0.1, {"host_product": crs}),
            estimate("icans", 0.1, {"host_product": icans}),
        )
        return page_text(Patient(person, EstimateInputs(1.0), found))

    assert "tells them apart" not in text(-0.3, -6.0)
    assert "Nothing here tells" not in text(-0.3, -6.0)
    assert "For severe CRS: patient and product." in text(2.0, -6.0)
    assert "Nothing here tells severe CRS from ICANS." in text(2.0, 1.5)


def test_a_large_change_tells_what_was_given_and_charted_in_between() -> None:
    text = page_text(after_tocilizumab())
    fell = text.partition("Down 16 points")[2].partition("\n")[0]
    assert "In between: given tocilizumab (21 Nov 06:00)" in fell
    assert "CRS 2 to 1" in fell
    assert "In between no drug was given and no grade changed." in page_text(icans_only())
    assert "In between" not in page_text(nearly_no_labs())


def changed(
    now: dict[str, float], then: dict[str, float], risks: tuple[float, float] = (0.2, 0.1)
) -> str:
    """Sentence on the change of a severe-CRS estimate with these points now and a day ago."""
    item = estimate("severe_crs", risks[0], now, past=[(47.2, risks[1])], before=then)
    person = record("P", 71.2, {"crp": [(70, 30.0)]})
    text = page_text(Patient(person, EstimateInputs(1.0), (item,)))
    return text.partition("since 24 h ago")[2].partition("\n")[0]


@pytest.mark.parametrize(
    ("now", "then", "words"),
    [
        ({"ferritin": 8.0}, {"ferritin": 1.0}, "Mostly through ferritin (+7 points). In between"),
        (
            {"ferritin": 6.0, "crp": 5.0, "il6": 1.0},
            {"ferritin": 1.0, "crp": 1.0},
            "Mostly through ferritin (+5 points) and CRP (+4 points). In",
        ),
        # what was not measured then had no points then
        (
            {"measurement": 0.0, "nfl": 9.0},
            {"measurement": -1.0},
            "Mostly through NfL (+9 points).",
        ),
        # the mean of the patients of the day is a part of the change
        ({"crp": 1.0}, {"crp": 0.0}, "Mostly through the day since infusion (+9 points)."),
        (
            {"ferritin": 9.0, "il6": -4.0, "clinical_state": 5.0},
            {"ferritin": 1.0, "il6": 3.0},
            "Mostly through ferritin (+8 points) and grades charted so far (+5 points), "
            "against IL-6 (−7 points). In",
        ),
        (
            dict.fromkeys(ANALYTES[:10], 1.0),
            dict.fromkeys(ANALYTES[:10], 0.001),
            "Most of all through CRP (+1 point) and CSF/serum albumin (+1 point), beside smaller",
        ),
        (
            {"score_m_easix": 9.0},
            {"score_m_easix": 1.0},
            "Mostly through Modified EASIX (LDH, CRP, Platelets) (+8 points).",
        ),
    ],
)
def test_a_large_change_tells_through_which_contributions(now, then, words) -> None:
    assert words in changed(now, then)


def test_a_change_is_taken_apart_the_way_it_went() -> None:
    fell = changed({"crp": 1.0, "ferritin": 6.0}, {"crp": 9.0, "ferritin": 4.0}, (0.05, 0.2))
    assert "Mostly through the day since infusion (−9 points) and CRP (−8 points)" in fell


@pytest.mark.parametrize(
    ("then", "risks"),
    [
        ({"crp": 1.0}, (0.2, 0.17)),  # too small a change
        ({}, (0.2, 0.1)),  # contributions of the earlier moment unknown
        (dict.fromkeys(["crp"], float("nan")), (0.2, 0.1)),
    ],
)
def test_a_change_that_cannot_be_taken_apart_is_told_alone(then, risks) -> None:
    assert "through" not in changed({"crp": 9.0}, then, risks)


def test_contributions_that_do_not_add_up_to_a_change_are_not_told() -> None:
    item = estimate("severe_crs", 0.2, {"crp": 9.0}, past=[(47.2, 0.1)], before={"crp": 1.0})
    wrong = (replace(item.past[0], players={"crp": 4.0}),)
    person = record("P", 71.2, {"crp": [(70, 30.0)]})
    text = page_text(Patient(person, EstimateInputs(1.0), (replace(item, past=wrong),)))
    assert "Up 10 points" in text
    assert "through" not in text


def test_a_score_against_the_estimate_is_told_by_name_and_parts() -> None:
    text = alone({"crp": [(70.0, 90.0)]}, {"crp": 5.0, "score_m_easix": -2.0})
    assert "Modified EASIX (LDH, CRP, Platelets), for a lower risk (2 points)" in text
    assert "score_m" not in text.partition("Why, by lab")[2]


@pytest.mark.parametrize(
    ("labs", "points", "changes"),
    [
        ({"d_dimer": [(30.0, 1.1)]}, {"d_dimer": 2.0}, {}),  # high and raises
        ({"d_dimer": [(30.0, 0.3)]}, {"d_dimer": -2.0}, {}),  # within the range and lowers
        ({"fibrinogen": [(30.0, 120.0)]}, {"fibrinogen": -2.0}, {}),  # no direction is assumed
        ({"d_dimer": [(30.0, 1.1)]}, {"d_dimer": -2.0}, {"signed": False}),
        ({"d_dimer": [(30.0, 1.1)]}, {"d_dimer": -0.2}, {}),  # too small to be told
    ],
)
def test_an_expected_effect_needs_no_reason(labs, points, changes) -> None:
    text = alone(labs, points, **changes)
    assert not re.search("because it is|by its course|compared with other", text)


def test_current_grades_stand_in_the_head() -> None:
    head = page_text(rising_crs()).partition("Severe CRS")[0]
    assert "Grades at the estimate: CRS 2 (22 Nov 00:00), ICANS 0 (22 Nov 00:00)." in head
    head = page_text(nearly_no_labs()).partition("Severe CRS")[0]
    assert "Grades at the estimate: CRS 0 (day 1, 6 h), ICANS not charted in the last 36 h." in head


def test_grades_that_never_changed_need_no_chart() -> None:
    assert "Grades charted over the days" in page_text(rising_crs())
    assert "Grades charted over the days" not in page_text(nearly_no_labs())


def test_rates_too_small_to_tell_are_given_as_counts_alone() -> None:
    item = estimate("severe_crs", 0.004, {"crp": 0.0})
    assert "Usual on day 2: 7 %, about 21 of 301" in alone({"crp": [(70, 9)]}, {"crp": 1.0})
    rare = [replace(r, usual=replace(r.usual, rate=0.0075)) for r in item.risks]
    person = record("P", 71.2, {"crp": [(70, 9)]})
    text = page_text(Patient(person, EstimateInputs(1.0), (replace(item, risks=tuple(rare)),)))
    assert "Usual on day 2: about 2 of 301 training patients." in text
    assert "times usual" not in text.partition("Severe CRS")[2].partition("By hours")[0]
    never = [replace(r, usual=replace(r.usual, rate=0.0004)) for r in item.risks]
    text = page_text(Patient(person, EstimateInputs(1.0), (replace(item, risks=tuple(never)),)))
    assert "Usual on day 2: fewer than 1 of 301 training patients." in text


def test_an_estimate_at_the_end_of_its_interval_says_what_the_refits_give() -> None:
    def text(**ends: float) -> str:
        item = estimate("severe_crs", 0.2, {"crp": 1.0})
        risks = tuple(replace(risk, **ends) if risk.hours == 72 else risk for risk in item.risks)
        person = record("P", 71.2, {"crp": [(70, 9)]})
        return page_text(Patient(person, EstimateInputs(1.0), (replace(item, risks=risks),)))

    assert "Most refits of the model come out higher." in text(low=0.2)
    assert "Most refits of the model come out lower." in text(high=0.2)
    assert "refits of the model come out" not in text()
    assert "refits of the model come out" not in text(low=0.2, high=0.2)


def test_a_number_never_leaves_its_unit() -> None:
    page = patient_page(rising_crs(), facts(), made=MADE)
    assert "day 2, 23\u00a0h" in page
    assert "1\u00a0h old" in page
    assert "next 72\u00a0h" in page


def test_one_lab_without_a_chart_is_told_in_the_singular() -> None:
    labs = {key: [(40.0, 5.0), (60.0, 7.0)] for key in ANALYTES[:12]}
    assert "1 other lab\n" in page_text(Patient(record("P", 71.2, labs), EstimateInputs(1.0), ()))
    labs[ANALYTES[12]] = [(60.0, 7.0)]
    assert "2 other labs\n" in page_text(Patient(record("P", 71.2, labs), EstimateInputs(1.0), ()))


@settings(max_examples=10, deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=6))
def test_labels_of_lowest_and_highest_value_never_touch(values: list[float]) -> None:
    labs = {"crp": [(10.0 * n, value) for n, value in enumerate(values)]}
    page = patient_page(
        Patient(record("P", 71.2, labs), EstimateInputs(1.0), ()), facts(), made=MADE
    )
    drawing = page[page.index("<title>CRP") : page.index("</svg>", page.index("<title>CRP"))]
    places = [
        float(y)
        for y in re.findall(r'<text x="[\d.]+" y="([\d.]+)" font-size="10" fill="#595959"', drawing)
    ]
    assert len(places) in (0, 2)
    assert not places or abs(places[0] - places[1]) >= 10.9
