"""Sentences on ranking, calibration, alerts and limits at the top of an evaluation page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.format import (
    area_places,
    counted,
    decimal,
    in_words,
    integer,
    interval,
    is_missing,
    joined,
    percent,
    plain,
    proportion,
    signed,
)
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import (
    AlertCell,
    AlertTable,
    AreaCell,
    Incidence,
    Metric,
    Number,
    PerformanceCell,
)
from pipeline.model.outcomes import headline_key
from pipeline.pages.evaluation_titles import named

REFERENCE = "grade_and_day"
_headline = partial(evaluation_phrase, "headline")
_alerts = partial(evaluation_phrase, "alerts")
_calibration = partial(evaluation_phrase, "calibration")
_limit = partial(evaluation_phrase, "limits")
_ALERT_RATE = "0.1"
_PLACES = 2
_OF_DIFFERENCES = 3  # decimals, on the whole page


def headline(label: str, outcome: OutcomeReport, kind: str = "") -> str:
    """Describe the AUROC at the headline horizon and its gain over grade and day.

    Parameters
    ----------
    label : str
        Name of the outcome.
    outcome : OutcomeReport
        Metrics of the outcome.
    kind : str
        Kind of evaluation; ``apparent`` ones are not compared.

    Returns
    -------
    str

    Examples
    --------
    >>> model = {"72": {"auroc": 0.81, "auroc_lo": 0.74, "auroc_hi": 0.87}}
    >>> other = {"72": {"auroc": 0.75, "diff_auroc": 0.06, "diff_lo": 0.01, "diff_hi": 0.11}}
    >>> content = {"model": model, "comparators": {"grade_and_day": other}}
    >>> print(headline("ICANS", OutcomeReport.model_validate(content)))
    ICANS within 72 h: AUROC 0.81 (95% interval 0.74–0.87). Grade and day alone reach 0.75; \
