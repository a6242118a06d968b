"""Orders of the ward list: by severe risk, by each other outcome, by change, patient and day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.phrases import outcome_short, phrase
from pipeline.format import is_missing, joined
from pipeline.pages.ward_row import WardPatient

INDEX = "index.html"
Key = Callable[[WardPatient], float]


@dataclass(frozen=True)
class WardOrder:
    """One order of the list.

    Attributes
    ----------
    file : str
        Name of the copy in this order; the dots keep it apart from every patient page.
    name : str
        Name of the link.
    key : callable
        Sort key of a patient, ascending; ties are in the order of the ids.
    """

    file: str
    name: str
    key: Key

    def sort(self, patients: Sequence[WardPatient]) -> list[WardPatient]:
        """Patients in this order, those without an estimate last."""
        return sorted(
            patients, key=lambda each: (not each.estimated, self.key(each), each.patient_id)
        )


def severe_outcomes(summary: ModelSummary) -> list[str]:
    """Outcomes of the highest threshold of their scale.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.config import load_config
    >>> severe_outcomes(SimpleNamespace(outcomes=load_config().outcomes))
    ['severe_crs', 'severe_icans']
    """
    highest: dict[str, int] = {}
    for outcome in summary.outcomes.values():
        highest[outcome.scale] = max(outcome.threshold, highest.get(outcome.scale, 0))
    return [
        name for name, item in summary.outcomes.items() if item.threshold == highest[item.scale]
    ]


def ward_orders(summary: ModelSummary) -> list[WardOrder]:
    """Every order of the list; the first is that of the index.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.config import load_config
    >>> [order.file for order in ward_orders(SimpleNamespace(outcomes=load_config().outcomes))]
    ['index.html', 'index.2.html', 'index.3.html', 'index.4.html', 'index.5.html']
    """
    severe = severe_outcomes(summary)
    chosen: list[tuple[str, Key]] = [(severe_name(severe), lambda each: -largest(each, severe))]
    for name in summary.outcomes:
        if name not in severe:
            title = phrase("ward", "order_risk", short=outcome_short(name))
            chosen.append((title, _by_risk(name)))
    chosen += [
        (phrase("ward", "order_change"), lambda each: -largest_rise(each, severe)),
        (phrase("ward", "order_patient"), lambda _: 0.0),
        (phrase("ward", "order_day"), _hours),
    ]
    return [
        WardOrder(INDEX if place == 1 else f"index.{place}.html", name, key)
        for place, (name, key) in enumerate(chosen, start=1)
    ]


def severe_name(severe: Sequence[str]) -> str:
    """Name of the first order."""
    key = "order_severe" if len(severe) > 1 else "order_risk"
    return phrase("ward", key, short=joined([outcome_short(name) for name in severe]))


def largest(patient: WardPatient, outcomes: Sequence[str]) -> float:
    """Largest risk among some outcomes, 1 if one is present now; -1 without an estimate."""
    risks = (1.0 if patient.has_now(name) else patient.risk(name) for name in outcomes)
    return max(risks, default=-1.0)


def largest_rise(patient: WardPatient, outcomes: Sequence[str]) -> float:
    """Largest change among some outcomes in points; below every change if none is known."""
    known = [points for name in outcomes if (points := patient.change(name)) is not None]
    return float(max(known, default=-101))


def _by_risk(outcome: str) -> Key:
    return lambda each: -each.risk(outcome)


def _hours(patient: WardPatient) -> float:
    hours = patient.patient.record.hours
    return float("inf") if is_missing(hours) else hours
