"""Versions of one result: order and time of supersession."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.ledger import Ledger

WITHDRAWN = ("cancelled", "entered-in-error")
_STATUS_RANK = {
    "preliminary": 0,
    "final": 1,
    "": 1,
    "corrected": 2,
    "cancelled": 3,
    "entered-in-error": 3,
}
REFERENCE_COLUMNS = ("ref_low", "ref_high")
COLUMNS = [
    "patient",
    "analyte",
    "value",
    "side",
    "collected_hours",
    "resulted_hours",
    "superseded_hours",
    "cancelled",
    "limit_source",
    "flag",
]


def order_versions(labs: pd.DataFrame) -> pd.DataFrame:
    """Sort results and add the time at which each version is superseded.

    A later version of the same draw (same patient, analyte and collection time) supersedes the
    earlier one from its own result time on; a cancellation supersedes without a value.

    Parameters
    ----------
    labs : DataFrame
        With ``patient, analyte, collected_hours, resulted_hours, rank, value, side, cancelled``;
        ``limit_source`` and ``flag`` are optional.

    Returns
    -------
    DataFrame
        Sorted, with ``superseded_hours`` (inf for the newest version).
    """
    if "limit_source" not in labs:
        stated = np.where(labs["side"] == 0, "none", "stated")
        labs = labs.assign(limit_source=pd.Series(stated, index=labs.index, dtype="str"))
    if "flag" not in labs:
        labs = labs.assign(flag=pd.Series("", index=labs.index, dtype="str"))
    labs = labs.sort_values(
        ["patient", "analyte", "collected_hours", "resulted_hours", "rank", "value", "side"],
        kind="stable",
        ignore_index=True,
    )
    draw = ["patient", "analyte", "collected_hours"]
    same = (labs[draw] == labs[draw].shift(-1)).all(axis=1)
    following = labs["resulted_hours"].shift(-1)
    labs["superseded_hours"] = np.where(same, following, np.inf)
    return labs[[*COLUMNS, *(name for name in REFERENCE_COLUMNS if name in labs)]]


def flag_conflicts(labs: pd.DataFrame, file: str, ledger: Ledger) -> pd.DataFrame:
    """Flag versions of one result with different values and the same result time.

    The largest is used, so that the order of rows has no effect.
    """
    what = ["patient", "key", "collected_hours", "resulted_hours", "rank"]
    conflict = labs.duplicated(what, keep=False) & ~labs["cancelled"]
    ledger.note(
        labs,
        conflict,
        file=file,
        column="value",
        code="conflicting",
        reason="Another row of the same sample, result time and status has another value.",
        remedy="Keep the correct one, or mark the newer one by status or resulted_*.",
    )
    return labs.assign(flag=add_flag(labs["flag"], conflict, "conflicting"))


def add_flag(flags: pd.Series, mask: pd.Series, code: str) -> pd.Series:
    """Append a flag where the mask is true; flags are separated by spaces.

    Examples
    --------
    >>> add_flag(pd.Series(["", "clotted"]), pd.Series([True, True]), "date_only").tolist()
    ['date_only', 'clotted date_only']
    """
    return flags.mask(mask, (flags + " " + code).str.strip())


def status_columns(raw: pd.DataFrame) -> pd.DataFrame:
    """Add ``cancelled`` and ``rank``, which orders versions of equal result time."""
    status = raw["status"].fillna("") if "status" in raw else pd.Series("", index=raw.index)
    return raw.assign(
        cancelled=status.isin(WITHDRAWN), rank=status.map(_STATUS_RANK).astype("int8")
    )
