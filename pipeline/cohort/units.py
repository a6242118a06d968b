"""Units: one spelling, then a factor to the canonical unit or a refusal."""

from __future__ import annotations

import re
import unicodedata

from pipeline.cohort.analytes import Analyte


def normalise_unit(text: str) -> str:
    """One spelling per unit: micro signs, spaces, case, powers and D-dimer basis.

    Examples
    --------
    >>> normalise_unit("µg/mL FEU"), normalise_unit("x10^9/L"), normalise_unit("mcg / ml")
    ('ug/ml{feu}', '10*9/l', 'ug/ml')
    >>> normalise_unit("×10⁹/L")
    '10*9/l'
    """
    unit = unicodedata.normalize("NFKC", text).lower().replace("×", "x")
    unit = unit.replace("μ", "u").replace("mcg", "ug")
    unit = re.sub(r"[\s_]+", "", unit)
    unit = re.sub(r"\(?\{?(feu|ddu)\}?\)?$", r"{\1}", unit)
    unit = re.sub(r"^(ug|mg|ng|g)\{(feu|ddu)\}(/.*)$", r"\1\3{\2}", unit)
    unit = re.sub(r"^x?10[\^*e]?(\d+)/", r"10*\1/", unit)
    return unit


def conversion(analyte: Analyte, unit: str) -> tuple[float, str]:
    """Factor from ``unit`` to the canonical unit, or the reason for refusing.

    Returns
    -------
    factor : float
        NaN when refused.
    reason : str
        Empty when converted.

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
    legal = ", ".join([analyte.unit, *analyte.conversions])
    for spelling, why in analyte.refused.items():
        if normalise_unit(spelling) == wanted:
            return float("nan"), f"{analyte.short} in '{unit}' is refused: {why} Legal: {legal}."
    given = f"unit '{unit}'" if unit else "a blank unit"
    return float("nan"), f"{analyte.short} with {given} cannot be read. Legal: {legal}."


def suits_loinc(analyte: Analyte, code: str, unit: str) -> bool:
    """Whether a LOINC code may carry a unit; true for codes that prescribe none.

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
    return given == normalise_unit(only)


def with_basis(analyte: Analyte, code: str, unit: str) -> str:
    """Unit with the basis that a LOINC code prescribes, where the unit itself states none.

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
