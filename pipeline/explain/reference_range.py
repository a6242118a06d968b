"""Reference range of a displayed result: that of its laboratory, else that of the dictionary."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from pipeline.cohort.analytes import Analyte
from pipeline.explain.patient_record import PatientRecord


def with_own_range(analyte: Analyte, record: PatientRecord) -> Analyte:
    """Return the analyte with the reference range of a patient's newest result.

    Parameters
    ----------
    analyte : Analyte
        Entry of the dictionary.
    record : PatientRecord
        The patient, with labs and age.

    Returns
    -------
    Analyte

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.analytes import dictionary
    >>> rows = pd.DataFrame({"ref_low": [2.0], "ref_high": [6.0]})
    >>> record = SimpleNamespace(series=lambda key: rows, age_years=50.0)
    >>> with_own_range(dictionary()["crp"], record).reference
    (2.0, 6.0)
    """
    limits = reference_range(record.series(analyte.key), analyte, record.age_years)
    return replace(analyte, reference=limits)


def reference_range(
    series: pd.DataFrame, analyte: Analyte, age_years: float
) -> tuple[float | None, float | None]:
    """Return the limits stated with the newest result, else those for the patient's age.

    A missing lower limit is 0 for analytes that cannot be negative.

    Parameters
    ----------
    series : DataFrame
        Results of one analyte by collection time, with ``ref_low`` and ``ref_high``.
    analyte : Analyte
        Entry of the dictionary.
    age_years : float
        NaN if unknown.

    Returns
    -------
    low, high : float or None
        In the canonical unit.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> rows = pd.DataFrame({"ref_low": [float("nan")], "ref_high": [7.0]})
    >>> reference_range(rows, dictionary()["il6"], 50.0)
    (0.0, 7.0)
    >>> reference_range(rows.iloc[:0], dictionary()["nfl"], 62.0)
    (0.0, 28.8)
    """
    low, high = analyte.reference_at(age_years)
    if len(series) and {"ref_low", "ref_high"} <= set(series.columns):
        newest = series.iloc[-1]
        own = [float(newest[name]) for name in ("ref_low", "ref_high")]
        if not all(map(math.isnan, own)):
            low, high = (None if math.isnan(limit) else limit for limit in own)
    lowest = analyte.plausible[0]
    if low is None and high is not None and lowest is not None and lowest >= 0:
        low = 0.0
    return low, high
