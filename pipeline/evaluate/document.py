"""The evaluation document: outcomes, protocol and provenance as one JSON-ready mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.config import Config
from pipeline.evaluate.evaluation import curves, evaluate_scores
from pipeline.evaluate.scores import Scores
from pipeline.model.stack import EVENT, Targets


@dataclass(frozen=True)
class Evaluation:
    """``evaluation.json`` and the curves its page draws."""

    content: dict[str, Any]
    curves: dict[str, Any]


def assemble(
    scores: Mapping[str, Scores],
    config: Config,
    *,
    kind: str,
    cohort: Mapping[str, Any],
    warnings: list[str],
) -> Evaluation:
    """Evaluate every outcome and put the results into one document.

    Parameters
    ----------
    scores : mapping
        Outcome name to its scored landmarks.
    kind : str
        ``cross-validated``, ``external`` or ``apparent``.
    cohort : mapping
        Aggregate facts about the cohort; nothing about one patient.
    """
    outcomes, drawn, canaries = {}, {}, []
    for name, part in scores.items():
        result = evaluate_scores(part, config.evaluation, seed=config.seed)
        canary = result.pop("canary")
        if canary is not None:
            canaries.append(canary)
        outcomes[name] = {"label": config.outcomes[name].label, **result}
        drawn[name] = curves(part)
    internal = kind == "cross-validated"
    return Evaluation(
        {
            "cohort": dict(cohort),
            "kind": kind,
            "protocol": {
                "folds": config.evaluation.folds if internal else None,
                "repeats": config.evaluation.repeats if internal else None,
                "bootstrap": config.evaluation.bootstrap,
                "horizons_h": [_whole(hours) for hours in config.model.horizons_hours],
                "by_day_horizon_h": _whole(config.model.horizons_hours[-1]),
                "seed": config.seed,
            },
            "canary_auroc": float(np.mean(canaries)) if canaries else None,
            "warnings": warnings,
            "outcomes": outcomes,
        },
        drawn,
    )


def _whole(hours: float) -> float:
    """24 rather than 24.0, so that pages and files read naturally."""
    return int(hours) if float(hours).is_integer() else float(hours)


def event_patients(targets: Targets, threshold: int) -> int:
    """Patients who are at risk at some landmark and have the event later."""
    column = targets.thresholds.index(threshold)
    hit = (targets.status[:, column] == EVENT) & targets.at_risk[:, column]
    return len(np.unique(targets.patient[hit]))
