"""The patient page: one printed A4 sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.explain.confidence import Confidence, confidence_of, unscored_reasons
from pipeline.explain.drug_caveats import drug_marks
from pipeline.explain.estimate_age import estimate_age, estimate_moment, hours_at
from pipeline.explain.estimate_inputs import missing_inputs
from pipeline.explain.estimates import Estimate, asked
from pipeline.explain.infusion_clock import since_infusion, timestamp_text
from pipeline.explain.model_limits import model_limits
from pipeline.explain.model_summary import ModelSummary, Validation, graded_scales
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import age_text, interval_text, outcome_short, phrase, risk_text
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
from pipeline.pages.outcome_card import Card, card, occurred_text
from pipeline.pages.risk_scale import syndrome_hue
from pipeline.pages.timeline_chart import (
    TimelineRow,
    axis_row,
    drug_row,
    grade_row,
    lab_timeline,
    moment_row,
    risk_row,
    time_axis,
)
from pipeline.pages.waterfall_chart import WaterfallRow, waterfall
from pipeline.predict.patient_results import Patient

TEMPLATES = Path(__file__).parent / "templates"
MOST_LABS = 6
_LINES_OF_A_COURSE = 2
_MOST_LINES = {" dense": 31, " denser": 37, " full": 45}
"""Above, print leaves out the fifth and sixth lab, then the step lines, then the drug caveats."""
_MISSING_LISTS = {
    "never": "list_never",
    "stale": "list_stale",
    "grades": "list_grades",
    "refused": "list_refused",
}
_MOST_DRUGS, _MOST_CAVEATS = 4, 2


@dataclass(frozen=True)
class Why:
    """Reasons of one estimate.

    Attributes
    ----------
    rows : list of WaterfallRow
        Empty if no finding is large enough to be drawn; ``none`` is shown instead.
    against, favours : str
        Opposing findings, and players that favour this outcome; blank if nothing is to be shown.
    parts : str
        The largest of the other findings; blank unless they are as large as the largest bar.
    """

    hue: str
    title: str
    rows: list[WaterfallRow]
    against: str
    favours: str
    none: str
    parts: str


def patient_page(patient: Patient, summary: ModelSummary, *, made: datetime, back: str = "") -> str:
    """Render the page of one patient.

    Parameters
    ----------
    made : datetime
        Time of writing; decides whether the estimate has expired.
    back : str
        Relative address of the ward list; blank for no link.
    """
    record = patient.record
    shown = asked(list(patient.estimates), summary.outcomes)
    estimated = [item for item in shown if item.headline is not None]
    reasons = [estimate_reasons(item, record, summary) for item in estimated]
    confidence = _confidence(patient, estimated, summary, made)
    missing = _missing(patient, summary)
    exceptions = _exceptions(patient, confidence, summary)
    keys = list(dict.fromkeys(bar.key for each in reasons for bar in each.bars))
    caveats = [text for key in keys for text in caveat_sentences([key], record, summary)[:1]]
    caveats = caveats[:_MOST_CAVEATS]
    timeline = _timeline(record, estimated, summary, _moment(patient, made))
    why = _why(estimated, reasons, summary)
    own_average = phrase("why", "offset_note") if any(each.offset for each in reasons) else ""
    cards = [card(item, record, summary, _note(item, patient, summary)) for item in shown]
    notes = (*caveats, *exceptions, *([own_average] if own_average else []))
    lines = len(notes) + _LINES_OF_A_COURSE * len(timeline) + _lines(why, cards)
    return render(
        TEMPLATES,
        "patient.html.j2",
        title=record.patient_id,
        bar=_bar(patient, summary, made),
        made=phrase("header", "made", when=timestamp_text(made, record.clock)),
        zone=record.clock.zone_words(),
        is_synthetic=summary.synthetic,
        back=back,
        cards=cards,
        level=confidence,
        exceptions=exceptions,
        why=why,
        own_average=own_average,
        caveats=caveats,
        timeline=timeline,
        density="".join(name for name, most in _MOST_LINES.items() if lines > most),
        heatmap=heatmap(estimated, record, summary),
        missing=missing,
        labs=_all_labs(record, summary),
        limits=model_limits(shown, summary),
        footer=footer_lines(shown, summary),
    )


def _lines(why: Sequence[Why], cards: Sequence[Card]) -> int:
    """Lines of the taller card and chart in print; a bar with a driver has two."""
    charts = (
        sum(1 + bool(row.driver) for row in each.rows)
        + sum(map(bool, (each.parts, each.against, each.favours)))
        for each in why
    )
    return max(charts, default=0) + any(each.drivers for each in cards)


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
            events=joined(events) or phrase("footer", "events_none"),
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
    """Product, time of the estimate, grades, and age of the newest lab when the page is made."""
    record, inputs = patient.record, patient.inputs
    parts = [record.product, _moment(patient, made)]
    if not patient.unknown:
        parts.append(grade_text(record, summary, hours_at(record, made)))
    if inputs is not None:
        late = estimate_age(record, made, summary.horizon)
        age = inputs.newest + (late.hours if late else 0.0)
        parts.append(
            phrase("header", "labs_unread")
            if is_missing(age)
            else phrase("header", "labs", age=age_text(age))
        )
    return [part for part in parts if part]


def _moment(patient: Patient, made: datetime) -> str:
    """Day and time of the estimate; without a landmark, the day on which the page is made."""
    record = patient.record
    if is_missing(record.hours):
        now = hours_at(record, made)
        return "" if is_missing(now) else since_infusion(now)
    key = "estimate" if any(item.headline for item in patient.estimates) else "moment"
    return phrase("header", key, when=estimate_moment(record, made))


def grade_text(record: PatientRecord, summary: ModelSummary, hours: float) -> str:
    """Newest grade on each scale at an hour; a scale without one is named as unknown."""
    grades = {
        scale.upper(): record.newest_grade(scale, hours, summary.grade_valid_hours)
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
    """State of the outcome that this one replaces because it has occurred; else blank."""
    first = summary.outcomes[item.outcome].shown_after
    before = next((other for other in patient.estimates if other.outcome == first), None)
    if before is None or before.status != EVENT_PRESENT:
        return ""
    return occurred_text(before, patient.record)


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
    if confidence is not None:
        return confidence.reasons
    reasons = unscored_reasons(
        patient.record, summary, patient.refused, patient.later, unknown=patient.unknown
    )
    return tuple(reason.text for reason in reasons)


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
        rows, none = waterfall(item, each), _no_bars(item, each)
        result.append(Why(hue, item.short, rows, each.against, favours, none, each.parts))
    return result


def _no_bars(item: Estimate, reasons: EstimateReasons) -> str:
    """Sentence for an estimate without bars; names the model's own average if it differs much."""
    usual = None if item.headline is None else item.headline.usual
    if usual is None or not reasons.offset:
        return phrase("why", "none")
    return phrase(
        "why",
        "none_above" if reasons.offset > 0 else "none_below",
        day=usual.day,
        own=risk_text(item.reference_risk),
        average=risk_text(usual.rate),
    )


