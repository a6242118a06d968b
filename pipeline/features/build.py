"""Builds the feature matrix; the only code path, for training and prediction alike."""

from __future__ import annotations

import pandas as pd

from pipeline.cohort.tables import Cohort
from pipeline.features.host import host_features, host_meta
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.features.scores import score_features, score_meta
from pipeline.features.series import room_for, series_features, series_meta
from pipeline.features.spec import FeatureSpec
from pipeline.features.state import state_features, state_meta
from pipeline.features.treatments import treatment_features, treatment_meta


def feature_metas(spec: FeatureSpec) -> tuple[FeatureMeta, ...]:
    """Metadata of every column that a spec gives, in order."""
    return (
        *series_meta(spec),
        *state_meta(spec),
        *treatment_meta(spec),
        *host_meta(spec),
        *score_meta(spec),
    )


def build_features(
    cohort: Cohort, landmarks: pd.DataFrame, spec: FeatureSpec, jobs: int = 1
) -> FeatureMatrix:
    """Features of each landmark from what was visible strictly before it.

    Parameters
    ----------
    cohort : Cohort
    landmarks : DataFrame
        ``patient`` (row number in ``cohort.patients``) and ``hours`` since time zero.
    spec : FeatureSpec
    jobs : int
        Threads; the result does not depend on them.

    Returns
    -------
    FeatureMatrix
    """
    metas = feature_metas(spec)
    # all parts go into one matrix: for a large cohort it is most of the memory there is
    values = room_for(len(landmarks), len(metas))
    filled = series_features(cohort, landmarks, spec, jobs, out=values).shape[1]
    for part in (
        state_features(cohort.assessments, landmarks, spec),
        treatment_features(cohort.treatments, landmarks, spec),
        host_features(cohort.patients, landmarks, spec),
    ):
        values[:, filled : filled + part.shape[1]] = part
        filled += part.shape[1]
    moments = landmarks.reset_index(drop=True)
    if spec.scores:
        measured = FeatureMatrix(values[:, :filled], metas[:filled], moments)
        values[:, filled:] = score_features(measured, spec)
    return FeatureMatrix(values, metas, moments)
