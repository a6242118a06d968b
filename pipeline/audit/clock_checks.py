"""CHK401 to CHK406 and CHK408: defects of times, grading systems and sampling."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import UNPLACED, AuditContext
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.cohort.column_words import listed, word_list
from pipeline.cohort.timestamps import CLOCK_CHANGE, parse_timestamps

MIN_ROWS = 30
ONE_TIME = 0.9  # share of times at one time of day
TWO_TIMES = 0.98  # and at two
MIN_DRAWN = 0.5  # share of days with a result below which they are rare
# offsets of zones with summer time: most of Europe, North America, parts of Australia
_SHIFTING = ("-08", "-07", "-06", "-05", "-04", "-03", "+00", "+01", "+02", "+03", "+10", "+11")


class SameTimeOfDay(Check):
    """Times that all show the same one or two times of day, for example midnight."""

    code = "CHK401"
    title = "All times show the same time of day"
    effect = (
        "Only the day is known, or the schedule. Results appear to be available hours earlier or "
        "later than they were, and hours-since features are wrong by up to a day."
    )
    remedy = (
        "Export date and time of collection and result. If only days exist, place results at the "
        "end of their day, so that no result is used before it was known."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Find the one or two most frequent times of day of every clock."""
        findings = []
        for table, raw in context.raw.items():
            if table == "patients":
                continue
            for column in raw.columns:
                share, shown = _commonest_times(raw[column], column)
                if not shown:
                    continue
                rows = raw.assign(line=raw["_line"])
                findings.append(
                    self.finding(
                        f"{table} column '{column}': {100 * share:.0f}% of "
                        f"{len(raw)} times are at {shown}.",
                        table=table,
                        columns=(column,),
                        counts={"rows": len(raw), "share": round(share, 3)},
                        examples=context.examples(table, rows, column),
                    )
                )
        return findings


