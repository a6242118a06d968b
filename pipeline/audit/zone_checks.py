"""CHK407: times without offset, read in a zone in which the patient was not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.cohort.timestamps import NO_OFFSET, parse_timestamps, utc_offsets, zone

ZERO_TIME = "infusion_time"
_SURE_MINUTES = 120.0  # less may be an offset that ignores clock changes


class ForeignZone(Check):
    """Times without offset of patients whose other times carry another offset than the zone's."""

    code = "CHK407"
    title = "Times without offset are read in the wrong zone"
    severity = "error"
    effect = (
        "The rows stand hours before or after the moment they belong to, measured from the "
        "infusion, so results count before they were known, or too late."
    )
    remedy = (
        "State the offset of every time in the export, or put sites of different zones into "
        "separate cohorts, each with its own cohort.time_zone."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare stated offsets with those of the stated zone at the same moments."""
        name = context.config.cohort.time_zone
        if name is None:
            raise NotApplicable(
                "no cohort.time_zone is stated, so times without offset are refused"
            )
        columns = _clock_columns(context, name)
        apart = _apart(columns)
        findings = []
        for (table, column), rows in columns.items():
            shift = rows.loc[rows["bare"], "patient"].map(apart).dropna()
            shift = shift[shift != 0.0]
            if shift.empty:
                continue
            found = rows.loc[shift.index]
            patients = found["patient"].nunique()
            size = shift.abs() / 60.0
            ends = f"{size.min():g}" + (f" to {size.max():g}" if size.max() > size.min() else "")
            findings.append(
                self.finding(
                    f"{table} column '{column}': {len(found)} times of {patients} patients have "
                    f"no offset and are read in {name}, while other times of these patients "
                    f"(infusion_time first) carry an offset {ends} h away from it.",
                    table=table,
                    columns=(column,),
                    counts={"rows": len(found), "patients": int(patients)},
                    examples=context.examples(table, found, column),
                    severity="error" if shift.abs().max() >= _SURE_MINUTES else "warning",
                )
            )
        return findings


def _clock_columns(context: AuditContext, name: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Per column of times: patient, line, whether the offset lacks, and minutes from the zone."""
    found = {}
    for table, raw in context.raw.items():
        if "patient_id" not in raw:
            continue
        for column in raw.columns:
            if column.endswith("_at") or column == ZERO_TIME:
                found[table, column] = _offsets(raw, column, name)
    return found


def _offsets(raw: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    times, reason = parse_timestamps(raw[column], None)
    stated = utc_offsets(raw[column], times, None)
    local = times.dt.tz_convert(zone(name)).dt.tz_localize(None)
    usual = (local - times.dt.tz_localize(None)).dt.total_seconds() / 60.0
    # an offset of zero is how exports write UTC and tells no place
    away = (stated - usual).where(stated != 0.0)
    return pd.DataFrame(
        {
            "patient": raw["patient_id"],
            "line": raw["_line"],
            "bare": reason == NO_OFFSET,
            "away": away,
        },
        index=raw.index,
    )


def _apart(columns: dict[tuple[str, str], pd.DataFrame]) -> dict[str, float]:
    """Minutes by which each patient's stated offsets differ from the zone's.

    That of the infusion time where it has one, else the median of the other times.
    """
    zero = [rows for (_, column), rows in columns.items() if column == ZERO_TIME]
    other = [rows for (_, column), rows in columns.items() if column != ZERO_TIME]
    result: dict[str, float] = {}
    for part in (other, zero):  # the infusion time is heard last and wins
        if part:
            known = pd.concat(part).dropna(subset=["away"])
            middle = known.groupby("patient")["away"].median()
            result.update(zip(middle.index.astype("str"), np.asarray(middle), strict=True))
    return result
