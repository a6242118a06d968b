"""Reference range of a displayed result: that of its laboratory, else that of the dictionary."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.cohort.analytes import Analyte
from pipeline.explain.patient_record import LabResult, PatientRecord


def own_range(analyte: Analyte, record: PatientRecord) -> tuple[float | None, float | None]:
    """Return the reference range of a patient's newest result of an analyte.

    Parameters
    ----------
    analyte : Analyte
        Entry of the dictionary.
    record : PatientRecord
        The patient, with results and age.

    Returns
    -------
    low, high : float or None
        In the canonical unit.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.analytes import dictionary
    >>> results = {"crp": [LabResult(20.0, 9.0, 0, 2.0, 6.0)]}
    >>> own_range(dictionary()["crp"], SimpleNamespace(results=results, age_years=50.0))
    (2.0, 6.0)
    """
    return reference_range(record.results.get(analyte.key, ()), analyte, record.age_years)


def reference_range(
    results: Sequence[LabResult], analyte: Analyte, age_years: float
) -> tuple[float | None, float | None]:
    """Return the limits stated with the newest result, else those for the patient's age.

    A missing lower limit is 0 for analytes that cannot be negative.

    Parameters
    ----------
    results : sequence of LabResult
        Results of one analyte by collection time.
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
    >>> reference_range([LabResult(20.0, 9.0, ref_high=7.0)], dictionary()["il6"], 50.0)
    (0.0, 7.0)
    >>> reference_range([], dictionary()["nfl"], 62.0)
    (0.0, 28.8)
    """
    low, high = analyte.reference_at(age_years)
    if results:
        own = [results[-1].ref_low, results[-1].ref_high]
        if not all(map(math.isnan, own)):
            low, high = (None if math.isnan(limit) else limit for limit in own)
    lowest = analyte.plausible[0]
    if low is None and high is not None and lowest is not None and lowest >= 0:
        low = 0.0
    return low, high
