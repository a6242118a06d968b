"""Flags doses outside the label of a drug (``dosing`` in ``drugs.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.ledger import Ledger, plain_number
from pipeline.cohort.schema import to_number
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.resources import schema_yaml

WEIGHT = "weight_kg"
_PER_KG = "mg/kg"


def flag_doses(table: pd.DataFrame, patients: pd.DataFrame, file: str, ledger: Ledger) -> None:
    """Flag doses that are too large, too small, too close together or too many.

    Parameters
    ----------
    table : DataFrame
        Timed doses: ``patient, drug, given_hours, dose_mg``; optional ``dose`` and ``unit``.
    patients : DataFrame
        One row per patient; ``weight_kg`` is optional.
    """
    for drug, entry in schema_yaml("drugs.yaml")["drugs"].items():
        rows = table.loc[table["drug"] == drug] if "dosing" in entry else table.iloc[:0]
        if rows.empty:
            continue
        reasons = implausible(rows, _weights(rows, patients), entry["name"], entry["dosing"])
        ledger.note(
            rows,
            reasons != "",
            file=file,
            column="dose" if "dose" in rows else "drug",
            code="dose_implausible",
            reason=reasons,
            remedy="Check dose, unit and time at the source; the dose is used as given.",
        )


def implausible(
    rows: pd.DataFrame, weight_kg: pd.Series, name: str, rule: Mapping[str, Any]
) -> pd.Series:
    """Reason per dose of one drug, "" for a plausible dose.

    Parameters
    ----------
    rows : DataFrame
        ``patient, given_hours, dose_mg``; optional ``dose`` and ``unit``.
    weight_kg : Series
        Per row, NaN where unknown.
    rule : mapping
        ``dosing`` of the drug.

    Examples
    --------
    >>> rows = pd.DataFrame({"patient": [0, 0], "given_hours": [24.0, 27.0],
    ...                      "dose_mg": [560.0, 1200.0]})
    >>> rule = schema_yaml("drugs.yaml")["drugs"]["tocilizumab"]["dosing"]
    >>> implausible(rows, pd.Series([70.0, np.nan]), "Tocilizumab", rule).tolist()
    ['', 'Tocilizumab 1200 mg is more than 800 mg; 3 h after the previous dose, not 8 h or more.']
    """
    amount, per_kg = rows["dose_mg"], _stated_per_kg(rows)
    amount = amount.fillna(per_kg * weight_kg)
    per_kg = per_kg.fillna(rows["dose_mg"] / weight_kg)
    light = weight_kg < rule["light_kg"]
    limits = rule["mg_per_kg"]
    heaviest = np.where(light | weight_kg.isna(), max(limits.values()), limits["other"])
    least = np.minimum(heaviest, min(limits.values())) / 2
    limits_broken = [
        (amount > rule["most_mg"], amount.map(_milligrams) + f" is more than {rule['most_mg']} mg"),
        (
            (per_kg > heaviest * (1 + rule["tolerance"])) & (weight_kg.notna() | amount.isna()),
            per_kg.map(_per_kg)
            + pd.Series(heaviest, rows.index).map(" is more than {:g} mg/kg".format),
        ),
        (
            (amount < rule["least_mg"]) | (per_kg < least),
            amount.map(_milligrams).where(amount.notna(), per_kg.map(_per_kg))
            + " is less than a usual dose",
        ),
    ]
    reasons = pd.Series("", index=rows.index, dtype="str")
    for mask, text in limits_broken:
        reasons = reasons.mask(mask & (reasons == ""), name + " " + text)
    for mask, text in _spacing(rows, rule):
        joined = reasons.where(reasons == "", reasons + "; ") + text
        reasons = reasons.mask(mask, joined.where(reasons != "", name + " is given " + text))
    return reasons.where(reasons == "", reasons + ".").astype("str")


def _spacing(rows: pd.DataFrame, rule: Mapping[str, Any]) -> list[tuple[pd.Series, pd.Series]]:
    """Masks with texts: doses too soon after the previous one, and doses beyond the maximum."""
    ordered = rows.sort_values(["patient", "given_hours"], kind="stable")
    hours = ordered.groupby("patient")["given_hours"]
    gap = hours.diff().reindex(rows.index)
    first = hours.shift(rule["most_doses"]).reindex(rows.index)
    many = rows["given_hours"] - first <= rule["within_hours"]
    close = gap < rule["apart_hours"]
    after = (
        gap.map("{:g}".format) + f" h after the previous dose, not {rule['apart_hours']} h or more"
    )
    count = f"more than {rule['most_doses']} times in {rule['within_hours'] // 24} days"
    return [(close, after), (many, pd.Series(count, index=rows.index))]


def _stated_per_kg(rows: pd.DataFrame) -> pd.Series:
    """Dose where its unit is milligrams per kilogram; NaN elsewhere."""
    if "dose" not in rows or "unit" not in rows:
        return pd.Series(np.nan, index=rows.index)
    unit = rows["unit"].astype("str").map(normalise_unit)
    return rows["dose"].astype("float64").where(unit.str.lower() == _PER_KG)


def _weights(rows: pd.DataFrame, patients: pd.DataFrame) -> pd.Series:
    """Weight per dose; NaN where the patients table states none."""
    if WEIGHT not in patients:
        return pd.Series(np.nan, index=rows.index)
    weight = to_number(patients[WEIGHT].astype("str")).to_numpy()
    return pd.Series(weight[rows["patient"].to_numpy()], index=rows.index).where(lambda kg: kg > 0)


def _milligrams(amount: float) -> str:
    return f"{plain_number(round(amount, 1))} mg" if np.isfinite(amount) else ""


def _per_kg(amount: float) -> str:
    return f"{plain_number(round(amount, 1))} mg/kg" if np.isfinite(amount) else ""
