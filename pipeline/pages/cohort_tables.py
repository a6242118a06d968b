"""Tables of the evaluation page across outcomes: the contrast and the use of analytes."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from pipeline.format import DASH, counted, integer, is_missing, proportion
from pipeline.model.evaluation_cells import AreaCell, Counts, Fall, Number, PerformanceCell
from pipeline.model.evaluation_report import (
    AnalyteUse,
    ContrastDetail,
    EvaluationReport,
    Importance,
)
from pipeline.model.outcomes import headline_key
from pipeline.pages.evaluation_tables import Grid, area, difference, signed_spread
from pipeline.resources import schema_yaml

_LINES = Markup('{}<br><span class="note">{}</span>')
_COMPARATORS = {"day": "Day only", "crs_grade_and_day": "CRS grade and day"}
_CORE = 9
_DRIVERS = 6


def contrast(cells: Mapping[str, PerformanceCell], detail: ContrastDetail) -> Grid | None:
    """AUROC of the contrast per horizon, compared with predictors that use no labs."""
    hours = list(cells)
    if not hours:
        return None
    rows: list[tuple[str, ...]] = [
        ("logit p(CRS) − logit p(ICANS)", *(area(cells[h]) for h in hours))
    ]
    for name, title in _COMPARATORS.items():
        if table := detail.comparators.get(name):
            pairs = [table.get(h, AreaCell()) for h in hours]
            rows.append((title, *(_LINES.format(area(c), difference(c)) for c in pairs)))
    rows.append(
        (
            "Landmarks (patients); CRS first in",
            *(_counts(cells[h]) for h in hours),
        )
    )
    return Grid(
        "Which syndrome comes first",
        ("", *(f"{h} h" for h in hours)),
        rows,
        "Second line: the contrast minus this. Landmarks at risk of both, after which exactly one "
        f"comes first within the horizon; same hour: excluded.{_never_graded(detail)}",
        frozenset({0}),
    )


def _never_graded(detail: ContrastDetail) -> str:
    """Note on landmarks left out because one of the two scales was never graded."""
    scales = [
        f"never graded on {scale}: {integer(cell.landmarks)} ({integer(cell.patients)})"
        for scale, cell in detail.never_graded.items()
        if cell.landmarks
    ]
    if not scales:
        return ""
    return (
        f" Landmarks (patients) excluded, because what came first is unknown: {'; '.join(scales)}."
    )


def _counts(cell: Counts) -> str:
    return f"{integer(cell.n)} ({integer(cell.n_patients)}); {integer(cell.n_events)}"


def drivers(detail: ContrastDetail, hours: str) -> Grid | None:
    """Analytes with the largest fall in the contrast's AUROC when permuted."""
    table = detail.drivers.get(hours, {})
    rows: list[tuple[str, ...]] = [
        (name, signed_spread(cell.loss))
        for name, cell in list(table.items())[:_DRIVERS]
        if not is_missing(cell.fall)
    ]
    if not rows:
        return None
    return Grid(
        f"What drives the contrast within {hours} h",
        ("Analyte", "Fall in AUROC when it comes from another patient of the same day"),
        rows,
        "The largest falls. If the interval includes 0, no effect is shown.",
    )


def axes(report: EvaluationReport) -> Grid | None:
    """Fall in AUROC of each outcome and of the contrast when an axis of biomarkers is exchanged."""
    outcomes = [name for name, table in report.axis_use.items() if table]
    if not outcomes:
        return None
    headline = {name: headline_key(report.outcome(name).model) for name in outcomes}
    between = headline_key(report.contrast) if report.contrast else ""
    contrast_falls = report.contrast_detail.axes.get(between, {})
    rows: list[tuple[str, ...]] = []
    for key, axis in schema_yaml("pathways.yaml")["axes"].items():
        cells = [
            report.axis_use[name].get(key, Importance()).at(headline[name]) for name in outcomes
        ]
        cells += [contrast_falls[key]] if key in contrast_falls else []
        if any(not is_missing(cell.fall) for cell in cells):
            rows.append((axis["name"], *(_spread_or_dash(cell) for cell in cells)))
    if not rows:
        return None
    titles = [f"{report.outcome(name).label or name}, {headline[name]} h" for name in outcomes]
    titles += [f"Which comes first, {between} h"] if contrast_falls else []
    return Grid(
        "Biomarkers by syndrome",
        ("Group exchanged", *titles),
        rows,
        "Fall in AUROC when values and times of all analytes of the group come from another "
        "patient of the same day. The fitted model is unchanged. Other labs are not exchanged. "
        + (
            "These are training patients, so the falls are no evidence."
            if report.kind == "apparent"
            else "If the interval includes 0, no effect is shown."
        ),
    )


