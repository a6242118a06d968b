"""A logistic regression per threshold and horizon on grade, worst grade and day: a comparator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.calibration import MIN_EVENT_PATIENTS, event_patients
from pipeline.model.logistic import fit_logistic, logit, penalty, sigmoid
from pipeline.model.stacked_rows import StackedRows

_RIDGE = 0.01  # per standardised column: a finite fit where the classes are separated
_DAY_HOURS = 24.0
Coefficients = Mapping[str, Mapping[str, tuple[float, ...]]]


@dataclass(frozen=True)
class PlainLogistic:
    """Fitted regressions.

    Attributes
    ----------
    columns : tuple of str
        Current grade and worst grade so far on the outcome's scale, where it is graded, and hours
        since time zero, which are used in days.
    filled : tuple of float
        Value of each column where it is unknown: the training mean.
    coefficients : mapping
        Threshold and horizon as text to the intercept and one coefficient per column.
    """

    columns: tuple[str, ...]
    filled: tuple[float, ...]
    coefficients: Coefficients

    def risk(self, matrix: FeatureMatrix, threshold: int, horizons: Sequence[float]) -> Floats:
        """Return the risk, shape (n_landmarks, n_horizons); NaN where nothing was fitted."""
        values = _columns(matrix, self.columns, self.filled)
        fitted = self.coefficients.get(str(threshold), {})
        result = np.full((len(values), len(horizons)), np.nan)
        for place, horizon in enumerate(horizons):
            theta = fitted.get(f"{horizon:g}")
            if theta is not None:
                result[:, place] = sigmoid(theta[0] + values @ np.asarray(theta[1:]))
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "columns": list(self.columns),
            "filled": list(self.filled),
            "coefficients": {
                threshold: {hours: list(theta) for hours, theta in table.items()}
                for threshold, table in self.coefficients.items()
            },
        }


def plain_logistic_from_dict(content: Mapping[str, Any]) -> PlainLogistic:
    """Rebuild the regressions stored with :meth:`PlainLogistic.to_dict`."""
    coefficients = {
        threshold: {hours: tuple(theta) for hours, theta in table.items()}
        for threshold, table in content["coefficients"].items()
    }
    return PlainLogistic(tuple(content["columns"]), tuple(content["filled"]), coefficients)


def fit_plain_logistic(
    matrix: FeatureMatrix,
    rows: StackedRows,
    grade: str | None,
    thresholds: Sequence[int],
    horizons: Sequence[float],
    *,
    patient: Ints,
) -> PlainLogistic:
    """Fit one regression per threshold and horizon, almost without a penalty.

    With fewer than five event patients, the regression is the event rate alone.

    Parameters
    ----------
    matrix : FeatureMatrix
    rows : StackedRows
        Labelled training rows, weighted for censoring.
    grade : str or None
        Column of the current grade; None for a cohort without grades: the day only.
    thresholds : sequence of int
    horizons : sequence of float
        Hours ahead.
    patient : ndarray of int, shape (n_landmarks,)
        ``Targets.patient``.

    Returns
    -------
    PlainLogistic

    Examples
    --------
    >>> from dataclasses import replace
    >>> import pandas as pd
    >>> from pipeline.features.names import group_meta
    >>> from pipeline.model.stacked_rows import query
    >>> hours, patient = np.repeat([24.0, 48.0], 20), np.arange(40)
    >>> time = group_meta("time", "hours", "host_product", "h", "")
    >>> landmarks = pd.DataFrame({"patient": patient, "hours": hours})
    >>> matrix, rows = FeatureMatrix(hours[:, None], (time,), landmarks), query(40, (24.0,), 3)
    >>> label = (patient % 20 < np.where(hours == 24.0, 10, 5)).astype(float)
    >>> rows = replace(rows, label=label, weight=np.ones(40))
    >>> model = fit_plain_logistic(matrix, rows, None, (3,), (24.0,), patient=patient)
    >>> model.risk(matrix.take(np.array([0, 39])), 3, (24.0,)).round(2).ravel().tolist()
    [0.5, 0.25]
    """
    columns = (*_grades(grade), "time__hours")
    used = np.unique(rows.landmark)
    raw = _columns(matrix, columns, (np.nan,) * len(columns))[used]
    known = ~np.isnan(raw)
    sums = np.where(known, raw, 0.0).sum(axis=0)
    filled = tuple((sums / np.maximum(known.sum(axis=0), 1)).tolist())
    values = _columns(matrix, columns, filled)
    coefficients: dict[str, dict[str, tuple[float, ...]]] = {}
    for threshold in thresholds:
        table: dict[str, tuple[float, ...]] = {}
        for horizon in horizons:
            part = rows.where((rows.threshold == threshold) & (rows.horizon == horizon))
            if len(part.label):
                table[f"{horizon:g}"] = tuple(_fit(values, part, patient))
        coefficients[str(threshold)] = table
    return PlainLogistic(columns, filled, coefficients)


def _grades(grade: str | None) -> tuple[str, ...]:
    return () if grade is None else (grade, f"{grade.removesuffix('__grade')}__worst")


def _columns(matrix: FeatureMatrix, columns: Sequence[str], filled: Sequence[float]) -> Floats:
    """Values of the columns, the time in days; unknown values are filled."""
    values = np.stack([matrix.column(name) for name in columns], axis=1)
    values[:, -1] /= _DAY_HOURS
    return np.where(np.isnan(values), np.asarray(filled), values)


def _fit(values: Floats, rows: StackedRows, patient: Ints) -> list[float]:
    """Intercept and coefficients on the scale of the columns."""
    count = values.shape[1]
    if event_patients(rows, patient) < MIN_EVENT_PATIENTS:
        rate = float(np.average(rows.label, weights=rows.weight))
        return [float(logit(np.clip(rate, 1e-6, 1.0 - 1e-6))), *[0.0] * count]
    part = values[rows.landmark]
    centre, scale = part.mean(axis=0), part.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    design = np.hstack([np.ones((len(part), 1)), (part - centre) / scale])
    theta = fit_logistic(
        np.zeros((len(part), 0)),
        design,
        np.arange(len(part)),
        rows.label,
        rows.weight,
        penalty([1e-6] + [_RIDGE] * count),
    )
    slopes = theta[1:] / scale
    return [float(theta[0] - slopes @ centre), *slopes.tolist()]
