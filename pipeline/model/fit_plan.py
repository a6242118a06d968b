"""Settings shared by all fits of one scale."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.config_model import ModelConfig
from pipeline.features.spec import FeatureSpec
from pipeline.model.risk_model import RiskModel


@dataclass(frozen=True)
class FitPlan:
    """Settings shared by all fits of one scale.

    Attributes
    ----------
    prior : RiskModel or None
        Another cohort's model with the column names of :mod:`pipeline.model.borrowed_prior`;
        never refitted.
    """

    scale: str
    reported: tuple[int, ...]
    spec: FeatureSpec
    config: ModelConfig
    seed: int
    jobs: int
    prior: RiskModel | None = None
