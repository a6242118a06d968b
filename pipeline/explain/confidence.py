"""Confidence in an estimate: its level, the reasons, and which results are missing or old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.estimate_age import EstimateAge
from pipeline.explain.estimates import Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import (
    age_text,
    listed_phrases,
    number_text,
    phrase,
    section,
    value_text,
)
from pipeline.explain.subsequent_events import SubsequentEvents, is_grave, subsequent_event_text
from pipeline.format import integer, is_missing, joined

LEVELS = ("good", "care", "poor", "past")
_DAY = 24.0
_CHANCE = 0.5  # AUROC of a coin
_TOLD_IN_FULL = 2


@dataclass(frozen=True)
class Reason:
    """One reason: the level it asks for, a sentence, and a few words for the ward list."""

    level: str
    text: str
    flag: str = ""


@dataclass(frozen=True)
class Confidence:
    """A level (``good``, ``care``, ``poor``, ``past``), its shape and words, and the reasons."""

    level: str
    shape: str
    words: str
    reasons: tuple[str, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class EstimateInputs:
    """What there was to go on, from one row of ``predictions.csv``.

    Attributes
    ----------
    newest : float
        Age of the newest sample in hours.
    stale, out_of_range : tuple of str
        Analyte keys.
    """

    newest: float
    stale: tuple[str, ...] = ()
    out_of_range: tuple[str, ...] = ()


def inputs_of(row: Mapping[str, Any]) -> EstimateInputs:
    """Read the inputs of a row of ``predictions.csv``."""
    lists = (
        tuple(key for key in str(row[name]).split(";") if key)
        for name in ("analytes_stale", "out_of_range")
    )
    return EstimateInputs(float(row["newest_lab_hours"]), *lists)


def confidence_of(
    record: PatientRecord,
    inputs: EstimateInputs,
    estimates: Sequence[Estimate],
    facts: ModelSummary,
    refused: PatientRejects,
    late: EstimateAge | None = None,
    later: Sequence[SubsequentEvents] = (),
) -> Confidence:
    """Say whether the estimates of a patient can be relied on, worst reasons first.

    Parameters
    ----------
    late : Lateness or None
        When the estimates are read; None where that is unknown or said elsewhere.
    """
    found = [
        *_late(late),
        *_afterwards(record, estimates, facts, later),
        *_synthetic(facts),
        *_skill(estimates, facts),
        *refused_reasons(facts, refused),
        *_extrapolating(record, inputs, facts),
        _measured(record, inputs, facts),
        *_grades(estimates, facts),
        *_product(record, facts),
        *_events(estimates, facts),
        Reason("good", phrase("reliance", "interval")),
    ]
    found.sort(key=lambda reason: -LEVELS.index(reason.level))
    level = found[0].level
    look = section("reliance")["levels"][level]
    return Confidence(
        level,
        look["shape"],
        look["words"],
        tuple(reason.text for reason in found),
        tuple(reason.flag for reason in found if reason.flag),
    )


def results_refused(facts: ModelSummary, refused: PatientRejects) -> dict[str, int]:
    """Analytes of the model of which results were refused, and how many."""
    return {key: refused.results[key] for key in facts.analytes if key in refused.results}


def results_text(count: int) -> str:
    """A number of results in words."""
    return phrase("missing", "result" if count == 1 else "results", count=count)


def refused_reasons(facts: ModelSummary, refused: PatientRejects) -> list[Reason]:
    """That results of the model's analytes were refused; nothing where none was."""
    lost = results_refused(facts, refused)
    if not lost:
        return []
    count = results_text(sum(lost.values()))
    names = joined([facts.analytes[key].short for key in lost])
    words = phrase("reliance", "refused", count=count, analytes=names)
    return [Reason("care", words, phrase("flags", "refused", count=count))]


