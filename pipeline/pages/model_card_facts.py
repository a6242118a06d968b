"""What a run can say about itself in words: the facts behind the model card and the checklist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline import __version__
from pipeline.cohort.ungraded import ungraded_words
from pipeline.config import Config
from pipeline.evaluate.abstention_rates import abstention_line
from pipeline.evaluate.discrimination import TOO_FEW
from pipeline.features.spec import FeatureSpec
from pipeline.format import counted, joined, proportion, signed
from pipeline.pages.method_sentences import arrival_words, audit_lines, audit_titles
from pipeline.pages.model_tables import fact_words, settings_words
from pipeline.reading.read_result import ReadResult
from pipeline.train.gates import gate_horizon

USERS = "data scientists and clinicians of a cell therapy programme, for research"
LIMITATIONS = (
    "Association, not cause. Intervals of the evaluation hold predictions fixed. The hour of a "
    "grade is when it was charted. Small cohorts support few parameters. Not validated elsewhere"
)


def card_facts(
    config: Config, evaluation: Mapping[str, Any], spec: FeatureSpec, read: ReadResult
) -> dict[str, str]:
    """Facts by name; each is a phrase without a final stop.

    Parameters
    ----------
    evaluation : mapping
        Content of ``evaluation.json``.
    """
    cohort, protocol = evaluation["cohort"], evaluation["protocol"]
    outcomes = "; ".join(item.label for item in config.outcomes.values())
    synthetic = "SYNTHETIC DATA: " if config.cohort.synthetic else ""
    population = (
        "simulated patients" if config.cohort.synthetic else f"patients of '{config.cohort.name}'"
    )
    model = config.model
    return {
        "title": f"{synthetic}Prediction of {outcomes} from serial biomarkers, {population}",
        "summary": _summary(config, evaluation),
        "population": f"{population}, hours since {config.cohort.time_zero}",
        "users": USERS,
        "cohort": config.cohort.name,
        "cohort_sha": cohort["sha256"],
        "sites": _sites(read),
        "drugs": ", ".join(spec.drug_classes) or "none in this cohort",
        "reading": _reading(read),
        "outcomes": outcomes,
        "horizons": ", ".join(f"{hours:g}" for hours in model.horizons_hours),
        "grading": config.cohort.grading_system,
        "n_analytes": str(len(spec.analytes)),
        "analytes": ", ".join(analyte.key for analyte in spec.analytes),
        "size": " ".join(item["sentence"] for item in evaluation["sample_size"].values()),
        "abstention": "; ".join(
            abstention_line(name, report) for name, report in evaluation["abstention"].items()
        ),
        "ungraded": _ungraded(evaluation),
        "folds": str(protocol["folds"]),
        "repeats": counted(protocol["repeats"], "repeat"),
        "seed": str(protocol["seed"]),
        "bootstrap": str(protocol["bootstrap"]),
        "members": _members(config, evaluation),
        "tuning": str(protocol["tuning"]),
        "made": "; ".join(f"{name}: {told}" for name, told in made_of(evaluation)),
        "settings": settings_words(evaluation["settings_changed"]).removesuffix("."),
        "heterogeneity": _subgroups(evaluation, "site") or "not reported: no figure by centre",
        "fairness": _subgroups(evaluation, "sex") or "not reported: no figure by sex or age",
        "level": f"{100 * model.interval_level:.0f}",
        "version": __version__,
        "flow": f"{cohort['n_patients']} patients, {cohort['n_landmarks']} landmarks, "
        f"{cohort['n_lab_rows']} laboratory rows; patients with the event: "
        + ", ".join(
            f"{name} {count} of {evaluation['sample_size'][name]['n_patients']} at risk"
            for name, count in cohort["event_patients"].items()
        ),
        "measured": _measured(evaluation),
        "counts": "; ".join(counts_of(evaluation)),
        "performance": "; ".join(performance_of(config, evaluation)),
        "interpretation": "; ".join(added_value_of(config, evaluation)),
        "limitations": _limitations(evaluation),
        "arrival": _arrival(evaluation, read),
        "follow_up": follow_up_words(read),
        "subgroups": _subgroup_figures(evaluation),
    }


def notes_of(evaluation: Mapping[str, Any], facts: Mapping[str, str]) -> list[str]:
    """Warnings of the training, and what the audit warned of; sample size stands elsewhere."""
    told = [note for note in evaluation["warnings"] if note not in facts["size"]]
    return told + [f"Audit: {line}" for line in audit_lines(evaluation["audit"], errors=False)]


def follow_up_words(read: ReadResult) -> str:
    """Median time for which patients are followed after time zero, as stated or by their rows."""
    days = read.cohort.patients["followed_until_hours"].dropna() / 24.0
    if days.empty:
        return "length of follow-up: not known"
    low, middle, high = (days.quantile(part) for part in (0.25, 0.5, 0.75))
    return (
        f"followed for a median of {middle:.1f} days after time zero (quartiles {low:.1f} and "
        f"{high:.1f}; as stated, else until the last row)"
    )


def _subgroup_figures(evaluation: Mapping[str, Any]) -> str:
    """By what there are figures of subgroups, and where they stand."""
    kinds = dict.fromkeys(
        kind for outcome in evaluation["outcomes"].values() for kind in outcome.get("subgroups", {})
    )
    if not kinds:
        return "subgroups: no figure, because the cohort names none"
    return f"by {joined(list(kinds))}: evaluation.html, table Subgroups"


def _limitations(evaluation: Mapping[str, Any]) -> str:
    found = audit_titles(evaluation["audit"])
    return f"{LIMITATIONS}. The audit of the cohort found: {found}" if found else LIMITATIONS


def _arrival(evaluation: Mapping[str, Any], read: ReadResult) -> str:
    """What "by their result time" is worth in this cohort, to follow that phrase."""
    doubt = arrival_words(evaluation["result_times"])
    assumed = (
        f"{read.turnaround_imputed} results without a time of their own get the usual delay"
        if read.turnaround_imputed
        else ""
    )
    return "".join(f"; but {part}" for part in (doubt, assumed) if part)


def made_of(evaluation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What each scale's model is made of: thresholds, members, signs, prior, clinical state."""
    return [
        (f"{scale}, {name[0].lower()}{name[1:]}", told)
        for scale, entry in evaluation["models"].items()
        for name, told in fact_words(entry)
    ]


