"""The evaluation page: evaluation.json as one self-contained HTML file, verdicts first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.evaluate.abstention_rates import abstention_line
from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section
from pipeline.evaluate.scorecard import THRESHOLD, USEFUL_AUROC, scorecard
from pipeline.explain.phrases import outcome_short, section
from pipeline.explain.prototype_contributions import PrototypeContributions
from pipeline.format import DASH, counted, decimal, is_missing, joined, percent, words
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Number
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.outcomes import headline_key
from pipeline.pages import cohort_tables, headline_sentences
from pipeline.pages.contribution_sections import contribution_sections
from pipeline.pages.csv_links import data_link
from pipeline.pages.evaluation_sections import (
    Figure,
    Section,
    about,
    outcome_sections,
    overview_figures,
)
from pipeline.pages.evaluation_tables import Grid, table_text
from pipeline.pages.evaluation_titles import TEMPLATES, WORDS, banner_text, subject_text
from pipeline.pages.evaluation_warnings import page_warnings, sample_size_grid
from pipeline.pages.hard_cases import hard_cases
from pipeline.pages.headline_sentences import calibration_text
from pipeline.pages.html import render, setting_rows
from pipeline.pages.method_sentences import arrival_text, audit_lines, audit_titles, protocol_text
from pipeline.pages.model_tables import model_grid
from pipeline.pages.recalibration_table import recalibration_grid
from pipeline.pages.scorecard_rows import ScoreRow, score_row


def render_evaluation(
    report: EvaluationReport,
    *,
    title: str,
    synthetic: bool = False,
    explained: Mapping[str, PrototypeContributions] | None = None,
) -> str:
    """
    Render every figure of an evaluation as one self-contained HTML page.

    The first screen has a scorecard per outcome and its charts at the headline horizon. Everything
    else is folded, and every table has its CSV in a link.

    Parameters
    ----------
    report : EvaluationReport
        Parts may be absent and figures None.
    title : str
        Heading of the page.
    synthetic : bool
        Marks all patients as simulated, whatever the report states.
    explained : mapping, optional
        By outcome, from :func:`~pipeline.explain.prototype_contributions.explain_prototypes`.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> page = render_evaluation(EvaluationReport(kind="apparent"), title="Demo")
    >>> "optimistic" in page, "<script" in page
    (True, False)
    """
    cohort, protocol, outcomes = report.cohort, report.protocol, _in_page_order(report.outcomes)
    horizons = sorted({h for outcome in outcomes.values() for h in outcome.model}, key=float)
    minimum = int(protocol.min_event_patients or 5)
    simulated = banner_text(cohort, synthetic=synthetic)
    warnings = page_warnings(report)
    views = [
        outcome_view(key, outcome, report, warnings.by_outcome[key], (explained or {}).get(key))
        for key, outcome in outcomes.items()
    ]
    settings = [part.model_dump(exclude_unset=True) for part in (cohort, protocol)]
    return render(
        TEMPLATES,
        "evaluation.html.j2",
        title=title,
        synthetic=bool(simulated),
        simulated=simulated,
        subject=subject_text(cohort),
        kind=report.kind,
        kind_words=WORDS["kinds"].get(report.kind, evaluation_phrase("page", "unknown_kind")),
        cohort=cohort,
        landmarks=_number(cohort.n_landmarks, "landmark"),
        patients=_number(cohort.n_patients, "patient"),
        outcomes=views,
        limits=headline_sentences.cannot_show_sentences(outcomes, report.kind, minimum),
        horizons=joined(protocol.horizons_h or horizons),
        columns=_columns(),
        useful=decimal(USEFUL_AUROC),
        sections=evaluation_section("sections"),
        contrast=_contrast_section(report),
        abstentions=[
            abstention_line(report.outcome(name).label or words(name), abstained)
            for name, abstained in report.abstention.items()
        ],
        protocol=protocol_text(report),
        recalibration=recalibration_grid(report),
        made=model_grid(report.models, report.settings_changed),
        canary=report.canary_auroc,
        canary_sentence=about("canary", auroc=decimal(report.canary_auroc))[1],
        errors=warnings.errors,
        warnings=warnings.general,
        sample_size=sample_size_grid(report, [(view.key, view.short) for view in views]),
        arrival=arrival_text(report.result_times),
        audits=_audits(report),
        audit_codes=audit_titles(report.audit),
        command=report.command,
        minimum=minimum,
        facts=[line for part in settings for line in setting_rows(part, WORDS["facts"])],
        link=data_link,
    )


@dataclass(frozen=True)
class OutcomeView:
    """What the page shows of one outcome.

    Attributes
    ----------
    key, label, short : str
    row : ScoreRow
        Of the scorecard.
    headline : str
        AUROC and its gain over grade and day.
    others : str
        AUROC at the other horizons.
    hard : list of str
        Hard cases.
    figures : list of Figure
        Charts at the headline horizon.
    sections : list of Section
        Folded.
    """

    key: str
    label: str
    short: str
    row: ScoreRow
    headline: str
    others: str
    hard: list[str]
    figures: list[Figure]
    sections: list[Section]


def outcome_view(
    key: str,
    outcome: OutcomeReport,
    report: EvaluationReport,
    warnings: Sequence[str] = (),
    explained: PrototypeContributions | None = None,
) -> OutcomeView:
    """
    Return what the page shows of one outcome.

    Examples
    --------
    >>> icans = OutcomeReport.model_validate({"model": {"24": {"auroc": 0.8}}})
    >>> view = outcome_view("icans", icans, EvaluationReport(outcomes={"icans": icans}))
    >>> view.label, [part.key for part in view.sections[0].parts]
    ('ICANS', ['icans-24h'])
    """
    short = outcome_short(key)
    short = short[:1].upper() + short[1:]
    label, kind = outcome.label or short, report.kind
    firm_from = int(report.protocol.verdict_event_patients or 0)
    card = scorecard(outcome, kind, firm_from)
    hours = sorted(outcome.model, key=float)
    judged = kind != "apparent"
    lines = (
        headline_sentences.weighted_text(outcome),
        calibration_text(outcome, headline_key(outcome.model) or None),
        headline_sentences.alert_text(outcome),
    )
    return OutcomeView(
        key=key,
        label=label,
        short=short,
        row=score_row(
            key,
            short,
            outcome,
            card,
            events=report.cohort.event_patients.get(key),
            warnings=warnings,
        ),
        headline=headline_sentences.headline(label, outcome, kind),
        others=headline_sentences.other_horizons(outcome.model, hours),
        hard=hard_cases(outcome) if judged else [],
        figures=overview_figures(label, outcome),
        sections=[
            *outcome_sections(key, outcome, report, [line for line in lines if line and judged]),
            *contribution_sections(key, label, explained),
        ],
    )


def _columns() -> dict[str, str]:
    """Headings of the scorecard, by the key of its cells."""
    threshold = percent(THRESHOLD)
    return {
        name: str(text).format(threshold=threshold)
        for name, text in evaluation_section("scorecard")["columns"].items()
    }


def _in_page_order(outcomes: Mapping[str, OutcomeReport]) -> dict[str, OutcomeReport]:
    """Outcomes in the order of ``sentences.yaml``, others last: a file sorts them by name."""
    order = list(section("outcomes"))
    places = {name: order.index(name) if name in order else len(order) for name in outcomes}
    return dict(sorted(outcomes.items(), key=lambda item: places[item[0]]))


def _number(value: Number, noun: str) -> str:
    return f"{DASH} {noun}s" if value is None or is_missing(value) else counted(int(value), noun)


def _audits(report: EvaluationReport) -> list[tuple[str, list[str]]]:
    """Audit findings other than the errors listed among the warnings."""
    audits = [
        (evaluation_phrase("page", "audit_warns"), audit_lines(report.audit, errors=False)),
        (evaluation_phrase("page", "audit_found"), audit_lines(report.audit_of_training)),
    ]
    return [(heading, lines) for heading, lines in audits if lines]


def _contrast_section(report: EvaluationReport) -> Section:
    cells, detail = report.contrast, report.contrast_detail
    hours = headline_key(cells)
    grids: list[Grid | None] = [
        cohort_tables.contrast(cells, detail),
        cohort_tables.drivers(detail, hours),
        cohort_tables.axes(report),
    ]
    lines = [table_text("contrast_reason", reason=detail.reason)] if detail.reason else []
    kept = [grid for grid in grids if grid is not None]
    return Section("contrast", *about("contrast"), grids=kept, lines=lines)
