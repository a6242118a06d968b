"""The fewest patients behind anything that a bundle says of its training cohort.

A range runs from the fifth-lowest to the fifth-highest patient and is widened by a stated margin,
so it is no value of a patient and yet covers patients as unusual as those of the training.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.arrays import Floats, Ints

MIN_PATIENTS = 5
MARGIN = 0.125
_STEPS = 100


def patient_range(
    values: Floats, patient: Ints, *, hours: bool = False
) -> tuple[float, float] | None:
    """Range of a feature without the four lowest and the four highest patients, widened.

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
        NaN where unknown.
    patient : ndarray, shape (n_rows,)
        Whose row it is; a patient counts once, with the lowest and the highest value.
    hours : bool
        Whether values are positive hours, whose margin is a share of each end; otherwise it is a
        share of the width. Ends are rounded outwards to about a hundredth of the width.

    Returns
    -------
    tuple of float, or None
        None where fewer than five patients have a value.

    Examples
    --------
    >>> patient_range(np.arange(100.0), np.arange(100))
    (-8.0, 107.0)
    >>> patient_range(np.full(9, 2.0), np.arange(9)), patient_range(np.ones(9), np.zeros(9, int))
    ((2.0, 2.0), None)
    """
    known = ~np.isnan(values)
    by_patient = pd.Series(values[known]).groupby(patient[known])
    lowest, highest = np.sort(by_patient.min()), np.sort(by_patient.max())
    if len(lowest) < MIN_PATIENTS:
        return None
    # with fewer than ten patients the two may lie in the other order
    low, high = sorted((float(lowest[MIN_PATIENTS - 1]), float(highest[-MIN_PATIENTS])))
    width = high - low
    if width == 0:
        return low, high
    step = 10.0 ** np.floor(np.log10(width)) * 10 / _STEPS
    if hours and low > 0:
        low, high = low / (1 + MARGIN), high * (1 + MARGIN)
        step = min(step, 10.0 ** np.floor(np.log10(low)) * 10 / _STEPS)
    else:
        low, high = low - MARGIN * width, high + MARGIN * width
    ends = np.floor(low / step) * step, np.ceil(high / step) * step
    return float(f"{ends[0]:.6g}"), float(f"{ends[1]:.6g}")


def frequent(counts: Mapping[str, int]) -> dict[str, int]:
    """Categories of five or more patients.

    Examples
    --------
    >>> frequent({"axi-cel": 12, "mine": 1})
    {'axi-cel': 12}
    """
    return {str(name): int(count) for name, count in counts.items() if count >= MIN_PATIENTS}
