"""What the audit of a cohort warned of, in the audit's own words, for page, card and checklist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.cohort.tables import Cohort
from pipeline.report.format import integer

Table = Mapping[str, Any]
_KINDS = ("unacknowledged_errors", "acknowledged_errors", "warnings")
_MANY = 0.5  # share of results from which the page says so, as CHK402 does


def audit_lines(summary: Table | None, *, errors: bool = True) -> list[str]:
    """One sentence per code of an audit's summary: its title and what it does to a result.

    Parameters
    ----------
    summary : mapping or None
        ``audit`` of an evaluation or of a bundle's provenance: codes by severity.
    errors : bool
        Whether to tell errors too.

    Examples
    --------
    >>> audit_lines({"warnings": ["CHK107"]})[0][:43]
    'CHK107, records end at the worst grade: How'
    >>> audit_lines(None)
    []
    """
    known = _checks()
    return [
        f"{code}, {_lowered(known[code].title)}: {known[code].effect}"
        for code in _codes(summary, errors=errors)
        if code in known
    ]


def audit_titles(summary: Table | None) -> str:
    """The codes of an audit's summary with their titles, in one phrase.

    Examples
    --------
    >>> audit_titles({"warnings": ["CHK107"]}), audit_titles({})
    ('CHK107 records end at the worst grade', '')
    """
    known = _checks()
    return ", ".join(
        f"{code} {_lowered(known[code].title)}"
        for code in _codes(summary, errors=True)
        if code in known
    )


def result_times(cohort: Cohort) -> dict[str, int]:
    """How many results are known, and how many of them arrived the moment they were collected."""
    labs = cohort.labs.loc[~cohort.labs["cancelled"]]
    same = labs["resulted_hours"] <= labs["collected_hours"]
    return {"rows": len(labs), "as_collected": int(same.sum())}


def arrival_words(found: Table | None) -> str:
    """A doubt about "had arrived by then", where most results arrive as they are collected.

    Examples
    --------
    >>> arrival_words({"rows": 10, "as_collected": 2})
    ''
    >>> print(arrival_words({"rows": 1200, "as_collected": 1200}))
    1,200 of 1,200 results carry the moment of collection as that of their arrival, so they may \
have been used before anyone knew them (CHK402)
    """
    rows, same = ((found or {}).get(name) or 0 for name in ("rows", "as_collected"))
    if not rows or same < _MANY * rows:
        return ""
    return (
        f"{integer(same)} of {integer(rows)} results carry the moment of collection as that of "
        "their arrival, so they may have been used before anyone knew them (CHK402)"
    )


def _codes(summary: Table | None, *, errors: bool) -> list[str]:
    kinds = _KINDS if errors else _KINDS[-1:]
    return [str(code) for kind in kinds for code in (summary or {}).get(kind) or ()]


def _checks() -> Mapping[str, Any]:
    from pipeline.cohort.audit.registry import by_code

    return by_code()


def _lowered(title: str) -> str:
    """A title inside a sentence; a name such as D-dimer keeps its capital."""
    return title if title[1:2] in "-0" or title[1:2].isupper() else title[:1].lower() + title[1:]
