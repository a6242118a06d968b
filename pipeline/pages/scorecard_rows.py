"""Rows of the scorecard on the first screen of the evaluation page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.evaluate.scorecard import Judgement, Scorecard
from pipeline.explain.phrases import section
from pipeline.format import DASH, count_of, decimal, percent, proportion, signed
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Incidence, Number
from pipeline.pages.evaluation_titles import named

_SIGNS = {"good": "✓", "unclear": "?", "poor": "✗", "none": "–"}


@dataclass(frozen=True)
class ScoreCell:
    """One cell: figure, interval and note as text; ``light`` is a CSS class, ``sign`` a letter."""

    value: str
    interval: str
    note: str
    light: str
    sign: str
    word: str


@dataclass(frozen=True)
class ScoreRow:
    """One outcome: name, horizon, counts and four cells."""

    label: str
    key: str
    hours: str
    counts: str
    cells: tuple[ScoreCell, ...]


def score_row(key: str, label: str, outcome: OutcomeReport, card: Scorecard) -> ScoreRow:
    """Write a scorecard as text.

    Examples
    --------
    >>> from pipeline.evaluate.scorecard import scorecard
    >>> cell = {"auroc": 0.81, "auroc_lo": 0.74, "auroc_hi": 0.87}
    >>> outcome = OutcomeReport.model_validate({"model": {"72": cell}})
    >>> row = score_row("icans", "ICANS", outcome, scorecard(outcome))
    >>> row.hours, row.cells[0].value, row.cells[0].interval, row.cells[0].word
    ('72', '0.81', '[0.74, 0.87]', 'Good')
    """
    over = named(card.labs_over).lower().removesuffix(", no labs") if card.labs_over else ""
    cells = (
        _cell(card.ranking, decimal, ""),
        _cell(card.calibration, decimal, _level(outcome, card.hours)),
        _cell(card.net_benefit, _per_thousand, ""),
        _cell(card.labs, _three, f"over {over}" if over else ""),
    )
    counts = count_of(card.n_event_patients, card.n_patients)
    return ScoreRow(label, key, card.hours, counts, cells)


def _cell(part: Judgement, write: Callable[[Number], str], note: str) -> ScoreCell:
    metric = part.metric
    value = write(metric.value)
    known = value != DASH and metric.has_interval
    return ScoreCell(
        value=value,
        interval=f"[{write(metric.low)}, {write(metric.high)}]" if known else "",
        note=note,
        light=part.light,
        sign=_SIGNS[part.light],
        word=str(section("verdicts")[part.verdict]),
    )


def _level(outcome: OutcomeReport, hours: str) -> str:
    cell = outcome.incidence.get(hours, Incidence())
    if cell.observed is None or cell.mean_risk is None:
        return ""
    return f"mean risk {percent(cell.mean_risk)}, observed {proportion(cell.observed)}"


def _per_thousand(value: Number) -> str:
    return signed(None if value is None else 1000.0 * value, 1)


def _three(value: Number) -> str:
    return signed(value, 3)
