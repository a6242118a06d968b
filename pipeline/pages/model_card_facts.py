"""Phrases about a training run for the model card and the TRIPOD+AI checklist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from pipeline import __version__
from pipeline.cohort.ungraded import ungraded_text
from pipeline.config import Config
from pipeline.evaluate.abstention_rates import abstention_line
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
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

_text = partial(evaluation_phrase, "card")


def card_facts(
    config: Config, report: EvaluationReport, spec: FeatureSpec, read: ReadResult
) -> dict[str, str]:
    """Return phrases by name, each without a full stop."""
    cohort, protocol = report.cohort, report.protocol
    outcomes = "; ".join(item.label for item in config.outcomes.values())
    synthetic = _text("synthetic") if config.cohort.synthetic else ""
    simulated = _text("simulated") if config.cohort.synthetic else ""
    population = simulated or _text("patients_of", cohort=config.cohort.name)
    model = config.model
    return {
        "title": _text("title", synthetic=synthetic, outcomes=outcomes, population=population),
        "summary": _summary(config, report),
        "population": _text("population", population=population, zero=config.cohort.time_zero),
        "users": _text("users"),
        "cohort": config.cohort.name,
        "cohort_sha": str(cohort.sha256),
        "sites": _sites(read),
        "drugs": ", ".join(spec.drug_classes) or _text("no_drugs"),
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
        "heterogeneity": _subgroups(report, "site") or _text("no_centre"),
        "fairness": _subgroups(report, "sex") or _text("no_sex"),
        "level": f"{100 * model.interval_level:.0f}",
        "version": __version__,
        "flow": _text(
            "flow",
            patients=cohort.n_patients,
            landmarks=cohort.n_landmarks,
            rows=cohort.n_lab_rows,
            events=", ".join(
                _text(
                    "flow_events",
                    name=outcome_short(name),
                    count=count,
                    whole=report.sample_size[name].n_patients,
                )
                for name, count in cohort.event_patients.items()
            ),
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
    return notes + [
        _text("audit_note", line=line) for line in audit_lines(report.audit, errors=False)
    ]


def follow_up_text(read: ReadResult) -> str:
    """Median and quartiles of follow-up after time zero, in days."""
    days = read.cohort.patients["followed_until_hours"].dropna() / 24.0
    if days.empty:
        return _text("follow_up_unknown")
    low, middle, high = (f"{days.quantile(part):.1f}" for part in (0.25, 0.5, 0.75))
    return _text("follow_up", low=low, middle=middle, high=high)


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
        return _text("no_subgroups")
    return _text("subgroups", kinds=joined(list(kinds)))


def _limitations(report: EvaluationReport) -> str:
    findings, limitations = audit_titles(report.audit), _text("limitations")
    if not findings:
        return limitations
    return _text("audit_found", limitations=limitations, findings=findings)


def _arrival(report: EvaluationReport, read: ReadResult) -> str:
    """Caveats about result times, appended to "by their result time"."""
    doubt = arrival_text(report.result_times)
    count = read.turnaround_imputed
    assumed = _text("imputed", count=count) if count else ""
    return "".join(_text("but", part=part) for part in (doubt, assumed) if part)


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
        _text(
            "counts",
            name=outcome_short(name),
            hours=key,
            events=cell.n_events,
            landmarks=cell.n,
            eventpatients=cell.n_event_patients,
            patients=cell.n_patients,
        )
        for name, outcome in report.outcomes.items()
        for key, cell in outcome.model.items()
    ]


def performance_of(config: Config, report: EvaluationReport) -> list[str]:
    """Discrimination and calibration of each outcome at the promotion gates' horizon."""
    lines = []
    for name, key, outcome in _gate_horizons(config, report):
        cell = outcome.performance("model", key)
        if cell.auroc is None:
            lines.append(_text("no_figure", name=name, hours=key, reason=TOO_FEW))
            continue
        places = area_places(cell.auroc_lo, cell.auroc_hi)
        lines.append(
            _text(
                "figure",
                name=name,
                hours=key,
                auroc=f"{cell.auroc:.{places}f}",
                interval=bounds(cell.area, places),
                brier=brier_text(cell.brier_score),
                slope=slope_text(cell.slope),
            )
        )
    return lines


