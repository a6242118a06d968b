"""Folded sections of one outcome on the evaluation page: a sentence, charts first, then tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from markupsafe import Markup

from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section
from pipeline.explain.phrases import outcome_short
from pipeline.format import joined, plain, signed
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import AreaCell, Metric, Number
from pipeline.model.evaluation_report import AnalyteUse, EvaluationReport
from pipeline.model.outcomes import headline_key
from pipeline.pages import cohort_tables, decision_tables, evaluation_charts, evaluation_tables
from pipeline.pages.evaluation_tables import Grid
from pipeline.pages.evaluation_titles import NAMES, named, predictor_rank
from pipeline.pages.forest_chart import forest_chart
from pipeline.pages.performance_tables import day_grid, performance_grid
from pipeline.resources import schema_yaml

_chart = partial(evaluation_phrase, "charts")
_text = partial(evaluation_phrase, "page")
_OVERVIEW_ROC = ("model", "model_no_state", "grade_and_day", "last_crp")
_MOST_ROWS = 8
_MOST_ANALYTES = 12
_CURVES_NOT_COMPARED = ("model_with_state", "prior", "without_prior")


class Figure(NamedTuple):
    """A chart with its caption."""

    caption: str
    drawing: Markup


@dataclass(frozen=True)
class Section:
    """A folded part of the page.

    Attributes
    ----------
    key : str
        Unique on the page; its address.
    title, sentence : str
    figures : list of Figure
    grids : list of Grid
    lines : list of str
        Sentences shown as a list.
    parts : list of Section
        Folded inside.
    folds_tables : bool
        Whether the tables are folded too where there are charts.
    subject : str
        Outcome, for the labels of its tables.
    """

    key: str
    title: str
    sentence: str
    figures: Sequence[Figure] = ()
    grids: Sequence[Grid] = ()
    lines: Sequence[str] = ()
    parts: Sequence[Section] = field(default_factory=tuple)
    folds_tables: bool = True
    subject: str = ""

    @property
    def is_filled(self) -> bool:
        """Whether there is anything inside."""
        return any((self.figures, self.grids, self.lines, self.parts))


def about(name: str, **values: object) -> tuple[str, str]:
    """Title and sentence of a section, from ``sections`` of ``evaluation_sentences.yaml``.

    Examples
    --------
    >>> about("labs", answer="Within 72 h, labs add.")
    ('What labs add', 'Within 72 h, labs add.')
    """
    entry = evaluation_section("sections")[name]
    return str(entry["title"]), str(entry["sentence"]).format(**values)


def overview_figures(label: str, outcome: OutcomeReport) -> list[Figure]:
    """ROC, calibration, decision curve and differences at the headline horizon."""
    hours = headline_key(outcome.model)
    curves = outcome.curves.get(hours)
    shown = (
        {}
        if curves is None
        else {name: curves.roc[name] for name in _OVERVIEW_ROC if name in curves.roc}
    )
    subject = _chart("subject", label=label, hours=hours)
    figures = []
    if shown:
        lines = {named(name): curve for name, curve in shown.items()}
        drawing = evaluation_charts.roc_chart(lines, title=_chart("roc_of", subject=subject))
        figures.append(Figure(_chart("roc_overview"), drawing))
    figures += _calibration(outcome, hours, subject)
    figures += _decision(outcome, hours, subject)
    rows = list(_differences(outcome, hours))
    if rows:
        drawing = forest_chart(
            rows[:_MOST_ROWS],
            title=_chart("differences_of", subject=subject),
            x_label=_chart("difference_axis"),
            write=_three,
        )
        figures.append(Figure(_chart("differences"), drawing))
    return figures


def outcome_sections(
    key: str,
    outcome: OutcomeReport,
    report: EvaluationReport,
    lines: Sequence[str] = (),
) -> list[Section]:
    """Folded sections of one outcome; empty ones are left out.

    Parameters
    ----------
    key : str
        Name of the outcome.
    outcome : OutcomeReport
    report : EvaluationReport
        The whole report, for the use of analytes.
    lines : sequence of str
        Sentences on the headline horizon.
    """
    label = outcome.label or outcome_short(key)
    hours = sorted(outcome.model, key=float)
    first = headline_key(outcome.model)
    minimum = int(report.protocol.min_event_patients or 5)
    by_day = plain(report.protocol.by_day_horizon_h or (float(hours[-1]) if hours else None))

    def made(
        name: str,
        *,
        figures: Iterable[Figure] = (),
        grids: Iterable[Grid | None] = (),
        lines: Sequence[str] = (),
        parts: Sequence[Section] = (),
        **values: object,
    ) -> Section:
        kept = [grid for grid in grids if grid is not None and grid.rows]
        inside = {"figures": list(figures), "grids": kept, "lines": lines, "parts": parts}
        inside["subject"] = label
        return Section(f"{key}-{name}", *about(name, **values), **inside)  # type: ignore[arg-type]

    groups = list(_group_areas(outcome, first))
    sections = [
        made(
            "performance",
            parts=[_horizon(key, label, outcome, h, minimum) for h in hours],
            predictors=2 + len(outcome.comparators),
            horizons=joined(hours),
        ),
        made(
            "labs",
            grids=[evaluation_tables.labs(outcome, hours)],
            lines=_absent(outcome),
            answer=outcome.labs_answer,
        ),
        made(
            "robust",
            grids=[
                evaluation_tables.robustness(outcome, hours) if hours else None,
                evaluation_tables.refits(outcome, hours),
            ],
        ),
        made(
            "decisions",
            grids=[
                decision_tables.alerts(outcome, NAMES),
                decision_tables.net_benefit(outcome, NAMES),
            ],
        ),
        made(
            "days",
            grids=[day_grid(outcome, label, by_day), evaluation_tables.days(outcome, hours)],
            hours=by_day,
        ),
        made(
            "competing",
            figures=_events(key, label, outcome),
            grids=[
                evaluation_tables.incidence(outcome),
                evaluation_tables.comes_first(outcome, label, NAMES),
            ],
        ),
        made(
            "groups",
            figures=_group_figures(label, first, groups, outcome),
            grids=[
                evaluation_tables.subgroups(outcome, hours, first),
                evaluation_tables.sites(outcome, first),
            ],
            hours=first,
            count=len(groups),
        ),
        _importance(key, label, outcome, report, first, made("importance", hours=first)),
        made("details", lines=lines),
    ]
    return [part for part in sections if part.is_filled]


def _horizon(key: str, label: str, outcome: OutcomeReport, hours: str, minimum: int) -> Section:
    """Charts and metrics at one horizon."""
    subject = _chart("subject", label=label, hours=hours)
    curves, figures = outcome.curves.get(hours), []
    if curves is not None and curves.roc:
        lines = {
            named(name): curves.roc[name]
            for name in sorted(curves.roc, key=predictor_rank)
            if name not in _CURVES_NOT_COMPARED
        }
        drawing = evaluation_charts.roc_chart(lines, title=_chart("roc_of", subject=subject))
        figures.append(Figure(_chart("roc"), drawing))
    figures += _calibration(outcome, hours, subject)
    if curves is not None and curves.risk_distribution is not None:
        title = _chart("risks_of", subject=subject)
        drawing = evaluation_charts.histogram_pair(curves.risk_distribution, title=title)
        figures.append(Figure(_chart("risks"), drawing))
    figures += _decision(outcome, hours, subject)
    area = evaluation_tables.area(outcome.model[hours])
    grid = performance_grid(outcome, label, hours, minimum)
    title, sentence = _text("next", hours=hours), _text("auroc", area=area)
    return Section(f"{key}-{hours}h", title, sentence, figures, [grid], folds_tables=False)


def _calibration(outcome: OutcomeReport, hours: str, subject: str) -> list[Figure]:
    curves = outcome.curves.get(hours)
    if curves is None or not curves.calibration.predicted:
        return []
    drawing = evaluation_charts.calibration_chart(
        curves.calibration,
        curves.calibration_smooth,
        title=_chart("calibration_of", subject=subject),
    )
    return [Figure(_chart("calibration"), drawing)]


def _decision(outcome: OutcomeReport, hours: str, subject: str) -> list[Figure]:
    cell = outcome.net_benefit.get(hours)
    if cell is None or len(cell.thresholds) < 2 or cell.model is None:
        return []
    title = _chart("decision_of", subject=subject)
    drawing = evaluation_charts.decision_chart(cell, NAMES, title=title)
    return [Figure(_chart("decision"), drawing)]


def _differences(outcome: OutcomeReport, hours: str) -> Iterator[tuple[str, Metric]]:
    """Differences from the negative control and each comparator that has an interval."""
    tables: dict[str, Mapping[str, AreaCell]] = {
        "negative_control": outcome.negative_control,
        **outcome.comparators,
    }
    for name in sorted(tables, key=lambda name: name not in ("grade_and_day", "negative_control")):
        cell = tables[name].get(hours, AreaCell())
        if cell.difference.is_complete and not cell.is_constant:
            yield named(name), cell.difference


def _absent(outcome: OutcomeReport) -> list[str]:
    absent = [f"{named(name)} ({reason})" for name, reason in outcome.comparators_absent.items()]
    return [_text("absent", names="; ".join(absent))] if absent else []


def _events(key: str, label: str, outcome: OutcomeReport) -> list[Figure]:
    incidence = outcome.what_comes_first.incidence
    if not incidence:
        return []
    causes = {cause for table in incidence.values() for cause in table}
    names = {cause: NAMES.get(cause) or outcome_short(cause) for cause in causes}
    short = outcome_short(key)
    names["outcome"] = short[:1].upper() + short[1:]
    title = _chart("first_event_of", label=label)
    drawing = evaluation_charts.events_chart(incidence, names, title=title)
    return [Figure(_chart("first_event"), drawing)]


def _group_areas(outcome: OutcomeReport, hours: str) -> Iterator[tuple[str, Metric]]:
    for attribute, levels in outcome.subgroups.items():
        for level, table in levels.items():
            cell = table.get(hours, AreaCell())
            if cell.area.is_complete:
                yield f"{attribute}: {level}", cell.area


def _group_figures(
    label: str, hours: str, groups: Sequence[tuple[str, Metric]], outcome: OutcomeReport
) -> list[Figure]:
    if not groups:
        return []
    whole = outcome.model[hours].auroc or 0.5
    title = _chart("subgroups_of", subject=_chart("subject", label=label, hours=hours))
    half = -(-len(groups) // 2) if len(groups) > _MOST_ROWS else len(groups)
    return [
        Figure(
            _chart("subgroups"),
            forest_chart(part, title=title, x_label=_chart("auroc"), reference=float(whole)),
        )
        for part in (groups[:half], groups[half:])
        if part
    ]


def _importance(
    key: str,
    label: str,
    outcome: OutcomeReport,
    report: EvaluationReport,
    hours: str,
    blank: Section,
) -> Section:
    """Falls in AUROC by axis of pathways and by analyte, with the table of analytes."""
    entries = report.analyte_use.get(key, {})
    grid = cohort_tables.analyte_use(
        entries,
        label,
        hours,
        firm_from=int(report.protocol.verdict_event_patients or 0),
        events=outcome.performance("model", hours).n_event_patients,
        apparent=report.kind == "apparent",
    )
    names = schema_yaml("pathways.yaml")["axes"]
    by_axis = [
        (names[name]["name"] if name in names else named(name), use.at(hours).loss)
        for name, use in report.axis_use.get(key, {}).items()
    ]
    drawn = {
        _chart("pathways"): by_axis,
        _chart("analytes"): _largest_falls(entries, hours),
    }
    subject = _chart("subject", label=label, hours=hours)
    figures = [
        Figure(
            caption,
            forest_chart(
                rows,
                title=_chart("falls_of", part=caption, subject=subject),
                x_label=_chart("fall_axis"),
                write=_three,
            ),
        )
        for caption, rows in drawn.items()
        if any(metric.is_complete for _, metric in rows)
    ]
    return Section(
        blank.key, blank.title, blank.sentence, figures, [grid] if grid else [], subject=label
    )


def _largest_falls(entries: Mapping[str, AnalyteUse], hours: str) -> list[tuple[str, Metric]]:
    falls = [(entry.label, entry.importance.at(hours).loss) for entry in entries.values()]
    known = [(name, loss) for name, loss in falls if loss.is_complete]
    return sorted(known, key=lambda item: -float(item[1].value or 0.0))[:_MOST_ANALYTES]


def _three(value: Number) -> str:
    return signed(value, 3)
