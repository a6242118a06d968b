"""Console summary of an evaluation."""

from __future__ import annotations

from functools import partial

from pipeline.evaluate.abstention_rates import abstention_line
from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section
from pipeline.format import area_places
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Metric
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.evaluation_titles import banner_text

_ROW = "{:7} {:21} {:21} {:21} {:7} {:6} {:10} {}"
_text = partial(evaluation_phrase, "summary")


def describe(report: EvaluationReport) -> str:
    """Summarise an evaluation as plain text for stdout.

    Parameters
    ----------
    report : EvaluationReport
        Metrics by outcome and horizon.

    Returns
    -------
    str
        Lines without a final newline.

    Examples
    --------
    >>> print(describe(EvaluationReport(kind="apparent", canary_auroc=0.5)))
    apparent, None patients; AUROC [95% interval]
      constant predictor: 0.50
    """
    lines = []
    if simulated := banner_text(report.cohort):
        lines.append(_text("synthetic", banner=simulated))
    lines.append(_text("cohort", kind=report.kind, patients=report.cohort.n_patients))
    for name, outcome in report.outcomes.items():
        lines.append(f"  {outcome.label} ({name})")
        lines.append("    " + _ROW.format(*evaluation_section("summary")["head"]))
        lines += ["    " + _ROW.format(*_cells(outcome, key)) for key in outcome.model]
        lines.append(f"    {outcome.labs_answer}")
    for key, cell in report.contrast.items():
        if cell.auroc is not None:
            lines.append(_text("contrast", hours=key, area=_area(cell.area)))
    lines += [
        f"  {abstention_line(name, abstained)}" for name, abstained in report.abstention.items()
    ]
    lines += [_text("warning", sentence=sentence) for sentence in report.warnings]
    lines.append(_text("canary", value=_plain(report.canary_auroc, 2)))
    return "\n".join(lines)


def _cells(outcome: OutcomeReport, key: str) -> list[str]:
    cell = outcome.model[key]
    return [
        _text("horizon", hours=key),
        _area(cell.area),
        _area(outcome.model_no_state[key].area),
        _area(outcome.compared("grade_and_day", key).area),
        _plain(cell.brier, 4),
        _plain(cell.cal_slope, 2),
        _plain(cell.cal_intercept, 2),
        _text("events", part=cell.n_events, whole=cell.n, patients=cell.n_event_patients),
    ]


def _area(area: Metric) -> str:
    if area.value is None:
        return _text("not_estimable")
    value, low, high = (_plain(part, area_places(area.low, area.high)) for part in area)
    return f"{value} [{low}, {high}]"


def _plain(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"
