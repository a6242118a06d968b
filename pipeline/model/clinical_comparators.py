"""Comparators without labs that are fitted with a model, calibrated as the model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.arrays import Bools, Floats, Ints
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.calibration import Calibration, calibration_from_dict, fit_calibration
from pipeline.model.linear import LinearMember, fit_linear
from pipeline.model.plain_logistic import (
    PlainLogistic,
    fit_plain_logistic,
    plain_logistic_from_dict,
)
from pipeline.model.stacked_rows import StackedRows

_STATE = "state"


@dataclass(frozen=True)
class ClinicalComparators:
    """Calibrations of the linear members used as comparators, and a plain regression.

    Attributes
    ----------
    calibrations : mapping
        By name of the member; a missing one is the identity, as in older bundles.
    plain : PlainLogistic or None
        None in older bundles.
    """

    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    plain: PlainLogistic | None = None

    def log_odds(self, member: LinearMember, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the calibrated log-odds of a member alone."""
        log_odds = member.log_odds(matrix, rows)
        line = self.calibrations.get(member.name)
        return log_odds if line is None else line.log_odds(log_odds, rows)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "calibrations": {name: line.to_dict() for name, line in self.calibrations.items()},
            "plain": None if self.plain is None else self.plain.to_dict(),
        }


def clinical_comparators_from_dict(content: Mapping[str, Any]) -> ClinicalComparators:
    """Rebuild comparators stored with :meth:`ClinicalComparators.to_dict`; {} for older bundles."""
    plain = content.get("plain")
    return ClinicalComparators(
        {
            name: calibration_from_dict(line)
            for name, line in content.get("calibrations", {}).items()
        },
        None if plain is None else plain_logistic_from_dict(plain),
    )


def fit_clinical_comparators(
    reference: LinearMember,
    others: Sequence[LinearMember],
    matrix: FeatureMatrix,
    rows: StackedRows,
    held_out: Sequence[Bools],
    reported: Sequence[int],
    ridge: float,
    *,
    patient: Ints,
) -> ClinicalComparators:
    """Calibrate each member on out-of-fold log-odds, and fit the plain regression.

    Parameters
    ----------
    reference : LinearMember
        Grade and day, fitted on all rows.
    others : sequence of LinearMember
        Members of the model; the clinical state is a comparator.
    matrix : FeatureMatrix
    rows : StackedRows
        Labelled training rows.
    held_out : sequence of ndarray of bool, shape (n_landmarks,)
        Landmarks of each inner fold; the members are refitted without them.
    reported : sequence of int
        Thresholds on which the calibration is fitted.
    ridge : float
        ``model.ridge_calibration``.
    patient : ndarray of int, shape (n_landmarks,)
        ``Targets.patient``.

    Returns
    -------
    ClinicalComparators
    """
    lines = {
        member.name: _line(member, matrix, rows, held_out, reported, ridge, patient)
        for member in (reference, *(other for other in others if other.name == _STATE))
    }
    grade, horizons = reference.design.grade, reference.knots
    plain = fit_plain_logistic(matrix, rows, grade, reported, horizons, patient=patient)
    return ClinicalComparators(lines, plain)


def _line(
    member: LinearMember,
    matrix: FeatureMatrix,
    rows: StackedRows,
    held_out: Sequence[Bools],
    reported: Sequence[int],
    ridge: float,
    patient: Ints,
) -> Calibration:
    log_odds = np.full(len(rows.landmark), np.nan)
    for fold in held_out:
        fitted = fit_linear(
            member.name, member.design, matrix, rows.of(~fold), member.knots, member.thresholds
        )
        log_odds[fold[rows.landmark]] = fitted.log_odds(matrix, rows.of(fold))
    kept = np.isin(rows.threshold, reported) & ~np.isnan(log_odds)
    return fit_calibration(
        log_odds[kept], rows.where(kept), member.knots, member.thresholds, ridge, patient=patient
    )
