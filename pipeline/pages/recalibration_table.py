"""Table and lines of a recalibration: figures of the parent and of the update by horizon."""

from __future__ import annotations

from functools import partial

from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section
from pipeline.format import DASH, words
from pipeline.model.evaluation_cells import Number
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.recalibration_report import UpdateFigures
from pipeline.pages.evaluation_tables import Grid

_text = partial(evaluation_phrase, "recalibration")


def recalibration_grid(report: EvaluationReport) -> Grid | None:
    """Figures before and after the update by outcome and horizon; None without a recalibration.

    Parameters
    ----------
    report : EvaluationReport

    Returns
    -------
    Grid or None

    Examples
    --------
    >>> recalibration_grid(EvaluationReport()) is None
    True
    """
    if report.recalibration is None or not report.recalibration.performance:
        return None
    rows: list[tuple[str, ...]] = []
    for name, by_horizon in report.recalibration.performance.items():
        label = report.outcome(name).label or words(name)
        for hours, pair in by_horizon.items():
            for when, figures in (("before", pair.before), ("after", pair.after)):
                row = _text("row", label=label, hours=hours, version=_text(when))
                rows.append((row, *_cells(figures)))
    main = frozenset(range(1, len(rows), 2))
    head = evaluation_section("recalibration")["head"]
    return Grid(_text("caption"), ("", *head), rows, _text("note"), main)


def change_lines(report: EvaluationReport) -> list[str]:
    """Lines for stdout: slope and intercept of parent and update by outcome and horizon.

    Parameters
    ----------
    report : EvaluationReport

    Returns
    -------
    list of str

    Examples
    --------
    >>> change_lines(EvaluationReport())
    []
    """
    if report.recalibration is None:
        return []
    return [
        _text(
            "change",
            name=name,
            hours=hours,
            slope=_plain(pair.before.cal_slope),
            newslope=_plain(pair.after.cal_slope),
            intercept=_plain(pair.before.cal_intercept),
            newintercept=_plain(pair.after.cal_intercept),
        )
        for name, by_horizon in report.recalibration.performance.items()
        for hours, pair in by_horizon.items()
    ]


def _cells(figures: UpdateFigures) -> tuple[str, ...]:
    gained = ", ".join(
        f"{float(threshold):.0%} {_plain(value, 3)}"
        for threshold, value in figures.net_benefit.items()
    )
    return (
        _interval(figures.cal_slope, figures.cal_slope_lo, figures.cal_slope_hi),
        _interval(figures.cal_intercept, figures.cal_intercept_lo, figures.cal_intercept_hi),
        _plain(figures.observed_to_expected),
        _plain(figures.brier, 4),
        _plain(figures.auroc, 3),
        gained or DASH,
    )


def _interval(value: Number, low: Number, high: Number) -> str:
    if low is None or high is None:
        return _plain(value)
    return f"{_plain(value)} [{_plain(low)}, {_plain(high)}]"


def _plain(value: Number, places: int = 2) -> str:
    return DASH if value is None else f"{value:.{places}f}"
