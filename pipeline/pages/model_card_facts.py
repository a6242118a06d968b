"""Phrases about a training run for the model card and the TRIPOD+AI checklist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline import __version__
from pipeline.cohort.ungraded import ungraded_text
from pipeline.config import Config
from pipeline.evaluate.abstention_rates import abstention_line
from pipeline.evaluate.scored_rows import TOO_FEW
from pipeline.explain.phrases import outcome_short
from pipeline.features.spec import FeatureSpec
from pipeline.format import area_places, counted, joined, proportion, signed
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Metric
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.outcomes import nearest_horizon
from pipeline.pages.method_sentences import arrival_text, audit_lines, audit_titles
from pipeline.pages.model_tables import fact_text, settings_text
from pipeline.reading.read_result import ReadResult

USERS = "data scientists and clinicians of a cell therapy programme, for research"
LIMITATIONS = (
    "Association, not cause. Intervals of the evaluation hold predictions fixed. The hour of a "
    "grade is when it was charted. Small cohorts support few parameters. Not validated elsewhere"
)


def card_facts(
    config: Config, report: EvaluationReport, spec: FeatureSpec, read: ReadResult
) -> dict[str, str]:
    """Return phrases by name, each without a full stop."""
    cohort, protocol = report.cohort, report.protocol
    outcomes = "; ".join(item.label for item in config.outcomes.values())
    synthetic = "SYNTHETIC DATA: " if config.cohort.synthetic else ""
    population = (
        "simulated patients" if config.cohort.synthetic else f"patients of '{config.cohort.name}'"
    )
    model = config.model
    return {
        "title": f"{synthetic}Prediction of {outcomes} from serial biomarkers, {population}",
        "summary": _summary(config, report),
        "population": f"{population}, hours since {config.cohort.time_zero}",
        "users": USERS,
        "cohort": config.cohort.name,
        "cohort_sha": str(cohort.sha256),
        "sites": _sites(read),
        "drugs": ", ".join(spec.drug_classes) or "none in this cohort",
        "reading": _reading(read),
        "outcomes": outcomes,
        "horizons": ", ".join(f"{hours:g}" for hours in model.horizons_hours),
        "grading": config.cohort.grading_system,
        "n_analytes": str(len(spec.analytes)),
        "analytes": ", ".join(analyte.key for analyte in spec.analytes),
        "size": " ".join(_renamed(item.sentence, report) for item in report.sample_size.values()),
        "abstention": "; ".join(
            abstention_line(outcome_short(name), abstained)
            for name, abstained in report.abstention.items()
        ),
        "ungraded": _ungraded(report),
        "folds": str(protocol.folds),
        "repeats": counted(int(protocol.repeats or 0), "repeat"),
        "seed": str(protocol.seed),
        "bootstrap": str(protocol.bootstrap),
        "members": _members(config, report),
        "tuning": protocol.tuning,
        "made": "; ".join(f"{name}: {value}" for name, value in made_of(report)),
        "settings": settings_text(report.settings_changed).removesuffix("."),
        "heterogeneity": _subgroups(report, "site") or "not reported: no figure by centre",
        "fairness": _subgroups(report, "sex") or "not reported: no figure by sex or age",
        "level": f"{100 * model.interval_level:.0f}",
        "version": __version__,
        "flow": f"{cohort.n_patients} patients, {cohort.n_landmarks} landmarks, "
        f"{cohort.n_lab_rows} laboratory rows; patients with the event: "
        + ", ".join(
            f"{outcome_short(name)} {count} of {report.sample_size[name].n_patients} at risk"
            for name, count in cohort.event_patients.items()
        ),
        "measured": _measured(report),
        "counts": "; ".join(counts_of(report)),
        "performance": "; ".join(performance_of(config, report)),
        "interpretation": "; ".join(added_value_of(config, report)),
        "limitations": _limitations(report),
        "arrival": _arrival(report, read),
        "follow_up": follow_up_text(read),
        "subgroups": _subgroup_figures(report),
    }


def notes_of(report: EvaluationReport, phrases: Mapping[str, str]) -> list[str]:
    """Warnings of training and audit, without those already in the sample-size phrase."""
    notes = [_renamed(note, report) for note in report.warnings]
    notes = [note for note in notes if note not in phrases["size"]]
    return notes + [f"Audit: {line}" for line in audit_lines(report.audit, errors=False)]


def follow_up_text(read: ReadResult) -> str:
    """Median and quartiles of follow-up after time zero, in days."""
    days = read.cohort.patients["followed_until_hours"].dropna() / 24.0
    if days.empty:
        return "length of follow-up: not known"
    low, middle, high = (days.quantile(part) for part in (0.25, 0.5, 0.75))
    return (
        f"followed for a median of {middle:.1f} days after time zero (quartiles {low:.1f} and "
        f"{high:.1f}; as stated, else until the last row)"
    )


def _renamed(line: str, report: EvaluationReport) -> str:
    """A line whose leading code of an outcome is replaced by the outcome's short name."""
    name, colon, rest = line.partition(":")
    return f"{outcome_short(name)}{colon}{rest}" if name in report.outcomes else line


