"""CHK205 to CHK207: rows of another specimen, contradictions and implausible spikes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Finding
from pipeline.audit.null_statistics import rank_auc
from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.column_words import audit_settings, word_list

MIN_ROWS = 5
MIN_GAP = 1.5  # in decades, between two populations of one analyte
MIN_FOLD = np.log(5.0)
MIN_FOLD_CYTOKINES = np.log(20.0)  # cytokines may rise and fall tenfold within a day
WITHIN_HOURS = 48.0


class TwoPopulations(Check):
    """Rows under one name that cannot be the same quantity, for example urine among blood."""

    code = "CHK205"
    title = "Two kinds of result under one name"
    effect = (
        "Cells counted in urine are read as a blood count, or numbers in two units as one. Peaks, "
        "trends and scaling of the analyte are then wrong for every patient."
    )
    remedy = (
        "Export the specimen, and give rows of another specimen or unit their own name. If the "
        "specimen is lost, remove the analyte from features.analytes."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare with ranges of blood and with the same draw, and look for a gap."""
        labs = context.need_labs()
        ranges = {
            normalise_name(name): tuple(b) for name, b in audit_settings("blood_ranges").items()
        }
        panels = audit_settings("panels") if context.timed else {}  # draws are matched by time
        draws = labs[["patient", "hours", "key"]].drop_duplicates()
        findings = []
        for key, part in labs.groupby("key", sort=True):
            exact = part[(part["number"] > 0) & ~part["by_difference"]]
            for defect, rows in (
                _outside_range(exact, ranges.get(str(key))),
                _without_panel(exact, draws, panels.get(str(key), ())),
                _behind_gap(exact),
            ):
                if defect:
                    findings.append(
                        self.finding(
                            f"{key}: {defect}.",
                            table="labs",
                            columns=("analyte", "value"),
                            counts={"analyte": str(key), "rows": len(rows), "of": len(exact)},
                            examples=context.examples("labs", rows, "value"),
                        )
                    )
        return findings