def added_value_of(config: Config, report: EvaluationReport) -> list[str]:
    """Gain in AUROC over grade and day, per outcome."""
    lines = []
    for name, key, outcome in _gate_horizons(config, report):
        difference = outcome.compared("grade_and_day", key).difference
        if difference.low is None:
            lines.append(_text("no_comparison", name=name, hours=key, reason=TOO_FEW))
            continue
        value, low, high = (signed(part, 3) for part in difference)
        lines.append(_text("comparison", name=name, hours=key, value=value, low=low, high=high))
    return lines


def bounds(metric: Metric, places: int = 3) -> str:
    """Write the interval of a metric."""
    low, high = metric.low, metric.high
    if low is None or high is None:
        return _text("no_interval")
    return _text("interval", low=f"{low:.{places}f}", high=f"{high:.{places}f}")


def brier_text(score: Metric) -> str:
    """Write a Brier score and its interval."""
    if score.value is None:
        return _text("not_estimable")
    return f"{score.value:.4f} ({bounds(score, 4)})"


def slope_text(slope: Metric) -> str:
    """Write a calibration slope and its interval.

    Examples
    --------
    >>> slope_text(Metric())
    'not estimable, because the risks are all equal or separate the landmarks completely'
    """
    if slope.value is None:
        return _text("no_slope")
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
    return _text(
        "summary",
        lineage=_lineage(report),
        patients=report.cohort.n_patients,
        performance="; ".join(performance_of(config, report)),
    )


def _lineage(report: EvaluationReport) -> str:
    """Sentence on the parent of a recalibrated bundle; "" for a trained one."""
    if report.recalibration is None:
        return ""
    parent = report.recalibration.parent
    return _text(
        "lineage",
        cohort=report.cohort.name,
        parent=parent.bundle_sha256[:12],
        patients=parent.n_patients,
        parentcohort=parent.cohort_name,
    )


def _members(config: Config, report: EvaluationReport) -> str:
    """Kinds of learner over all scales, and how their log-odds are averaged."""
    names = {
        name
        for model in report.models.values()
        for shares in model.members.values()
        for name in shares
    }
    kinds = [_text("linear")] if names & {"grade_and_day", "state", "labs"} else []
    kinds += [_text("trees")] if "booster" in names else []
    kinds += list(config.model.custom)
    if report.prior is not None:
        kinds.append(_text("prior", cohort=report.prior.cohort_name))
    learned = "equal" if config.model.ridge_blend is None else "learned"
    weighed = _text("stated" if config.model.weights else learned)
    return _text("members", weighed=weighed, kinds=joined(kinds))


def _sites(read: ReadResult) -> str:
    patients = read.cohort.patients
    if "site" not in patients or patients["site"].replace("", None).isna().all():
        return _text("no_site")
    return _text("sites", count=patients["site"].replace("", None).nunique())


def _reading(read: ReadResult) -> str:
    return "; ".join(
        _text("reading", file=file, read=count["read"], rejected=count["rejected"])
        for file, count in read.counts.items()
    )


def _measured(report: EvaluationReport) -> str:
    """Share of landmarks at risk of the first outcome with a result, per analyte used."""
    entries = next(iter(report.analyte_use.values()), {})
    shares = [
        f"{key} {proportion(entry.row_share)}" for key, entry in entries.items() if entry.used
    ]
    return ", ".join(shares) or _text("no_analyte")


def _ungraded(report: EvaluationReport) -> str:
    """Patients never graded, per scale, and how they are labelled."""
    scales = "; ".join(ungraded_text(entry.model_dump()) for entry in report.never_graded.values())
    return scales or _text("all_graded")


def _subgroups(report: EvaluationReport, kind: str) -> str:
    """Names of outcomes with figures for a kind of subgroup."""
    names = [
        outcome_short(name)
        for name, outcome in report.outcomes.items()
        if kind in outcome.subgroups
    ]
    return _text("subgroup", kind=kind, names=", ".join(names)) if names else ""
