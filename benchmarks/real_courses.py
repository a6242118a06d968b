"""Course of labs and grades in public cohorts, with the functions that the simulator's report uses.

Prints the targets of ``report.courses`` in data_schema/simulation.yaml. The cohorts are not part of
the project; ``--data`` names the folder that holds ``prcrs_recovered``, ``wuhan`` and ``nulisa`` in
the table layout of docs/data.md.

    python benchmarks/real_courses.py --data ../shared/data
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.simulate import course_figures as figures

LABS = ("crp", "albumin", "il6", "ferritin", "fibrinogen", "ldh")
SPREAD = ("crp", "ldh", "creatinine", "il6", "ferritin", "albumin", "d_dimer")
SINGLE = (*("ifn_g", "il6", "d_dimer", "crp", "ferritin", "ldh"), "fibrinogen")
LAST_DAY = 14


def labs_of(folder: Path, ids: dict[str, int]) -> pd.DataFrame:
    """Results of a cohort as ``patient, analyte, value, hours``; units are those of the file."""
    labs = pd.read_csv(folder / "labs.csv", dtype={"value": "str"})
    return pd.DataFrame(
        {
            "patient": labs["patient_id"].map(ids),
            "analyte": labs["analyte"],
            "value": pd.to_numeric(labs["value"].str.strip("<> "), errors="coerce"),
            "hours": labs["collected_hours"],
        }
    ).dropna()


def grades_of(folder: Path, ids: dict[str, int], scale: str) -> pd.DataFrame:
    """Grades of a scale as ``patient, hours, grade``."""
    rows = pd.read_csv(folder / "assessments.csv").query("scale == @scale")
    patient = rows["patient_id"].map(ids)
    return pd.DataFrame(
        {"patient": patient, "hours": rows["assessed_hours"], "grade": rows["grade"]}
    )


def main() -> None:
    """Print every figure of every cohort."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    for name in ("prcrs_recovered", "wuhan"):
        folder = data / name
        patients = pd.read_csv(folder / "patients.csv")
        ids = {key: number for number, key in enumerate(patients["patient_id"])}
        results = labs_of(folder, ids)
        levels = figures.daily_levels(results, LAST_DAY)
        for first, second in combinations(LABS, 2):
            value, people = figures.rank_correlation(levels, first, second)
            print(f"{name} correlation {first} {second} {value:+.2f} ({people} patients)")
        for analyte in SPREAD:
            value, people = figures.within_patient_sd(levels, analyte)
            print(f"{name} within-patient SD log10 {analyte} {value:.2f} ({people} patients)")
        if name != "wuhan":
            grades = grades_of(folder, ids, "crs")
            severe = grades.loc[grades["grade"] >= 3].groupby("patient")["hours"].min()
            event = np.full(len(patients), np.inf)
            event[severe.index.to_numpy()] = severe.to_numpy()
            end = patients["record_end_hours"].to_numpy(dtype=float)
            for analyte in SINGLE:
                value, people = figures.lab_auroc(results, analyte, event, end, recent=96.0)
                print(
                    f"{name} AUROC severe CRS 72 h {analyte} {value:.2f} ({people} event patients)"
                )
    for name in ("prcrs_recovered", "nulisa"):
        folder = data / name
        ids = {
            key: number
            for number, key in enumerate(pd.read_csv(folder / "patients.csv")["patient_id"])
        }
        value, days = figures.daily_worsening(grades_of(folder, ids, "crs"), 2)
        print(f"{name} daily worsening from CRS grade 2 {value:.2f} ({days} days)")
    courses = {
        scale: figures.onset_and_days(grades_of(folder, ids, scale)) for scale in ("crs", "icans")
    }
    both = courses["icans"].join(courses["crs"].add_suffix("_crs"), how="inner")
    earlier = (both["onset_crs"] < both["onset"]).to_numpy()
    icans = courses["icans"]
    random = np.random.default_rng(0)
    for words, values, statistic in (
        ("ICANS onset, median day", icans["onset"].to_numpy(), np.median),
        ("ICANS days, median", icans["days"].to_numpy(), np.median),
        ("CRS on an earlier day than ICANS", earlier.astype(float), np.mean),
    ):
        draws = [statistic(random.choice(values, len(values))) for _ in range(5000)]
        low, high = np.percentile(draws, [2.5, 97.5])
        print(f"nulisa {words} {statistic(values):.2f} [{low:.2f}, {high:.2f}] (n {len(values)})")


if __name__ == "__main__":
    main()
