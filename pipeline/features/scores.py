"""Computes the composite scores of ``data_schema/scores.yaml`` at each landmark.

Inputs come from the feature matrix, so scores use the same visible results as the model and none
resulted at or after the landmark. A score that cannot be computed is NaN with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.cohort.analytes import Analyte, dictionary
from pipeline.features.names import FeatureMeta, feature_name
from pipeline.features.score_definitions import (
    GROUP,
    PREFIX,
    Score,
    check_names,
    score_label,
    score_unit,
    scores,
    unit_factor,
)

if TYPE_CHECKING:
    from pipeline.features.matrix import FeatureMatrix
    from pipeline.features.spec import FeatureSpec


AGE = "host__age_years"
_DIGITS = 9  # undoes the rounding of log2 and back, so that a value on a cut stays on it


def score_meta(spec: FeatureSpec) -> list[FeatureMeta]:
    """Metadata of the columns that :func:`score_features` returns, in order.

    Each score is its own player and belongs to one pathway; ``words`` lists its analytes.
    """
    return [_meta(scores()[name]) for name in spec.scores]


@dataclass(frozen=True)
class ScoreTable:
    """Scores of landmarks; one column per score, rows as in the matrix.

    Attributes
    ----------
    values : DataFrame of float
        NaN where the score cannot be computed.
    reasons : DataFrame of str
        Why the score cannot be computed; empty where it can.
    flags : DataFrame of str
        Whether an input was raised to its floor or is at a detection limit; empty if neither.
    """

    values: pd.DataFrame
    reasons: pd.DataFrame
    flags: pd.DataFrame


def score_values(matrix: FeatureMatrix, names: Iterable[str] | None = None) -> ScoreTable:
    """Compute scores at every landmark of a feature matrix.

    Call this before ``hours_since_last`` is clipped to the range of a training cohort.

    Parameters
    ----------
    matrix : FeatureMatrix
        With ``<analyte>__last``, ``<analyte>__hours_since_last`` and ``<analyte>__baseline`` of
        the inputs, and ``host__age_years`` for scores by age. A score whose columns are missing
        is NaN with that reason.
    names : iterable of str, optional
        Scores to compute; all by default.

    Returns
    -------
    ScoreTable

    Raises
    ------
    UsageError
        If a name is not in ``scores.yaml``.

    Examples
    --------
    >>> from pipeline.features.matrix import FeatureMatrix
    >>> from pipeline.features.names import analyte_meta
    >>> metas = [
    ...     analyte_meta(dictionary()[key], statistic, None)
    ...     for key in ("ldh", "platelets")
    ...     for statistic in ("last", "hours_since_last")
    ... ]
    >>> values = np.array([[np.log2(800.0), 5.0, np.log2(100.0), 5.0], [9.0, 5.0, 6.0, 60.0]])
    >>> landmarks = pd.DataFrame({"patient": [0, 0], "hours": [24.0, 96.0]})
    >>> table = score_values(FeatureMatrix(values, tuple(metas), landmarks), ["s_easix"])
    >>> table.values["s_easix"].tolist(), table.reasons["s_easix"].tolist()
    ([3.0, nan], ['', 'Platelets older than 48 h'])
    """
    chosen = check_names(scores() if names is None else names)
    columns = {name: _compute(scores()[name], matrix) for name in chosen}
    frames = [
        pd.DataFrame({name: column[part] for name, column in columns.items()}) for part in range(3)
    ]
    return ScoreTable(*frames)


def score_features(matrix: FeatureMatrix, spec: FeatureSpec) -> Floats:
    """Compute the scores that the model uses, shape (n_landmarks, n_scores)."""
    return score_values(matrix, spec.scores).values.to_numpy(dtype=float)


def upper_limit_of_age(analyte: Analyte, age_years: Floats) -> Floats:
    """Upper reference limit at an age, log-linear between the midpoints of the age bands.

    NaN below the youngest band; above the oldest band, its limit is used.

    Examples
    --------
    >>> upper_limit_of_age(dictionary()["nfl"], np.array([22.0, 42.0, 90.0])).round(1).tolist()
    [10.4, 17.3, 54.3]
    """
    bands = sorted(analyte.reference_by_age)
    # the last band is open-ended: two years after its start are used as its midpoint
    middle = [(first + min(last, first + 4)) / 2 for first, last, _ in bands]
    limit = np.exp(np.interp(age_years, middle, np.log([high for *_, high in bands])))
    return np.where(age_years >= bands[0][0], limit, np.nan)


class _Inputs:
    """Reads the inputs of one score and records why rows are refused."""

    def __init__(self, score: Score, matrix: FeatureMatrix) -> None:
        self.score, self.matrix = score, matrix
        self.units = {meta.name: meta.unit for meta in matrix.metas}
        self.reason = np.full(len(matrix.values), "", dtype=object)
        self.flag = np.full(len(matrix.values), "", dtype=object)

    def refuse(self, where: np.ndarray | bool, reason: str) -> None:
        """Record a reason for the rows that have none yet."""
        self.reason[where & (self.reason == "")] = reason

    def read(self, key: str) -> Floats:
        """Return one input in the unit of the formula; NaN where it is missing."""
        analyte, column = dictionary()[key], f"{key}__{self.score.at}"
        everywhere = np.ones(len(self.reason), dtype=bool)
        if column not in self.units:
            self.refuse(everywhere, f"{analyte.short} not measured in this cohort")
            return np.full(len(self.reason), np.nan)
        logged = self.units[column] == f"log2({analyte.unit})"
        if not logged and self.units[column] != analyte.unit:
            self.refuse(
                everywhere, f"{analyte.short} is in '{self.units[column]}', not in {analyte.unit}"
            )
            return np.full(len(self.reason), np.nan)
        value = self.matrix.column(column)
        value = np.round(np.exp2(value) if logged else value, _DIGITS)
        before = " before time zero" if self.score.at == "baseline" else ""
        self.refuse(np.isnan(value), f"{analyte.short} not measured{before}")
        self._refuse_stale(key, analyte)
        return self._floored(key, analyte, value * unit_factor(analyte, self.score.inputs[key]))

    def _refuse_stale(self, key: str, analyte: Analyte) -> None:
        limit = self.score.stale_hours
        if limit is not None:
            age = self.matrix.column(f"{key}__hours_since_last")
            self.refuse(~(age <= limit), f"{analyte.short} older than {limit:g} h")

    def _floored(self, key: str, analyte: Analyte, value: Floats) -> Floats:
        unit = self.score.inputs[key]
        if key in self.score.floors:
            floor = self.score.floors[key]
            self._note(value <= floor, f"{analyte.short} counted as {floor:g} {unit}, its floor")
            value = np.where(np.isnan(value), np.nan, np.maximum(value, floor))
        self.refuse(value < 0, f"{analyte.short} is negative")
        at_limit = self.matrix.column(f"{key}__last_censored")
        if self.score.at == "last":
            self._note(np.abs(at_limit) > 0, f"{analyte.short} at a detection limit")
        return value

    def age(self) -> Floats:
        """Return age in years."""
        value = self.matrix.column(AGE)
        self.refuse(np.isnan(value), "age not known")
        return value

    def blocked(self) -> None:
        """Refuse rows after a drug that changes the meaning of an input."""
        for name in self.score.not_after:
            given = self.matrix.column(f"treat_{name}__given") > 0
            self.refuse(given, f"not comparable after {name.replace('_', ' ')}")

    def _note(self, where: np.ndarray, flag: str) -> None:
        self.flag[where] = [f"{text}; {flag}" if text else flag for text in self.flag[where]]

    def result(self, value: Floats) -> tuple[Floats, np.ndarray, np.ndarray]:
        """Return value, reason and flag; a value with a reason is NaN."""
        self.refuse(~np.isfinite(value), "an input is not positive")
        usable = self.reason == ""
        return np.where(usable, value, np.nan), self.reason, np.where(usable, self.flag, "")


def _meta(score: Score) -> FeatureMeta:
    subject = f"{PREFIX}{score.key}"
    return FeatureMeta(
        name=feature_name(subject, score.at),
        subject=subject,
        statistic=score.at,
        window_hours=None,
        group=GROUP,
        player=subject,
        pathway=score.pathway,
        unit=score_unit(score),
        words=f"{score_label(score)}: {score.formula}",
        label=score_label(score),
        section=GROUP,
        entry=score.at,
    )


def _compute(score: Score, matrix: FeatureMatrix) -> tuple[Floats, np.ndarray, np.ndarray]:
    if score.kind == "threshold":
        value, reason, flag = _compute(scores()[score.rule["of"]], matrix)
        return np.where(np.isnan(value), np.nan, value > score.rule["cut"]), reason, flag
    inputs = _Inputs(score, matrix)
    inputs.blocked()
    values = {key: inputs.read(key) for key in score.inputs}
    if score.kind == "ratio":
        return inputs.result(_ratio(score, values))
    if score.kind == "points":
        return inputs.result(_points(score, values))
    return inputs.result(_age_z(score, values, inputs))


def _ratio(score: Score, values: Mapping[str, Floats]) -> Floats:
    """Log2 of the product of ``above`` over that of ``below``; NaN unless both are positive."""
    above = np.prod([values[key] for key in score.rule["above"]], axis=0)
    below = np.prod([values[key] for key in score.rule["below"]], axis=0)
    positive = (above > 0) & (below > 0)
    ratio = np.divide(above, below, out=np.full(len(above), np.nan), where=positive)
    return np.asarray(np.log2(ratio))


def _points(score: Score, values: Mapping[str, Floats]) -> Floats:
    """Sum of the points of all inputs; the first step that applies gives the points."""
    total = np.zeros(len(next(iter(values.values()))))
    for key, value in values.items():
        total += _steps(value, score.rule["points"][key])
    return total


def _steps(value: Floats, steps: Sequence[Mapping[str, float]]) -> Floats:
    fits = [
        value > step["above"] if "above" in step else value >= step.get("from", -np.inf)
        for step in steps
    ]
    points = np.select(fits, [float(step["points"]) for step in steps], default=np.nan)
    return np.asarray(points, dtype=float)


def _age_z(score: Score, values: Mapping[str, Floats], inputs: _Inputs) -> Floats:
    """Z-score on the log scale from the upper limit at the patient's age."""
    (key,) = score.inputs
    age = inputs.age()
    limit = upper_limit_of_age(dictionary()[key], age)
    inputs.refuse(np.isnan(limit), "no reference at this age")
    positive = values[key] > 0
    ratio = np.divide(values[key], limit, out=np.full(len(limit), np.nan), where=positive)
    return np.asarray(score.rule["upper_limit_z"] + np.log(ratio) / score.rule["log_sd"])
