"""CHK201 to CHK204: lost digits, silent limits, codes just beyond a limit, and sentinels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Finding
from pipeline.audit.null_statistics import log_binomial_tail
from pipeline.cohort.column_words import audit_settings

MIN_DIGITS = 60
LOG_ALPHA = np.log(1e-5)


class MissingDigit(Check):
    """A digit, mostly 0, that is absent from numbers of this size."""

    code = "CHK201"
    title = "A digit is missing from the numbers"
    effect = (
        "A deleted 0 turns 105.2 into 15.2: values are wrong by up to powers of ten and cannot be "
        "distinguished from correct ones. Trends and peaks of the analyte are unreliable."
    )
    remedy = (
        "Export the analyte again as text. Look for a step that strips zeros, a text replacement "
        "or optical character recognition. If it cannot be repaired, remove the analyte from "
        "features.analytes."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Count inner digits of the distinct values of each analyte."""
        findings = []
        for key, part in context.need_labs().groupby("key", sort=True):
            exact = part[(part["side"] == 0) & part["number"].notna() & (part["number"] > 0)]
            distinct = exact.drop_duplicates("number")
            counts = inner_digits(distinct["text"])
            total = int(counts.sum())
            if total < MIN_DIGITS:
                continue
            for digit in np.flatnonzero(counts < 0.02 * total):
                others = np.delete(counts, digit) / total
                expected = 0.5 * min(0.1, float(np.median(others)))
                if log_binomial_tail(total - int(counts[digit]), total, 1 - expected) > LOG_ALPHA:
                    continue
                findings.append(
                    self.finding(
                        f"{key}: the digit {digit} occurs {counts[digit]} times among {total} "
                        f"inner digits of {len(distinct)} distinct values, where about "
                        f"{total / 10:.0f} are expected.",
                        table="labs",
                        columns=("value",),
                        counts={"analyte": str(key), "digits": total, "found": int(counts[digit])},
                        examples=context.examples("labs", distinct, "value"),
                    )
                )
        return findings


