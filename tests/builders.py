"""Small cohorts from plain rows, for tests of every room."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.patients import finish_patients
from pipeline.cohort.result_versions import order_versions, status_columns
from pipeline.cohort.tables import Cohort, empty_cohort
from pipeline.config import Config
from pipeline.features.spec import FeatureSpec, HostColumn
from pipeline.features.statistics import DEFAULT

LAB_FIELDS = ["patient", "analyte", "value", "collected_hours", "resulted_hours", "side", "status"]


def lab(patient, analyte, value, collected, resulted=None, side=0, status="final"):
    """One version of a lab result; resulted when it was collected unless stated."""
    return (
        patient,
        analyte,
        value,
        collected,
        collected if resulted is None else resulted,
        side,
        status,
    )


def make_cohort(
    n_patients=1, labs=(), assessments=(), treatments=(), observations=(), patients=None
) -> Cohort:
    """Cohort from rows.

    ``labs`` as :func:`lab` gives them; ``assessments`` as (patient, scale, grade, hours);
    ``treatments`` as (patient, drug, hours[, intent[, dose_mg]]);
    ``observations`` as (patient, item, value, hours);
    ``patients`` maps a column to one value per patient.
    """
    blank = empty_cohort([f"P{number:03d}" for number in range(n_patients)])
    table = blank.patients.assign(**(patients or {}))
    cohort = Cohort(
        table,
        lab_table(labs),
        events_table(
            blank.treatments,
            [(*row, *("therapy", np.nan)[len(row) - 3 :]) for row in treatments],
            "given_hours",
        ),
        events_table(
            blank.observations,
            [(patient, item, value, hours) for patient, item, value, hours in observations],
            "observed_hours",
        ),
        events_table(blank.assessments, list(assessments), "assessed_hours"),
    )
    return finish_patients(cohort)


def lab_table(rows) -> pd.DataFrame:
    """Sorted labs with the hour at which each version is superseded."""
    raw = pd.DataFrame(list(rows), columns=LAB_FIELDS)
    raw = raw.astype(
        {
            "patient": np.intp,
            "analyte": "str",
            "status": "str",
            "value": float,
            "collected_hours": float,
            "resulted_hours": float,
            "side": np.int8,
        }
    )
    return order_versions(status_columns(raw))


def events_table(like: pd.DataFrame, rows, clock: str) -> pd.DataFrame:
    """Rows in the columns and types of ``like``, sorted by patient and clock."""
    table = pd.DataFrame(rows, columns=like.columns).astype(like.dtypes.to_dict())
    return table.sort_values(["patient", clock], kind="stable", ignore_index=True)


def at(*moments, source="grid", weight=1.0) -> pd.DataFrame:
    """Landmarks from (patient, hours) pairs."""
    table = pd.DataFrame(list(moments), columns=["patient", "hours"])
    table = table.astype({"patient": np.intp, "hours": float})
    return table.assign(source=source, weight=weight)


def make_spec(
    analytes=("crp", "albumin"),
    windows=(24.0, 72.0, 168.0),
    scales=("crs", "icans"),
    drugs=("corticosteroid", "il6_receptor_blocker"),
    host=(),
    statistics=DEFAULT,
    effects=(),
    channels=(),
    treatment_statistics=("given", "hours_since_last", "n_doses"),
) -> FeatureSpec:
    """Feature spec with the defaults of the configuration."""
    return FeatureSpec(
        analytes=tuple(dictionary()[key] for key in analytes),
        windows_hours=windows,
        baseline_from_hours=-168.0,
        min_slope_span_hours=6.0,
        grade_valid_hours=36.0,
        below_limit_factor=0.5,
        state_scales=scales,
        drug_classes=drugs,
        host=tuple(HostColumn(*column) for column in host),
        statistics=statistics,
        drug_effects=effects,
        channels=channels,
        treatment_statistics=treatment_statistics,
    )


def make_config(**model) -> Config:
    """Settings of a small, quick severe-CRS model; keyword arguments override ``model``."""
    quick = {"booster_rounds": 25, "bootstrap_members": 6, "inner_folds": 3, **model}
    outcome = {"scale": "crs", "threshold": 3, "label": "Severe CRS"}
    return Config.model_validate({"outcomes": {"severe_crs": outcome}, "model": quick})


def course_cohort(n_patients=60, days=7, seed=0, graded=True) -> Cohort:
    """Patients on a random walk that drives CRP, ferritin and, a day later, the CRS grade."""
    random = np.random.default_rng(seed)
    labs, assessments = [], []
    for patient in range(n_patients):
        level = random.normal(0.0, 0.6)
        for day in range(1, days + 1):
            level += random.normal(0.15, 0.6)
            hour = 24.0 * day - 14.0
            if random.random() < 0.9:
                value = float(np.exp(3.0 + 0.8 * level + random.normal(0, 0.2)))
                labs.append(lab(patient, "crp", value, hour, hour + 4.0))
            if random.random() < 0.7:
                value = float(np.exp(6.5 + 0.9 * level + random.normal(0, 0.3)))
                labs.append(lab(patient, "ferritin", value, hour, hour + 6.0))
            grade = int(np.clip(np.floor(level + random.normal(0.4, 0.3)), 0, 4))
            if graded and random.random() < 0.9:
                assessments.append((patient, "crs", grade, 24.0 * day - 0.1))
    ends = {
        "record_end_hours": np.full(n_patients, 24.0 * days),
        "followed_until_hours": random.choice([24.0 * days, 600.0], n_patients, p=[0.2, 0.8]),
        "age_years": random.integers(20, 80, n_patients).astype(float),
    }
    return make_cohort(n_patients, labs, assessments, patients=ends)
