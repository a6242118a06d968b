"""What an export holds: completeness per analyte and day, and the units of each analyte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pipeline.audit.export_context import AuditContext

_LAST_DAY = 14
_BEFORE = -1  # all results before the infusion
_DAYS = tuple(range(_BEFORE, _LAST_DAY + 1))
_DAY = 24.0


@dataclass(frozen=True)
class ExportOverview:
    """Completeness and units of the lab rows.

    Attributes
    ----------
    days : tuple of int
        Days after the infusion; -1 is any time before it.
    patients : tuple of int
        Patients with any result on that day or later.
    completeness : mapping of str to tuple of float
        Analyte to the share of these patients with a result of it, per day; the most complete
        analyte first.
    units : mapping of str to mapping of str to int
        Analyte to its units as written, each with its number of rows.
    """

    days: tuple[int, ...] = ()
    patients: tuple[int, ...] = ()
    completeness: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    units: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def export_overview(context: AuditContext) -> ExportOverview:
    """Count lab rows of an export by analyte, day and unit.

    Completeness is left out where most rows have no readable time.

    Parameters
    ----------
    context : AuditContext

    Returns
    -------
    ExportOverview

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.config import load_config
    >>> labs = {"patient_id": ["a", "b"], "analyte": "crp", "value": "9", "unit": "mg/L"}
    >>> labs |= {"collected_hours": ["30", "60"]}
    >>> raw = {"labs": pd.DataFrame({**labs, "_line": [2, 3]})}
    >>> overview = export_overview(AuditContext(raw, {"labs": "labs.csv"}, load_config()))
    >>> overview.units, overview.patients[:4], overview.completeness["crp"][:4]
    ({'crp': {'mg/L': 2}}, (2, 2, 2, 1), (0.0, 0.0, 0.5, 1.0))
    """
    labs = context.labs
    if labs.empty:
        return ExportOverview()
    known = labs[(labs["key"] != "") & labs["key"].notna() & (labs["patient"] >= 0)]
    counts = known.groupby(["key", "unit"], sort=True).size()
    units: dict[str, dict[str, int]] = {}
    for analyte, unit, count in counts.reset_index(name="rows").itertuples(index=False):
        units.setdefault(str(analyte), {})[str(unit)] = int(count)
    if not context.timed:
        return ExportOverview(units=units)
    placed = known[known["hours"].notna() & known["value"].notna()]
    day = np.floor(placed["hours"] / _DAY).clip(_BEFORE, None).astype(int)
    placed = placed.assign(day=day)
    last = placed.groupby("patient")["day"].max()
    patients = tuple(int((last >= day).sum()) for day in _DAYS)
    seen = placed.drop_duplicates(["key", "day", "patient"]).groupby(["key", "day"]).size()
    shares = {
        str(analyte): tuple(
            float(seen.get((analyte, day), 0)) / max(count, 1)
            for day, count in zip(_DAYS, patients, strict=True)
        )
        for analyte in placed["key"].unique()
    }
    ordered = sorted(shares.items(), key=lambda item: (-sum(item[1]), item[0]))
    return ExportOverview(_DAYS, patients, dict(ordered), units)
