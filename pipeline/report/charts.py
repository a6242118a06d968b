"""Three charts of how good a risk is: ROC curves, calibration, and where the risks lie."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from pipeline.report import guides, marks
from pipeline.report.format import integer, is_missing, percent, plain, proportion
from pipeline.report.scale import Scale, domain
from pipeline.report.svg import BLUE, ORANGE, STYLES, Style, chart, key, text

Values = Sequence[float | None]

WIDTH, HEIGHT = 360, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 346, 12, 292


def roc_chart(curves: Mapping[str, Mapping[str, Values]], *, title: str = "ROC curves") -> Markup:
    """
    Draw ROC curves, each `{"fpr": [...], "tpr": [...]}` under the name to show.

    As many as there are distinct line styles; the key counts the rest.

    Examples
    --------
    >>> drawing = roc_chart({"Model": {"fpr": [0, 0.2, 1], "tpr": [0, 0.7, 1]}})
    >>> "Model" in drawing and "<title>ROC curves</title>" in drawing
    True
    """
    x, y = Scale(0, 1, _LEFT, _RIGHT), Scale(0, 1, _BOTTOM, _TOP)
    known = [(name, pairs) for name, curve in curves.items() if (pairs := _rates(curve))]
    shown = list(zip(known, STYLES, strict=False))
    lines = [marks.line(x, y, pairs, style) for (_, pairs), style in reversed(shown)]
    names = [(name, style) for (name, _), style in shown]
    if len(known) > len(shown):
        names.append((f"and {len(known) - len(shown)} more", Style("none")))
    at_ten = [f"{name} {proportion(_height_at(0.1, pairs))}" for name, pairs in known]
    desc = "Sensitivity where 10 % of landmarks without event are flagged: " + ", ".join(at_ten)
    longest = max((len(name) for name, _ in names), default=0)
    key_x = max(_LEFT + 8, _RIGHT - 42 - 6.4 * longest)
    return chart(
        title,
        f"{desc}." if at_ten else "No curve could be estimated.",
        WIDTH,
        HEIGHT,
        guides.axes(x, y, x_label="1 − specificity", y_label="Sensitivity"),
        guides.diagonal(x, y),
        *lines,
        key(names, key_x, _BOTTOM + 4 - 15 * len(names), gap=15),
    )


def calibration_chart(
    points: Mapping[str, Values], *, title: str = "Calibration", x_label: str = "Predicted risk"
) -> Markup:
    """
    Draw observed against predicted risk with intervals; the diagonal is ideal.

    Parameters
    ----------
    points : mapping
        Equally long lists `predicted` and `observed`, and if known `lo`, `hi` and `n`.
    title, x_label : str
        Words for the drawing.

    Examples
    --------
    >>> groups = {"predicted": [0.1, 0.3], "observed": [0.12, None], "lo": [0.05], "hi": [0.2]}
    >>> calibration_chart(groups).count("<circle")
    1
    """
    predicted, observed = points.get("predicted", ()), points.get("observed", ())
    lo, hi = points.get("lo", ()), points.get("hi", ())
    style = Style(BLUE)
    reach = min(1.0, domain([0.0, 0.05, *predicted, *observed, *hi])[1])
    x, y = Scale(0, reach, _LEFT, _RIGHT), Scale(0, reach, _BOTTOM, _TOP)
    known = marks.finite_pairs(zip(predicted, observed, strict=False))
    spans = [
        marks.error_bar(x, y, at, a, b, style)
        for at, a, b in zip(predicted, lo, hi, strict=False)
        if at is not None and a is not None and b is not None
        if math.isfinite(at) and math.isfinite(a) and math.isfinite(b)
    ]
    told = "; ".join(f"predicted {percent(a)}, observed {proportion(b)}" for a, b in known)
    ticks = [(value, plain(round(100 * value, 6))) for value in x.ticks()]
    return chart(
        title,
        f"{told}." if told else "No group could be estimated.",
        WIDTH,
        HEIGHT,
        guides.axes(
            x, y, x_label=f"{x_label}, %", y_label="Observed, %", x_ticks=ticks, y_ticks=ticks
        ),
        *spans,
        marks.line(x, y, known, Style(BLUE, None, width=1.2)),
        guides.diagonal(x, y, "ideal"),
        marks.points(x, y, known, style),
    )


def histogram_pair(
    edges: Sequence[float],
    events: Sequence[float],
    non_events: Sequence[float],
    *,
    means: Sequence[float | None] = (None, None),
    title: str = "Risk distribution",
) -> Markup:
    """
    Draw two histograms of counts, events upwards and the others downwards.

    Each is drawn as a share of its own group, because events are rare.

    Parameters
    ----------
    means : sequence of float
        Mean risk of those with the event and of the others, which no histogram can tell.

    Examples
    --------
    >>> drawing = histogram_pair([0, 0.5, 1], [3, 7], [80, 20])
    >>> "Event (n = 10)" in drawing and "No event (n = 100)" in drawing
    True
    """
    above, below = _shares(events), _shares(non_events)
    tallest = max([0.1, *above, *below])
    reach = math.ceil(tallest * 10 - 1e-9) / 10
    low, high = (min(edges), max(edges)) if len(edges) > 1 else (0.0, 1.0)
    x, y = Scale(low, high, _LEFT, _RIGHT), Scale(-reach, reach, _BOTTOM, _TOP)
    across = [(value, plain(round(100 * value, 6))) for value in x.ticks()]
    up = [(value, plain(round(100 * abs(value), 6))) for value in y.ticks()]
    event_words = f"Event (n = {integer(sum(events))})"
    other_words = f"No event (n = {integer(sum(non_events))})"
    return chart(
        title,
        " ".join(
            f"{words}{'' if is_missing(mean) else f': mean risk {percent(mean)}'}."
            for words, mean in zip((event_words, other_words), means, strict=True)
        ),
        WIDTH,
        HEIGHT,
        guides.axes(
            x,
            y,
            x_label="Predicted risk, %",
            y_label="Share of group, %",
            x_ticks=across,
            y_ticks=up,
        ),
        marks.bars(x, y, edges, above, Style(ORANGE)),
        marks.bars(x, y, edges, [-share for share in below], Style(BLUE)),
        text(_RIGHT - 4, _TOP + 14, f"▲ {event_words}", anchor="end", bold=True, colour=ORANGE),
        text(_RIGHT - 4, _BOTTOM - 8, f"▼ {other_words}", anchor="end", bold=True, colour=BLUE),
    )


def _rates(curve: Mapping[str, Values]) -> list[tuple[float, float]]:
    return marks.finite_pairs(zip(curve.get("fpr", ()), curve.get("tpr", ()), strict=False))


def _height_at(at: float, pairs: Sequence[tuple[float, float]]) -> float:
    xs, ys = zip(*pairs, strict=True)
    return float(np.clip(np.interp(at, xs, ys), 0, 1))


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]
