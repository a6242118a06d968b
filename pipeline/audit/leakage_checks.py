"""CHK102 and CHK103: columns that reveal the outcome by their content or their name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext, OutcomeLabel
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.audit.null_statistics import level_gain, rank_auc
from pipeline.cohort.analytes import dictionary
from pipeline.cohort.column_words import contains_word, listed, word_list
from pipeline.cohort.schema import TableSchema, to_number

MIN_EVENTS = 8
MIN_AUC = 0.99
MIN_ANALYTE_AUC = 0.998  # a strong marker in a small cohort may reach .99 without leakage
MIN_ACCURACY = 0.97
MOST_LEVELS = 30


class ColumnsThatAreTheOutcome(Check):
    """Columns of patients, and analytes, that predict the outcome almost without error."""

    code = "CHK102"
    title = "A column reveals the outcome"
    severity = "error"
    effect = (
        "The model predicts the outcome from a copy of it. Its performance looks excellent but is "
        "meaningless, because at the bedside the column is not known before the outcome."
    )
    remedy = (
        "Remove the column from cohort.host_columns, or the analyte from the export. If it was "
        "truly known before the outcome, export it as a lab row with its own times."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Test every column of patients and every analyte on every outcome."""
        labels = [label for label in context.need_labels() if _enough(label.event[label.known])]
        if not labels:
            raise NotApplicable(f"no outcome has {MIN_EVENTS} patients with and without it")
        return self._columns(context, labels) + self._analytes(context)

    def _columns(self, context: AuditContext, labels: list[OutcomeLabel]) -> list[Finding]:
        raw = context.raw.get("patients")
        if raw is None:
            return []
        people = context.people[context.people["position"] >= 0]
        used = set(context.config.cohort.host_columns) | {"product"}
        findings = []
        for column in candidate_columns(raw):
            cells = raw[column].loc[people["position"]]
            for label in labels:
                known = label.known[people.index]
                separation = separates_outcome(cells[known], label.event[people.index[known]])
                if not separation:
                    continue
                named = column in used
                findings.append(
                    self.finding(
                        f"patients column '{column}' predicts {label.name}: {separation}. It is "
                        f"{'an' if named else 'not an'} input of this run.",
                        table="patients",
                        columns=(column,),
                        counts={
                            "patients": int(known.sum()),
                            "events": int(label.event.sum()),
                            **label.left_out,
                        },
                        examples=context.examples(
                            "patients", people.set_index("position"), column, show=False
                        ),
                        severity="error" if named else "warning",
                        effect=None
                        if named
                        else "None while it is not an input. If cohort.host_columns names it, "
                        "every performance figure is false.",
                    )
                )
                break
        return findings

    def _analytes(self, context: AuditContext) -> list[Finding]:
        labs, findings = context.labs, []
        for scale in dict.fromkeys(label.scale for label in context.need_labels()):
            grade = context.lab_grade(scale)
            rows = labs.assign(grade=grade)[np.isfinite(grade) & labs["number"].notna()]
            for key, part in rows.groupby("key", sort=True):
                prediction = _follows_grade(part)
                if not prediction:
                    continue
                findings.append(
                    self.finding(
                        f"analyte '{key}' predicts the {scale} grade of the day: {prediction}.",
                        table="labs",
                        columns=("analyte", "value"),
                        counts={"rows": len(part), "patients": int(part["patient"].nunique())},
                        examples=context.examples("labs", part, "value"),
                    )
                )
        return findings