def _spread_or_dash(cell: Fall) -> str:
    return DASH if is_missing(cell.fall) else signed_spread(cell.loss)


def analyte_use(
    entries: Mapping[str, AnalyteUse],
    label: str,
    hours: str,
    *,
    firm_from: int = 0,
    events: Number = None,
    apparent: bool = False,
) -> Grid | None:
    """One row per analyte: availability, use, and the fall in AUROC when it is permuted.

    Parameters
    ----------
    firm_from : int
        Fewest event patients for which an interval is interpreted.
    events : float, optional
        Event patients of the outcome at this horizon.
    apparent : bool
        Whether the model is scored on its training patients; no interval is then interpreted.
    """
    compared = compared_analytes(entries, hours)
    rows: list[tuple[str, ...]] = []
    core = list(entries.values())[:_CORE]
    others = sorted(list(entries.values())[_CORE:], key=lambda entry: -_fall_of(entry, hours))
    for entry in (*core, *others):
        rows.append(
            (
                entry.label,
                _with_share(entry.rows, entry.row_share),
                integer(entry.patients),
                integer(entry.event_patients),
                f"{'Yes' if entry.used else 'No'}: {entry.why}",
                _fall_or_dash(entry, hours),
                _verdict(entry, hours, events, firm_from, compared, apparent=apparent),
            )
        )
    if not rows:
        return None
    return Grid(
        f"Use of analytes: {label}",
        (
            "Analyte",
            "Landmarks at risk with a result",
            "Patients",
            "Event patients",
            "Used, and why",
            f"Fall in AUROC ({hours} h) when exchanged",
            "Verdict",
        ),
        rows,
        "Exchanged: the analyte's values and times come from another patient of the same day, the "
        "model stays. Correlated analytes replace each other, so no fall does not mean "
        f"no biology. {integer(compared)} analytes have an interval here: if none mattered, "
        "one in twenty would exclude 0 by chance.",
    )


def _with_share(count: Number, share: Number) -> str:
    return "0" if count == 0 else f"{integer(count)} ({proportion(share)})"


def compared_analytes(entries: Mapping[str, AnalyteUse], hours: str) -> int:
    """Count the analytes whose fall in AUROC has an interval at a horizon."""
    cells = (entry.importance.at(hours) for entry in entries.values())
    return sum(not is_missing(cell.fall_lo) for cell in cells)


def _fall_or_dash(entry: AnalyteUse, hours: str) -> str:
    cell = entry.importance.at(hours)
    return "not given" if is_missing(cell.fall) else signed_spread(cell.loss)


def _verdict(
    entry: AnalyteUse,
    hours: str,
    events: Number,
    firm_from: int,
    compared: int,
    *,
    apparent: bool,
) -> str:
    """Position of the printed interval relative to 0, or why it is not interpreted."""
    if entry.importance.reason:
        return entry.importance.reason
    fall = entry.importance.at(hours).loss
    if is_missing(fall.value):
        return "too few event patients at this horizon"
    if not fall.has_interval:
        return "no interval"
    if apparent:
        return "nothing: training patients"
    known = [entry.event_patients, events]
    fewest = min((int(n) for n in known if n is not None and not is_missing(n)), default=0)
    if fewest < firm_from:
        return f"nothing: {counted(fewest, 'event patient')}, a verdict needs {firm_from}"
    one_of = f"one of {compared} compared"
    return {
        1: f"above 0: ranking falls without it ({one_of})",
        -1: f"below 0: ranking rises without it ({one_of})",
        0: "includes 0: no effect shown",
    }[fall.side_of(0.0, 3)]


def _fall_of(entry: AnalyteUse, hours: str) -> float:
    value = entry.importance.at(hours).fall
    return -1.0 if value is None or is_missing(value) else float(value)
