"""The card of one outcome: a risk compared with the base rate, or why there is no estimate."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from pipeline.cohort.patient_links import UNKNOWN_PATIENT
from pipeline.explain.estimates import Estimate, Risk
from pipeline.explain.model_summary import ModelSummary, graded_scales
from pipeline.explain.outcome_state import outcome_state
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import (
    interval_text,
    is_clipped,
    phrase,
    points_text,
    ratio_to_average,
    risk_text,
    section,
    whole,
)
from pipeline.explain.risk_changes import change_drivers, interim_events, is_large_change
from pipeline.format import integer, is_missing
from pipeline.model.status import EVENT_PRESENT, REJECTED
from pipeline.pages.patient_charts import horizon_steps
from pipeline.pages.risk_scale import RiskMark, risk_scale, syndrome_hue

_TOUCHES = 1e-6


@dataclass(frozen=True)
class Card:
    """Content of the card of one outcome.

    Attributes
    ----------
    hue : str
        CSS class of the syndrome.
    title : str
    big : str
        The risk, or the status if there is no estimate.
    lines : tuple of str
        Sentences below the risk.
    interval, change : str
        Interval of the risk, and change within 24 h; blank if unknown.
    note : str
        Why this outcome replaces another; blank otherwise.
    drivers, events : str
        For a large change: contributions that changed, and drugs and grades since then.
    scale, steps : Markup or None
        Risk on the fixed scale, and risk by horizon.
    rows : tuple
        Every horizon as text: hours, risk, interval, average.
    """

    hue: str
    title: str
    big: str
    lines: tuple[str, ...]
    interval: str = ""
    change: str = ""
    note: str = ""
    drivers: str = ""
    events: str = ""
    scale: Markup | None = None
    steps: Markup | None = None
    rows: tuple[tuple[str, str, str, str], ...] = ()


def card(item: Estimate, record: PatientRecord, summary: ModelSummary, note: str = "") -> Card:
    """Return the card of one estimate.

    Parameters
    ----------
    note : str
        Why this outcome replaces one that is already present; blank otherwise.
    """
    risk, hue = item.headline, syndrome_hue(item.scale, item.threshold)
    if risk is None:
        big, lines = _without(item, record)
        return Card(hue, item.label, big, lines, note=note)
    level, ends = level_text(summary.level), interval_text(risk.low, risk.high)
    average = risk.usual.rate if risk.usual else None
    alternative = phrase(
        "estimate",
        "scale",
        label=item.label,
        risk=risk_text(risk.risk),
        level=level,
        interval=ends,
        average="unknown" if average is None else risk_text(average),
    )
    label = phrase("estimate", "average_label")
    mark = RiskMark(hue, risk.risk, risk.low, risk.high, average, alternative, label)
    lines = (average_text(risk), refits_text(risk))
    drivers, events = _drivers(item, record, summary)
    return Card(
        hue=hue,
        title=f"{item.label}, next {risk.hours:g}\u00a0h",
        big=risk_text(risk.risk),
        lines=tuple(line for line in lines if line),
        interval=phrase("estimate", "interval", level=level, interval=ends),
        change=change_text(item, record.hours),
        note=note,
        drivers=drivers,
        events=events,
        scale=risk_scale(mark),
        steps=horizon_steps(item.risks, risk.hours),
        rows=tuple(_row(each) for each in item.risks),
    )


def average_text(risk: Risk) -> str:
    """Average of the day with its counts, and the risk relative to it."""
    usual = risk.usual
    if usual is None or is_missing(usual.rate):
        return phrase("estimate", "average_unknown")
    text = phrase(
        "estimate",
        "average_pooled" if usual.pooled else "average",
        day=usual.day,
        rate=risk_text(usual.rate),
        events=integer(usual.events) if usual.events else phrase("estimate", "events_none"),
        patients=integer(usual.of),
    )
    if risk_text(risk.risk) == risk_text(usual.rate):
        # both print the same, so neither is called higher; clipped values are not compared
        times = "" if is_clipped(risk.risk) else ratio_to_average(1.0)
    else:
        times = ratio_to_average(risk.ratio) or phrase("estimate", "few_events")
    return f"{text}; {times}" if times else text


def refits_text(risk: Risk) -> str:
    """Note that the estimate lies at an end of its interval; else blank."""
    at_low, at_high = risk.risk - risk.low < _TOUCHES, risk.high - risk.risk < _TOUCHES
    if at_low == at_high:
        return ""
    return phrase("estimate", "refits_higher" if at_low else "refits_lower")


def change_text(item: Estimate, landmark_hours: float) -> str:
    """Describe the change of the headline risk within 24 h, same model; blank if unknown."""
    before, risk = item.day_before(landmark_hours), item.headline
    if before is None or risk is None:
        return ""
    points = whole(100 * risk.risk) - whole(100 * before.risk)
    key = "change_none" if points == 0 else "change_up" if points > 0 else "change_down"
    return phrase("estimate", key, points=points_text(points), before=risk_text(before.risk))


def _drivers(item: Estimate, record: PatientRecord, summary: ModelSummary) -> tuple[str, str]:
    """Drivers of a large change within 24 h, and drugs and grades since then; else blank."""
    before, risk = item.day_before(record.hours), item.headline
    if before is None or risk is None or not is_large_change(before.risk, risk.risk):
        return "", ""
    events = interim_events(record, before.landmark_hours, graded_scales(summary))
    return change_drivers(item, before, summary), events


def occurred_text(item: Estimate, record: PatientRecord) -> str:
    """Whether an outcome that has occurred is present, and since when; blank if not charted."""
    state = outcome_state(record, item.scale, item.threshold)
    if state is None:
        return ""
    key = "present_since" if state.present else "over" if state.grade else "resolved"
    return phrase(
        "no_estimate",
        key,
        short=item.short,
        grade=state.grade,
        when=record.clock.words(state.since),
        onset=record.clock.words(state.onset),
    )


def level_text(level: float) -> str:
    """Write an interval level in percent.

    Examples
    --------
    >>> level_text(0.8)
    '80%'
    """
    return f"{whole(100 * level)}%"


def _without(item: Estimate, record: PatientRecord) -> tuple[str, tuple[str, ...]]:
    if item.status == EVENT_PRESENT:
        state = outcome_state(record, item.scale, item.threshold)
        title = "event_over_title" if state and not state.present else "event_present_title"
        text = occurred_text(item, record) or phrase("no_estimate", "event_unknown")
        lines = (f"{text[:1].upper()}{text[1:]}.", phrase("no_estimate", "event_no_risk"))
        return phrase("no_estimate", title), lines
    return phrase("no_estimate", "none_title"), (
        unscored_text(item),
        phrase("no_estimate", "not_low"),
    )


def unscored_text(item: Estimate) -> str:
    """Why there is no estimate of an outcome that has not occurred."""
    if item.status != REJECTED:
        reason = item.reason.replace("_", " ") or phrase("no_estimate", "not_stated")
        return phrase("no_estimate", "abstained", reason=reason)
    if item.reason == UNKNOWN_PATIENT:
        return phrase("no_estimate", "unknown_patient")
    reason = section("no_estimate")["codes"].get(item.reason, item.reason.replace("_", " "))
    return phrase("no_estimate", "rejected", reason=reason)


def _row(risk: Risk) -> tuple[str, str, str, str]:
    return (
        f"{risk.hours:g} h",
        risk_text(risk.risk),
        interval_text(risk.low, risk.high),
        risk_text(risk.usual.rate) if risk.usual else "unknown",
    )
