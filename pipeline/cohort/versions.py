"""Versions of one result: which supersedes which, and from when on."""

from __future__ import annotations

import numpy as np
import pandas as pd

WITHDRAWN = ("cancelled", "entered-in-error")
_STATUS_RANK = {
    "preliminary": 0,
    "final": 1,
    "": 1,
    "corrected": 2,
    "cancelled": 3,
    "entered-in-error": 3,
}
COLUMNS = [
    "patient",
    "analyte",
    "value",
    "side",
    "collected_hours",
    "resulted_hours",
    "superseded_hours",
    "cancelled",
]


def order_versions(labs: pd.DataFrame) -> pd.DataFrame:
    """Sort results and state until when each version counts.

    A later version of the same draw (same patient, analyte and collection time) supersedes the
    earlier one from its own result time on; a cancellation supersedes without a value.

    Parameters
    ----------
    labs : DataFrame
        With ``patient, analyte, collected_hours, resulted_hours, rank, value, side, cancelled``.

    Returns
    -------
    DataFrame
        Sorted, with ``superseded_hours`` (inf for the newest version).
    """
    labs = labs.sort_values(
        ["patient", "analyte", "collected_hours", "resulted_hours", "rank", "value", "side"],
        kind="stable",
        ignore_index=True,
    )
    draw = ["patient", "analyte", "collected_hours"]
    same = (labs[draw] == labs[draw].shift(-1)).all(axis=1)
    following = labs["resulted_hours"].shift(-1)
    labs["superseded_hours"] = np.where(same, following, np.inf)
    return labs[COLUMNS]


def status_columns(raw: pd.DataFrame) -> pd.DataFrame:
    """Add ``cancelled`` and the rank by which versions of equal result time are ordered."""
    status = raw["status"].fillna("") if "status" in raw else pd.Series("", index=raw.index)
    return raw.assign(
        cancelled=status.isin(WITHDRAWN), rank=status.map(_STATUS_RANK).astype("int8")
    )
