"""Sentences on what is hard: landmarks of equal grade, the first days, records cut at the peak."""

from __future__ import annotations

from functools import partial

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.format import integer, percent
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import AreaCell
from pipeline.model.outcomes import headline_key
from pipeline.pages.evaluation_tables import area

_FIRST_DAYS = 3
_phrase = partial(evaluation_phrase, "headline")


def hard_cases(outcome: OutcomeReport) -> list[str]:
    """AUROC at equal grade and on the first days at the headline horizon; records cut at the peak.

    Examples
    --------
    >>> cell = {"auroc": 0.71, "auroc_lo": 0.6, "auroc_hi": 0.8}
    >>> content = {"model": {"72": {}}, "within_grade": {"72": {"model": cell}}}
    >>> content["by_day_and_horizon"] = {"72": {"1": {"auroc": None}, "2": cell}}
    >>> for line in hard_cases(OutcomeReport.model_validate(content)):
    ...     print(line)
    Among landmarks of equal grade: AUROC 0.71 [0.60, 0.80]; grade and day too few events.
    First days: AUROC day 1 too few events, day 2 0.71 [0.60, 0.80].
    """
    hours = headline_key(outcome.model)
    lines = (_equal_grade(outcome, hours), _days(outcome, hours), _cut(outcome))
    return [line for line in lines if line]


def _equal_grade(outcome: OutcomeReport, hours: str) -> str:
    strata = outcome.within_grade.by_horizon().get(hours)
    if strata is None:
        return ""
    model, other = _area(strata.model), _area(strata.grade_and_day)
    return _phrase("equal_grade", model=model, reference=other)


def _days(outcome: OutcomeReport, hours: str) -> str:
    table = outcome.by_day_and_horizon.get(hours, {})
    days = sorted(table, key=int)[:_FIRST_DAYS]
    if not days:
        return ""
    figures = [_phrase("day", day=day, auroc=_area(table[day])) for day in days]
    return _phrase("first_days", days=", ".join(figures))


def _cut(outcome: OutcomeReport) -> str:
    ends = outcome.record_ends
    if not ends.is_excessive:
        return ""
    return _phrase(
        "cut",
        part=integer(ends.patients),
        whole=integer(ends.of),
        chance=percent(ends.by_chance),
    )


def _area(cell: AreaCell) -> str:
    return _phrase("too_few") if cell.auroc is None else area(cell)
