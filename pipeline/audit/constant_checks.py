"""CHK101 and CHK208: constants that recur, as after filling gaps, and may encode the outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Finding
from pipeline.audit.null_statistics import log_hypergeometric_tail
from pipeline.cohort.column_words import listed

MIN_PATIENTS = 6
MIN_PURITY = 0.9  # below 1, because a fill by calendar day includes a few days of another grade
MIN_PURITY_OF_FILLS = 0.75
MIN_NEIGHBOURS = 80
MIN_RECURRING = 8
CENTRAL = (0.05, 0.95)
LOG_ALPHA = np.log(1e-8)


class EncodingConstants(Check):
    """Exact values that recur in many patients with the same grade, unlike other values."""

    code = "CHK101"
    title = "Repeated constants encode the outcome"
    severity = "error"
    effect = (
        "A model reads the grade from the constant instead of the biology. Its performance is "
        "overestimated, and it is useless on data whose gaps are filled differently."
    )
    remedy = (
        "Export the labs without imputed values: omit a result that was not measured. Ask who "
        "filled the gaps, and whether the fill used the grade of the day."
    )

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare recurring values with the grade of the day and with the outcomes."""
        labs, findings = context.need_timed_labs(), []
        labels = context.need_labels()
        targets = {
            f"the {scale} grade of the day": context.lab_grade(scale)
            for scale in dict.fromkeys(label.scale for label in labels)
        }
        for label in labels:
            event = np.append(label.event, False)[labs["patient"]].astype(float)
            name = f"the outcome {label.name}"
            targets[name] = np.where(labs["patient"] >= 0, event, np.nan)
        taken = np.zeros(len(labs), dtype=bool)
        for name, target in targets.items():
            rows = labs.assign(target=target)[~taken & np.isfinite(target)]
            constants = encoding_constants(rows[rows["side"] == 0])
            if constants.empty:
                continue
            marked = rows.merge(constants, on=["key", "unit", "number"], how="left")
            coded = marked["encoded"].notna().to_numpy()
            taken[labs.index.get_indexer(rows.index[coded])] = True
            findings.append(self._report(context, rows, marked, constants, name))
        return findings

    def _report(
        self,
        context: AuditContext,
        rows: pd.DataFrame,
        marked: pd.DataFrame,
        constants: pd.DataFrame,
        target: str,
    ) -> Finding:
        coded = marked["encoded"].notna().to_numpy()
        votes = marked[coded].groupby(["patient", "day"])
        decoded = votes["encoded"].agg(lambda item: item.mode().iloc[0])
        right = float((decoded == votes["target"].first()).mean())
        days = marked.drop_duplicates(["patient", "day"])
        covered = len(decoded) / len(days)
        digits = constants["number"].map(lambda item: len(f"{item:g}".replace(".", "")))
        # a number of many digits is the most convincing example
        strongest = constants.iloc[int((digits >= 4).to_numpy().argmax())]
        keys = list(dict.fromkeys(constants["key"]))
        summary = (
            f"{len(constants)} values of {len(keys)} analytes ({listed(keys)}) recur with one "
            f"label, unlike other values: {strongest['number']:.6g} of {strongest['key']} in "
            f"{strongest['n']} rows, with {target} = {strongest['encoded']:g}. "
            f"{100 * covered:.1f}% of patient-days have one of these constants; it alone "
            f"predicts {target} on {100 * right:.1f}% of them."
        )
        names = ["key", "unit", "number"]
        first = rows[(rows[names] == strongest[names]).all(axis=1)]
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


