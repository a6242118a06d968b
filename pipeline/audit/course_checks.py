"""CHK107 to CHK110: records cut at the peak, informative gaps, late rows, peak columns."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext, OutcomeLabel
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.audit.leakage_checks import candidate_columns
from pipeline.audit.null_statistics import rank_auc
from pipeline.cohort.column_words import contains_word, listed, word_list
from pipeline.cohort.record_ends import count_record_ends, grade_ends
from pipeline.cohort.schema import to_number
from pipeline.format import counted

MIN_PATIENTS = 15
MIN_Z = 5.0
MIN_DIFFERENCE = 0.1


class CutAtThePeak(Check):
    """Records that end at the worst grade far more often than expected by chance."""

    code = "CHK107"
    title = "Records end at the worst grade"
    effect = (
        "The length of a record reveals the outcome: a record that continues has not reached its "
        "peak. Recovery cannot be learned, and any feature of length or number of rows leaks."
    )
    remedy = (
        "Export the whole stay. If only the time up to the peak exists, use no feature of record "
        "length, and state in every report that recovery was not observed."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare how often the last grade and a random grade are the worst."""
        findings = []
        for scale in dict.fromkeys(item.scale for item in context.config.outcomes.values()):
            rows = context.grades[context.grades["scale"] == scale]
            rows = rows.dropna(subset=["hours", "grade"])
            rows = rows.sort_values(["patient", "hours"], kind="stable")
            table = grade_ends(rows)
            count = count_record_ends(table)
            if count.is_excessive:
                ends = table.index[table["at_worst"]]
                cut = rows[rows["patient"].isin(ends)].groupby("patient").tail(1)
                findings.append(
                    self.finding(
                        f"{scale}: the last grade is the worst one in {count.patients} of "
                        f"{count.of} patients whose grade changed "
                        f"({100 * count.patients / count.of:.1f}%); at a random moment it would "
                        f"be {100 * count.by_chance:.0f}%.",
                        table="assessments",
                        columns=("grade",),
                        counts={"patients": count.patients, "of": count.of},
                        examples=context.examples("assessments", cut[cut["line"] > 0], "grade"),
                    )
                )
        return findings


