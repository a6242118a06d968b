"""CHK205 to CHK208: rows of another specimen, contradictions, impossible jumps, constants."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.audit.check import Check
from pipeline.cohort.audit.context import AuditContext
from pipeline.cohort.audit.finding import Finding
from pipeline.cohort.audit.statistics import rank_auc
from pipeline.cohort.audit.words import settings

MIN_ROWS = 5
MIN_GAP = 1.5  # in decades, between two populations of one analyte
MIN_FOLD = np.log(5.0)
WITHIN_HOURS = 48.0


class TwoPopulations(Check):
    """Rows under one name that cannot be the same quantity, such as urine among blood."""

    code = "CHK205"
    title = "Two kinds of result under one name"
    effect = (
        "Cells counted in urine are read as a blood count, or numbers of two units as one. Peaks, "
        "trends and the scale of the analyte are then wrong for everyone."
    )
    remedy = (
        "Export the specimen, and give rows of another specimen or unit their own name. Where the "
        "specimen is lost, leave the analyte out of features.analytes."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare with what blood can hold, with the rest of the tube, and look for a gap."""
        labs = context.need_labs()
        ranges = {normalise_name(name): tuple(b) for name, b in settings("blood_ranges").items()}
        panels = settings("panels")
        tubes = labs[["patient", "hours", "key"]].drop_duplicates()
        findings = []
        for key, part in labs.groupby("key", sort=True):
            exact = part[part["number"] > 0]
            for seen, rows in (
                _outside(exact, ranges.get(str(key))),
                _alone(exact, tubes, panels.get(str(key), ())),
                _apart(exact),
            ):
                if seen:
                    findings.append(
                        self.finding(
                            f"{key}: {seen}.",
                            table="labs",
                            columns=("analyte", "value"),
                            counts={"analyte": str(key), "rows": len(rows), "of": len(exact)},
                            examples=context.examples("labs", rows, "value"),
                        )
                    )
        return findings


