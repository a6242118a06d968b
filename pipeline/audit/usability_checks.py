"""CHK001 to CHK005: whether the export can be used, and what is rejected or missing."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import NEVER_GRADED, AuditContext
from pipeline.audit.finding import Example, Finding, NotApplicable
from pipeline.audit.leakage_checks import candidate_columns
from pipeline.cohort.column_words import listed
from pipeline.cohort.reject_summary import acceptance_setting, too_many_refused
from pipeline.cohort.ungraded import STATED_ELSEWHERE, count_ungraded, never_graded, ungraded_text
from pipeline.reading.read_result import ReadResult

FEW_EVENTS = 20
MOST = 0.9  # share of blank, or of filled, cells
ONE_SITE = 0.9  # share of rejected rows at one site from which on the site is named


class Unreadable(Check):
    """A table or column is missing, none of its rows can be used, or no patient has a grade."""

    code = "CHK001"
    title = "The export cannot be read for training"
    severity = "error"
    effect = "No result is possible until this is fixed. It cannot be acknowledged."
    remedy = (
        "A training cohort needs patients, labs and assessments, as .csv or .parquet with the "
        "columns of docs/data.md. Correct what the evidence names and run the audit again."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Report why the export cannot be read."""
        problem = context.problem or _no_grades(context)
        if not problem:
            return []
        tables = [name for name in context.files if context.files[name] in problem]
        return [
            self.finding(
                problem,
                table=tables[0] if tables else "",
                columns=(),
                counts={f"rows in {context.files[t]}": len(raw) for t, raw in context.raw.items()},
            )
        ]


class RefusedRows(Check):
    """Rejected rows and cells by reason, most frequent first."""

    code = "CHK002"
    title = "Rows are rejected"
    effect = (
        "Rejected rows are missing from training and prediction. If many are rejected, or most of "
        "one analyte or site, features are missing although a measurement exists."
    )
    remedy = "Correct the cause at its source; one cause usually explains all rows of a code."

    def check(self, context: AuditContext) -> list[Finding]:
        """Return one finding per file and code of rejects.csv; an error if training stops."""
        if context.read is None:
            raise NotApplicable("the export could not be read, so its rows were not checked")
        rejects, findings = context.read.rejects, self._majority(context, context.read)
        groups = rejects.groupby(["file", "code"], sort=False)
        table_of = {file: table for table, file in context.files.items()}
        for (file, code), part in sorted(groups, key=lambda item: -len(item[1])):
            read = context.read.counts[str(file)]["read"]
            columns = list(dict.fromkeys(part["column"]))
            first = part.iloc[0]
            reason = str(first["reason"])
            if first["column"] == "patient_id":
                reason = re.sub(r"'(?!patient_id')[^']*'", "an id", reason)
                reason = reason[:1].upper() + reason[1:]
            findings.append(
                self.finding(
                    f"{len(part)} of {read} rows of {file}: {code}{_analytes(context, part)}. "
                    f"For example: {reason}",
                    table=table_of[str(file)],
                    columns=[name for name in columns if name],
                    counts={"code": str(code), "entries": len(part), "rows read": read},
                    examples=[
                        Example(str(file), int(row), str(column), _cell(str(column), str(value)))
                        for row, column, value in part[["row", "column", "value"]]
                        .head(3)
                        .itertuples(index=False)
                    ],
                    remedy=str(first["remedy"]),
                )
            )
        return findings

    def _majority(self, context: AuditContext, read: ReadResult) -> list[Finding]:
        """An error if training stops because too many results are rejected."""
        rejected, usable = read.refused_share()
        problem = too_many_refused(rejected, usable, context.config.cohort.max_rejected_share)
        if not problem:
            return []
        return [
            self.finding(
                f"{problem}.",
                table="labs",
                columns=(),
                counts={"results refused": rejected, "of": usable},
                severity="error",
                effect="Training stops, because the remaining results are not representative of "
                "the patients. It cannot be acknowledged.",
                remedy="Correct the causes listed in the warnings of this code, or accept this "
                f"share in the configuration: {acceptance_setting(rejected, usable)}",
            )
        ]