class InformativeGaps(Check):
    """Analytes whose measurement frequency is associated with the outcome."""

    code = "CHK108"
    title = "Measurement frequency follows the outcome"
    effect = (
        "The model may learn who is tested instead of what the test shows. It then fails where "
        "ordering habits differ."
    )
    remedy = (
        "No correction is needed if sicker patients are simply tested more. Compare the evaluation "
        "with and without missingness features, and check ordering habits at every site."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare the share of days with each analyte in patients with and without the outcome."""
        labs = context.need_timed_labs()
        labels = context.need_labels()
        labels = [item for item in labels if item.event.sum() >= MIN_PATIENTS]
        if not labels:
            raise NotApplicable(f"no outcome has {MIN_PATIENTS} patients with it")
        rows = labs[labs["day"].notna() & (labs["patient"] >= 0)]
        days = rows.drop_duplicates(["patient", "day"]).groupby("patient").size()
        drawn = rows.drop_duplicates(["key", "patient", "day"]).groupby(["key", "patient"]).size()
        findings = []
        for label in labels:
            known = days[label.known[days.index]]
            event = label.event[known.index]
            differing = _differing_shares(drawn, known, event)
            if differing:
                names = [
                    f"{key} ({100 * w:.0f}% against {100 * o:.0f}%)" for key, w, o in differing
                ]
                findings.append(
                    self.finding(
                        f"{label.name}: share of days on which the analyte was measured, in "
                        f"patients with and without the outcome: {listed(names, most=12)}.",
                        table="labs",
                        columns=("analyte",),
                        counts={
                            "analytes": len(differing),
                            "event patients": int(event.sum()),
                            **label.left_out,
                        },
                    )
                )
        return findings


class AfterTheEnd(Check):
    """Labs and grades after the end of the record or of follow-up, or after death."""

    code = "CHK109"
    title = "Results after the end of the record"
    effect = (
        "They suggest wrong clocks or a wrong end of the record, and a result after death may "
        "belong to another patient."
    )
    remedy = (
        "Check the clock of these rows and the end of the record. Rows after the end are not used "
        "for landmarks after it, but wrong clocks shift every row."
    )
    early_ends = (
        "The record seems to end where grading stops, not where the patient leaves. Results after "
        "it are not used, and the days after it count as unknown although the patient was seen; "
        "if well patients are graded for fewer days, risks at long horizons are too high."
    )
    late_grades = (
        "A grade after the end of follow-up extends follow-up on its scale: the patient counts as "
        "followed until the last grade. If patients were graded late only because something "
        "happened, risks are overestimated. A grade after death counts at the time of death."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare times of draws and grades with the ends in patients and charted deaths."""
        labs = context.need_labs()
        rows = labs[labs["hours"].notna() & (labs["patient"] >= 0) & context.timed]
        people = context.people
        grades = context.grades
        charted = grades[(grades["scale"] == "death") & (grades["grade"] >= 1)]
        death = charted.groupby("patient")["hours"].min().reindex(people.index)
        ends = {
            "record end": people["record_end"],
            "end of follow-up": people["followed_until"],
            "death": people["death"].fillna(np.inf).clip(upper=death.fillna(np.inf)),
        }
        ends = {name: end.replace(np.inf, np.nan) for name, end in ends.items()}
        if all(end.isna().all() for end in ends.values()):
            raise NotApplicable("no record end, follow-up or death is stated")
        findings = self._grades(context, ends)
        for name, end in ends.items():
            late = _after(rows, end)
            if late.empty:
                continue
            people_late = int(late["patient"].nunique())
            cut = int(_ends_with_grading(context, end)[late["patient"].unique()].sum())
            early = name != "death" and cut > 0.5 * people_late
            findings.append(
                self.finding(
                    f"{len(late)} lab rows of {people_late} patients were collected after the "
                    f"{name}, up to {late['late'].max():.0f} h later"
                    + (f"; in {cut} it is at most a day after the last grade." if early else "."),
                    table="labs",
                    columns=(_clock(context),),
                    counts={"rows": len(late), "patients": people_late},
                    examples=context.examples("labs", late, _clock(context)),
                    effect=self.early_ends if early else None,
                )
            )
        return findings

    def _grades(self, context: AuditContext, ends: dict[str, pd.Series]) -> list[Finding]:
        """Grades after the end of follow-up, and after death."""
        rows = context.grades
        rows = rows[rows["hours"].notna() & (rows["patient"] >= 0) & (rows["scale"] != "death")]
        record, followed = ends["record end"], ends["end of follow-up"]
        known = {"end of follow-up": followed.fillna(record)}
        findings = []
        for name, end in {**known, "death": ends["death"]}.items():
            late = _after(rows, end)
            if late.empty:
                continue
            people_late = int(late["patient"].nunique())
            clock = "assessed_hours"
            if clock not in context.raw.get("assessments", ()):
                clock = "assessed_at"
            findings.append(
                self.finding(
                    f"After the {name}: {counted(len(late), 'grade')} of "
                    f"{counted(people_late, 'patient')}, up to {late['late'].max():.0f} h later.",
                    table="assessments",
                    columns=(clock,),
                    counts={"rows": len(late), "patients": people_late},
                    examples=context.examples("assessments", late[late["line"] > 0], clock),
                    effect=self.late_grades,
                    remedy="Check the clock of these rows, and the end of follow-up or the death.",
                )
            )
        return findings


class PeakColumns(Check):
    """Columns of patients with an extreme of the whole stay, mostly reached after the onset."""

    code = "CHK110"
    title = "A column of patients holds a peak of the whole stay"
    effect = (
        "A peak is known only after the stay, and is mostly reached after the onset. As an input "
        "it predicts the past from the future; on the same data AUROC rose from .48 to .78."
    )
    remedy = (
        "Remove the column from cohort.host_columns. Peaks up to the landmark are features "
        "already, computed from the labs."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Look for columns named like an extreme, or equal to an extreme of the labs."""
        raw = context.raw.get("patients")
        if raw is None:
            raise NotApplicable("there is no patients table")
        used, peak_names = set(context.config.cohort.host_columns), word_list("peak_words")
        people = context.people[context.people["position"] >= 0]
        extremes = _extremes(context.labs)
        findings = []
        for column in candidate_columns(raw):
            number = to_number(raw[column].loc[people["position"]]).to_numpy()
            if np.isfinite(number).sum() < MIN_PATIENTS:
                continue
            match = _matching(number, people.index, extremes)
            named = contains_word(column, peak_names)
            if not match and not named:
                continue
            late = _after_onset(match, context.labels) if match else ""
            same = f"equals the {match[1]} of {match[0]} over all rows" if match else ""
            reason = same or "is named like an extreme"
            inside = column in used
            findings.append(
                self.finding(
                    f"patients column '{column}' {reason}{late}.",
                    table="patients",
                    columns=(column,),
                    counts={"patients": int(np.isfinite(number).sum())},
                    severity="error" if inside else "warning",
                    examples=context.examples(
                        "patients", people.set_index("position"), column, show=False
                    ),
                )
            )
        return findings


def _differing_shares(
    drawn: pd.Series, days: pd.Series, event: np.ndarray
) -> list[tuple[str, float, float]]:
    """Analytes with a different share of measured days in event patients, largest first."""
    differing: list[tuple[str, float, float]] = []
    if event.all() or not event.any():
        return differing
    for key in drawn.index.get_level_values("key").unique():
        share = (drawn[key].reindex(days.index).fillna(0) / days).to_numpy(dtype=float)
        z = rank_auc(share, event)[1]
        with_event, without = float(share[event].mean()), float(share[~event].mean())
        if abs(z) >= MIN_Z and abs(with_event - without) >= MIN_DIFFERENCE:
            differing.append((str(key), with_event, without))
    return sorted(differing, key=lambda item: -abs(item[1] - item[2]))


def _clock(context: AuditContext) -> str:
    return "collected_hours" if "collected_hours" in context.raw["labs"] else "collected_at"


def _ends_with_grading(context: AuditContext, end: pd.Series) -> np.ndarray:
    """Whether each patient's end is at most a day after the last grade."""
    graded = context.grades[context.grades["scale"] != "death"]
    last = graded.groupby("patient")["hours"].max().reindex(end.index)
    return (end - last).between(0.0, 24.0).to_numpy()


def _after(rows: pd.DataFrame, end: pd.Series) -> pd.DataFrame:
    """Rows later than the end of their patient, with ``late`` in hours; none without an end."""
    limit = end.to_numpy(dtype=float)[rows["patient"].to_numpy()]
    late = rows.assign(late=rows["hours"] - limit)
    return late[late["late"] > 1e-6]


def _extremes(labs: pd.DataFrame) -> pd.DataFrame:
    """Largest and smallest number of each patient and analyte, with the hour of the largest."""
    rows = labs[labs["number"].notna() & (labs["patient"] >= 0)].sort_values("number")
    by = rows.groupby(["key", "patient"])
    table = by["number"].agg(["min", "max"])
    table["hour"] = by["hours"].last()
    return table


def _matching(
    number: np.ndarray, patients: pd.Index, extremes: pd.DataFrame
) -> tuple[str, str, pd.Series] | None:
    """Analyte whose maximum or minimum equals a column in 80% of the patients with both."""
    for key in extremes.index.get_level_values("key").unique():
        part = extremes.loc[key].reindex(patients)
        for name, extreme in (("max", "maximum"), ("min", "minimum")):
            both = part[name].notna().to_numpy() & np.isfinite(number)
            if both.sum() < MIN_PATIENTS or len(np.unique(number[both])) < 5:
                continue
            if np.isclose(part[name].to_numpy()[both], number[both]).mean() >= 0.8:
                return str(key), extreme, part["hour"]
    return None


def _after_onset(match: tuple[str, str, pd.Series], labels: list[OutcomeLabel]) -> str:
    """Share of event patients whose extreme was reached after the onset, as text."""
    for label in labels:
        onset = label.onset[match[2].index]
        known = np.isfinite(onset) & match[2].notna().to_numpy()
        if known.sum() >= 5:
            late = (match[2].to_numpy()[known] > onset[known]).mean()
            return f"; {100 * late:.0f}% of these were reached after the onset of {label.name}"
    return ""
