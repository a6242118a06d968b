"""Reasons of an estimate as text: bars, opposing findings, and what favours CRS or ICANS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.explain.drivers import driver_text
from pipeline.explain.drug_caveats import caveats, drug_names
from pipeline.explain.estimates import Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import age_text, listed_phrases, phrase, section, signed_points
from pipeline.explain.ranked_reasons import (
    LEAST_POINTS,
    is_substantial,
    largest_parts,
    rank_reasons,
)
from pipeline.explain.result_changes import change_text
from pipeline.explain.result_text import value_text
from pipeline.features.score_definitions import PREFIX, score_label, scores
from pipeline.format import joined, signed

OLD_HOURS = 24.0
"""Age of a sample from which on it is stated."""
_MOST_FAVOURING = 2


@dataclass(frozen=True)
class ReasonText:
    """One bar as text.

    Attributes
    ----------
    key : str
        Player of the contribution.
    name, value, driver : str
        Name, newest value, and level, trend or peak that drives it; the last two may be blank.
    points : float
        Percentage points.
    """

    key: str
    name: str
    value: str
    driver: str
    points: float


@dataclass(frozen=True)
class EstimateReasons:
    """Reasons of one estimate, all from :func:`rank_reasons`.

    Attributes
    ----------
    bars : tuple of ReasonText
        Largest first.
    other : float
        Percentage points of all other findings and of a small ``offset``.
    offset : float
        The model's own average of the day minus the observed one, which is no finding; 0 if it is
        below ``LEAST_POINTS`` and part of ``other``.
    against : str
        Findings that oppose the estimate, ``other`` among them; a sentence that there are none if
        no bar does, blank without bars.
    parts : str
        The largest of the other findings if together they are as large as the largest bar.
    """

    bars: tuple[ReasonText, ...]
    other: float
    offset: float
    against: str
    parts: str


def estimate_reasons(
    item: Estimate, record: PatientRecord, summary: ModelSummary
) -> EstimateReasons:
    """Return the bars of an estimate and the findings that oppose it.

    Parameters
    ----------
    item : Estimate
        With a risk and contributions.
    record : PatientRecord
        The patient.
    summary : ModelSummary
        The model.

    Returns
    -------
    EstimateReasons

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.explain.estimates import Risk
    >>> item = Estimate(
    ...     "icans", "ICANS", "icans", 1, "ok", "", 72.0, (Risk(72.0, 0.2, 0.1, 0.3),),
    ...     players={"host_product": 4.0, "measurement": 6.0}, reference_risk=0.1,
    ... )
    >>> person = SimpleNamespace(results={}, product="axi-cel")
    >>> reasons = estimate_reasons(item, person, SimpleNamespace(analytes={}))
    >>> [(bar.name, bar.value, bar.points) for bar in reasons.bars], reasons.against
    ([('Which labs were drawn', '', 6.0), ('Patient and product', 'axi-cel', 4.0)], \
'No substantial opposing findings')
    """
    ranked = rank_reasons(item.players)
    offset = 100.0 * (item.reference_risk - item.average)
    # also apart where it alone would make the other findings substantial, or hide them
    apart = abs(offset) >= LEAST_POINTS or (
        is_substantial(ranked.other + offset) != is_substantial(ranked.other)
    )
    other = ranked.other if apart else ranked.other + offset
    bars = tuple(_reason(key, points, item, record, summary) for key, points in ranked.bars)
    opposing = {key for key, _ in ranked.along(-item.direction)}
    named = [
        phrase("against", "finding", what=bar.name, points=signed_points(bar.points))
        for bar in bars
        if bar.key in opposing
    ]
    rest = phrase("why", "other" if bars else "small")
    if is_substantial(other) and (other > 0) != (item.direction > 0):
        named.append(phrase("against", "finding", what=rest, points=signed_points(other)))
    some = "some" if item.direction > 0 else "some_low"
    key = some if named else "none"
    against = phrase("against", key, what=joined(named)) if named or bars else ""
    parts = ", ".join(
        f"{player_name(key, summary)}\u00a0{signed(points, 1)}"
        for key, points in largest_parts(item.players, ranked, other)
    )
    if parts:
        parts = phrase("why", "parts", name=rest, points=signed_points(other), what=parts)
    return EstimateReasons(bars, other, offset if apart else 0.0, against, parts)


def favouring_players(estimates: Sequence[Estimate]) -> dict[str, list[str]]:
    """Players that favour severe CRS or ICANS over the other, by outcome; empty unless both.

    A player is named for an outcome if it is a bar that raises it, by at least ``LEAST_POINTS``
    more than the other outcome.

    Parameters
    ----------
    estimates : sequence of Estimate
        Estimates of the patient.

    Returns
    -------
    dict of str to list of str
        Outcome to at most two players, largest difference first.

    Examples
    --------
    >>> from pipeline.explain.estimates import Risk
    >>> risk = (Risk(72.0, 0.2, 0.1, 0.3),)
    >>> crs = Estimate("severe_crs", "", "crs", 3, "ok", "", 72.0, risk, {"crp": 6.0})
    >>> icans = Estimate("icans", "", "icans", 1, "ok", "", 72.0, risk, {"crp": 1.0, "nfl": 4.0})
    >>> favouring_players([crs, icans])
    {'severe_crs': ['crp'], 'icans': ['nfl']}
    """
    by_name = {item.outcome: item for item in estimates if item.headline is not None}
    if not {"severe_crs", "icans"} <= set(by_name):
        return {}
    pair = by_name["severe_crs"], by_name["icans"]
    result = {}
    for item, other in (pair, pair[::-1]):
        gaps = {
            key: points - other.players.get(key, 0.0)
            for key, points in rank_reasons(item.players).bars
            if points > 0 and points - other.players.get(key, 0.0) >= LEAST_POINTS
        }
        result[item.outcome] = sorted(gaps, key=lambda key: -gaps[key])[:_MOST_FAVOURING]
    return result


def player_name(key: str, summary: ModelSummary) -> str:
    """Name of a player: an analyte, a score or a group.

    Parameters
    ----------
    key : str
        Player.
    summary : ModelSummary
        The model.

    Returns
    -------
    str

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> player_name("treatments", SimpleNamespace(analytes={}))
    'Drugs given'
    """
    if key.startswith(PREFIX):
        return score_label(scores()[key.removeprefix(PREFIX)])
    if key in summary.analytes:
        return summary.analytes[key].short
    return str(section("groups").get(key, key))


def lab_row(key: str, record: PatientRecord, summary: ModelSummary) -> tuple[str, str, str, str]:
    """Describe the newest result of an analyte: name, value, time and change.

    Parameters
    ----------
    key : str
        Measured analyte.
    record : PatientRecord
        The patient.
    summary : ModelSummary
        The model.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.explain.infusion_clock import InfusionClock
    >>> from pipeline.explain.patient_record import LabResult
    >>> results = {"crp": [LabResult(20.0, 9.0)]}
    >>> person = SimpleNamespace(results=results, clock=InfusionClock(None))
    >>> lab_row("crp", person, SimpleNamespace(analytes=dictionary()))[:2]
    ('CRP', '9 mg/L')
    """
    analyte, results = summary.analytes[key], record.results[key]
    newest = results[-1]
    value = value_text(newest.value, newest.side, analyte.unit)
    change = change_text(results, by_difference=analyte.by_difference)
    return analyte.short, value, record.clock.words(newest.hours), change


def caveat_sentences(
    keys: Sequence[str], record: PatientRecord, summary: ModelSummary
) -> list[str]:
    """Effects of drugs on the newest results of the given analytes, each sentence once.

    Parameters
    ----------
    keys : sequence of str
        Players; those that are not measured analytes are skipped.
    record : PatientRecord
        The patient.
    summary : ModelSummary
        The model.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.explain.patient_record import LabResult
    >>> doses = pd.DataFrame({"drug": ["tocilizumab"], "given_hours": [10.0]})
    >>> person = SimpleNamespace(results={"crp": [LabResult(20.0, 9.0)]}, doses=doses)
    >>> caveat_sentences(["crp"], person, SimpleNamespace(analytes=dictionary()))
    ['After tocilizumab, CRP falls regardless of severity; interpret cautiously']
    """
    measured = [key for key in keys if key in summary.analytes and key in record.results]
    found = (caveats(record.doses, key, record.results[key][-1].hours) for key in measured)
    return list(dict.fromkeys(text[:1].upper() + text[1:] for each in found for text in each))


def _reason(
    key: str, points: float, item: Estimate, record: PatientRecord, summary: ModelSummary
) -> ReasonText:
    name = player_name(key, summary)
    results = record.results.get(key) if key in summary.analytes else None
    if results:
        newest = results[-1]
        value = value_text(newest.value, newest.side, summary.analytes[key].unit)
        age = record.hours - newest.hours
        driver = driver_text(key, item, record, summary)
        if age > OLD_HOURS:
            value = phrase("labs", "old", value=value, age=age_text(age))
        return ReasonText(key, name, value, driver, points)
    return ReasonText(key, name, _group_value(key, record, summary), "", points)


def _group_value(key: str, record: PatientRecord, summary: ModelSummary) -> str:
    """Content of a group: grades, drugs or product."""
    if key == "clinical_state":
        scales = dict.fromkeys(outcome.scale for outcome in summary.outcomes.values())
        grades = {scale: record.current_grade(scale, summary.grade_valid_hours) for scale in scales}
        return ", ".join(
            f"{scale.upper()}\u00a0{grade}" for scale, grade in grades.items() if grade is not None
        )
    if key == "treatments" and len(record.doses):
        return listed_phrases(drug_names(record.doses), 2)
    return record.product if key == "host_product" else ""
