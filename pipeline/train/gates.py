"""Promotion gates: what a challenger must show before it becomes champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config import GateConfig

_CANARY_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Gate:
    """One requirement, whether it holds, and a sentence that says why."""

    name: str
    passed: bool
    sentence: str


def check_gates(
    evaluation: Mapping[str, Any], config: GateConfig, champion: Mapping[str, Any] | None
) -> list[Gate]:
    """Gates of design decision 12 on a cross-validated evaluation.

    Parameters
    ----------
    evaluation : mapping
        Challenger's ``evaluation.json``.
    champion : mapping or None
        Champion's ``evaluation.json``; None when there is no champion.
    """
    gates = [_canary(evaluation)]
    for name, outcome in evaluation["outcomes"].items():
        key = _horizon(outcome["model"], config.horizon_hours)
        gates += [
            _not_worse(name, key, comparator, table[key], config.margin_auroc)
            for comparator, table in outcome["comparators"].items()
        ]
        gates.append(_slope(name, key, outcome["model"][key], config))
        gates.append(_enough_events(name, key, outcome["model"][key], config))
    if champion is not None:
        gates += _against_champion(evaluation, champion, config)
    return gates


def _canary(evaluation: Mapping[str, Any]) -> Gate:
    value = evaluation["canary_auroc"]
    passed = value is not None and abs(value - 0.5) < _CANARY_TOLERANCE
    shown = "could not be scored" if value is None else f"scores {value:.2f}"
    return Gate("canary", passed, f"A constant predictor {shown}; it must score 0.50.")


def _horizon(table: Mapping[str, Any], wanted: float) -> str:
    return min(table, key=lambda key: (abs(float(key) - wanted), float(key)))


def _not_worse(
    outcome: str, key: str, comparator: str, cell: Mapping[str, Any], margin: float
) -> Gate:
    low = cell["diff_lo"]
    name = f"{outcome}/h{key}/not worse than {comparator}"
    if low is None:
        return Gate(
            name, False, f"{outcome} at {key} h: too few events to compare with {comparator}."
        )
    return Gate(
        name,
        low > -margin,
        f"{outcome} at {key} h: AUROC minus that of {comparator} is {cell['diff_auroc']:+.3f}, "
        f"95 % interval from {low:+.3f}; the lower end must exceed {-margin:+.3f}.",
    )


def _slope(outcome: str, key: str, cell: Mapping[str, Any], config: GateConfig) -> Gate:
    low, high = cell["cal_slope_lo"], cell["cal_slope_hi"]
    name = f"{outcome}/h{key}/calibration slope"
    if low is None or high is None:
        return Gate(name, False, f"{outcome} at {key} h: the calibration slope has no interval.")
    return Gate(
        name,
        low <= config.slope_high and high >= config.slope_low,
        f"{outcome} at {key} h: calibration slope {cell['cal_slope']:.2f}, 95 % interval "
        f"{low:.2f} to {high:.2f}; it must overlap {config.slope_low} to {config.slope_high}.",
    )


def _enough_events(outcome: str, key: str, cell: Mapping[str, Any], config: GateConfig) -> Gate:
    """Wide intervals overlap anything, so the other gates mean little with few events."""
    count = cell["n_event_patients"]
    return Gate(
        f"{outcome}/h{key}/enough events",
        count >= config.min_event_patients,
        f"{outcome} at {key} h: {count} event patients; at least {config.min_event_patients} are "
        "needed for the intervals to mean something.",
    )


def _against_champion(
    evaluation: Mapping[str, Any], champion: Mapping[str, Any], config: GateConfig
) -> list[Gate]:
    if evaluation["cohort"]["sha256"] != champion["cohort"]["sha256"]:
        return [
            Gate(
                "champion/same cohort",
                False,
                "The champion was evaluated on another cohort, so the two cannot be compared; "
                "retrain the champion's configuration on this cohort, or use --force.",
            )
        ]
    gates = []
    for name, outcome in evaluation["outcomes"].items():
        other = champion["outcomes"].get(name)
        if other is None:
            continue
        key = _horizon(outcome["model"], config.horizon_hours)
        ours, theirs = outcome["model"][key]["auroc"], other["model"].get(key, {}).get("auroc")
        known = ours is not None and theirs is not None
        gates.append(
            Gate(
                f"{name}/h{key}/not worse than champion",
                known and ours - theirs > -config.margin_auroc,
                f"{name} at {key} h: AUROC {ours:.3f} against the champion's {theirs:.3f} on the "
                f"same cohort; it may be at most {config.margin_auroc} lower."
                if known
                else f"{name} at {key} h: no AUROC to compare with the champion.",
            )
        )
    return gates