class RepeatedConstants(Check):
    """One exact value inside the distribution that recurs far more often than its neighbours."""

    code = "CHK208"
    title = "A constant recurs, as after filling gaps"
    effect = (
        "Gaps filled with a mean or median look like measurements, hide that nothing was measured, "
        "and flatten trends. If the fill depends on the grade, CHK101 reports an error."
    )
    remedy = "Export the labs without imputed values; omit the row of a missing result."

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare the count of each value with those of the ten values on either side."""
        labs = context.need_labs()
        exact = labs[(labs["side"] == 0) & labs["number"].notna()]
        findings = []
        for (key, unit), part in exact.groupby(["key", "unit"], sort=True):
            values, counts = np.unique(part["number"].to_numpy(), return_counts=True)
            for index, near in outstanding_counts(counts, max(20, 0.02 * counts.sum())):
                rows = part[part["number"] == values[index]]
                if rows["patient"].nunique() < 8:
                    continue
                findings.append(
                    self.finding(
                        f"{key}: {counts[index]} of {len(part)} results are exactly "
                        f"{values[index]:g} {unit}, while no neighbouring value occurs more "
                        f"than {near} times.",
                        table="labs",
                        columns=("value",),
                        counts={"analyte": str(key), "rows": int(counts[index]), "of": len(part)},
                        examples=context.examples("labs", rows, "value"),
                    )
                )
        return findings


def encoding_constants(rows: pd.DataFrame) -> pd.DataFrame:
    """Return values whose rows share one label more often than the values compared with them.

    Two comparisons are made. Each value is compared with the rows of neighbouring values. A value
    that recurs so often that it must be a fill is also compared with fills of the same analyte
    and unit that have another label; there are none if the fills ignore the label. Only fills
    between the 5th and 95th percentile of the other values count, because detection limits lie
    at the ends.

    A value occurs in ``n`` patients, ``k`` of them with a label other than its most frequent one;
    ``M`` of the ``m`` rows compared with it have another label. The probability that at most
    ``k`` of the ``k + M`` fall on the value is a hypergeometric tail (Fisher, 10.2307/2340521).
    It must be below 1e-8 divided by the number of values tested.

    Parameters
    ----------
    rows : DataFrame
        ``key, unit, number, patient, target``: exact results with a known label.

    Returns
    -------
    DataFrame
        ``key, unit, number, encoded, n``, strongest first.
    """
    names = ["key", "unit", "number"]
    rows = rows[rows["number"].notna()].sort_values(names, kind="stable")
    groups = rows.groupby(names, sort=True)
    table = groups.agg(n=("target", "size"), patients=("patient", "nunique")).reset_index()
    pairs = rows.groupby([*names, "target"], sort=True).size().reset_index(name="top")
    pairs = pairs.sort_values("top", kind="stable").drop_duplicates(names, keep="last")
    table = table.merge(pairs, on=names)
    table["end"] = table["n"].cumsum()
    table["start"] = table["end"] - table["n"]
    bounds = table.groupby(["key", "unit"]).agg(low=("start", "min"), high=("end", "max"))
    table = table.join(bounds, on=["key", "unit"])
    share = table["top"] / table["n"]
    table["k"] = np.ceil((1 - share) * table["patients"])
    inner = (table["start"] > table["low"]) & (table["end"] < table["high"])
    chosen = table[inner & (share >= MIN_PURITY) & (table["patients"] >= MIN_PATIENTS)]
    around = _compared_with_neighbours(chosen, rows["target"].to_numpy(dtype=float))
    fills = _fills(table)
    tried = max(len(around) + len(fills), 1)
    tested = pd.concat([around, _compared_with_fills(fills)])
    significant = tested[tested["chance"] < LOG_ALPHA - np.log(tried)]
    significant = significant.sort_values("chance", kind="stable").drop_duplicates(names)
    significant = significant.rename(columns={"target": "encoded"})
    constants: pd.DataFrame = significant[[*names, "encoded", "n"]].reset_index(drop=True)
    return constants


def _compared_with_neighbours(chosen: pd.DataFrame, target: np.ndarray) -> pd.DataFrame:
    """Add ``chance``: the log probability of a value against the rows on either side."""
    chances = []
    fields = ["start", "end", "low", "high", "patients", "k", "target"]
    for start, end, low, high, n, k, label in chosen[fields].to_numpy(dtype=float).tolist():
        width = max(MIN_NEIGHBOURS, 4 * int(n)) // 2
        before = target[max(int(start) - width, int(low)) : int(start)]
        after = target[int(end) : min(int(end) + width, int(high))]
        misses = int((before != label).sum() + (after != label).sum())
        chances.append(log_hypergeometric_tail(k, n, misses, len(before) + len(after)))
    return chosen.assign(chance=np.array(chances, dtype=float))


def _compared_with_fills(fills: pd.DataFrame) -> pd.DataFrame:
    """Add ``chance``: the log probability of a fill against fills of another label."""
    chances = []
    fields = ["key", "unit", "patients", "k", "target"]
    for key, unit, n, k, label in fills[fields].itertuples(index=False):
        other = (fills["key"] == key) & (fills["unit"] == unit) & (fills["target"] != label)
        patients = fills.loc[other, "patients"]
        misses = (patients - fills.loc[other, "k"]).sum()
        chances.append(log_hypergeometric_tail(k, n, misses, patients.sum()))
    return fills.assign(chance=np.array(chances, dtype=float))


def _fills(table: pd.DataFrame) -> pd.DataFrame:
    """Central values that recur far more often than their neighbours, mostly with one label."""
    chosen = []
    for _, part in table.groupby(["key", "unit"], sort=True):
        positions = [index for index, _ in outstanding_counts(part["n"].to_numpy(), MIN_RECURRING)]
        fills = part.iloc[positions]
        others = part.drop(fills.index)
        weight = others["n"].cumsum() / others["n"].sum()
        low, high = (others["number"].iloc[int((weight >= q).argmax())] for q in CENTRAL)
        kept = fills["number"].between(low, high) & (fills["patients"] >= MIN_PATIENTS)
        chosen.append(fills[kept & (fills["top"] >= MIN_PURITY_OF_FILLS * fills["n"])])
    return pd.concat(chosen) if chosen else table.iloc[:0]


def outstanding_counts(counts: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Find values at least five times as frequent as each of their 20 neighbours.

    Parameters
    ----------
    counts : ndarray of int
        Frequency of each distinct value, in order of the values.
    least : float
        Lowest frequency considered.

    Returns
    -------
    list of (int, int)
        Index of the value, and frequency of its most frequent neighbour.

    Examples
    --------
    >>> outstanding_counts(np.array([1] * 6 + [30] + [2] * 6), 20)
    [(6, 2)]
    """
    outstanding = []
    for index in np.flatnonzero(counts >= least):
        if 5 <= index < len(counts) - 5:
            around = [counts[max(index - 10, 0) : index], counts[index + 1 : index + 11]]
            near = int(np.concatenate(around).max())
            if counts[index] >= 5 * near:
                outstanding.append((int(index), near))
    return outstanding
