"""CHK209: columns of limits that no assay can have, or that most results contradict."""

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
MIN_CONTRADICTED = 0.5  # raw numbers below a limit occur; most of them do not lie there


class ImplausibleLimits(Check):
    """Stated limits outside the plausible range, or beyond which most exact numbers lie."""

    code = "CHK209"
    title = "Stated limits are not possible"
    effect = (
        "A limit in another unit, or in another column, turns exact numbers into results below or "
        "above it. Impossible ones are not applied; possible ones that are wrong are."
    )
    remedy = "Export limits in the unit of their result, and leave the cell blank where unknown."

    def check(self, context: AuditContext) -> list[Finding]:
        """Judge every column of limits, by analyte."""
        labs = context.need_labs()
        raw = context.raw["labs"].reindex(labs.index)
        columns = [name for name in ENDS if name in raw]
        if not columns:
            raise NotApplicable("no column states limits")
        findings = []
        for column in columns:
            limit = to_number(raw[column]) * labs["factor"]
            rows = labs.assign(limit=limit)[limit.notna() & labs["key"].isin([*dictionary()])]
            wrong = _impossible(rows, ENDS[column]) | _mostly_contradicted(rows, column)
            if wrong.sum() < MIN_ROWS:
                continue
            keys = sorted(rows.loc[wrong, "key"].unique())
            summary = (
                f"{int(wrong.sum())} of {len(rows)} limits in '{column}' are not possible for "
                f"their analyte, or most numbers contradict them ({listed(keys)})."
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


def _impossible(rows: pd.DataFrame, end: str) -> pd.Series:
    """Limits outside the plausible range of their analyte."""
    pairs = list(rows[["key", "limit"]].itertuples(index=False, name=None))
    judged = {
        (key, limit): not is_plausible(limit, end, dictionary()[key]) for key, limit in set(pairs)
    }
    return pd.Series([judged[pair] for pair in pairs], index=rows.index, dtype=bool)


def _mostly_contradicted(rows: pd.DataFrame, column: str) -> pd.Series:
    """Limits of analytes of which most exact numbers lie beyond the limit of their row."""
    none = pd.Series(False, index=rows.index)
    if column not in (LOWER, UPPER):
        return none
    exact = rows[(rows["side"] == 0) & np.isfinite(rows["value"])]
    low = column == LOWER
    beyond = exact["value"] < exact["limit"] if low else exact["value"] > exact["limit"]
    share = beyond.groupby(exact["key"]).mean()
    keys = share.index[share > MIN_CONTRADICTED]
    none.loc[exact.index[beyond & exact["key"].isin(keys)]] = True
    return none