the model is 0.060 higher (difference 0.010–0.110).
    """
    hours = headline_key(outcome.model)
    if not hours:
        return _headline("no_figures", label=label)
    cell = outcome.model[hours]
    if cell.auroc is None or is_missing(cell.auroc):
        return _headline("not_estimable", label=label, hours=hours, why=_why(cell))
    other = outcome.compared(REFERENCE, hours)
    places = area_places(cell.auroc_lo, cell.auroc_hi)
    parts = {
        "label": label,
        "hours": hours,
        "auroc": decimal(cell.auroc, places),
        "spread": in_words(_headline("interval"), cell.auroc_lo, cell.auroc_hi, places),
    }
    if kind == "apparent":
        return _headline("apparent", **parts)
    return _headline("line", against=_against_reference(other, places), **parts)


def other_horizons(model: Mapping[str, PerformanceCell], hours: Sequence[str]) -> str:
    """List the AUROC at every other horizon."""
    first = headline_key(model)
    others = {h: model[h].area for h in hours if h != first}
    if all(is_missing(area.value) for area in others.values()):
        return ""
    return ", ".join(
        _headline("horizon", auroc=decimal(area.value, area_places(area.low, area.high)), hours=h)
        for h, area in others.items()
    )


def alert_text(outcome: OutcomeReport) -> str:
    """Describe alerts on the highest tenth of risks; blank if unknown.

    Compares the model with grade and day at the same alert rate.
    """
    hours = headline_key(outcome.model)
    table = outcome.alerts.get(hours or "", AlertTable())
    cell = table.model.get(_ALERT_RATE, AlertCell())
    if is_missing(cell.patients_warned) or is_missing(cell.lead_hours_median):
        return ""
    line = _alerts(
        "line",
        rate=percent(float(_ALERT_RATE)),
        hours=hours,
        reached=_reached(cell),
        warned=_warned(cell),
        lead=integer(cell.lead_hours_median),
        true=_true_alerts(cell),
    )
    return line + _reference_alerts(table)


def weighted_text(outcome: OutcomeReport) -> str:
    """Warn if the difference from grade and day depends on patients with many landmarks.

    Blank if equal weights per patient change neither its sign nor whether its interval holds 0.

    Examples
    --------
    >>> bar = {"72": {"diff_auroc": 0.05, "diff_lo": 0.01, "diff_hi": 0.09}}
    >>> other = {"72": {"diff_auroc": 0.02, "diff_lo": -0.03, "diff_hi": 0.06}}
    >>> content = {"model": {"72": {}}, "comparators": {"grade_and_day": bar}}
    >>> content["patient_weighted"] = {"grade_and_day": other}
    >>> weighted_text(OutcomeReport.model_validate(content))[:54]
    'With equal weight per patient instead of per landmark,'
    """
    hours = headline_key(outcome.model)
    by_landmark = outcome.compared(REFERENCE, hours).difference
    by_patient = outcome.patient_weighted.grade_and_day.get(hours, AreaCell()).difference
    if not (by_landmark.is_complete and by_patient.is_complete):
        return ""
    shown = not _holds_0(*by_patient[1:])
    turned = (by_landmark.value or 0.0) * (by_patient.value or 0.0) < 0
    lost = not _holds_0(*by_landmark[1:]) and not shown
    if not turned and not lost:
        return ""
    value, low, high = (signed(part, 3) for part in by_patient)
    verdict = [_headline("other_sign")] * turned + [_headline("is_lost")] * (not shown)
    return _headline(
        "weighted", hours=hours, verdict=joined(verdict), value=value, low=low, high=high
    )


def cannot_show_sentences(
    outcomes: Mapping[str, OutcomeReport], kind: str, minimum: int
) -> list[str]:
    """List the limits of the evaluation, from its own figures."""
    sentences = []
    for name, outcome in outcomes.items():
        label = outcome.label or name
        hours = headline_key(outcome.model)
        cell = outcome.compared(REFERENCE, hours)
        if not cell.difference.has_interval:
            sentences.append(_limit("too_few", label=label))
        elif kind != "apparent":
            count = counted(int(cell.n_event_patients or 0), "event patient")
            size = decimal(cell.difference.width / 2)
            sentences.append(_limit("resolution", label=label, count=count, hours=hours, size=size))
        ends = [h for h, other in outcome.model.items() if is_at_interval_end(other.area)]
        if ends:
            sentences.append(_limit("interval_end", label=label, hours=joined(ends)))
        if outcome.comparators_absent:
            absent = [
                f"{named(key)} ({reason})" for key, reason in outcome.comparators_absent.items()
            ]
            sentences.append(_limit("absent", label=label, names=joined(absent)))
    if kind == "cross-validated":
        sentences.append(_limit("elsewhere"))
    elif kind == "apparent":
        sentences.append(_limit("training"))
    sentences += [_limit("few", minimum=minimum), _limit("cause")]
    return sentences


def is_at_interval_end(metric: Metric) -> bool:
    """Whether the printed AUROC is at or beyond an end of its printed interval.

    Examples
    --------
    >>> is_at_interval_end(Metric(0.9, 0.8, 0.901))
    True
    """
    value, low, high = metric
    if value is None or low is None or high is None or low == high == value:
        return False
    places = area_places(low, high)
    return not round(low, places) < round(value, places) < round(high, places)


def calibration_text(outcome: OutcomeReport, first: str | None) -> str:
    """Describe whether the risks are too low, too high or too extreme; blank if unknown.

    Parameters
    ----------
    first : str or None
        Headline horizon; others are listed only if their interval excludes the ideal.

    Examples
    --------
    >>> cell = {"cal_slope": 0.7, "cal_slope_lo": 0.5, "cal_slope_hi": 0.9}
    >>> outcome = OutcomeReport.model_validate({"model": {"72": cell}})
    >>> print(calibration_text(outcome, "72"))
    Calibration within 72 h: slope 0.70 (95% interval 0.50–0.90), the spread of the risks is \
