"""Simple predictors scored beside the model on the same landmarks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.features.build import FeatureMatrix
from pipeline.model.logistic import sigmoid
from pipeline.model.reference import RateTable, rates_of_days
from pipeline.model.risk_model import RiskModel, prior_speaks
from pipeline.model.stack import Floats, query

PROBABILITIES = frozenset(
    {
        *("model", "model_no_state", "base_rate", "grade_and_day", "clinical_state"),
        *("model_with_state", "prior", "without_prior"),
    }
)
EXPECTED = (
    "base_rate",
    "current_grade",
    "grade_and_day",
    "clinical_state",
    "last_crp",
    "last_ferritin",
    "easix",
    "s_easix",
    "m_easix",
    "easix_pre",
    "nfl_age_z",
    "car_hematotox",
)


def comparator_risks(
    model: RiskModel,
    rates: RateTable,
    test: FeatureMatrix,
    threshold: int,
    horizons: tuple[float, ...],
    ranked: Mapping[str, Floats] | None = None,
) -> dict[str, Floats]:
    """Scores of every comparator, each (n_landmarks, n_horizons).

    ``base_rate``, ``grade_and_day`` and ``clinical_state`` (all grades so far, no labs) are
    probabilities; the others are for ranking only. A model with a prior also has ``prior`` (that
    one by itself, NaN where it is silent) and ``without_prior``, both calibrated probabilities.

    Parameters
    ----------
    rates : RateTable
        Base rates by day of the training patients.
    ranked : mapping, optional
        Last CRP, last ferritin and published scores at the same landmarks, one value each.
    """
    result = {
        "base_rate": rates_of_days(rates, landmark_day(test), horizons)[0],
        "grade_and_day": model.reference_risk(test, threshold, horizons),
        "constant": np.full((len(test.values), len(horizons)), 0.5),
    }
    state = state_risk(model, test, threshold, horizons)
    if state is not None:
        result["clinical_state"] = state
    if model.prior is not None and model.alone is not None:
        theirs = model.prior.risk(test, threshold, horizons)
        result["prior"] = np.where(prior_speaks(test)[:, None], theirs, np.nan)
        result["without_prior"] = model.alone.risk(test, threshold, horizons)
    single = dict(ranked or {})
    if model.grade is not None:
        single["current_grade"] = test.column(model.grade)
    for name, values in single.items():
        result[name] = np.repeat(values[:, None], len(horizons), axis=1)
    return result


def state_risk(
    model: RiskModel, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...]
) -> Floats | None:
    """Risk by the grades so far and the day, no labs; None where the cohort is not graded.

    This is the model's own member, uncalibrated: its ranking is exact, its level approximate.
    """
    members = model.state.linear if model.state is not None else ()
    for member in members:
        if member.name == "state":
            asked = query(len(matrix.values), horizons, threshold)
            return sigmoid(member.log_odds(matrix, asked)).reshape(-1, len(horizons))
    return None


def landmark_day(matrix: FeatureMatrix) -> np.typing.NDArray[np.intp]:
    """Whole days since time zero."""
    return np.floor(matrix.landmarks["hours"].to_numpy(dtype=float) / 24.0 + 1e-9).astype(np.intp)
