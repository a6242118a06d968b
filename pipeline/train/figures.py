"""Figures for data scientists, logged to MLflow as PNG; without patient ids."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.cohort.analytes import Analyte
from pipeline.explain.phrases import pathway_title
from pipeline.explain.shap_values import Attribution
from pipeline.features.names import FeatureMeta, feature_name
from pipeline.format import plain
from pipeline.model.evaluation_cells import DayCell
from pipeline.model.evaluation_curves import HorizonCurves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _BLUE, _ORANGE, _GREY = "#222222", "#1f5fa8", "#c2570c", "#8a8a8a"
_NOTE: dict[str, Any] = {"ha": "center", "va": "center", "color": _GREY, "fontsize": 9}
_SHOWN = 18
_BINS = 8
_CONSTANT = frozenset({"log_horizon", "threshold"})


def outcome_figures(
    scale: str,
    label: str,
    attribution: Attribution | None,
    analytes: Mapping[str, Analyte],
    curves: Mapping[str, HorizonCurves],
    by_day: Mapping[str, DayCell],
    *,
    horizon_h: float,
    synthetic: bool,
) -> Iterator[tuple[str, bytes]]:
    """Every figure of one outcome: path below the run's artifacts, and PNG.

    Parameters
    ----------
    scale, label : str
        Of the outcome.
    attribution : Attribution or None
        SHAP of the booster; without it three figures are omitted.
    analytes : mapping
        Dictionary entries by key; each core analyte gets a panel.
    curves : mapping of HorizonCurves
        By horizon; their calibration is drawn.
    by_day : mapping
        Landmark day to its figures.
    horizon_h : float
        Horizon of ``by_day``.
    """
    folder = PurePosixPath("figures", scale)
    mark = "SYNTHETIC · " if synthetic else ""
    drawn: dict[str, Figure] = {}
    if attribution is not None:
        query = f"{label}, next {attribution.horizon:g} h"
        drawn["beeswarm"] = beeswarm(attribution, f"{mark}Most important features: {query}")
        drawn["dependence"] = dependence(
            attribution, analytes, f"{mark}Core analytes and the booster: {query}"
        )
        drawn["pathways"] = pathway_importance(attribution, f"{mark}Importance by pathway: {query}")
    if curves:
        drawn["calibration"] = calibration(curves, f"{mark}Calibration, out of fold: {label}")
    if by_day:
        drawn["risk_by_day"] = risk_by_day(
            by_day, f"{mark}Risk by day, next {horizon_h:g} h: {label}"
        )
    for name, figure in drawn.items():
        yield str(folder / f"{name}.png"), _png(figure)


def beeswarm(attribution: Attribution, title: str) -> Figure:
    """One dot per landmark and column: SHAP value in log-odds, coloured by the feature value."""
    import shap

    figure, axes = _figure(10.5, 8.2)
    # a column without values has no colours
    known = np.count_nonzero(~np.isnan(attribution.inputs), axis=0)
    shown = [
        number
        for number, name in enumerate(attribution.names)
        if name not in _CONSTANT and known[number] > 0
    ]
    explanation = shap.Explanation(
        values=attribution.values[:, shown],
        base_values=np.full(len(attribution.values), attribution.expected),
        data=attribution.inputs[:, shown],
        feature_names=[
            _text(attribution.names[number], attribution.metas[number]) for number in shown
        ],
    )
    shap.plots.beeswarm(
        explanation, max_display=_SHOWN, ax=axes, show=False, plot_size=None, s=9, color_bar=False
    )
    _colour_bar(figure, axes)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("SHAP value: change in log-odds", fontsize=10)
    figure.suptitle(title, fontsize=12, color=_INK)
    return figure


def dependence(attribution: Attribution, analytes: Mapping[str, Analyte], title: str) -> Figure:
    """Sum of the SHAP values of each core analyte's columns against its newest value."""
    core = [analyte for analyte in analytes.values() if analyte.core]
    columns = 3
    figure, grid = _figure(11.5, 9.5, max(-(-len(core) // columns), 1), columns)
    for axes, analyte in zip(grid.flat, core, strict=False):
        _dependence_panel(axes, attribution, analyte)
    for axes in list(grid.flat)[len(core) :]:
        axes.set_axis_off()
    legend = "dots: landmarks; line: median of equally large groups"
    figure.suptitle(f"{title}\n{legend}", fontsize=12, color=_INK)
    figure.supylabel("Sum of SHAP values of the analyte: change in log-odds", fontsize=10)
    return figure


def _dependence_panel(axes: Axes, attribution: Attribution, analyte: Analyte) -> None:
    newest = attribution.column(feature_name(analyte.key, "last"))
    axes.set_title(analyte.name, fontsize=8.5, color=_INK)
    known = np.zeros(0, dtype=np.intp) if newest is None else np.flatnonzero(~np.isnan(newest))
    if newest is None or len(known) == 0:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, **_NOTE)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    value = 2.0 ** newest[known] if analyte.log else newest[known]
    added = attribution.player(analyte.key)[known]
    axes.axhline(0.0, color=_GREY, linewidth=0.8)
    axes.scatter(value, added, s=7, alpha=0.35, color=_BLUE, linewidths=0)
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
    if not added.any():
        axes.text(0.5, 0.6, "not used by the booster", transform=axes.transAxes, **_NOTE)


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


def pathway_importance(attribution: Attribution, title: str) -> Figure:
    """Mean absolute SHAP value of each pathway, summed over its columns first."""
    size = {key: float(np.abs(attribution.pathway(key)).mean()) for key in attribution.pathways()}
    order = sorted(size, key=lambda key: (size[key], key))
    figure, axes = _figure(9.5, 1.6 + 0.42 * len(order))
    bars = axes.barh([pathway_title(key) for key in order], [size[key] for key in order])
    for bar in bars:
        bar.set_color(_BLUE)
    axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.margins(x=0.1)
    axes.set_xlabel("Mean absolute SHAP value: change in log-odds")
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


def _text(name: str, meta: FeatureMeta | None) -> str:
    if name == "threshold_minus_grade":
        return "Threshold of the outcome minus current grade"
    if meta is None:
        return name
    unit = _readable(meta.unit)
    phrase = meta.words[:1].upper() + meta.words[1:]
    return f"{phrase} ({unit})" if unit else phrase


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
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, Any]:
    """Figure and axes without a window and without global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    if rows == columns == 1:
        return figure, figure.add_subplot()
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def _png(figure: Figure) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=110)
    return target.getvalue()
