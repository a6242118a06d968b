"""The monitoring page: alarms first, then every comparison with the training cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.format import decimal, percent, plain
from pipeline.monitor.alarm_rule import Comparison
from pipeline.monitor.monitoring_report import monitor_texts
from pipeline.pages import axes, marks
from pipeline.pages.axes import Scale
from pipeline.pages.html import render
from pipeline.pages.svg import BLUE, ORANGE, Style, chart, key

TEMPLATES = Path(__file__).parent / "templates"
_WIDTH, _HEIGHT = 360, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 346, 36, 205
_MOST_CHARTS = 8


def render_monitor(
    content: Mapping[str, Any], figures: Sequence[Comparison], refused: str = ""
) -> str:
    """Render ``monitor.json`` as one self-contained page.

    Parameters
    ----------
    content : mapping
        Content of ``monitor.json``.
    figures : sequence of Comparison
        The comparisons in it.
    refused : str
        Number of rejected results and reasons; blank if none.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> counts = ("patients", "patients_compared", "results", "batches", "comparisons")
    >>> content = {**dict.fromkeys(counts, 0), "alarms": [], "synthetic": False}
    >>> content |= {"trained_on": "ward", "training_patients": 120, "bundle_sha256": "ab12"}
    >>> content |= {"package_version": "0", "thresholds": load_config().monitor.model_dump()}
    >>> "120 training patients of ward" in render_monitor(content, [])
    True
    """
    kinds = monitor_texts()["kinds"]
    tables = [
        {"title": about["title"], "rows": rows}
        for kind, about in kinds.items()
        if (rows := [_row(item, about["unit"]) for item in figures if item.kind == kind])
    ]
    shifted = [item for item in figures if item.kind == "shift" and item.alarm]
    return render(
        TEMPLATES,
        "monitor.html.j2",
        title="Monitoring: new batches against the training cohort",
        content=content,
        alarms=content["alarms"],
        tables=tables,
        charts=[_fifths(item) for item in shifted[:_MOST_CHARTS]],
        more_charts=len(shifted[_MOST_CHARTS:]),
        synthetic=content["synthetic"],
        refused=refused,
    )


def _row(figure: Comparison, unit: str) -> dict[str, Any]:
    shown = percent if unit == "share" else decimal
    return {
        "name": figure.name or "All",
        "n": figure.n,
        "expected": shown(figure.expected),
        "found": shown(figure.observed),
        "note": str(figure.details.get("unit", "")),
        "chance": _chance(figure.p),
        "alarm": figure.alarm,
    }


def _chance(p: float | None) -> str:
    if p is None:
        return "too few"
    return "<0.0001" if p < 1e-4 else f"{p:.2g}" if p < 0.01 else f"{p:.2f}"


def _fifths(figure: Comparison) -> dict[str, Any]:
    """Chart of observed and expected shares of patients by fifth of the training values."""
    groups = figure.details["groups"]
    observed = [count / figure.n for _, count in groups]
    expected = [share for share, _ in groups]
    x = Scale(0, len(groups), _LEFT, _RIGHT)
    y = Scale(0, 1, _BOTTOM, _TOP)
    names = monitor_texts()["groups"]
    description = ", ".join(
        f"{name} {percent(a)} where {percent(b)} were expected"
        for name, a, b in zip(names, observed, expected, strict=True)
    )
    levels = [(at, plain(100 * at)) for at in (0, 0.25, 0.5, 0.75, 1)]
    ticks = [(i + 0.5, name.removesuffix(" fifth")) for i, name in enumerate(names)]
    dashed = Style(ORANGE, "5 3", width=2.4)
    steps = [(float(i), expected[min(i, len(expected) - 1)]) for i in range(len(expected) + 1)]
    drawing: Markup = chart(
        f"{figure.name}: patients by fifth of the training values",
        f"{description}.",
        _WIDTH,
        _HEIGHT,
        axes.axes(
            x,
            y,
            x_label="Fifth of the training values",
            y_label="Patients, %",
            x_ticks=ticks,
            y_ticks=levels,
        ),
        marks.bars(x, y, list(range(len(groups) + 1)), observed, Style(BLUE)),
        marks.step(x, y, steps, dashed),
        key([("expected", dashed), ("found", Style(BLUE, None, width=8))], _LEFT + 8, 10),
    )
    return {"name": figure.name, "drawing": drawing}
