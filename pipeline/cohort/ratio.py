"""The CSF/serum albumin ratio from its two parts, where an export gives only those."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from pipeline.cohort.analytes import dictionary

RATIO, SPINAL, SERUM = "csf_serum_albumin", "csf_albumin", "albumin"
_MG_DL_PER_G_DL = 1000.0


def derive_ratio(labs: pd.DataFrame, window_hours: float) -> pd.DataFrame:
    """Rows of the ratio for every CSF albumin with a serum albumin drawn within a window.

    The ratio counts as collected with the CSF and as resulted with the later of the two, so at any
    moment it is that of the nearest serum albumin known by then: each serum result that is as near
    as the best so far makes a new version. A withdrawn part withdraws the ratio. Results beyond a
    limit make no ratio, and a ratio that the export states for the same draw is left alone.

    Parameters
    ----------
    labs : DataFrame
        ``patient, key, value, side, collected_hours, resulted_hours, rank, cancelled``; canonical
        units (CSF mg/dL, serum g/dL).
    window_hours : float
        Largest distance between the two draws.

    Returns
    -------
    DataFrame
        The derived rows in the columns of ``labs``, flagged ``derived``; empty where there are
        none.
    """
    usable = labs.loc[labs["cancelled"] | ((labs["side"] == 0) & (labs["value"] > 0))]
    spinal, serum = (usable.loc[usable["key"] == key] for key in (SPINAL, SERUM))
    if spinal.empty or serum.empty:
        return labs.iloc[:0]
    stated = labs.loc[labs["key"] == RATIO, ["patient", "collected_hours"]].drop_duplicates()
    pairs = spinal.merge(serum, on="patient", suffixes=("", "_serum"))
    distance = (pairs["collected_hours"] - pairs["collected_hours_serum"]).abs()
    pairs = pairs.assign(distance=distance).loc[distance <= window_hours]
    pairs = pairs.merge(stated.assign(stated=1), on=["patient", "collected_hours"], how="left")
    pairs = pairs.loc[pairs["stated"].isna()]
    pairs = pairs.assign(
        resulted_hours=pairs[["resulted_hours", "resulted_hours_serum"]].max(axis=1),
        rank=pairs[["rank", "rank_serum"]].max(axis=1),
        cancelled=pairs["cancelled"] | pairs["cancelled_serum"],
        value=pairs["value"] / (pairs["value_serum"] * _MG_DL_PER_G_DL),
    )
    order = ["patient", "collected_hours", "resulted_hours", "rank", "distance", "value"]
    pairs = pairs.sort_values(order, kind="stable", ignore_index=True)
    chosen = pairs.loc[list(_as_near_as_any_before(pairs))]
    low, high = dictionary()[RATIO].plausible
    possible = chosen["value"].between(low or 0.0, high or float("inf"))
    chosen = chosen.loc[possible | chosen["cancelled"]]
    derived = chosen.assign(key=RATIO, side=0, limit_source="none", flag="derived")
    return derived.reindex(columns=labs.columns).astype(labs.dtypes.to_dict())


def _as_near_as_any_before(pairs: pd.DataFrame) -> Iterator[int]:
    """Rows whose distance is the smallest so far within their draw."""
    draw: tuple[int, float] | None = None
    best = float("inf")
    columns = ["patient", "collected_hours", "distance"]
    for row, patient, collected, distance in pairs[columns].itertuples(name=None):
        if (patient, collected) != draw:
            draw, best = (patient, collected), float("inf")
        if distance <= best:
            best = distance
            yield row
