"""Why an estimate changed: contributions that changed, and events charted in between."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.explain.drug_caveats import doses_by_drug, drug_name
from pipeline.explain.estimates import EarlierEstimate, Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import listed_phrases, phrase, section, whole
from pipeline.explain.sentences import player_name
from pipeline.format import MINUS, joined

_DAY = "day"  # the change of the reference risk of the day
_TOLERANCE = 0.01  # percentage points
_MOST = 2


def interim_events(record: PatientRecord, since: float, scales: Sequence[str]) -> str:
    """Sentence on drugs given and grades changed since an earlier landmark, or that there are none.

    Parameters
    ----------
    record : PatientRecord
        The patient at the present landmark.
    since : float
        Hour of the earlier landmark.
    scales : sequence of str
        Scales that are charted as grades.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.explain.patient_record import records
    >>> cohort = empty_cohort(["P-1"])
    >>> cohort.treatments.loc[0] = [0, "tocilizumab", 60.0, "therapy", 800.0]
    >>> [record] = records(cohort, pd.DataFrame({"patient": [0], "hours": [72.0]}))
    >>> interim_events(record, 48.0, ["crs"]).replace(chr(160), " ")
    'Since then: tocilizumab (day 2, 12 h) given.'
    """
    events = [*_drugs(record, since), *_grades(record, since, scales)]
    if not events:
        return phrase("between", "nothing")
    return phrase("between", "something", events="; ".join(events))


def is_large_change(before: float, now: float) -> bool:
    """Whether a change between two risks is large enough to be explained on the page.

    Parameters
    ----------
    before, now : float
        Probabilities.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_large_change(0.07, 0.18), is_large_change(0.18, 0.15)
    (True, False)
    """
    moved = abs(whole(100 * now) - whole(100 * before))
    return moved >= int(section("between")["from_points"])


def change_drivers(item: Estimate, before: EarlierEstimate, summary: ModelSummary) -> str:
    """Line on the one or two contributions that changed most in the direction of the risk.

    Empty if the contributions of the earlier landmark are unknown, if the contributions do not
    sum to the change, or if none changed by a point. Also names a contribution that changed at
    least half as much in the other direction.

    Parameters
    ----------
    item : Estimate
        The present estimate.
    before : EarlierEstimate
        The estimate from which the change is counted.
    summary : ModelSummary
        The model that made both.

    Returns
    -------
    str

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.explain.estimates import Risk
    >>> now = Estimate(
    ...     "severe_crs", "Severe CRS", "crs", 3, "ok", "", 72.0, (Risk(72.0, 0.18, 0.1, 0.3),),
    ...     players={"crp": 12.0}, reference_risk=0.06,
    ... )
    >>> before = EarlierEstimate(48.0, 0.07, 0.04, 0.12, {"crp": 2.0}, 0.05)
    >>> change_drivers(now, before, SimpleNamespace(analytes=dictionary())).replace(chr(160), " ")
    'Mainly CRP (+10)'
    """
    risk = item.headline
    if risk is None or not before.players:
        return ""
    moves = {
        key: item.players.get(key, 0.0) - before.players.get(key, 0.0)
        for key in dict.fromkeys((*item.players, *before.players))
    }
    moves[_DAY] = 100.0 * (item.reference_risk - before.reference_risk)
    change = 100.0 * (risk.risk - before.risk)
    if not abs(sum(moves.values()) - change) < _TOLERANCE:  # also true for NaN
        return ""
    sign = 1.0 if change > 0 else -1.0
    order = sorted(moves, key=lambda key: (-sign * moves[key], key))
    along = [key for key in order if whole(sign * moves[key]) > 0]
    if not along:
        return ""
    first = abs(moves[along[0]])
    named = [key for key in along[:_MOST] if abs(moves[key]) >= first / 2]
    every = sum(abs(moves[key]) for key in moves if sign * moves[key] > 0)
    mostly = sum(abs(moves[key]) for key in named) >= every / 2
    what = joined([_move_text(key, moves[key], summary) for key in named])
    last = order[-1]
    if whole(-sign * moves[last]) > 0 and abs(moves[last]) >= first / 2:
        what = phrase("between", "against", what=what, other=_move_text(last, moves[last], summary))
    return phrase("between", "mostly" if mostly else "partly", what=what)


def _drugs(record: PatientRecord, since: float) -> list[str]:
    names = [
        f"{drug_name(drug).lower()} ({record.clock.words(min(given))})"
        for drug, hours in doses_by_drug(record.doses).items()
        if (given := [hour for hour in hours if hour >= since])
    ]
    return [phrase("between", "given", drugs=listed_phrases(names, 3))] if names else []


def _grades(record: PatientRecord, since: float, scales: Sequence[str]) -> list[str]:
    changes = []
    for scale in scales:
        rows = record.charted.get(scale, [])
        before = [grade for hours, grade in rows if hours < since]
        after = [grade for hours, grade in rows if hours >= since]
        if not after or before[-1:] == after[-1:]:
            continue
        key, first = ("changed", before[-1]) if before else ("charted", "")
        changes.append(phrase("between", key, scale=scale.upper(), before=first, now=after[-1]))
    return changes


def _move_text(key: str, points: float, summary: ModelSummary) -> str:
    """Name of a contribution with its change in points."""
    change = ("+" if points > 0 else MINUS) + str(whole(abs(points)))
    return phrase("between", "move", name=_name(key, summary), points=change)


def _name(key: str, summary: ModelSummary) -> str:
    """Name of a contribution in a sentence; abbreviations keep their capitals."""
    name = player_name(key, summary)
    plain = name[1:2].isalpha() and name[1:] == name[1:].lower() and not name[-1].isdigit()
    return name[:1].lower() + name[1:] if plain else name
