"""The first lines of the page: how good, what labs add, alerts, and what cannot be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from pipeline.evaluate.discrimination import DIFFERENCE, TOO_FEW
from pipeline.format import (
    counted,
    decimal,
    in_words,
    integer,
    is_missing,
    joined,
    percent,
    plain,
    proportion,
    signed,
)
from pipeline.pages.evaluation_titles import named

Entry = Mapping[str, Any]
HEADLINE_HOURS, REFERENCE = "72", "grade_and_day"
_ALERT_RATE = "0.1"


def headline_hours(model: Entry) -> str | None:
    """Horizon told first: 72 h where it is there, else the shortest."""
    return HEADLINE_HOURS if HEADLINE_HOURS in model else min(model, key=float, default=None)


def headline(label: str, outcome: Entry, kind: str = "") -> str:
    """Say in plain words how well the model ranks patients, and what it adds to grade and day.

    Parameters
    ----------
    kind : str
        Of the evaluation; an ``apparent`` one is compared with nothing.

    Examples
    --------
    >>> model = {"72": {"auroc": 0.81, "auroc_lo": 0.74, "auroc_hi": 0.87}}
    >>> other = {"72": {"auroc": 0.75, "diff_auroc": 0.06, "diff_lo": 0.01, "diff_hi": 0.11}}
    >>> print(headline("ICANS", {"model": model, "comparators": {"grade_and_day": other}}))
    ICANS within 72 h: AUROC 0.81 (95 % interval 0.74 to 0.87). Grade and day alone reach 0.75; \
the model is 0.06 higher (difference 0.01 to 0.11).
    """
    hours = headline_hours(outcome.get("model", {}))
    if hours is None:
        return f"{label}: no figures."
    m, start = outcome["model"][hours], f"{label} within {hours} h:"
    if is_missing(m.get("auroc")):
        return f"{start} the AUROC could not be estimated{_why(m)}."
    if kind == "apparent":
        spread = in_words("95 % interval", m.get("auroc_lo"), m.get("auroc_hi"))
        return f"{start} AUROC {decimal(m['auroc'])}{spread} on its own training patients."
    other = outcome.get("comparators", {}).get(REFERENCE, {}).get(hours, {})
    places = agreeing_places(m["auroc"], other.get("auroc"), other.get("diff_auroc"))
    spread = in_words("95 % interval", m.get("auroc_lo"), m.get("auroc_hi"), places)
    told = _against_reference(other, places)
    return f"{start} AUROC {decimal(m['auroc'], places)}{spread}. {told}"


def _why(cell: Entry) -> str:
    counted, events = cell.get("n_patients"), cell.get("n_event_patients")
    if is_missing(counted) or is_missing(events):
        return ""
    return f": {integer(events)} of {integer(counted)} patients have the event"


def agreeing_places(first: float, second: float | None, difference: float | None) -> int:
    """Decimals at which the rounded figures differ by the rounded difference: 2, else 3 or 4.

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


def _against_reference(other: Entry, places: int) -> str:
    difference, lo, hi = (other.get(k, nan) for k in ("diff_auroc", "diff_lo", "diff_hi"))
    if is_missing(difference):
        return "The difference from grade and day alone could not be estimated."
    size = decimal(abs(difference), places)
    span = in_words("difference", lo, hi, places)
    alone = f"Grade and day alone reach {decimal(other.get('auroc'), places)}"
    within = bool(span) and lo <= 0 <= hi
    if float(size) == 0:
        least = f"less than {decimal(10**-places, places)}"
        way = "not shown to differ" if within or not span else f"apart by {least}"
        return f"{alone}; the model is {way}{span}."
    way = "higher" if difference > 0 else "lower"
    doubt = ", so no difference is shown" if within else ""
    return f"{alone}; the model is {size} {way}{span}{doubt}."


def other_horizons(model: Entry, hours: Sequence[str]) -> str:
    """Tell the same figure at every other horizon, so that none is picked out."""
    told = headline_hours(model)
    others = {h: model[h].get("auroc") for h in hours if h != told}
    if all(is_missing(auroc) for auroc in others.values()):
        return ""
    return ", ".join(f"{decimal(auroc)} at {h} h" for h, auroc in others.items())


def alert_words(outcome: Entry) -> str:
    """Say what alerting on the highest tenth of landmarks would mean; nothing where unknown.

    Grade and day stand beside the model at the same rate, because an alert has to beat them too.
    """
    hours = headline_hours(outcome.get("model", {}))
    table = (outcome.get("alerts") or {}).get(hours, {})
    cell = (table.get("model") or {}).get(_ALERT_RATE) or {}
    if is_missing(cell.get("patients_warned")) or is_missing(cell.get("lead_hours_median")):
        return ""
    return (
        f"If the highest {percent(float(_ALERT_RATE))} of risks within {hours} h raised an alert"
        f"{_reached(cell)}: {_warned(cell, ' would be')}, the first alert a median of "
        f"{integer(cell['lead_hours_median'])} h before onset; {_true_alerts(cell)} alerts would "
        f"be followed by the event.{_reference_alerts(table)}"
    )


def _reference_alerts(table: Entry) -> str:
    """The same of grade and day; nothing where it is not known."""
    cell = (table.get(REFERENCE) or {}).get(_ALERT_RATE) or {}
    if is_missing(cell.get("patients_warned")):
        return ""
    start = " By grade and day at the same rate"
    if not cell.get("n_alerts", 1):
        return f"{start} no alert is raised, because too many landmarks share the highest risk."
    lead = cell.get("lead_hours_median")
    early = "" if is_missing(lead) else f", a median of {integer(lead)} h before onset"
    return f"{start}{_reached(cell)}: {_warned(cell, '')}{early}; {_true_alerts(cell)} alerts true."


