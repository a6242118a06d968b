"""Sentences on the evaluation protocol and the audit findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from pipeline.cohort.ungraded import ungraded_text
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.format import DASH, integer, is_missing, joined, percent, proportion
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import AreaCell, PerformanceCell
from pipeline.model.evaluation_report import AuditCodes, EvaluationReport, Protocol, ResultTimes
from pipeline.model.outcomes import headline_key
from pipeline.pages.cohort_tables import compared_analytes

if TYPE_CHECKING:
    from pipeline.audit.check import Check


_method = partial(evaluation_phrase, "method")
_MANY = 0.5  # share of results that triggers the sentence; the same as in CHK402


def protocol_text(report: EvaluationReport) -> list[tuple[str, str]]:
    """Describe scoring, counting, intervals, missing data, choices and comparisons.

    Parts that the report lacks are omitted.

    Examples
    --------
    >>> dict(protocol_text(EvaluationReport(kind="external")))["Scored by"]
    'the model of the bundle, unchanged, once per landmark; ranks are compared over all landmarks.'
    """
    protocol, outcomes = report.protocol, report.outcomes.values()
    return [
        (_method("scored"), _scored(report.kind, protocol)),
        (_method("counted"), _counted(protocol)),
        (_method("intervals"), _intervals(protocol)),
        (_method("missing"), _missing(outcomes) + _grades(outcomes) + _ungraded(report)),
        (_method("chosen"), _chosen(report)),
        (_method("comparisons"), _comparisons(report)),
    ]


def event_share(cell: PerformanceCell) -> str:
    """Share of landmarks followed by the outcome; the AUPRC of a random score.

    Examples
    --------
    >>> event_share(PerformanceCell(n=978, n_events=92)), event_share(PerformanceCell())
    ('9%', '–')
    >>> event_share(PerformanceCell(n=978, n_events=92, event_rate=0.08))
    '8%'
    """
    if cell.event_rate is not None and 0 <= cell.event_rate <= 1:
        return proportion(cell.event_rate)
    whole, part = cell.n, cell.n_events
    if whole is None or part is None or is_missing(whole) or not 0 <= part <= whole or whole == 0:
        return DASH
    return proportion(float(part) / float(whole))


def audit_lines(codes: AuditCodes | None, *, errors: bool = True) -> list[str]:
    """One sentence per finding of an audit: code, title and effect.

    Parameters
    ----------
    errors : bool
        Include errors, not only warnings.

    Examples
    --------
    >>> audit_lines(AuditCodes(warnings=["CHK107"]))[0].partition(":")[0]
    'CHK107, records end at the worst grade'
    >>> audit_lines(None)
    []
    """
    known = _checks()
    return [
        f"{code}, {_lowered(known[code].title)}: {known[code].effect}"
        for code in _codes(codes, errors=errors)
        if code in known
    ]


def audit_titles(codes: AuditCodes | None) -> str:
    """Codes and titles of the findings of an audit, comma-separated.

    Examples
    --------
    >>> audit_titles(AuditCodes(warnings=["CHK107"])), audit_titles(AuditCodes())
    ('CHK107 records end at the worst grade', '')
    """
    known = _checks()
    return ", ".join(
        f"{code} {_lowered(known[code].title)}"
        for code in _codes(codes, errors=True)
        if code in known
    )


def arrival_text(times: ResultTimes) -> str:
    """Caveat if most results have equal collection and result times; else blank.

    Examples
    --------
    >>> arrival_text(ResultTimes(rows=10, as_collected=2))
    ''
    >>> print(arrival_text(ResultTimes(rows=1200, as_collected=1200)))
    1,200 of 1,200 results have equal collection and result times, so they may have been used \
before they were known (CHK402)
    """
    rows, same = times.rows, times.as_collected
    if not rows or same < _MANY * rows:
        return ""
    return _method("arrival", part=integer(same), whole=integer(rows))


def _scored(kind: str, protocol: Protocol) -> str:
    folds, repeats = protocol.folds, protocol.repeats
    if kind != "cross-validated" or is_missing(folds) or is_missing(repeats):
        return _method("scored_unchanged")
    rounds = _method("one_round") if repeats == 1 else _method("rounds", count=integer(repeats))
    return _method("scored_folds", folds=integer(folds), rounds=rounds)


def _counted(protocol: Protocol) -> str:
    once = _method("counted_once") if protocol.repeats else ""
    return _method("counted_text") + once


def _intervals(protocol: Protocol) -> str:
    return _method("intervals_text", count=integer(protocol.bootstrap))


def _missing(outcomes: Iterable[OutcomeReport]) -> str:
    lost = [
        share
        for outcome in outcomes
        for share in outcome.lost_to_follow_up.values()
        if share is not None and 0 <= share <= 1
    ]
    share = ""
    if lost:
        known = max(lost) > 0
        share = (
            _method("missing_share", share=percent(max(lost))) if known else _method("missing_none")
        )
    return _method("missing_text", share=share)


def _grades(outcomes: Iterable[OutcomeReport]) -> str:
    """Number of landmarks with unknown grade, per outcome whose scale is graded."""
    unknown = [
        _method("grade_count", part=integer(cell.n), whole=integer(cell.of), label=outcome.label)
        for outcome in outcomes
        if (cell := outcome.grade_unknown).of is not None
    ]
    return _method("grades", counts=joined(unknown)) if unknown else ""


def _ungraded(report: EvaluationReport) -> str:
    """Patients never graded, per scale with any."""
    entries = report.never_graded.values()
    if entries and not any(entry.n for entry in entries):
        return _method("all_graded")
    scales = "; ".join(ungraded_text(entry.model_dump()) for entry in entries if entry.n)
    return _method("ungraded", scales=scales) if scales else ""


def _chosen(report: EvaluationReport) -> str:
    tuning = report.protocol.tuning or _method("tuning_unknown")
    changed = len(report.settings_changed)
    settings = (
        _method("settings_changed", count=changed) if changed else _method("settings_default")
    )
    return _method("chosen_text", tuning=tuning, settings=settings)


def _comparisons(report: EvaluationReport) -> str:
    """Number of intervals on the page, and how many would exclude 0 by chance."""
    count = sum(
        not is_missing(cell.diff_lo) and not cell.is_constant
        for outcome in report.outcomes.values()
        for table in _tables(outcome)
        for cell in table.values()
    )
    falls = sum(
        compared_analytes(entries, headline_key(report.outcome(name).model))
        for name, entries in report.analyte_use.items()
    )
    total = count + falls
    expected = _method("expected", count=integer(max(1, total / 20))) if total else ""
    exchanged = _method("exchanged", count=integer(falls)) if falls else ""
    return _method("comparisons_text", count=integer(count), exchanged=exchanged, expected=expected)


def _tables(outcome: OutcomeReport) -> Iterator[Mapping[str, AreaCell]]:
    yield from outcome.comparators.values()
    yield outcome.negative_control


def _codes(codes: AuditCodes | None, *, errors: bool) -> list[str]:
    if codes is None:
        return []
    known = [*codes.unacknowledged_errors, *codes.acknowledged_errors] if errors else []
    return [*known, *codes.warnings]


def _checks() -> Mapping[str, type[Check]]:
    from pipeline.audit.runner import by_code

    return by_code()


def _lowered(title: str) -> str:
    """Lower-case the first letter of a title, except in names such as D-dimer."""
    return title if title[1:2] in "-0" or title[1:2].isupper() else title[:1].lower() + title[1:]