class Contradictions(Check):
    """Two different results of one analyte for the same moment, both valid."""

    code = "CHK206"
    title = "Contradicting results for the same moment"
    effect = (
        "Only one of them can be used; which one is decided by the order of result times and, if "
        "those agree, by size. A second specimen under the same name looks like this too."
    )
    remedy = (
        "Give a corrected result its status and its own result time, and give another specimen "
        "its own analyte name."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Look for rows equal in patient, analyte and both times, but not in value."""
        labs = context.need_labs()
        raw = context.raw["labs"]
        rows = labs[(labs["number"] >= 0) & labs["hours"].notna() & (labs["patient"] >= 0)]
        if "status" in raw:
            rows = rows[raw.loc[rows.index, "status"].str.lower().isin(["", "final"])]
        rows = rows.assign(resulted=rows["resulted"].fillna(-1e9))
        spread = rows.groupby(["patient", "key", "unit", "hours", "resulted"])["number"]
        low, high = spread.transform("min"), spread.transform("max")
        differ = high > 1.02 * low
        findings = []
        for key, part in rows[differ].groupby("key", sort=True):
            findings.append(
                self.finding(
                    f"{key}: {len(part)} results share patient, analyte and time with another "
                    f"that differs, {part['number'].iloc[0]:g} beside "
                    f"{part['number'].iloc[1]:g} for example.",
                    table="labs",
                    columns=("value",),
                    counts={"analyte": str(key), "rows": len(part)},
                    examples=context.examples("labs", part, "value", limit=2),
                )
            )
        return findings


class ImpossibleJumps(Check):
    """A value that leaves a course and is back at the next draw, more than biology allows."""

    code = "CHK207"
    title = "Impossible jumps and back"
    effect = (
        "A slipped decimal point or a sample of another patient becomes the peak of the course, "
        "and peak and change are what the model looks at."
    )
    remedy = "Check unit, decimal point and patient of these rows at the source."

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare each value with the ones before and after it in the same patient."""
        spikes = find_spikes(context.need_labs())
        findings = []
        for key, part in spikes.groupby("key", sort=True):
            fold = float(np.exp(part["size"].max()))
            findings.append(
                self.finding(
                    f"{key}: {len(part)} results lie up to {fold:.0f} times away from both "
                    f"neighbours within {WITHIN_HOURS:.0f} h.",
                    table="labs",
                    columns=("value",),
                    counts={"analyte": str(key), "rows": len(part)},
                    examples=context.examples("labs", part, "value"),
                )
            )
        return findings


class RepeatedConstants(Check):
    """One exact value inside the distribution that recurs far more often than its neighbours."""

    code = "CHK208"
    title = "A constant recurs, as after filling gaps"
    effect = (
        "Gaps filled with a mean or median look like measurements, hide that nothing was drawn, "
        "and flatten trends. If the fill followed the grade, CHK101 reports it as an error."
    )
    remedy = "Export the labs without imputed values; a missing result is simply no row."

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare each value's count with those of the ten values on either side."""
        labs = context.need_labs()
        exact = labs[(labs["side"] == 0) & labs["number"].notna()]
        findings = []
        for (key, unit), part in exact.groupby(["key", "unit"], sort=True):
            values, counts = np.unique(part["number"].to_numpy(), return_counts=True)
            for place, near in _constants(counts):
                rows = part[part["number"] == values[place]]
                if rows["patient"].nunique() < 8:
                    continue
                findings.append(
                    self.finding(
                        f"{key}: {counts[place]} of {len(part)} results are exactly "
                        f"{values[place]:g} {unit}, while no neighbouring value occurs more "
                        f"than {near} times.",
                        table="labs",
                        columns=("value",),
                        counts={"analyte": str(key), "rows": int(counts[place]), "of": len(part)},
                        examples=context.examples("labs", rows, "value"),
                    )
                )
        return findings


def find_spikes(labs: pd.DataFrame) -> pd.DataFrame:
    """Results that lie far above or far below both neighbours in time.

    A spike is the smaller of the two steps, in natural logarithms; it must exceed a factor of five
    and twice what all but the largest 0.5 % of steps of the analyte reach.

    Returns
    -------
    DataFrame
        The rows, with ``size``.
    """
    rows = labs[(labs["number"] > 0) & (labs["side"] == 0) & labs["hours"].notna()]
    rows = rows[rows["patient"] >= 0]
    rows = rows.assign(log=np.log(rows["value"].fillna(rows["number"])))
    rows = rows.sort_values(["key", "patient", "hours", "line"], kind="stable")
    course = ["key", "patient"]
    inside = (rows[course] == rows[course].shift(1)).all(axis=1)
    inside &= (rows[course] == rows[course].shift(-1)).all(axis=1)
    inside &= rows["hours"].shift(-1) - rows["hours"].shift(1) <= 2 * WITHIN_HOURS
    before, after = rows["log"] - rows["log"].shift(1), rows["log"] - rows["log"].shift(-1)
    size = before.abs().clip(upper=after.abs()).where(inside & (before * after > 0), 0.0)
    usual = size[inside].groupby(rows.loc[inside, "key"]).quantile(0.995)
    least = (2.0 * rows["key"].map(usual).astype(float).fillna(np.inf)).clip(lower=MIN_FOLD)
    spikes: pd.DataFrame = rows.assign(size=size)[size > least]
    return spikes


def _outside(part: pd.DataFrame, limits: tuple[float, float] | None) -> tuple[str, pd.DataFrame]:
    if limits is None or len(part) < 20:
        return "", part
    inside = part["number"].between(*limits)
    rows = part[~inside]
    if len(rows) < MIN_ROWS or inside.mean() < 0.02:
        return "", part
    return (
        f"{len(rows)} of {len(part)} results lie outside {limits[0]:g} to {limits[1]:g}, which "
        "blood cannot hold; they look like another specimen or unit, or like lost digits",
        rows,
    )


def _alone(part: pd.DataFrame, tubes: pd.DataFrame, panel: list[str]) -> tuple[str, pd.DataFrame]:
    """Rows drawn without any other member of their panel, and unlike those drawn with one."""
    others = tubes.loc[tubes["key"].isin(panel), ["patient", "hours"]].drop_duplicates()
    if others.empty or len(part) < 50:
        return "", part
    drawn = pd.MultiIndex.from_frame(part[["patient", "hours"]])
    alone = ~drawn.isin(pd.MultiIndex.from_frame(others))
    if alone.sum() < MIN_ROWS or alone.mean() > 0.5:
        return "", part
    z = rank_auc(part["number"].to_numpy(), alone)[1]
    spread = np.log(part["number"])
    wider = spread[alone].std() > 2 * spread[~alone].std()
    if abs(z) < 4 and not wider:
        return "", part
    return (
        f"{alone.sum()} of {len(part)} results were drawn without any other member of the panel, "
        "and their values differ from those drawn with it; they look like another specimen",
        part[alone],
    )


def _apart(part: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """A minority of rows separated from the rest by a gap in which nothing lies."""
    amount = part["value"].fillna(part["number"])
    logs = np.sort(np.log10(amount[amount > 0].to_numpy()))
    if len(logs) < 40:
        return "", part
    gaps = np.diff(logs)
    place = int(gaps.argmax())
    minority = min(place + 1, len(logs) - place - 1)
    if gaps[place] < MIN_GAP or minority < MIN_ROWS:
        return "", part
    cut = 0.5 * (logs[place] + logs[place + 1])
    low = place + 1 <= len(logs) - place - 1
    rows = part[(np.log10(amount) < cut) == low]
    return (
        f"{len(rows)} of {len(part)} results lie {'below' if low else 'above'} all others by a "
        f"factor of at least {10 ** gaps[place]:.0f}; they look like another unit or specimen",
        rows,
    )


def _constants(counts: np.ndarray) -> list[tuple[int, int]]:
    """Values at least five times as frequent as each of their 20 neighbours.

    Returns
    -------
    list of (place, count of the most frequent neighbour)
    """
    found = []
    for place in np.flatnonzero(counts >= max(20, 0.02 * counts.sum())):
        if 5 <= place < len(counts) - 5:
            around = [counts[max(place - 10, 0) : place], counts[place + 1 : place + 11]]
            near = int(np.concatenate(around).max())
            if counts[place] >= 5 * near:
                found.append((int(place), near))
    return found
