"""The evaluation page: evaluation.json and its curves as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pipeline.evaluate.abstention_rates import abstention_line
from pipeline.format import DASH, count_of, counted, is_missing, joined, words
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import AreaCell, Number, PerformanceCell
from pipeline.model.evaluation_curves import HorizonCurves
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.outcomes import headline_key
from pipeline.pages import (
    cohort_tables,
    decision_tables,
    evaluation_charts,
    evaluation_tables,
    headline_sentences,
)
from pipeline.pages.evaluation_charts import calibration_chart, histogram_pair, roc_chart
from pipeline.pages.evaluation_titles import (
    NAMES,
    TEMPLATES,
    WORDS,
    banner_text,
    named,
    subject_text,
)
from pipeline.pages.hard_cases import hard_cases
from pipeline.pages.headline_sentences import calibration_text
from pipeline.pages.html import render, setting_rows
from pipeline.pages.method_sentences import arrival_text, audit_lines, event_share, protocol_text
from pipeline.pages.model_tables import model_grid
from pipeline.pages.recalibration_table import recalibration_grid

Curves = Mapping[str, HorizonCurves]


def render_evaluation(
    report: EvaluationReport,
    *,
    title: str,
    synthetic: bool = False,
) -> str:
    """
    Render every figure of an evaluation as one self-contained HTML page.

    Parameters
    ----------
    report : EvaluationReport
        Parts may be absent and figures None.
    title : str
        Heading of the page.
    synthetic : bool
        Marks all patients as simulated, whatever the report states.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> page = render_evaluation(EvaluationReport(kind="apparent"), title="Demo")
    >>> "optimistic" in page, "<script" in page
    (True, False)
    """
    cohort, protocol, outcomes = report.cohort, report.protocol, report.outcomes
    horizons = sorted({h for outcome in outcomes.values() for h in outcome.model}, key=float)
    minimum = int(protocol.min_event_patients or 5)
    simulated = banner_text(cohort, synthetic=synthetic)
    settings = [part.model_dump(exclude_unset=True) for part in (cohort, protocol)]
    return render(
        TEMPLATES,
        "evaluation.html.j2",
        title=title,
        synthetic=bool(simulated),
        simulated=simulated,
        subject=subject_text(cohort),
        kind=report.kind,
        kind_words=WORDS["kinds"].get(report.kind, "an unknown kind of evaluation"),
        cohort=cohort,
        landmarks=_number(cohort.n_landmarks, "landmark"),
        patients=_number(cohort.n_patients, "patient"),
        outcomes=[
            outcome_view(key, outcome, outcome.curves, report.kind)
            for key, outcome in outcomes.items()
        ],
        limits=headline_sentences.cannot_show_sentences(outcomes, report.kind, minimum),
        horizons=joined(protocol.horizons_h or horizons),
        contrast=_contrast_grids(report),
        contrast_reason=report.contrast_detail.reason,
        analytes=_analyte_grids(report),
        abstentions=[
            abstention_line(report.outcome(name).label or words(name), abstained)
            for name, abstained in report.abstention.items()
        ],
        protocol=protocol_text(report),
        recalibration=recalibration_grid(report),
        made=model_grid(report.models, report.settings_changed),
        canary=report.canary_auroc,
        warnings=[_with_label(line, outcomes) for line in report.warnings],
        arrival=arrival_text(report.result_times),
        audits=_audits(report),
        command=report.command,
        minimum=minimum,
        facts=[line for part in settings for line in setting_rows(part, WORDS["facts"])],
    )


def _number(value: Number, noun: str) -> str:
    return f"{DASH} {noun}s" if value is None or is_missing(value) else counted(int(value), noun)


def _audits(report: EvaluationReport) -> list[tuple[str, list[str]]]:
    """Audit findings other than the errors listed among the warnings."""
    audits = [
        ("The audit of this cohort warns", audit_lines(report.audit, errors=False)),
        (
            "The audit of the cohort the model learned from found",
            audit_lines(report.audit_of_training),
        ),
    ]
    return [(heading, lines) for heading, lines in audits if lines]


def _with_label(line: str, outcomes: Mapping[str, OutcomeReport]) -> str:
    """Replace the outcome key at the start of a sentence by its label."""
    name, colon, rest = line.partition(":")
    label = outcomes[name].label if name in outcomes else ""
    return f"{label}{colon}{rest}" if label else line


def outcome_view(
    key: str, outcome: OutcomeReport, curves: Curves, kind: str = ""
) -> dict[str, Any]:
    """
    Return the template variables of one outcome: sentences, tables and charts.

    Examples
    --------
    >>> icans = OutcomeReport(model={"24": PerformanceCell(auroc=0.8)})
    >>> view = outcome_view("icans", icans, {})
    >>> view["label"], [block["hours"] for block in view["horizons"]]
    ('Icans', ['24'])
    """
    label, model = outcome.label or words(key), outcome.model
    hours = sorted(model, key=float)
    first = headline_key(model)
    longest = model[hours[-1]] if hours else PerformanceCell()
    first_lines = (
        outcome.labs_answer,
        headline_sentences.weighted_text(outcome),
        calibration_text(outcome, first or None),
        headline_sentences.alert_text(outcome),
    )
    judged = first_lines if kind != "apparent" else ()
    further = [
        evaluation_tables.labs(outcome, hours),
        evaluation_tables.robustness(outcome, hours) if hours else None,
        evaluation_tables.refits(outcome, hours),
        decision_tables.alerts(outcome, NAMES),
        decision_tables.net_benefit(outcome, NAMES),
        evaluation_tables.incidence(outcome),
        evaluation_tables.comes_first(outcome, label, NAMES),
        evaluation_tables.days(outcome, hours),
        evaluation_tables.sites(outcome, first),
        evaluation_tables.subgroups(outcome, hours, first),
    ]
    return {
        "label": label,
        "headline": headline_sentences.headline(label, outcome, kind),
        "others": headline_sentences.other_horizons(model, hours),
        "hard": hard_cases(outcome) if kind != "apparent" else [],
        "sentences": [line for line in judged if line],
        "glance": _glance(label, outcome, first),
        "absent": [
            f"{named(name)}: {reason}" for name, reason in outcome.comparators_absent.items()
        ],
        "horizons": [
            {"hours": h, "rows": _rows(outcome, h), "charts": _charts(label, h, outcome, curves)}
            for h in hours
        ],
        "grids": [grid for grid in further if grid is not None and grid.rows],
        "by_day": sorted(outcome.by_day.items(), key=lambda item: float(item[0])),
        "counts": count_of(longest.n_event_patients, longest.n_patients),
    }


def _contrast_grids(report: EvaluationReport) -> list[evaluation_tables.Grid]:
    cells, detail = report.contrast, report.contrast_detail
    hours = headline_key(cells)
    grids = (
        cohort_tables.contrast(cells, detail),
        cohort_tables.drivers(detail, hours),
        cohort_tables.axes(report),
    )
    return [grid for grid in grids if grid is not None]


def _analyte_grids(report: EvaluationReport) -> list[evaluation_tables.Grid]:
    result = []
    for name, entries in report.analyte_use.items():
        outcome = report.outcome(name)
        hours = headline_key(outcome.model)
        grid = cohort_tables.analyte_use(
            entries,
            outcome.label or words(name),
            hours,
            firm_from=int(report.protocol.verdict_event_patients or 0),
            events=outcome.performance("model", hours).n_event_patients,
            apparent=report.kind == "apparent",
        )
        result += [] if grid is None else [grid]
    return result


def _glance(label: str, outcome: OutcomeReport, hours: str) -> Markup | None:
    """Chart of the differences from each comparator that have an interval."""
    rows = [
        (name, table[hours].difference)
        for name, table in _compared(outcome)
        if hours in table and table[hours].difference.is_complete
    ]
    if not rows:
        return None
    title = f"Model against each comparator: {label}, next {hours} h"
    return evaluation_charts.difference_chart(rows, title=title)


def _compared(outcome: OutcomeReport) -> Iterator[tuple[str, Mapping[str, AreaCell]]]:
    for name, table in outcome.comparators.items():
        yield (
            named(name),
            {hours: cell for hours, cell in table.items() if not cell.is_constant},
        )
    if outcome.negative_control:
        yield named("negative_control"), outcome.negative_control


def _rows(outcome: OutcomeReport, hours: str) -> list[dict[str, Any]]:
    """Table rows of the model, its variant without grades, and each comparator."""
    predictors = {"model": outcome.model, "model_no_state": outcome.model_no_state}
    predictors |= outcome.comparators
    return [
        {
            "name": named(name),
            "m": outcome.performance(name, hours),
            "share": event_share(by_hour[hours]),
            "main": name == "model",
        }
        for name, by_hour in predictors.items()
        if hours in by_hour
    ]


def _charts(
    label: str, hours: str, outcome: OutcomeReport, curves: Curves
) -> Sequence[tuple[str, Markup]]:
    """Caption and drawing of each chart that has data."""
    drawn: list[tuple[str, Markup]] = []
    curve, subject = curves.get(hours, HorizonCurves()), f"{label}, next {hours} h"
    if curve.roc:
        lines = {named(name): rates for name, rates in curve.roc.items()}
        drawn.append(("ROC curves", roc_chart(lines, title=f"ROC curves: {subject}")))
    groups, smooth, bins = curve.calibration, curve.calibration_smooth, curve.risk_distribution
    if groups.predicted:
        title = f"Calibration: {subject}"
        chart = (
            evaluation_charts.smooth_calibration(smooth, groups, title=title)
            if smooth.risk
            else calibration_chart(groups, title=title)
        )
        drawn.append((f"Calibration of the model within {hours} h", chart))
    if bins is not None:
        title = f"Risks given: {subject}"
        chart = histogram_pair(
            bins.edges, bins.events, bins.non_events, means=bins.means, title=title
        )
        drawn.append(("Risks the model gave", chart))
    cell = outcome.net_benefit.get(hours)
    if cell is not None and cell.thresholds:
        title = f"Decision curve: {subject}"
        drawn.append(
            (
                "Net benefit",
                evaluation_charts.decision_chart(cell, NAMES, title=title),
            )
        )
    return drawn