def missing_sentences(
    record: PatientRecord, inputs: EstimateInputs, facts: ModelSummary, refused: PatientRejects
) -> list[str]:
    """What the estimate had to do without.

    Parameters
    ----------
    record : Record
    inputs : Inputs
        ``stale`` names the analytes whose newest result is older than the model's bound.
    refused : Refused
        Results that were refused are named as such, not as never measured.
    """
    core = [key for key, analyte in facts.analytes.items() if analyte.core]
    measured = set(record.labs["analyte"])
    lost = results_refused(facts, refused)
    never = [facts.analytes[key].short for key in core if key not in measured and key not in lost]
    newest = record.labs.groupby("analyte")["collected_hours"].max()
    ages = sorted(
        ((key, record.hours - float(newest[key])) for key in inputs.stale if key in newest),
        key=lambda item: -item[1],
    )
    sentences = []
    if lost:
        told = [f"{facts.analytes[key].short} ({results_text(n)})" for key, n in lost.items()]
        sentences.append(phrase("missing", "results_refused", analytes=joined(told)))
    if never:
        sentences.append(phrase("missing", "never", analytes=joined(never)))
    if ages:
        named = [
            phrase("missing", "stale_one", analyte=facts.analytes[key].short, age=age_text(age))
            for key, age in ages
            if key in facts.analytes
        ]
        sentences.append(phrase("missing", "stale", analytes=listed_phrases(named)))
    scales = dict.fromkeys(outcome.scale for outcome in facts.outcomes.values())
    uncharted = [
        scale.upper()
        for scale in scales
        if scale != "death" and not (record.grades["scale"] == scale).any()
    ]
    if uncharted:
        sentences.append(phrase("missing", "grades_none", scales=joined(uncharted)))
    if refused.rows > sum(lost.values()):
        key = "refused_too" if lost else "refused"
        return [*(sentences or [_none(facts)]), phrase("missing", key)]
    return sentences or [_none(facts)]


def _late(late: EstimateAge | None) -> list[Reason]:
    """That the page was made long after the estimate; nothing where it was not."""
    words = late.words("reliance") if late else ""
    if late is None or not words:
        return []
    return [Reason("past" if late.past else "care", words, late.words("flags"))]


def _afterwards(
    record: PatientRecord,
    estimates: Sequence[Estimate],
    facts: ModelSummary,
    later: Sequence[SubsequentEvents],
) -> list[Reason]:
    """What was charted after the moment of the estimates; nothing where nothing was."""
    if not later:
        return []
    grave = is_grave(later, [facts.outcomes[item.outcome] for item in estimates])
    said = subsequent_event_text(later, record.clock)
    key = "later_grave" if grave else "later"
    level = "poor" if grave else "care"
    return [Reason(level, phrase("reliance", key, facts=said), phrase("flags", key, facts=said))]


def _synthetic(facts: ModelSummary) -> list[Reason]:
    return [Reason("care", phrase("reliance", "synthetic"))] if facts.synthetic else []


def _skill(estimates: Sequence[Estimate], facts: ModelSummary) -> list[Reason]:
    """Outcomes for which the model was not shown to beat chance, or the grade and the day."""
    shown = [item for item in estimates if item.headline is not None]
    chance, known = [], []
    for item in shown:
        validation = facts.validation.get(item.outcome)
        if validation is None:
            continue
        performance = validation.shown if item.state_used else validation.no_state
        gain = validation.added.diff_lo if item.state_used else None
        if _at_most(performance.auroc_lo, _CHANCE):
            chance.append(item.short)
        elif _at_most(gain, 0.0):
            known.append(item.short)
    found = []
    if chance:
        names = joined(chance)
        level = "poor" if len(chance) == len(shown) else "care"
        flag = phrase("flags", "chance", outcomes=names)
        found.append(Reason(level, phrase("reliance", "chance", outcomes=names), flag))
    if known:
        found.append(Reason("care", phrase("reliance", "known", outcomes=joined(known))))
    return found


def _at_most(value: float | None, bound: float) -> bool:
    return value is not None and not is_missing(value) and value <= bound


