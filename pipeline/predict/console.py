"""The result of a prediction in words for stdout; of a finished run just the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.cohort.refusals import mostly_refused_lines
from pipeline.config import CohortConfig
from pipeline.predict.outputs import REPORT
from pipeline.predict.statuses import ABSTAINED, REJECTED
from pipeline.report.format import joined

_CODES = 5
_ABOUT_FLAGS = {
    "unknown_drug": " (doses of drugs that are not recognised, so without any effect)",
    "drug_in_text": " (doses of drugs recognised by a name within a longer text)",
}


def console_words(out: Path, summary: Mapping[str, Any], rejects: pd.DataFrame) -> str:
    """What ``cytocast predict`` prints.

    Parameters
    ----------
    summary : mapping
        Content of ``run_summary.json``.
    rejects : DataFrame
        Content of ``rejects.csv``.
    """
    lines = []
    if summary["synthetic_model"]:
        lines.append("SYNTHETIC model: trained on simulated patients.")
    lines.append(f"patients read: {summary['patients']}, results in {out}")
    lines += [f"  {name}: {status_words(each)}" for name, each in summary["statuses"].items()]
    lines += [f"  {line}" for line in mostly_refused_lines(rejects, summary["files"])]
    if summary["patients_mostly_refused"]:
        lines.append(
            "  patients of whom most results were refused, so that no risk is given: "
            f"{summary['patients_mostly_refused']}"
        )
    lines += [f"  read as in training: {said}" for said in summary["reading"]]
    lines.append(f"  refused rows or cells: {len(rejects)}, see {out / 'rejects.csv'}")
    for code, number in rejects["code"].value_counts().head(_CODES).items():
        lines.append(f"    {code}: {number}")
    flags: Counter[str] = Counter()
    for each in summary["flags"].values():
        flags.update(each)
    if flags:
        lines.append(f"  flagged, used all the same: {flags.total()}, see {out / 'flags.csv'}")
    for code, number in flags.most_common():
        lines.append(f"    {code}: {number}{_ABOUT_FLAGS.get(code, '')}")
    unscored = summary["patients_without_estimate"]
    if unscored:
        lines.append(f"  patients without an estimate because of their input: {unscored}")
    since = summary["patients_charted_since"]
    if since:
        lines.append(
            "  patients with a grade, a drug or a death charted after their estimate, so no part "
            f"of it: {since}, an event or a death among them: {summary['patients_overtaken']}"
        )
        lines.append("    --as-of (make: AS_OF=) with the present moment counts what was charted")
    if summary["pages"]:
        lines.append(f"  ward list and pages: {out / REPORT / 'index.html'}")
    if summary["emit"]:
        lines.append(f"  FHIR RiskAssessment resources: {out / 'riskassessments.ndjson'}")
    lines.append("Research use only; not for clinical decisions.")
    return "\n".join(lines)


def status_words(counts: Mapping[str, int]) -> str:
    """Patients per status; the abstention rate is of those whose input could be used.

    Examples
    --------
    >>> status_words({"ok": 3, "abstained": 1, "rejected": 2})
    '1 abstained, 3 ok, 2 rejected (abstention rate 25 %)'
    >>> status_words({"rejected": 3})
    '3 rejected (nobody could be scored)'
    """
    said = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    usable = sum(counts.values()) - counts.get(REJECTED, 0)
    if not usable:
        return f"{said} (nobody could be scored)"
    return f"{said} (abstention rate {100 * counts.get(ABSTAINED, 0) / usable:.0f} %)"


def reading_words(config: CohortConfig) -> list[str]:
    """What the training cohort's settings do to the numbers and dates of a batch; one line or none.

    Examples
    --------
    >>> reading_words(CohortConfig(decimal_comma=True, date_order="day_first"))
    ['a comma before decimals (12,5 is 12.5); dates with the day first (01/03 is 1 March)']
    >>> reading_words(CohortConfig())
    []
    """
    said = []
    if config.decimal_comma is not None:
        mark, example = (
            ("comma", "12,5 is 12.5") if config.decimal_comma else ("point", "12,500 is 12500")
        )
        said.append(f"a {mark} before decimals ({example})")
    if config.date_order is not None:
        first, example = {
            "day_first": ("day", "1 March"),
            "month_first": ("month", "3 January"),
        }[config.date_order]
        said.append(f"dates with the {first} first (01/03 is {example})")
    if config.time_zone is not None:
        said.append(f"times without offset in {config.time_zone}")
    if config.assume_units:
        said.append(f"units assumed for {joined(sorted(config.assume_units))}")
    return ["; ".join(said)] if said else []
