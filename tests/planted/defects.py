"""Defects to plant into a simulated export: of reading, of leakage and of identity.

One per check of the audit, at any strength; those of values stand in ``defects_values``.
``benchmarks/audit.py`` measures with them how often each check finds its defect.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipeline.simulate.export import to_exports
from pipeline.simulate.latent_history import simulate_history
from pipeline.simulate.simulated_patients import draw_people
from pipeline.simulate.simulated_tables import Tables, build_tables
from pipeline.simulate.simulation_settings import generators, load

Plant = Callable[[Tables, np.random.Generator, float], Tables]
DEFECTS: dict[str, Plant] = {}


def simulated_tables(patients: int, seed: int) -> Tables:
    """Tables of a clean simulated export as text, without rows wrong on purpose."""
    settings, random = load(), generators(seed)
    people = draw_people(patients, settings, random["people"])
    history = simulate_history(people, settings, random["course"])
    tables = build_tables(people, history, settings, random)
    ids = [f"S{seed}-{number + 1:04d}" for number in range(patients)]
    return to_exports(tables, ids, people, settings)


def plant_defect(tables: Tables, code: str, random: np.random.Generator, strength: float) -> Tables:
    """Tables with the defect of one check; ``strength`` from 0 (nothing) to 1 (blatant)."""
    copied = {name: table.copy() for name, table in tables.items()}
    return DEFECTS[code](copied, random, strength)


def without_limit_codes(tables: Tables) -> Tables:
    """The export without the assays' own codes: 301 or 15001 beyond a limit is rightly found."""
    labs = tables["labs"]
    codes = labs["value"].str.fullmatch(r"[1-9]\d?0+1") | (labs["analyte"] == "il1ra")
    return {**tables, "labs": labs[~codes].reset_index(drop=True)}


def strangers_grades(tables: Tables) -> Tables:
    """Grades of other patients: wards draw more from the sick, which is rightly found."""
    grades, people = tables["assessments"], tables["patients"]["patient_id"]
    other = dict(zip(people, np.roll(people, 7), strict=True))
    return {**tables, "assessments": grades.assign(patient_id=grades["patient_id"].map(other))}


def plants(code: str) -> Callable[[Plant], Plant]:
    """Register a function as the defect that one check must find."""

    def register(function: Plant) -> Plant:
        DEFECTS[code] = function
        return function

    return register


def chosen(count: int, share: float, random: np.random.Generator) -> np.ndarray:
    """Rows drawn at random, each with the same chance."""
    return random.random(count) < share


def with_event(tables: Tables, scale: str = "icans", threshold: int = 1) -> np.ndarray:
    """Whether each row of patients ever has the outcome."""
    grades = tables["assessments"]
    rows = (grades["scale"] == scale) & (grades["grade"].astype(int) >= threshold)
    return tables["patients"]["patient_id"].isin(grades.loc[rows, "patient_id"]).to_numpy()


