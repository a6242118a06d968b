"""Scored landmarks: risks of the model and every comparator beside what happened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints


@dataclass(frozen=True)
class Scores:
    """Predictions for one outcome on held-out landmarks; a landmark occurs once per repeat.

    Attributes
    ----------
    risks : dict of ndarray, shape (n_rows, n_horizons)
        By name: ``model``, ``model_no_state``, comparators. NaN where a comparator has no input.
    label : ndarray, shape (n_rows, n_horizons)
        1 event, 0 none, NaN not followed long enough.
    patient, episode, day : ndarray of int
        Row number of the patient's first episode and of this one in the cohort, which differ after
        a later infusion only; whole days since time zero.
    group : ndarray of int
        Fold of a repeat: ranks are compared within groups only.
    repeat : ndarray of int
    hours : ndarray
        Time zero to the landmark.
    time, status : ndarray
        Hours from the landmark to the event, the competing event or the end of follow-up, and
        which of them (0 censored, 1 event, 2 competing).
    grade : ndarray
        Grade on the outcome's own scale at the landmark, NaN where unknown.
    permuted : dict of ndarray, shape (n_rows, n_horizons)
        By analyte: the model's risk when this analyte comes from another patient of the same day.
    """

    horizons: tuple[float, ...]
    risks: dict[str, Floats]
    label: Floats
    patient: Ints
    episode: Ints
    day: Ints
    group: Ints
    repeat: Ints
    hours: Floats
    time: Floats
    status: NDArray[np.int8]
    grade: Floats
    n_repeats: int
    permuted: dict[str, Floats] = field(default_factory=dict)

    def take(self, rows: Ints) -> Scores:
        """Scores of the given rows."""
        parts: dict[str, Any] = {name: getattr(self, name)[rows] for name in _ROWS}
        parts |= {name: _each(getattr(self, name), rows) for name in ("risks", "permuted")}
        return replace(self, **parts)


_ROWS = (
    *("label", "patient", "episode", "day", "group", "repeat", "hours", "time", "status", "grade"),
)


def concatenate(parts: list[Scores], n_repeats: int) -> Scores:
    """Join the scores of several folds, renumbering the groups.

    A comparator that some part does not know is left out.
    """
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _ROWS
        if name != "group"
    }
    group = np.concatenate([np.full(len(part.day), number) for number, part in enumerate(parts)])
    return replace(
        parts[0],
        **joined,
        group=group,
        n_repeats=n_repeats,
        risks=_stacked([part.risks for part in parts]),
        permuted=_stacked([part.permuted for part in parts]),
    )


def _each(table: dict[str, Floats], rows: Ints) -> dict[str, Floats]:
    return {name: values[rows] for name, values in table.items()}


def _stacked(tables: list[dict[str, Floats]]) -> dict[str, Floats]:
    shared = [name for name in tables[0] if all(name in table for table in tables)]
    return {name: np.vstack([table[name] for table in tables]) for name in shared}
