"""Confidence in an estimate: its level and the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.estimate_age import EstimateAge
from pipeline.explain.estimate_inputs import EstimateInputs, results_refused, results_text
from pipeline.explain.estimates import Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import age_text, listed_phrases, phrase, section
from pipeline.explain.result_text import number_text, value_text
from pipeline.explain.subsequent_events import SubsequentEvents, is_grave, subsequent_event_text
from pipeline.format import integer, is_missing, joined

LEVELS = ("good", "care", "poor", "past")
_DAY = 24.0
_CHANCE = 0.5  # AUROC of a coin
_NAMED_IN_FULL = 2


@dataclass(frozen=True)
class Reason:
    """One reason: the level it implies, a sentence, and a short flag for the ward list."""

    level: str
    text: str
    flag: str = ""


@dataclass(frozen=True)
class Confidence:
    """A level (``good``, ``care``, ``poor``, ``past``), its symbol and label, and the reasons."""

    level: str
    shape: str
    words: str
    reasons: tuple[str, ...]
    flags: tuple[str, ...]


def confidence_of(
    record: PatientRecord,
    inputs: EstimateInputs,
    estimates: Sequence[Estimate],
    summary: ModelSummary,
    refused: PatientRejects,
    late: EstimateAge | None = None,
    later: Sequence[SubsequentEvents] = (),
) -> Confidence:
    """Grade the confidence in the estimates of a patient, with the worst reasons first.

    Parameters
    ----------
    record : PatientRecord
        The patient at the landmark.
    inputs : EstimateInputs
        From :func:`inputs_of`.
    estimates : sequence of Estimate
        Estimates of the patient.
    summary : ModelSummary
        The model.
    refused : PatientRejects
        Rejected results of the patient.
    late : EstimateAge or None
        Age of the estimates; None if it is unknown or shown elsewhere.
    later : sequence of SubsequentEvents
        Events charted after the landmark.

    Returns
    -------
    Confidence

    Examples
    --------
    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.explain.patient_record import records
    >>> landmark = pd.DataFrame({"patient": [0], "hours": [72.0]})
    >>> [record] = records(empty_cohort(["P-1"]), landmark)
    >>> model = SimpleNamespace(synthetic=False, analytes={}, ranges={}, products={})
    >>> confidence_of(record, EstimateInputs(100.0), [], model, PatientRejects()).level
    'poor'
    """
    reasons = [
        *_late(late),
        *_afterwards(record, estimates, summary, later),
        *_synthetic(summary),
        *_skill(estimates, summary),
        *refused_reasons(summary, refused),
        *_extrapolating(record, inputs, summary),
        _measured(record, inputs, summary),
        *_grades(estimates, summary),
        *_product(record, summary),
        *_events(estimates, summary),
        Reason("good", phrase("reliance", "interval")),
    ]
    reasons.sort(key=lambda reason: -LEVELS.index(reason.level))
    level = reasons[0].level
    look = section("reliance")["levels"][level]
    return Confidence(
        level,
        look["shape"],
        look["words"],
        tuple(reason.text for reason in reasons),
        tuple(reason.flag for reason in reasons if reason.flag),
    )


def refused_reasons(summary: ModelSummary, refused: PatientRejects) -> list[Reason]:
    """Return the reason that results of the model's analytes were rejected, if any were.

    Parameters
    ----------
    summary : ModelSummary
        The model.
    refused : PatientRejects
        Rejected results of the patient.

    Returns
    -------
    list of Reason
        At most one.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.analytes import dictionary
    >>> model = SimpleNamespace(analytes={"crp": dictionary()["crp"]})
    >>> [reason.level for reason in refused_reasons(model, PatientRejects({"crp": 2}, rows=2))]
    ['care']
    """
    lost = results_refused(summary, refused)
    if not lost:
        return []
    count = results_text(sum(lost.values()))
    names = joined([summary.analytes[key].short for key in lost])
    text = phrase("reliance", "refused", count=count, analytes=names)
    return [Reason("care", text, phrase("flags", "refused", count=count))]


def _late(late: EstimateAge | None) -> list[Reason]:
    """Reason that the page was made long after the estimate, if it was."""
    text = late.words("reliance") if late else ""
    if late is None or not text:
        return []
    return [Reason("past" if late.past else "care", text, late.words("flags"))]


def _afterwards(
    record: PatientRecord,
    estimates: Sequence[Estimate],
    summary: ModelSummary,
    later: Sequence[SubsequentEvents],
) -> list[Reason]:
    """Reason that events were charted after the landmark, if any were."""
    if not later:
        return []
    grave = is_grave(later, [summary.outcomes[item.outcome] for item in estimates])
    events = subsequent_event_text(later, record.clock)
    key = "later_grave" if grave else "later"
    text, flag = (phrase(name, key, facts=events) for name in ("reliance", "flags"))
    return [Reason("poor" if grave else "care", text, flag)]


def _synthetic(summary: ModelSummary) -> list[Reason]:
    return [Reason("care", phrase("reliance", "synthetic"))] if summary.synthetic else []


def _skill(estimates: Sequence[Estimate], summary: ModelSummary) -> list[Reason]:
    """Reasons that the model was not shown to beat chance, or grade and day, for an outcome."""
    shown = [item for item in estimates if item.headline is not None]
    chance, known = [], []
    for item in shown:
        validation = summary.validation.get(item.outcome)
        if validation is None:
            continue
        performance = validation.shown if item.state_used else validation.no_state
        gain = validation.added.diff_lo if item.state_used else None
        if _at_most(performance.auroc_lo, _CHANCE):
            chance.append(item.short)
        elif _at_most(gain, 0.0):
            known.append(item.short)
    reasons = []
    if chance:
        names = joined(chance)
        level = "poor" if len(chance) == len(shown) else "care"
        flag = phrase("flags", "chance", outcomes=names)
        reasons.append(Reason(level, phrase("reliance", "chance", outcomes=names), flag))
    if known:
        reasons.append(Reason("care", phrase("reliance", "known", outcomes=joined(known))))
    return reasons


def _at_most(value: float | None, bound: float) -> bool:
    return value is not None and not is_missing(value) and value <= bound


def _extrapolating(
    record: PatientRecord, inputs: EstimateInputs, summary: ModelSummary
) -> list[Reason]:
    keys = [
        key
        for key in inputs.out_of_range
        if key in summary.analytes and key in summary.ranges and len(record.series(key))
    ]
    if not keys:
        return []
    many = len(keys) >= section("reliance")["limits"]["many_out_of_range"]
    level = "poor" if many else "care"
    names = [summary.analytes[key].short for key in keys]
    short = joined([*names[:_NAMED_IN_FULL], *(["others"] if len(names) > _NAMED_IN_FULL else [])])
    flag = phrase("flags", "range", analytes=short)
    reasons = [Reason(level, _beyond(key, record, summary)) for key in keys[:_NAMED_IN_FULL]]
    if len(keys) > _NAMED_IN_FULL:
        more = phrase("reliance", "range_more", analytes=listed_phrases(names[_NAMED_IN_FULL:]))
        reasons.append(Reason(level, more))
    return [Reason(level, reasons[0].text, flag), *reasons[1:]]


def _beyond(key: str, record: PatientRecord, summary: ModelSummary) -> str:
    analyte, newest = summary.analytes[key], record.series(key).iloc[-1]
    low, high = summary.ranges[key]
    above = float(newest["value"]) > high
    return phrase(
        "reliance",
        "above" if above else "below",
        analyte=analyte.short,
        value=value_text(float(newest["value"]), float(newest["side"]), analyte.unit),
        limit=number_text(high if above else low),
    )


def _measured(record: PatientRecord, inputs: EstimateInputs, summary: ModelSummary) -> Reason:
    limits = section("reliance")["limits"]
    newest = record.labs.groupby("analyte")["collected_hours"].max()
    recent = newest.index[record.hours - newest <= _DAY]
    count = sum(key in summary.analytes for key in recent)
    text = phrase(
        "reliance",
        "inputs" if count else "inputs_none",
        count=count,
        total=len(summary.analytes),
        age=age_text(inputs.newest),
    )
    if inputs.newest > limits["old_hours"]:
        level = "poor" if inputs.newest > limits["very_old_hours"] else "care"
        return Reason(level, text, phrase("flags", "old"))
    if count < min(limits["few_analytes_24h"], len(summary.analytes)):
        return Reason("care", text, phrase("flags", "few"))
    return Reason("good", text)


def _grades(estimates: Sequence[Estimate], summary: ModelSummary) -> list[Reason]:
    without = [item for item in estimates if item.headline is not None and not item.state_used]
    if not without:
        return []
    text = phrase(
        "reliance",
        "state_unknown",
        scales=" or ".join(dict.fromkeys(item.scale.upper() for item in without)),
        shorts=joined([item.short for item in without]),
        hours=f"{summary.grade_valid_hours:g}",
    )
    return [Reason("care", text, phrase("flags", "state"))]


def _product(record: PatientRecord, summary: ModelSummary) -> list[Reason]:
    if not summary.products:
        return []
    if not record.product:
        text = phrase("reliance", "product_unknown")
        return [Reason("care", text, phrase("flags", "product_unknown"))]
    count = int(summary.products.get(normalise_name(record.product), 0))
    few = count < section("reliance")["limits"]["few_product_patients"]
    key = "product_few" if few else "product_seen"
    text = phrase("reliance", key, product=record.product, count=integer(count))
    flag = phrase("flags", "product", product=record.product) if few else ""
    return [Reason("care" if few else "good", text, flag)]


def _events(estimates: Sequence[Estimate], summary: ModelSummary) -> list[Reason]:
    few = section("reliance")["limits"]["few_event_patients"]
    counts = [
        f"{integer(summary.event_patients[item.outcome])} {item.short}"
        for item in estimates
        if item.headline is not None and summary.event_patients.get(item.outcome, few) < few
    ]
    return (
        [Reason("care", phrase("reliance", "few_events", counts=joined(counts)))] if counts else []
    )