class SilentLimit(Check):
    """Many equal values at an end of the distribution, without a comparator."""

    code = "CHK202"
    title = "A silent detection limit"
    effect = (
        "A capped value is read as exact. Training infers the lowest or highest value as a limit "
        "and stores it, but not a limit with values beyond it, so trends across it are false."
    )
    remedy = (
        "Export the comparator with the number (<5, >5000), or state lloq and uloq on the rows. "
        "Several limits mean several assays or dilutions; then state the assay too."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Look for a pile of equal values at either end of each analyte and unit."""
        labs = context.need_labs()
        exact = labs[(labs["side"] == 0) & _countable(labs)]
        findings = []
        for (key, unit), part in exact.groupby(["key", "unit"], sort=True):
            signed = bool(part["by_difference"].iloc[0])
            for value, count, beyond, end in piles_at_limit(
                part["number"].to_numpy(), by_difference=signed
            ):
                rows = part[part["number"] == value]
                amount = f"{value:g} {unit}".strip()
                rest = f"; {beyond} values lie beyond it" if beyond else ""
                findings.append(
                    self.finding(
                        f"{key}: {count} of {len(part)} results ({100 * count / len(part):.0f}%) "
                        f"are exactly {amount}, the {end} end of the distribution{rest}.",
                        table="labs",
                        columns=("value",),
                        counts={"analyte": str(key), "rows": count, "of": len(part)},
                        examples=context.examples("labs", rows, "value"),
                    )
                )
        return findings


class CodeBeyondLimit(Check):
    """A recurring maximum one above a round upper limit, for example 301 or 2501."""

    code = "CHK203"
    title = "A code just beyond a limit"
    effect = (
        "301 means more than 300. Read as a number it is too low for very ill patients, and the "
        "model treats a limit of the instrument as a property of the patient."
    )
    remedy = "Replace the code with the limit and its comparator: >300 for 301, >2500 for 2501."

    def check(self, context: AuditContext) -> list[Finding]:
        """Look at the largest value of each analyte and unit."""
        labs = context.need_labs()
        exact = labs[(labs["side"] == 0) & (labs["number"] > 0)]
        findings = []
        for (key, unit), part in exact.groupby(["key", "unit"], sort=True):
            top = float(part["number"].max())
            rows = part[part["number"] == top]
            below = int((part["number"] == top - 1).sum())
            if len(rows) >= 3 and _one_past_round(top) and below < len(rows):
                findings.append(
                    self.finding(
                        f"{key}: the largest value, {top:g} {unit}, occurs {len(rows)} times; it "
                        f"is one more than the round limit {top - 1:g}.",
                        table="labs",
                        columns=("value",),
                        counts={"analyte": str(key), "rows": len(rows)},
                        examples=context.examples("labs", rows, "value"),
                    )
                )
        return findings


class Sentinels(Check):
    """Numbers and dates that mean "no result"."""

    code = "CHK204"
    title = "Numbers or dates that mean missing"
    effect = (
        "Negative numbers are rejected unless the analyte is signed, but 9999 may be accepted as a "
        "very high result, so that a patient without a measurement looks severely ill."
    )
    remedy = "Omit the row, or leave the value blank and set the status to cancelled."

    def check(self, context: AuditContext) -> list[Finding]:
        """Look for negative numbers, codes far from other values, and placeholder dates."""
        findings = []
        codes = [float(item) for item in audit_settings("sentinels")]
        for key, part in context.labs.groupby("key", sort=True):
            number, signed = part["number"].to_numpy(), part["by_difference"].to_numpy()
            size = np.where(signed, np.abs(number), number)
            chosen = np.isin(number, codes) & _far_out(size)
            chosen |= (number < 0) & ~signed
            if chosen.any():
                rows = part[chosen]
                numbers = ", ".join(f"{item:g}" for item in sorted(rows["number"].unique())[:5])
                findings.append(
                    self.finding(
                        f"{key}: {len(rows)} results are {numbers}.",
                        table="labs",
                        columns=("value",),
                        counts={"analyte": str(key), "rows": len(rows)},
                        examples=context.examples("labs", rows, "value"),
                    )
                )
        return findings + self._dates(context)

    def _dates(self, context: AuditContext) -> list[Finding]:
        findings = []
        for table, raw in context.raw.items():
            for column in raw.columns:
                if not (column.endswith("_at") or column.endswith("_time")):
                    continue
                odd = raw[column].str.match(r"(?:9999|2999|1900-01-01|1970-01-01|0001)")
                if odd.any():
                    rows = raw[odd].assign(line=raw.loc[odd, "_line"])
                    findings.append(
                        self.finding(
                            f"{table} column '{column}': {len(rows)} dates mean a missing time.",
                            table=table,
                            columns=(column,),
                            counts={"rows": len(rows)},
                            examples=context.examples(table, rows, column),
                        )
                    )
        return findings


def inner_digits(texts: pd.Series) -> np.ndarray:
    """Count the inner digits of numbers, which are about equally likely.

    The first significant digit is left out, because it is never 0, and so is the last digit after
    a decimal point, because 12.0 may be written as 12.

    Parameters
    ----------
    texts : Series of str
        Numbers as exported.

    Returns
    -------
    ndarray of int, shape (10,)

    Examples
    --------
    >>> inner_digits(pd.Series(["105.2", "0.30", "88"]))[[0, 5, 8]].tolist()
    [1, 1, 1]
    """
    plain = texts[texts.str.fullmatch(r"\d+\.?\d*")]
    digits = plain.str.replace(".", "", regex=False).str.lstrip("0")
    digits = digits.where(~plain.str.contains(".", regex=False), digits.str.slice(0, -1))
    joined = "".join(digits.str.slice(1))
    return np.bincount(np.frombuffer(joined.encode(), dtype=np.uint8) - 48, minlength=10)[:10]


def _countable(labs: pd.DataFrame) -> pd.Series:
    """Whether a number may be a limit: if it is positive, or not zero for signed analytes."""
    number = labs["number"]
    return (number > 0) | (labs["by_difference"] & number.notna() & (number != 0))


def piles_at_limit(
    numbers: np.ndarray, *, by_difference: bool = False
) -> list[tuple[float, int, int, str]]:
    """Find piles of equal values at the ends of a distribution.

    A pile has at least eight values and 1% of all values. It has four times as many values as
    the mean of its ten inner neighbours, and twice as many as any of them. Beyond it lie at most
    a fifth as many values, and at most 2% of all values. Values below half of a lower pile
    exclude it, because no dilution explains them. At the upper end, three equal maxima are a
    pile if the ten next values are all distinct.

    Parameters
    ----------
    numbers : ndarray of float, shape (n,)
        Exact results of one analyte and unit.
    by_difference : bool
        Whether the numbers are logarithms or signed. Values more than one below a lower pile
        then exclude it.

    Returns
    -------
    list of (float, int, int, str)
        Value, count, number of values beyond it, and ``"lower"`` or ``"upper"``.

    Examples
    --------
    >>> piles_at_limit(np.concatenate([np.arange(1.0, 101.0), np.full(30, 120.0), [300.0]]))
    [(120.0, 30, 1, 'upper')]
    """
    values, counts = np.unique(numbers, return_counts=True)
    piles = []
    if len(values) < 12:
        return []
    for end, order in (("lower", slice(None)), ("upper", slice(None, None, -1))):
        run, ordered = counts[order], values[order]
        beyond = np.concatenate([[0], np.cumsum(run)[:-1]])
        allowed = beyond <= np.minimum(0.02 * len(numbers), 0.2 * run)
        if end == "lower":
            allowed &= ordered <= (ordered[0] + 1.0 if by_difference else 2.0 * ordered[0])
        for index in np.flatnonzero(allowed & (run >= 3)):
            near, count = run[index + 1 : index + 11], int(run[index])
            if len(near) < 10:
                continue
            large = count >= max(8, 0.01 * len(numbers))
            piled = large and count >= 4 * near.mean() and count >= 2 * near.max()
            if piled or (index == 0 and end == "upper" and near.max() == 1):
                piles.append((float(ordered[index]), count, int(beyond[index]), end))
    return piles


def _one_past_round(number: float) -> bool:
    """Whether a whole number is one more than a number with one or two leading digits."""
    limit = number - 1
    if number != np.floor(number) or limit < 20:
        return False
    power = 10.0 ** (np.floor(np.log10(limit)) - 1)
    return (power >= 5 and limit % power == 0) or limit in (50.0, 60.0, 80.0)


def _far_out(number: np.ndarray) -> np.ndarray:
    """Whether each number exceeds twice the 99th percentile of the other numbers."""
    known = number[np.isfinite(number)]
    if len(known) < 20:
        return np.zeros(len(number), dtype=bool)
    codes = [abs(float(item)) for item in audit_settings("sentinels")]
    others = known[~np.isin(known, codes)]
    if len(others) == 0:
        return np.asarray(np.isfinite(number))
    return np.asarray(number > 2 * np.quantile(others, 0.99))