class Contradictions(Check):
    """Two valid results of one analyte that differ at the same time."""

    code = "CHK206"
    title = "Contradicting results at the same time"
    effect = (
        "Only one of them is used, chosen by result time and then by size. A second specimen under "
        "the same name looks like this too."
    )
    remedy = (
        "Give a corrected result its status and its own result time, and give another specimen "
        "its own analyte name."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Look for rows equal in patient, analyte and both times, but not in value."""
        labs = context.need_timed_labs()
        raw = context.raw["labs"]
        legal = (labs["number"] >= 0) | (labs["by_difference"] & labs["number"].notna())
        rows = labs[legal & labs["hours"].notna() & (labs["patient"] >= 0)]
        if "status" in raw:
            rows = rows[raw.loc[rows.index, "status"].str.lower().isin(["", "final"])]
        rows = rows.assign(resulted=rows["resulted"].fillna(-1e9))
        spread = rows.groupby(["patient", "key", "unit", "hours", "resulted"])["number"]
        low, high = spread.transform("min"), spread.transform("max")
        differ = high - low > 0.02 * low.abs()
        findings = []
        for key, part in rows[differ].groupby("key", sort=True):
            findings.append(
                self.finding(
                    f"{key}: {len(part)} results differ from another of the same patient and time, "
                    f"for example {part['number'].iloc[0]:g} and {part['number'].iloc[1]:g}.",
                    table="labs",
                    columns=("value",),
                    counts={"analyte": str(key), "rows": len(part)},
                    examples=context.examples("labs", part, "value", limit=2),
                )
            )
        return findings


class ImpossibleJumps(Check):
    """A value far above or below both neighbours, more than is biologically plausible."""

    code = "CHK207"
    title = "Implausible spikes"
    effect = (
        "A slipped decimal point or a sample of another patient becomes the peak of the course, "
        "and the model uses peaks and changes."
    )
    remedy = "Check unit, decimal point and patient of these rows at the source."

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare each value with the ones before and after it in the same patient."""
        spikes = find_spikes(context.need_timed_labs())
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


def find_spikes(labs: pd.DataFrame) -> pd.DataFrame:
    """Find results far above or far below both neighbours in time.

    The size of a spike is the smaller of its two steps in natural logarithms. Logarithms are used
    unchanged; other signed values have no spikes. The size must exceed a factor of five (20 for
    cytokines) and twice the 99.5th percentile of the sizes of the analyte.

    Parameters
    ----------
    labs : DataFrame
        From :func:`~pipeline.audit.lenient_tables.lab_frame`.

    Returns
    -------
    DataFrame
        The rows of spikes, with ``size``.
    """
    usable = (labs["number"] > 0) & ~labs["by_difference"]
    usable |= labs["number"].notna() & labs["log_step"].notna()
    rows = labs[usable & (labs["side"] == 0) & labs["hours"].notna() & (labs["patient"] >= 0)]
    amount = rows["value"].fillna(rows["number"]).where(~rows["by_difference"], 1.0)
    rows = rows.assign(
        log=np.log(amount).where(~rows["by_difference"], rows["number"] * rows["log_step"])
    )
    rows = rows.sort_values(["key", "patient", "hours", "line"], kind="stable")
    course = ["key", "patient"]
    inside = (rows[course] == rows[course].shift(1)).all(axis=1)
    inside &= (rows[course] == rows[course].shift(-1)).all(axis=1)
    inside &= rows["hours"].shift(-1) - rows["hours"].shift(1) <= 2 * WITHIN_HOURS
    before, after = rows["log"] - rows["log"].shift(1), rows["log"] - rows["log"].shift(-1)
    size = before.abs().clip(upper=after.abs()).where(inside & (before * after > 0), 0.0)
    usual = size[inside].groupby(rows.loc[inside, "key"]).quantile(0.995)
    fast = rows["key"].isin(word_list("cytokines")).to_numpy()
    least = 2.0 * rows["key"].map(usual).astype(float).fillna(np.inf)
    least = least.clip(lower=MIN_FOLD).mask(fast, least.clip(lower=MIN_FOLD_CYTOKINES))
    spikes: pd.DataFrame = rows.assign(size=size)[size > least]
    return spikes


def _outside_range(
    part: pd.DataFrame, limits: tuple[float, float] | None
) -> tuple[str, pd.DataFrame]:
    """Rows outside the possible range in blood, and the defect as text; empty without any."""
    if limits is None or len(part) < 20:
        return "", part
    inside = part["number"].between(*limits)
    rows = part[~inside]
    if len(rows) < MIN_ROWS or inside.mean() < 0.02:
        return "", part
    return (
        f"{len(rows)} of {len(part)} results lie outside {limits[0]:g} to {limits[1]:g}, the range "
        "of blood; they look like another specimen or unit, or lost digits",
        rows,
    )


def _without_panel(
    part: pd.DataFrame, draws: pd.DataFrame, panel: list[str]
) -> tuple[str, pd.DataFrame]:
    """Rows drawn without any other member of their panel that differ from rows drawn with one."""
    others = draws.loc[draws["key"].isin(panel), ["patient", "hours"]].drop_duplicates()
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


def _behind_gap(part: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """A minority of rows separated from the rest by an empty gap."""
    amount = part["value"].fillna(part["number"])
    logs = np.sort(np.log10(amount[amount > 0].to_numpy()))
    if len(logs) < 40:
        return "", part
    gaps = np.diff(logs)
    index = int(gaps.argmax())
    minority = min(index + 1, len(logs) - index - 1)
    if gaps[index] < MIN_GAP or minority < MIN_ROWS:
        return "", part
    cut = 0.5 * (logs[index] + logs[index + 1])
    low = index + 1 <= len(logs) - index - 1
    rows = part[(np.log10(amount) < cut) == low]
    return (
        f"{len(rows)} of {len(part)} results lie {'below' if low else 'above'} all others by a "
        f"factor of at least {10 ** gaps[index]:.0f}; they look like another unit or specimen",
        rows,
    )
