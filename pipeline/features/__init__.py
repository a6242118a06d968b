"""Cohort and landmarks in, feature matrix out; one code path for training and prediction."""

from pipeline.features.build import FeatureMatrix, build_features
from pipeline.features.spec import FeatureSpec, learn_spec

__all__ = ["FeatureMatrix", "FeatureSpec", "build_features", "learn_spec"]