too extreme.
    """
    if first is None:
        return ""
    parts = [part for part in (_level(outcome, first), _slope(outcome.model[first].slope)) if part]
    if not parts:
        return ""
    others = [
        _calibration("other", hours=hours, faults=joined(faults))
        for hours in sorted(outcome.model, key=float)
        if hours != first and (faults := _faults(outcome, hours))
    ]
    further = _calibration("others", others="; ".join(others)) if others else ""
    return _calibration("line", hours=first, parts="; ".join(parts), others=further)


def _why(cell: AreaCell) -> str:
    if is_missing(cell.n_patients) or is_missing(cell.n_event_patients):
        return ""
    events, patients = integer(cell.n_event_patients), integer(cell.n_patients)
    return _headline("why", part=events, whole=patients)


def _against_reference(other: AreaCell, places: int) -> str:
    difference, low, high = other.difference
    if difference is None or is_missing(difference):
        return _headline("not_compared")
    size = decimal(abs(difference), _OF_DIFFERENCES)
    span = in_words(_headline("difference"), low, high, _OF_DIFFERENCES)
    within = other.difference.has_interval and _holds_0(low, high)
    doubt = ""
    if float(size) == 0:
        unclear = within or not span
        least = decimal(10**-_OF_DIFFERENCES, _OF_DIFFERENCES)
        relation = _headline("not_shown") if unclear else _headline("close", least=least)
    else:
        relation = _headline("higher" if difference > 0 else "lower", size=size)
        doubt = _headline("doubt") if within else ""
    alone = decimal(other.auroc, places)
    return _headline("reference", auroc=alone, relation=relation, spread=span, doubt=doubt)


def _reference_alerts(table: AlertTable) -> str:
    """Describe alerts by grade and day at the same rate; blank if unknown."""
    cell = table.grade_and_day.get(_ALERT_RATE, AlertCell())
    if is_missing(cell.patients_warned):
        return ""
    if cell.n_alerts == 0:
        return _alerts("reference_none")
    lead = cell.lead_hours_median
    early = "" if is_missing(lead) else _alerts("reference_lead", lead=integer(lead))
    return _alerts(
        "reference",
        reached=_reached(cell),
        warned=_warned(cell),
        lead=early,
        true=_true_alerts(cell),
    )


def _reached(cell: AlertCell) -> str:
    """Share of landmarks that reach the cut-off; blank if it equals the target."""
    rate = cell.alert_rate
    if is_missing(rate) or percent(rate) == percent(float(_ALERT_RATE)):
        return ""
    return _alerts("reached", rate=proportion(rate))


def _warned(cell: AlertCell) -> str:
    return _alerts("warned", share=proportion(cell.patients_warned), counts=_counted(cell))


def _counted(cell: AlertCell) -> str:
    """Warned patients of all event patients; means over rounds may have decimals."""
    part, whole = cell.n_warned, cell.n_event_patients
    if is_missing(part) or is_missing(whole):
        return ""
    whole_numbers = all(float(n).is_integer() for n in (part, whole) if n is not None)
    name = "counts" if whole_numbers else "mean_counts"
    return _alerts(name, part=plain(part), whole=plain(whole))


def _true_alerts(cell: AlertCell) -> str:
    """Number of true alerts among 100, rounded."""
    needed = cell.number_needed_to_alert
    if is_missing(needed) or not needed:
        return _alerts("true_unknown")
    count = round(100 / needed)
    return _alerts("true_share", count=count) if count else _alerts("true_few")


def _holds_0(low: Number, high: Number) -> bool:
    return low is not None and high is not None and low <= 0 <= high


def _level(outcome: OutcomeReport, hours: str) -> str:
    """Mean risk, observed rate, and the intercept with its verdict."""
    cell = outcome.incidence.get(hours, Incidence())
    parts = []
    if not is_missing(cell.observed) and not is_missing(cell.mean_risk):
        mean, observed = percent(cell.mean_risk), proportion(cell.observed)
        parts.append(_calibration("level", mean=mean, observed=observed))
    intercept = outcome.performance("model", hours).intercept
    if intercept.is_complete:
        names = {1: "intercept_low", -1: "intercept_high", 0: "intercept_fine"}
        verdict = _calibration(names[intercept.side_of(0.0, _PLACES)])
        value, low, high = (signed(part) for part in intercept)
        parts.append(_calibration("intercept", value=value, low=low, high=high, verdict=verdict))
    return "; ".join(parts)


def _slope(slope: Metric) -> str:
    if not slope.is_complete:
        return ""
    verdict = {
        1: _calibration("slope_moderate"),
        -1: _calibration("slope_extreme"),
        0: _calibration("slope_fine", width=decimal(slope.width)),
    }[slope.side_of(1.0, _PLACES)]
    spread = in_words(_headline("interval"), slope.low, slope.high)
    return _calibration("slope", value=decimal(slope.value), spread=spread, verdict=verdict)


def _faults(outcome: OutcomeReport, hours: str) -> list[str]:
    """Miscalibrations at a horizon whose interval excludes the ideal."""
    faults = []
    cell = outcome.performance("model", hours)
    intercept, slope = cell.intercept, cell.slope
    if intercept.is_complete and (side := intercept.side_of(0.0, _PLACES)):
        value, low, high = (signed(part) for part in intercept)
        name = "fault_low" if side > 0 else "fault_high"
        faults.append(_calibration(name, value=value, low=low, high=high))
    if slope.is_complete and (side := slope.side_of(1.0, _PLACES)):
        name = "fault_moderate" if side > 0 else "fault_extreme"
        ends = interval(slope.low, slope.high)
        faults.append(_calibration(name, value=decimal(slope.value), ends=ends))
    return faults
