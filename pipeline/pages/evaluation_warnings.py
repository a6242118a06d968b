"""Warnings of an evaluation by the outcome that they concern, and the table of sample sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.sample_size import parameters_text
from pipeline.format import decimal, integer
from pipeline.model.evaluation_report import EvaluationReport, SampleSizeReport
from pipeline.pages.evaluation_tables import Grid
from pipeline.pages.evaluation_titles import named

_COLUMNS = ("outcome", "patients", "events", "supported", "used", "needed", "margin")


@dataclass(frozen=True)
class PageWarnings:
    """Warnings by place on the page.

    Attributes
    ----------
    errors : list of str
        Findings of the audit that invalidate results.
    general : list of str
        Of the whole evaluation.
    by_outcome : dict of list of str
        Shown on the card of the outcome, without its name.
    """

    errors: list[str] = field(default_factory=list)
    general: list[str] = field(default_factory=list)
    by_outcome: dict[str, list[str]] = field(default_factory=dict)


def page_warnings(report: EvaluationReport) -> PageWarnings:
    """Sort the warnings of a report by place on the page.

    A sentence on the sample size is written anew from its figures, and only where the model has
    more parameters than the sample supports.

    Examples
    --------
    >>> lines = ["icans: 9 event patients.", "Audit error CHK104.", "Read with defaults."]
    >>> sorted_lines = page_warnings(EvaluationReport(warnings=lines, outcomes={"icans": {}}))
    >>> sorted_lines.by_outcome, sorted_lines.errors
    ({'icans': ['9 event patients.']}, ['Audit error CHK104.'])
    """
    result = PageWarnings(by_outcome={name: [] for name in report.outcomes})
    sizes = {size.sentence for size in report.sample_size.values() if size.sentence}
    for line in report.warnings:
        name, _, rest = line.partition(":")
        if line.startswith(evaluation_phrase("page", "audit_error")):
            result.errors.append(line)
        elif name not in report.outcomes:
            result.general.append(line)
        elif line not in sizes:
            result.by_outcome[name].append(rest.strip())
    for name, size in report.sample_size.items():
        supported, used = size.supported_parameters, size.effective_parameters_mean
        if name in result.by_outcome and supported is not None and (used or 0.0) > supported:
            members = list(size.effective_parameters.values())
            line = parameters_text(supported, members, float(used or 0.0))
            result.by_outcome[name].append(line)
    return result


def sample_size_grid(report: EvaluationReport, labels: Sequence[tuple[str, str]]) -> Grid | None:
    """One row per outcome: patients, parameters supported and used; None without any.

    Parameters
    ----------
    report : EvaluationReport
    labels : sequence of (str, str)
        Key and name of each outcome, in the order of the rows.
    """
    sizes = [(label, report.sample_size.get(key)) for key, label in labels]
    known = [(label, size) for label, size in sizes if size is not None]
    if not known:
        return None
    expected = {decimal(size.expected_auroc) for _, size in known}
    return Grid(
        evaluation_phrase("sample_size", "caption"),
        tuple(evaluation_phrase("sample_size", name) for name in _COLUMNS),
        [(label, *_cells(size)) for label, size in known],
        evaluation_phrase("sample_size", "note", auroc=", ".join(sorted(expected))),
    )


def _cells(size: SampleSizeReport) -> tuple[str, ...]:
    members = [f"{named(name)} {value:.1f}" for name, value in size.effective_parameters.items()]
    margin = size.overall_risk_margin
    return (
        integer(size.n_patients),
        integer(size.n_event_patients),
        decimal(size.supported_parameters, 1),
        "; ".join(members),
        integer(None if size.needed is None else size.needed.all),
        decimal(None if margin is None else 100 * margin, 1),
    )
