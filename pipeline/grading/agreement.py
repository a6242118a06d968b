"""Charted against derived grades: where they differ, how often they agree, weighted kappa."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.grading import grading_rules

_HIGHEST = 5


@dataclass(frozen=True)
class Agreement:
    """Agreement on one scale.

    Attributes
    ----------
    charted, compared, equal : int
        Charted grades; those with a derived grade of the same assessment; equal pairs.
    kappa : float
        Quadratically weighted kappa; NaN where all grades are the same.
    """

    scale: str
    charted: int
    compared: int
    equal: int
    kappa: float


def compare(
    charted: pd.DataFrame, derived: pd.DataFrame, together_hours: float
) -> tuple[pd.DataFrame, list[Agreement]]:
    """Pair every charted grade with the nearest derived one and list those that differ.

    Parameters
    ----------
    charted : DataFrame
        ``Cohort.assessments``.
    derived : DataFrame
        As :func:`pipeline.grading.derived_grades.derive_grades` gives it.
    together_hours : float
        Pairs further apart than this are not compared.

    Returns
    -------
    disagreements : DataFrame
        ``patient, scale, charted_hours, charted, derived_hours, derived, domain, confidence,
        missing, note``; grade 5 is never derived, so a charted 5 is compared as 4.
    summary : list of Agreement
    """
    differing, summary = [], []
    for scale in grading_rules.SCALES:
        rows = charted.loc[charted["scale"] == scale].rename(
            columns={"grade": "charted", "assessed_hours": "charted_hours"}
        )
        pairs = _paired(rows, derived.loc[derived["scale"] == scale], together_hours)
        both = pairs.loc[pairs["derived"].notna()]
        one = np.minimum(both["charted"].to_numpy(dtype=float), _HIGHEST - 1)
        other = both["derived"].to_numpy(dtype=float)
        equal = one == other
        differing.append(both.loc[~equal])
        kappa = weighted_kappa(one, other)
        summary.append(Agreement(scale, len(rows), len(both), int(equal.sum()), kappa))
    return pd.concat(differing, ignore_index=True), summary


def weighted_kappa(first: Floats, second: Floats) -> float:
    """Cohen's kappa with quadratic weights (10.1037/h0026256); NaN where it is not defined.

    Examples
    --------
    >>> weighted_kappa(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]))
    1.0
    """
    if len(first) == 0:
        return float("nan")
    observed = float(np.mean((first - second) ** 2))
    by_chance = float(np.mean((first[:, None] - np.unique(second)[None, :]) ** 2 @ _share(second)))
    return 1.0 - observed / by_chance if by_chance > 0 else float("nan")


def _share(values: Floats) -> Floats:
    return np.asarray(np.unique(values, return_counts=True)[1] / len(values))


def _paired(charted: pd.DataFrame, derived: pd.DataFrame, together_hours: float) -> pd.DataFrame:
    left = charted.sort_values("charted_hours", kind="stable")
    right = derived.drop(columns="scale").rename(
        columns={"grade": "derived", "assessed_hours": "derived_hours"}
    )
    pairs = pd.merge_asof(
        left,
        right.sort_values("derived_hours", kind="stable"),
        left_on="charted_hours",
        right_on="derived_hours",
        by="patient",
        direction="nearest",
        tolerance=together_hours,  # type: ignore[arg-type]
    )
    return pairs.sort_values(["patient", "charted_hours"], kind="stable", ignore_index=True)[
        [
            "patient", "scale", "charted_hours", "charted", "derived_hours", "derived",
            "domain", "confidence", "missing", "note",
        ]
    ]  # fmt: skip