def _extrapolating(
    record: PatientRecord, inputs: EstimateInputs, facts: ModelSummary
) -> list[Reason]:
    keys = [
        key
        for key in inputs.out_of_range
        if key in facts.analytes and key in facts.ranges and len(record.series(key))
    ]
    if not keys:
        return []
    many = len(keys) >= section("reliance")["limits"]["many_out_of_range"]
    level = "poor" if many else "care"
    names = [facts.analytes[key].short for key in keys]
    said = joined([*names[:_TOLD_IN_FULL], *(["others"] if len(names) > _TOLD_IN_FULL else [])])
    flag = phrase("flags", "range", analytes=said)
    found = [Reason(level, _beyond(key, record, facts)) for key in keys[:_TOLD_IN_FULL]]
    if len(keys) > _TOLD_IN_FULL:
        more = phrase("reliance", "range_more", analytes=listed_phrases(names[_TOLD_IN_FULL:]))
        found.append(Reason(level, more))
    return [Reason(level, found[0].text, flag), *found[1:]]


def _beyond(key: str, record: PatientRecord, facts: ModelSummary) -> str:
    analyte, newest = facts.analytes[key], record.series(key).iloc[-1]
    low, high = facts.ranges[key]
    above = float(newest["value"]) > high
    return phrase(
        "reliance",
        "above" if above else "below",
        analyte=analyte.short,
        value=value_text(float(newest["value"]), float(newest["side"]), analyte.unit),
        limit=number_text(high if above else low),
    )


def _measured(record: PatientRecord, inputs: EstimateInputs, facts: ModelSummary) -> Reason:
    limits = section("reliance")["limits"]
    newest = record.labs.groupby("analyte")["collected_hours"].max()
    recent = newest.index[record.hours - newest <= _DAY]
    count = sum(key in facts.analytes for key in recent)
    words = phrase(
        "reliance",
        "inputs" if count else "inputs_none",
        count=count,
        total=len(facts.analytes),
        age=age_text(inputs.newest),
    )
    if inputs.newest > limits["old_hours"]:
        level = "poor" if inputs.newest > limits["very_old_hours"] else "care"
        return Reason(level, words, phrase("flags", "old"))
    if count < limits["few_analytes_24h"]:
        return Reason("care", words, phrase("flags", "few"))
    return Reason("good", words)


def _grades(estimates: Sequence[Estimate], facts: ModelSummary) -> list[Reason]:
    without = [item for item in estimates if item.headline is not None and not item.state_used]
    if not without:
        return []
    words = phrase(
        "reliance",
        "state_unknown",
        scales=" or ".join(dict.fromkeys(item.scale.upper() for item in without)),
        shorts=joined([item.short for item in without]),
        hours=f"{facts.grade_valid_hours:g}",
    )
    return [Reason("care", words, phrase("flags", "state"))]


def _product(record: PatientRecord, facts: ModelSummary) -> list[Reason]:
    if not facts.products:
        return []
    if not record.product:
        words = phrase("reliance", "product_unknown")
        return [Reason("care", words, phrase("flags", "product_unknown"))]
    count = int(facts.products.get(normalise_name(record.product), 0))
    few = count < section("reliance")["limits"]["few_product_patients"]
    key = "product_few" if few else "product_seen"
    words = phrase("reliance", key, product=record.product, count=integer(count))
    flag = phrase("flags", "product", product=record.product) if few else ""
    return [Reason("care" if few else "good", words, flag)]


def _events(estimates: Sequence[Estimate], facts: ModelSummary) -> list[Reason]:
    few = section("reliance")["limits"]["few_event_patients"]
    counts = [
        f"{integer(facts.event_patients[item.outcome])} {item.short}"
        for item in estimates
        if item.headline is not None and facts.event_patients.get(item.outcome, few) < few
    ]
    return (
        [Reason("care", phrase("reliance", "few_events", counts=joined(counts)))] if counts else []
    )


def _none(facts: ModelSummary) -> str:
    return phrase("missing", "none", hours=f"{facts.stale_hours:g}")