def _reached(cell: Entry) -> str:
    """Share of landmarks that reach the cut-off, where it is not the one aimed at."""
    rate = cell.get("alert_rate")
    if is_missing(rate) or percent(rate) == percent(float(_ALERT_RATE)):
        return ""
    return f" (here {proportion(rate)} of landmarks reach the cut-off)"


def _warned(cell: Entry, verb: str) -> str:
    share = proportion(cell["patients_warned"])
    return f"{share} of event patients{_counted(cell)}{verb} warned"


def _counted(cell: Entry) -> str:
    """Warned patients of all event patients; a mean over the rounds may have a decimal."""
    part, whole = cell.get("n_warned"), cell.get("n_event_patients")
    if is_missing(part) or is_missing(whole):
        return ""
    mean = all(float(number).is_integer() for number in (part, whole) if number is not None)
    return f" ({plain(part)} of {plain(whole)}{'' if mean else ', a mean over the rounds'})"


def _true_alerts(cell: Entry) -> str:
    """True alerts among 100, in whole ones."""
    needed = cell.get("number_needed_to_alert")
    if is_missing(needed) or not needed:
        return "an unknown share of"
    count = round(100 / needed)
    return f"about {count} of 100" if count else "fewer than 1 of 100"


def weighted_words(outcome: Entry) -> str:
    """Say where the difference from grade and day depends on patients with many landmarks.

    Nothing where it has the same sign and is shown, or not shown, in both ways of counting.

    Examples
    --------
    >>> bar = {"72": {"diff_auroc": 0.05, "diff_lo": 0.01, "diff_hi": 0.09}}
    >>> other = {"72": {"diff_auroc": 0.02, "diff_lo": -0.03, "diff_hi": 0.06}}
    >>> outcome = {"model": {"72": {}}, "comparators": {"grade_and_day": bar}}
    >>> weighted_words(outcome | {"patient_weighted": {"grade_and_day": other}})[:57]
    'When every patient counts the same, however many landmark'
    """
    hours = headline_hours(outcome.get("model", {}))
    plainly = (outcome.get("comparators") or {}).get(REFERENCE, {}).get(hours, {})
    counted = (outcome.get("patient_weighted") or {}).get(REFERENCE, {}).get(hours, {})
    ends = [[cell.get(k) for k in DIFFERENCE] for cell in (plainly, counted)]
    if any(is_missing(value) for cell in ends for value in cell):
        return ""
    (first, *spread), (second, *other) = ends
    turned, lost = first * second < 0, _excludes_0(*spread) and not _excludes_0(*other)
    if not turned and not lost:
        return ""
    found = f"{signed(second, 3)} (95 % interval {signed(other[0], 3)} to {signed(other[1], 3)})"
    said = ["has the other sign"] * turned + ["is not shown"] * (not _excludes_0(*other))
    return (
        "When every patient counts the same, however many landmarks they have, the difference "
        f"from grade and day within {hours} h {joined(said)}: {found}."
    )


def _excludes_0(low: float, high: float) -> bool:
    return low > 0 or high < 0


def limits(outcomes: Mapping[str, Entry], kind: str, minimum: int) -> list[str]:
    """What this evaluation cannot show, from its own numbers."""
    sentences = []
    for name, outcome in outcomes.items():
        label = str(outcome.get("label") or name)
        hours = headline_hours(outcome.get("model", {}))
        cell = (outcome.get("comparators") or {}).get(REFERENCE, {}).get(hours, {})
        lo, hi = cell.get("diff_lo", nan), cell.get("diff_hi", nan)
        if is_missing(lo) or is_missing(hi):
            sentences.append(f"{label}: {TOO_FEW}, so nothing is compared.")
        elif kind != "apparent":
            events, half = int(cell.get("n_event_patients") or 0), (hi - lo) / 2
            sentences.append(
                f"{label}: with {counted(events, 'event patient')}, the "
                f"AUROC within {hours} h must differ from that of grade and day by about "
                f"{decimal(half)} before it can be told from chance (half the width of that "
                "interval; other comparators have others)."
            )
        ends = [h for h, m in outcome.get("model", {}).items() if at_an_end(m)]
        if ends:
            sentences.append(
                f"{label}: the AUROC within {joined(ends)} h lies at an end of its interval, so "
                "its draws are few or lopsided; read that interval as a width only."
            )
        absent = outcome.get("comparators_absent") or {}
        if absent:
            told = joined([f"{key} ({reason})" for key, reason in _words(absent)])
            sentences.append(f"{label}: not compared with {told}.")
    if kind == "cross-validated":
        sentences.append(
            "Another hospital, product or laboratory: only external figures can show that."
        )
    elif kind == "apparent":
        sentences.append("Anything about new patients: these are the training patients.")
    sentences.append(
        f"Subgroups and analytes with fewer than {minimum} event patients: left out, not judged."
    )
    sentences.append("Cause: what predicts is associated with the outcome under the care given.")
    return sentences


def at_an_end(cell: Entry) -> bool:
    """Whether an AUROC, as printed, is an end of its interval or outside it.

    Examples
    --------
    >>> at_an_end({"auroc": 0.9, "auroc_lo": 0.8, "auroc_hi": 0.901})
    True
    """
    value, low, high = (cell.get(key) for key in ("auroc", "auroc_lo", "auroc_hi"))
    if value is None or low is None or high is None or low == high == value:
        return False
    return not round(low, 2) < round(value, 2) < round(high, 2)


def _words(absent: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(named(key), str(reason)) for key, reason in absent.items()]
