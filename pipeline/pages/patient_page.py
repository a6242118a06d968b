"""The patient page: one printed A4 sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.explain.confidence import Confidence, confidence_of, refused_reasons
from pipeline.explain.drug_caveats import drug_marks
from pipeline.explain.estimate_age import estimate_age, span_text
from pipeline.explain.estimate_inputs import missing_inputs
from pipeline.explain.estimates import Estimate, asked
from pipeline.explain.infusion_clock import since_infusion, timestamp_text
from pipeline.explain.model_limits import model_limits
from pipeline.explain.model_summary import ModelSummary, Validation, graded_scales
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import interval_text, outcome_short, phrase
from pipeline.explain.reference_range import own_range
from pipeline.explain.result_changes import range_text
from pipeline.explain.sentences import (
    EstimateReasons,
    caveat_sentences,
    estimate_reasons,
    favouring_players,
    lab_row,
    player_name,
)
from pipeline.format import decimal, integer, is_missing, joined
from pipeline.model.status import EVENT_PRESENT
from pipeline.pages.contribution_heatmap import heatmap
from pipeline.pages.html import render
from pipeline.pages.outcome_card import card, present_text
from pipeline.pages.risk_scale import syndrome_hue
from pipeline.pages.timeline_chart import (
    TimelineRow,
    axis_row,
    drug_row,
    grade_row,
    lab_timeline,
    risk_row,
    time_axis,
)
from pipeline.pages.waterfall_chart import WaterfallRow, waterfall
from pipeline.predict.patient_results import Patient

TEMPLATES = Path(__file__).parent / "templates"
MOST_LABS = 6
_MOST_PRINTED_ROWS = 28
"""Above, the step lines and drug caveats are not printed."""
_MOST_CHIPS, _MOST_DRUGS, _MOST_EXCEPTIONS, _MOST_CAVEATS = 4, 4, 3, 2


@dataclass(frozen=True)
class Why:
    """Reasons of one estimate: waterfall, opposing findings and players that favour it."""

    hue: str
    title: str
    rows: list[WaterfallRow]
    against: str
    favours: str
    none: str


def patient_page(patient: Patient, summary: ModelSummary, *, made: datetime, back: str = "") -> str:
    """Render the page of one patient.

    Parameters
    ----------
    made : datetime
        Time of writing; decides whether the estimate has expired.
    back : str
        Relative address of the ward list; blank for no link.
    """
    record, inputs = patient.record, patient.inputs
    shown = asked(list(patient.estimates), summary.outcomes)
    estimated = [item for item in shown if item.headline is not None]
    reasons = [estimate_reasons(item, record, summary) for item in estimated]
    confidence = _confidence(patient, estimated, summary, made)
    missing = [] if inputs is None else _missing(patient, estimated, summary)
    exceptions = _exceptions(patient, confidence, summary)
    keys = list(dict.fromkeys(bar.key for each in reasons for bar in each.bars))
    caveats = [text for key in keys for text in caveat_sentences([key], record, summary)[:1]]
    timeline, why = _timeline(record, estimated, summary), _why(estimated, reasons, summary)
    return render(
        TEMPLATES,
        "patient.html.j2",
        title=record.patient_id,
        bar=_bar(patient, summary, made),
        made=phrase("header", "made", when=timestamp_text(made, record.clock)),
        zone=record.clock.zone_words(),
        is_synthetic=summary.synthetic,
        back=back,
        cards=[card(item, record, summary, _note(item, patient, summary)) for item in shown],
        level=confidence,
        exceptions=exceptions[:_MOST_EXCEPTIONS],
        more_exceptions=exceptions[_MOST_EXCEPTIONS:],
        why=why,
        caveats=caveats[:_MOST_CAVEATS],
        timeline=timeline,
        dense=_rows(exceptions, why, timeline) > _MOST_PRINTED_ROWS,
        heatmap=heatmap(estimated, record, summary),
        missing=missing[:_MOST_CHIPS],
        more_missing=missing[_MOST_CHIPS:],
        labs=_all_labs(record, summary),
        limits=model_limits(shown, summary),
        footer=footer_lines(shown, summary),
    )


def _rows(exceptions: Sequence[str], why: Sequence[Why], timeline: Sequence[TimelineRow]) -> int:
    """Rows of a page in print; a bar with a driver counts twice."""
    bars = max((sum(1 + bool(row.driver) for row in each.rows) for each in why), default=0)
    return min(len(exceptions), _MOST_EXCEPTIONS) + bars + len(timeline)


def footer_lines(shown: Sequence[Estimate], summary: ModelSummary) -> list[str]:
    """Footer on model, training data, validation and limitations."""
    version = f"version {summary.version}" if summary.version.isdigit() else ""
    events = [
        phrase("footer", "events", count=integer(count), short=outcome_short(name))
        for name, count in summary.event_patients.items()
    ]
    lines = [
        phrase(
            "footer", "model", name=summary.name, version=version, sha=summary.bundle_sha[:12]
        ).replace(" ,", ","),
        phrase(
            "footer",
            "trained",
            patients=integer(summary.n_patients),
            cohort=summary.cohort,
            events=joined(events) or "events not counted",
        ),
    ]
    names = dict.fromkeys([item.outcome for item in shown])
    figures = [_figure(name, summary.validation.get(name)) for name in names]
    if summary.validation_kind and figures:
        lines.append(
            phrase(
                "footer",
                "internal",
                kind=summary.validation_kind,
                horizon=f"{summary.horizon:g}",
                figures="; ".join(figures),
            )
        )
    else:
        lines.append(phrase("footer", "internal_none"))
    return [*lines, phrase("footer", "external"), phrase("footer", "threshold")]


def _figure(name: str, validation: Validation | None) -> str:
    short = outcome_short(name)
    cell = None if validation is None else validation.shown
    if cell is None or not cell.area.is_complete or is_missing(cell.cal_slope):
        return phrase("footer", "figure_none", short=short)
    auroc, low, high, slope = (decimal(value) for value in (*cell.area, cell.cal_slope))
    return phrase("footer", "figure", short=short, auroc=auroc, lo=low, hi=high, slope=slope)


def _bar(patient: Patient, summary: ModelSummary, made: datetime) -> list[str]:
    """Product, time since infusion, grades, and age of the newest lab when the page is made."""
    record, inputs = patient.record, patient.inputs
    parts = [record.product] if record.product else []
    if not is_missing(record.hours):
        parts.append(since_infusion(record.hours))
    if inputs is None:
        return parts
    parts.append(grade_text(record, summary))
    late = estimate_age(record, made, summary.horizon)
    if is_missing(inputs.newest):
        parts.append(phrase("header", "labs_unread"))
    else:
        age = span_text(inputs.newest + (late.hours if late else 0.0))
        parts.append(phrase("header", "labs", age=age))
    return [part for part in parts if part]


def grade_text(record: PatientRecord, summary: ModelSummary) -> str:
    """Current grade on each scale; a scale without one is named as unknown."""
    grades = {
        scale.upper(): record.current_grade(scale, summary.grade_valid_hours)
        for scale in graded_scales(summary)
    }
    known = [
        phrase("header", "grade", scale=name, grade=grade)
        for name, grade in grades.items()
        if grade is not None
    ]
    unknown = "/".join(name for name, grade in grades.items() if grade is None)
    return ", ".join(
        [*known, *([phrase("header", "grade_unknown", scale=unknown)] if unknown else [])]
    )


def _note(item: Estimate, patient: Patient, summary: ModelSummary) -> str:
    """Why an outcome replaces one that is already present; else blank."""
    first = summary.outcomes[item.outcome].shown_after
    before = next((other for other in patient.estimates if other.outcome == first), None)
    if before is None or before.status != EVENT_PRESENT:
        return ""
    when = present_text(before, patient.record, brief=True)
    return phrase("no_estimate", "instead", when=when) if when else ""


def _confidence(
    patient: Patient, estimated: Sequence[Estimate], summary: ModelSummary, made: datetime
) -> Confidence | None:
    if patient.inputs is None or not estimated:
        return None
    late = estimate_age(patient.record, made, summary.horizon)
    return confidence_of(
        patient.record, patient.inputs, estimated, summary, patient.refused, late, patient.later
    )


def _exceptions(
    patient: Patient, confidence: Confidence | None, summary: ModelSummary
) -> tuple[str, ...]:
    if confidence is None:
        return tuple(reason.text for reason in refused_reasons(summary, patient.refused))
    return confidence.reasons


def _why(
    estimated: Sequence[Estimate], reasons: Sequence[EstimateReasons], summary: ModelSummary
) -> list[Why]:
    favouring = favouring_players(estimated)
    result = []
    for item, each in zip(estimated, reasons, strict=True):
        names = [player_name(key, summary) for key in favouring.get(item.outcome, [])]
        other = joined([each.scale.upper() for each in estimated if each is not item])
        favours = phrase("why", "favours", short=item.short, other=other, what=joined(names))
        favours = favours if names else ""
        hue = syndrome_hue(item.scale, item.threshold)
        rows, none = waterfall(item, each), phrase("why", "none")
        result.append(Why(hue, item.short, rows, each.against, favours, none))
    return result


def _missing(
    patient: Patient, estimated: Sequence[Estimate], summary: ModelSummary
) -> list[tuple[str, str]]:
    """Missing or old inputs, the one whose measurement could change most first, with its effect."""
    found = missing_inputs(patient.record, patient.inputs, summary, patient.refused)  # type: ignore[arg-type]
    effect = patient.measuring
    items = sorted(found, key=lambda item: effect is None or item.analyte != effect.analyte)
    result = []
    for item in items:
        text = ""
        if effect is not None and item.analyte == effect.analyte:
            text = phrase(
                "missing",
                "measuring",
                short=outcome_short(effect.outcome),
                interval=interval_text(effect.low, effect.high),
            )
        result.append((item.text, text))
    return result


def _timeline(
    record: PatientRecord, estimated: Sequence[Estimate], summary: ModelSummary
) -> list[TimelineRow]:
    if not record.results:
        return []
    x = time_axis(record)
    rows = [risk_row(estimated, record, x)] if estimated else []
    rows += [
        grade_row(scale, record, x, summary.grade_valid_hours)
        for scale in graded_scales(summary)
        if scale in record.charted
    ]
    rows += [drug_row(drug, record, x) for drug in drug_marks(record.doses)[:_MOST_DRUGS]]
    keys = most_relevant(record, estimated, summary)[:MOST_LABS]
    rows += [lab_timeline(summary.analytes[key], record, x) for key in keys]
    return [*rows, axis_row(x)]


def most_relevant(
    record: PatientRecord, estimated: Sequence[Estimate], summary: ModelSummary
) -> list[str]:
    """Measured analytes of the model by largest contribution, then core markers first."""

    def order(key: str) -> tuple[float, bool]:
        strength = max((abs(item.players.get(key, 0.0)) for item in estimated), default=0.0)
        return -strength, not summary.analytes[key].core

    return sorted((key for key in summary.analytes if key in record.results), key=order)


def _all_labs(record: PatientRecord, summary: ModelSummary) -> list[tuple[Any, ...]]:
    """Every measured analyte of the model: name, value, time, change, range and drug effects."""
    rows = []
    for key, analyte in summary.analytes.items():
        if key in record.results:
            newest = record.results[key][-1]
            place = range_text(newest.value, newest.side, own_range(analyte, record))
            effects = "; ".join(caveat_sentences([key], record, summary))
            rows.append((*lab_row(key, record, summary), place, effects))
    return rows
