"""CHK306 and CHK307: numbers without an amount, as scores of a group and drugs without a dose."""

from __future__ import annotations

import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.cohort.column_words import listed
from pipeline.cohort.drug_names import drug_named
from pipeline.cohort.relative_units import relative_unit
from pipeline.cohort.schema import to_number
from pipeline.resources import schema_yaml

MIN_RESULTS = 30
MIN_SIGN = 0.05  # share of negative and of positive numbers of a score around zero
MIN_WITHOUT = 0.5  # share of steroid doses without an amount
_PURE = ("", "1", "{score}")  # units of numbers without a dimension


class ScoresOfAGroup(Check):
    """Numbers around zero without a physical unit, such as z-scores."""

    code = "CHK306"
    title = "Scores relative to a group of patients"
    effect = (
        "A z-score depends on the patients whose mean and SD it uses. If they include the test "
        "patients, performance is slightly too good; scores of two hospitals are not comparable."
    )
    remedy = (
        "Export the measured values. Otherwise compute every score with the mean and SD of one "
        "stated group, here and at every later hospital."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Look for analytes without a dimension whose numbers have both signs around zero."""
        labs = context.need_labs()
        labs = labs[labs["number"].notna() & labs["unit"].map(_dimensionless).astype(bool)]
        findings = []
        for key, part in labs.groupby("key", sort=True):
            number = part["number"]
            signs = min((number < 0).mean(), (number > 0).mean())
            if len(part) < MIN_RESULTS or signs < MIN_SIGN:
                continue
            findings.append(
                self.finding(
                    f"{key}: {len(part)} results without a physical unit, {number.min():g} to "
                    f"{number.max():g}, mean {number.mean():.2f}, SD {number.std():.2f}.",
                    table="labs",
                    columns=("value", "unit"),
                    counts={"rows": len(part), "patients": int(part["patient"].nunique())},
                    examples=context.examples("labs", part, "value"),
                )
            )
        return findings


class DosesWithoutAmount(Check):
    """Corticosteroids without a dose, or named only by their class."""

    code = "CHK307"
    title = "Steroids without an amount"
    effect = (
        "A tapering dose and high-dose rescue look the same, so the estimate cannot depend on the "
        "amount. Cumulative doses are unknown."
    )
    remedy = (
        "Export drug, dose and unit of every administration. If only the days of treatment are "
        "known, do not interpret the contribution of steroids as a dose effect."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Count steroid administrations by whether drug and dose are known."""
        raw = context.raw.get("treatments", pd.DataFrame())
        if "drug" not in raw:
            raise NotApplicable("there is no table of treatments")
        keys = raw["drug"].map({text: drug_named(text) for text in raw["drug"].unique()})
        drugs = schema_yaml("drugs.yaml")["drugs"]
        steroids = {key for key, drug in drugs.items() if drug["class"] == "corticosteroid"}
        rows = raw.assign(key=keys)[keys.isin(steroids)]
        if rows.empty:
            raise NotApplicable("no corticosteroid is charted")
        named = {key for key in steroids if "dex_equivalent" in drugs[key]}
        stated = to_number(rows["dose"]) > 0 if "dose" in rows else False
        vague = rows[~(rows["key"].isin(named) & stated)]
        if len(vague) < MIN_WITHOUT * len(rows):
            return []
        classes = rows.loc[~rows["key"].isin(named), "drug"].value_counts()
        by_class = [f"{name} ({count})" for name, count in classes.items()]
        only = f"; named only by class: {listed(by_class)}" if by_class else ""
        return [
            self.finding(
                f"{len(vague)} of {len(rows)} steroid administrations have no amount of a named "
                f"drug{only}.",
                table="treatments",
                columns=("drug", "dose"),
                counts={"rows": len(vague), "of": len(rows)},
                examples=context.examples("treatments", vague.assign(line=vague["_line"]), "drug"),
            )
        ]


def _dimensionless(unit: str) -> bool:
    """Whether a unit is empty, one, or relative to an assay or a group."""
    return unit in _PURE or relative_unit(unit) is not None
