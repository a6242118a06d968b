"""Tables of the evaluation page for one outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from markupsafe import Markup

from pipeline.explain.phrases import outcome_short
from pipeline.format import (
    DASH,
    counted,
    decimal,
    integer,
    is_missing,
    percent,
    plain,
    proportion,
    signed,
)
from pipeline.model.evaluated_outcome import OtherSplit, OutcomeReport, RefitCell
from pipeline.model.evaluation_cells import (
    AreaCell,
    CalibrationBySite,
    ControlCell,
    Difference,
    Metric,
    Number,
    PartCell,
    Rate,
    RiskGroup,
)

_LINES = Markup('{}<br><span class="note">{}</span>')
_SPLITS = {
    "leave_one_site_out": "Each site by a model of the other sites",
    "temporal": "The latest patients by a model of the earlier ones",
}
_COMPARATORS = {
    "grade_and_day": "grade and day",
    "clinical_state": "all grades so far, no labs",
}
_REFITTED: dict[str, tuple[str, Callable[[Number], str]]] = {
    "auroc": ("AUROC", decimal),
    "brier": ("Brier score", partial(decimal, places=3)),
    "cal_slope": ("calibration slope", decimal),
}
_NO_INTERVAL = "0% without an interval: no event was seen, so resampling shows no spread."


@dataclass(frozen=True)
class Grid:
    """A captioned table; the first cell of each row is its header."""

    caption: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""
    main: frozenset[int] = field(default_factory=frozenset)


def area(cell: AreaCell) -> str:
    """Write an AUROC with its interval.

    Examples
    --------
    >>> area(AreaCell(auroc=0.861, auroc_lo=0.8, auroc_hi=0.9)), area(AreaCell(auroc=None))
    ('0.86 [0.80, 0.90]', '–')
    """
    return spread(cell.area, decimal)


def difference(cell: Difference) -> str:
    """Write a difference in AUROC with its interval.

    Examples
    --------
    >>> difference(Difference(diff_auroc=0.02, diff_lo=-0.01, diff_hi=0.05))
    '+0.020 [−0.010, +0.050]'
    """
    return signed_spread(cell.difference)


def signed_spread(metric: Metric) -> str:
    """Write a difference and its interval, signed, to three decimals."""
    value, low, high = (signed(part, 3) for part in metric)
    return f"{value} [{low}, {high}]" if metric.has_interval else value


def spread(metric: Metric, write: Callable[[Number], str]) -> str:
    """Write a figure and its interval with the same formatter; a dash if it is missing."""
    text = write(metric.value)
    if text == DASH or not metric.has_interval:
        return text
    return f"{text} [{write(metric.low)}, {write(metric.high)}]"


def share(metric: Metric) -> str:
    """Write a proportion and its interval in percent; no interval if it is degenerate at 0 or 1.

    Examples
    --------
    >>> share(Metric(0.5, 0.4, 0.6)), share(Metric(0.0, 0.0, 0.0))
    ('50% [40%, 60%]', '0%')
    """
    if metric.value in (0, 1) and metric.value == metric.low == metric.high:
        return proportion(metric.value)
    return spread(metric, proportion)


def robustness(outcome: OutcomeReport, hours: Sequence[str]) -> Grid:
    """AUROC under other variants of counting, each with its difference from grade and day."""
    early, answered = outcome.without_early_onsets, outcome.answered
    weighted, within = outcome.patient_weighted, outcome.within_grade.by_horizon()
    equal = [(h, within[h]) for h in hours if h in within]
    variants: list[tuple[str, Mapping[str, AreaCell], Mapping[str, AreaCell]]] = [
        (
            "Equal weight per landmark",
            outcome.model,
            outcome.comparators.get("grade_and_day", {}),
        ),
        ("Equal weight per patient", weighted.model, weighted.grade_and_day),
        (
            "Only landmarks of equal current grade are compared",
            {h: strata.model for h, strata in equal},
            {h: strata.grade_and_day for h, strata in equal},
        ),
        (
            f"Without onsets within {plain(early.hours)} h "
            f"({integer(early.left_out)} landmarks excluded)",
            early.model,
            early.grade_and_day,
        ),
        (
            f"Only landmarks that get an estimate ({integer(answered.left_out)} excluded)",
            answered.model,
            answered.grade_and_day,
        ),
    ]
    notes = []
    for name, title in _SPLITS.items():
        split = outcome.further_splits.get(name)
        if isinstance(split, str):
            notes.append(f"{title}: not done, because {split}.")
        elif split is not None:
            variants.append((title, split.model, split.grade_and_day))
            notes += _sites_left_out(name, split, outcome)
    if outcome.within_grade.reason:
        notes.append(f"Equal current grade: {outcome.within_grade.reason}.")
    rows: list[tuple[str, ...]] = [
        (title, *(_two_lines(model.get(h), other.get(h)) for h in hours))
        for title, model, other in variants
        if model
    ]
    return Grid(
        "Does the figure hold when it is counted differently?",
        ("Way of counting", *(f"{h} h" for h in hours)),
        rows,
        " ".join(["Second line: minus the AUROC of grade and day, counted the same way.", *notes]),
        frozenset({0}),
    )


def _sites_left_out(name: str, split: OtherSplit, outcome: OutcomeReport) -> list[str]:
    """Note on sites left out because the other sites have too few event patients."""
    if name != "leave_one_site_out":
        return []
    pairs = [(cell.n, outcome.model[h].n) for h, cell in split.model.items() if h in outcome.model]
    gaps = [
        whole - part
        for part, whole in pairs
        if part is not None and whole is not None
        if not is_missing(part) and not is_missing(whole)
    ]
    if max(gaps, default=0) <= 0:
        return []
    return [
        f"Each site: {integer(max(gaps))} landmarks of sites whose others have too few event "
        "patients to learn from are excluded."
    ]


def refits(outcome: OutcomeReport, hours: Sequence[str]) -> Grid | None:
    """Out-of-bag figures of whole refits by horizon; None if nothing was refitted."""
    cells = [outcome.refit_intervals.get(h, RefitCell()) for h in hours]
    if not outcome.refit_intervals:
        return None
    parts = {
        "Model": [cell.model for cell in cells],
        "Grade and day": [cell.grade_and_day for cell in cells],
    }
    rows: list[tuple[str, ...]] = [
        (f"{name}, {title}", *(spread(part.metric(figure), write) for part in figures))
        for figure, (title, write) in _REFITTED.items()
        for name, figures in parts.items()
    ]
    differences = [signed_spread(cell.difference.metric("auroc")) for cell in cells]
    rows.insert(2, ("Difference in AUROC", *differences))
    used = ", ".join(f"{integer(c.used)} ({h} h)" for c, h in zip(cells, hours, strict=True))
    return Grid(
        "Does the figure hold when the model is refitted?",
        ("Median over refits", *(f"{h} h" for h in hours)),
        rows,
        f"The whole model refitted on {integer(cells[0].refits)} bootstrap samples of patients and "
        f"scored on the patients left out; used, with enough events: {used}.",
    )


def _two_lines(cell: AreaCell | None, reference: AreaCell | None) -> str:
    figure = area(cell or AreaCell())
    return _LINES.format(figure, difference(reference)) if reference else figure


def labs(outcome: OutcomeReport, hours: Sequence[str]) -> Grid | None:
    """Gain of the model over predictors without labs and over permuted labs."""
    control = outcome.negative_control
    rows: list[tuple[str, ...]] = [
        (f"Model minus {title}", *(difference(outcome.compared(name, h)) for h in hours))
        for name, title in _COMPARATORS.items()
        if name in outcome.comparators
    ]
    note = "If the interval includes 0, no difference is shown."
    if control:
        cells = [control.get(h, ControlCell()) for h in hours]
        kind = outcome.negative_control_kind or "refitted"
        count = max((cell.n_permutations or 0 for cell in cells), default=0)
        rows.append(("Model minus itself given other patients' labs", *map(difference, cells)))
        rows.append(("AUROC of that control", *map(area, cells)))
        note += (
            f" Negative control ({kind}, {counted(int(count), 'permutation')}): each patient gets "
            "the labs of another patient of the same day, in training and test alike where it is "
            "refitted."
        )
    if not rows:
        return None
    return Grid("What do the labs add?", ("", *(f"{h} h" for h in hours)), rows, note)


def incidence(outcome: OutcomeReport) -> Grid | None:
    """Observed incidence (Aalen-Johansen) and mean risk, overall and by quarter of risk."""
    rows = [
        (
            f"{hours} h",
            share(cell.incidence),
            percent(cell.mean_risk),
            share(cell.competing_incidence),
            *_quarters(cell.groups),
        )
        for hours, cell in outcome.incidence.items()
        if not cell.reason
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


def _quarters(groups: Sequence[RiskGroup]) -> list[str]:
    cells = [_LINES.format(percent(group.mean_risk), share(group.incidence)) for group in groups]
    return [*cells, *[DASH] * (4 - len(cells))]


def sites(outcome: OutcomeReport, hours: str) -> Grid | None:
    """Calibration of the model at each site at one horizon."""
    table = outcome.calibration_by_site.get(hours, CalibrationBySite())
    names = ("observed_to_expected", "cal_slope", "cal_intercept")
    rows: list[tuple[str, ...]] = [
        (
            name,
            integer(cell.n),
            integer(cell.n_event_patients),
            *(spread(cell.metric(figure), decimal) for figure in names),
        )
        for name, cell in table.sites.items()
    ]
    if not rows:
        return None
    few = int(table.too_few or 0)
    return Grid(
        f"Calibration by site, next {hours} h",
        ("Site", "Landmarks", "Event patients", "Observed to expected", "Slope", "Intercept"),
        rows,
        "Ideal: observed to expected 1, slope 1, intercept 0."
        + (f" Not shown for too few event patients: {counted(few, 'site')}." if few else ""),
    )


def comes_first(outcome: OutcomeReport, label: str, names: Mapping[str, str]) -> Grid | None:
    """Cumulative incidence of the first of several events after a landmark."""
    table = outcome.what_comes_first
    if not table.incidence:
        return None

    def event(name: str) -> str:
        return names.get(name) or outcome_short(name)

    hours = list(table.incidence)
    rows: list[tuple[str, ...]] = [
        (
            label if cause == "outcome" else event(cause),
            *(share(table.incidence[h].get(cause, Rate()).rate) for h in hours),
        )
        for cause in table.incidence[hours[0]]
    ]
    never = [event(name) for name in table.never_observed]
    note = f" Never charted after a landmark at risk: {', '.join(never)}." if never else ""
    vague = [event(name) for name in table.mostly_unknown]
    note += f" Not compared, because most were never graded: {', '.join(vague)}." if vague else ""
    if lost := int(table.left_out_unknown or 0):
        note += (
            " Landmarks excluded, because the patient was never graded for one of the causes, so "
            f"what came first is unknown: {integer(lost)}."
        )
    note = f"{_NO_INTERVAL}{note}"
    return Grid("What comes first after a landmark?", ("", *(f"{h} h" for h in hours)), rows, note)


def days(outcome: OutcomeReport, hours: Sequence[str]) -> Grid | None:
    """AUROC by day of the landmark and horizon."""
    tables = [outcome.by_day_and_horizon.get(h, {}) for h in hours]
    numbers = sorted({int(day) for table in tables for day in table})
    rows: list[tuple[str, ...]] = [
        (str(day), *(area(table.get(str(day), PartCell())) for table in tables)) for day in numbers
    ]
    rows = [row for row in rows if any(cell != DASH for cell in row[1:])]
    if not rows:
        return None
    return Grid(
        "AUROC by day of the landmark and horizon",
        ("Day", *(f"{h} h" for h in hours)),
        rows,
        "Days with too few event patients at every horizon are not shown.",
    )


def subgroups(outcome: OutcomeReport, hours: Sequence[str], headline: str) -> Grid | None:
    """AUROC by subgroup and horizon, with counts and calibration at the headline horizon."""
    rows = []
    for attribute, levels in outcome.subgroups.items():
        for level, table in levels.items():
            cell = table.get(headline, PartCell())
            rows.append(
                (
                    f"{attribute}: {level}",
                    integer(cell.n),
                    integer(cell.n_event_patients),
                    *(area(table.get(h, PartCell())) for h in hours),
                    proportion(cell.observed),
                    percent(cell.mean_risk),
                )
            )
    if not rows:
        return None
    return Grid(
        "Subgroups",
        (
            "",
            f"Landmarks ({headline} h)",
            "Event patients",
            *(f"AUROC {h} h" for h in hours),
            f"Observed ({headline} h)",
            "Mean risk",
        ),
        rows,
        "Only counts are printed where there are too few event patients. No test of "
        "interaction was made: the more subgroups, the more differ by chance.",
    )
