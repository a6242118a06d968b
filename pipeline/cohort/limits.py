"""Silent detection limits: values piled up at an extreme without a comparator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

MIN_COUNT = 8
MIN_SHARE = 0.01
MIN_PILE = 4.0
_NEIGHBOURS = 10


def infer_limits(labs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Limits that a cohort's values betray; learned in training, applied unchanged later.

    The largest (smallest) exact value of an analyte is taken as a limit when it occurs at least
    eight times, in at least 1 % of its results, and four times as often as the ten next values do
    on average. Zero is never a limit, because counts and fractions reach it by nature.

    Parameters
    ----------
    labs : DataFrame
        ``Cohort.labs``.

    Returns
    -------
    dict
        Analyte to ``{"lower": value, "upper": value}`` in the canonical unit, found ones only.
    """
    exact = labs.loc[(labs["side"] == 0) & ~labs["cancelled"], ["analyte", "value"]]
    found = {}
    for analyte, values in exact.groupby("analyte", sort=True)["value"]:
        counts = values.value_counts().sort_index()
        limits = {}
        if _piled(counts.to_numpy()) and counts.index[0] > 0:
            limits["lower"] = float(counts.index[0])
        if _piled(counts.to_numpy()[::-1]):
            limits["upper"] = float(counts.index[-1])
        if limits:
            found[str(analyte)] = limits
    return found


def apply_limits(labs: pd.DataFrame, limits: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Mark exact values at or beyond an inferred limit as censored there."""
    value, side = labs["value"].to_numpy(), labs["side"].to_numpy()
    lower = labs["analyte"].map({key: item.get("lower", -np.inf) for key, item in limits.items()})
    upper = labs["analyte"].map({key: item.get("upper", np.inf) for key, item in limits.items()})
    low = lower.astype(float).fillna(-np.inf).to_numpy()
    high = upper.astype(float).fillna(np.inf).to_numpy()
    below, above = (side == 0) & (value <= low), (side == 0) & (value >= high)
    if "limit_source" in labs:
        source = labs["limit_source"].mask(pd.Series(below | above, index=labs.index), "inferred")
        labs = labs.assign(limit_source=source)
    return labs.assign(
        value=np.where(below, low, np.where(above, high, value)),
        side=np.where(below, -1, np.where(above, 1, side)).astype(np.int8),
    )


def _piled(counts: np.ndarray) -> bool:
    """Whether the first value is piled up against the rest, extremes first."""
    if len(counts) < _NEIGHBOURS + 1:
        return False
    neighbours = float(counts[1 : _NEIGHBOURS + 1].mean())
    return bool(
        counts[0] >= MIN_COUNT
        and counts[0] >= MIN_SHARE * counts.sum()
        and counts[0] >= MIN_PILE * neighbours
    )
