"""Bootstrap over patients: weights per row, percentile intervals, numbers for JSON."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.evaluate.patient_weights import PatientWeights

_ENOUGH_DRAWS = 0.9
_TAIL = 0.025
_NORMAL = NormalDist()


def patient_draws(patient: Ints, draws: int, seed: int) -> PatientWeights:
    """Weights per row: 1 in column 0 (the sample), then how often each draw holds the patient.

    Returns
    -------
    PatientWeights, shape (n_rows, 1 + draws)
    """
    unique, code = np.unique(patient, return_inverse=True)
    random = np.random.default_rng(seed)
    times = random.multinomial(len(unique), np.full(len(unique), 1 / len(unique)), size=draws)
    counts = np.hstack([np.ones((len(unique), 1)), times.T.astype(float)])
    return PatientWeights(code, counts, np.ones(len(patient)))


def interval(values: Floats, *, bias_corrected: bool = False) -> tuple[float | None, float | None]:
    """95% percentile interval of the draws; the first value is the estimate, not a draw.

    None where more than a tenth of the draws are NaN.

    Parameters
    ----------
    values : ndarray, shape (1 + n_draws,)
        Estimate, then draws.
    bias_corrected : bool
        Shift the percentiles by the distance of the estimate from the median of the draws (BC
        interval: Efron 1987, 10.1080/01621459.1987.10478410). Used for AUPRC: draws repeat
        patients, which raises it.

    Returns
    -------
    low, high : float or None

    Examples
    --------
    >>> interval(np.array([0.5, 0.4, 0.5, 0.6]))
    (0.405, 0.595)
    >>> interval(np.array([0.4, 0.4, 0.5, 0.6]), bias_corrected=True)
    (0.40001, 0.502004)
    """
    drawn = values[1:][~np.isnan(values[1:])]
    if len(drawn) == 0 or len(drawn) < _ENOUGH_DRAWS * (len(values) - 1):
        return None, None
    ends = [_TAIL, 1.0 - _TAIL]
    if bias_corrected:
        ends = _shifted(ends, drawn, float(values[0]))
    low, high = np.quantile(drawn, ends)
    return number(low), number(high)


def _shifted(ends: list[float], drawn: Floats, estimate: float) -> list[float]:
    """Percentiles of a bias-corrected interval; ties count half."""
    below = float(np.mean(drawn < estimate) + np.mean(drawn == estimate) / 2)
    least = 1.0 / (2 * len(drawn))
    bias = _NORMAL.inv_cdf(min(max(below, least), 1.0 - least))
    return [_NORMAL.cdf(2 * bias + _NORMAL.inv_cdf(end)) for end in ends]


def number(value: float) -> float | None:
    """Round to six decimals for JSON; None for a value that is not finite.

    Examples
    --------
    >>> number(0.12345678), number(float("nan"))
    (0.123457, None)
    """
    return None if not np.isfinite(value) else round(float(value), 6)


def estimate(values: Floats, name: str, *, bias_corrected: bool = False) -> dict[str, float | None]:
    """Estimate and interval under ``name``, ``name_lo`` and ``name_hi``.

    Examples
    --------
    >>> estimate(np.array([0.5, 0.4, 0.5, 0.6]), "rate")
    {'rate': 0.5, 'rate_lo': 0.405, 'rate_hi': 0.595}
    """
    low, high = interval(values, bias_corrected=bias_corrected)
    return {name: number(values[0]), f"{name}_lo": low, f"{name}_hi": high}


def ratio(part: Floats, whole: Floats) -> Floats:
    """Quotient, NaN where the denominator is 0."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    return np.asarray(np.divide(part, whole, out=np.full(shape, np.nan), where=whole > 0))
