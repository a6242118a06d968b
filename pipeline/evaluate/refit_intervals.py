"""Out-of-bag figures of whole refits: the uncertainty that fixed predictions exclude."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints
from pipeline.evaluate import metrics
from pipeline.evaluate.cross_validation import cross_validate
from pipeline.evaluate.intervals import number
from pipeline.evaluate.scored_rows import HorizonRows, ScoredRows
from pipeline.evaluate.splits import Split
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.evaluated_outcome import RefitCell, RefitFigures
from pipeline.model.fit_plan import FitPlan
from pipeline.model.stacked_rows import EVENT, Targets

COMPARED = ("model", "grade_and_day")
FIGURES = ("auroc", "brier", "cal_slope")
_FEWEST = 20  # refits below which a percentile interval is not given


def bootstrap_splits(patient: Ints, draws: int, seed: int) -> list[Split]:
    """One split per bootstrap sample of patients, tested on the patients that it left out.

    A patient drawn twice has every training row twice. The inner folds of a fit are by patient,
    so copies stay together.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)

    Examples
    --------
    >>> split = bootstrap_splits(np.array([4, 4, 5, 6]), draws=1, seed=0)[0]
    >>> split.train.tolist(), split.test.tolist()
    ([2, 2, 3], [0, 1])
    """
    unique, code = np.unique(patient, return_inverse=True)
    random = np.random.default_rng(seed)
    splits = []
    for draw in range(draws):
        times = np.bincount(random.integers(0, len(unique), len(unique)), minlength=len(unique))
        train = np.repeat(np.arange(len(patient)), times[code])
        splits.append(Split(draw, 0, train, np.flatnonzero(times[code] == 0)))
    return splits


def score_refits(
    matrix: FeatureMatrix, targets: Targets, plan: FitPlan, draws: int, seed: int, minimum: int
) -> dict[int, ScoredRows]:
    """Out-of-bag scores by threshold; every refit is a repeat and a group of its own.

    Costs ``draws`` fits of the whole model. Refits on fewer than ``minimum`` patients with the
    event are left out.
    """
    splits = bootstrap_splits(targets.patient, draws, seed)
    result = {}
    for threshold, scores in cross_validate(matrix, targets, plan, splits, label="refits").items():
        column = targets.thresholds.index(threshold)
        event = (targets.status[:, column] == EVENT) & targets.at_risk[:, column]
        kept = [split.repeat for split in splits if _patients(targets, event, split) >= minimum]
        result[threshold] = scores.take(np.flatnonzero(np.isin(scores.repeat, kept)))
    return result


def refit_intervals(scores: ScoredRows, refits: int, minimum: int) -> dict[str, RefitCell]:
    """Out-of-bag AUROC, Brier score and slope over the refits, with 95% percentile intervals.

    Parameters
    ----------
    scores : ScoredRows
        From :func:`score_refits`.
    refits : int
        Number of bootstrap samples.
    minimum : int
        A refit counts only if so many out-of-bag patients have the event, and so many have not.

    Returns
    -------
    dict
        Per horizon the figures of the model, of grade and day, and the model minus grade and day;
        each is the median over the refits. No interval below 20 refits.
    """
    result = {}
    for hours, rows in replace(scores, minimum=minimum).by_horizon():
        repeat = scores.repeat[rows.rows]
        parts = [rows.take(np.flatnonzero(repeat == draw)) for draw in np.unique(repeat)]
        used = [part for part in parts if part.is_estimable]
        tables = {
            name: np.array([_figures(part, name) for part in used]).reshape(-1, len(FIGURES))
            for name in COMPARED
        }
        model, other = (tables[name] for name in COMPARED)
        result[hours] = RefitCell(
            refits=refits,
            used=len(used),
            model=_cell(model),
            grade_and_day=_cell(other),
            difference=_cell(model - other),
        )
    return result


def _patients(targets: Targets, event: NDArray[np.bool_], split: Split) -> int:
    """Number of training patients with the event."""
    return len(np.unique(targets.patient[split.train[event[split.train]]]))


def _figures(rows: HorizonRows, name: str) -> list[float]:
    label, risk, weight = rows.label, rows.risks[name], rows.weight
    return [
        float(rows.auroc_draws(risk)[0]),
        float(metrics.brier(label, risk, weight)[0]),
        float(metrics.calibration_line(label, risk, weight)[1][0]),
    ]


def _cell(table: Floats) -> RefitFigures:
    """Median and interval of each figure over refits, shape (n_refits, n_figures)."""
    content: dict[str, Any] = {}
    for place, name in enumerate(FIGURES):
        known = table[:, place][~np.isnan(table[:, place])]
        ends = np.quantile(known, [0.5, 0.025, 0.975]) if len(known) else np.full(3, np.nan)
        content[name] = number(ends[0])
        for end, value in zip(("lo", "hi"), ends[1:], strict=True):
            content[f"{name}_{end}"] = number(value) if len(known) >= _FEWEST else None
    return RefitFigures(**content)