def _subgroup_figures(report: EvaluationReport) -> str:
    """Kinds of subgroup with figures, and where to find them."""
    kinds = dict.fromkeys(
        kind for outcome in report.outcomes.values() for kind in outcome.subgroups
    )
    if not kinds:
        return "subgroups: no figure, because the cohort names none"
    return f"by {joined(list(kinds))}: evaluation.html, table Subgroups"


def _limitations(report: EvaluationReport) -> str:
    findings = audit_titles(report.audit)
    return f"{LIMITATIONS}. The audit of the cohort found: {findings}" if findings else LIMITATIONS


def _arrival(report: EvaluationReport, read: ReadResult) -> str:
    """Caveats about result times, appended to "by their result time"."""
    doubt = arrival_text(report.result_times)
    assumed = (
        f"{read.turnaround_imputed} results without a result time get the typical turnaround"
        if read.turnaround_imputed
        else ""
    )
    return "".join(f"; but {part}" for part in (doubt, assumed) if part)


def made_of(report: EvaluationReport) -> list[tuple[str, str]]:
    """Thresholds, members, signs, prior and clinical state of each scale's model."""
    return [
        (f"{outcome_short(scale)}, {name[0].lower()}{name[1:]}", text)
        for scale, model in report.models.items()
        for name, text in fact_text(model)
    ]


def counts_of(report: EvaluationReport) -> list[str]:
    """Landmarks, patients and events of each outcome at every horizon."""
    return [
        f"{outcome_short(name)} within {key} h: {cell.n_events} of {cell.n} landmarks, "
        f"{cell.n_event_patients} of {cell.n_patients} patients"
        for name, outcome in report.outcomes.items()
        for key, cell in outcome.model.items()
    ]


def performance_of(config: Config, report: EvaluationReport) -> list[str]:
    """Discrimination and calibration of each outcome at the promotion gates' horizon."""
    lines = []
    for name, key, outcome in _gate_horizons(config, report):
        cell = outcome.performance("model", key)
        if cell.auroc is None:
            lines.append(f"{name} within {key} h: {TOO_FEW} for a figure")
            continue
        places = area_places(cell.auroc_lo, cell.auroc_hi)
        lines.append(
            f"{name} within {key} h: AUROC {cell.auroc:.{places}f} (95% interval "
            f"{bounds(cell.area, places)}), Brier {brier_text(cell.brier_score)}, "
            f"calibration slope {slope_text(cell.slope)}"
        )
    return lines


def added_value_of(config: Config, report: EvaluationReport) -> list[str]:
    """Gain in AUROC over grade and day, per outcome."""
    lines = []
    for name, key, outcome in _gate_horizons(config, report):
        difference = outcome.compared("grade_and_day", key).difference
        if difference.low is None:
            lines.append(f"{name} within {key} h: {TOO_FEW} to compare")
            continue
        value, low, high = (signed(part, 3) for part in difference)
        lines.append(
            f"{name} within {key} h: AUROC {value} against grade and day (95% interval {low} to "
            f"{high})"
        )
    return lines


