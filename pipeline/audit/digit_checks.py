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
    """The digit 0, or another one, that numbers of this size should hold and do not."""

    code = "CHK201"
    title = "A digit is missing from the numbers"
    effect = (
        "A deleted 0 turns 105.2 into 15.2: values are wrong by up to powers of ten and cannot be "
        "told from right ones. Trends and peaks of the analyte mean little."
    )
    remedy = (
        "Export the analyte again as text. Look for a step that strips zeros, a replace, or a "
        "scan read by machine. If it cannot be repaired, leave the analyte out of "
        "features.analytes."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Count digits inside the numbers of each analyte, every distinct value once."""
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
                        f"{key}: the digit {digit} stands {counts[digit]} times among {total} "
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
    """Values piled up at one number where the distribution breaks off, without a comparator."""

    code = "CHK202"
    title = "A silent detection limit"
    effect = (
        "A capped value is read as exact. The lowest or highest value is inferred as a limit in "
        "training and stored, but a limit with values beyond it is not, so trends across it are "
        "false."
    )
    remedy = (
        "Export the comparator with the number (<5, >5000), or state lloq and uloq on the rows. "
        "Several limits mean several assays or dilutions: state assay too."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Look for a pile at either end of each analyte and unit, with few values beyond it."""
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
                past = f"; {beyond} values lie beyond it" if beyond else ""
                findings.append(
                    self.finding(
                        f"{key}: {count} of {len(part)} results ({100 * count / len(part):.0f} %) "
                        f"are exactly {amount}, the {end} end of the distribution{past}.",
                        table="labs",
                        columns=("value",),
                        counts={"analyte": str(key), "rows": count, "of": len(part)},
                        examples=context.examples("labs", rows, "value"),
                    )
                )
        return findings


class CodeBeyondLimit(Check):
    """A maximum such as 301 or 2501 that recurs: one more than a round upper limit."""

    code = "CHK203"
    title = "A code just beyond a limit"
    effect = (
        "301 means more than 300. Read as a number it is a little too small for very ill patients, "
        "and the model takes a limit of the machine for a fact about the patient."
    )
    remedy = "Replace the code by the limit with its comparator: >300 for 301, >2500 for 2501."

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
    """Numbers and dates that stand for "no result"."""

    code = "CHK204"
    title = "Numbers or dates that mean missing"
    effect = (
        "Negative numbers are rejected unless the analyte is signed, but 9999 may pass as a very "
        "high result and turn a patient without a measurement into the sickest of the ward."
    )
    remedy = "Leave the row out, or leave the value blank and give the status cancelled."

    def check(self, context: AuditContext) -> list[Finding]:
        """Look for negative numbers, for listed codes far from everything else, for odd years."""
        findings = []
        codes = [float(item) for item in audit_settings("sentinels")]
        for key, part in context.labs.groupby("key", sort=True):
            number, signed = part["number"].to_numpy(), part["by_difference"].to_numpy()
            size = np.where(signed, np.abs(number), number)
            chosen = np.isin(number, codes) & _far_out(size)
            chosen |= (number < 0) & ~signed
            if chosen.any():
                rows = part[chosen]
                found = ", ".join(f"{item:g}" for item in sorted(rows["number"].unique())[:5])
                findings.append(
                    self.finding(
                        f"{key}: {len(rows)} results read {found}.",
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
                            f"{table} column '{column}': {len(rows)} times stand for no time.",
                            table=table,
                            columns=(column,),
                            counts={"rows": len(rows)},
                            examples=context.examples(table, rows, column),
                        )
                    )
        return findings


def inner_digits(texts: pd.Series) -> np.ndarray:
    """How often each digit stands inside the numbers, where every digit is about equally likely.

    The first significant digit is left out, because it is never 0, and so is the last digit after
    a decimal point, because 12.0 may have been written 12.

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
    """Numbers that may be a limit: positive ones, and any but zero where they may be negative."""
    number = labs["number"]
    return (number > 0) | (labs["by_difference"] & number.notna() & (number != 0))


def piles_at_limit(
    numbers: np.ndarray, *, by_difference: bool = False
) -> list[tuple[float, int, int, str]]:
    """Piles of equal values where a distribution breaks off.

    A pile holds at least eight values and 1 % of all, four times as many as the ten values next to
    it on the inner side on average and twice as many as any of them; at most a fifth of its own
    number, and 2 % of all, lie beyond it. Results below half a lower limit disprove it, because
    no dilution brings them there. At the very end three equal values are a pile where the
    ten next values are all different.

    Parameters
    ----------
    by_difference : bool
        Whether the numbers are logarithms or signed. Results more than one below a lower limit
        then disprove it.

    Returns
    -------
    list of (value, count, beyond, end)

    Examples
    --------
    >>> piles_at_limit(np.concatenate([np.arange(1.0, 101.0), np.full(30, 120.0), [300.0]]))
    [(120.0, 30, 1, 'upper')]
    """
    values, counts = np.unique(numbers, return_counts=True)
    found = []
    if len(values) < 12:
        return []
    for end, order in (("lower", slice(None)), ("upper", slice(None, None, -1))):
        run, ordered = counts[order], values[order]
        beyond = np.concatenate([[0], np.cumsum(run)[:-1]])
        allowed = beyond <= np.minimum(0.02 * len(numbers), 0.2 * run)
        if end == "lower":
            allowed &= ordered <= (ordered[0] + 1.0 if by_difference else 2.0 * ordered[0])
        for place in np.flatnonzero(allowed & (run >= 3)):
            near, count = run[place + 1 : place + 11], int(run[place])
            if len(near) < 10:
                continue
            large = count >= max(8, 0.01 * len(numbers))
            piled = large and count >= 4 * near.mean() and count >= 2 * near.max()
            if piled or (place == 0 and end == "upper" and near.max() == 1):
                found.append((float(ordered[place]), count, int(beyond[place]), end))
    return found


def _one_past_round(number: float) -> bool:
    """Whether a whole number is one more than a number with one or two leading digits."""
    limit = number - 1
    if number != np.floor(number) or limit < 20:
        return False
    power = 10.0 ** (np.floor(np.log10(limit)) - 1)
    return (power >= 5 and limit % power == 0) or limit in (50.0, 60.0, 80.0)


def _far_out(number: np.ndarray) -> np.ndarray:
    """Whether each number lies far above the rest: twice the 99th percentile of the others."""
    known = number[np.isfinite(number)]
    if len(known) < 20:
        return np.zeros(len(number), dtype=bool)
    codes = [abs(float(item)) for item in audit_settings("sentinels")]
    others = known[~np.isin(known, codes)]
    if len(others) == 0:
        return np.asarray(np.isfinite(number))
    return np.asarray(number > 2 * np.quantile(others, 0.99))
