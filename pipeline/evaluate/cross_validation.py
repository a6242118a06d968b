"""Out-of-fold scores: every fit sees other patients than those it scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline import log
from pipeline.evaluate.comparators import comparator_risks, landmark_day
from pipeline.evaluate.scores import Scores, concatenate
from pipeline.evaluate.splits import Split, repeated_patient_folds
from pipeline.features.build import FeatureMatrix
from pipeline.model.parallel import side_by_side
from pipeline.model.reference import RateTable, base_rate_table
from pipeline.model.risk_model import FitPlan, RiskModel, fit_risk_model
from pipeline.model.stack import EVENT, Ints, Targets


def cross_validate(
    matrix: FeatureMatrix,
    targets: Targets,
    plan: FitPlan,
    *,
    folds: int,
    repeats: int,
) -> dict[int, Scores]:
    """Scores of every reported threshold on held-out grid landmarks.

    Parameters
    ----------
    matrix, targets
        All landmarks of the cohort; those added at new results are trained on, not scored.

    Returns
    -------
    dict of Scores by threshold
    """
    columns = [targets.thresholds.index(threshold) for threshold in plan.reported]
    event = np.any((targets.status == EVENT)[:, columns] & targets.at_risk[:, columns], axis=1)
    splits = repeated_patient_folds(
        targets.patient, event, folds=folds, repeats=repeats, seed=plan.seed
    )
    one_core = replace(plan, jobs=1)

    def run(split: Split) -> dict[int, Scores]:
        return _score_fold(matrix, targets, split, one_core)

    label = f"cross-validation {plan.scale}"
    scored = side_by_side(run, splits, plan.jobs)
    folded = list(log.progress(scored, label=label, total=len(splits)))
    return {
        threshold: concatenate([part[threshold] for part in folded], repeats)
        for threshold in plan.reported
    }


def _score_fold(
    matrix: FeatureMatrix, targets: Targets, split: Split, plan: FitPlan
) -> dict[int, Scores]:
    train, known = matrix.take(split.train), targets.take(split.train)
    fitted = fit_risk_model(train, known, plan)
    result = {}
    for threshold in plan.reported:
        rows = scored_rows(matrix, targets, split.test, threshold)
        rates = base_rate_table(train, known, threshold, fitted.horizons)
        result[threshold] = score(fitted, matrix.take(rows), targets.take(rows), threshold, rates)
    return result


def score(
    model: RiskModel,
    matrix: FeatureMatrix,
    targets: Targets,
    threshold: int,
    rates: RateTable,
) -> Scores:
    """Scores of one fitted model and its comparators on landmarks at risk.

    Parameters
    ----------
    rates : RateTable
        Base rates by day of the patients the model was fitted on.
    """
    horizons = model.horizons
    risks = {
        "model": model.risk(matrix, threshold, horizons),
        "model_no_state": model.risk(matrix, threshold, horizons, use_state=False),
        **comparator_risks(model, rates, matrix, threshold, horizons),
    }
    label = np.stack([targets.label(threshold, horizon) for horizon in horizons], axis=1)
    zeros = np.zeros(len(label), dtype=np.intp)
    return Scores(horizons, risks, label, targets.patient, landmark_day(matrix), zeros, 1)


def scored_rows(matrix: FeatureMatrix, targets: Targets, rows: Ints, threshold: int) -> Ints:
    """Landmarks on the grid at which the outcome has not been charted yet."""
    at_risk = targets.at_risk[:, targets.thresholds.index(threshold)]
    on_grid = (matrix.landmarks["source"] == "grid").to_numpy()
    return rows[(at_risk & on_grid)[rows]]