class OutcomeAmongInputs(Check):
    """Inputs named like an outcome or like a finding that defines its grade."""

    code = "CHK103"
    title = "An outcome, or what defines its grade, is among the inputs"
    severity = "error"
    effect = (
        "Grades are defined by blood pressure support, oxygen and neurological scores. With these "
        "as inputs, the model repeats the grade instead of predicting it."
    )
    remedy = (
        "Move grades to the assessments table and bedside findings to observations; neither "
        "becomes a feature. Remove the name from cohort.host_columns or cohort.local_analytes."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare names of host columns and analytes with the list of outcome words."""
        outcome_names = word_list("outcome_words") | {
            outcome.scale for outcome in context.config.outcomes.values()
        }
        config, findings = context.config.cohort, []
        columns = context.raw.get("patients", pd.DataFrame()).columns
        hosts = [name for name in config.host_columns if name in columns]
        named = [name for name in hosts if contains_word(name, outcome_names)]
        if named:
            findings.append(
                self.finding(
                    f"cohort.host_columns contains {listed(named)}, named like an outcome.",
                    table="patients",
                    columns=named,
                )
            )
        labs = context.labs
        local = [key for key in labs["key"].unique() if key not in dictionary()]
        named = sorted(key for key in local if contains_word(key, outcome_names))
        accepted = set(context.read.local) if context.read is not None else set()
        for key in named:
            rows = labs[labs["key"] == key]
            inside = key in accepted
            findings.append(
                self.finding(
                    f"{len(rows)} lab rows have the analyte '{key}', named like an outcome or a "
                    "finding that defines its grade; "
                    f"they are {'accepted' if inside else 'rejected'}.",
                    table="labs",
                    columns=("analyte",),
                    counts={"rows": len(rows)},
                    examples=context.examples("labs", rows, "analyte"),
                    severity="error" if inside else "warning",
                )
            )
        return findings


def candidate_columns(raw: pd.DataFrame) -> list[str]:
    """Columns of patients that could be an input: no ids, no times of the schema."""
    schema = TableSchema.load("patients")
    clocks = {name for name, item in schema.fields.items() if "clock" in item}
    skipped = clocks | {"patient_id", "infusion_time", "episode", "_line"}
    return [name for name in raw.columns if name not in skipped]


def separates_outcome(cells: pd.Series, event: np.ndarray) -> str:
    """How a column predicts an event almost without error; empty if it does not.

    Tests its numbers as a score, its levels as categories, and whether cells are filled.

    Examples
    --------
    >>> event = np.repeat([False, True], 10)
    >>> separates_outcome(pd.Series(np.where(event, "7", "3")), event)
    'as a number it ranks patients with AUROC 1.000'
    """
    if cells.empty:
        return ""
    filled = (cells != "").to_numpy()
    number = to_number(cells).to_numpy()
    numeric = np.isfinite(number)
    if numeric.mean() > 0.5 and _enough(event[numeric]):
        auc = rank_auc(number[numeric], event[numeric])[0]
        if max(auc, 1 - auc) >= MIN_AUC and numeric.mean() > 0.9:
            return f"as a number it ranks patients with AUROC {max(auc, 1 - auc):.3f}"
    if 0.02 < filled.mean() < 0.98:
        accuracy, balanced = level_gain(filled.astype(int), event.astype(int))
        if min(accuracy, balanced) >= MIN_ACCURACY:
            return f"filled cells agree with it in {100 * accuracy:.1f}% of patients"
    if 2 <= cells.nunique() <= MOST_LEVELS:
        accuracy, balanced = level_gain(cells.to_numpy(), event.astype(int))
        if min(accuracy, balanced) >= MIN_ACCURACY:
            return f"its levels predict it in {100 * accuracy:.1f}% of patients"
    return ""


def _follows_grade(part: pd.DataFrame) -> str:
    """How an analyte predicts the grade of its day almost without error; empty if it does not."""
    grade, number = part["grade"].to_numpy(), part["number"].to_numpy()
    for threshold in np.unique(grade)[1:]:
        event = grade >= threshold
        patients = part["patient"].to_numpy()
        if min(len(np.unique(patients[event])), len(np.unique(patients[~event]))) < MIN_EVENTS:
            continue
        auc = rank_auc(number, event)[0]
        if max(auc, 1 - auc) >= MIN_ANALYTE_AUC:
            return f"AUROC {max(auc, 1 - auc):.3f} for grade {threshold:g} or more"
        if len(np.unique(number)) <= MOST_LEVELS:
            accuracy, balanced = level_gain(number, event.astype(int))
            if min(accuracy, balanced) >= MIN_ACCURACY:
                percent = 100 * accuracy
                return f"its values predict grade {threshold:g} or more in {percent:.1f}% of rows"
    return ""


def _enough(event: np.ndarray) -> bool:
    return bool(min(event.sum(), (~event).sum()) >= MIN_EVENTS)
