"""Rows of the scorecard on the first screen of the evaluation page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section
from pipeline.evaluate.scorecard import Judgement, Scorecard
from pipeline.evaluate.subgroups import WithinLevels
from pipeline.format import (
    DASH,
    area_places,
    decimal,
    integer,
    interval,
    percent,
    proportion,
    signed,
)
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Incidence, Metric, Number

_SIGNS = {"good": "✓", "unclear": "?", "poor": "✗", "none": "–"}
_LABS_OVER = {
    "control": "labs_over_control",
    "clinical_state": "labs_over_clinical_state",
    "grade_and_day": "labs_over_grade_and_day",
    "": "",
}
_Writer = Callable[[Number], str]


@dataclass(frozen=True)
class ScoreFigure:
    """One figure as text: name, value and interval or range; a missing one is blank."""

    name: str
    value: str
    interval: str


@dataclass(frozen=True)
class ScoreCell:
    """One cell: figure, verdict and further figures; ``light`` is a CSS class, ``sign`` a letter.

    ``key`` names the column.
    """

    key: str
    figure: ScoreFigure
    light: str
    sign: str
    word: str
    further: Sequence[ScoreFigure] = ()
    note: str = ""


@dataclass(frozen=True)
class ScoreRow:
    """One outcome: name, horizon, counts, four cells and its warnings."""

    label: str
    key: str
    hours: str
    counts: str
    cells: tuple[ScoreCell, ...]
    warnings: Sequence[str] = ()


def score_row(
    key: str,
    label: str,
    outcome: OutcomeReport,
    card: Scorecard,
    *,
    events: int | None = None,
    warnings: Sequence[str] = (),
) -> ScoreRow:
    """Write a scorecard as text.

    Parameters
    ----------
    key, label : str
    outcome : OutcomeReport
    card : Scorecard
        Of this outcome.
    events : int, optional
        Event patients in all of follow-up.
    warnings : sequence of str
        Shown below the figures.

    Examples
    --------
    >>> from pipeline.evaluate.scorecard import scorecard
    >>> cell = {"auroc": 0.81, "auroc_lo": 0.74, "auroc_hi": 0.87}
    >>> outcome = OutcomeReport.model_validate({"model": {"72": cell}})
    >>> row = score_row("icans", "ICANS", outcome, scorecard(outcome))
    >>> row.cells[0].figure.value, row.cells[0].figure.interval, row.cells[0].word
    ('0.81', '[0.74, 0.87]', 'Good')
    """
    within = [_figure("equal_grade", card.equal_grade, _area(card.equal_grade))]
    if card.within_product is not None:
        within.append(_within_products(card.within_product))
    above = [_figure("over_grade_and_day", card.net_benefit_over_grade, _per_thousand)]
    gains = [_figure(_LABS_OVER[name], gain, _three) for name, gain in card.gains.items()]
    cells = (
        _cell("auroc", card.ranking, _area(card.ranking.metric), further=within),
        _cell("slope", card.calibration, decimal, note=_level(outcome, card)),
        _cell("net_benefit", card.net_benefit, _per_thousand, "over_default", above),
        _cell("labs", card.labs, _three, _LABS_OVER[card.labs_over], gains),
    )
    return ScoreRow(label, key, card.hours, _counts(card, events), cells, warnings)


def _cell(
    key: str,
    part: Judgement,
    write: _Writer,
    name: str = "",
    further: Sequence[ScoreFigure] = (),
    note: str = "",
) -> ScoreCell:
    return ScoreCell(
        key=key,
        figure=_figure(name, part.metric, write),
        light=part.light,
        sign=_SIGNS[part.light],
        word=str(evaluation_section("verdicts")[part.verdict]),
        further=[figure for figure in further if figure.value != DASH],
        note=note,
    )


def _figure(name: str, metric: Metric, write: _Writer) -> ScoreFigure:
    """A figure with the name of ``evaluation_sentences.yaml``, section ``scorecard``."""
    value = write(metric.value)
    known = value != DASH and metric.has_interval
    return ScoreFigure(
        name=evaluation_phrase("scorecard", name) if name else "",
        value=value,
        interval=f"[{write(metric.low)}, {write(metric.high)}]" if known else "",
    )


def _within_products(part: WithinLevels) -> ScoreFigure:
    span = interval(part.lowest, part.highest)
    return ScoreFigure(
        name=evaluation_phrase("scorecard", "within_products", count=part.levels),
        value=decimal(part.mean),
        interval=evaluation_phrase("scorecard", "range", span=span),
    )


def _counts(card: Scorecard, events: int | None) -> str:
    """Patients with the event within the horizon and, where it differs, in all of follow-up."""
    if not card.hours:
        return ""
    parts = {"part": integer(card.n_event_patients), "whole": integer(card.n_patients)}
    if events is None or events == card.n_event_patients:
        return evaluation_phrase("scorecard", "counts", hours=card.hours, **parts)
    return evaluation_phrase(
        "scorecard", "counts_all", hours=card.hours, count=integer(events), **parts
    )


def _level(outcome: OutcomeReport, card: Scorecard) -> str:
    """Mean risk and observed rate, and where most points of the calibration curve are."""
    cell = outcome.incidence.get(card.hours, Incidence())
    parts = []
    if cell.observed is not None and cell.mean_risk is not None:
        mean, observed = percent(cell.mean_risk), proportion(cell.observed)
        parts.append(evaluation_phrase("scorecard", "level", mean=mean, observed=observed))
    if card.low_groups is not None:
        below, groups, threshold = card.low_groups
        counts = {"part": below, "whole": groups, "threshold": percent(threshold)}
        parts.append(evaluation_phrase("scorecard", "low_groups", **counts))
    return "; ".join(parts)


def _area(metric: Metric) -> _Writer:
    return partial(decimal, places=area_places(metric.low, metric.high))


def _per_thousand(value: Number) -> str:
    return signed(None if value is None else 1000.0 * value, 1)


def _three(value: Number) -> str:
    return signed(value, 3)
