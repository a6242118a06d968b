"""Simple predictors scored beside the model on the same landmarks."""

from __future__ import annotations

import numpy as np

from pipeline.features.build import FeatureMatrix
from pipeline.model.reference import RateTable, rates_of_days
from pipeline.model.risk_model import RiskModel
from pipeline.model.stack import Floats

SINGLE_LABS = {"last_crp": "crp__last", "last_ferritin": "ferritin__last"}


def comparator_risks(
    model: RiskModel,
    rates: RateTable,
    test: FeatureMatrix,
    threshold: int,
    horizons: tuple[float, ...],
) -> dict[str, Floats]:
    """Scores of every comparator, each (n_landmarks, n_horizons).

    ``base_rate`` and ``grade_and_day`` are probabilities; ``last_*`` are raw values, for ranking
    only. A lab never measured in the training cohort is left out.

    Parameters
    ----------
    rates : RateTable
        Base rates by day of the training patients.
    """
    result = {
        "base_rate": rates_of_days(rates, landmark_day(test), horizons)[0],
        "grade_and_day": model.reference_risk(test, threshold, horizons),
        "constant": np.full((len(test.values), len(horizons)), 0.5),
    }
    for name, column in SINGLE_LABS.items():
        if column in test.names:
            result[name] = np.repeat(test.column(column)[:, None], len(horizons), axis=1)
    return result


def landmark_day(matrix: FeatureMatrix) -> np.typing.NDArray[np.intp]:
    """Whole days since time zero."""
    return np.floor(matrix.landmarks["hours"].to_numpy(dtype=float) / 24.0 + 1e-9).astype(np.intp)
