"""Tables of the evaluation page: from entries of ``evaluation.json`` to captioned rows of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from markupsafe import Markup

from pipeline.format import DASH, counted, decimal, integer, is_missing, percent, proportion, signed

Entry = Mapping[str, Any]
_LINES = Markup('{}<br><span class="note">{}</span>')
_SPLITS = {
    "leave_one_site_out": "Each site by a model of the other sites",
    "temporal": "The latest patients by a model of the earlier ones",
}
_BARS = {
    "grade_and_day": "grade and day",
    "clinical_state": "all grades so far, no labs",
}
_NO_INTERVAL = (
    "0 % without an interval: none was seen, and drawing the same patients again can tell no more."
)


@dataclass(frozen=True)
class Grid:
    """A table: the first cell of each row names it."""

    caption: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""
    main: frozenset[int] = field(default_factory=frozenset)


def area(cell: Entry) -> str:
    """AUROC with its interval.

    Examples
    --------
    >>> area({"auroc": 0.861, "auroc_lo": 0.8, "auroc_hi": 0.9}), area({"auroc": None})
    ('0.86 [0.80, 0.90]', '–')
    """
    return spread(cell, "auroc", "auroc_lo", "auroc_hi", decimal)


def difference(cell: Entry) -> str:
    """Difference in AUROC with its interval.

    Examples
    --------
    >>> difference({"diff_auroc": 0.02, "diff_lo": -0.01, "diff_hi": 0.05})
    '+0.020 [−0.010, +0.050]'
    """
    value, low, high = (cell.get(name, nan) for name in ("diff_auroc", "diff_lo", "diff_hi"))
    if is_missing(low) or is_missing(high):
        return signed(value, 3)
    return f"{signed(value, 3)} [{signed(low, 3)}, {signed(high, 3)}]"


def spread(cell: Entry, name: str, low: str, high: str, write: Any) -> str:
    """A figure and its interval, each end written the same way; a dash where it is missing."""
    text = write(cell.get(name, nan))
    ends = (cell.get(low, nan), cell.get(high, nan))
    if text == DASH or any(is_missing(end) for end in ends):
        return str(text)
    return f"{text} [{write(ends[0])}, {write(ends[1])}]"


def share(cell: Entry, name: str) -> str:
    """A proportion and its interval in percent; none where every draw gives the same 0 or 1.

    Examples
    --------
    >>> share({"rate": 0.5, "rate_lo": 0.4, "rate_hi": 0.6}, "rate")
    '50 % [40 %, 60 %]'
    >>> share({"rate": 0.0, "rate_lo": 0.0, "rate_hi": 0.0}, "rate")
    '0 %'
    """
    value = cell.get(name)
    if value in (0, 1) and value == cell.get(f"{name}_lo") == cell.get(f"{name}_hi"):
        return proportion(value)
    return spread(cell, name, f"{name}_lo", f"{name}_hi", proportion)


def robustness(outcome: Entry, hours: Sequence[str]) -> Grid:
    """The same AUROC counted in other ways, and its difference from grade and day below it."""
    early = outcome.get("without_early_onsets") or {}
    within = outcome.get("within_grade") or {}
    answered = outcome.get("answered") or {}
    weighted = outcome.get("patient_weighted") or {}
    bar = (outcome.get("comparators") or {}).get("grade_and_day", {})
    ways: list[tuple[str, Entry, Entry]] = [
        ("Every landmark counts the same", outcome.get("model", {}), bar),
        (
            "Every patient counts the same",
            weighted.get("model", {}),
            weighted.get("grade_and_day", {}),
        ),
        (
            "Only landmarks of equal current grade are compared",
            _inner(within, hours, "model"),
            _inner(within, hours, "grade_and_day"),
        ),
        (
            f"Without onsets within {early.get('hours', 12):g} h "
            f"({integer(early.get('left_out', nan))} landmarks left out)",
            early.get("model", {}),
            early.get("grade_and_day", {}),
        ),
        (
            f"Only landmarks that get an estimate ({integer(answered.get('left_out', nan))} left "
            "out)",
            answered.get("model", {}),
            answered.get("grade_and_day", {}),
        ),
        ("Weighted for loss of follow-up", outcome.get("time_dependent") or {}, {}),
    ]
    notes = []
    for name, words in _SPLITS.items():
        found = (outcome.get("further_splits") or {}).get(name)
        if isinstance(found, str):
            notes.append(f"{words}: not done, because {found}.")
        elif found:
            ways.append((words, found.get("model", {}), found.get("grade_and_day", {})))
            notes += _sites_left_out(name, found, outcome)
    if isinstance(within.get("reason"), str):
        notes.append(f"Equal current grade: {within['reason']}.")
    rows: list[tuple[str, ...]] = [
        (words, *(_two_lines(model.get(h, {}), other.get(h, {})) for h in hours))
        for words, model, other in ways
        if model
    ]
    return Grid(
        "Does the figure hold when it is counted differently?",
        ("Way of counting", *(f"{h} h" for h in hours)),
        rows,
        " ".join(["Second line: minus the AUROC of grade and day, counted the same way.", *notes]),
        frozenset({0}),
    )


def _sites_left_out(name: str, found: Entry, outcome: Entry) -> list[str]:
    """A note where some site is not tested, because the others have too few event patients."""
    if name != "leave_one_site_out":
        return []
    pairs = [(cell.get("n"), outcome.get("model", {}).get(h, {}).get("n"))
             for h, cell in found.get("model", {}).items()]  # fmt: skip
    gaps = [whole - part for part, whole in pairs
            if not is_missing(part) and not is_missing(whole)]  # fmt: skip
    if max(gaps, default=0) <= 0:
        return []
    return [
        f"Each site: {integer(max(gaps))} landmarks of sites whose others have too few event "
        "patients to learn from are left out."
    ]


def _inner(table: Entry, hours: Sequence[str], name: str) -> Entry:
    return {h: table[h][name] for h in hours if isinstance(table.get(h), Mapping)}


def _two_lines(cell: Entry, bar: Entry) -> str:
    return _LINES.format(area(cell), difference(bar)) if bar else area(cell)


def labs(outcome: Entry, hours: Sequence[str]) -> Grid | None:
    """What the labs add, against what has none and against labs that belong to somebody else."""
    comparators, control = outcome.get("comparators") or {}, outcome.get("negative_control") or {}
    rows: list[tuple[str, ...]] = [
        (f"Model minus {words}", *(difference(comparators[name].get(h, {})) for h in hours))
        for name, words in _BARS.items()
        if name in comparators
    ]
    note = "An interval that holds 0 shows no difference."
    if control:
        cells = [control.get(h, {}) for h in hours]
        kind = outcome.get("negative_control_kind", "refitted")
        count = max((cell.get("n_permutations") or 0 for cell in cells), default=0)
        rows.append(("Model minus itself given other patients' labs", *map(difference, cells)))
        rows.append(("AUROC of that control", *map(area, cells)))
        note += (
            f" Negative control ({kind}, {counted(count, 'permutation')}): each patient gets the "
            "labs of another patient of the same day, in training and test alike where it is "
            "refitted."
        )
    if not rows:
        return None
    return Grid("What do the labs add?", ("", *(f"{h} h" for h in hours)), rows, note)


def incidence(outcome: Entry) -> Grid | None:
    """Observed incidence (Aalen-Johansen) beside the mean risk, overall and by quarter of risk."""
    rows = [
        (
            f"{hours} h",
            share(cell, "observed"),
            percent(cell.get("mean_risk")),
            share(cell, "competing"),
            *_quarters(cell.get("groups") or []),
        )
        for hours, cell in (outcome.get("incidence") or {}).items()
        if "reason" not in cell
    ]
    if not rows:
        return None
    quarters = ("Lowest quarter of risk", "Second", "Third", "Highest")
    return Grid(
        "Observed incidence with death and further therapy as competing events",
        ("Horizon", "Observed", "Mean risk", "Competing event first", *quarters),
        rows,
        f"Quarters: mean risk, below it the incidence observed (Aalen-Johansen). {_NO_INTERVAL}",
    )


def _quarters(groups: Sequence[Entry]) -> list[str]:
    cells = [
        str(_LINES.format(percent(group.get("mean_risk")), share(group, "observed")))
        for group in groups
    ]
    return [Markup(cell) for cell in cells] + [DASH] * (4 - len(cells))


def comes_first(outcome: Entry, label: str, names: Mapping[str, str]) -> Grid | None:
    """Incidence of whichever comes first after a landmark."""
    table = outcome.get("what_comes_first") or {}
    found = table.get("incidence") or {}
    if not found:
        return None
    hours = list(found)
    causes = list(found[hours[0]])
    rows: list[tuple[str, ...]] = [
        (
            label if cause == "outcome" else names.get(cause, cause),
            *(share(found[h].get(cause, {}), "value") for h in hours),
        )
        for cause in causes
    ]
    never = [names.get(name, name) for name in table.get("never_observed") or ()]
    note = f" Never charted after a landmark at risk: {', '.join(never)}." if never else ""
    vague = [names.get(name, name) for name in table.get("mostly_unknown") or ()]
    note += f" Not asked, because most were never graded: {', '.join(vague)}." if vague else ""
    if lost := int(table.get("left_out_unknown") or 0):
        note += (
            " Landmarks left out, because the patient was never graded for one of the causes, so "
            f"what came first is unknown: {integer(lost)}."
        )
    note = f"{_NO_INTERVAL}{note}"
    return Grid("What comes first after a landmark?", ("", *(f"{h} h" for h in hours)), rows, note)


def days(outcome: Entry, hours: Sequence[str]) -> Grid | None:
    """AUROC per day of the landmark and horizon."""
    table = outcome.get("by_day_and_horizon") or {}
    numbers = sorted({int(day) for h in hours for day in table.get(h, {})})
    rows: list[tuple[str, ...]] = [
        (str(day), *(area(table.get(h, {}).get(str(day), {})) for h in hours)) for day in numbers
    ]
    rows = [row for row in rows if any(cell != DASH for cell in row[1:])]
    if not rows:
        return None
    return Grid(
        "AUROC by day of the landmark and horizon",
        ("Day", *(f"{h} h" for h in hours)),
        rows,
        "Days with too few event patients at every horizon are left out.",
    )


def subgroups(outcome: Entry, hours: Sequence[str], told: str) -> Grid | None:
    """AUROC per subgroup and horizon, with counts and calibration at the headline horizon."""
    rows = []
    for attribute, levels in (outcome.get("subgroups") or {}).items():
        for level, table in levels.items():
            cell = table.get(told, {})
            rows.append(
                (
                    f"{attribute}: {level}",
                    integer(cell.get("n", nan)),
                    integer(cell.get("n_event_patients", nan)),
                    *(area(table.get(h, {})) for h in hours),
                    proportion(cell.get("observed")),
                    percent(cell.get("mean_risk")),
                )
            )
    if not rows:
        return None
    return Grid(
        "Subgroups",
        (
            "",
            f"Landmarks ({told} h)",
            "Event patients",
            *(f"AUROC {h} h" for h in hours),
            f"Observed ({told} h)",
            "Mean risk",
        ),
        rows,
        "Nothing but counts is printed where there are too few event patients. No test of "
        "interaction was made: the more subgroups, the more of them stand out by chance.",
    )
