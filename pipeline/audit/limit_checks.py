"""CHK209: stated limits that are implausible, or contradicted by most results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.cohort.analytes import dictionary
from pipeline.cohort.column_words import listed
from pipeline.cohort.schema import to_number
from pipeline.cohort.stated_limits import ENDS, LOWER, UPPER, is_plausible

MIN_ROWS = 3
MIN_CONTRADICTED = 0.5  # some raw numbers lie below a correct limit, but not most of them


class ImplausibleLimits(Check):
    """Stated limits outside the plausible range, or beyond which most exact numbers lie."""

    code = "CHK209"
    title = "Stated limits are implausible"
    effect = (
        "A limit in another unit or column turns exact numbers into results below or above it. "
        "Implausible limits are not applied, but plausible wrong ones are."
    )
    remedy = "Export limits in the unit of their result, and leave unknown limits blank."

    def check(self, context: AuditContext) -> list[Finding]:
        """Check every column of limits by analyte."""
        labs = context.need_labs()
        raw = context.raw["labs"].reindex(labs.index)
        columns = [name for name in ENDS if name in raw]
        if not columns:
            raise NotApplicable("no column states limits")
        findings = []
        for column in columns:
            limit = to_number(raw[column]) * labs["factor"]
            rows = labs.assign(limit=limit)[limit.notna() & labs["key"].isin([*dictionary()])]
            wrong = _implausible(rows, ENDS[column]) | _mostly_contradicted(rows, column)
            if wrong.sum() < MIN_ROWS:
                continue
            keys = sorted(rows.loc[wrong, "key"].unique())
            summary = (
                f"{int(wrong.sum())} of {len(rows)} limits in '{column}' are implausible for their "
                f"analyte, or contradicted by most of its numbers ({listed(keys)})."
            )
            findings.append(
                self.finding(
                    summary,
                    table="labs",
                    columns=(column,),
                    counts={
                        "limits": len(rows),
                        "not possible": int(wrong.sum()),
                        "analytes": len(keys),
                    },
                    examples=context.examples("labs", rows[wrong], column),
                )
            )
        return findings


def _implausible(rows: pd.DataFrame, end: str) -> pd.Series:
    """Whether each limit lies outside the plausible range of its analyte."""
    pairs = list(rows[["key", "limit"]].itertuples(index=False, name=None))
    implausible = {
        (key, limit): not is_plausible(limit, end, dictionary()[key]) for key, limit in set(pairs)
    }
    return pd.Series([implausible[pair] for pair in pairs], index=rows.index, dtype=bool)


def _mostly_contradicted(rows: pd.DataFrame, column: str) -> pd.Series:
    """Whether a row and most exact numbers of its analyte lie beyond their stated limit."""
    contradicted = pd.Series(False, index=rows.index)
    if column not in (LOWER, UPPER):
        return contradicted
    exact = rows[(rows["side"] == 0) & np.isfinite(rows["value"])]
    low = column == LOWER
    beyond = exact["value"] < exact["limit"] if low else exact["value"] > exact["limit"]
    share = beyond.groupby(exact["key"]).mean()
    keys = share.index[share > MIN_CONTRADICTED]
    contradicted.loc[exact.index[beyond & exact["key"].isin(keys)]] = True
    return contradicted
