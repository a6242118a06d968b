"""What was given and charted between two estimates: facts beside a change, not its cause."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.explain.drugs import drug_name
from pipeline.explain.record import Record
from pipeline.explain.wording import phrase, some_of


def between_words(record: Record, since: float, scales: Sequence[str]) -> str:
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


def _drugs(record: Record, since: float) -> list[str]:
    given = record.doses.loc[record.doses["given_hours"] >= since]
    names = [
        f"{drug_name(str(drug)).lower()} ({record.clock.words(float(hours.min()))})"
        for drug, hours in given.groupby("drug", sort=False)["given_hours"]
    ]
    return [phrase("between", "given", drugs=some_of(names, 3))] if names else []


def _grades(record: Record, since: float, scales: Sequence[str]) -> list[str]:
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