def counts_of(evaluation: Mapping[str, Any]) -> list[str]:
    """Landmarks, patients and events of each outcome at every horizon."""
    return [
        f"{name} within {key} h: {cell['n_events']} of {cell['n']} landmarks, "
        f"{cell['n_event_patients']} of {cell['n_patients']} patients"
        for name, outcome in evaluation["outcomes"].items()
        for key, cell in outcome["model"].items()
    ]


def performance_of(config: Config, evaluation: Mapping[str, Any]) -> list[str]:
    """Discrimination and calibration of each outcome at the horizon of the gates."""
    lines = []
    for name, key, cell, outcome in _cells(config, evaluation):
        if cell["auroc"] is None:
            lines.append(f"{name} within {key} h: {TOO_FEW} for a figure")
            continue
        lines.append(
            f"{name} within {key} h: AUROC {cell['auroc']:.3f} (95 % interval "
            f"{bounds(cell, 'auroc')}), Brier {brier_words(outcome, key)}, calibration slope "
            f"{slope_words(cell)}"
        )
    return lines


def added_value_of(config: Config, evaluation: Mapping[str, Any]) -> list[str]:
    """What the model adds to grade and day, per outcome."""
    lines = []
    for name, key, _, outcome in _cells(config, evaluation):
        bar = outcome["comparators"]["grade_and_day"][key]
        if bar["diff_lo"] is None:
            lines.append(f"{name} within {key} h: {TOO_FEW} to compare")
            continue
        lines.append(
            f"{name} within {key} h: AUROC {signed(bar['diff_auroc'], 3)} against grade and day "
            f"(95 % interval {signed(bar['diff_lo'], 3)} to {signed(bar['diff_hi'], 3)})"
        )
    return lines


