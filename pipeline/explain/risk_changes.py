"""Why an estimate changed: contributions that moved, and what was charted in between."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.explain.drug_caveats import drug_name
from pipeline.explain.estimates import EarlierEstimate, Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import listed_phrases, phrase, points_text, section, whole
from pipeline.features.score_definitions import PREFIX, score_label, scores
from pipeline.format import MINUS, joined

_DAY = "day"  # the mean risk of the patients of a day, from which the points start
_TOUCHES = 0.01  # percentage points
_MOST = 2


def interim_events(record: PatientRecord, since: float, scales: Sequence[str]) -> str:
    """Drugs given and grades changed since an earlier landmark; said also where there was neither.

    Parameters
    ----------
    since : float
        Hour of the earlier landmark.
    scales : sequence of str
        Scales that are charted as grades.
    """
    facts = [*_drugs(record, since), *_grades(record, since, scales)]
    if not facts:
        return phrase("between", "nothing")
    return phrase("between", "something", facts="; ".join(facts))


def is_large_change(before: float, now: float) -> bool:
    """Whether the page tells more of a change between two risks than its size.

    Examples
    --------
    >>> is_large_change(0.07, 0.18), is_large_change(0.18, 0.15)
    (True, False)
    """
    moved = abs(whole(100 * now) - whole(100 * before))
    return moved >= int(section("between")["from_points"])


def change_drivers(item: Estimate, before: EarlierEstimate, facts: ModelSummary) -> str:
    """The one or two contributions that changed most the way the risk changed.

    Blank where the contributions of the earlier landmark are unknown, where those of the two
    landmarks do not add up to the change, and where none changed by a point. A contribution that
    changed nearly as much in the other direction is included.

    Parameters
    ----------
    before : Past
        The estimate that the change is counted from.
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
    if not abs(sum(moves.values()) - change) < _TOUCHES:  # NaN does not add up either
        return ""
    way = 1.0 if change > 0 else -1.0
    order = sorted(moves, key=lambda key: (-way * moves[key], key))
    along = [key for key in order if whole(way * moves[key]) > 0]
    if not along:
        return ""
    first = abs(moves[along[0]])
    told = [key for key in along[:_MOST] if abs(moves[key]) >= first / 2]
    every = sum(abs(moves[key]) for key in moves if way * moves[key] > 0)
    mostly = sum(abs(moves[key]) for key in told) >= every / 2
    what = joined([_move_text(key, moves[key], facts) for key in told])
    last = order[-1]
    if whole(-way * moves[last]) > 0 and abs(moves[last]) >= first / 2:
        what = phrase("between", "against", what=what, other=_move_text(last, moves[last], facts))
    return phrase("between", "mostly" if mostly else "partly", what=what)


def _drugs(record: PatientRecord, since: float) -> list[str]:
    given = record.doses.loc[record.doses["given_hours"] >= since]
    names = [
        f"{drug_name(str(drug)).lower()} ({record.clock.words(float(hours.min()))})"
        for drug, hours in given.groupby("drug", sort=False)["given_hours"]
    ]
    return [phrase("between", "given", drugs=listed_phrases(names, 3))] if names else []


def _grades(record: PatientRecord, since: float, scales: Sequence[str]) -> list[str]:
    said = []
    for scale in scales:
        rows = record.grades.loc[record.grades["scale"] == scale]
        before = rows.loc[rows["assessed_hours"] < since, "grade"]
        after = rows.loc[rows["assessed_hours"] >= since, "grade"]
        if after.empty or (len(before) and int(before.iloc[-1]) == int(after.iloc[-1])):
            continue
        key = "changed" if len(before) else "charted"
        first = int(before.iloc[-1]) if len(before) else ""
        said.append(
            phrase("between", key, scale=scale.upper(), before=first, now=int(after.iloc[-1]))
        )
    return said


def _move_text(key: str, points: float, facts: ModelSummary) -> str:
    """A contribution by name with the points by which it changed."""
    said = ("+" if points > 0 else MINUS) + points_text(points).replace(" ", "\u00a0")
    return phrase("between", "move", name=_name(key, facts), points=said)


def _name(key: str, facts: ModelSummary) -> str:
    """Name of a contribution within a sentence; abbreviations keep their capitals."""
    if key in facts.analytes:
        name = facts.analytes[key].short
        return name.lower() if name[1:].replace(" ", "").isalpha() and name[1:].islower() else name
    if key.startswith(PREFIX):
        return score_label(scores()[key.removeprefix(PREFIX)])
    name = str(section("groups").get(key, key))
    return name[:1].lower() + name[1:]
