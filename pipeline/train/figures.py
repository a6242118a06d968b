"""Figures for data scientists, logged to MLflow as PNG; without patient ids."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.arrays import Floats
from pipeline.cohort.analytes import Analyte
from pipeline.explain.phrases import pathway_title
from pipeline.explain.prototype_contributions import PrototypeContributions, at_headline
from pipeline.format import plain
from pipeline.model.evaluation_cells import DayCell
from pipeline.model.evaluation_curves import HorizonCurves

if TYPE_CHECKING:
    import shap
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _BLUE, _ORANGE, _GREY = "#222222", "#1f5fa8", "#c2570c", "#8a8a8a"
_NOTE: dict[str, Any] = {"ha": "center", "va": "center", "color": _GREY, "fontsize": 9}
_SHOWN = 18
_BINS = 8


def outcome_figures(
    label: str,
    explained: Mapping[float, PrototypeContributions],
    analytes: Mapping[str, Analyte],
    curves: Mapping[str, HorizonCurves],
    by_day: Mapping[str, DayCell],
    *,
    horizon_h: float,
    synthetic: bool,
) -> Iterator[tuple[str, bytes]]:
    """Every figure of one outcome: path below the run's artifacts, and PNG.

    SHAP figures show the displayed, calibrated risk of prototypes in percentage points; a prototype
    is the mean of several patients.

    Parameters
    ----------
    label : str
        Of the outcome.
    explained : mapping of PrototypeContributions
        By horizon in hours; without any, the SHAP figures are omitted.
    analytes : mapping
        Dictionary entries by key; each core analyte gets a panel.
    curves : mapping of HorizonCurves
        By horizon; their calibration is drawn.
    by_day : mapping
        Landmark day to its figures.
    horizon_h : float
        Horizon of ``by_day``.
    synthetic : bool
    """
    mark = "SYNTHETIC · " if synthetic else ""
    for hours, part in explained.items():
        if part.keys:
            folder, query = f"shap/h{hours:g}", f"{label}, next {hours:g} h"
            shown = f"{len(part.points)} prototypes, means of 5 or more patients"
            figure = beeswarm(part, f"{mark}Contributions: {query}\n{shown}")
            yield f"{folder}/beeswarm.png", _png(figure)
            yield f"{folder}/bar.png", _png(bar(part, f"{mark}Mean contribution: {query}; {shown}"))
            figure = waterfall(part, f"{mark}{query}: highest of {shown}; percentage points")
            yield f"{folder}/waterfall.png", _png(figure, bbox_inches="tight")
    for part in at_headline({label: explained}).values():
        if part.keys:
            query = f"{label}, next {part.horizon:g} h"
            figure = dependence(part, analytes, f"{mark}Core analytes: {query}")
            yield "shap/dependence.png", _png(figure)
            figure = pathway_importance(part, f"{mark}Importance by pathway: {query}")
            yield "shap/pathways.png", _png(figure)
    if curves:
        figure = calibration(curves, f"{mark}Calibration, out of fold: {label}")
        yield "figures/calibration.png", _png(figure)
    if by_day:
        figure = risk_by_day(by_day, f"{mark}Risk by day, next {horizon_h:g} h: {label}")
        yield "figures/risk_by_day.png", _png(figure)


def as_explanation(part: PrototypeContributions) -> shap.Explanation:
    """Contributions as SHAP's plots take them: percentage points, one row per prototype."""
    import shap

    return shap.Explanation(
        values=part.points,
        base_values=part.reference,
        data=part.values,
        feature_names=list(part.players),
    )


def explanation_file(part: PrototypeContributions, label: str) -> bytes:
    """Return the same as JSON; keys are the arguments of ``shap.Explanation``.

    Parameters
    ----------
    part : PrototypeContributions
    label : str
        Of the outcome.
    """
    data = [[None if np.isnan(value) else value for value in row] for row in part.values.tolist()]
    content = {
        "values": part.points.tolist(),
        "base_values": part.reference.tolist(),
        "data": data,
        "feature_names": list(part.players),
        "output_names": f"{label} within {part.horizon:g} h, %",
    }
    return json.dumps(content).encode()


def beeswarm(part: PrototypeContributions, title: str) -> Figure:
    """One dot per prototype and player, coloured by the newest value."""
    import shap

    figure, axes = _figure(10.5, 8.2, layout=None)
    figure.subplots_adjust(left=0.22, right=0.98, top=0.93, bottom=0.07)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # groups and unmeasured analytes have no colour
        shap.plots.beeswarm(
            as_explanation(part), max_display=_SHOWN, ax=axes, show=False, plot_size=None, s=14,
            color_bar=False,
        )  # fmt: skip
    _colour_bar(figure, axes)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("Contribution in percentage points", fontsize=10)
    figure.suptitle(title, fontsize=12, color=_INK)
    return figure


