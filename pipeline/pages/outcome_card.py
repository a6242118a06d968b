"""The card of one outcome: a risk compared with what is usual, or an honest reason for none."""

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
    """What the template draws for one outcome.

    Attributes
    ----------
    title : str
    big : str
        The risk, or "Already present" and the like.
    lines : tuple of str
        Sentences below it.
    drawings : tuple of (caption, drawing)
    line : Markup or None
        Number line.
    through, between : str
        Of a large change: which contributions changed, and what was given and charted meanwhile.
    rows : tuple
        Every horizon as text: hours, risk, interval, usual.
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
    item: Estimate, record: PatientRecord, facts: ModelSummary, reach: float, note: str = ""
) -> Card:
    """The card of one estimate.

    Parameters
    ----------
    reach : float
        End of the axis of the number line, the same for all cards of a page.
    note : str
        Why this outcome is asked, where another has happened.
    """
    risk = item.headline
    notes = (note,) if note else ()
    if risk is None:
        return Card(item.label, *_without(item, record, facts, notes))
    interval = phrase(
        "estimate",
        "interval",
        level=level_text(facts.level),
        interval=interval_text(risk.low, risk.high),
    )
    usual = risk.usual
    times = ratio_to_average(risk.ratio) or (phrase("estimate", "few_events") if usual else "")
    if usual and risk_text(risk.risk) == risk_text(usual.rate):
        # the two read alike, so no word may set one above the other; none where both are clipped
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
    through, between = _between(item, record, facts)
    desc = phrase(
        "estimate",
        "number_line",
        label=item.label,
        risk=risk_text(risk.risk),
        level=level_text(facts.level),
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
    """The base rate with the counts behind it; the counts alone where the rate would be clipped."""
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
    """A sentence where the estimate lies at an end of its interval; else blank."""
    at_low, at_high = risk.risk - risk.low < _TOUCHES, risk.high - risk.risk < _TOUCHES
    if at_low == at_high:
        return ""
    return phrase("estimate", "refits_higher" if at_low else "refits_lower")


def change_text(item: Estimate, landmark_hours: float, words: str = "estimate") -> str:
    """Change of the headline risk against the same model 24 h before; blank where unknown.

    Parameters
    ----------
    words : str
        Section of ``sentences.yaml``: ``estimate``, or ``ward`` for fewer words.
    """
    before, risk = item.day_before(landmark_hours), item.headline
    if before is None or risk is None:
        return ""
    points = whole(100 * risk.risk) - whole(100 * before.risk)
    key = "change_none" if points == 0 else "change_up" if points > 0 else "change_down"
    return phrase(words, key, points=points_text(points), before=risk_text(before.risk))


def _between(item: Estimate, record: PatientRecord, facts: ModelSummary) -> tuple[str, str]:
    """Of a large change since a day ago, through what, and what was given and charted meanwhile."""
    before, risk = item.day_before(record.hours), item.headline
    if before is None or risk is None or not is_large_change(before.risk, risk.risk):
        return "", ""
    between = interim_events(record, before.landmark_hours, graded_scales(facts))
    return change_drivers(item, before, facts), between


def present_text(item: Estimate, record: PatientRecord, *, brief: bool = False) -> str:
    """When an outcome that is already present was first charted; blank where that is unknown."""
    onset = record.first_grade(item.scale, item.threshold)
    if onset is None:
        return ""
    when = record.clock.words(onset)
    return when if brief or record.clock.zero is None else f"{when} ({day_and_hour(onset)})"


def level_text(level: float) -> str:
    """An interval level in percent.

    Examples
    --------
    >>> level_text(0.8).replace(chr(160), " ")
    '80 %'
    """
    return f"{whole(100 * level)}\u00a0%"


def _without(
    item: Estimate, record: PatientRecord, facts: ModelSummary, notes: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    if item.status == EVENT_PRESENT:
        when = present_text(item, record)
        key = "event_present" if when else "event_present_unknown"
        said = phrase("no_estimate", key, label=item.label, when=when)
        return phrase("no_estimate", "event_present_title"), (*notes, said)
    key = "rejected" if item.status == REJECTED else "abstained"
    said = phrase("no_estimate", key, reason=item.reason.replace("_", " ") or "not stated")
    lines = (*notes, said, phrase("no_estimate", "not_low"))
    return phrase("no_estimate", "none_title"), lines


def _row(risk: Risk) -> tuple[str, str, str, str]:
    return (
        f"{risk.hours:g} h",
        risk_text(risk.risk),
        interval_text(risk.low, risk.high),
        risk_text(risk.usual.rate) if risk.usual else "unknown",
    )