@plants("CHK001")
def _no_grades(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """At full strength the assessments are gone, below it a required column of labs."""
    if strength >= 1:
        return {name: table for name, table in tables.items() if name != "assessments"}
    return {**tables, "labs": tables["labs"].drop(columns="unit")}


@plants("CHK002")
def _unreadable_values(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    labs = tables["labs"]
    rows = chosen(len(labs), 0.05 * strength, random)
    return {**tables, "labs": labs.assign(value=labs["value"].mask(rows, "haemolysed"))}


@plants("CHK003")
def _no_events(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    grades = tables["assessments"]
    kept = (grades["grade"].astype(int) < 3) | ~chosen(len(grades), strength, random)
    return {**tables, "assessments": grades[kept].reset_index(drop=True)}


@plants("CHK004")
def _lost_labs(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    people, labs = tables["patients"], tables["labs"]
    lost = people["patient_id"][chosen(len(people), 0.1 * strength, random)]
    return {**tables, "labs": labs[~labs["patient_id"].isin(lost)].reset_index(drop=True)}


@plants("CHK005")
def _lost_grades(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    people, grades = tables["patients"], tables["assessments"]
    lost = people["patient_id"][chosen(len(people), 0.15 * strength, random)]
    kept = ~grades["patient_id"].isin(lost)
    return {**tables, "assessments": grades[kept].reset_index(drop=True)}


@plants("CHK101")
def _grade_fills(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Fill a share of the results of six analytes with a median per grade of the day."""
    labs, grades = tables["labs"].copy(), tables["assessments"]
    crs = grades[grades["scale"] == "crs"]
    day = crs["patient_id"] + crs["assessed_at"].str[:10]
    worst = crs["grade"].astype(int).groupby(day).max()
    grade = (labs["patient_id"] + labs["collected_at"].str[:10]).map(worst)
    exact = pd.to_numeric(labs["value"], errors="coerce")
    for analyte in ("crp", "ferritin", "ldh", "il6", "d_dimer", "platelets"):
        of = labs["analyte"] == analyte
        for unit in labs.loc[of, "unit"].unique():
            group = of & (labs["unit"] == unit)
            for level in sorted(grade[group].dropna().unique()):
                rows = group & (grade == level)
                fill = f"{exact[rows].median() * (1 + 0.001 * level):.3f}"
                labs.loc[rows & chosen(len(labs), 0.5 * strength, random), "value"] = fill
    return {**tables, "labs": labs}


@plants("CHK102")
def _telling_column(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Replace the number of prior lines, an input, by a column that names the outcome."""
    people, event = tables["patients"].copy(), with_event(tables)
    wrong = chosen(len(people), 0.02 * (1 - strength), random)
    people["n_prior_lines"] = np.where(event ^ wrong, "4", "1")
    return {**tables, "patients": people}


@plants("CHK103")
def _grade_as_analyte(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Write charted grades into labs under a name that says so."""
    grades, labs = tables["assessments"], tables["labs"]
    rows = grades[(grades["scale"] == "crs") & chosen(len(grades), strength, random)]
    extra = pd.DataFrame("", index=rows.index, columns=labs.columns)
    extra = extra.assign(
        patient_id=rows["patient_id"],
        analyte="crs_grade",
        value=rows["grade"],
        unit="1",
        collected_at=rows["assessed_at"],
        resulted_at=rows["assessed_at"],
    )
    return {**tables, "labs": pd.concat([labs, extra], ignore_index=True)}


@plants("CHK104")
def _second_id(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Give two patients a second id; below full strength only part of their record is copied."""
    twins = random.choice(tables["patients"]["patient_id"], 2, replace=False)
    result = {}
    for name, table in tables.items():
        copies = table[table["patient_id"].isin(twins)]
        if name != "patients":
            keep = np.ceil(copies.groupby("patient_id")["patient_id"].transform("size") * strength)
            copies = copies[copies.groupby("patient_id").cumcount() < keep]
        copies = copies.assign(patient_id=copies["patient_id"] + "b")
        result[name] = pd.concat([table, copies], ignore_index=True)
    return result


@plants("CHK105")
def _sorted_by_outcome(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Sort patients so that those with the outcome tend to stand last."""
    people = tables["patients"]
    score = with_event(tables) * strength + random.random(len(people)) * (1.6 - strength)
    order = np.argsort(score, kind="stable")
    return {**tables, "patients": people.iloc[order].reset_index(drop=True)}


@plants("CHK106")
def _names(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Add a column of invented names; below full strength under a harmless heading."""
    people = tables["patients"].copy()
    syllables = np.array(["ba", "ko", "li", "mo", "ne", "ri", "sa", "tu"])
    drawn = random.choice(syllables, (len(people), 4))
    words = ["".join(row[:2]).title() + ", " + "".join(row[2:]).title() for row in drawn]
    people["surname" if strength >= 1 else "remark"] = words
    return {**tables, "patients": people}
