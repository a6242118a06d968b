"""Background of explanations: prototypes of the same day, each the mean of several patients.

Microaggregation (MDAV, Domingo-Ferrer and Torra, 10.1007/s10618-005-0007-5) groups similar
patients of a day. A bundle holds only the mean of each group, so it contains no patient's row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.features.landmarks import landmark_days, neighbourhood
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta

MIN_PATIENTS = 5
MAX_PROTOTYPES = 30
_DIGITS = 4
_MISSING = "-"


@dataclass(frozen=True)
class Prototypes:
    """Prototypes of one day.

    Attributes
    ----------
    patients : ndarray, shape (n_prototypes,)
        Number of patients in each mean; used as weights.
    values : ndarray, shape (n_prototypes, n_columns)
        NaN where the column is missing for most of these patients.
    """

    patients: Floats
    values: Floats


@dataclass(frozen=True)
class Background:
    """Prototypes by day since time zero."""

    columns: tuple[str, ...]
    days: Mapping[int, Prototypes]

    def of_day(self, hours: float) -> Prototypes:
        """Return the prototypes of the landmark's day, or of the nearest day that has any."""
        day = np.floor(hours / 24.0 + 1e-9)
        return self.days[min(self.days, key=lambda known: (abs(known - day), known))]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; each prototype is one line of numbers."""
        return {
            "columns": list(self.columns),
            "days": {
                str(day): {
                    "patients": item.patients.astype(int).tolist(),
                    "values": [_line(row) for row in item.values],
                }
                for day, item in self.days.items()
            },
        }


def background_from_dict(content: Mapping[str, Any]) -> Background:
    """Rebuild a background stored with :meth:`Background.to_dict`."""
    columns = tuple(content["columns"])
    return Background(
        columns,
        {
            int(day): Prototypes(
                np.asarray(item["patients"], dtype=float),
                np.array([_numbers(line) for line in item["values"]]).reshape(-1, len(columns)),
            )
            for day, item in content["days"].items()
        },
    )


def learn_background(
    matrix: FeatureMatrix,
    at_risk: np.typing.NDArray[np.bool_],
    patient: Ints,
    columns: Sequence[str],
) -> Background:
    """Learn prototypes for every day with landmarks at risk.

    A day with fewer than 30 patients also uses neighbouring days. Each patient is used once per
    day, with the landmark nearest to midday.

    Parameters
    ----------
    matrix : FeatureMatrix
    at_risk : ndarray of bool, shape (n_landmarks,)
    patient : ndarray of int, shape (n_landmarks,)
    columns : sequence of str
        Features of a prototype; ``time__hours`` is dropped, as the query gives it.

    Returns
    -------
    Background

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.features.names import analyte_meta
    >>> landmarks = pd.DataFrame({"patient": np.arange(10), "hours": 36.0})
    >>> meta = analyte_meta(dictionary()["albumin"], "last", None)
    >>> matrix = FeatureMatrix(np.arange(10.0)[:, None], (meta,), landmarks)
    >>> background = learn_background(matrix, np.ones(10, dtype=bool), np.arange(10), matrix.names)
    >>> background.days[1].values.tolist(), background.days[1].patients.tolist()
    ([[7.0], [2.0]], [5.0, 5.0])
    """
    position = {name: number for number, name in enumerate(matrix.names)}
    kept = [name for name in columns if name in position and name != "time__hours"]
    chosen = [position[name] for name in kept]
    metas = [matrix.metas[number] for number in chosen]
    day, hours = landmark_days(matrix), matrix.landmarks["hours"].to_numpy(dtype=float)
    days = {}
    for centre in np.unique(day[at_risk]):
        rows = neighbourhood(day, at_risk, patient, centre)
        nearest = rows[np.argsort(np.abs(hours[rows] - 24.0 * centre - 12.0), kind="stable")]
        once = nearest[np.unique(patient[nearest], return_index=True)[1]]
        days[int(centre)] = _prototypes(matrix.values[once][:, chosen], metas)
    return Background(tuple(kept), days)


def microaggregate(points: Floats, size: int) -> list[Ints]:
    """Group ``size`` similar points at a time, outermost first; the last group has < 2 ``size``.

    Examples
    --------
    >>> [group.tolist() for group in microaggregate(np.array([[0.0], [9.0], [1.0], [8.0]]), 2)]
    [[0, 2], [1, 3]]
    """
    remaining = np.arange(len(points))
    groups = []
    while len(remaining) >= 2 * size:
        part = points[remaining]
        outermost = part[np.argmax(((part - part.mean(axis=0)) ** 2).sum(axis=1))]
        order = np.argsort(((part - outermost) ** 2).sum(axis=1), kind="stable")
        groups.append(remaining[np.sort(order[:size])])
        remaining = remaining[np.sort(order[size:])]
    return [*groups, remaining]


def _prototypes(values: Floats, metas: list[FeatureMeta]) -> Prototypes:
    if len(values) < MIN_PATIENTS:
        # too few patients to average: the prototype has only missing values
        return Prototypes(np.array([float(len(values))]), np.full((1, len(metas)), np.nan))
    size = max(MIN_PATIENTS, -(-len(values) // MAX_PROTOTYPES))
    groups = microaggregate(_comparable(values, metas), size)
    means = np.array([_mean(values[group]) for group in groups])
    return Prototypes(np.array([float(len(group)) for group in groups]), means)


def _mean(rows: Floats) -> Floats:
    """Mean of the known values, rounded; NaN unless more than half are known."""
    known = ~np.isnan(rows)
    total = np.where(known, rows, 0.0).sum(axis=0)
    mean = total / np.maximum(known.sum(axis=0), 1)
    rounded = np.array([float(f"{value:.{_DIGITS}g}") for value in mean])
    return np.where(2 * known.sum(axis=0) > len(rows), rounded, np.nan)


def _comparable(values: Floats, metas: list[FeatureMeta]) -> Floats:
    """Ranks with unknown values in the middle; every group of columns has the same weight."""
    parts = [np.zeros((len(values), 1))]
    for group in dict.fromkeys(meta.group for meta in metas):
        columns = [number for number, meta in enumerate(metas) if meta.group == group]
        ranks = np.stack([_ranks(values[:, number]) for number in columns], axis=1)
        known = (~np.isnan(values[:, columns])).astype(float) - 0.5
        both = np.hstack([ranks, known - known.mean(axis=0)])
        parts.append(both / np.sqrt(len(columns)))
    return np.hstack(parts)


def _ranks(column: Floats) -> Floats:
    """Mean ranks scaled to -0.5 .. 0.5; unknown values are 0."""
    result = np.zeros(len(column))
    known = ~np.isnan(column)
    _, code, count = np.unique(column[known], return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - 0.5 * count
    result[known] = middle[code] / max(known.sum(), 1) - 0.5
    return result


def _line(row: Floats) -> str:
    return " ".join(_MISSING if np.isnan(value) else f"{value:g}" for value in row)


def _numbers(line: str) -> list[float]:
    return [np.nan if cell == _MISSING else float(cell) for cell in line.split()]
