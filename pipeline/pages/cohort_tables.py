"""Tables of the evaluation page across outcomes: the contrast and the use of analytes."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from pipeline.cohort.analytes import dictionary
from pipeline.format import DASH, counted, integer, is_missing, proportion
from pipeline.model.evaluation_cells import AreaCell, Counts, Fall, Number, PerformanceCell
from pipeline.model.evaluation_report import (
    AnalyteUse,
    ContrastDetail,
    EvaluationReport,
    Importance,
)
from pipeline.model.outcomes import headline_key
from pipeline.pages.evaluation_tables import Grid, area, difference, signed_spread, table_text
from pipeline.resources import schema_yaml

_LINES = Markup('{}<br><span class="note">{}</span>')
_COMPARATORS = {"day": "contrast_day", "crs_grade_and_day": "contrast_grade"}
_CORE = 9
_DRIVERS = 6


def contrast(cells: Mapping[str, PerformanceCell], detail: ContrastDetail) -> Grid | None:
    """AUROC of the contrast per horizon, compared with predictors that use no labs."""
    hours = list(cells)
    if not hours:
        return None
    rows: list[tuple[str, ...]] = [(table_text("contrast_row"), *(area(cells[h]) for h in hours))]
    for name, title in _COMPARATORS.items():
        if table := detail.comparators.get(name):
            pairs = [table.get(h, AreaCell()) for h in hours]
            rows.append(
                (table_text(title), *(_LINES.format(area(c), difference(c)) for c in pairs))
            )
    rows.append(
        (
            table_text("contrast_counts"),
            *(_counts(cells[h]) for h in hours),
        )
    )
    return Grid(
        table_text("contrast"),
        ("", *(table_text("within", hours=h) for h in hours)),
        rows,
        f"{table_text('contrast_note')}{_never_graded(detail)}",
        frozenset({0}),
    )


def _never_graded(detail: ContrastDetail) -> str:
    """Note on landmarks left out because one of the two scales was never graded."""
    scales = [
        table_text(
            "contrast_never",
            scale=scale,
            landmarks=integer(cell.landmarks),
            patients=integer(cell.patients),
        )
        for scale, cell in detail.never_graded.items()
        if cell.landmarks
    ]
    return f" {table_text('contrast_unknown', scales='; '.join(scales))}" if scales else ""


def _counts(cell: Counts) -> str:
    return f"{integer(cell.n)} ({integer(cell.n_patients)}); {integer(cell.n_events)}"


def drivers(detail: ContrastDetail, hours: str) -> Grid | None:
    """Analytes with the largest fall in the contrast's AUROC when permuted."""
    table = detail.drivers.get(hours, {})
    rows: list[tuple[str, ...]] = [
        (analyte_short(name), signed_spread(cell.loss))
        for name, cell in list(table.items())[:_DRIVERS]
        if not is_missing(cell.fall)
    ]
    if not rows:
        return None
    return Grid(
        table_text("drivers", hours=hours),
        (table_text("analyte"), table_text("drivers_fall")),
        rows,
        f"{table_text('drivers_note')} {table_text('includes_zero_effect')}",
    )


def analyte_short(key: str) -> str:
    """Return the short name of an analyte; an unknown key is kept.

    Examples
    --------
    >>> analyte_short("d_dimer"), analyte_short("other")
    ('D-dimer', 'other')
    """
    known = dictionary()
    return known[key].short if key in known else key


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
    titles = [
        table_text("axes_outcome", label=report.outcome(name).label or name, hours=headline[name])
        for name in outcomes
    ]
    titles += [table_text("axes_contrast", hours=between)] if contrast_falls else []
    evidence = "axes_training" if report.kind == "apparent" else "includes_zero_effect"
    return Grid(
        table_text("axes"),
        (table_text("axes_group"), *titles),
        rows,
        f"{table_text('axes_note')} {table_text(evidence)}",
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
                table_text("used_yes") if entry.used else table_text("used_no", why=entry.why),
                _fall_or_dash(entry, hours),
                _verdict(entry, hours, events, firm_from, compared, apparent=apparent),
            )
        )
    if not rows:
        return None
    return Grid(
        table_text("analytes", label=label),
        (
            table_text("analyte"),
            table_text("analytes_rows"),
            table_text("analytes_patients"),
            table_text("analytes_events"),
            table_text("analytes_used"),
            table_text("analytes_fall", hours=hours),
            table_text("analytes_verdict"),
        ),
        rows,
        table_text("analytes_note", count=integer(compared)),
    )


def _with_share(count: Number, share: Number) -> str:
    return "0" if count == 0 else f"{integer(count)} ({proportion(share)})"


def compared_analytes(entries: Mapping[str, AnalyteUse], hours: str) -> int:
    """Count the analytes whose fall in AUROC has an interval at a horizon."""
    cells = (entry.importance.at(hours) for entry in entries.values())
    return sum(not is_missing(cell.fall_lo) for cell in cells)


def _fall_or_dash(entry: AnalyteUse, hours: str) -> str:
    cell = entry.importance.at(hours)
    return table_text("no_fall") if is_missing(cell.fall) else signed_spread(cell.loss)


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
        return table_text("verdict_few_here")
    if not fall.has_interval:
        return table_text("verdict_no_interval")
    if apparent:
        return table_text("verdict_training")
    known = [entry.event_patients, events]
    fewest = min((int(n) for n in known if n is not None and not is_missing(n)), default=0)
    if fewest < firm_from:
        count = counted(fewest, "event patient")
        return table_text("verdict_few", count=count, least=firm_from)
    names = {1: "verdict_above", -1: "verdict_below", 0: "verdict_none"}
    return table_text(names[fall.side_of(0.0, 3)], count=compared)


def _fall_of(entry: AnalyteUse, hours: str) -> float:
    value = entry.importance.at(hours).fall
    return -1.0 if value is None or is_missing(value) else float(value)
