"""How the figures of a page were made and what the audit warned of, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.cohort.ungraded import ungraded_words
from pipeline.evaluate.discrimination import is_constant
from pipeline.format import DASH, integer, is_missing, joined, percent, proportion
from pipeline.pages.cohort_tables import compared_analytes
from pipeline.pages.headline_sentences import headline_hours

Table = Mapping[str, Any]


def protocol_words(evaluation: Table) -> list[tuple[str, str]]:
    """What a reviewer asks of every evaluation, each under its name.

    Parameters
    ----------
    evaluation : mapping
        Content of ``evaluation.json``; what is absent is left out of the sentences.

    Examples
    --------
    >>> told = dict(protocol_words({"kind": "external", "protocol": {"bootstrap": 500}}))
    >>> told["Scored by"]
    'the model of the bundle, unchanged, once per landmark; ranks are compared over all landmarks.'
    """
    protocol, outcomes = evaluation.get("protocol", {}), evaluation.get("outcomes", {})
    return [
        ("Scored by", _scored(str(evaluation.get("kind", "")), protocol)),
        ("Counted", _counted(protocol)),
        ("Intervals", _intervals(protocol)),
        (
            "Missing data",
            _missing(outcomes.values()) + _grades(outcomes.values()) + _ungraded(evaluation),
        ),
        ("Chosen on data", _chosen(evaluation, protocol)),
        ("Comparisons", _comparisons(evaluation)),
    ]


def told_share(cell: Table) -> str:
    """Share of landmarks followed by the outcome, with what the AUPRC of a coin would be.

    Examples
    --------
    >>> told_share({"n": 978, "n_events": 92}), told_share({})
    ('9 %', '–')
    """
    whole, part = cell.get("n"), cell.get("n_events")
    if whole is None or part is None or is_missing(whole) or not 0 <= part <= whole or whole == 0:
        return DASH
    return proportion(float(part) / float(whole))


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


def _scored(kind: str, protocol: Table) -> str:
    folds, repeats = protocol.get("folds"), protocol.get("repeats")
    if kind != "cross-validated" or is_missing(folds) or is_missing(repeats):
        return (
            "the model of the bundle, unchanged, once per landmark; ranks are compared over all "
            "landmarks."
        )
    rounds = "one round" if repeats == 1 else f"{integer(repeats)} rounds"
    return (
        f"models of the other folds: {integer(folds)} folds of patients, dealt evenly by outcome, "
        f"in {rounds}. Members, their weights, calibration, base rates and alert cut-offs are "
        "learned anew each time. Ranks are compared within a fold only."
    )


def _counted(protocol: Table) -> str:
    repeats = protocol.get("repeats")
    once = " A landmark counts once, however many rounds scored it." if repeats else ""
    return (
        "landmarks, several per patient, at which the outcome has not been charted yet; patients "
        f"stand in brackets beside them.{once}"
    )


def _intervals(protocol: Table) -> str:
    draws = int(protocol.get("bootstrap") or 0)
    fewer = " (the first 200 for slope and intercept)" if draws > 200 else ""
    return (
        f"95 %, between percentiles of {integer(draws)} draws of patients with replacement{fewer}, "
        "each with all landmarks of the patient. Predictions are held fixed, so what another "
        "training cohort would have taught is not in them."
    )


def _missing(outcomes: Iterable[Table]) -> str:
    lost = [
        float(cell["share_lost"])
        for outcome in outcomes
        for cell in (outcome.get("time_dependent") or {}).values()
        if not is_missing(cell.get("share_lost")) and 0 <= cell["share_lost"] <= 1
    ]
    share = f" (at most {percent(max(lost))} of landmarks)" if lost and max(lost) > 0 else ""
    none = " (no landmark here)" if lost and max(lost) == 0 else ""
    return (
        "nothing is imputed from other patients or later results. A lab without a result stands at "
        "its mean in the linear members, beside a column that says it was never measured, and is "
        "missing to the trees. An old grade is unknown, not 0. A landmark whose follow-up ends "
        f"within a horizon has no label there and is left out of it{share or none}; a row below "
        "weighs the others for that loss."
    )


def _grades(outcomes: Iterable[Table]) -> str:
    """How often the grade is unknown, per outcome whose scale is graded."""
    told = [
        f"{integer(cell['n'])} of {integer(cell['of'])} ({outcome.get('label')})"
        for outcome in outcomes
        if (cell := outcome.get("grade_unknown"))
    ]
    if not told:
        return ""
    return (
        f" The current grade is unknown at {joined(told)} landmarks; there the model without "
        "grades answers."
    )


def _ungraded(evaluation: Table) -> str:
    """Who was never graded at all, per scale."""
    entries = (evaluation.get("never_graded") or {}).values()
    told = "; ".join(ungraded_words(entry) for entry in entries)
    return f" Never graded at all: {told}." if told else ""


def _chosen(evaluation: Table, protocol: Table) -> str:
    tuning = str(protocol.get("tuning") or "tuning not stated")
    changed = len(evaluation.get("settings_changed") or {})
    settings = f"{changed} settings differ from the defaults" if changed else "all are defaults"
    return (
        f"{tuning}; {settings}. The list of analytes and the detection limits of an assay are "
        "learned on the whole training cohort, without outcomes. The defaults themselves were set "
        "while looking at the public cohorts PrCRS and Wuhan: figures of these two are not free of "
        "that choice."
    )


def _comparisons(evaluation: Table) -> str:
    """How many intervals around 0 a reader can look at, and how many would miss it by chance."""
    outcomes = evaluation.get("outcomes", {})
    count = sum(
        not is_missing(cell.get("diff_lo")) and not is_constant(cell)
        for outcome in outcomes.values()
        for table in _tables(outcome)
        for cell in table.values()
        if isinstance(cell, Mapping)
    )
    falls = sum(
        compared_analytes(entries, headline_hours(outcomes.get(name, {}).get("model", {})) or "")
        for name, entries in (evaluation.get("analyte_use") or {}).items()
    )
    expected = f", here about {integer(max(1, (count + falls) / 20))}" if count + falls else ""
    carried = f" and {integer(falls)} falls when an analyte is exchanged" if falls else ""
    return (
        f"{integer(count)} differences in AUROC in the tables by horizon{carried} have an "
        "interval; none is corrected for their number. If nothing differed, one interval in "
        f"twenty would miss 0{expected}. A score that is the same at all landmarks is not counted."
    )


def _tables(outcome: Table) -> list[Table]:
    found = list((outcome.get("comparators") or {}).values())
    return [*found, outcome.get("negative_control") or {}]


def _codes(summary: Table | None, *, errors: bool) -> list[str]:
    kinds = _KINDS if errors else _KINDS[-1:]
    return [str(code) for kind in kinds for code in (summary or {}).get(kind) or ()]


def _checks() -> Mapping[str, Any]:
    from pipeline.audit.runner import by_code

    return by_code()


def _lowered(title: str) -> str:
    """A title inside a sentence; a name such as D-dimer keeps its capital."""
    return title if title[1:2] in "-0" or title[1:2].isupper() else title[:1].lower() + title[1:]
