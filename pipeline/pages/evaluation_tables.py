"""Tables of the evaluation page for one outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from markupsafe import Markup

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.explain.phrases import outcome_short
from pipeline.format import (
    DASH,
    area_places,
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
_SPLITS = {"leave_one_site_out": "site_split", "temporal": "temporal_split"}
_COMPARATORS = {"grade_and_day": "labs_over_grade", "clinical_state": "labs_over_state"}
_REFITTED: dict[str, tuple[str, Callable[[Number], str]]] = {
    "auroc": ("refits_auroc", decimal),
    "brier": ("refits_brier", partial(decimal, places=3)),
    "cal_slope": ("refits_slope", decimal),
}
table_text = partial(evaluation_phrase, "tables")
"""Text of a table, by its key in ``evaluation_sentences.yaml``."""


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
    return spread(cell.area, partial(decimal, places=area_places(cell.auroc_lo, cell.auroc_hi)))


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
            table_text("equal_landmarks"),
            outcome.model,
            outcome.comparators.get("grade_and_day", {}),
        ),
        (table_text("equal_patients"), weighted.model, weighted.grade_and_day),
        (
            table_text("equal_grade"),
            {h: strata.model for h, strata in equal},
            {h: strata.grade_and_day for h, strata in equal},
        ),
        (
            table_text("without_early", hours=plain(early.hours), count=integer(early.left_out)),
            early.model,
            early.grade_and_day,
        ),
        (
            table_text("answered", count=integer(answered.left_out)),
            answered.model,
            answered.grade_and_day,
        ),
    ]
    notes = []
    for name, key in _SPLITS.items():
        title = table_text(key)
        split = outcome.further_splits.get(name)
        if isinstance(split, str):
            notes.append(table_text("not_done", title=title, reason=split))
        elif split is not None:
            variants.append((title, split.model, split.grade_and_day))
            notes += _sites_left_out(name, split, outcome)
    if outcome.within_grade.reason:
        notes.append(table_text("no_equal_grade", reason=outcome.within_grade.reason))
    rows: list[tuple[str, ...]] = [
        (title, *(_two_lines(model.get(h), other.get(h)) for h in hours))
        for title, model, other in variants
        if model
    ]
    return Grid(
        table_text("robust"),
        (table_text("robust_head"), *_within(hours)),
        rows,
        " ".join([table_text("robust_note"), *notes]),
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
    return [table_text("site_note", count=integer(max(gaps)))]


def refits(outcome: OutcomeReport, hours: Sequence[str]) -> Grid | None:
    """Out-of-bag figures of whole refits by horizon; None if nothing was refitted."""
    cells = [outcome.refit_intervals.get(h, RefitCell()) for h in hours]
    if not outcome.refit_intervals:
        return None
    parts = {
        "refits_model": [cell.model for cell in cells],
        "refits_reference": [cell.grade_and_day for cell in cells],
    }
    rows: list[tuple[str, ...]] = [
        (
            table_text(name, figure=table_text(title)),
            *(spread(part.metric(figure), write) for part in figures),
        )
        for figure, (title, write) in _REFITTED.items()
        for name, figures in parts.items()
    ]
    differences = [signed_spread(cell.difference.metric("auroc")) for cell in cells]
    rows.insert(2, (table_text("refits_difference"), *differences))
    used = [
        table_text("refits_used", count=integer(c.used), hours=h)
        for c, h in zip(cells, hours, strict=True)
    ]
    return Grid(
        table_text("refits"),
        (table_text("refits_head"), *_within(hours)),
        rows,
        table_text("refits_note", count=integer(cells[0].refits), used=", ".join(used)),
    )


def _two_lines(cell: AreaCell | None, reference: AreaCell | None) -> str:
    figure = area(cell or AreaCell())
    return _LINES.format(figure, difference(reference)) if reference else figure


def labs(outcome: OutcomeReport, hours: Sequence[str]) -> Grid | None:
    """Gain of the model over predictors without labs and over permuted labs."""
    control = outcome.negative_control
    rows: list[tuple[str, ...]] = [
        (table_text(title), *(difference(outcome.compared(name, h)) for h in hours))
        for name, title in _COMPARATORS.items()
        if name in outcome.comparators
    ]
    note = table_text("includes_zero")
    if control:
        cells = [control.get(h, ControlCell()) for h in hours]
        kind = outcome.negative_control_kind or "refitted"
        count = max((cell.n_permutations or 0 for cell in cells), default=0)
        rows.append((table_text("labs_over_control"), *map(difference, cells)))
        rows.append((table_text("labs_control"), *map(area, cells)))
        times = counted(int(count), "permutation")
        note += " " + table_text("labs_note", kind=kind, count=times)
    if not rows:
        return None
    return Grid(table_text("labs"), ("", *_within(hours)), rows, note)


def incidence(outcome: OutcomeReport) -> Grid | None:
    """Observed incidence (Aalen-Johansen) and mean risk, overall and by quarter of risk."""
    rows = [
        (
            table_text("within", hours=hours),
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
    names = ("incidence_horizon", "observed", "mean_risk", "competing")
    quarters = ("quarter_1", "quarter_2", "quarter_3", "quarter_4")
    return Grid(
        table_text("incidence"),
        tuple(table_text(name) for name in (*names, *quarters)),
        rows,
        f"{table_text('incidence_note')} {table_text('zero')}",
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
    head = (
        table_text("site"),
        table_text("landmarks"),
        table_text("event_patients_at", hours=hours),
        *(table_text(name) for name in ("ratio", "slope", "intercept")),
    )
    note = table_text("sites_note")
    if few:
        note += " " + table_text("sites_few", count=counted(few, "site"))
    return Grid(table_text("sites", hours=hours), head, rows, note)


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
    notes = [table_text("zero")]
    if never := [event(name) for name in table.never_observed]:
        notes.append(table_text("never", names=", ".join(never)))
    if vague := [event(name) for name in table.mostly_unknown]:
        notes.append(table_text("vague", names=", ".join(vague)))
    if lost := int(table.left_out_unknown or 0):
        notes.append(table_text("lost", count=integer(lost)))
    return Grid(table_text("comes_first"), ("", *_within(hours)), rows, " ".join(notes))


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
        table_text("days"),
        (table_text("day"), *_within(hours)),
        rows,
        table_text("days_note"),
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
    head = (
        "",
        table_text("landmarks_at", hours=headline),
        table_text("event_patients_at", hours=headline),
        *(table_text("auroc_at", hours=h) for h in hours),
        table_text("observed_at", hours=headline),
        table_text("mean_risk"),
    )
    return Grid(table_text("subgroups"), head, rows, table_text("subgroups_note"))


def _within(hours: Sequence[str]) -> tuple[str, ...]:
    """Heads of columns by horizon."""
    return tuple(table_text("within", hours=h) for h in hours)
