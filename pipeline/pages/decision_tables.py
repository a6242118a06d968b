"""Tables of what acting on the risks would mean: alerts and net benefit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan

from pipeline.format import DASH, bracket, decimal, integer, is_missing, percent, proportion, signed
from pipeline.pages.evaluation_tables import Entry, Grid, share, spread

_SHOWN_THRESHOLDS = (0.05, 0.1, 0.2, 0.3)


def alerts(outcome: Entry, names: Mapping[str, str]) -> Grid | None:
    """Alert burden and lead time at each wished alert rate."""
    rows: list[tuple[str, ...]] = []
    for hours, name, rate, cell in _alert_cells(outcome.get("alerts") or {}):
        if "reason" in cell:
            continue
        lead = [cell.get(f"lead_hours_{part}", nan) for part in ("median", "q1", "q3")]
        rows.append(
            (
                f"{hours} h, {names.get(name, name)}, {percent(float(rate))}",
                proportion(cell.get("alert_rate")),
                decimal(_hundred(cell.get("alerts_per_patient_day")), 1),
                decimal(_hundred(cell.get("false_alerts_per_patient_day")), 1),
                spread(
                    cell,
                    "number_needed_to_alert",
                    "number_needed_to_alert_lo",
                    "number_needed_to_alert_hi",
                    _one_place,
                ),
                share(cell, "patients_warned"),
                DASH
                if is_missing(lead[0])
                else f"{integer(lead[0])} h [{integer(lead[1])}, {integer(lead[2])}]",
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
        "patients, from the first such alert, so they cannot exceed the horizon and start at a "
        "landmark. A landmark alerts by itself: several on one day are several alerts.",
    )


def _alert_cells(table: Entry) -> Iterator[tuple[str, str, str, Entry]]:
    for hours, by_name in table.items():
        for name, by_rate in by_name.items() if isinstance(by_name, Mapping) else ():
            for rate, cell in by_rate.items() if isinstance(by_rate, Mapping) else ():
                yield hours, name, rate, cell


def net_benefit(outcome: Entry, names: Mapping[str, str]) -> Grid | None:
    """Net benefit per 1000 landmarks at four thresholds, per horizon."""
    rows: list[tuple[str, ...]] = []
    shown: list[float] = []
    for hours, cell in (outcome.get("net_benefit") or {}).items():
        if "thresholds" not in cell:
            continue
        thresholds = cell["thresholds"]
        places = [n for n, t in enumerate(thresholds) if _near(t, _SHOWN_THRESHOLDS)]
        shown = [thresholds[n] for n in places]
        for name in ("model", "grade_and_day", "clinical_state", "treat_all"):
            if name in cell:
                words = "Treat all" if name == "treat_all" else names.get(name, name)
                values = (_per_thousand(cell, name, n) for n in places)
                rows.append((f"{hours} h, {words}", *values))
        if "diff" in cell:
            rows.append(
                (
                    f"{hours} h, model minus grade and day",
                    *(_difference_per_thousand(cell, n) for n in places),
                )
            )
    if not rows:
        return None
    return Grid(
        "Net benefit: true positives per 1,000 landmarks, less false ones at the odds of the "
        "threshold",
        ("", *(f"Threshold {percent(t)}" for t in shown)),
        rows,
        "Treating nobody has a net benefit of 0. A model is of use at a threshold where it exceeds "
        "0 and treating all, whose curve crosses 0 at the share with the event. The range of "
        "thresholds comes from the configuration (evaluation.net_benefit_range); whether it was "
        "set before these data were seen is not known here.",
    )


def _per_thousand(cell: Entry, name: str, place: int) -> str:
    value, low, high = (
        _thousand(cell[key][place]) if key in cell else None
        for key in (name, f"{name}_lo", f"{name}_hi")
    )
    return f"{decimal(value, 1)} {bracket(low, high, 1)}".rstrip()


def _difference_per_thousand(cell: Entry, place: int) -> str:
    value, low, high = (_thousand(cell[name][place]) for name in ("diff", "diff_lo", "diff_hi"))
    return f"{signed(value, 1)} {bracket(low, high, 1)}"


def _one_place(value: float | None) -> str:
    return decimal(value, 1)


def _hundred(value: float | None) -> float | None:
    return None if value is None else 100.0 * value


def _thousand(value: float | None) -> float | None:
    return None if value is None else 1000.0 * value


def _near(value: float, wanted: Sequence[float]) -> bool:
    return any(abs(value - other) < 1e-6 for other in wanted)
