"""Linear members: ridge logistic regressions on selected columns, monotone by bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.logistic import Penalty, fit_logistic, penalty, sigmoid
from pipeline.model.stacked_rows import StackedRows, cross, horizon_steps, threshold_steps

Z_LIMIT = 4.0
DAY_SCALE_HOURS = 336.0
LOGGED = frozenset({"hours_since_last", "hours_since_onset"})


_AT_BOUND = 1e-9


@dataclass(frozen=True)
class LinearDesign:
    """Columns of a linear member, their penalties and bounds.

    Attributes
    ----------
    columns : tuple of str
        Feature names; a name that ends in ``?`` is the indicator of a known value.
    ridge : tuple of float
        Penalty per column.
    sign : tuple of int
        +1 coefficient >= 0, -1 <= 0, 0 free.
    grade : str or None
        Column whose value interacts with horizon and threshold.
    ridge_context : float
        Penalty of the horizon and threshold terms.
    by_horizon : bool
        Whether the step between thresholds shrinks with the horizon; False where a bundle does not
        state it.
    """

    columns: tuple[str, ...]
    ridge: tuple[float, ...]
    sign: tuple[int, ...]
    grade: str | None
    ridge_context: float
    by_horizon: bool = True


@dataclass(frozen=True)
class LinearMember:
    """A fitted linear member.

    Attributes
    ----------
    coefficients : ndarray, shape (1 + n_bootstrap, p + q)
        First row: fit on all patients; other rows: patient bootstrap refits.
    """

    name: str
    design: LinearDesign
    centre: Floats
    scale: Floats
    knots: tuple[float, ...]
    thresholds: tuple[int, ...]
    coefficients: Floats

    def log_odds(self, matrix: FeatureMatrix, rows: StackedRows, draw: int = 0) -> Floats:
        """Return the log-odds of each stacked row for one set of coefficients.

        Summed without BLAS, whose rounding of a row depends on the other rows.
        """
        features = self._standardised(matrix)
        context = _context(matrix, rows, self.design, self.knots, self.thresholds)
        own, terms = np.split(self.coefficients[draw], [features.shape[1]])
        return np.asarray((features * own).sum(axis=1)[rows.landmark] + (context * terms).sum(1))

    def all_log_odds(
        self, matrix: FeatureMatrix, rows: StackedRows, draws: slice = slice(None)
    ) -> Floats:
        """Return the log-odds of each draw, shape (n_rows, n_draws)."""
        features = self._standardised(matrix)
        context = _context(matrix, rows, self.design, self.knots, self.thresholds)
        theta = self.coefficients[draws]
        size = features.shape[1]
        return np.asarray(
            (features @ theta[:, :size].T)[rows.landmark] + context @ theta[:, size:].T
        )

    def column_log_odds(self, matrix: FeatureMatrix) -> Floats:
        """Return what each column adds to the log-odds of the training mean, by landmark."""
        features = self._standardised(matrix)
        return np.asarray(features * self.coefficients[0, : features.shape[1]])

    def context_log_odds(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the log-odds of each intercept, horizon and threshold term, by stacked row."""
        context = _context(matrix, rows, self.design, self.knots, self.thresholds)
        return np.asarray(context * self.coefficients[0, len(self.design.columns) :])

    def design_matrix(self, matrix: FeatureMatrix, rows: StackedRows) -> tuple[Floats, Penalty]:
        """Return the design matrix, one line per stacked row, and the limits of coefficients."""
        context = _context(matrix, rows, self.design, self.knots, self.thresholds)
        limits = _limits(self.design, context.shape[1], self.knots, self.thresholds)
        return np.hstack([self._standardised(matrix)[rows.landmark], context]), limits

    def _standardised(self, matrix: FeatureMatrix) -> Floats:
        return _standardise(_raw(matrix, self.design.columns), self.centre, self.scale)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "columns": list(self.design.columns),
            "ridge": list(self.design.ridge),
            "sign": list(self.design.sign),
            "grade": self.design.grade,
            "ridge_context": self.design.ridge_context,
            "by_horizon": self.design.by_horizon,
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "knots": list(self.knots),
            "thresholds": list(self.thresholds),
            "coefficients": self.coefficients.tolist(),
        }


def linear_from_dict(content: Mapping[str, Any]) -> LinearMember:
    """Rebuild a member stored with :meth:`LinearMember.to_dict`."""
    design = LinearDesign(
        tuple(content["columns"]),
        tuple(content["ridge"]),
        tuple(content["sign"]),
        content["grade"],
        content["ridge_context"],
        content.get("by_horizon", False),
    )
    return LinearMember(
        content["name"],
        design,
        np.asarray(content["centre"], dtype=float),
        np.asarray(content["scale"], dtype=float),
        tuple(content["knots"]),
        tuple(content["thresholds"]),
        np.asarray(content["coefficients"], dtype=float),
    )


def fit_linear(
    name: str,
    design: LinearDesign,
    matrix: FeatureMatrix,
    rows: StackedRows,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
    *,
    resample: Floats | None = None,
) -> LinearMember:
    """Fit one linear member.

    Parameters
    ----------
    name : str
    design : LinearDesign
    matrix : FeatureMatrix
    rows : StackedRows
        Labelled training rows.
    knots : tuple of float
        Horizons in hours between which the log-odds are linear in log horizon.
    thresholds : tuple of int
        Ascending grades.
    resample : ndarray, shape (n_bootstrap, n_landmarks), optional
        How often each landmark's patient is drawn in each bootstrap sample.

    Returns
    -------
    LinearMember
    """
    raw = _raw(matrix, design.columns)
    used = np.unique(rows.landmark)
    centre, scale = _moments(raw[used])
    features = _standardise(raw, centre, scale)
    context = _context(matrix, rows, design, knots, thresholds)
    limits = _limits(design, context.shape[1], knots, thresholds)
    best = fit_logistic(features, context, rows.landmark, rows.label, rows.weight, limits)
    fits = [best]
    for times in resample if resample is not None else ():
        weight = rows.weight * times[rows.landmark]
        fits.append(
            fit_logistic(features, context, rows.landmark, rows.label, weight, limits, start=best)
        )
    return LinearMember(name, design, centre, scale, knots, thresholds, np.array(fits))