def bar(part: PrototypeContributions, title: str) -> Figure:
    """Mean absolute contribution of each player, weighted by patients."""
    names, sizes = part.players[:_SHOWN], part.mean_size[:_SHOWN]
    return _bars(list(names)[::-1], list(sizes)[::-1], title)


def waterfall(part: PrototypeContributions, title: str) -> Figure:
    """From the average of the day to the risk of the prototype with the highest risk."""
    import matplotlib.pyplot as plt
    import shap

    highest = int(np.argmax(part.points.sum(axis=1) + part.reference))
    figure = plt.figure()  # SHAP draws on the current figure of pyplot
    try:
        shap.plots.waterfall(
            shap.Explanation(
                values=part.points[highest],
                base_values=float(part.reference[highest]),
                feature_names=[
                    name if np.isnan(value) else f"{name} {plain(float(f'{value:.3g}'))}"
                    for name, value in zip(part.players, part.values[highest], strict=True)
                ],
            ),
            max_display=_SHOWN,
            show=False,
        )
    finally:
        plt.close(figure)
    figure.suptitle(title, fontsize=11, color=_INK, y=1.02)
    return figure


def dependence(part: PrototypeContributions, analytes: Mapping[str, Analyte], title: str) -> Figure:
    """Contribution of each core analyte against its newest value, one dot per prototype."""
    core = [analyte for analyte in analytes.values() if analyte.core]
    columns = 3
    figure, grid = _figure(11.5, 9.5, max(-(-len(core) // columns), 1), columns, layout=None)
    figure.subplots_adjust(left=0.08, right=0.98, top=0.9, bottom=0.06, hspace=0.5, wspace=0.22)
    for axes, analyte in zip(grid.flat, core, strict=False):
        _dependence_panel(axes, part, analyte)
    for axes in list(grid.flat)[len(core) :]:
        axes.set_axis_off()
    legend = "dots: prototypes; line: median of equally large groups"
    figure.suptitle(f"{title}\n{legend}", fontsize=12, color=_INK)
    figure.supylabel("Contribution in percentage points", fontsize=10)
    return figure


def _dependence_panel(axes: Axes, part: PrototypeContributions, analyte: Analyte) -> None:
    place = part.keys.index(analyte.key) if analyte.key in part.keys else None
    newest = np.zeros(0) if place is None else part.values[:, place]
    axes.set_title(analyte.name, fontsize=8.5, color=_INK)
    known = np.flatnonzero(~np.isnan(newest))
    if place is None or len(known) == 0:
        axes.text(0.5, 0.5, "not used", transform=axes.transAxes, **_NOTE)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    value = newest[known]
    added = part.points[known, place]
    axes.axhline(0.0, color=_GREY, linewidth=0.8)
    axes.scatter(value, added, s=12, alpha=0.5, color=_BLUE, linewidths=0)
    middle, level = _trend(value, added)
    axes.plot(middle, level, color=_ORANGE, linewidth=1.8)
    if analyte.log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda number, _: plain(number))
        axes.xaxis.set_minor_formatter(lambda number, _: "")
    unit = _readable(analyte.unit)
    axes.set_xlabel(
        f"{analyte.short}, newest value{f' ({unit})' if unit else ''}; n = {len(known)}", fontsize=8
    )
    axes.tick_params(labelsize=8)


def _trend(value: Floats, added: Floats) -> tuple[Floats, Floats]:
    """Medians within equally large groups of the value."""
    edges = np.unique(np.quantile(value, np.linspace(0, 1, _BINS + 1)))
    if len(edges) < 2:
        return np.median(value, keepdims=True), np.median(added, keepdims=True)
    group = np.clip(np.searchsorted(edges, value, side="right") - 1, 0, len(edges) - 2)
    present = np.unique(group)
    return (
        np.array([np.median(value[group == number]) for number in present]),
        np.array([np.median(added[group == number]) for number in present]),
    )


def pathway_importance(part: PrototypeContributions, title: str) -> Figure:
    """Mean absolute contribution of each pathway, summed over its players first."""
    size = {
        key: float(np.average(np.abs(_of_pathway(part, key)), weights=part.patients))
        for key in dict.fromkeys(part.pathways)
    }
    order = sorted(size, key=lambda key: (size[key], key))
    return _bars([pathway_title(key) for key in order], [size[key] for key in order], title)


def _of_pathway(part: PrototypeContributions, key: str) -> Floats:
    chosen = [number for number, pathway in enumerate(part.pathways) if pathway == key]
    return np.asarray(part.points[:, chosen].sum(axis=1))


def _bars(names: Sequence[str], sizes: Sequence[float], title: str) -> Figure:
    figure, axes = _figure(9.5, 1.6 + 0.42 * len(names), layout=None)
    figure.subplots_adjust(left=0.27, right=0.97, top=0.9, bottom=0.12)
    bars = axes.barh(names, sizes)
    for item in bars:
        item.set_color(_BLUE)
    axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.margins(x=0.1)
    axes.set_xlabel("Mean size of the contribution in percentage points")
    _titled(axes, title)
    return figure


def calibration(curves: Mapping[str, HorizonCurves], title: str) -> Figure:
    """Observed rate against risk per horizon, with 95% bars over patients."""
    hours = sorted(curves, key=float)
    figure, grid = _figure(3.4 * len(hours) + 0.6, 4.2, 1, len(hours))
    for axes, key in zip(grid.flat, hours, strict=True):
        groups = curves[key].calibration
        points = {
            name: np.asarray(getattr(groups, name), dtype=float)
            for name in ("predicted", "observed", "lo", "hi")
        }
        top = 1.08 * max(float(points["hi"].max()), float(points["predicted"].max()), 0.01)
        axes.plot([0, top], [0, top], color=_GREY, linewidth=1, linestyle="--", label="ideal")
        spread = np.abs(np.stack([points["lo"], points["hi"]]) - points["observed"])
        axes.errorbar(
            points["predicted"],
            points["observed"],
            spread,
            fmt="o",
            color=_BLUE,
            markersize=4,
            linewidth=1,
            label="groups of equal size",
        )
        axes.set(xlim=(0, top), ylim=(0, top))
        axes.set_title(f"next {key} h", fontsize=9)
        axes.set_xlabel("predicted risk")
        _percent_axes(axes, both=True)
    grid.flat[0].set_ylabel("share with the event")
    grid.flat[0].legend(fontsize=7, frameon=False, loc="upper left")
    figure.suptitle(title, fontsize=12, color=_INK)
    return figure


def risk_by_day(by_day: Mapping[str, DayCell], title: str) -> Figure:
    """Mean risk, observed rate and number of landmarks per landmark day."""
    days = sorted(int(day) for day in by_day)
    cells = [by_day[str(day)] for day in days]
    figure, grid = _figure(9.0, 5.4, 2, 1, height_ratios=[3, 1], sharex=True)
    top, bottom = grid.flat
    for name, colour, style, label in (
        ("mean_risk", _BLUE, "o-", "mean predicted risk"),
        ("base_rate", _ORANGE, "s--", "share with the event"),
    ):
        values = [getattr(cell, name) for cell in cells]
        level = [np.nan if value is None else value for value in values]
        top.plot(days, level, style, color=colour, markersize=4, label=label)
    top.set_ylim(bottom=0)
    _percent_axes(top, both=False)
    top.legend(fontsize=8, frameon=False)
    bottom.bar(days, [cell.n or 0 for cell in cells], color=_GREY)
    bottom.set_ylabel("landmarks", fontsize=8)
    bottom.set_xlabel("day since time zero")
    bottom.xaxis.get_major_locator().set_params(integer=True)
    _titled(top, title)
    return figure


def _readable(unit: str) -> str:
    """UCUM unit in common notation; "" for a dimensionless number.

    Examples
    --------
    >>> _readable("mg/L{FEU}"), _readable("log2(10*9/L)"), _readable("1"), _readable("log2(1)")
    ('mg/L FEU', 'log2 of 10⁹/L', '', 'log2')
    """
    for written, read in (("log2(1)", "log2"), ("10*9", "10⁹"), ("{", " "), ("}", "")):
        unit = unit.replace(written, read)
    unit = re.sub(r"log2\(([^)]*)\)", r"log2 of \1", unit)
    return "" if unit == "1" else unit


def _colour_bar(figure: Figure, axes: Axes) -> None:
    from matplotlib.cm import ScalarMappable
    from shap.plots import colors

    bar = figure.colorbar(ScalarMappable(cmap=colors.red_blue), ax=axes, aspect=60, pad=0.02)
    bar.set_ticks([0, 1], labels=["low", "high"])
    bar.set_label("value of the column", fontsize=8, labelpad=-6)
    bar.outline.set_visible(False)


def _percent_axes(axes: Axes, *, both: bool) -> None:
    for axis in (axes.yaxis, axes.xaxis) if both else (axes.yaxis,):
        axis.set_major_formatter(lambda share, _: f"{plain(round(100 * share, 6))}%")
    axes.tick_params(labelsize=8)


def _titled(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=11, color=_INK, loc="left")


def _figure(
    width: float,
    height: float,
    rows: int = 1,
    columns: int = 1,
    *,
    layout: Literal["constrained"] | None = "constrained",
    **options: Any,
) -> tuple[Figure, Any]:
    """Figure and axes without a window and without global state.

    The constrained layout draws every text twice; figures with known margins use none.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    if rows == columns == 1:
        return figure, figure.add_subplot()
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def _png(figure: Figure, **options: Any) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=100, **options)
    return target.getvalue()