class FewEvents(Check):
    """A configured outcome never occurs, or in too few patients to learn from."""

    code = "CHK003"
    title = "An outcome has few or no events"
    effect = (
        "An outcome that never occurs cannot be trained. Below about 20 event patients, intervals "
        "are too wide to distinguish a good model from a useless one."
    )
    remedy = (
        "Check that the scale is exported under its name (crs, icans, ...) and that grades are "
        "numbers. If the events are truly few, pool sites or configure a lower threshold."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Count patients with each outcome among those whose outcome is known."""
        findings = []
        configured = {item.scale for item in context.config.outcomes.values()}
        grades = context.grades
        legible = grades["scale"].isin(configured) & grades["grade"].notna()
        if not legible.any() and (context.problem or _no_grades(context)):
            raise NotApplicable("no grade of a configured outcome can be read")
        events = {label.name: int(label.event.sum()) for label in context.labels}
        scales = sorted(grades["scale"].unique())
        few = {
            name: events.get(name, 0)
            for name in context.config.outcomes
            if events.get(name, 0) < FEW_EVENTS
        }
        for name, count in few.items():
            outcome = context.config.outcomes[name]
            unknown = context.n_unknown(outcome.scale)
            of = context.n_patients - unknown
            group = "patients" if not unknown else "patients graded on the scale"
            rest = f" {unknown} were never graded and are unknown." if unknown else ""
            findings.append(
                self.finding(
                    f"{name} ({outcome.scale} grade {outcome.threshold} or more) is charted in "
                    f"{count} of {of} {group}.{rest} Scales in the export: "
                    f"{listed(scales) or 'none'}.",
                    table="assessments",
                    columns=("scale", "grade"),
                    counts={
                        "event patients": count,
                        "patients": of,
                        **({NEVER_GRADED: unknown} if unknown else {}),
                    },
                )
            )
        return findings


class PatientsWithoutLabs(Check):
    """Patients without any lab row."""

    code = "CHK004"
    title = "Patients without any lab result"
    effect = (
        "These patients get no estimate, and the model learns only their outcome. If they are "
        "sicker or healthier than the rest, the base rate is biased."
    )
    remedy = (
        "Check whether their labs were lost in the export, or exclude these patients for a stated "
        "reason."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare the ids of patients with those of labs."""
        labs = context.need_labs()
        people = context.people[context.people["position"] >= 0]
        if people.empty:
            raise NotApplicable("there is no patients table")
        without = people[~np.isin(people.index, labs["patient"])]
        if without.empty:
            return []
        file = context.files["labs"]
        return [
            self.finding(
                f"{len(without)} of {len(people)} patients have no row in {file}"
                f"{_event_shares(context, people.index, without.index)}"
                f"{_blank_columns(context, people, without)}.",
                table="labs",
                columns=("patient_id",),
                counts={"patients": len(without), "of": len(people)},
                examples=[
                    Example(context.files["patients"], int(line), "patient_id")
                    for line in without["line"].head(5)
                ],
            )
        ]


class NeverGradedPatients(Check):
    """Patients without a usable assessment on the scale of a configured outcome."""

    code = "CHK005"
    title = "Patients never graded on a scale"
    effect = (
        "Treated as unknown, they are excluded from training and from every rate of the scale. "
        "Treated as event-free, patients with lost grades make every risk too low."
    )
    remedy = (
        "Export every assessment, grade 0 included. If a missing row means that there was nothing "
        "to chart, set cohort.ungraded: no_event; if the patient was not assessed or the grades "
        "are lost, set cohort.ungraded: unknown."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Count as training does; for information only if ``cohort.ungraded`` is set."""
        if context.read is None:
            raise NotApplicable("the export could not be read, so no grade was accepted")
        cohort, setting = context.read.cohort, context.config.cohort.ungraded
        scales = dict.fromkeys(item.scale for item in context.config.outcomes.values())
        graded = set(cohort.assessments["scale"].unique()) - {STATED_ELSEWHERE}
        findings = []
        for scale in (name for name in scales if name in graded):
            ungraded = count_ungraded(cohort, scale, setting)
            if not ungraded.n:
                continue
            rows = np.flatnonzero(never_graded(cohort, scale))
            ids = cohort.patients["patient_id"].iloc[cohort.persons()[rows]]
            people = context.people[np.isin(context.ids, ids)]
            findings.append(
                self.finding(
                    f"{ungraded_text(ungraded.to_dict())}.",
                    table="assessments",
                    columns=("patient_id", "scale"),
                    counts={
                        ungraded.unit: ungraded.n,
                        "of": ungraded.of,
                        "read as": ungraded.read_as,
                    },
                    examples=[
                        Example(context.files["patients"], int(line), "patient_id")
                        for line in people["line"].head(5)
                    ],
                    severity="warning" if setting == "as_charted" else "info",
                )
            )
        return findings


def _event_shares(context: AuditContext, people: pd.Index, chosen: pd.Index) -> str:
    """Event patients of each outcome among chosen patients and the others, as text."""
    shares = []
    for label in context.labels:
        known = people[label.known[people]]
        inside = known.isin(chosen)
        event = label.event[known]
        shares.append(
            f"{label.name} in {event[inside].sum()} of {inside.sum()} against "
            f"{event[~inside].sum()} of {(~inside).sum()} others"
        )
    return f": {listed(shares)}" if shares else ""


def _blank_columns(context: AuditContext, people: pd.DataFrame, chosen: pd.DataFrame) -> str:
    """Columns of patients that are blank for chosen patients and filled for others, as text."""
    raw = context.raw["patients"]
    blank = raw.loc[people["position"].to_numpy(), candidate_columns(raw)] == ""
    inside = blank.index.isin(chosen["position"])
    alone = (blank[inside].mean() >= MOST) & (blank[~inside].mean() <= 1 - MOST)
    columns = [str(name) for name in blank.columns[alone]]
    return f"; {listed(columns)} blank for them and filled for the others" if columns else ""


def _no_grades(context: AuditContext) -> str:
    """Why no patient has a grade; empty if a patient has one."""
    if context.read is None:
        return ""
    scales = {item.scale for item in context.config.outcomes.values()}
    reason = context.read.no_grades_reason(scales, context.config.cohort)
    return f"{reason}." if reason else ""


def _analytes(context: AuditContext, part: pd.DataFrame) -> str:
    """Analytes of the rejected lab rows, most frequent first."""
    raw = context.raw.get("labs")
    if raw is None or context.files["labs"] != part["file"].iloc[0] or "analyte" not in raw:
        return ""
    names = raw.set_index("_line")["analyte"].reindex(part["row"]).dropna()
    counts = names[names != ""].value_counts()
    if counts.empty:
        return ""
    named = listed([f"{name} {count}" for name, count in counts.items()])
    return f" ({named}{_site(context, part)})"


def _site(context: AuditContext, part: pd.DataFrame) -> str:
    """Site of nearly all rejected lab rows if the export has several sites, else empty."""
    sites = context.people["site"]
    if sites[sites != ""].nunique() < 2:
        return ""
    counts = context.labs.set_index("line")["site"].reindex(part["row"].unique()).value_counts()
    if counts.empty or counts.index[0] == "" or counts.iloc[0] < ONE_SITE * counts.sum():
        return ""
    share = "all" if len(counts) == 1 else f"{counts.iloc[0]} of {counts.sum()}"
    return f"; {share} at site {counts.index[0]}"


def _cell(column: str, value: str) -> str:
    """Rejected cell for display; never an id."""
    return "" if column == "patient_id" else value[:40]
