"""One small fitted severe-CRS model with prototypes, shared by the tests of this room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.features.matrix import FeatureMatrix
from pipeline.model.background import Background, learn_background
from pipeline.model.risk_model import RiskModel
from tests.builders import course_cohort
from tests.model.conftest import fit

THRESHOLD = 3


@dataclass(frozen=True)
class Explained:
    model: RiskModel
    matrix: FeatureMatrix
    background: Background


@pytest.fixture(scope="session")
def explained() -> Explained:
    fitted = fit(course_cohort(n_patients=80, seed=3), bootstrap=0, booster_host=True)
    at_risk = fitted.targets.at_risk[:, fitted.targets.thresholds.index(THRESHOLD)]
    background = learn_background(
        fitted.matrix, at_risk, fitted.targets.patient, fitted.model.columns
    )
    hours = fitted.matrix.landmarks["hours"].to_numpy()
    known = fitted.model.state_known(fitted.matrix)
    chosen = [
        np.flatnonzero(at_risk & (hours == moment) & (known == flag))[:3]
        for moment in (48.0, 96.0)
        for flag in (True, False)
    ]
    return Explained(fitted.model, fitted.matrix.take(np.concatenate(chosen)), background)
