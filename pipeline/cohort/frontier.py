"""From which hour on rows lie in the future: the present, or an earlier moment asked for."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from pipeline.cohort.rejects import Ledger
from pipeline.cohort.schema import to_number
from pipeline.cohort.timestamps import parse_timestamps
from pipeline.config import CohortConfig
from pipeline.errors import UsageError


def frontier_hours(
    patients: pd.DataFrame,
    as_of: str | None,
    config: CohortConfig,
    ledger: Ledger,
    *,
    dated: bool,
) -> np.ndarray:
    """Hour per patient from which rows lie in the future (inf where that cannot be known).

    Parameters
    ----------
    dated : bool
        Whether labs carry timestamps, so that no row of a patient without time zero is used.

    Raises
    ------
    UsageError
        If ``as_of`` cannot be read, or lies in the future for every patient.
    """
    zero = patients["infusion_time"]
    now = pd.Timestamp(datetime.now(UTC))
    ahead = ((now - zero).dt.total_seconds() / 3600.0).fillna(np.inf)
    frontier = np.asarray(ahead, dtype=float)
    if as_of is None:
        return frontier
    hours = to_number(pd.Series([as_of], dtype="str"))[0]
    if np.isfinite(hours):
        early = int((frontier < hours).sum())
        if early == len(frontier):
            raise UsageError(
                f"--as-of {as_of} lies in the future: no patient of this batch has reached hour "
                f"{hours:g} after {config.time_zero} (it is now {_utc(now)}). Give an earlier "
                "hour, or leave it out to score each patient at the newest result"
            )
        if early:
            ledger.remarks.append(
                f"{early} of {len(frontier)} patients have not reached hour {hours:g} yet; each "
                f"of them is scored as of now ({_utc(now)})."
            )
        return np.asarray(np.minimum(frontier, hours), dtype=float)
    moment, reason = parse_timestamps(pd.Series([as_of], dtype="str"), config.time_zone)
    if pd.isna(moment[0]):
        raise UsageError(
            f"--as-of '{as_of}' {reason[0] or 'is blank'}; give hours since {config.time_zero} "
            "or ISO 8601"
        )
    if moment[0] > now:
        raise UsageError(
            f"--as-of {as_of} lies in the future (it is now {_utc(now)}). Give an earlier time, or "
            "leave it out to score each patient at the newest result"
        )
    if zero.isna().all() or (zero.isna().any() and not dated):
        raise UsageError("--as-of as a time needs patients.infusion_time; give hours instead")
    asked = ((moment[0] - zero).dt.total_seconds() / 3600.0).fillna(-np.inf)
    return np.asarray(asked, dtype=float)


def _utc(moment: pd.Timestamp) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
