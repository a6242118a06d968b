"""CHK104 to CHK106: one patient under two ids, informative order of rows, and personal data."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext, OutcomeLabel
from pipeline.audit.finding import Example, Finding, NotApplicable
from pipeline.audit.null_statistics import rank_auc
from pipeline.cohort.column_words import identifies_persons

MIN_SHARED = 8
MIN_SHARE = 0.3
MOST_HOLDERS = 6
MIN_Z = 3.5  # with three orders and a few outcomes: one false alarm in about 250 exports
MIN_Z_RUNS = 4.5
MIN_EVENTS = 8


class SamePatientTwice(Check):
    """Two ids whose lab courses share many consecutive values that few other patients have."""

    code = "CHK104"
    title = "The same patient under two ids"
    severity = "error"
    effect = (
        "One copy falls into training and the other into testing, so the model is tested on "
        "patients of its training. Performance is overestimated and intervals are too narrow."
    )
    remedy = (
        "Merge the two ids, or drop one. If one is a second infusion, give both rows of patients "
        "the same patient_id and number them 1 and 2 in the column episode (docs/data.md, Second "
        "infusions)."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare pairs of consecutive values per analyte between patients."""
        pairs = shared_courses(context.need_timed_labs())
        people, findings = context.people, []
        for first, second, shared, of, share in pairs.head(20).to_numpy().tolist():
            couple = [int(first), int(second)]
            lines = [int(people["line"].iloc[code]) for code in couple]
            file = context.files.get("patients", "")
            examples = [Example(file, line, "patient_id") for line in lines if line]
            if not examples:
                rows = context.labs[context.labs["patient"].isin(couple)]
                examples = context.examples(
                    "labs", rows.drop_duplicates("patient"), "patient_id", show=False
                )
            findings.append(
                self.finding(
                    f"Two ids share {shared:.0f} pairs of consecutive lab values, "
                    f"{100 * share:.0f}% of those of the shorter record, in the same order.",
                    table="patients",
                    columns=("patient_id",),
                    counts={"shared pairs of values": int(shared), "of": int(of)},
                    examples=examples,
                )
            )
        return findings


