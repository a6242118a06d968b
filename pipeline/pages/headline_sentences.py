"""Sentences on ranking, calibration, alerts and limits at the top of an evaluation page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.evaluate.scored_rows import TOO_FEW
from pipeline.format import (
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
_ALERT_RATE = "0.1"


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
the model is 0.06 higher (difference 0.01–0.11).
    """
    hours = headline_key(outcome.model)
    if not hours:
        return f"{label}: no figures."
    cell, start = outcome.model[hours], f"{label} within {hours} h:"
    if cell.auroc is None or is_missing(cell.auroc):
        return f"{start} the AUROC could not be estimated{_why(cell)}."
    if kind == "apparent":
        spread = in_words("95% interval", cell.auroc_lo, cell.auroc_hi)
        return f"{start} AUROC {decimal(cell.auroc)}{spread} on its own training patients."
    other = outcome.compared(REFERENCE, hours)
    places = agreeing_places(cell.auroc, other.auroc, other.diff_auroc)
    spread = in_words("95% interval", cell.auroc_lo, cell.auroc_hi, places)
    against = _against_reference(other, places)
    return f"{start} AUROC {decimal(cell.auroc, places)}{spread}. {against}"


def agreeing_places(first: float, second: Number, difference: Number) -> int:
    """Fewest decimals (2 to 4) at which rounded figures differ by the rounded difference.

    Examples
    --------
    >>> agreeing_places(0.81, 0.75, 0.06), agreeing_places(0.8149, 0.7451, 0.0698)
    (2, 3)
    """
    if is_missing(second) or is_missing(difference):
        return 2
    shown = float(second or 0.0), float(difference or 0.0)
    for places in (2, 3):
        gap = round(round(first, places) - round(shown[0], places), places)
        if gap == round(shown[1], places):
            return places
    return 4


def other_horizons(model: Mapping[str, PerformanceCell], hours: Sequence[str]) -> str:
    """List the AUROC at every other horizon."""
    first = headline_key(model)
    others = {h: model[h].auroc for h in hours if h != first}
    if all(is_missing(auroc) for auroc in others.values()):
        return ""
    return ", ".join(f"{decimal(auroc)} at {h} h" for h, auroc in others.items())


def alert_text(outcome: OutcomeReport) -> str:
    """Describe alerts on the highest tenth of risks; blank if unknown.

    Compares the model with grade and day at the same alert rate.
    """
    hours = headline_key(outcome.model)
    table = outcome.alerts.get(hours or "", AlertTable())
    cell = table.model.get(_ALERT_RATE, AlertCell())
    if is_missing(cell.patients_warned) or is_missing(cell.lead_hours_median):
        return ""
    return (
        f"If the highest {percent(float(_ALERT_RATE))} of risks within {hours} h raised an alert"
        f"{_reached(cell)}: {_warned(cell, ' would be')}, the first alert a median of "
        f"{integer(cell.lead_hours_median)} h before onset; {_true_alerts(cell)} alerts would "
        f"be followed by the event.{_reference_alerts(table)}"
    )


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
    verdict = ["has the other sign"] * turned + ["is not shown"] * (not shown)
    return (
        "With equal weight per patient instead of per landmark, the difference "
        f"from grade and day within {hours} h {joined(verdict)}: {value} (95% interval {low} to "
        f"{high})."
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
            sentences.append(f"{label}: {TOO_FEW}, so nothing is compared.")
        elif kind != "apparent":
            sentences.append(
                f"{label}: with {counted(int(cell.n_event_patients or 0), 'event patient')}, the "
                f"AUROC within {hours} h must differ from that of grade and day by about "
                f"{decimal(cell.difference.width / 2)} to exceed chance (half the "
                "width of that interval)."
            )
        ends = [h for h, other in outcome.model.items() if is_at_interval_end(other.area)]
        if ends:
            sentences.append(
                f"{label}: the AUROC within {joined(ends)} h lies at an end of its interval, so "
                "its draws are few or lopsided; read that interval as a width only."
            )
        if outcome.comparators_absent:
            absent = [
                f"{named(key)} ({reason})" for key, reason in outcome.comparators_absent.items()
            ]
            sentences.append(f"{label}: not compared with {joined(absent)}.")
    if kind == "cross-validated":
        sentences.append(
            "Another hospital, product or laboratory: only external figures can show that."
        )
    elif kind == "apparent":
        sentences.append("Anything about new patients: these are the training patients.")
    sentences.append(f"Subgroups and analytes with fewer than {minimum} event patients: not shown.")
    sentences.append("Cause: what predicts is associated with the outcome under the care given.")
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
    return not round(low, 2) < round(value, 2) < round(high, 2)


_PLACES = 2


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
        f"within {hours} h {joined(faults)}"
        for hours in sorted(outcome.model, key=float)
        if hours != first and (faults := _faults(outcome, hours))
    ]
    further = f" Other horizons: {'; '.join(others)}." if others else ""
    return f"Calibration within {first} h: {'; '.join(parts)}.{further}"


