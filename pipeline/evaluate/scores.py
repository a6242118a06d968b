"""Scored landmarks: risks of the model and every comparator beside what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.model.stack import Floats, Ints


@dataclass(frozen=True)
class Scores:
    """Predictions for one outcome on held-out landmarks; a landmark occurs once per repeat.

    Attributes
    ----------
    risks : dict of ndarray, shape (n_rows, n_horizons)
        By name: ``model``, ``model_no_state``, comparators. NaN where a comparator has no input.
    label : ndarray, shape (n_rows, n_horizons)
        1 event, 0 none, NaN not followed long enough.
    group : ndarray of int
        Fold of a repeat: ranks are compared within groups only.
    """

    horizons: tuple[float, ...]
    risks: dict[str, Floats]
    label: Floats
    patient: Ints
    day: Ints
    group: Ints
    n_repeats: int


def concatenate(parts: list[Scores], n_repeats: int) -> Scores:
    """Join the scores of several folds, renumbering the groups."""
    names = list(parts[0].risks)
    return Scores(
        parts[0].horizons,
        {name: np.vstack([part.risks[name] for part in parts]) for name in names},
        np.vstack([part.label for part in parts]),
        np.concatenate([part.patient for part in parts]),
        np.concatenate([part.day for part in parts]),
        np.concatenate([np.full(len(part.day), number) for number, part in enumerate(parts)]),
        n_repeats,
    )
