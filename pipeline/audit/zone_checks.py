"""CHK407: times without an offset that are read in the wrong time zone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.cohort.timestamps import NO_OFFSET, parse_timestamps, utc_offsets, zone

ZERO_TIME = "infusion_time"
_SURE_MINUTES = 120.0  # a smaller difference may be an offset that ignores clock changes


class ForeignZone(Check):
    """Times without an offset of patients whose other times have an offset of another zone."""

    code = "CHK407"
    title = "Times without offset are read in the wrong zone"
    severity = "error"
    effect = (
        "The rows are placed hours before or after their true time since infusion, so results "
        "count before they were known, or too late."
    )
    remedy = (
        "State the offset of every time in the export, or put sites of different zones into "
        "separate cohorts, each with its own cohort.time_zone."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare stated offsets with those of ``cohort.time_zone`` at the same times."""
        name = context.config.cohort.time_zone
        if name is None:
            raise NotApplicable(
                "cohort.time_zone is not set, so times without an offset are rejected"
            )
        columns = _clock_columns(context, name)
        differences = _offset_differences(columns)
        findings = []
        for (table, column), rows in columns.items():
            shift = rows.loc[rows["bare"], "patient"].map(differences).dropna()
            shift = shift[shift != 0.0]
            if shift.empty:
                continue
            shifted = rows.loc[shift.index]
            patients = shifted["patient"].nunique()
            size = shift.abs() / 60.0
            hours = f"{size.min():g}" + (f" to {size.max():g}" if size.max() > size.min() else "")
            findings.append(
                self.finding(
                    f"{table} column '{column}': {len(shifted)} times of {patients} patients have "
                    f"no offset and are read in {name}, but the offset of infusion_time or of "
                    f"their other times differs by {hours} h.",
                    table=table,
                    columns=(column,),
                    counts={"rows": len(shifted), "patients": int(patients)},
                    examples=context.examples(table, shifted, column),
                    severity="error" if shift.abs().max() >= _SURE_MINUTES else "warning",
                )
            )
        return findings


def _clock_columns(context: AuditContext, name: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Offsets of every column of times; see :func:`_offsets`."""
    columns = {}
    for table, raw in context.raw.items():
        if "patient_id" not in raw:
            continue
        for column in raw.columns:
            if column.endswith("_at") or column == ZERO_TIME:
                columns[table, column] = _offsets(raw, column, name)
    return columns


def _offsets(raw: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """``patient``, ``line``, ``bare`` (no offset) and ``away`` (minutes from the zone's offset)."""
    times, reason = parse_timestamps(raw[column], None)
    stated = utc_offsets(raw[column], times, None)
    local = times.dt.tz_convert(zone(name)).dt.tz_localize(None)
    expected = (local - times.dt.tz_localize(None)).dt.total_seconds() / 60.0
    # exports write UTC as offset zero, which does not identify a place
    away = (stated - expected).where(stated != 0.0)
    return pd.DataFrame(
        {
            "patient": raw["patient_id"],
            "line": raw["_line"],
            "bare": reason == NO_OFFSET,
            "away": away,
        },
        index=raw.index,
    )


def _offset_differences(columns: dict[tuple[str, str], pd.DataFrame]) -> dict[str, float]:
    """Minutes by which each patient's stated offsets differ from the zone's.

    The difference of the infusion time if it has an offset, else the median of the other times.
    """
    zero = [rows for (_, column), rows in columns.items() if column == ZERO_TIME]
    other = [rows for (_, column), rows in columns.items() if column != ZERO_TIME]
    result: dict[str, float] = {}
    for part in (other, zero):  # the infusion time comes last and takes precedence
        if part:
            known = pd.concat(part).dropna(subset=["away"])
            middle = known.groupby("patient")["away"].median()
            result.update(zip(middle.index.astype("str"), np.asarray(middle), strict=True))
    return result
