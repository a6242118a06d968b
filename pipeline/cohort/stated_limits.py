"""Limits stated in rows: checked for plausibility, then applied."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.analyte_resolver import AnalyteResolver
from pipeline.cohort.analytes import Analyte, dictionary
from pipeline.cohort.ledger import Ledger, plain_number, quoted, range_text
from pipeline.cohort.result_versions import REFERENCE_COLUMNS, add_flag
from pipeline.cohort.values import ABOVE, BELOW, apply_stated_limits
from pipeline.config_cohort import CohortConfig
from pipeline.errors import UsageError

IMPLAUSIBLE, CONTRADICTED = "limit_implausible", "limit_contradicted"
LOWER, UPPER = "lloq", "uloq"
ENDS = {LOWER: "lower", UPPER: "upper", "ref_low": "lower", "ref_high": "upper"}
LARGEST = 1e12  # largest value of an analyte without a plausible range
_CORRECT = "Correct the limit and its unit, or leave the cell blank."


def legal_range(analyte: Analyte) -> tuple[float, float]:
    """Plausible range of an analyte, with the widest legal ends where it has none.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> legal_range(dictionary()["crp"])[0] >= 0
    True
    """
    low, high = analyte.plausible
    least = -LARGEST if analyte.signed else 0.0
    return (least if low is None else float(low)), (LARGEST if high is None else float(high))


def is_plausible(limit: float, end: str, analyte: Analyte) -> bool:
    """Whether a limit of an analyte is plausible.

    A lower limit may be below the plausible range ("<0.1"); an upper limit must not be, because
    every result would be above it.

    Parameters
    ----------
    limit : float
        In the canonical unit.
    end : {"lower", "upper"}
        End of the measuring range.
    analyte : Analyte
        Analyte of the limit.

    Returns
    -------
    bool

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> crp = dictionary()["crp"]
    >>> [is_plausible(number, "lower", crp) for number in (0.1, 0.0, -1.0, 1e6)]
    [True, True, False, False]
    >>> is_plausible(0.0, "upper", crp)
    False
    """
    low, high = legal_range(analyte)
    if end == "lower":
        least = -np.inf if analyte.signed else 0.0
        return bool(least <= limit <= high)
    return bool(low <= limit <= high and (analyte.signed or limit > 0.0))


def check_limit_settings(config: CohortConfig) -> None:
    """Check that the limits of the configuration are possible.

    Raises
    ------
    UsageError
        If a limit is not plausible, or lower is not below upper.
    """
    for key, ends in config.limits.items():
        analyte = dictionary().get(key)
        low, high = legal_range(analyte) if analyte else (-LARGEST, LARGEST)
        turned = ends.get("lower", -np.inf) >= ends.get("upper", np.inf)
        for end, limit in ends.items():
            possible = is_plausible(limit, end, analyte) if analyte else low <= limit <= high
            if turned or not possible:
                unit = f" {analyte.unit}" if analyte else ""
                raise UsageError(
                    f"cohort.limits.{key}: {end} {plain_number(limit)} is not possible; give a "
                    f"number {range_text(low, high)}{unit}, lower below upper"
                )


def gated_limits(
    labs: pd.DataFrame, factor: pd.Series, file: str, book: AnalyteResolver, ledger: Ledger
) -> pd.DataFrame:
    """Limits and reference limits of every row in canonical units, NaN where implausible.

    A limit outside the plausible range of its analyte, or a lower limit not below the upper one, is
    ignored, and the row keeps its number. A lower limit of zero has no effect, because no unsigned
    result is below it.

    Returns
    -------
    DataFrame
        ``lloq``, ``uloq``, ``ref_low``, ``ref_high``.
    """
    gated = pd.DataFrame(index=labs.index)
    book_of = {key: book.get(key) for key in labs["key"].unique()}
    ranges = {key: legal_range(analyte) for key, analyte in book_of.items()}
    plausible = labs["key"].map({key: range_text(*ends) for key, ends in ranges.items()})
    units = labs["key"].map({key: analyte.unit for key, analyte in book_of.items()})
    low = labs["key"].map({key: ends[0] for key, ends in ranges.items()}).astype("float64")
    high = labs["key"].map({key: ends[1] for key, ends in ranges.items()}).astype("float64")
    signed = labs["key"].map({key: analyte.signed for key, analyte in book_of.items()}).astype(bool)
    for name, end in ENDS.items():
        stated = labs.get(name, pd.Series(np.nan, index=labs.index)).astype("float64")
        with np.errstate(over="ignore"):
            limit = stated * factor
        least = (low if end == "upper" else pd.Series(0.0, index=labs.index)).mask(
            signed & (end == "lower"), -np.inf
        )
        bad = stated.notna() & ~((limit >= least) & (limit <= high))
        if end == "upper":
            bad |= (limit <= 0.0) & ~signed
        ledger.ignore_cells(
            labs,
            bad & ~labs["cancelled"],
            file=file,
            column=name,
            code=IMPLAUSIBLE,
            reason="The limit "
            + _spelled(limit)
            + " "
            + units
            + " is not possible; the plausible range is "
            + plausible
            + ".",
            remedy=_CORRECT,
        )
        gated[name] = limit.mask(bad)
    for lower, upper in ((LOWER, UPPER), REFERENCE_COLUMNS):
        turned = gated[lower] >= gated[upper]
        if lower != LOWER:
            turned = gated[lower] > gated[upper]
        ledger.ignore_cells(
            labs,
            turned & ~labs["cancelled"],
            file=file,
            column=lower,
            code=IMPLAUSIBLE,
            reason="The lower limit "
            + _spelled(gated[lower])
            + " is not below the upper one, "
            + _spelled(gated[upper])
            + "; neither is used.",
            remedy=_CORRECT,
        )
        gated = gated.assign(**{name: gated[name].mask(turned) for name in (lower, upper)})
    vacuous = (gated[LOWER] == 0.0) & ~signed
    return gated.assign(lloq=gated[LOWER].mask(vacuous))


def refuse_empty_limits(
    labs: pd.DataFrame, file: str, book: AnalyteResolver, ledger: Ledger
) -> pd.DataFrame:
    """Reject "<0" and ">0" of unsigned analytes, which give no information."""
    signed = labs["key"].map({key: book.get(key).signed for key in labs["key"].unique()})
    return ledger.reject(
        labs,
        (labs["side"] != 0) & (labs["value"] == 0.0) & ~signed.astype(bool) & ~labs["cancelled"],
        file=file,
        column="value",
        code=IMPLAUSIBLE,
        reason=quoted(labs["_raw_value"]) + " has a limit of zero, which no assay has.",
        remedy="Give the number, or the limit of the assay.",
    )


def apply_limits_of_rows(
    labs: pd.DataFrame, gated: pd.DataFrame, file: str, config: CohortConfig, ledger: Ledger
) -> pd.DataFrame:
    """Apply the limits of each row; results with only a side take those of the configuration.

    An exact number that contradicts a limit of its own row is flagged.

    Parameters
    ----------
    gated : DataFrame
        From :func:`gated_limits`.
    """
    lloq, uloq = gated[LOWER], gated[UPPER]
    lower, upper = (
        stated.fillna(labs["key"].map({k: v[end] for k, v in config.limits.items() if end in v}))
        for stated, end in ((lloq, "lower"), (uloq, "upper"))
    )
    named = labs["value"].mask(labs["word"] == BELOW, lower).mask(labs["word"] == ABOVE, upper)
    exact = (labs["side"] == 0) & ~labs["cancelled"]
    contradicted = pd.Series(False, index=labs.index)
    for name, beyond, sign in ((LOWER, named < lloq, "<"), (UPPER, named > uloq, ">")):
        ledger.note(
            labs,
            exact & beyond,
            file=file,
            column=name,
            code=CONTRADICTED,
            reason="The number "
            + _spelled(named)
            + " contradicts the limit of its row and is read as "
            + sign
            + _spelled(gated[name])
            + ".",
            remedy="Check the unit of the limit; with a blank limit the number is used unchanged.",
        )
        contradicted |= exact & beyond
    value, side = apply_stated_limits(named, labs["side"], lloq, uloq)
    return labs.assign(
        value=value.astype("float64"),
        side=side.astype("int8"),
        flag=add_flag(labs["flag"], contradicted, CONTRADICTED),
        limit_source=pd.Series(
            np.where(side == 0, "none", "stated"), index=labs.index, dtype="str"
        ),
    )


def _spelled(numbers: pd.Series) -> pd.Series:
    spelled = {
        number: plain_number(float(f"{number:.6g}")) if np.isfinite(number) else str(number)
        for number in numbers.unique()
    }
    return numbers.map(spelled).astype("str")
