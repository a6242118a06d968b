"""Tables of decisions based on the risks: alerts and net benefit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pipeline.format import DASH, bracket, decimal, integer, is_missing, percent, proportion, signed
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import AlertCell, AlertTable, Metric, Number
from pipeline.pages.evaluation_tables import Grid, share, spread

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
                f"{hours} h, {names.get(name, name)}, {percent(float(rate))}",
                proportion(cell.alert_rate),
                decimal(_hundred(cell.alerts_per_patient_day), 1),
                decimal(_hundred(cell.false_alerts_per_patient_day), 1),
                spread(cell.needed, _one_place),
                share(cell.warned),
                DASH if is_missing(cell.lead_hours_median) else f"{median} h [{first}, {third}]",
            )
        )
    if not rows:
        return None
    return Grid(
        "What would alerts cost, and how early would they come?",
        (
            "Horizon, predictor, alert rate aimed at",
            "Rate reached",
            "Alerts per 100 patient-days",
            "False alerts per 100 patient-days",
            "Alerts per true alert",
            "Event patients warned",
            "Hours from first alert to onset, median [quartiles]",
        ),
        rows,
        "The cut-off is learned on the other folds, never on the patients it is used on. A patient "
        "counts as warned by an alert within the horizon before onset. Hours are those of warned "
        "patients, from the first of these, so they cannot exceed the horizon and start at a "
        "landmark. A landmark alerts by itself: several on one day are several alerts.",
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
                title = "Treat all" if name == "treat_all" else names.get(name, name)
                values = (_per_thousand(cell.at(name, n), decimal).rstrip() for n in places)
                rows.append((f"{hours} h, {title}", *values))
        if cell.diff is not None:
            values = (_per_thousand(cell.at("diff", n), signed) for n in places)
            rows.append((f"{hours} h, model minus grade and day", *values))
    if not rows:
        return None
    return Grid(
        "Net benefit: true positives per 1,000 landmarks, less false ones at the odds of the "
        "threshold",
        ("", *(f"Threshold {percent(t)}" for t in shown)),
        rows,
        "Treating none has a net benefit of 0. A model is useful at a threshold where it exceeds "
        "0 and treating all, whose curve crosses 0 at the share with the event. The range of "
        "thresholds comes from the configuration (evaluation.net_benefit_range); whether it was "
        "set before these data were seen is not known here.",
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