def bounds(cell: Mapping[str, Any], metric: str, places: int = 3) -> str:
    """Interval of a metric in words."""
    low, high = cell[f"{metric}_lo"], cell[f"{metric}_hi"]
    return (
        "no interval" if low is None or high is None else f"{low:.{places}f} to {high:.{places}f}"
    )


def brier_words(outcome: Mapping[str, Any], key: str) -> str:
    """Brier score of the model at a horizon and its interval."""
    value = outcome["model"][key]["brier"]
    if value is None:
        return "not estimable"
    return f"{value:.4f} ({bounds(outcome['probability_intervals']['model'][key], 'brier', 4)})"


def slope_words(cell: Mapping[str, Any]) -> str:
    """Calibration slope and its interval.

    Examples
    --------
    >>> slope_words({"cal_slope": None})
    'not estimable, because the risks are all alike or part the landmarks without an overlap'
    """
    if cell["cal_slope"] is None:
        return (
            "not estimable, because the risks are all alike or part the landmarks without an "
            "overlap"
        )
    return f"{cell['cal_slope']:.2f} ({bounds(cell, 'cal_slope', 2)})"


def _cells(
    config: Config, evaluation: Mapping[str, Any]
) -> list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]]:
    result = []
    for name, outcome in evaluation["outcomes"].items():
        key = gate_horizon(outcome["model"], config.gates.horizon_hours)
        result.append((name, key, outcome["model"][key], outcome))
    return result


def _summary(config: Config, evaluation: Mapping[str, Any]) -> str:
    performance = "; ".join(performance_of(config, evaluation))
    return (
        f"Risk at each landmark from laboratory values, grades and treatments so far, in "
        f"{evaluation['cohort']['n_patients']} patients, by cross-validation: {performance}"
    )


def _members(config: Config, evaluation: Mapping[str, Any]) -> str:
    """What kinds of learner any scale's model holds, and how they are joined."""
    names = {
        name
        for entry in evaluation["models"].values()
        for shares in entry["members"].values()
        for name in shares
    }
    kinds = ["ridge logistic regressions"] if names & {"grade_and_day", "state", "labs"} else []
    kinds += ["a shallow XGBoost"] if "booster" in names else []
    kinds += list(config.model.custom)
    if "prior" in evaluation:
        kinds.append(f"the model of the cohort '{evaluation['prior']['cohort_name']}' as a prior")
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
        f"{file}: {count['read']} rows read, {count['rejected']} refused"
        for file, count in read.counts.items()
    )


def _measured(evaluation: Mapping[str, Any]) -> str:
    """Share of the landmarks at risk of the first outcome with a result of each analyte read."""
    entries: Mapping[str, Any] = next(iter(evaluation["analyte_use"].values()), {})
    told = [
        f"{key} {proportion(entry['row_share'])}" for key, entry in entries.items() if entry["used"]
    ]
    return ", ".join(told) or "no analyte is read"


def _ungraded(evaluation: Mapping[str, Any]) -> str:
    """Who was never graded on a scale, and what the labels make of it."""
    told = "; ".join(ungraded_words(entry) for entry in evaluation["never_graded"].values())
    return told or "death is stated in the patients table, so nobody counts as never graded"


def _subgroups(evaluation: Mapping[str, Any], kind: str) -> str:
    """Names the subgroup figures that the evaluation holds."""
    found = [
        name
        for name, outcome in evaluation["outcomes"].items()
        if kind in outcome.get("subgroups", {})
    ]
    return f"figures by {kind} for {', '.join(found)}" if found else ""
