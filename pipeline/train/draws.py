"""Bootstrap draws of each outcome's AUROC, kept so that a later challenger can be paired with them.

Two models cross-validated on the same cohort with the same seed meet the same patients in draw k,
so the difference of their draws is a paired bootstrap. The draws are aggregates: nothing in them
belongs to one patient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import Config
from pipeline.evaluate import metrics
from pipeline.evaluate.resampling import patient_draws
from pipeline.evaluate.scores import Scores
from pipeline.train.gates import gate_horizon

FILE = "gate_draws.json"


def gate_draws(scores: Mapping[str, Scores], config: Config, cohort_sha256: str) -> dict[str, Any]:
    """AUROC at the gate's horizon, then in every bootstrap draw of patients, per outcome."""
    outcomes = {}
    for name, part in scores.items():
        keys = [f"{horizon:g}" for horizon in part.horizons]
        key = gate_horizon(keys, config.gates.horizon_hours)
        label = part.label[:, keys.index(key)]
        rows = np.flatnonzero(~np.isnan(label))
        draws = patient_draws(part.patient, config.evaluation.bootstrap, config.seed)[rows]
        risk = part.risks["model"][rows, keys.index(key)]
        areas = metrics.auroc(label[rows], risk, draws, part.group[rows])
        outcomes[name] = {
            "horizon_h": key,
            "n": round(len(rows) / part.n_repeats),
            "auroc": [None if np.isnan(area) else round(float(area), 6) for area in areas],
        }
    return {"cohort_sha256": cohort_sha256, "seed": config.seed, "outcomes": outcomes}


def write_draws(content: Mapping[str, Any], folder: Path) -> None:
    """Write the draws into a bundle folder."""
    (folder / FILE).write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")


def read_draws(folder: Path) -> dict[str, Any]:
    """Draws of a bundle; empty for a bundle written before they were kept."""
    path = folder / FILE
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
