"""Every check finds its planted defect and stays silent on the same export without it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.audit.runner import CHECKS, by_code
from tests.audit.conftest import ACCEPT_ALL, in_memory, run, settings
from tests.planted import defects_of_values
from tests.planted.defects import (
    DEFECTS,
    plant_defect,
    simulated_tables,
    strangers_grades,
    with_event,
    without_limit_codes,
)

assert defects_of_values  # registers its defects

NEEDS_READING = {"CHK001", "CHK002", "CHK005", "CHK103"}


CONFIGS = {"CHK103": ACCEPT_ALL, "CHK407": {"cohort": {"time_zone": "America/New_York"}}}


COUNTERPARTS = {
    "CHK108": strangers_grades,
    "CHK202": without_limit_codes,
    "CHK203": without_limit_codes,
    "CHK305": defects_of_values.one_basis,
}


def test_every_check_has_a_defect_to_find() -> None:
    assert sorted(DEFECTS) == sorted(check.code for check in CHECKS)


def first_patients(tables, count):
    """The tables of the first patients."""
    kept = tables["patients"]["patient_id"][:count]
    return {name: table[table["patient_id"].isin(kept)] for name, table in tables.items()}


@pytest.mark.parametrize("code", sorted(DEFECTS))
def test_a_planted_defect_is_found_and_a_clean_export_is_not_blamed(code, clean, opened) -> None:
    config = settings(**CONFIGS[code]) if code in CONFIGS else None
    look = opened if code in NEEDS_READING else in_memory
    if code in NEEDS_READING:
        clean = first_patients(clean, 60)
    spoilt = plant_defect(clean, code, np.random.default_rng(7), 1.0)
    found = run(code, look(spoilt, config))
    assert found
    for item in found:
        assert (item.code, item.title) == (code, by_code()[code].title)
        assert item.summary
        assert item.remedy
        assert item.effect
    sound = COUNTERPARTS.get(code, dict)(clean)
    assert run(code, look(sound, config)) == []


@pytest.mark.parametrize("groups", ["one median", "a median per site", "a median per day"])
def test_fills_that_ignore_the_grade_are_a_warning_and_no_error(groups, clean) -> None:
    labs = clean["labs"].copy()
    people = clean["patients"].set_index("patient_id")
    number = pd.to_numeric(labs["value"], errors="coerce")
    group = {
        "one median": pd.Series("", index=labs.index),
        "a median per site": labs["patient_id"].map(people["site"]),
        "a median per day": in_memory(clean).labs["day"].astype(str),
    }[groups]
    fill = number.groupby([labs["analyte"], labs["unit"], group]).transform("median")
    rows = labs["analyte"].isin(["crp", "ldh", "ferritin"]) & (np.arange(len(labs)) % 3 == 0)
    labs.loc[rows, "value"] = fill[rows].map("{:.3f}".format)
    spoilt = in_memory({**clean, "labs": labs.replace("nan", "")})
    assert run("CHK101", spoilt) == []
    assert run("CHK208", spoilt)


@pytest.mark.parametrize("column", ["loinc", "analyte"])
def test_a_loinc_code_that_states_the_basis_of_a_d_dimer_is_enough(column, clean) -> None:
    spoilt = plant_defect(clean, "CHK302", np.random.default_rng(7), 1.0)
    labs = spoilt["labs"]
    of = labs["analyte"] == "d_dimer"
    coded = labs.assign(**{column: labs[column].mask(of, "48065-7")})
    assert run("CHK302", in_memory(spoilt))
    assert run("CHK302", in_memory({**spoilt, "labs": coded})) == []


@pytest.mark.parametrize("state", ["unit", "loinc", "analyte", "assumed"])
def test_a_site_with_two_bases_is_named_however_the_basis_is_stated(state, clean) -> None:
    sound = defects_of_values.one_basis(clean)
    labs = plant_defect(sound, "CHK305", np.random.default_rng(7), 1.0)["labs"]
    ddu, of = labs["unit"].str.contains("DDU"), labs["analyte"] == "d_dimer"
    config = None
    if state in ("loinc", "analyte"):
        code = ddu.map({True: "48066-5", False: "48065-7"})
        labs = labs.assign(**{state: labs[state].mask(of, code)})
        labs["unit"] = labs["unit"].mask(of, "mg/L")
    if state == "assumed":
        labs["unit"] = labs["unit"].mask(of & ~ddu, "mg/L")
        assumed = {"d_dimer": {"mg/L": "mg/L{FEU}"}}
        config = settings(cohort={"assume_units": assumed})
    (found,) = run("CHK305", in_memory({**sound, "labs": labs}, config))
    assert found.counts["patients_with_both"] == 0
    site = sound["patients"]["site"].value_counts().index[0]
    assert site in found.summary
    assert f"{int(ddu.sum())} in DDU" in found.summary


def test_a_laboratory_that_turns_from_urea_to_urea_nitrogen_is_named() -> None:
    rows = [
        ("A", "2026-03-02T06:00:00Z", "mg/dL{urea}"),
        ("A", "2026-03-05T06:00:00Z", "mg/dL{urea_nitrogen}"),
    ]
    labs = pd.DataFrame(rows, columns=["patient_id", "collected_at", "unit"])
    labs = labs.assign(analyte="urea", value="40", loinc="")
    people = pd.DataFrame({"patient_id": ["A"], "infusion_time": ["2026-03-01T06:00:00Z"]})
    (found,) = run("CHK305", in_memory({"labs": labs, "patients": people}))
    assert found.counts == {"rows": 2, "patients_with_both": 1}


@pytest.mark.parametrize(("strength", "seed"), [(0.4, 11), (1.0, 13)])
def test_fills_by_the_calendar_day_tell_the_grade_of_a_small_cohort(strength, seed) -> None:
    small = simulated_tables(100, seed)
    spoilt = plant_defect(small, "CHK101", np.random.default_rng(seed), strength)
    found = run("CHK101", in_memory(spoilt))
    assert found[0].counts["decoded correctly"] > 0.85
    assert run("CHK101", in_memory(small)) == []


def zoned(zone, infusion, collected):
    """CHK407 on one patient with an infusion time and lab times as written."""
    tables = {
        "patients": pd.DataFrame({"patient_id": ["A"], "infusion_time": [infusion]}),
        "labs": pd.DataFrame({"patient_id": "A", "collected_at": collected}),
    }
    return run("CHK407", in_memory(tables, settings(cohort={"time_zone": zone})))


BARE, BERLIN = "2026-03-02T08:00:00", "2026-03-01T09:00:00+01:00"


@pytest.mark.parametrize(
    ("zone", "infusion", "collected"),
    [
        ("Europe/Berlin", BERLIN, [BARE]),
        ("Europe/Paris", BERLIN, [BARE]),
        # the clocks change between infusion and lab, and the zone knows
        ("Europe/Berlin", "2026-03-20T09:00:00+01:00", ["2026-04-02T08:00:00"]),
        ("America/New_York", BERLIN, ["2026-03-02T08:00:00+01:00"]),
        ("America/New_York", "2026-03-01T08:00:00Z", [BARE]),
        ("America/New_York", "2026-03-01T08:00:00", [BARE]),
        (None, BERLIN, [BARE]),
    ],
)
def test_zones_that_agree_or_are_not_known_are_not_blamed(zone, infusion, collected) -> None:
    assert zoned(zone, infusion, collected) == []


@pytest.mark.parametrize(
    ("infusion", "collected", "hours"),
    [
        (BERLIN, [BARE, BARE, "2026-03-02T08:00:00+01:00"], "6 h"),
        # between 8 and 29 March only America has summer time
        ("2026-03-15T09:00:00+01:00", ["2026-03-16T08:00:00"] * 2, "5 h"),
        ("2026-03-01T09:00:00", [BARE, "2026-03-02T08:00:00+01:00", BARE], "6 h"),
    ],
)
def test_a_zone_of_another_continent_is_an_error_with_rows_and_hours(
    infusion, collected, hours
) -> None:
    found = [
        item for item in zoned("America/New_York", infusion, collected) if item.table == "labs"
    ]
    assert [(item.severity, item.counts["rows"]) for item in found] == [("error", 2)]
    assert f"by {hours}" in found[0].summary


def test_an_hour_may_be_a_missed_clock_change_and_is_a_warning() -> None:
    found = zoned("Europe/Berlin", "2026-07-01T09:00:00+01:00", ["2026-07-02T08:00:00"])
    assert [item.severity for item in found] == ["warning"]


@pytest.fixture(scope="module")
def half_graded(clean):
    """Nobody of the second half of patients was graded on icans; LDH was not drawn there."""
    tables = strangers_grades(clean)
    people, grades, labs = tables["patients"], tables["assessments"], tables["labs"]
    rest = people["patient_id"].iloc[len(people) // 2 :]
    lost = grades["patient_id"].isin(rest) & (grades["scale"] == "icans")
    bare = labs["patient_id"].isin(rest) & (labs["analyte"] == "ldh")
    return {**tables, "assessments": grades[~lost], "labs": labs[~bare]}, rest


NO_EVENT = {"cohort": {"ungraded": "no_event"}}


@pytest.mark.parametrize(("code", "words"), [("CHK105", "icans"), ("CHK108", "ldh")])
def test_who_was_never_graded_is_not_compared_as_without_the_outcome(
    code, words, half_graded
) -> None:
    tables, _ = half_graded
    assert run(code, in_memory(tables)) == []
    found = run(code, in_memory(tables, settings(**NO_EVENT)))
    assert words in " ".join(item.summary for item in found)


def test_a_column_that_tells_the_outcome_of_the_graded_is_found(half_graded) -> None:
    tables, rest = half_graded
    people, event = tables["patients"], with_event(tables)
    ungraded = people["patient_id"].isin(rest)
    told = people.assign(n_prior_lines=np.where(event | ungraded, "4", "1"))
    spoilt = {**tables, "patients": told}
    found = run("CHK102", in_memory(spoilt))
    assert [name for item in found for name in item.columns] == ["n_prior_lines"]
    assert found[0].counts["patients"] + found[0].counts["never graded, left out"] == len(people)
    assert found[0].counts["never graded, left out"] == len(rest)
    assert run("CHK102", in_memory(spoilt, settings(**NO_EVENT))) == []


def test_grades_after_the_end_of_follow_up_and_after_death_are_warned_of() -> None:
    people = pd.DataFrame(
        {
            "patient_id": ["A", "B", "C"],
            "record_end_hours": ["100", "100", "100"],
            "followed_until_hours": ["200", "", "200"],
            "death_hours": ["", "", "150"],
        }
    )
    grades = pd.DataFrame(
        [("A", 199), ("A", 201), ("B", 99), ("B", 130), ("C", 151)], columns=["patient_id", "hour"]
    )
    grades = grades.assign(scale="crs", grade="1", assessed_hours=grades["hour"])
    lab = {"patient_id": "A", "analyte": "crp", "value": "9", "unit": "mg/L"}
    labs = pd.DataFrame([{**lab, "collected_hours": "5"}])
    tables = {"patients": people, "assessments": grades, "labs": labs}
    found = run("CHK109", in_memory(tables))
    assert [item.counts for item in found] == [
        {"rows": 2, "patients": 2},
        {"rows": 1, "patients": 1},
    ]
    assert ["follow-up" in item.summary for item in found] == [True, False]
    assert "1 grade of 1 patient, up to 1 h" in found[1].summary
    places = [[(at.file, at.row, at.value) for at in item.examples] for item in found]
    assert places == [
        [("assessments.csv", 3, "201"), ("assessments.csv", 5, "130")],
        [("assessments.csv", 6, "151")],
    ]
    assert {item.severity for item in found} == {"warning"}
    whole = grades[grades["hour"].isin([99, 199])]
    assert run("CHK109", in_memory({**tables, "assessments": whole})) == []


def days_of_labs(hours, grades=(), **patients):
    """One patient A with CRP draws and grades at given hours."""
    labs = pd.DataFrame({"patient_id": "A", "analyte": "crp", "value": "9", "unit": "mg/L"}, hours)
    charted = pd.DataFrame({"patient_id": "A", "scale": "crs", "grade": "0"}, grades)
    return {
        "patients": pd.DataFrame({"patient_id": ["A"], **patients}),
        "labs": labs.assign(collected_hours=hours, resulted_hours=hours),
        "assessments": charted.assign(assessed_hours=grades),
    }


@pytest.mark.parametrize(
    ("of_day", "columns"),
    [([6.0], 2), ([6.0, 23.0], 2), ([6.0, 14.0, 23.0], 0)],
)
def test_one_or_two_times_of_day_are_a_day_and_three_a_clock(of_day, columns) -> None:
    hours = [24.0 * day + of_day[day % len(of_day)] for day in range(40)]
    found = run("CHK401", in_memory(days_of_labs(hours)))
    assert len(found) == columns
    for item in found:
        assert all(f"hour {hour:g}" in item.summary for hour in of_day)


@pytest.mark.parametrize(("every", "missed"), [(1, 0), (2, 0), (3, 1)])
def test_days_without_a_result_count_up_to_the_last_grade(every, missed) -> None:
    hours = [24.0 * day + 6 for day in range(0, 40, every)]
    found = run("CHK408", in_memory(days_of_labs(hours, [24.0 * 39 + 23])))
    assert len(found) == missed
    for item in found:
        assert item.counts == {"days with a result": 14, "days": 40, "patients": 1}


def test_outcomes_of_patients_without_labs_are_compared_with_the_others(clean) -> None:
    event = with_event(clean)
    people, labs = clean["patients"]["patient_id"], clean["labs"]
    lost = people[event][:9]
    spoilt = {**clean, "labs": labs[~labs["patient_id"].isin(lost)]}
    [item] = run("CHK004", in_memory(spoilt))
    assert item.counts["patients"] == 9
    assert f"icans in 9 of 9 against {event.sum() - 9} of {len(people) - 9}" in item.summary
    ages = clean["patients"]["age_years"].mask(people.isin(lost), "")
    blank = {**spoilt, "patients": clean["patients"].assign(age_years=ages)}
    assert "age_years" not in item.summary
    assert "age_years" in run("CHK004", in_memory(blank))[0].summary


@pytest.mark.parametrize(("last", "early"), [(90.0, True), (50.0, False)])
def test_a_record_that_ends_with_the_grades_is_another_matter_than_wrong_clocks(
    last, early
) -> None:
    tables = days_of_labs([5.0, 140.0], [20.0, last], record_end_hours=["96"])
    [item] = [item for item in run("CHK109", in_memory(tables)) if item.table == "labs"]
    assert (item.effect == by_code()["CHK109"].early_ends) == early


def test_doses_of_half_of_the_steroids_are_enough(clean) -> None:
    drugs = clean["treatments"]
    steroids = np.flatnonzero(drugs["drug"] == "dexamethasone")
    blank = drugs.assign(dose=drugs["dose"].mask(drugs.index.isin(steroids[: len(steroids) // 3])))
    assert run("CHK307", in_memory({**clean, "treatments": blank.fillna("")})) == []
    other = drugs[drugs["drug"] == "tocilizumab"].drop(columns="dose")
    assert run("CHK307", in_memory({**clean, "treatments": other})) == []
    [item] = run("CHK307", in_memory({**clean, "treatments": drugs.drop(columns="dose")}))
    assert item.counts == {"rows": len(steroids), "of": len(steroids)}


VALUE_CHECKS = ("CHK202", "CHK203", "CHK204", "CHK205", "CHK206", "CHK207", "CHK303", "CHK304")
SIGNED = {"cohort": {"local_analytes": {"score": {"signed": True, "scale": "log2"}}}}


def with_scores(clean, *, seed: int = 5) -> dict[str, pd.DataFrame]:
    """The export with a score beside every CRP, negative for half of the patients."""
    labs = clean["labs"]
    chosen = labs[labs["analyte"].str.lower() == "crp"]
    random = np.random.default_rng(seed)
    scores = random.normal(0.0, 1.0, len(chosen)).round(4)
    rows = chosen.assign(analyte="score", unit="{z}", value=[f"{x:.4f}" for x in scores])
    return {**clean, "labs": pd.concat([labs, rows], ignore_index=True)}


def about_score(code, tables) -> list[str]:
    found = run(code, in_memory(tables, settings(**SIGNED)))
    return [item.summary for item in found if "score" in item.summary]


@pytest.mark.parametrize("code", VALUE_CHECKS)
def test_signed_results_are_not_blamed_for_their_sign(code, clean) -> None:
    assert about_score(code, with_scores(clean)) == []


@pytest.mark.parametrize(
    ("code", "value", "where"),
    [
        ("CHK202", "-2.5", "below"),
        ("CHK202", "2.5", "above"),
        ("CHK204", "-999", "some"),
        ("CHK204", "9999", "some"),
        ("CHK207", "60", "one"),
    ],
)
def test_defects_of_signed_results_are_found(code, value, where, clean) -> None:
    tables = with_scores(clean)
    labs = tables["labs"]
    mine = labs["analyte"] == "score"
    number = pd.to_numeric(labs["value"], errors="coerce")
    rows = {
        "below": mine & (number < -1.5),
        "above": mine & (number > 1.5),
        "some": mine & (np.arange(len(labs)) % 50 == 0),
        "one": mine & (labs.index == labs.index[mine][len(labs.index[mine]) // 2 + 2]),
    }[where]
    if where in ("below", "above"):
        value = f"{number[rows].abs().min() * np.sign(float(value)):.4f}"
    spoilt = {**tables, "labs": labs.assign(value=labs["value"].mask(rows, value))}
    assert about_score(code, spoilt)