def bounds(metric: Metric, places: int = 3) -> str:
    """Write the interval of a metric."""
    low, high = metric.low, metric.high
    return (
        "no interval" if low is None or high is None else f"{low:.{places}f} to {high:.{places}f}"
    )


def brier_text(score: Metric) -> str:
    """Write a Brier score and its interval."""
    return "not estimable" if score.value is None else f"{score.value:.4f} ({bounds(score, 4)})"


def slope_text(slope: Metric) -> str:
    """Write a calibration slope and its interval.

    Examples
    --------
    >>> slope_text(Metric())
    'not estimable, because the risks are all equal or separate the landmarks completely'
    """
    if slope.value is None:
        return "not estimable, because the risks are all equal or separate the landmarks completely"
    return f"{slope.value:.2f} ({bounds(slope, 2)})"


def _gate_horizons(
    config: Config, report: EvaluationReport
) -> Iterator[tuple[str, str, OutcomeReport]]:
    """Short name and promotion-gate horizon of each outcome."""
    for name, outcome in report.outcomes.items():
        yield (
            outcome_short(name),
            nearest_horizon(outcome.model, config.gates.horizon_hours),
            outcome,
        )


def _summary(config: Config, report: EvaluationReport) -> str:
    performance = "; ".join(performance_of(config, report))
    return (
        f"{_lineage(report)}Risk at each landmark from laboratory values, grades and treatments so "
        f"far, in "
        f"{report.cohort.n_patients} patients, by cross-validation: {performance}"
    )


def _lineage(report: EvaluationReport) -> str:
    """Sentence on the parent of a recalibrated bundle; "" for a trained one."""
    if report.recalibration is None:
        return ""
    parent = report.recalibration.parent
    return (
        f"Recalibrated on {report.cohort.name} from parent {parent.bundle_sha256[:12]} "
        f"({parent.n_patients} patients of {parent.cohort_name}). "
    )


def _members(config: Config, report: EvaluationReport) -> str:
    """Kinds of learner over all scales, and how their log-odds are averaged."""
    names = {
        name
        for model in report.models.values()
        for shares in model.members.values()
        for name in shares
    }
    kinds = ["ridge logistic regressions"] if names & {"grade_and_day", "state", "labs"} else []
    kinds += ["a shallow XGBoost"] if "booster" in names else []
    kinds += list(config.model.custom)
    if report.prior is not None:
        kinds.append(f"the model of the cohort '{report.prior.cohort_name}' as a prior")
    learned = (
        "with equal weights"
        if config.model.ridge_blend is None
        else ("with weights learned from inner patient folds and shrunk towards equal ones")
    )
    weighed = "with stated weights" if config.model.weights else learned
    return f"mean, {weighed}, of the log-odds of {joined(kinds)}, monotone in horizon and threshold"


def _sites(read: ReadResult) -> str:
    patients = read.cohort.patients
    if "site" not in patients or patients["site"].replace("", None).isna().all():
        return "not reported: the cohort names no site"
    return f"{patients['site'].replace('', None).nunique()} sites; where: not reported"


def _reading(read: ReadResult) -> str:
    return "; ".join(
        f"{file}: {count['read']} rows read, {count['rejected']} rejected"
        for file, count in read.counts.items()
    )


def _measured(report: EvaluationReport) -> str:
    """Share of landmarks at risk of the first outcome with a result, per analyte used."""
    entries = next(iter(report.analyte_use.values()), {})
    shares = [
        f"{key} {proportion(entry.row_share)}" for key, entry in entries.items() if entry.used
    ]
    return ", ".join(shares) or "no analyte is read"


def _ungraded(report: EvaluationReport) -> str:
    """Patients never graded, per scale, and how they are labelled."""
    scales = "; ".join(ungraded_text(entry.model_dump()) for entry in report.never_graded.values())
    return scales or "death is recorded in the patients table, so no patient counts as never graded"


def _subgroups(report: EvaluationReport, kind: str) -> str:
    """Names of outcomes with figures for a kind of subgroup."""
    names = [
        outcome_short(name)
        for name, outcome in report.outcomes.items()
        if kind in outcome.subgroups
    ]
    return f"figures by {kind} for {', '.join(names)}" if names else ""
