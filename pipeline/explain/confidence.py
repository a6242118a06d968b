"""Confidence in an estimate: its level, from facts about this patient only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.reject_summary import PatientRejects
from pipeline.errors import shown
from pipeline.explain.estimate_age import EstimateAge
from pipeline.explain.estimate_inputs import EstimateInputs, grades_refused, results_refused
from pipeline.explain.estimates import Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import (
    age_text,
    counted_phrase,
    interval_text,
    listed_phrases,
    phrase,
    section,
)
from pipeline.explain.result_text import number_text, value_text
from pipeline.explain.subsequent_events import SubsequentEvents, is_grave, subsequent_event_text
from pipeline.format import joined

LEVELS = ("good", "care", "poor", "past")
_DAY = 24.0
_NAMED_IN_FULL = 2
_MOST_REFUSED, _LONGEST_DRUG = 3, 40


@dataclass(frozen=True)
class Reason:
    """One exception: the level it implies, a sentence, and a short flag for the ward list."""

    level: str
    text: str
    flag: str = ""


@dataclass(frozen=True)
class Confidence:
    """A level (``good``, ``care``, ``poor``, ``past``), its symbol and label, and exceptions.

    Attributes
    ----------
    reasons : tuple of str
        Exceptions of this patient: expired, charted since, others by level; empty at ``good``.
    flags : tuple of str
        The same in few words, for the ward list.
    """

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
    """Grade the confidence in the estimates of a patient, with the worst exceptions first.

    Facts about the model are not used: they hold for every patient, and
    :func:`pipeline.explain.model_limits.model_limits` lists them.

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
    >>> model = SimpleNamespace(analytes={}, ranges={}, products={}, outcomes={})
    >>> confidence_of(record, EstimateInputs(100.0), [], model, PatientRejects()).level
    'poor'
    """
    reasons = [
        *_late(late),
        *refused_reasons(summary, refused),
        *_extrapolating(record, inputs, summary),
        *_measured(record, inputs, summary),
        *_grades(estimates, summary),
        *_product(record, summary),
        *_disagreement(estimates),
    ]
    # what was charted since comes after an expired estimate and before everything else
    since = _afterwards(record, estimates, summary, later)
    reasons.sort(key=lambda reason: -LEVELS.index(reason.level))
    level = max((each.level for each in (*since, *reasons)), key=LEVELS.index, default="good")
    expired = sum(reason.level == "past" for reason in reasons)
    reasons[expired:expired] = since
    look = section("reliance")["levels"][level]
    return Confidence(
        level,
        look["shape"],
        look["words"],
        tuple(reason.text for reason in reasons),
        tuple(reason.flag for reason in reasons if reason.flag),
    )


def unscored_reasons(
    record: PatientRecord,
    summary: ModelSummary,
    refused: PatientRejects,
    later: Sequence[SubsequentEvents] = (),
    *,
    unknown: bool = False,
) -> list[Reason]:
    """Return the exceptions of a patient without an estimate.

    Parameters
    ----------
    record : PatientRecord
        The patient.
    summary : ModelSummary
        The model.
    refused : PatientRejects
        Rejected input of the patient.
    later : sequence of SubsequentEvents
        Events charted after the landmark.
    unknown : bool
        Whether the patient is in no accepted row of the patients table.

    Returns
    -------
    list of Reason

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.explain.infusion_clock import InfusionClock
    >>> person = SimpleNamespace(clock=InfusionClock(None))
    >>> model = SimpleNamespace(analytes={}, outcomes={})
    >>> [item] = unscored_reasons(person, model, PatientRejects(rows=2), unknown=True)
    >>> item.flag
    '2 rows not used'
    """
    if unknown:
        text, flag = (
            counted_phrase(name, "unknown", refused.rows) for name in ("reliance", "flags")
        )
        return [Reason("poor", text, flag)]
    reasons = refused_reasons(summary, refused)
    if later:
        events = subsequent_event_text(later, record.clock)
        text = phrase("reliance", "later_unscored", events=events)
        reasons.insert(0, Reason("care", text, phrase("flags", "later", events=events)))
    return reasons


def refused_reasons(summary: ModelSummary, refused: PatientRejects) -> list[Reason]:
    """Return the reasons that results, grades or doses of the model were rejected, if any were.

    Parameters
    ----------
    summary : ModelSummary
        The model.
    refused : PatientRejects
        Rejected results, grades and doses of the patient.

    Returns
    -------
    list of Reason
        At most one each for grades, doses and results.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.analytes import dictionary
    >>> model = SimpleNamespace(analytes={"crp": dictionary()["crp"]}, outcomes={})
    >>> [reason.level for reason in refused_reasons(model, PatientRejects({"crp": 2}, rows=2))]
    ['care']
    """
    reasons = []
    grades = [
        counted_phrase("missing", "grade", count, scale=scale.upper())
        if scale
        else counted_phrase("missing", "unscaled_grade", count)
        for scale, count in grades_refused(summary, refused).items()
    ]
    doses = [
        counted_phrase("missing", "dose", count, drug=shown(drug, _LONGEST_DRUG))
        if drug
        else counted_phrase("missing", "unnamed_dose", count)
        for drug, count in refused.doses.items()
    ]
    for rows in filter(None, (grades, doses)):
        text, flag = (
            phrase(name, "refused_rows", rows=listed_phrases(rows, _MOST_REFUSED))
            for name in ("reliance", "flags")
        )
        reasons.append(Reason("care", text, flag))
    lost = results_refused(summary, refused)
    if lost:
        named = [
            phrase("missing", "unreadable", analyte=summary.analytes[key].short, count=count)
            if count > 1
            else summary.analytes[key].short
            for key, count in lost.items()
        ]
        count = counted_phrase("missing", "result", sum(lost.values()))
        text = phrase("reliance", "refused", count=count, analytes=joined(named))
        reasons.append(Reason("care", text, phrase("flags", "refused", count=count)))
    return reasons


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
    text, flag = (phrase(name, key, events=events) for name in ("reliance", "flags"))
    return [Reason("poor" if grave else "care", text, flag)]


def _extrapolating(
    record: PatientRecord, inputs: EstimateInputs, summary: ModelSummary
) -> list[Reason]:
    keys = [
        key
        for key in inputs.out_of_range
        if key in summary.analytes and key in summary.ranges and key in record.results
    ]
    if not keys:
        return []
    many = len(keys) >= section("reliance")["limits"]["many_out_of_range"]
    names = [summary.analytes[key].short for key in keys]
    short = joined([*names[:_NAMED_IN_FULL], *(["others"] if len(names) > _NAMED_IN_FULL else [])])
    text = _beyond(keys[0], record, summary)
    if len(keys) > 1:
        text = phrase("reliance", "range_more", first=text, count=len(keys) - 1)
    flag = phrase("flags", "range", analytes=short)
    return [Reason("poor" if many else "care", text, flag)]


def _beyond(key: str, record: PatientRecord, summary: ModelSummary) -> str:
    analyte, newest = summary.analytes[key], record.results[key][-1]
    low, high = summary.ranges[key]
    above = newest.value > high
    return phrase(
        "reliance",
        "above" if above else "below",
        analyte=analyte.short,
        value=value_text(newest.value, newest.side, analyte.unit),
        limit=number_text(high if above else low),
    )


def _measured(record: PatientRecord, inputs: EstimateInputs, summary: ModelSummary) -> list[Reason]:
    limits = section("reliance")["limits"]
    if inputs.newest > limits["old_hours"]:
        level = "poor" if inputs.newest > limits["very_old_hours"] else "care"
        text = phrase("reliance", "old", age=age_text(inputs.newest))
        return [Reason(level, text, phrase("flags", "old"))]
    count = sum(
        record.hours - results[-1].hours <= _DAY
        for key, results in record.results.items()
        if key in summary.analytes
    )
    if count >= min(limits["few_analytes_24h"], len(summary.analytes)):
        return []
    text = phrase("reliance", "few", count=count, total=len(summary.analytes))
    return [Reason("care", text, phrase("flags", "few"))]


def _grades(estimates: Sequence[Estimate], summary: ModelSummary) -> list[Reason]:
    without = [item for item in estimates if item.headline is not None and not item.state_used]
    if not without:
        return []
    text = phrase(
        "reliance",
        "state_unknown",
        scales=" or ".join(dict.fromkeys(item.scale.upper() for item in without)),
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
    limits = section("reliance")["limits"]
    share = limits["few_product_share"] * summary.n_patients
    if count >= min(limits["few_product_patients"], share):
        return []  # in a small cohort every product is rare, which is a limit of the model
    text = counted_phrase("reliance", "product_few", count, product=record.product)
    return [Reason("care", text, phrase("flags", "product", product=record.product))]


def _disagreement(estimates: Sequence[Estimate]) -> list[Reason]:
    """Reason that the members of the model disagree much about an estimate, if they do."""
    limit = float(section("reliance")["limits"]["member_ratio"])
    reasons = []
    for item in estimates:
        low, high = item.member_range
        odds = [risk / max(1e-9, 1.0 - risk) for risk in (low, high)]
        # high - low is false for NaN, where the members are unknown
        if high - low >= section("reliance")["limits"]["member_gap"] and odds[1] > limit * odds[0]:
            text = phrase(
                "reliance", "members", short=item.short, interval=interval_text(low, high)
            )
            reasons.append(Reason("care", text, phrase("flags", "members", short=item.short)))
    return reasons
