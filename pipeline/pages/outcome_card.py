"""The card of one outcome: a risk compared with the base rate, or why there is no estimate."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from pipeline.explain.estimates import EarlierEstimate, Estimate, Risk
from pipeline.explain.infusion_clock import day_and_hour
from pipeline.explain.model_summary import DayAverage, ModelSummary, graded_scales
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import (
    interval_text,
    is_clipped,
    phrase,
    points_text,
    ratio_to_average,
    risk_text,
    whole,
)
from pipeline.explain.risk_changes import change_drivers, interim_events, is_large_change
from pipeline.format import integer, is_missing
from pipeline.model.status import EVENT_PRESENT, REJECTED
from pipeline.pages import patient_charts

_TOUCHES = 1e-6


@dataclass(frozen=True)
class Card:
    """Content of the card of one outcome.

    Attributes
    ----------
    title : str
    big : str
        The risk, or the status if there is no estimate.
    lines : tuple of str
        Sentences below the risk.
    interval, change : str
        Interval of the risk, and change within 24 h; blank if unknown.
    through, between : str
        For a large change: contributions that changed, and drugs and grades since then.
    line : Markup or None
        Number line.
    drawings : tuple of (caption, drawing)
    rows : tuple
        Every horizon as text: hours, risk, interval, base rate.
    """

    title: str
    big: str
    lines: tuple[str, ...]
    interval: str = ""
    change: str = ""
    through: str = ""
    between: str = ""
    line: Markup | None = None
    drawings: tuple[tuple[str, Markup], ...] = ()
    rows: tuple[tuple[str, str, str, str], ...] = ()


def card(
    item: Estimate, record: PatientRecord, summary: ModelSummary, reach: float, note: str = ""
) -> Card:
    """Return the card of one estimate.

    Parameters
    ----------
    reach : float
        Upper end of the number line, the same for all cards of a page.
    note : str
        Why this outcome replaces one that is already present; blank otherwise.
    """
    risk = item.headline
    notes = (note,) if note else ()
    if risk is None:
        return Card(item.label, *_without(item, record, summary, notes))
    interval = phrase(
        "estimate",
        "interval",
        level=level_text(summary.level),
        interval=interval_text(risk.low, risk.high),
    )
    usual = risk.usual
    times = ratio_to_average(risk.ratio) or (phrase("estimate", "few_events") if usual else "")
    if usual and risk_text(risk.risk) == risk_text(usual.rate):
        # both print the same, so neither may be called higher; clipped values are not compared
        times = "" if is_clipped(risk.risk) else ratio_to_average(1.0)
    drawings = [
        (
            phrase("estimate", "horizons"),
            patient_charts.horizon_chart(
                item.risks, risk.hours, title=f"{item.label}: risk by hours ahead"
            ),
        )
    ]
    if item.past:
        now = EarlierEstimate(record.hours, risk.risk, risk.low, risk.high)
        title = f"{item.label}: {risk.hours:g} h risk on earlier days and now"
        drawings.append(
            (
                phrase("estimate", "history", horizon=f"{risk.hours:g}"),
                patient_charts.history_chart(item.past, now, title=title),
            )
        )
    through, between = _between(item, record, summary)
    desc = phrase(
        "estimate",
        "number_line",
        label=item.label,
        risk=risk_text(risk.risk),
        level=level_text(summary.level),
        interval=interval_text(risk.low, risk.high),
        usual=risk_text(usual.rate) if usual else "unknown",
    )
    return Card(
        title=f"{item.label}, next {risk.hours:g}\u00a0h",
        big=risk_text(risk.risk),
        lines=tuple(
            line
            for line in (*notes, f"{usual_text(usual)} {times}".strip(), refits_text(risk))
            if line
        ),
        interval=interval,
        change=change_text(item, record.hours),
        through=through,
        between=between,
        line=patient_charts.number_line(
            risk, reach, title=f"{item.label}: risk and usual rate", desc=desc
        ),
        drawings=tuple(drawings),
        rows=tuple(_row(risk) for risk in item.risks),
    )


def usual_text(usual: DayAverage | None) -> str:
    """Write the base rate with its counts; the counts alone if the rate is clipped."""
    if usual is None or is_missing(usual.rate):
        return phrase("estimate", "usual_unknown")
    keys = ("usual_counts", "usual_counts_pooled")
    if not is_clipped(usual.rate):
        keys = ("usual", "usual_pooled")
    some = phrase("estimate", "usual_some", count=integer(usual.events))
    events = some if usual.events else phrase("estimate", "usual_none")
    return phrase(
        "estimate",
        keys[usual.pooled],
        day=usual.day,
        rate=risk_text(usual.rate),
        events=events,
        patients=integer(usual.of),
    )


def refits_text(risk: Risk) -> str:
    """Note that the estimate lies at an end of its interval; else blank."""
    at_low, at_high = risk.risk - risk.low < _TOUCHES, risk.high - risk.risk < _TOUCHES
    if at_low == at_high:
        return ""
    return phrase("estimate", "refits_higher" if at_low else "refits_lower")


def change_text(item: Estimate, landmark_hours: float, section: str = "estimate") -> str:
    """Describe the change of the headline risk within 24 h, same model; blank if unknown.

    Parameters
    ----------
    section : str
        Section of ``sentences.yaml``: ``estimate``, or ``ward`` for a shorter text.
    """
    before, risk = item.day_before(landmark_hours), item.headline
    if before is None or risk is None:
        return ""
    points = whole(100 * risk.risk) - whole(100 * before.risk)
    key = "change_none" if points == 0 else "change_up" if points > 0 else "change_down"
    return phrase(section, key, points=points_text(points), before=risk_text(before.risk))


def _between(item: Estimate, record: PatientRecord, summary: ModelSummary) -> tuple[str, str]:
    """Drivers of a large change within 24 h, and drugs and grades since then; else blank."""
    before, risk = item.day_before(record.hours), item.headline
    if before is None or risk is None or not is_large_change(before.risk, risk.risk):
        return "", ""
    between = interim_events(record, before.landmark_hours, graded_scales(summary))
    return change_drivers(item, before, summary), between


def present_text(item: Estimate, record: PatientRecord, *, brief: bool = False) -> str:
    """When an outcome that is already present was first charted; blank if unknown."""
    onset = record.first_grade(item.scale, item.threshold)
    if onset is None:
        return ""
    when = record.clock.words(onset)
    return when if brief or record.clock.zero is None else f"{when} ({day_and_hour(onset)})"


def level_text(level: float) -> str:
    """Write an interval level in percent.

    Examples
    --------
    >>> level_text(0.8).replace(chr(160), " ")
    '80 %'
    """
    return f"{whole(100 * level)}\u00a0%"


def _without(
    item: Estimate, record: PatientRecord, summary: ModelSummary, notes: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    if item.status == EVENT_PRESENT:
        when = present_text(item, record)
        key = "event_present" if when else "event_present_unknown"
        sentence = phrase("no_estimate", key, label=item.label, when=when)
        return phrase("no_estimate", "event_present_title"), (*notes, sentence)
    key = "rejected" if item.status == REJECTED else "abstained"
    sentence = phrase("no_estimate", key, reason=item.reason.replace("_", " ") or "not stated")
    lines = (*notes, sentence, phrase("no_estimate", "not_low"))
    return phrase("no_estimate", "none_title"), lines


def _row(risk: Risk) -> tuple[str, str, str, str]:
    return (
        f"{risk.hours:g} h",
        risk_text(risk.risk),
        interval_text(risk.low, risk.high),
        risk_text(risk.usual.rate) if risk.usual else "unknown",
    )
