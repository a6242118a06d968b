"""Minimum cell size: every figure about the training cohort covers at least five patients.

A range does not disclose the extreme patients. It runs from the fifth-lowest to the fifth-highest
patient and is widened to where normal scores (Blom 1958) expect the lowest and the highest patient,
so values as unusual as those in training lie inside. Below 20 patients, it is the mean plus and
minus the standard deviation times the normal score of the extreme patient.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from statistics import NormalDist

import numpy as np
import pandas as pd

from pipeline.arrays import Floats, Ints

MIN_PATIENTS = 5
_ORDERED = 20  # from this many patients on, the fifth from each end estimates the extremes
_STEPS = 100


def patient_range(
    values: Floats, patient: Ints, *, hours: bool = False
) -> tuple[float, float] | None:
    """Range of a feature in training that does not depend on any single patient.

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
        NaN where unknown.
    patient : ndarray, shape (n_rows,)
        Patient of each row; a patient counts once, with their lowest and highest value.
    hours : bool
        Whether values are positive hours; both ends are then widened by a factor and stay positive.

    Returns
    -------
    tuple of float, or None
        Rounded outwards to about a hundredth of the width; None if fewer than five patients have
        a value.

    Examples
    --------
    >>> patient_range(np.arange(100.0), np.arange(100))
    (-20.0, 120.0)
    >>> patient_range(np.full(9, 2.0), np.arange(9)), patient_range(np.ones(9), np.zeros(9, int))
    ((2.0, 2.0), None)
    """
    known = ~np.isnan(values)
    by_patient = pd.Series(values[known]).groupby(patient[known])
    lowest, highest = np.sort(by_patient.min()), np.sort(by_patient.max())
    count = len(lowest)
    if count < MIN_PATIENTS:
        return None
    low, high, *margins = (
        _ordered(lowest, highest) if count >= _ORDERED else _spread(lowest, highest)
    )
    if hours and low > 0:  # both ends move by the same factor
        ends = low / (1.0 + margins[1] / high), high + margins[1]
    else:
        ends = low - margins[0], high + margins[1]
    return _outwards(*ends, positive=hours and low > 0) if ends[1] > ends[0] else (low, high)


def _ordered(lowest: Floats, highest: Floats) -> tuple[float, float, float, float]:
    """Fifth-lowest and fifth-highest patient, and the margin to add at each end."""
    low, high = float(lowest[MIN_PATIENTS - 1]), float(highest[-MIN_PATIENTS])
    factor = normal_score(len(lowest), 1) / normal_score(len(lowest), MIN_PATIENTS)
    margin = (factor - 1.0) * (high - low) / 2.0
    return low, high, margin, margin


def _spread(lowest: Floats, highest: Floats) -> tuple[float, float, float, float]:
    """Means of the patients' lowest and highest values, and the margin to add at each end."""
    score = normal_score(len(lowest), 1)
    below, above = (score * float(each.std(ddof=1)) for each in (lowest, highest))
    return float(lowest.mean()), float(highest.mean()), below, above


def normal_score(count: int, rank: int) -> float:
    """Expected distance of the ``rank``-th highest of ``count`` from the mean, in SD.

    Examples
    --------
    >>> round(normal_score(400, 1), 2), round(normal_score(400, 5), 2)
    (2.96, 2.27)
    """
    return NormalDist().inv_cdf((count - rank + 1 - 0.375) / (count + 0.25))


def frequent(counts: Mapping[Hashable, int]) -> dict[str, int]:
    """Keep the categories of five or more patients.

    Parameters
    ----------
    counts : mapping of hashable to int
        Number of patients per category.

    Returns
    -------
    dict of str to int

    Examples
    --------
    >>> frequent({"axi-cel": 12, "mine": 1})
    {'axi-cel': 12}
    """
    return {str(name): int(count) for name, count in counts.items() if count >= MIN_PATIENTS}


def _outwards(low: float, high: float, *, positive: bool) -> tuple[float, float]:
    width = high - low
    if positive:
        width = min(width, low)
    step = 10.0 ** np.floor(np.log10(width)) * 10 / _STEPS
    return float(f"{np.floor(low / step) * step:.6g}"), float(f"{np.ceil(high / step) * step:.6g}")
