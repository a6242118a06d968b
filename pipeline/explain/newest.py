"""The newest visible result of each analyte, as it was reported."""

from __future__ import annotations

import numpy as np
import pandas as pd

_MARK = {-1: "<", 0: "", 1: ">"}


def newest_results(labs: pd.DataFrame, landmarks: pd.DataFrame) -> pd.DataFrame:
    """Newest result of every analyte visible at each landmark.

    Parameters
    ----------
    labs : DataFrame
        ``Cohort.labs``.
    landmarks : DataFrame
        ``patient`` and ``hours``.

    Returns
    -------
    DataFrame
        ``landmark`` (row number), ``analyte``, ``value`` (canonical unit; the limit where the
        result is a limit), ``side`` and ``collected_hours``.
    """
    asked = pd.DataFrame(
        {
            "landmark": np.arange(len(landmarks)),
            "patient": landmarks["patient"].to_numpy(),
            "hours": landmarks["hours"].to_numpy(dtype=float),
        }
    )
    rows = labs.loc[~labs["cancelled"]].merge(asked, on="patient")
    seen = (rows["resulted_hours"] < rows["hours"]) & (rows["hours"] <= rows["superseded_hours"])
    rows = rows.loc[seen].sort_values(["landmark", "analyte", "collected_hours"], kind="stable")
    rows = rows.drop_duplicates(["landmark", "analyte"], keep="last")
    return rows[["landmark", "analyte", "value", "side", "collected_hours"]].reset_index(drop=True)


def of_analyte(newest: pd.DataFrame, analyte: str, count: int) -> pd.DataFrame:
    """Newest results of one analyte, one row per landmark; NaN where it was never measured."""
    mine = np.flatnonzero(newest["analyte"].to_numpy() == analyte)
    landmark = newest["landmark"].to_numpy()[mine]
    columns = {}
    for name in ("value", "side", "collected_hours"):
        columns[name] = np.full(count, np.nan)
        columns[name][landmark] = newest[name].to_numpy(dtype=float)[mine]
    return pd.DataFrame(columns)


def as_reported(value: float, side: float, unit: str) -> str:
    """A result in words.

    Examples
    --------
    >>> as_reported(5.0, -1, "pg/mL"), as_reported(184.25, 0, "mg/L"), as_reported(0.31, 0, "1")
    ('<5 pg/mL', '184 mg/L', '0.31')
    """
    number = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    shown = unit.replace("{FEU}", " FEU").replace("10*", "10^")
    return f"{_MARK[int(side)]}{number}" + ("" if shown in ("", "1") else f" {shown}")
