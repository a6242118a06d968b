"""Print the tables of ``docs/evidence.md`` for a trained bundle.

    python benchmarks/evaluation_tables.py BUNDLE [--days 0.5 1 2 3 5 7]

One row per horizon and outcome: AUROC of the model with and without the clinical state, of the
comparators, Brier score, calibration slope and intercept, with 95 % intervals. With ``--days`` also
the AUROC by landmark day.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.model.bundle import read_evaluation
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import PerformanceCell

BAR, PLAIN = "grade_and_day", "plain_logistic"
TITLES = (
    *("within", "landmarks with event (patients)", "AUROC", "without clinical state"),
    *("grade and day", "plain logistic", "minus grade and day"),
    *("Brier", "of grade and day", "slope", "intercept"),
)


def main() -> None:
    """Print the tables of every outcome."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--days", type=float, nargs="+", default=[])
    options = parser.parse_args()
    evaluation = read_evaluation(options.bundle)
    if evaluation is None:
        parser.error(f"{options.bundle} has no evaluation")
    for outcome, report in evaluation.outcomes.items():
        print(f"\n**{report.label or outcome}**\n")
        print(table(TITLES, [row(report, key) for key in sorted(report.model, key=float)]))
        if options.days:
            print("\n" + by_day(report, options.days))
        if report.added_value:
            print(f"\nLabs beyond the clinical state: {added(report)}")


def row(report: OutcomeReport, key: str) -> list[str]:
    """Cells of one horizon."""
    cell = report.model[key]
    bar, plain = (report.comparators.get(name, {}).get(key) for name in (BAR, PLAIN))
    return [
        f"{float(key):g} h",
        f"{cell.n_events} of {cell.n} ({cell.n_event_patients})",
        interval(cell.auroc, cell.auroc_lo, cell.auroc_hi),
        of(report.model_no_state.get(key), "auroc"),
        "-" if bar is None else number(bar.auroc),
        "-" if plain is None else number(plain.auroc),
        "-" if bar is None else interval(bar.diff_auroc, bar.diff_lo, bar.diff_hi, sign="+"),
        number(cell.brier, 4),
        "-" if bar is None else number(bar.brier, 4),
        interval(cell.cal_slope, cell.cal_slope_lo, cell.cal_slope_hi, places=2),
        number(cell.cal_intercept, 2, sign="+"),
    ]


def by_day(report: OutcomeReport, days: Sequence[float]) -> str:
    """AUROC of the landmarks of some days."""
    cells = {float(key): cell for key, cell in report.by_day.items()}
    values = [number(cells[day].auroc) if day in cells else "-" for day in days]
    return table(("day", *(f"{day:g}" for day in days)), [["AUROC", *values]])


def added(report: OutcomeReport) -> str:
    """Difference to the same model of the clinical state alone, by horizon."""
    found = report.added_value.against_clinical_state if report.added_value else {}
    parts = [
        f"{key} h {interval(cell.diff_auroc, cell.diff_lo, cell.diff_hi, sign='+')}"
        for key, cell in sorted(found.items(), key=lambda item: float(item[0]))
    ]
    return ", ".join(parts)


def of(cell: PerformanceCell | None, name: str) -> str:
    """A figure of a cell with its interval."""
    if cell is None:
        return "-"
    return interval(*(getattr(cell, f"{name}{end}") for end in ("", "_lo", "_hi")))


def interval(
    value: float | None, low: float | None, high: float | None, *, places: int = 3, sign: str = ""
) -> str:
    """A figure and its interval."""
    ends = f"[{number(low, places, sign=sign)}, {number(high, places, sign=sign)}]"
    return f"{number(value, places, sign=sign)} {ends}"


def number(value: float | None, places: int = 3, *, sign: str = "") -> str:
    """A figure, or a dash if it is withheld."""
    return "-" if value is None else f"{value:{sign}.{places}f}"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of a Markdown table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