def _why(cell: AreaCell) -> str:
    if is_missing(cell.n_patients) or is_missing(cell.n_event_patients):
        return ""
    events, patients = integer(cell.n_event_patients), integer(cell.n_patients)
    return f": {events} of {patients} patients have the event"


def _against_reference(other: AreaCell, places: int) -> str:
    difference, low, high = other.difference
    if difference is None or is_missing(difference):
        return "The difference from grade and day alone could not be estimated."
    size = decimal(abs(difference), places)
    span = in_words("difference", low, high, places)
    alone = f"Grade and day alone reach {decimal(other.auroc, places)}"
    within = other.difference.has_interval and _holds_0(low, high)
    if float(size) == 0:
        least = f"less than {decimal(10**-places, places)}"
        relation = "not shown to differ" if within or not span else f"apart by {least}"
        return f"{alone}; the model is {relation}{span}."
    relation = "higher" if difference > 0 else "lower"
    doubt = ", so no difference is shown" if within else ""
    return f"{alone}; the model is {size} {relation}{span}{doubt}."


def _reference_alerts(table: AlertTable) -> str:
    """Describe alerts by grade and day at the same rate; blank if unknown."""
    cell = table.grade_and_day.get(_ALERT_RATE, AlertCell())
    if is_missing(cell.patients_warned):
        return ""
    start = " By grade and day at the same rate"
    if cell.n_alerts == 0:
        return f"{start} no alert is raised, because too many landmarks share the highest risk."
    lead = cell.lead_hours_median
    early = "" if is_missing(lead) else f", a median of {integer(lead)} h before onset"
    return f"{start}{_reached(cell)}: {_warned(cell, '')}{early}; {_true_alerts(cell)} alerts true."


def _reached(cell: AlertCell) -> str:
    """Share of landmarks that reach the cut-off; blank if it equals the target."""
    rate = cell.alert_rate
    if is_missing(rate) or percent(rate) == percent(float(_ALERT_RATE)):
        return ""
    return f" (here {proportion(rate)} of landmarks reach the cut-off)"


def _warned(cell: AlertCell, verb: str) -> str:
    share = proportion(cell.patients_warned)
    return f"{share} of event patients{_counted(cell)}{verb} warned"


def _counted(cell: AlertCell) -> str:
    """Warned patients of all event patients; means over rounds may have decimals."""
    part, whole = cell.n_warned, cell.n_event_patients
    if is_missing(part) or is_missing(whole):
        return ""
    mean = all(float(number).is_integer() for number in (part, whole) if number is not None)
    return f" ({plain(part)} of {plain(whole)}{'' if mean else ', a mean over the rounds'})"


def _true_alerts(cell: AlertCell) -> str:
    """Number of true alerts among 100, rounded."""
    needed = cell.number_needed_to_alert
    if is_missing(needed) or not needed:
        return "an unknown share of"
    count = round(100 / needed)
    return f"about {count} of 100" if count else "fewer than 1 of 100"


def _holds_0(low: Number, high: Number) -> bool:
    return low is not None and high is not None and low <= 0 <= high


def _level(outcome: OutcomeReport, hours: str) -> str:
    """Mean risk, observed rate, and the intercept with its verdict."""
    cell = outcome.incidence.get(hours, Incidence())
    parts = []
    if not is_missing(cell.observed) and not is_missing(cell.mean_risk):
        parts.append(f"mean risk {percent(cell.mean_risk)}, observed {proportion(cell.observed)}")
    intercept = outcome.performance("model", hours).intercept
    if intercept.is_complete:
        verdict = {
            1: "the risks are too low on average",
            -1: "the risks are too high on average",
            0: "no evidence that the risks are too high or too low on average",
        }[intercept.side_of(0.0, _PLACES)]
        value, low, high = (signed(part) for part in intercept)
        parts.append(f"intercept {value} (95% interval {low} to {high}), {verdict}")
    return "; ".join(parts)


def _slope(slope: Metric) -> str:
    if not slope.is_complete:
        return ""
    figure = f"slope {decimal(slope.value)}{in_words('95% interval', slope.low, slope.high)}"
    verdict = {
        1: "the spread of the risks is not extreme enough",
        -1: "the spread of the risks is too extreme",
        0: f"no evidence of over- or underconfidence (interval {decimal(slope.width)} wide)",
    }[slope.side_of(1.0, _PLACES)]
    return f"{figure}, {verdict}"


def _faults(outcome: OutcomeReport, hours: str) -> list[str]:
    """Miscalibrations at a horizon whose interval excludes the ideal."""
    faults = []
    cell = outcome.performance("model", hours)
    intercept, slope = cell.intercept, cell.slope
    if intercept.is_complete and (side := intercept.side_of(0.0, _PLACES)):
        direction = "low" if side > 0 else "high"
        value, low, high = (signed(part) for part in intercept)
        faults.append(f"risks too {direction} (intercept {value}, 95% interval {low} to {high})")
    if slope.is_complete and (side := slope.side_of(1.0, _PLACES)):
        fault = "not extreme enough" if side > 0 else "too extreme"
        ends = interval(slope.low, slope.high)
        faults.append(f"a spread {fault} (slope {decimal(slope.value)}, 95% interval {ends})")
    return faults
