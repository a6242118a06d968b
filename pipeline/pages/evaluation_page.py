"""The evaluation page: evaluation.json and its curves as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import Any

from markupsafe import Markup

from pipeline.evaluate.abstention_rates import abstention_line
from pipeline.evaluate.discrimination import is_constant
from pipeline.format import DASH, count_of, counted, is_missing, joined, words
from pipeline.pages import (
    cohort_tables,
    decision_tables,
    evaluation_charts,
    evaluation_tables,
    headline_sentences,
)
from pipeline.pages.calibration_sentences import calibration_words
from pipeline.pages.evaluation_charts import calibration_chart, histogram_pair, roc_chart
from pipeline.pages.evaluation_titles import (
    NAMES,
    TEMPLATES,
    WORDS,
    banner_words,
    named,
    subject_words,
)
from pipeline.pages.html import facts, render
from pipeline.pages.method_sentences import arrival_words, audit_lines, protocol_words, told_share
from pipeline.pages.model_tables import model_grid

Table = Mapping[str, Any]


def render_evaluation(
    evaluation: Table, curves: Table, *, title: str, synthetic: bool = False
) -> str:
    """
    Render the page on which a statistician finds every figure of an evaluation.

    Parameters
    ----------
    evaluation : mapping
        The content of `evaluation.json`; optional parts may be absent and figures None.
    curves : mapping
        Per outcome and horizon: `roc`, `calibration` and `risk_distribution`.
    title : str
        Heading of the page.
    synthetic : bool
        Whether to say that all patients are simulated; the cohort says it of itself and of the
        patients the model learned from.

    Examples
    --------
    >>> page = render_evaluation({"kind": "apparent", "outcomes": {}}, {}, title="Demo")
    >>> "optimistic" in page, "<script" in page
    (True, False)
    """
    cohort, protocol = evaluation.get("cohort", {}), evaluation.get("protocol", {})
    outcomes = evaluation.get("outcomes", {})
    kind = str(evaluation.get("kind", "not stated"))
    found = sorted({h for o in outcomes.values() for h in o.get("model", {})}, key=float)
    minimum = int(protocol.get("min_event_patients") or 5)
    simulated = banner_words(cohort, synthetic=synthetic)
    return render(
        TEMPLATES,
        "evaluation.html.j2",
        title=title,
        synthetic=bool(simulated),
        simulated=simulated,
        subject=subject_words(evaluation),
        kind=kind,
        kind_words=WORDS["kinds"].get(kind, "an unknown kind of evaluation"),
        cohort=cohort,
        landmarks=_number(cohort.get("n_landmarks"), "landmark"),
        patients=_number(cohort.get("n_patients"), "patient"),
        outcomes=[outcome_view(key, o, curves.get(key, {}), kind) for key, o in outcomes.items()],
        limits=headline_sentences.limits(outcomes, kind, minimum),
        horizons=joined(protocol.get("horizons_h") or found),
        contrast=_contrast_grids(evaluation),
        contrast_reason=(evaluation.get("contrast_detail") or {}).get("reason", ""),
        analytes=_analyte_grids(evaluation),
        abstentions=[
            abstention_line(str(outcomes.get(name, {}).get("label") or words(name)), dict(report))
            for name, report in (evaluation.get("abstention") or {}).items()
        ],
        protocol=protocol_words(evaluation),
        made=model_grid(evaluation.get("models") or {}, evaluation.get("settings_changed") or {}),
        canary=evaluation.get("canary_auroc", nan),
        warnings=[_with_label(line, outcomes) for line in evaluation.get("warnings") or ()],
        arrival=arrival_words(evaluation.get("result_times")),
        audits=_audits(evaluation),
        command=str(evaluation.get("command") or ""),
        minimum=minimum,
        facts=[*facts(cohort, WORDS["facts"]), *facts(protocol, WORDS["facts"])],
    )


def _number(value: Any, noun: str) -> str:
    return f"{DASH} {noun}s" if is_missing(value) else counted(int(value), noun)


def _audits(evaluation: Table) -> list[tuple[str, list[str]]]:
    """What audits found beyond the errors that stand among the warnings."""
    told = [
        ("The audit of this cohort warns", audit_lines(evaluation.get("audit"), errors=False)),
        (
            "The audit of the cohort the model learned from found",
            audit_lines(evaluation.get("audit_of_training")),
        ),
    ]
    return [(words, lines) for words, lines in told if lines]


def _with_label(line: str, outcomes: Mapping[str, Table]) -> str:
    """A sentence about an outcome, under its label rather than its key."""
    name, colon, rest = line.partition(":")
    label = outcomes.get(name, {}).get("label")
    return f"{label}{colon}{rest}" if label else line


def outcome_view(key: str, outcome: Table, curves: Table, kind: str = "") -> dict[str, Any]:
    """
    Arrange one outcome for the template: sentences, a table and charts per horizon, further grids.

    Examples
    --------
    >>> view = outcome_view("icans", {"model": {"24": {"auroc": 0.8}}}, {})
    >>> view["label"], [block["hours"] for block in view["horizons"]]
    ('Icans', ['24'])
    """
    label, model = str(outcome.get("label") or words(key)), outcome.get("model", {})
    hours = sorted(model, key=float)
    told = headline_sentences.headline_hours(model) or ""
    longest = model[hours[-1]] if hours else {}
    first_lines = (
        str(outcome.get("labs_answer") or ""),
        headline_sentences.weighted_words(outcome),
        calibration_words(outcome, told or None),
        headline_sentences.alert_words(outcome),
    )
    judged = first_lines if kind != "apparent" else ()
    further = [
        evaluation_tables.labs(outcome, hours),
        evaluation_tables.robustness(outcome, hours) if hours else None,
        decision_tables.alerts(outcome, NAMES),
        decision_tables.net_benefit(outcome, NAMES),
        evaluation_tables.incidence(outcome),
        evaluation_tables.comes_first(outcome, label, NAMES),
        evaluation_tables.days(outcome, hours),
        evaluation_tables.subgroups(outcome, hours, told),
    ]
    return {
        "label": label,
        "headline": headline_sentences.headline(label, outcome, kind),
        "others": headline_sentences.other_horizons(model, hours),
        "sentences": [line for line in judged if line],
        "glance": _glance(label, outcome, told),
        "absent": [
            f"{named(name)}: {reason}"
            for name, reason in (outcome.get("comparators_absent") or {}).items()
        ],
        "horizons": [
            {"hours": h, "rows": _rows(outcome, h), "charts": _charts(label, h, outcome, curves)}
            for h in hours
        ],
        "grids": [grid for grid in further if grid is not None and grid.rows],
        "by_day": sorted((outcome.get("by_day") or {}).items(), key=lambda item: float(item[0])),
        "counts": count_of(longest.get("n_event_patients"), longest.get("n_patients")),
    }


def _contrast_grids(evaluation: Table) -> list[evaluation_tables.Grid]:
    cells = evaluation.get("contrast") or {}
    detail = evaluation.get("contrast_detail") or {}
    told = cohort_tables.told_hours([cells])
    found = (cohort_tables.contrast(cells, detail), cohort_tables.drivers(detail, told))
    return [grid for grid in found if grid is not None]


def _analyte_grids(evaluation: Table) -> list[evaluation_tables.Grid]:
    result = []
    for name, entries in (evaluation.get("analyte_use") or {}).items():
        outcome = evaluation.get("outcomes", {}).get(name, {})
        told = headline_sentences.headline_hours(outcome.get("model", {})) or ""
        label = str(outcome.get("label") or words(name))
        grid = cohort_tables.analyte_use(
            entries,
            label,
            told,
            firm_from=int((evaluation.get("protocol") or {}).get("verdict_event_patients") or 0),
            events=outcome.get("model", {}).get(told, {}).get("n_event_patients"),
            apparent=evaluation.get("kind") == "apparent",
        )
        result += [] if grid is None else [grid]
    return result


def _glance(label: str, outcome: Table, told: str) -> Markup | None:
    """Differences from every comparator with an interval, at the headline horizon."""
    rows = []
    for name, table in _compared(outcome):
        cell = table.get(told, {})
        ends = [cell.get(part) for part in ("diff_auroc", "diff_lo", "diff_hi")]
        if not any(is_missing(end) for end in ends):
            rows.append((name, float(ends[0]), float(ends[1]), float(ends[2])))
    if not rows:
        return None
    title = f"Model against each comparator: {label}, next {told} h"
    return evaluation_charts.difference_chart(rows, title=title)


def _compared(outcome: Table) -> Iterator[tuple[str, Table]]:
    for name, table in (outcome.get("comparators") or {}).items():
        yield (
            named(name),
            {hours: cell for hours, cell in table.items() if not is_constant(cell)},
        )
    control = outcome.get("negative_control") or {}
    if control:
        yield named("negative_control"), control


def _rows(outcome: Table, hours: str) -> list[dict[str, Any]]:
    """One table row for the model, its variant without grades, and each comparator."""
    predictors = {name: outcome.get(name, {}) for name in ("model", "model_no_state")}
    predictors |= outcome.get("comparators", {})
    spread = outcome.get("probability_intervals") or {}
    return [
        {
            "name": named(name),
            "m": {**by_hour[hours], **spread.get(name, {}).get(hours, {})},
            "share": told_share(by_hour[hours]),
            "main": name == "model",
        }
        for name, by_hour in predictors.items()
        if hours in by_hour
    ]


def _charts(label: str, hours: str, outcome: Table, curves: Table) -> Sequence[tuple[str, Markup]]:
    """Caption and drawing of each chart whose curve is there."""
    drawn: list[tuple[str, Markup]] = []
    curve, said = curves.get(hours) or {}, f"{label}, next {hours} h"
    if roc := curve.get("roc"):
        lines = {named(name): rates for name, rates in roc.items()}
        drawn.append(("ROC curves", roc_chart(lines, title=f"ROC curves: {said}")))
    if groups := curve.get("calibration"):
        smooth = curve.get("calibration_smooth") or {}
        title = f"Calibration: {said}"
        chart = (
            evaluation_charts.smooth_calibration(smooth, groups, title=title)
            if smooth.get("risk")
            else calibration_chart(groups, title=title)
        )
        drawn.append((f"Calibration of the model within {hours} h", chart))
    if bins := curve.get("risk_distribution"):
        drawn.append(
            (
                "Risks the model gave",
                histogram_pair(**bins, title=f"Risks given: {said}"),
            )
        )
    if "thresholds" in (cell := (outcome.get("net_benefit") or {}).get(hours, {})):
        title = f"Decision curve: {said}"
        drawn.append(
            (
                "Net benefit",
                evaluation_charts.decision_chart(cell, NAMES, title=title),
            )
        )
    return drawn
