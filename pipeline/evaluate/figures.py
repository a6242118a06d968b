"""Charts of the evaluation page: smoothed calibration, decision curves, differences at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pipeline.report import guides, marks
from pipeline.report.format import is_missing, percent, plain, proportion, signed
from pipeline.report.scale import Scale, domain
from pipeline.report.svg import BLUE, GREY, INK, STYLES, Style, chart, element, key, text

Entry = Mapping[str, Any]
_WIDTH, _HEIGHT = 360, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 346, 12, 292
_BAND = "#c9dcec"


def smooth_calibration(
    smooth: Mapping[str, Sequence[float]], groups: Mapping[str, Sequence[float]], *, title: str
) -> Markup:
    """Smoothed observed rate with its band, the groups as points, the diagonal as ideal."""
    risk, low, high = smooth["risk"], smooth["lo"], smooth["hi"]
    reach = min(1.0, domain([0.0, 0.05, *risk, *smooth["observed"], *groups["observed"]])[1])
    x, y = Scale(0, reach, _LEFT, _RIGHT), Scale(0, reach, _BOTTOM, _TOP)
    edge = [(r, y.clamp(v)) for r, v in zip(risk, high, strict=True)]
    edge += [(r, y.clamp(v)) for r, v in zip(reversed(risk), reversed(low), strict=True)]
    ticks = [(value, plain(round(100 * value, 6))) for value in x.ticks()]
    curve = [(r, y.clamp(v)) for r, v in zip(risk, smooth["observed"], strict=True)]
    known = marks.finite_pairs(zip(groups["predicted"], groups["observed"], strict=True))
    inside = [(a, b) for a, b in known if a <= reach and b <= reach]
    told = "; ".join(f"predicted {percent(a)}, observed {proportion(b)}" for a, b in known)
    return chart(
        title,
        f"{told}. The band is the pointwise 95 % interval of the smoothed rate.",
        _WIDTH,
        _HEIGHT,
        guides.axes(
            x, y, x_label="Predicted risk, %", y_label="Observed, %", x_ticks=ticks, y_ticks=ticks
        ),
        element("polygon", points=_places(x, y, edge), fill=_BAND),
        marks.line(x, y, curve, Style(BLUE, None, width=2.2)),
        guides.diagonal(x, y, "ideal"),
        marks.points(x, y, inside, Style(BLUE), filled=False),
    )


def decision_chart(cell: Entry, names: Mapping[str, str], *, title: str) -> Markup:
    """Net benefit per 1,000 landmarks against the risk threshold."""
    shown = [n for n in ("model", "grade_and_day", "treat_all", "treat_none") if n in cell]
    thresholds = cell["thresholds"]
    lines = {name: [1000.0 * (value or 0.0) for value in cell[name]] for name in shown}
    top = max(max(values) for values in lines.values())
    low = -0.25 * max(top, 1.0)
    x = Scale(thresholds[0], thresholds[-1], _LEFT, _RIGHT)
    y = Scale(low, max(top, 1.0) * 1.05, _BOTTOM, _TOP)
    drawn = [
        marks.line(x, y, [(t, v) for t, v in zip(thresholds, lines[name], strict=True) if v >= low],
                   style)
        for name, style in zip(shown, STYLES, strict=False)
    ]  # fmt: skip
    words = {"treat_all": "Treat all", "treat_none": "Treat none"}
    entries = [
        (words.get(name, names.get(name, name)), style)
        for name, style in zip(shown, STYLES, strict=False)
    ]
    told = ", ".join(
        f"{name} {plain(round(lines[code][0], 1))}"
        for code, (name, _) in zip(shown, entries, strict=True)
    )
    ticks = [(value, plain(round(100 * value, 6))) for value in x.ticks()]
    longest = max(len(name) for name, _ in entries)
    return chart(
        title,
        f"Net benefit per 1,000 landmarks at the lowest threshold: {told}.",
        _WIDTH,
        _HEIGHT,
        guides.axes(
            x,
            y,
            x_label="Risk threshold, %",
            y_label="Net benefit per 1,000",
            x_ticks=ticks,
        ),
        *_event_rate(cell, x, y),
        *reversed(drawn),
        key(entries, max(_LEFT + 8, _RIGHT - 48 - 6.4 * longest), _TOP + 12, gap=15),
    )


def _event_rate(cell: Entry, x: Scale, y: Scale) -> list[Markup]:
    """Upright at the share with the event, where treating all crosses treating none."""
    first, gained = cell["thresholds"][0], cell.get("treat_all", [None])[0]
    if is_missing(gained) or not 0.0 < first < 1.0:
        return []
    rate = gained * (1.0 - first) + first
    if not x.low <= rate <= x.high:
        return []
    upright = element(
        "line", x1=x(rate), y1=y.start, x2=x(rate), y2=y.end, stroke=GREY, stroke_width=1.2,
        stroke_dasharray="4 3",
    )  # fmt: skip
    right = rate > (x.low + x.high) / 2
    words = text(
        x(rate) + (-4 if right else 4),
        y.start - 5,
        "share with event",
        anchor="end" if right else "start",
        halo=True,
    )
    return [upright, words]


def difference_chart(rows: Sequence[tuple[str, float, float, float]], *, title: str) -> Markup:
    """Differences in AUROC with intervals, one line each; right of 0 the model is better."""
    step, left, right, top = 26, 250, 620, 14
    bottom = top + step * len(rows)
    low, high = domain([0.0, *(end for _, *ends in rows for end in ends)])
    x, y = Scale(low, high, left, right), Scale(0, len(rows), top, bottom)
    parts = []
    for number, (name, value, lo, hi) in enumerate(rows):
        middle = y(number + 0.5)
        parts.append(text(left - 12, middle + 4, name, anchor="end"))
        parts.append(
            element("line", x1=x(lo), y1=middle, x2=x(hi), y2=middle, stroke=BLUE, stroke_width=2)
        )
        parts.append(element("circle", cx=x(value), cy=middle, r=4.5, fill=BLUE))
        told = f"{signed(value, 3)} [{signed(lo, 3)}, {signed(hi, 3)}]"
        parts.append(text(right + 14, middle + 4, told))
    parts += [
        text(x(tick), bottom + 16, signed(tick, 2), anchor="middle", colour=INK)
        for tick in x.ticks()
    ]
    zero = element(
        "line", x1=x(0), y1=top, x2=x(0), y2=bottom, stroke=GREY, stroke_width=1.4,
        stroke_dasharray="4 3",
    )  # fmt: skip
    said = "; ".join(f"{name} {signed(v, 3)}" for name, v, _, _ in rows)
    return chart(
        title,
        f"Model minus each: {said}.",
        800,
        bottom + 40,
        zero,
        *parts,
        text((left + right) / 2, bottom + 34, "AUROC of the model minus this", anchor="middle"),
    )


def _places(x: Scale, y: Scale, pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x(a):.5g},{y(b):.5g}" for a, b in pairs)
