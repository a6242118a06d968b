"""Tables of decisions based on the risks: alerts and net benefit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pipeline.format import DASH, bracket, decimal, integer, is_missing, percent, proportion, signed
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import AlertCell, AlertTable, Metric, Number
from pipeline.pages.evaluation_tables import Grid, share, spread, table_text

_SHOWN_THRESHOLDS = (0.05, 0.1, 0.2, 0.3)


def alerts(outcome: OutcomeReport, names: Mapping[str, str]) -> Grid | None:
    """Alert burden and lead time at each target alert rate."""
    rows: list[tuple[str, ...]] = []
    for hours, name, rate, cell in _alert_cells(outcome.alerts):
        if cell.reason:
            continue
        median, first, third = (
            integer(value)
            for value in (cell.lead_hours_median, cell.lead_hours_q1, cell.lead_hours_q3)
        )
        rows.append(
            (
                table_text(
                    "alerts_name",
                    hours=hours,
                    name=names.get(name, name),
                    rate=percent(float(rate)),
                ),
                proportion(cell.alert_rate),
                decimal(_hundred(cell.alerts_per_patient_day), 1),
                decimal(_hundred(cell.false_alerts_per_patient_day), 1),
                spread(cell.needed, _one_place),
                share(cell.warned),
                DASH
                if is_missing(cell.lead_hours_median)
                else table_text("value_hours", value=median, first=first, third=third),
            )
        )
    if not rows:
        return None
    columns = (
        "alerts_row",
        "alerts_rate",
        "alerts_all",
        "alerts_false",
        "alerts_needed",
        "alerts_warned",
        "alerts_lead",
    )
    return Grid(
        table_text("alerts"),
        tuple(table_text(name) for name in columns),
        rows,
        table_text("alerts_note"),
    )


def _alert_cells(
    tables: Mapping[str, AlertTable],
) -> Iterator[tuple[str, str, str, AlertCell]]:
    for hours, table in tables.items():
        for name, by_rate in (("model", table.model), ("grade_and_day", table.grade_and_day)):
            for rate, cell in by_rate.items():
                yield hours, name, rate, cell


def net_benefit(outcome: OutcomeReport, names: Mapping[str, str]) -> Grid | None:
    """Net benefit per 1000 landmarks at four thresholds, per horizon."""
    rows: list[tuple[str, ...]] = []
    shown: list[float] = []
    for hours, cell in outcome.net_benefit.items():
        if not cell.thresholds:
            continue
        places = [n for n, t in enumerate(cell.thresholds) if _near(t, _SHOWN_THRESHOLDS)]
        shown = [cell.thresholds[n] for n in places]
        for name in ("model", "grade_and_day", "plain_logistic", "clinical_state", "treat_all"):
            if cell.curve(name) is not None:
                title = table_text("treat_all") if name == "treat_all" else names.get(name, name)
                values = (_per_thousand(cell.at(name, n), decimal).rstrip() for n in places)
                rows.append((table_text("benefit_row", hours=hours, name=title), *values))
        if cell.diff is not None:
            values = (_per_thousand(cell.at("diff", n), signed) for n in places)
            rows.append((table_text("benefit_difference", hours=hours), *values))
    if not rows:
        return None
    return Grid(
        table_text("benefit"),
        ("", *(table_text("benefit_threshold", threshold=percent(t)) for t in shown)),
        rows,
        table_text("benefit_note"),
    )


def _per_thousand(metric: Metric, write: Callable[[Number, int], str]) -> str:
    value, low, high = (_thousand(part) for part in metric)
    return f"{write(value, 1)} {bracket(low, high, 1)}"


def _one_place(value: Number) -> str:
    return decimal(value, 1)


def _hundred(value: Number) -> Number:
    return None if value is None else 100.0 * value


def _thousand(value: Number) -> Number:
    return None if value is None else 1000.0 * value


def _near(value: float, targets: Sequence[float]) -> bool:
    return any(abs(value - other) < 1e-6 for other in targets)