class OneClock(Check):
    """Result times equal to collection times, or no result times at all."""

    code = "CHK402"
    title = "Result times are missing or equal to collection times"
    effect = (
        "The model sees a result at the time of collection. At the bedside it arrives hours, for "
        "some assays days, later, so real performance is lower."
    )
    remedy = (
        "Export the time at which the result was released. If it is lost, omit resulted_* and let "
        "cohort.turnaround add the turnaround."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare the two clocks of all lab rows."""
        labs = context.need_labs()
        raw = context.raw["labs"]
        columns = [name for name in ("resulted_hours", "resulted_at") if name in raw]
        stated = labs["resulted"].notna()
        filled = (raw[columns] != "").any(axis=1)
        if filled.any() and stated.sum() < (1 - UNPLACED) * filled.sum():
            raise NotApplicable("most result times cannot be read relative to the infusion")
        if not columns or not stated.any():
            return [
                self.finding(
                    f"None of {len(labs)} lab rows has a result time.",
                    table="labs",
                    columns=("resulted_at",),
                    counts={"rows": len(labs)},
                )
            ]
        equal = labs[stated & (labs["resulted"] == labs["hours"])]
        if len(equal) < 0.5 * stated.sum():
            return []
        return [
            self.finding(
                f"{len(equal)} of {int(stated.sum())} results have equal collected and resulted "
                "times.",
                table="labs",
                columns=columns,
                counts={"rows": len(equal), "of": int(stated.sum())},
                examples=context.examples("labs", equal, columns[0]),
            )
        ]


class ClockChanges(Check):
    """Ambiguous local times around a clock change, or the same offset all year."""

    code = "CHK403"
    title = "Clock changes are not accounted for"
    effect = (
        "Half the year is off by an hour, or an hour in autumn is read twice. Near a landmark, a "
        "result may then count although it was not yet available."
    )
    remedy = (
        "Export ISO 8601 with the offset valid at that time (summer and winter differ), or local "
        "times with cohort.time_zone."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Look for ambiguous local times and for an offset that never changes."""
        findings, any_clock = [], False
        for table, raw in context.raw.items():
            for column in raw.columns:
                if not column.endswith("_at"):
                    continue
                any_clock = True
                cells = raw[column]
                for defect, rows in (_ambiguous(cells, context), _one_offset(cells)):
                    if defect:
                        lines = raw.loc[rows].assign(line=raw.loc[rows, "_line"])
                        findings.append(
                            self.finding(
                                f"{table} column '{column}': {defect}.",
                                table=table,
                                columns=(column,),
                                counts={"rows": len(rows)},
                                examples=context.examples(table, lines, column),
                            )
                        )
        if not any_clock:
            raise NotApplicable("no time is a date; all are hours or days")
        return findings


class DailyGrades(Check):
    """Grades charted about once a day, for all patients or for some."""

    code = "CHK404"
    title = "Grades are charted once a day"
    effect = (
        "An onset is known to the day, not to the hour, so landmarks are placed at assessment "
        "times only. If some patients are charted more often, onset times are not comparable."
    )
    remedy = (
        "Export every charted assessment with its time. If only the day is known, set "
        "landmarks.at_results: never, and interpret short horizons cautiously."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compute the median hours between assessments of each patient."""
        grades = context.grades.dropna(subset=["hours"])
        if grades.empty:
            raise NotApplicable("there are no dated assessments")
        findings = []
        for scale, part in grades.groupby("scale", sort=True):
            times = part[["patient", "hours"]].drop_duplicates().sort_values(["patient", "hours"])
            gaps = times.groupby("patient")["hours"].diff().groupby(times["patient"]).median()
            gaps = gaps.dropna()
            daily = int((gaps >= 20).sum())
            if len(gaps) < 5 or daily < 0.1 * len(gaps):
                continue
            mixed = "" if daily > 0.9 * len(gaps) else ", the others more often"
            days = part.drop_duplicates(["patient", "day"])
            between = _days_between(days)
            missed = between - len(days)
            gap = f"; no grade on {missed} of {between} days from first to last" if missed else ""
            findings.append(
                self.finding(
                    f"{scale}: {daily} of {len(gaps)} patients are graded at most about once a "
                    f"day{mixed}{gap}.",
                    table="assessments",
                    columns=("scale",),
                    counts={"patients": daily, "of": len(gaps), "days without grade": missed},
                )
            )
        return findings


class MixedGrading(Check):
    """Several grading systems, or one other than the configured system."""

    code = "CHK405"
    title = "Grading systems are mixed"
    effect = (
        "Grade 3 of one system is not grade 3 of another (Penn, Lee 2014 and CTCAE count organ "
        "damage that ASTCT leaves out). Rows of other systems are rejected."
    )
    remedy = (
        "Regrade by ASTCT (cytocast grade derives grades from observations), or set "
        "cohort.grading_system and train on one system only."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Count assessments by grading system."""
        grades = context.grades
        if grades.empty:
            raise NotApplicable("there are no assessments")
        wanted = context.config.cohort.grading_system
        system = grades["system"].str.lower().replace("", wanted)
        counts = system.value_counts()
        others = counts.drop(wanted, errors="ignore")
        blank = int((grades["system"] == "").sum())
        if others.empty:
            return []
        rows = grades[system != wanted]
        named = [f"{name} ({count})" for name, count in others.items()]
        default = f"; {blank} rows state none and count as {wanted}" if blank else ""
        return [
            self.finding(
                f"{len(rows)} of {len(grades)} assessments are graded by {listed(named)} instead "
                f"of {wanted}{default}.",
                table="assessments",
                columns=("grading_system",),
                counts={"rows": len(rows), "of": len(grades)},
                examples=context.examples("assessments", rows, "grading_system"),
            )
        ]


class OncePerPatient(Check):
    """Cytokines measured only once in at least 40% of their patients."""

    code = "CHK406"
    title = "Cytokines are measured once per patient"
    effect = (
        "A single value has no trend. Its timing may reflect clinical suspicion, which the model "
        "can learn."
    )
    remedy = (
        "No correction is needed if each patient had one draw. Consider removing these analytes "
        "from features.analytes, and do not interpret their contribution as kinetics."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Count draws of each cytokine per patient."""
        labs = context.need_timed_labs()
        rows = labs[labs["key"].isin(word_list("cytokines")) & (labs["patient"] >= 0)]
        if rows.empty:
            raise NotApplicable("there are no cytokines")
        draws = rows.drop_duplicates(["key", "patient", "hours"]).groupby(["key", "patient"]).size()
        named, keys = [], []
        for key, counts in draws.groupby("key", sort=True):
            if len(counts) >= 20 and (counts == 1).mean() >= 0.4:
                named.append(f"{key} ({100 * (counts == 1).mean():.0f}% of {len(counts)})")
                keys.append(key)
        if not named:
            return []
        single = rows[~rows.duplicated(["key", "patient"], keep=False)]
        return [
            self.finding(
                f"Patients with a single draw: {listed(named, most=20)}.",
                table="labs",
                columns=("analyte",),
                counts={"analytes": len(named)},
                examples=context.examples("labs", single[single["key"].isin(keys)], "analyte"),
            )
        ]


class RareResults(Check):
    """No result of any analyte on most days of a patient's record."""

    code = "CHK408"
    title = "Most days have no result"
    effect = (
        "At most landmarks the newest result is a day or more old. Estimates rest on the grades "
        "and the day, and the value of the labs is measured mainly where they are fresh."
    )
    remedy = (
        "Check whether results were lost. If samples were scheduled, evaluate the labs on the days "
        "with a sample, and set predict.newest_lab_hours to the longest gap that is acceptable."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Count days with a draw from the infusion to the last draw or grade of each patient."""
        labs = context.need_timed_labs()
        draws = labs[(labs["patient"] >= 0) & (labs["day"] >= 0)]
        draws = draws[["patient", "day"]].drop_duplicates()
        grades = context.grades[["patient", "day"]].dropna()
        grades = grades[grades["patient"].isin(draws["patient"]) & (grades["day"] >= 0)]
        charted = pd.concat([draws, grades])
        between = _days_between(charted) if len(charted) else 0
        if between < MIN_ROWS:
            raise NotApplicable(f"the records cover fewer than {MIN_ROWS} days")
        if len(draws) >= MIN_DRAWN * between:
            return []
        people = int(draws["patient"].nunique())
        return [
            self.finding(
                f"{len(draws)} of {between} patient-days have a result ({len(draws) / between:.0%}"
                f"); the {people} patients have {len(draws) / people:.1f} days with a draw on "
                "average.",
                table="labs",
                columns=("collected_hours",),
                counts={"days with a result": len(draws), "days": between, "patients": people},
            )
        ]


def _commonest_times(cells: pd.Series, column: str) -> tuple[float, str]:
    """Share and text of the one or two times of day of a clock; 0 and "" if there are more."""
    if column.endswith("_at"):
        times = cells[cells != ""].str.extract(r"[T ](\d{2}:?\d{2})", expand=False).fillna("date")
    elif column.endswith("_hours"):
        hours = pd.to_numeric(cells[cells != ""], errors="coerce").dropna()
        hours = hours[np.isfinite(hours)]
        times = (hours % 24).round(3).map(lambda item: f"hour {item:g} of the day")
    else:
        return 0.0, ""
    if len(times) < MIN_ROWS:
        return 0.0, ""
    shares = times.value_counts(normalize=True)
    for number, least in ((1, ONE_TIME), (2, TWO_TIMES)):
        share = float(shares.iloc[:number].sum())
        if share >= least:
            shown = " or ".join(map(str, shares.index[:number]))
            return share, "a date without a time" if shown == "date" else shown
    return 0.0, ""


def _days_between(rows: pd.DataFrame) -> int:
    """Days from the first to the last row of each patient, both included, summed."""
    by = rows.groupby("patient")["day"]
    return int((by.max() - by.min() + 1).sum())


def _ambiguous(cells: pd.Series, context: AuditContext) -> tuple[str, pd.Index]:
    """Local times that do not exist or occur twice in the configured zone, as text and rows."""
    zone = context.config.cohort.time_zone
    if zone is None:
        return "", cells.index
    bare = cells[cells.str.fullmatch(r"[^T ]+[T ]\d{2}(?::?\d{2})*(?:[.,]\d+)?")]
    reason = parse_timestamps(bare, zone)[1]
    rows = bare.index[reason.str.contains(CLOCK_CHANGE)]
    return (
        (f"{len(rows)} local times do not exist or occur twice in {zone}", rows)
        if len(rows)
        else ("", rows)
    )


def _one_offset(cells: pd.Series) -> tuple[str, pd.Index]:
    """Times with the same offset in summer and winter, in a zone with summer time."""
    tails = cells[cells != ""].str.slice(-6).str.replace(":", "").str.slice(-5).unique()
    if len(tails) != 1 or not re.fullmatch(r"[+-]\d{4}", tails[0]) or tails[0] == "+0000":
        return "", cells.index
    offset = f"{tails[0][:3]}:{tails[0][3:]}"
    if offset[:3] not in _SHIFTING:
        return "", cells.index
    parts = cells.str.extract(r"^\d{4}-(\d{2})").dropna()
    month = parts[0].astype(int)
    summer, winter = month.between(5, 9), (month <= 2) | (month >= 11)
    if min(summer.sum(), winter.sum()) < MIN_ROWS:
        return "", cells.index
    return f"every offset is {offset}, in summer and in winter", parts.index[summer]
