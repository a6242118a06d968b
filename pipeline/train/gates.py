"""Promotion gates: requirements that a challenger must meet to become champion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import Config
from pipeline.config_evaluation import GateConfig
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.format import signed
from pipeline.model.evaluation_cells import AreaCell, Counts, Metric, Number, PerformanceCell
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.outcomes import nearest_horizon

SAME_COHORT = "champion/same cohort"
_CANARY_TOLERANCE = 1e-9


FILE = "gate_draws.json"


@dataclass(frozen=True)
class Candidate:
    """Evaluation and AUROC draws of one bundle."""

    evaluation: EvaluationReport
    draws: Mapping[str, Any]


@dataclass(frozen=True)
class Gate:
    """One requirement, whether it is met, and a sentence with the reason."""

    name: str
    passed: bool
    sentence: str


def check_gates(
    challenger: Candidate, config: GateConfig, champion: Candidate | None
) -> list[Gate]:
    """Check the promotion gates on a cross-validated evaluation.

    Parameters
    ----------
    challenger : Candidate
    config : GateConfig
    champion : Candidate or None
        None if there is no champion yet.

    Returns
    -------
    list of Gate
        Passed and failed.

    Examples
    --------
    >>> challenger = Candidate(EvaluationReport(canary_auroc=0.5), {})
    >>> [(gate.name, gate.passed) for gate in check_gates(challenger, GateConfig(), None)]
    [('canary', True), ('audit', False)]
    """
    report = challenger.evaluation
    gates = [_canary(report), _audited(report)]
    for name, outcome in report.outcomes.items():
        key = nearest_horizon(outcome.model, config.horizon_hours)
        cell = outcome.model[key]
        gates.append(_enough_events(name, key, cell, config))
        gates += [
            _not_worse(name, key, comparator, table[key], config)
            for comparator, table in outcome.comparators.items()
            if key in table
        ]
        gates += _slopes(name, key, outcome.model, config)
    recalibration = report.recalibration
    gates += [
        Gate(f"{name}/recalibrated", False, f"{name} keeps the parent's calibration: {reason}.")
        for name, reason in ({} if recalibration is None else recalibration.kept).items()
    ]
    if champion is not None:
        gates += _against_champion(challenger, champion, config)
    return gates


def gate_tags(gates: Sequence[Gate]) -> dict[str, str]:
    """Tags of a run or model version: ``passed`` or ``failed`` by ``gate/<name>``.

    Parameters
    ----------
    gates : sequence of Gate

    Returns
    -------
    dict of str

    Examples
    --------
    >>> gate_tags([Gate("canary", True, "No leak.")])
    {'gate/canary': 'passed'}
    """
    return {f"gate/{gate.name}": "passed" if gate.passed else "failed" for gate in gates}


def gate_draws(
    scores: Mapping[str, ScoredRows], config: Config, cohort_sha256: str
) -> dict[str, Any]:
    """AUROC at the horizon of the gates per outcome: the sample, then every bootstrap draw."""
    outcomes = {}
    for name, part in scores.items():
        keys = [f"{horizon:g}" for horizon in part.horizons]
        key = nearest_horizon(keys, config.gates.horizon_hours)
        resampled = part.resampled(
            config.evaluation.bootstrap, config.seed, config.evaluation.min_event_patients
        )
        rows = resampled.at(part.horizons[keys.index(key)])
        areas = rows.auroc_draws(rows.risks["model"])
        outcomes[name] = {
            "horizon_h": key,
            "n": rows.counts()["n"],
            "auroc": [None if np.isnan(area) else round(float(area), 6) for area in areas],
        }
    return {"cohort_sha256": cohort_sha256, "seed": config.seed, "outcomes": outcomes}


def write_draws(content: Mapping[str, Any], folder: Path) -> None:
    """Write the draws into a bundle folder.

    Parameters
    ----------
    content : mapping
        From :func:`gate_draws`.
    folder : Path

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     write_draws({"seed": 0, "outcomes": {}}, Path(place))
    ...     read_draws(Path(place))
    {'outcomes': {}, 'seed': 0}
    """
    (folder / FILE).write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")


def read_draws(folder: Path) -> dict[str, Any]:
    """Draws of a bundle.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict
        Empty for a bundle of an older version without draws.

    Examples
    --------
    >>> read_draws(Path("no-such-bundle"))
    {}
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _canary(report: EvaluationReport) -> Gate:
    value = report.canary_auroc
    passed = value is not None and abs(value - 0.5) < _CANARY_TOLERANCE
    shown = "cannot be scored" if value is None else f"has an AUROC of {value:.2f}"
    return Gate("canary", passed, f"A constant predictor {shown}; it must be 0.50.")


def _audited(report: EvaluationReport) -> Gate:
    audit = report.audit
    if audit is None:
        return Gate("audit", False, "The training cohort has no audit; train again.")
    open_errors, known = audit.unacknowledged_errors, audit.acknowledged_errors
    acknowledged = f" Acknowledged in the configuration: {', '.join(known)}." if known else ""
    codes = ", ".join(open_errors) or "none"
    return Gate("audit", not open_errors, f"Unacknowledged audit errors: {codes}.{acknowledged}")


