"""Bootstrap over patients: weights per row, percentile intervals, numbers for JSON."""

from __future__ import annotations

import numpy as np

from pipeline.arrays import Floats, Ints

_ENOUGH_DRAWS = 0.9


def patient_draws(patient: Ints, draws: int, seed: int) -> Floats:
    """Weights per row: 1 in column 0 (the sample), then how often each draw holds the patient.

    Returns
    -------
    ndarray, shape (n_rows, 1 + draws)
    """
    unique, code = np.unique(patient, return_inverse=True)
    random = np.random.default_rng(seed)
    times = random.multinomial(len(unique), np.full(len(unique), 1 / len(unique)), size=draws)
    return np.hstack([np.ones((len(patient), 1)), times[:, code].T.astype(float)])


def interval(values: Floats) -> tuple[float | None, float | None]:
    """95 % percentile interval of the draws; the first value is the estimate, not a draw.

    None where more than a tenth of the draws are NaN.

    Examples
    --------
    >>> interval(np.array([0.5, 0.4, 0.5, 0.6]))
    (0.405, 0.595)
    """
    drawn = values[1:][~np.isnan(values[1:])]
    if len(drawn) == 0 or len(drawn) < _ENOUGH_DRAWS * (len(values) - 1):
        return None, None
    low, high = np.quantile(drawn, [0.025, 0.975])
    return number(low), number(high)


def number(value: float) -> float | None:
    """Round to six decimals for JSON; None for a value that is not finite.

    Examples
    --------
    >>> number(0.12345678), number(float("nan"))
    (0.123457, None)
    """
    return None if not np.isfinite(value) else round(float(value), 6)


def estimate(values: Floats, name: str) -> dict[str, float | None]:
    """Estimate and interval under ``name``, ``name_lo`` and ``name_hi``.

    Examples
    --------
    >>> estimate(np.array([0.5, 0.4, 0.5, 0.6]), "rate")
    {'rate': 0.5, 'rate_lo': 0.405, 'rate_hi': 0.595}
    """
    low, high = interval(values)
    return {name: number(values[0]), f"{name}_lo": low, f"{name}_hi": high}


def ratio(part: Floats, whole: Floats) -> Floats:
    """Quotient, NaN where the denominator is 0."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    return np.asarray(np.divide(part, whole, out=np.full(shape, np.nan), where=whole > 0))
