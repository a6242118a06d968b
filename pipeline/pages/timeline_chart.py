"""Timeline of a patient on one time axis: risk, grades, drugs and labs, one row each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from pipeline.cohort.analytes import Analyte
from pipeline.explain.drug_caveats import DrugMark, drug_marks
from pipeline.explain.estimates import EarlierEstimate, Estimate
from pipeline.explain.patient_record import LabResult, PatientRecord
from pipeline.explain.phrases import counted_phrase, interval_text, phrase, risk_text
from pipeline.explain.reference_range import own_range
from pipeline.explain.result_text import number_text, value_text
from pipeline.pages.risk_scale import position, syndrome_hue

_LONGEST_GAP = 36.0
_EARLIEST, _LONGEST = -48.0, 14 * 24.0
_RISK_HEIGHT, _LAB_HEIGHT, _RIBBON_HEIGHT, _DRUG_HEIGHT, _AXIS_HEIGHT = 88.0, 30.0, 18.0, 16.0, 18.0
_MOMENT_HEIGHT = 14.0
_RISK_LINES = ((0.0, "0"), (0.05, "5%"), (0.25, "25%"), (1.0, "100%"))
_MOST_DAY_LABELS = 8
_SINCE_WIDTH, _SINCE_GAP = 9.0, 2.0  # percent, for what was charted after the landmark
_DIGIT = 3.0  # least share of the width for the digit of a grade


@dataclass(frozen=True)
class TimelineRow:
    """One row: name, note below it, drawing, and newest value.

    Attributes
    ----------
    kind : str
        ``moment``, ``risk``, ``grade``, ``drug``, ``lab`` or ``axis``.
    hue : str
        CSS class of a syndrome; blank for none.
    keys : tuple of (str, str, bool)
        For several curves: hue, newest value and whether the curve is dashed.
    """

    kind: str
    name: str
    note: str
    drawing: Markup
    newest: str = ""
    hue: str = ""
    keys: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True)
class TimeAxis:
    """Hours since infusion, from the first sample shown to the newest event, in percent.

    What was charted after the landmark is in a strip of fixed width, so that an event minutes
    later is visible.

    Attributes
    ----------
    low, landmark, high : float
        ``high`` is the landmark if nothing was charted since.
    """

    low: float
    landmark: float
    high: float

    @property
    def line(self) -> float:
        """Return the place of the landmark."""
        return 99.0 if self.high <= self.landmark else 99.0 - _SINCE_WIDTH

    def __call__(self, hours: float) -> float:
        """Return the place of an hour, from 1 to 99."""
        if hours > self.landmark:
            share = (hours - self.landmark) / (self.high - self.landmark)
            return self.line + _SINCE_GAP + (99.0 - self.line - _SINCE_GAP) * share
        return 1.0 + (self.line - 1.0) * (hours - self.low) / (self.landmark - self.low)


def time_axis(record: PatientRecord) -> TimeAxis:
    """Return the axis: at most 14 days and at least one, from 48 h before infusion at most."""
    earliest = max(_EARLIEST, record.hours - _LONGEST)
    hours = (item.hours for results in record.results.values() for item in results)
    first = min((hour for hour in hours if hour >= earliest), default=earliest)
    since = [hour for rows in record.charted_since.values() for hour, _ in rows]
    since += [hour for mark in drug_marks(record.later_doses) for hour in mark.hours]
    high = record.hours
    if since:  # the newest event has room on its right
        high += max(1.0, 1.5 * (max(since) - record.hours))
    return TimeAxis(min(first, record.hours - 24.0), record.hours, high)


def moment_row(moment: str, x: TimeAxis) -> TimelineRow:
    """Draw the time of the line that marks the landmark, where there is no risk to draw."""
    return TimelineRow("moment", "", "", _drawing(_MOMENT_HEIGHT, [_moment(moment, x)], ""))


def risk_row(
    estimates: Sequence[Estimate], record: PatientRecord, x: TimeAxis, moment: str
) -> TimelineRow:
    """Draw the headline risk of every shown outcome over time, with intervals.

    Parameters
    ----------
    moment : str
        Time of the estimate, beside its line.
    """
    parts = [
        f'<line class="grid" x1="0" y1="{_risk_y(at):.4g}" x2="100%" y2="{_risk_y(at):.4g}"/>'
        f'<text x="0" y="{_risk_y(at) - 2:.4g}">{label}</text>'
        for at, label in _RISK_LINES
    ]
    told, keys, hours = [], [], ""
    for number, item in enumerate(estimates):
        risk = item.headline
        if risk is None:
            continue
        hours = f"{risk.hours:g}"
        every = [
            *(one for one in item.past if one.landmark_hours >= x.low),
            EarlierEstimate(record.hours, risk.risk, risk.low, risk.high),
        ]
        hue = syndrome_hue(item.scale, item.threshold)
        shift = 0.7 * number - 0.35  # intervals of two outcomes side by side
        drawn = _curve(every, x, shift, dashed=number > 0)
        parts.append(f'<g class="{hue}">{drawn}</g>')
        keys.append((hue, f"{item.short} {risk_text(risk.risk)}", number > 0))
        told += [
            phrase(
                "timeline",
                "risk_point",
                when=record.clock.words(one.landmark_hours),
                short=item.short,
                risk=risk_text(one.risk),
                interval=interval_text(one.low, one.high),
            )
            for one in every
        ]
    drawing = _drawing(
        _RISK_HEIGHT, [_line(x, _RISK_HEIGHT), _moment(moment, x), *parts], "; ".join(told)
    )
    name = phrase("timeline", "risk", horizon=hours)
    return TimelineRow("risk", name, "", drawing, keys=tuple(keys))


def grade_row(scale: str, record: PatientRecord, x: TimeAxis, valid_hours: float) -> TimelineRow:
    """Draw the grades of a scale as a ribbon; a grade ends with the next or when it expires.

    Right of the landmark are only grades that were charted since.
    """
    rows = record.grade_course(scale)
    parts = [
        f'<line class="grid" x1="0" y1="{_RIBBON_HEIGHT - 1:g}" x2="100%" '
        f'y2="{_RIBBON_HEIGHT - 1:g}"/>',
        _line(x, _RIBBON_HEIGHT),
    ]
    end = x.high if scale in record.charted_since else x.landmark
    ends = [later for later, _ in rows[1:]] + [end]
    runs: list[tuple[float, float, int]] = []
    for (start, grade), end in zip(rows, ends, strict=True):
        end = min(end, start + valid_hours)
        if runs and runs[-1][2] == grade and start <= runs[-1][1] + 1e-6:
            runs[-1] = (runs[-1][0], end, grade)
        else:
            runs.append((start, end, grade))
    for start, end, grade in runs:
        left, right = x(max(start, x.low)), x(max(min(end, x.high), x.low))
        if end <= x.low or right <= left:
            continue
        shade = f' fill-opacity="{min(grade, 4) / 4:g}"'
        parts.append(
            f'<rect class="grade" x="{left:.2f}%" y="1" width="{right - left:.2f}%" '
            f'height="{_RIBBON_HEIGHT - 3:g}"{shade}/>'
        )
        if right - left >= _DIGIT:
            dark = ' class="inverse"' if grade >= 3 else ""
            parts.append(
                f'<text{dark} x="{(left + right) / 2:.2f}%" y="13" '
                f'text-anchor="middle">{grade}</text>'
            )
    alternative = "; ".join(f"{record.clock.words(at)} {grade}" for at, grade in rows)
    current = record.newest_grade(scale, record.hours, valid_hours)
    newest = phrase("timeline", "unknown") if current is None else str(current)
    if scale in record.charted_since:
        newest = phrase("timeline", "grade_since", grade=newest)
    elif current is not None and x.landmark - runs[-1][0] < _DIGIT * (x.high - x.low) / 98.0:
        when = record.clock.words(runs[-1][0])  # too short for its digit
        newest = phrase("timeline", "grade_from", grade=newest, when=when)
    drawing = _drawing(_RIBBON_HEIGHT, parts, alternative)
    hue = "crs" if scale == "crs" else "icans" if scale == "icans" else "other-syndrome"
    name = phrase("timeline", "grades", scale=scale.upper())
    return TimelineRow("grade", name, "", drawing, newest, hue)


def drug_row(drug: DrugMark, record: PatientRecord, x: TimeAxis) -> TimelineRow:
    """Draw every dose of a drug as a mark."""
    parts = [
        f'<text x="{x(max(at, x.low)):.2f}%" y="13" text-anchor="middle">▼</text>'
        for at in drug.hours
        if x.low <= at <= x.high
    ]
    since = sum(at >= record.hours for at in drug.hours)
    newest = counted_phrase("timeline", "dose", len(drug.hours))
    if since:
        key = "doses_since" if since < len(drug.hours) else "all_doses_since"
        newest = phrase("timeline", key, doses=newest, count=since)
    told = "; ".join(record.clock.words(at) for at in drug.hours)
    drawing = _drawing(_DRUG_HEIGHT, [_line(x, _DRUG_HEIGHT), *parts], told)
    return TimelineRow("drug", drug.name, "", drawing, newest)


def lab_timeline(analyte: Analyte, record: PatientRecord, x: TimeAxis) -> TimelineRow:
    """Draw one analyte over time with its reference band.

    Values at a detection limit are open triangles: down for below, up for above. Gaps of more
    than 36 h and values at a limit are not connected.
    """
    results = record.results[analyte.key]
    shown = [item for item in results if item.hours >= x.low]
    limits, newest = own_range(analyte, record), results[-1]
    y = _value_axis([item.value for item in shown or results], limits, analyte)
    parts = [_line(x, _LAB_HEIGHT)]
    low, high = limits
    if low is not None and high is not None and shown:
        top, bottom = y(high), y(low)
        if bottom - top > 0.5:
            parts.append(
                f'<rect class="band" x="0" y="{top:.4g}" width="100%" height="{bottom - top:.4g}"/>'
            )
    for a, b in pairwise(shown):
        if b.hours - a.hours <= _LONGEST_GAP and a.side == 0 and b.side == 0:
            parts.append(
                f'<line class="curve" x1="{x(a.hours):.2f}%" y1="{y(a.value):.4g}" '
                f'x2="{x(b.hours):.2f}%" y2="{y(b.value):.4g}"/>'
            )
    parts += [_value_mark(item, x, y) for item in shown]
    told = "; ".join(
        f"{record.clock.words(item.hours)} {value_text(item.value, item.side, analyte.unit)}"
        for item in shown
    )
    note = "" if low is None or high is None else f"{number_text(low)}–{number_text(high)}"
    value = value_text(newest.value, newest.side, analyte.unit)
    return TimelineRow(
        "lab", analyte.short, note, _drawing(_LAB_HEIGHT, parts, f"{analyte.short}: {told}"), value
    )


def axis_row(x: TimeAxis) -> TimelineRow:
    """Draw the days since infusion below the rows."""
    first, last = math.ceil(x.low / 24 - 1e-9), math.floor(x.landmark / 24 + 1e-9)
    every = max(1, math.ceil((last - first + 1) / _MOST_DAY_LABELS))
    parts = [_line(x, 5.0), '<line class="axis" x1="0" y1="1" x2="100%" y2="1"/>']
    for day in range(first, last + 1):
        at = x(24.0 * day)
        parts.append(f'<line class="axis" x1="{at:.2f}%" y1="1" x2="{at:.2f}%" y2="5"/>')
        if day % every == 0:
            anchor = "start" if at < 4 else "end" if at > 96 else "middle"
            parts.append(
                f'<text x="{at:.2f}%" y="16" text-anchor="{anchor}">{str(day).replace("-", "−")}'
                "</text>"
            )
    return TimelineRow("axis", phrase("timeline", "day"), "", _drawing(_AXIS_HEIGHT, parts, ""))


def _line(x: TimeAxis, height: float) -> str:
    """Line of the landmark."""
    return f'<line class="moment" x1="{x.line:.2f}%" y1="0" x2="{x.line:.2f}%" y2="{height:g}"/>'


def _moment(moment: str, x: TimeAxis) -> str:
    """Time of the landmark, left of its line."""
    return (
        f'<text class="moment" x="{x.line:.2f}%" dx="-8" y="11" text-anchor="end">'
        f"{escape(moment)}</text>"
    )


def _curve(every: Sequence[EarlierEstimate], x: TimeAxis, shift: float, *, dashed: bool) -> str:
    parts = []
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    for one in every:
        at = x(one.landmark_hours) + shift * (one.landmark_hours < x.landmark)
        low, high = _risk_y(one.low), _risk_y(one.high)
        parts.append(
            f'<line class="interval" x1="{at:.2f}%" y1="{low:.4g}" x2="{at:.2f}%" y2="{high:.4g}"/>'
        )
    for a, b in pairwise(every):
        if b.landmark_hours - a.landmark_hours <= _LONGEST_GAP:
            parts.append(
                f'<line class="curve"{dash} x1="{x(a.landmark_hours):.2f}%" '
                f'y1="{_risk_y(a.risk):.4g}" x2="{x(b.landmark_hours):.2f}%" '
                f'y2="{_risk_y(b.risk):.4g}"/>'
            )
    parts += [
        f'<circle class="dot" cx="{x(one.landmark_hours):.2f}%" cy="{_risk_y(one.risk):.4g}" '
        f'r="{5 if one is every[-1] else 3.5:g}"/>'
        for one in every
    ]
    return "".join(parts)


def _risk_y(risk: float) -> float:
    """Height of a risk on the fixed square-root scale."""
    return _RISK_HEIGHT - 4 - (_RISK_HEIGHT - 20) * position(risk) / 100.0


@dataclass(frozen=True)
class _ValueAxis:
    low: float
    high: float
    log: bool

    def __call__(self, value: float) -> float:
        if self.log:
            value = math.log(max(value, 1e-12))
        share = (value - self.low) / max(self.high - self.low, 1e-12)
        return _LAB_HEIGHT - 6 - (_LAB_HEIGHT - 12) * min(max(share, -0.15), 1.15)


def _value_axis(
    values: Sequence[float], limits: tuple[float | None, float | None], analyte: Analyte
) -> _ValueAxis:
    """Axis that covers the values and any nearby reference limit; linear for signed results."""
    log = not analyte.by_difference and min(values) > 0
    spread = 2 * max(map(abs, values)) if analyte.by_difference else 4 * max(values)
    near = [
        limit
        for limit in limits
        if limit is not None and (not log or limit >= min(values) / 4) and abs(limit) <= spread
    ]
    ends = [*values, *near]
    if log:
        ends = [math.log(end) for end in ends if end > 0]
    low, high = min(ends), max(ends)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return _ValueAxis(low, high, log)


def _value_mark(item: LabResult, x: TimeAxis, y: _ValueAxis) -> str:
    at, height = x(item.hours), y(item.value)
    if item.side == 0:
        return f'<circle class="dot" cx="{at:.2f}%" cy="{height:.4g}" r="3"/>'
    shape = "M-4-3.5h8L0 3.5z" if item.side < 0 else "M-4 3.5h8L0-3.5z"
    return (
        f'<svg class="limit" x="{at:.2f}%" y="{height:.4g}" overflow="visible">'
        f'<path d="{shape}"/></svg>'
    )


def _drawing(height: float, parts: Iterable[str], alternative: str) -> Markup:
    named = (
        f'role="img" aria-label="{escape(alternative)}"' if alternative else 'aria-hidden="true"'
    )
    return Markup(
        f'<svg class="course" xmlns="http://www.w3.org/2000/svg" {named} '
        f'height="{height:g}">{"".join(parts)}</svg>'
    )
