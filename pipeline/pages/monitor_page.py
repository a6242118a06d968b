"""The monitoring page: a card with a chart per alarm; every comparison folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section
from pipeline.explain.phrases import section
from pipeline.format import counted, decimal, integer, percent
from pipeline.monitor.alarm_rule import Comparison
from pipeline.monitor.monitoring_report import monitor_texts
from pipeline.pages.alarm_charts import fifths_chart, pair_chart
from pipeline.pages.csv_links import data_link
from pipeline.pages.evaluation_tables import Grid
from pipeline.pages.html import render

TEMPLATES = Path(__file__).parent / "templates"
_text = partial(evaluation_phrase, "monitor")


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
    raised = [item for item in figures if item.alarm]
    cards = [
        {
            "title": kinds[item.kind]["title"],
            "name": item.name,
            "sentence": alarm["sentence"],
            "remedy": alarm["remedy"],
            "drawing": _chart(item, kinds[item.kind]),
        }
        for item, alarm in zip(raised, content["alarms"], strict=True)
    ]
    return render(
        TEMPLATES,
        "monitor.html.j2",
        title=_text("title"),
        content=content,
        cards=cards,
        tables=[
            (kind, _about(rows), _grid(about["title"], rows, about["unit"]))
            for kind, about in kinds.items()
            if (rows := [item for item in figures if item.kind == kind])
        ],
        synthetic=content["synthetic"],
        refused=refused,
        link=data_link,
    )


def _about(rows: Sequence[Comparison]) -> str:
    """Number of comparisons and alarms of a kind."""
    texts, alarms = section("monitor_page"), sum(item.alarm for item in rows)
    key = "some_alarms" if alarms else "no_alarm"
    compared = counted(len(rows), "comparison")
    return str(texts[key]).format(compared=compared, alarms=counted(alarms, "alarm"))


def _grid(title: str, rows: Sequence[Comparison], unit: str) -> Grid:
    shown = percent if unit == "share" else decimal
    cells: list[tuple[str, ...]] = [
        (
            f"{item.name or _text('all')}{_unit(item)}",
            integer(item.n),
            shown(item.expected),
            shown(item.observed),
            _chance(item.p),
            _text("alarm" if item.alarm else "no_alarm"),
        )
        for item in rows
    ]
    main = frozenset(place for place, item in enumerate(rows) if item.alarm)
    return Grid(title, tuple(evaluation_section("monitor")["head"]), cells, main=main)


def _unit(item: Comparison) -> str:
    unit = str(item.details.get("unit", ""))
    return f" ({unit})" if unit else ""


def _chance(p: float | None) -> str:
    if p is None:
        return _text("too_few")
    return "<0.0001" if p < 1e-4 else f"{p:.2g}" if p < 0.01 else f"{p:.2f}"


def _chart(item: Comparison, about: Mapping[str, Any]) -> Markup:
    """Fifths of a shifted analyte; otherwise expected and found."""
    if "groups" in item.details:
        groups = item.details["groups"]
        return fifths_chart(
            _text("fifths", name=item.name),
            monitor_texts()["groups"],
            [share for share, _ in groups],
            [count / item.n for _, count in groups],
        )
    title = f"{about['title']}{': ' if item.name else ''}{item.name}"
    if about["unit"] == "share":
        return pair_chart(title, item.expected, item.observed, percent, top=1.0)
    return pair_chart(title, item.expected, item.observed, _number)


def _number(value: float) -> str:
    return decimal(value, 0 if float(value).is_integer() else 1)
