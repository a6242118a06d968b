"""A small made-up cohort as CSV files, with timestamps, both syndromes, drugs and products."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

START = datetime(2024, 1, 8, 9, 0, tzinfo=UTC)
CONFIG = """\
cohort: {name: mini, synthetic: true, host_columns: [age_years, sex]}
model:
  booster_rounds: 12
  inner_folds: 2
  bootstrap_members: 3
landmarks: {at_results: never}
evaluation:
  {folds: 2, repeats: 1, bootstrap: 30, control_permutations: 0, analyte_importance: false,
   further_splits: [], explained_prototypes: 3}
"""
ANALYTES = {"crp": ("mg/L", 20.0), "ferritin": ("ng/mL", 600.0), "il6": ("pg/mL", 15.0)}


def stamp(patient_start: datetime, hours: float) -> str:
    """ISO 8601 with offset."""
    return (patient_start + timedelta(hours=float(hours))).isoformat(timespec="seconds")


def write_cohort(
    folder: Path, *, patients: int = 60, seed: int = 0, days: int = 9, prefix: str = "M"
) -> Path:
    """Write patients, labs, assessments and treatments; sicker patients have higher labs."""
    random = np.random.default_rng(seed)
    tables: dict[str, list[dict[str, object]]] = {
        "patients": [],
        "labs": [],
        "assessments": [],
        "treatments": [],
    }
    for number in range(patients):
        _one_patient(tables, f"{prefix}{number:04d}", number, days, random)
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        if rows:
            pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    return folder


def _one_patient(tables, patient_id, number, days, random) -> None:
    start = START + timedelta(days=7 * (number % 50), hours=int(random.integers(0, 8)))
    sickness = random.normal()
    onset = float(random.uniform(20, 110))
    tables["patients"].append(
        {
            "patient_id": patient_id,
            "infusion_time": start.isoformat(),
            "product": ["axi-cel", "tisa-cel"][number % 2],
            "age_years": int(random.integers(20, 78)),
            "sex": ["F", "M"][int(random.integers(0, 2))],
            "record_end_at": stamp(start, 24 * days),
            "followed_until_at": stamp(start, 24 * 28),
        }
    )
    worst = int(np.clip(np.round(1.6 + 1.1 * sickness), 0, 4))
    neuro = int(np.clip(np.round(0.2 + sickness + 0.8 * random.normal()), 0, 4))
    for day in range(-1, days):
        hour = 24 * day + float(random.uniform(4, 8))
        surge = max(0.0, 1 - abs(hour - onset - 30) / 90) * (1 + 0.6 * sickness)
        for analyte, (unit, level) in ANALYTES.items():
            if analyte == "il6" and random.uniform() < 0.5:
                continue
            value = level * min(30.0, float(np.exp(0.5 * random.normal() + 1.6 * surge)))
            text = "<2" if analyte == "il6" and value < 2 else f"{value:.1f}"
            tables["labs"].append(
                {
                    "patient_id": patient_id,
                    "analyte": analyte,
                    "value": text,
                    "unit": unit,
                    "collected_at": stamp(start, hour),
                    "resulted_at": stamp(start, hour + float(random.uniform(1, 4))),
                }
            )
    for step in range(1, 2 * days):
        hour = 12.0 * step
        for scale, peak, begin in (("crs", worst, onset), ("icans", neuro, onset + 40)):
            grade = 0
            if hour >= begin:
                grade = int(np.clip(np.round(peak * (1 - abs(hour - begin - 36) / 96)), 0, peak))
            tables["assessments"].append(
                {
                    "patient_id": patient_id,
                    "assessed_at": stamp(start, hour),
                    "scale": scale,
                    "grade": grade,
                }
            )
    if worst >= 2:
        tables["treatments"].append(
            {"patient_id": patient_id, "drug": "tocilizumab", "given_at": stamp(start, onset + 26)}
        )


def cut(source: Path, target: Path, *, hours: float, patients: list[str]) -> Path:
    """The part of a cohort that the ward had at ``hours`` after each infusion."""
    target.mkdir(parents=True, exist_ok=True)
    people = pd.read_csv(source / "patients.csv", dtype=str)
    people = people[people["patient_id"].isin(patients)]
    people[["patient_id", "infusion_time", "product", "age_years", "sex"]].to_csv(
        target / "patients.csv", index=False
    )
    zero = pd.to_datetime(people.set_index("patient_id")["infusion_time"])
    for name, clock in (
        ("labs", "resulted_at"),
        ("assessments", "assessed_at"),
        ("treatments", "given_at"),
    ):
        rows = pd.read_csv(source / f"{name}.csv", dtype=str)
        rows = rows[rows["patient_id"].isin(patients)]
        since = pd.to_datetime(rows[clock]) - pd.to_datetime(rows["patient_id"].map(zero))
        rows[since < pd.Timedelta(hours=hours)].to_csv(target / f"{name}.csv", index=False)
    return target


def train_bundle(root: Path) -> Path:
    """Bundle of a cohort of 60 patients, for attacks that need any bundle."""
    from pipeline.cli import main

    cohort = write_cohort(root / "cohort", patients=60, seed=1)
    (root / "mini.yaml").write_text(CONFIG, encoding="utf-8")
    bundle = root / "bundle"
    arguments = ["--cohort", str(cohort), "--config", str(root / "mini.yaml"), "--no-track"]
    if main(["train", *arguments, "--out", str(bundle), "--quiet"]) != 0:
        raise RuntimeError("the bundle of the mini cohort could not be trained")
    return bundle
