"""Unit conversion, and detection of sites whose unit differs from the stated one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import Analyte
from pipeline.cohort.relative_units import relative_key, relative_unit
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.remedy import Audience, render

MIN_RESULTS = 20
MIN_PATIENTS = 5
_SURE_DECADES = 0.7  # five-fold: smaller differences may be due to patients, not units
_TOLERANCE = 0.35


def conversion(
    analyte: Analyte, unit: str, audience: Audience = Audience.TRAINING
) -> tuple[float, str]:
    """Factor from ``unit`` to the canonical unit, or the reason for rejecting it.

    Parameters
    ----------
    analyte : Analyte
        With its conversions.
    unit : str
        Unit as exported.
    audience : Audience
        Reader of the reason.

    Returns
    -------
    factor : float
        NaN if rejected.
    reason : str
        "" if converted.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> conversion(dictionary()["crp"], "mg/dL")
    (10.0, '')
    """
    wanted = normalise_unit(unit)
    if wanted == normalise_unit(analyte.unit):
        return 1.0, ""
    for spelling, factor in analyte.conversions.items():
        if normalise_unit(spelling) == wanted:
            return factor, ""
    relative = relative_unit(unit)
    if relative is not None:
        return float("nan"), _no_factor(analyte, relative.unit, audience)
    legal = ", ".join([analyte.unit, *analyte.conversions])
    for spelling, why in analyte.refused.items():
        if normalise_unit(spelling) == wanted:
            problem = f"{analyte.short} in '{unit}' is rejected: {render(why, audience)}"
            return float("nan"), f"{problem} Accepted: {legal}."
    given = f"unit '{unit}'" if unit else "a blank unit"
    return float("nan"), f"{analyte.short} with {given} cannot be read. Accepted: {legal}."


def _no_factor(analyte: Analyte, unit: str, audience: Audience) -> str:
    """Why a relative unit is rejected, and how its results can be used."""
    problem = f"{analyte.short} in '{unit}' is relative, with no factor to {analyte.unit}."
    if audience is Audience.SCORING:
        return problem
    return (
        f"{problem} Export it under its own name, for example {relative_key(analyte.key, unit)}, "
        "and list that name under cohort.local_analytes."
    )


def suits_loinc(analyte: Analyte, code: str, unit: str) -> bool:
    """Whether a LOINC code may have a unit; True for codes without a prescribed unit.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> d_dimer = dictionary()["d_dimer"]
    >>> suits_loinc(d_dimer, "48065-7", "mg/L FEU"), suits_loinc(d_dimer, "48065-7", "mg/L DDU")
    (True, False)
    """
    only = analyte.loinc_units.get(code)
    if only is None:
        return True
    given = normalise_unit(unit)
    if only.startswith("{"):
        return only.strip("{}").lower() in given
    return given in map(normalise_unit, only.split(" | "))


def with_basis(analyte: Analyte, code: str, unit: str) -> str:
    """Unit with the basis of a LOINC code, if the unit itself has none.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> d_dimer = dictionary()["d_dimer"]
    >>> with_basis(d_dimer, "48066-5", "ng/mL"), with_basis(d_dimer, "48066-5", "ng/mL FEU")
    ('ng/mL{DDU}', 'ng/mL FEU')
    """
    only = analyte.loinc_units.get(code, "")
    if not only.startswith("{") or conversion(analyte, unit)[1] == "":
        return unit
    stated = f"{unit}{only}"
    return stated if conversion(analyte, stated)[1] == "" else unit


@dataclass(frozen=True)
class UnitSlip:
    """Likely unit error: multiplied by ``factor``, this site's results would be as expected.

    Attributes
    ----------
    analyte, site : str
        Where the error is.
    results, patients : int
        Number of each at the site.
    median, expected : float
        Median of the patients' medians at the site, and the expected median; canonical unit.
    compared_with : str
        Source of ``expected``: ``other sites`` or ``dictionary``.
    factor : float
        Correction of the results.
    words : str
        Explanation.
    """

    analyte: str
    site: str
    results: int
    patients: int
    median: float
    expected: float
    compared_with: str
    factor: float
    words: str


def unit_slips(
    labs: pd.DataFrame, sites: pd.Series | None, analytes: Mapping[str, Analyte]
) -> pd.DataFrame:
    """Find likely unit errors: sites whose median of an analyte is decades off.

    A site is compared with the other sites and with the ``usual`` medians of the dictionary. Only
    a factor between two units of the analyte, or a power of ten, of at least five-fold, counts: a
    two-fold difference (D-dimer FEU and DDU) may be due to different patients. Nothing is
    converted.

    Parameters
    ----------
    labs : DataFrame
        ``Cohort.labs``: ``patient, analyte, value, cancelled``, canonical units.
    sites : Series of str or None
        Site per patient row number, as ``Cohort.patients["site"]``; None is one site.
    analytes : mapping
        Analyte by key, ``{**dictionary(), **read.local}``; results of other keys are ignored.

    Returns
    -------
    DataFrame
        ``analyte, site, results, patients, median, expected, compared_with, factor, words``,
        sorted by analyte and site.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> labs = pd.DataFrame({"patient": np.arange(40) % 8, "analyte": "albumin",
    ...                      "value": 38.0 + np.arange(40) % 5, "cancelled": False})
    >>> unit_slips(labs, None, dictionary())[["analyte", "factor"]].to_numpy().tolist()
    [['albumin', 0.1]]
    """
    rows = labs.loc[~labs["cancelled"] & (labs["value"] > 0), ["patient", "analyte", "value"]]
    place = pd.Series("", index=rows.index, dtype="str")
    if sites is not None:
        named = sites.fillna("").astype("str").to_numpy()
        place = pd.Series(named[rows["patient"].to_numpy()], index=rows.index, dtype="str")
    slips: list[UnitSlip] = []
    for key, part in rows.assign(site=place).groupby("analyte", sort=True):
        if str(key) in analytes and not analytes[str(key)].by_difference:
            slips += _slips_of(analytes[str(key)], part)
    columns = [item.name for item in fields(UnitSlip)]
    return pd.DataFrame([asdict(slip) for slip in slips], columns=columns)


def plausible_units(analyte: Analyte, number: float) -> list[str]:
    """Units of the dictionary in which a number would be usual.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> plausible_units(dictionary()["albumin"], 40.0)
    ['g/L']
    """
    low, high = analyte.usual
    if low is None or high is None:
        return []
    return [unit for unit, factor in analyte.conversions.items() if low <= number * factor <= high]


def _slips_of(analyte: Analyte, part: pd.DataFrame) -> Iterator[UnitSlip]:
    """Slips of one analyte, site by site."""
    medians = part.groupby(["site", "patient"], sort=True)["value"].median().map(np.log10)
    results = part.groupby("site", sort=True)["value"].size()
    where = medians.index.get_level_values("site")
    for site in results.index:
        own, others = medians[where == site].to_numpy(), medians[where != site].to_numpy()
        if results[site] < MIN_RESULTS or len(own) < MIN_PATIENTS:
            continue
        median = float(np.median(own))
        choice, compared = _against_others(analyte, own, others), "other sites"
        if choice is None:
            choice, compared = _against_usual(analyte, median), "dictionary"
        if choice is None:
            continue
        factor, expected = choice
        yield UnitSlip(
            analyte.key,
            str(site),
            int(results[site]),
            len(own),
            float(10**median),
            float(10**expected),
            compared,
            factor,
            _text(analyte, 10**median, factor, compared),
        )


def _against_others(
    analyte: Analyte, own: np.ndarray, others: np.ndarray
) -> tuple[float, float] | None:
    """Factor and log median of the other sites, if this site is the outlier."""
    if len(others) < MIN_PATIENTS:
        return None
    median, expected = float(np.median(own)), float(np.median(others))
    distance = expected - median
    if abs(distance) < max(_SURE_DECADES, 3.0 * float(np.hypot(_error(own), _error(others)))):
        return None
    centre = _centre(analyte)
    if centre is not None and abs(median - centre) <= abs(expected - centre):
        return None  # the other sites are the outliers
    candidates = _factors(analyte)
    best = min(candidates, key=lambda factor: abs(np.log10(factor) - distance))
    close = abs(np.log10(best) - distance) <= _TOLERANCE
    return (best, expected) if close else None


def _against_usual(analyte: Analyte, median: float) -> tuple[float, float] | None:
    """Factor and usual log median, if the median is outside the usual range."""
    centre = _centre(analyte)
    if centre is None or _is_usual(analyte, median):
        return None
    fitting = [
        factor
        for factor in _factors(analyte)
        if _is_usual(analyte, median + float(np.log10(factor)))
    ]
    if not fitting:
        return None
    return min(fitting, key=lambda f: abs(median + float(np.log10(f)) - centre)), centre


def _factors(analyte: Analyte) -> dict[float, str]:
    """Factors that correct an error, each with its explanation."""
    explanations: dict[float, str] = {}
    for unit, factor in analyte.conversions.items():
        for number, explanation in (
            (factor, f"numbers in {unit} are labelled {analyte.unit}"),
            (1 / factor, f"numbers in {analyte.unit} are labelled {unit}"),
        ):
            if abs(np.log10(number)) >= _SURE_DECADES:
                explanations.setdefault(float(f"{number:.6g}"), explanation)
    for power in (1000.0, 100.0, 10.0, 0.1, 0.01, 0.001):
        explanations.setdefault(power, f"the decimal point is off by a factor of {power:g}")
    return explanations


def _error(logs: np.ndarray) -> float:
    """Standard error of a median of log values, from their median absolute deviation."""
    spread = 1.4826 * float(np.median(np.abs(logs - np.median(logs))))
    return 1.2533 * spread / float(np.sqrt(len(logs)))


def _centre(analyte: Analyte) -> float | None:
    low, high = analyte.usual
    return None if low is None or high is None else 0.5 * float(np.log10(low) + np.log10(high))


def _is_usual(analyte: Analyte, median: float) -> bool:
    low, high = analyte.usual
    return low is not None and high is not None and np.log10(low) <= median <= np.log10(high)


def _text(analyte: Analyte, median: float, factor: float, compared: str) -> str:
    usual = "would match the other sites" if compared == "other sites" else "would be usual"
    return (
        f"{analyte.short} has a median of {median:.3g} {analyte.unit} here; "
        f"{median * factor:.3g} {usual}. Possible cause: {_factors(analyte)[factor]}."
    )
