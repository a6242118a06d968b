"""Table of every metric of the model and its comparators at one horizon, and by day."""

from __future__ import annotations

from markupsafe import Markup

from pipeline.evaluate.evaluation_phrases import evaluation_section
from pipeline.format import DASH, bracket, decimal, integer, is_missing, percent, proportion, signed
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Metric, PerformanceCell
from pipeline.pages.evaluation_tables import Grid, table_text
from pipeline.pages.evaluation_titles import named, predictor_rank
from pipeline.pages.method_sentences import event_share

_STACKED = Markup('{}<br><span class="iv">{}</span>')


def performance_grid(outcome: OutcomeReport, label: str, hours: str, minimum: int) -> Grid:
    """Every metric of the model, its variant without grades, and each comparator.

    Parameters
    ----------
    outcome : OutcomeReport
    label, hours : str
        Of the caption; figures are those at this horizon.
    minimum : int
        Fewest event patients for a figure.
    """
    predictors = {"model": outcome.model, "model_no_state": outcome.model_no_state}
    predictors |= dict(
        sorted(outcome.comparators.items(), key=lambda item: predictor_rank(item[0]))
    )
    cells = {
        name: outcome.performance(name, hours)
        for name, by_hour in predictors.items()
        if hours in by_hour
    }
    rows = [(named(name), *_cells(cell, itself=name == "model")) for name, cell in cells.items()]
    main = {number for number, name in enumerate(cells) if name == "model"}
    head = tuple(
        str(name).format(hours=hours) for name in evaluation_section("tables")["metrics_head"]
    )
    caption = table_text("metrics", label=label, hours=hours)
    return Grid(caption, head, rows, footnote(minimum), frozenset(main))


def footnote(minimum: int) -> str:
    """Meaning of a dash and of brackets."""
    return table_text("metrics_note", minimum=minimum)


def day_grid(outcome: OutcomeReport, label: str, hours: str) -> Grid | None:
    """Observed rate and mean risk by day, without intervals; None if there is no day.

    Parameters
    ----------
    outcome : OutcomeReport
    label : str
    hours : str
        Horizon of the table by day.
    """
    rows = [
        (
            day,
            integer(cell.n),
            integer(cell.n_events),
            proportion(cell.base_rate),
            percent(cell.mean_risk),
        )
        for day, cell in sorted(outcome.by_day.items(), key=lambda item: float(item[0]))
    ]
    if not rows:
        return None
    return Grid(
        table_text("by_day", label=label, hours=hours),
        tuple(
            str(name).format(hours=hours) for name in evaluation_section("tables")["by_day_head"]
        ),
        list(rows),
        table_text("by_day_note"),
    )


def _cells(cell: PerformanceCell, *, itself: bool) -> tuple[str, ...]:
    compared = _difference(cell) if cell.is_compared else table_text("not_compared")
    return (
        f"{integer(cell.n)} ({integer(cell.n_events)})",
        f"{integer(cell.n_patients)} ({integer(cell.n_event_patients)})",
        _stacked(cell.area, 3),
        table_text("itself") if itself else compared,
        _stacked(cell.precision),
        DASH if is_missing(cell.auprc) else event_share(cell),
        _stacked(cell.brier_score, 3),
        _stacked(cell.prediction_accuracy),
        _stacked(cell.slope),
        _stacked(cell.intercept),
        decimal(cell.ici, 3),
    )


def _stacked(metric: Metric, places: int = 2) -> str:
    value = decimal(metric.value, places)
    if value == DASH or not metric.has_interval:
        return value
    return _STACKED.format(value, bracket(metric.low, metric.high, places))


def _difference(cell: PerformanceCell) -> str:
    value = signed(cell.diff_auroc, 3)
    if not cell.difference.has_interval:
        return value
    return _STACKED.format(value, bracket(cell.diff_lo, cell.diff_hi, 3))