def _raw(matrix: FeatureMatrix, columns: tuple[str, ...]) -> Floats:
    position = {name: number for number, name in enumerate(matrix.names)}
    result = np.empty((len(matrix.values), len(columns)))
    for number, column in enumerate(columns):
        name = column.rstrip("?")
        values = matrix.values[:, position[name]]
        if column.endswith("?"):
            values = (~np.isnan(values)).astype(float)
        elif name.split("__")[1] in LOGGED:
            values = np.log1p(np.maximum(values, 0.0))
        result[:, number] = values
    return result


def _standardise(raw: Floats, centre: Floats, scale: Floats) -> Floats:
    """Standardise; unknown values get the training mean, others are clipped to four SD."""
    return np.nan_to_num(np.clip((raw - centre) / scale, -Z_LIMIT, Z_LIMIT), nan=0.0)


def _context(
    matrix: FeatureMatrix,
    rows: StackedRows,
    design: LinearDesign,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
) -> Floats:
    """Intercept, then horizon and threshold steps in every context, then both together.

    Horizon steps interact with day and grade. Threshold steps interact with the grade; without a
    grade column, they interact with the day, the only other sign of how near a grade is. Within a
    day, first events are mostly of low grade; within a week, more of them reach a high one. The
    step between thresholds is therefore largest at the shortest horizon. Coefficients are at most
    0, so the risk rises with the horizon and falls with the threshold.
    """
    day = np.clip(matrix.column("time__hours") / DAY_SCALE_HOURS, 0.0, 1.0)
    contexts = stages = np.stack([1.0 - day, day], axis=1)
    if design.grade is not None:
        worse = np.nan_to_num(np.clip(matrix.column(design.grade) / 3.0, 0.0, 1.0))
        stages = np.stack([1.0 - worse, worse], axis=1)
        contexts = cross(contexts, stages)
    rise, fall = horizon_steps(rows.horizon, knots), threshold_steps(rows.threshold, thresholds)
    stage = stages[rows.landmark]
    parts = [np.ones((len(rows.landmark), 1)), cross(rise, contexts[rows.landmark])]
    parts.append(cross(fall, stage))
    if design.by_horizon:
        parts.append(cross(cross(fall, 1.0 - rise), stage))
    return np.hstack(parts)


def _limits(
    design: LinearDesign, n_context: int, knots: tuple[float, ...], thresholds: tuple[int, ...]
) -> Penalty:
    rising = (len(knots) - 1) * (2 if design.grade is None else 4)
    falling = (len(thresholds) - 1) * 2
    falling *= len(knots) if design.by_horizon else 1
    if 1 + rising + falling != n_context:
        raise AssertionError("context columns and bounds disagree")
    sign = np.asarray(design.sign)
    free = np.inf
    return penalty(
        np.concatenate([design.ridge, [0.0], np.full(n_context - 1, design.ridge_context)]),
        lower=np.concatenate(
            [np.where(sign > 0, 0.0, -free), [-free], np.zeros(rising), np.full(falling, -free)]
        ),
        upper=np.concatenate(
            [np.where(sign < 0, 0.0, free), [free], np.full(rising, free), np.zeros(falling)]
        ),
    )


def effective_parameters(member: LinearMember, matrix: FeatureMatrix, rows: StackedRows) -> float:
    """Effective number of parameters: the trace of ``H (H + R)^-1`` at the fit.

    H is the weighted information of the stacked rows, R the ridge penalties (Gray,
    10.1080/01621459.1992.10476248). Coefficients at a bound are excluded. Rows of the same patient
    are treated as independent, so the figure is an upper bound.

    Parameters
    ----------
    member : LinearMember
    matrix : FeatureMatrix
        Training features of the member.
    rows : StackedRows
        Training rows of the member.

    Returns
    -------
    float

    Examples
    --------
    Without a penalty, the intercept is one whole parameter:

    >>> import pandas as pd
    >>> from pipeline.model.stacked_rows import query
    >>> design = LinearDesign((), (), (), None, ridge_context=1.0)
    >>> landmarks = pd.DataFrame({"patient": [0, 1], "hours": 24.0})
    >>> matrix = FeatureMatrix(np.empty((2, 0)), (), landmarks)
    >>> rows = query(2, (24.0,), 3)
    >>> rows.label[:], rows.weight[:] = [0.0, 1.0], 1.0
    >>> member = fit_linear("day", design, matrix, rows, (24.0,), (3,))
    >>> round(effective_parameters(member, matrix, rows), 6)
    1.0
    """
    design, limits = member.design_matrix(matrix, rows)
    theta = member.coefficients[0]
    risk = sigmoid(design @ theta)
    free = (theta > limits.lower + _AT_BOUND) & (theta < limits.upper - _AT_BOUND)
    kept = design[:, free]
    information = kept.T @ (kept * (rows.weight * risk * (1.0 - risk))[:, None])
    penalised = information + np.diag(limits.ridge[free])
    return float(np.trace(np.linalg.pinv(penalised) @ information))


def _moments(raw: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the known values; 0 and 1 if there are none."""
    known = ~np.isnan(raw)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, raw, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, raw - centre, 0.0) ** 2).sum(axis=0) / count)
    return centre, np.where(spread > 1e-9, spread, 1.0)