class InformativeOrder(Check):
    """Order of rows or ids, or prefixes of ids, associated with the outcome."""

    code = "CHK105"
    title = "The order of rows or ids follows the outcome"
    effect = (
        "Anything that uses the order leaks the outcome: an unshuffled split, a row number kept "
        "as a column, an id turned into a number. The file was probably assembled by outcome, so "
        "cases and controls may differ in other respects too."
    )
    remedy = (
        "Sort patients at random and use ids without meaning. Ask how the file was assembled, and "
        "whether both groups come from the same time and ward. Splits here are made by patient "
        "after shuffling, so the order alone makes no result false."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Rank patients by row and by the number in their id."""
        people, findings = context.people, []
        labels = [label for label in context.need_labels() if label.event.sum() >= MIN_EVENTS]
        if not labels:
            raise NotApplicable(f"no outcome has {MIN_EVENTS} patients with it")
        for name, score, table in _orders(context):
            placed = np.isfinite(score)
            for label in labels:
                known = placed & label.known
                association = _association(score[known], label.event[known])
                if association:
                    findings.append(
                        self.finding(
                            f"{name} predicts {label.name} ({association}).",
                            table=table,
                            columns=("patient_id",),
                            counts={
                                "patients": int(known.sum()),
                                "events": int(label.event.sum()),
                                **label.left_out,
                            },
                        )
                    )
                    break
        return findings + self._prefix(context, labels, people)

    def _prefix(
        self, context: AuditContext, labels: list[OutcomeLabel], people: pd.DataFrame
    ) -> list[Finding]:
        from scipy.stats import chi2_contingency

        prefix = pd.Series(context.ids).str.extract(r"^(.*?)\d*$")[0].fillna("")
        counts = prefix.value_counts()
        if not 2 <= len(counts) <= 20:
            return []
        for label in labels:
            table = pd.crosstab(prefix[label.known], label.event[label.known]).to_numpy()
            if table.shape[1] < 2 or table.sum(axis=1).max() == table.sum():
                continue
            chance = float(chi2_contingency(table)[1])
            spread = table[:, 1] / table.sum(axis=1)
            large = table.sum(axis=1) >= MIN_EVENTS
            if chance < 1e-6 and large.sum() >= 2 and np.ptp(spread[large]) >= 0.3:
                low, high = 100 * spread[large].min(), 100 * spread[large].max()
                return [
                    self.finding(
                        f"The letters before the number in patient_id predict {label.name}: its "
                        f"rate ranges from {low:.0f}% to {high:.0f}% between prefixes.",
                        table="patients",
                        columns=("patient_id",),
                        counts={"prefixes": len(counts)},
                    )
                ]
        return []


class PersonsInTheExport(Check):
    """Columns that identify a person by name or content."""

    code = "CHK106"
    title = "The export identifies persons"
    effect = (
        "Results do not change, but names, birth dates, numbers and addresses must not leave the "
        "hospital, and rejects.csv quotes its input."
    )
    remedy = (
        "Run `cytocast pseudonymise`, which drops these columns, replaces patient_id with a keyed "
        "pseudonym and removes dates; or do so at the source. The audit quotes none of them."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Inspect the names of all columns and the format of their cells."""
        findings = []
        for table, raw in context.raw.items():
            for column in raw.columns.drop("_line", errors="ignore"):
                reason = identifies_persons(column, raw[column])
                if reason:
                    rows = raw[raw[column] != ""]
                    findings.append(
                        self.finding(
                            f"{table} column '{column}' identifies persons: {reason}.",
                            table=table,
                            columns=(column,),
                            counts={"rows": len(rows)},
                            examples=[
                                Example(context.files[table], int(line), column)
                                for line in rows["_line"].head(2)
                            ],
                        )
                    )
        return findings


def shared_courses(labs: pd.DataFrame) -> pd.DataFrame:
    """Return pairs of patients with similar lab courses.

    A course is the set of ``(analyte, value, next value)`` of a patient. Equal consecutive values
    are left out, so that limits and constants do not count. Only steps of two to six patients
    are compared, because frequent steps agree by chance.

    Parameters
    ----------
    labs : DataFrame
        From :func:`~pipeline.audit.lenient_tables.lab_frame`.

    Returns
    -------
    DataFrame
        ``first, second`` (patient codes), ``shared``, ``of`` and ``share``.
    """
    rows = labs[labs["number"].notna() & labs["hours"].notna() & (labs["patient"] >= 0)]
    rows = rows.sort_values(["patient", "key", "hours", "line"], kind="stable")
    follows = (rows["patient"] == rows["patient"].shift(-1)) & (
        rows["key"] == rows["key"].shift(-1)
    )
    steps = pd.DataFrame(
        {
            "patient": rows["patient"],
            "step": rows.groupby(["key", "number", rows["number"].shift(-1)], sort=False).ngroup(),
        }
    )[follows & (rows["number"] != rows["number"].shift(-1))].drop_duplicates()
    total = steps.groupby("patient").size()
    holders = steps.groupby("step")["patient"].transform("size")
    rare = steps[holders.between(2, MOST_HOLDERS)]
    both = rare.merge(rare, on="step")
    both = both[both["patient_x"] < both["patient_y"]]
    pairs = both.groupby(["patient_x", "patient_y"]).size().reset_index(name="shared")
    pairs.columns = pd.Index(["first", "second", "shared"])
    pairs["of"] = np.minimum(pairs["first"].map(total), pairs["second"].map(total))
    pairs["share"] = pairs["shared"] / pairs["of"]
    similar = pairs[(pairs["shared"] >= MIN_SHARED) & (pairs["share"] >= MIN_SHARE)]
    return similar.sort_values("shared", ascending=False, kind="stable", ignore_index=True)


def _orders(context: AuditContext) -> list[tuple[str, np.ndarray, str]]:
    """Orders of patients: by row in patients, by number in the id, by first row in labs."""
    people, labs = context.people, context.labs
    rows = people["line"].where(people["line"] > 0).to_numpy(dtype=float)
    first = labs[labs["patient"] >= 0].groupby("patient")["line"].min()
    seen = first.reindex(people.index).to_numpy(dtype=float)
    digits = [re.findall(r"\d+", item) for item in context.ids]
    number = np.array([float(groups[-1][:15]) if groups else np.nan for groups in digits])
    return [
        ("The order of rows in patients", rows, "patients"),
        ("The number in patient_id", number, "patients"),
        ("The order of patients in labs", seen, "labs"),
    ]


def _association(score: np.ndarray, event: np.ndarray) -> str:
    """How an order is associated with an event, as a trend or in blocks; empty if it is not."""
    if min(event.sum(), (~event).sum()) < MIN_EVENTS:
        return ""
    auc, z = rank_auc(score, event)
    if abs(z) >= MIN_Z and abs(auc - 0.5) >= 0.1:
        return f"AUROC {max(auc, 1 - auc):.2f}"
    ordered = event[np.argsort(score, kind="stable")]
    runs, n = 1 + int((ordered[1:] != ordered[:-1]).sum()), len(ordered)
    share = float(ordered.mean())
    mean = 1 + 2 * n * share * (1 - share)
    deviation = np.sqrt(max((mean - 1) * (mean - 2) / (n - 1), 1e-9))
    if (runs - mean) / deviation <= -MIN_Z_RUNS and runs < 0.6 * mean:
        return f"{runs} blocks, {mean:.0f} expected"
    return ""
