"""Tables of the page that belong to no single outcome: the contrast and the use of analytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pipeline.format import counted, integer, is_missing, proportion, signed
from pipeline.pages.evaluation_tables import Grid, area, difference

Entry = Mapping[str, Any]
_LINES = Markup('{}<br><span class="note">{}</span>')
_BARS = {"day": "Day only", "crs_grade_and_day": "CRS grade and day"}
_CORE = 9
_DRIVERS = 6


def contrast(cells: Entry, detail: Entry) -> Grid | None:
    """AUROC of the contrast per horizon beside what is known without labs."""
    hours = [h for h in cells if isinstance(cells[h], Mapping)]
    if not hours:
        return None
    rows: list[tuple[str, ...]] = [
        ("logit p(CRS) − logit p(ICANS)", *(area(cells[h]) for h in hours))
    ]
    for name, words in _BARS.items():
        table = (detail.get("comparators") or {}).get(name, {})
        if table:
            pairs = [table.get(h, {}) for h in hours]
            rows.append((words, *(_LINES.format(area(c), difference(c)) for c in pairs)))
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
        f"comes first within the horizon; same hour: left out.{_never_graded(detail)}",
        frozenset({0}),
    )


def _never_graded(detail: Entry) -> str:
    """Whose landmarks are in no pair, because one of the two scales was never graded."""
    told = [
        f"never graded on {scale}: {integer(cell['landmarks'])} ({integer(cell['patients'])})"
        for scale, cell in (detail.get("never_graded") or {}).items()
        if cell["landmarks"]
    ]
    if not told:
        return ""
    return f" Landmarks (patients) left out, because what came first is unknown: {'; '.join(told)}."


def _counts(cell: Entry) -> str:
    told = [cell.get(name) for name in ("n", "n_patients", "n_events")]
    return f"{integer(told[0])} ({integer(told[1])}); {integer(told[2])}"


def drivers(detail: Entry, hours: str) -> Grid | None:
    """Analytes whose exchange lowers the contrast's AUROC most."""
    table = (detail.get("drivers") or {}).get(hours, {})
    rows = [
        (name, _fall(cell))
        for name, cell in list(table.items())[:_DRIVERS]
        if not is_missing(cell.get("fall"))
    ]
    if not rows:
        return None
    return Grid(
        f"What drives the contrast within {hours} h",
        ("Analyte", "Fall in AUROC when it comes from another patient of the same day"),
        [(str(name), fall) for name, fall in rows],
        "The largest falls. An interval that holds 0 shows nothing.",
    )


def analyte_use(
    entries: Entry,
    label: str,
    hours: str,
    *,
    firm_from: int = 0,
    events: float | None = None,
    apparent: bool = False,
) -> Grid | None:
    """One row per analyte: was it there, was it used, and what its exchange did to the AUROC.

    Parameters
    ----------
    firm_from : int
        With fewer event patients than this nothing is said of an interval.
    events : float, optional
        Event patients of the outcome at this horizon.
    apparent : bool
        Whether these are the training patients, of whom nothing is said either.
    """
    looked_at = compared_analytes(entries, hours)
    rows: list[tuple[str, ...]] = []
    core = list(entries.items())[:_CORE]
    others = sorted(list(entries.items())[_CORE:], key=lambda item: -_fall_of(item[1], hours))
    for _, entry in (*core, *others):
        rows.append(
            (
                str(entry.get("label")),
                _with_share(entry.get("rows"), entry.get("row_share")),
                integer(entry.get("patients")),
                integer(entry.get("event_patients")),
                f"{'Yes' if entry.get('used') else 'No'}: {entry.get('why', 'not stated')}",
                _fall_or_dash(entry.get("importance") or {}, hours),
                _told(entry, hours, events, firm_from, looked_at, apparent=apparent),
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
            "What the interval shows",
        ),
        rows,
        "Exchanged: the analyte's values and times come from another patient of the same day, the "
        "model stays. Analytes that travel together cover for each other, so no fall does not mean "
        f"no biology. {integer(looked_at)} analytes have an interval here: if none carried "
        "anything, one in twenty would miss 0 by chance.",
    )


def _with_share(count: float | None, share: float | None) -> str:
    return "0" if count == 0 else f"{integer(count)} ({proportion(share)})"


def compared_analytes(entries: Entry, hours: str) -> int:
    """How many analytes have a fall with an interval at a horizon."""
    cells = ((entry.get("importance") or {}).get(hours) for entry in entries.values())
    return sum(isinstance(cell, Mapping) and not is_missing(cell.get("fall_lo")) for cell in cells)


def _fall_or_dash(importance: Entry, hours: str) -> str:
    cell = importance.get(hours) or {}
    if "reason" in importance or is_missing(cell.get("fall")):
        return "not given"
    return _fall(cell)


def _told(
    entry: Entry,
    hours: str,
    events: float | None,
    firm_from: int,
    looked_at: int,
    *,
    apparent: bool,
) -> str:
    """Where the interval lies, as printed; a reason where nothing can be said of it."""
    importance = entry.get("importance") or {}
    if "reason" in importance:
        return str(importance["reason"])
    cell = importance.get(hours) or {}
    if is_missing(cell.get("fall")):
        return "too few event patients at this horizon"
    low, high = cell.get("fall_lo"), cell.get("fall_hi")
    if low is None or high is None or is_missing(low) or is_missing(high):
        return "no interval"
    if apparent:
        return "nothing: training patients"
    known = [entry.get("event_patients"), events]
    fewest = min((int(n) for n in known if n is not None and not is_missing(n)), default=0)
    if fewest < firm_from:
        return f"nothing: {counted(fewest, 'event patient')}, a verdict needs {firm_from}"
    one_of = f"one of {looked_at} looked at"
    if round(low, 3) > 0:
        return f"above 0: ranking falls without it ({one_of})"
    if round(high, 3) < 0:
        return f"below 0: ranking rises without it ({one_of})"
    return "holds 0: nothing shown"


def _fall(cell: Entry) -> str:
    value, low, high = (cell.get(name) for name in ("fall", "fall_lo", "fall_hi"))
    if is_missing(low) or is_missing(high):
        return signed(value, 3)
    return f"{signed(value, 3)} [{signed(low, 3)}, {signed(high, 3)}]"


def _fall_of(entry: Entry, hours: str) -> float:
    cell = (entry.get("importance") or {}).get(hours) or {}
    value = cell.get("fall") if isinstance(cell, Mapping) else None
    return -1.0 if is_missing(value) else float(value or 0.0)


def told_hours(tables: Sequence[Entry]) -> str:
    """Horizon nearest to 72 h among the keys of the given tables.

    Examples
    --------
    >>> told_hours([{"24": 1, "72": 2}]), told_hours([{}])
    ('72', '72')
    """
    keys = [key for table in tables for key in table]
    return min(keys, key=lambda key: (abs(float(key) - 72.0), float(key)), default="72")
