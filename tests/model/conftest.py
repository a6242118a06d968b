"""One small fitted severe-CRS model, shared by the tests of this room."""

from dataclasses import dataclass, replace

import pytest

from pipeline.cohort.tables import Cohort
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import learn_spec
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.outcomes import build_targets, reported_thresholds, stacked_thresholds
from pipeline.model.risk_model import RiskModel
from pipeline.model.stacked_rows import Targets
from tests.builders import course_cohort, make_config


@dataclass(frozen=True)
class Fitted:
    cohort: Cohort
    matrix: FeatureMatrix
    targets: Targets
    plan: FitPlan
    model: RiskModel


def fit(cohort, scale="crs", seed=0, bootstrap=6, scores=(), **settings) -> Fitted:
    config = make_config(**settings)
    spec = replace(learn_spec(cohort, config, {}), scores=scores)
    landmarks = training_landmarks(cohort, config.landmarks, scale)
    reported = reported_thresholds(config.outcomes, "crs") if scale == "crs" else (1,)
    thresholds = stacked_thresholds(cohort, scale, reported)
    targets = build_targets(cohort, landmarks, scale, thresholds)
    matrix = build_features(cohort, landmarks, spec)
    plan = FitPlan(scale, reported, spec, config.model, seed, 1)
    return Fitted(
        cohort, matrix, targets, plan, fit_risk_model(matrix, targets, plan, bootstrap=bootstrap)
    )


@pytest.fixture(scope="session")
def fitted() -> Fitted:
    return fit(course_cohort())
