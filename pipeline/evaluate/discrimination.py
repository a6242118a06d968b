"""AUROC with its interval and a paired difference, for any choice of rows, groups and weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.evaluate import metrics
from pipeline.evaluate.intervals import estimate, interval, number
from pipeline.evaluate.scored_rows import Scores

COUNTS = ("n", "n_patients", "n_events", "n_event_patients")
AREA = ("auroc", "auroc_lo", "auroc_hi")
TOO_FEW = "too few patients with, or without, the event"
DIFFERENCE = ("diff_auroc", "diff_lo", "diff_hi")


def known_rows(scores: Scores, number_: int, *risks: Floats) -> Ints:
    """Rows whose label at a horizon and all given risks are known."""
    known = ~np.isnan(scores.label[:, number_])
    for risk in risks:
        known &= ~np.isnan(risk)
    return np.flatnonzero(known)


def counts(label: Floats, patient: Ints, repeats: int) -> dict[str, Any]:
    """How many landmarks and patients there are, with and without the event."""
    return {
        "n": round(len(label) / repeats),
        "n_patients": len(np.unique(patient)),
        "n_events": round(float(label.sum()) / repeats),
        "n_event_patients": len(np.unique(patient[label == 1])),
    }


def estimable(label: Floats, patient: Ints, minimum: int) -> bool:
    """Whether enough patients have the event, and enough have landmarks without it.

    Examples
    --------
    >>> estimable(np.array([1.0, 0.0]), np.array([0, 1]), 1)
    True
    """
    return all(len(np.unique(patient[label == value])) >= minimum for value in (0, 1))


def is_constant(cell: Mapping[str, Any]) -> bool:
    """Whether a score ranks nobody, so that being compared with it is no comparison.

    The current grade is such a score for an outcome from grade 1 on: at risk, all have grade 0.

    Examples
    --------
    >>> is_constant({"auroc": 0.5, "auroc_lo": 0.5, "auroc_hi": 0.5}), is_constant({"auroc": 0.5})
    (True, False)
    """
    return bool(cell.get("auroc") == cell.get("auroc_lo") == cell.get("auroc_hi") == 0.5)


def area_cell(
    label: Floats,
    score: Floats,
    patient: Ints,
    group: Ints,
    weight: Floats,
    *,
    repeats: int,
    minimum: int,
    against: Floats | None = None,
) -> dict[str, Any]:
    """Counts and AUROC of one score; with ``against``, that score's AUROC minus this one's.

    Parameters
    ----------
    group : ndarray of int
        Scores are ranked within groups only.
    weight : ndarray, shape (n_rows, n_draws)
        First column the sample, the others bootstrap draws of patients.
    minimum : int
        Below this many event patients (or patients without the event) figures are None.
    against : ndarray, optional
        The score of the model on the same rows.
    """
    result: dict[str, Any] = counts(label, patient, repeats)
    result.update(dict.fromkeys(AREA if against is None else (*AREA, *DIFFERENCE)))
    if not estimable(label, patient, minimum):
        return result
    area = metrics.auroc(label, score, weight, group)
    result.update(estimate(area, "auroc"))
    if against is not None:
        difference = metrics.auroc(label, against, weight, group) - area
        result["diff_auroc"] = number(difference[0])
        result["diff_lo"], result["diff_hi"] = interval(difference)
    return result