def _not_worse(outcome: str, key: str, comparator: str, cell: AreaCell, config: GateConfig) -> Gate:
    """The lower bound decides; a comparator with too few event patients is not required."""
    name = f"{outcome}/h{key}/not worse than {comparator}"
    if cell.diff_lo is None:
        few = _events(cell) < config.min_event_patients
        return Gate(
            name,
            few,
            f"{outcome} at {key} h: only {cell.n_event_patients} event patients have the inputs "
            f"of {comparator}, so it is not required."
            if few
            else f"{outcome} at {key} h: the difference from {comparator} has no interval.",
        )
    return Gate(
        name,
        cell.diff_lo > -config.margin_auroc,
        f"{outcome} at {key} h: AUROC minus that of {comparator} "
        f"{_difference(cell.diff_auroc, cell.diff_lo, config)}",
    )


def _difference(value: Number, low: float, config: GateConfig) -> str:
    difference, lower, bound = (signed(x, 3) for x in (value, low, -config.margin_auroc))
    return f"is {difference}, 95% interval from {lower}; the lower end must exceed {bound}."


def _slopes(
    outcome: str, key: str, model: Mapping[str, PerformanceCell], config: GateConfig
) -> list[Gate]:
    """One gate per horizon with enough event patients; the horizon of the gates has one always."""
    return [
        _slope(outcome, hours, cell.slope, config)
        for hours, cell in sorted(model.items(), key=lambda item: float(item[0]))
        if hours == key or _events(cell) >= config.min_event_patients
    ]


def _slope(outcome: str, key: str, slope: Metric, config: GateConfig) -> Gate:
    """The interval must overlap a range, and the estimate lie in a wider one.

    A wide interval overlaps any range, so the overlap alone would pass with few events.
    """
    value, low, high = slope
    name = f"{outcome}/h{key}/calibration slope"
    if value is None or low is None or high is None:
        return Gate(name, False, f"{outcome} at {key} h: the calibration slope has no interval.")
    overlaps = low <= config.slope_high and high >= config.slope_low
    return Gate(
        name,
        overlaps and config.slope_estimate_low <= value <= config.slope_estimate_high,
        f"{outcome} at {key} h: calibration slope {value:.2f}, 95% interval {low:.2f} to "
        f"{high:.2f}; the estimate must lie within {config.slope_estimate_low} to "
        f"{config.slope_estimate_high} and the interval overlap {config.slope_low} to "
        f"{config.slope_high}.",
    )


def _enough_events(outcome: str, key: str, cell: Counts, config: GateConfig) -> Gate:
    """With few events intervals are wide, and the other gates pass too easily."""
    return Gate(
        f"{outcome}/h{key}/enough events",
        _events(cell) >= config.min_event_patients,
        f"{outcome} at {key} h: {cell.n_event_patients} event patients; at least "
        f"{config.min_event_patients} are needed for informative intervals.",
    )


def _events(cell: Counts) -> float:
    return cell.n_event_patients or 0


def _against_champion(challenger: Candidate, champion: Candidate, config: GateConfig) -> list[Gate]:
    """Non-inferior to the champion on the same cohort, with all its outcomes."""
    ours, theirs = challenger.evaluation, champion.evaluation
    lost = [name for name in theirs.outcomes if name not in ours.outcomes]
    kept = Gate(
        "champion/outcomes kept",
        not lost,
        f"The champion also predicts {', '.join(lost)}, which the challenger does not."
        if lost
        else "The challenger predicts every outcome that the champion predicts.",
    )
    if ours.cohort.sha256 != theirs.cohort.sha256:
        return [
            kept,
            Gate(
                SAME_COHORT,
                False,
                "The champion was evaluated on another cohort, so the two cannot be compared. "
                "Train on the challenger's cohort with the champion's config.json (--config, "
                "--no-track), then promote with --against that bundle.",
            ),
        ]
    shared = [name for name in ours.outcomes if name in theirs.outcomes]
    return [kept, *(_not_inferior(name, challenger, champion, config) for name in shared)]


def _not_inferior(
    outcome: str, challenger: Candidate, champion: Candidate, config: GateConfig
) -> Gate:
    drawn = _paired(outcome, challenger.draws, champion.draws)
    if drawn is None:
        return Gate(
            f"{outcome}/not worse than champion",
            False,
            f"{outcome}: the champion was evaluated with another seed, horizon or number of "
            "draws, so the difference has no paired interval. Train with its seed and evaluation "
            "settings.",
        )
    key, difference = drawn
    known = difference[1:][~np.isnan(difference[1:])]
    name = f"{outcome}/h{key}/not worse than champion"
    if np.isnan(difference[0]) or len(known) < 0.9 * (len(difference) - 1):
        return Gate(
            name, False, f"{outcome} at {key} h: too few events to compare with the champion."
        )
    low = float(np.quantile(known, 0.025))
    return Gate(
        name,
        low > -config.margin_auroc,
        f"{outcome} at {key} h: AUROC minus that of the champion "
        f"{_difference(difference[0], low, config)}",
    )


def _paired(
    outcome: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[str, np.typing.NDArray[np.float64]] | None:
    """Horizon, and difference in AUROC of the sample and every draw; None if not paired."""
    mine = ours.get("outcomes", {}).get(outcome)
    other = theirs.get("outcomes", {}).get(outcome)
    if mine is None or other is None or ours["seed"] != theirs["seed"]:
        return None
    same = all(mine[part] == other[part] for part in ("horizon_h", "n"))
    if not same or len(mine["auroc"]) != len(other["auroc"]):
        return None
    first, second = (np.array(part["auroc"], dtype=float) for part in (mine, other))
    return mine["horizon_h"], first - second