def _missing(patient: Patient, summary: ModelSummary) -> list[str]:
    """Every missing or old input; first the one whose measurement could change an estimate most."""
    if patient.inputs is None:
        return []
    inputs = missing_inputs(patient.record, patient.inputs, summary, patient.refused)
    effect, lines = patient.measuring, []
    first = next((item for item in inputs if effect and item.analyte == effect.analyte), None)
    if effect is not None and first is not None:
        inputs.remove(first)
        text = phrase(
            "missing",
            "measuring_never" if first.kind == "never" else "measuring_stale",
            analyte=first.name,
            age=first.age,
            short=outcome_short(effect.outcome),
            interval=interval_text(effect.low, effect.high),
        )
        lines.append(text)
    for kind, key in _MISSING_LISTS.items():
        by_age: dict[str, list[str]] = {}
        for item in inputs:
            if item.kind == kind:
                by_age.setdefault(item.age, []).append(item.name)
        if by_age:
            names = "; ".join(f"{age} {', '.join(each)}".strip() for age, each in by_age.items())
            lines.append(phrase("missing", key, names=names))
    return lines


def _timeline(
    record: PatientRecord, estimated: Sequence[Estimate], summary: ModelSummary, moment: str
) -> list[TimelineRow]:
    if not record.results:
        return []
    x = time_axis(record)
    rows = [risk_row(estimated, record, x, moment) if estimated else moment_row(moment, x)]
    rows += [
        grade_row(scale, record, x, summary.grade_valid_hours)
        for scale in graded_scales(summary)
        if record.grade_course(scale)
    ]
    given = sorted(
        drug_marks(pd.concat([record.doses, record.later_doses])),
        key=lambda drug: max(drug.hours) < record.hours,  # those given since are never left out
    )
    rows += [drug_row(drug, record, x) for drug in given[:_MOST_DRUGS]]
    keys = most_relevant(record, estimated, summary)[:MOST_LABS]
    rows += [lab_timeline(summary.analytes[key], record, x) for key in keys]
    return [*rows, axis_row(x)]


def most_relevant(
    record: PatientRecord, estimated: Sequence[Estimate], summary: ModelSummary
) -> list[str]:
    """Measured analytes of the model by largest contribution, then core analytes first."""

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
