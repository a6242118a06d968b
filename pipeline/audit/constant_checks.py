"""CHK101 and CHK208: constants that recur, as when gaps were filled, and tell the outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Finding
from pipeline.audit.null_statistics import log_hypergeometric_tail
from pipeline.cohort.column_words import listed

MIN_PATIENTS = 6
MIN_PURITY = 0.9  # a fill by calendar day meets a few days of another grade
MIN_PURITY_OF_FILLS = 0.75
MIN_NEIGHBOURS = 80
MIN_RECURRING = 8
CENTRAL = (0.05, 0.95)
LOG_ALPHA = np.log(1e-8)


class EncodingConstants(Check):
    """Exact values that recur in many patients with one grade, unlike other values."""

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
        labs, findings = context.need_timed_labs(), []
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
            marked = rows.merge(constants, on=["key", "unit", "number"], how="left")
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
            f"label, while other values do not: {strongest['number']:.6g} of "
            f"{strongest['key']} in {strongest['n']} rows, with {words} = "
            f"{strongest['encoded']:g}. {100 * covered:.1f} % of patient-days hold at least one "
            f"such constant, and on {100 * right:.1f} % of them it alone tells {words}."
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
        "Gaps filled with a mean or median look like measurements, hide that nothing was drawn, "
        "and flatten trends. If the fill followed the grade, CHK101 reports it as an error."
    )
    remedy = "Export the labs without imputed values; a missing result is simply no row."

    def check(self, context: AuditContext) -> list[Finding]:
        """Compare each value's count with those of the ten values on either side."""
        labs = context.need_labs()
        exact = labs[(labs["side"] == 0) & labs["number"].notna()]
        findings = []
        for (key, unit), part in exact.groupby(["key", "unit"], sort=True):
            values, counts = np.unique(part["number"].to_numpy(), return_counts=True)
            for place, near in outstanding_counts(counts, max(20, 0.02 * counts.sum())):
                rows = part[part["number"] == values[place]]
                if rows["patient"].nunique() < 8:
                    continue
                findings.append(
                    self.finding(
                        f"{key}: {counts[place]} of {len(part)} results are exactly "
                        f"{values[place]:g} {unit}, while no neighbouring value occurs more "
                        f"than {near} times.",
                        table="labs",
                        columns=("value",),
                        counts={"analyte": str(key), "rows": int(counts[place]), "of": len(part)},
                        examples=context.examples("labs", rows, "value"),
                    )
                )
        return findings


def encoding_constants(rows: pd.DataFrame) -> pd.DataFrame:
    """Values whose label is far purer than that of the values they are compared with.

    Two comparisons are made. A value is compared with the rows around it, and, where it recurs so
    often that it must be a fill, with the fills of the same analyte and unit that go with another
    label: where fills ignore the label there are none. Limits are no fills; they lie at the ends,
    so only fills between the 5th and the 95th percentile of the other values count.

    A value of ``n`` patients has another label than its commonest one in a share of its rows,
    which is ``k`` patients; of ``m`` rows compared with it ``M`` carry another label. The chance
    that so few of the ``k + M`` fall on the value is a hypergeometric tail (Fisher,
    10.2307/2340521). It must lie below 1e-8 divided by the number of values looked at.

    Parameters
    ----------
    rows : DataFrame
        ``key, unit, number, patient, target``, exact results with a known label.

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
    found = pd.concat([around, _compared_with_fills(fills)])
    found = found[found["chance"] < LOG_ALPHA - np.log(tried)]
    found = found.sort_values("chance", kind="stable").drop_duplicates(names)
    found = found.rename(columns={"target": "encoded"})
    constants: pd.DataFrame = found[[*names, "encoded", "n"]].reset_index(drop=True)
    return constants


def _compared_with_neighbours(chosen: pd.DataFrame, target: np.ndarray) -> pd.DataFrame:
    """Add ``chance``: a value against the rows on either side of it."""
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
    """Add ``chance``: a fill against those of another label, of the same analyte and unit."""
    chances = []
    fields = ["key", "unit", "patients", "k", "target"]
    for key, unit, n, k, label in fills[fields].itertuples(index=False):
        beside = (fills["key"] == key) & (fills["unit"] == unit) & (fills["target"] != label)
        patients, of_them = fills.loc[beside, "patients"], fills.loc[beside, "k"]
        misses = (patients - of_them).sum()
        chances.append(log_hypergeometric_tail(k, n, misses, patients.sum()))
    return fills.assign(chance=np.array(chances, dtype=float))


def _fills(table: pd.DataFrame) -> pd.DataFrame:
    """Central values that recur far more often than their neighbours, mostly with one label."""
    found = []
    for _, part in table.groupby(["key", "unit"], sort=True):
        places = [place for place, _ in outstanding_counts(part["n"].to_numpy(), MIN_RECURRING)]
        fills = part.iloc[places]
        others = part.drop(fills.index)
        weight = others["n"].cumsum() / others["n"].sum()
        low, high = (others["number"].iloc[int((weight >= q).argmax())] for q in CENTRAL)
        kept = fills["number"].between(low, high) & (fills["patients"] >= MIN_PATIENTS)
        found.append(fills[kept & (fills["top"] >= MIN_PURITY_OF_FILLS * fills["n"])])
    return pd.concat(found) if found else table.iloc[:0]


def outstanding_counts(counts: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Values at least five times as frequent as each of their 20 neighbours.

    Parameters
    ----------
    counts : ndarray of int
        How often each distinct value occurs, in order of the values.
    least : float
        Count from which on a value is looked at.

    Returns
    -------
    list of (place, count of the most frequent neighbour)
    """
    found = []
    for place in np.flatnonzero(counts >= least):
        if 5 <= place < len(counts) - 5:
            around = [counts[max(place - 10, 0) : place], counts[place + 1 : place + 11]]
            near = int(np.concatenate(around).max())
            if counts[place] >= 5 * near:
                found.append((int(place), near))
    return found
