"""CHK101: constants that stand for the outcome, as when gaps were filled group by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import gammaln

from pipeline.cohort.audit.check import Check
from pipeline.cohort.audit.context import AuditContext
from pipeline.cohort.audit.finding import Finding
from pipeline.cohort.audit.words import listed

MIN_PATIENTS = 6
MIN_PURITY = 0.98
MIN_NEIGHBOURS = 80
LOG_ALPHA = np.log(1e-8)


class EncodingConstants(Check):
    """Exact values that recur in many patients, always with one grade, unlike their neighbours."""

    code = "CHK101"
    title = "Repeated constants encode the outcome"
    severity = "error"
    effect = (
        "A model reads the grade off the constant instead of the biology. Every figure of merit is "
        "then too good, and the model is worthless on data filled in any other way."
    )
    remedy = (
        "Export the labs without imputed values: leave a result out where none was measured. "
        "Ask who filled the gaps, and whether the fill used the grade of the day."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Look at the grade of the day on every scale, and at who has each outcome."""
        labs, findings = context.need_labs(), []
        labels = context.need_labels()
        targets = {
            f"the {scale} grade of the day": context.lab_grade(scale)
            for scale in dict.fromkeys(label.scale for label in labels)
        }
        for label in labels:
            event = np.append(label.event, False)[labs["patient"]].astype(float)
            targets[f"who has {label.name}"] = np.where(labs["patient"] >= 0, event, np.nan)
        taken = np.zeros(len(labs), dtype=bool)
        for words, target in targets.items():
            rows = labs.assign(target=target)[~taken & np.isfinite(target)]
            constants = encoding_constants(rows[rows["side"] == 0])
            if constants.empty:
                continue
            marked = rows.merge(constants, on=["key", "number"], how="left")
            coded = marked["encoded"].notna().to_numpy()
            taken[labs.index.get_indexer(rows.index[coded])] = True
            findings.append(self._report(context, rows, marked, constants, words))
        return findings

    def _report(
        self,
        context: AuditContext,
        rows: pd.DataFrame,
        marked: pd.DataFrame,
        constants: pd.DataFrame,
        words: str,
    ) -> Finding:
        coded = marked["encoded"].notna().to_numpy()
        votes = marked[coded].groupby(["patient", "day"])
        decoded = votes["encoded"].agg(lambda item: item.mode().iloc[0])
        right = float((decoded == votes["target"].first()).mean())
        days = marked.drop_duplicates(["patient", "day"])
        covered = len(decoded) / len(days)
        digits = constants["number"].map(lambda item: len(f"{item:g}".replace(".", "")))
        strongest = constants.iloc[
            int((digits >= 4).to_numpy().argmax())
        ]  # an odd number shows more
        keys = list(dict.fromkeys(constants["key"]))
        summary = (
            f"{len(constants)} values of {len(keys)} analytes ({listed(keys)}) recur with one "
            f"label only, while neighbouring values do not: {strongest['number']:.6g} of "
            f"{strongest['key']} in {strongest['n']} rows, with {words} = "
            f"{strongest['encoded']:g}. {100 * covered:.1f} % of patient-days hold at least one "
            f"such constant, and on {100 * right:.1f} % of them it alone tells {words}."
        )
        first = rows[(rows["key"] == strongest["key"]) & (rows["number"] == strongest["number"])]
        return self.finding(
            summary,
            table="labs",
            columns=("value",),
            counts={
                "constants": len(constants),
                "analytes": len(keys),
                "rows": int(coded.sum()),
                "share of rows": round(float(coded.mean()), 4),
                "patient-days decoded": round(covered, 4),
                "decoded correctly": round(right, 4),
            },
            examples=context.examples("labs", first, "value"),
        )


def encoding_constants(rows: pd.DataFrame) -> pd.DataFrame:
    """Values whose label is far purer than that of the values around them.

    For a value of ``n`` patients that all carry label ``g`` and ``m`` neighbouring rows of which
    ``M`` carry another, the chance that none of the ``M`` falls on the value is hypergeometric,
    ``C(m, M) / C(m + n, M)``; it must lie below 1e-8 divided by the number of values looked at.

    Parameters
    ----------
    rows : DataFrame
        ``key, number, patient, target``, exact results with a known label.

    Returns
    -------
    DataFrame
        ``key, number, encoded, n``, strongest first.
    """
    rows = rows[rows["number"].notna()].sort_values(["key", "number"], kind="stable")
    groups = rows.groupby(["key", "number"], sort=True)
    table = groups.agg(n=("target", "size"), patients=("patient", "nunique")).reset_index()
    pairs = rows.groupby(["key", "number", "target"], sort=True).size().reset_index(name="top")
    pairs = pairs.sort_values("top", kind="stable").drop_duplicates(["key", "number"], keep="last")
    table = table.merge(pairs, on=["key", "number"])
    table["end"] = table["n"].cumsum()
    table["start"] = table["end"] - table["n"]
    bounds = table.groupby("key").agg(low=("start", "min"), high=("end", "max"))
    table = table.join(bounds, on="key")
    inner = (table["start"] > table["low"]) & (table["end"] < table["high"])
    pure = table["top"] >= MIN_PURITY * table["n"]
    chosen = table[inner & pure & (table["patients"] >= MIN_PATIENTS)]
    target = rows["target"].to_numpy(dtype=float)
    fields = ["start", "end", "low", "high", "patients", "target"]
    chance = [_log_chance(target, *row) for row in chosen[fields].to_numpy().tolist()]
    chosen = chosen.assign(chance=np.array(chance, dtype=float))
    found: pd.DataFrame = chosen[chosen["chance"] < LOG_ALPHA - np.log(max(len(chosen), 1))]
    found = found.sort_values("chance", kind="stable", ignore_index=True)
    return found.rename(columns={"target": "encoded"})[["key", "number", "encoded", "n"]]


def _log_chance(
    target: np.ndarray, start: float, end: float, low: float, high: float, n: float, label: float
) -> float:
    """Log of the chance that none of the other labels around a value falls on the value."""
    width = max(MIN_NEIGHBOURS, 4 * int(n)) // 2
    before = target[max(int(start) - width, int(low)) : int(start)]
    after = target[int(end) : min(int(end) + width, int(high))]
    m = len(before) + len(after)
    misses = int((before != label).sum() + (after != label).sum())
    return float(_log_choose(m, misses) - _log_choose(m + int(n), misses))


def _log_choose(n: int, k: int) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
