"""Builds the feature matrix; training and prediction share this one code path."""

from __future__ import annotations

import pandas as pd

from pipeline.cohort.tables import Cohort
from pipeline.features.host import host_features, host_meta
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.features.scores import score_features, score_meta
from pipeline.features.series import allocate, series_features, series_meta
from pipeline.features.spec import FeatureSpec
from pipeline.features.state import state_features, state_meta
from pipeline.features.treatments import treatment_features, treatment_meta


def feature_metas(spec: FeatureSpec) -> tuple[FeatureMeta, ...]:
    """Metadata of every column of a spec, in column order.

    Parameters
    ----------
    spec : FeatureSpec

    Returns
    -------
    tuple of FeatureMeta

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> from pipeline.features.spec import learn_spec
    >>> spec = learn_spec(empty_cohort(["P1"]), load_config(), {})
    >>> "time__hours" in {meta.name for meta in feature_metas(spec)}
    True
    """
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
    """Build the features of each landmark from data visible strictly before it.

    Parameters
    ----------
    cohort : Cohort
    landmarks : DataFrame
        ``patient`` (row number in ``cohort.patients``) and ``hours`` since time zero.
    spec : FeatureSpec
    jobs : int
        Number of threads; the result does not depend on it.

    Returns
    -------
    FeatureMatrix
        One row per landmark, in the given order.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> from pipeline.features.spec import learn_spec
    >>> cohort = empty_cohort(["P1"])
    >>> cohort.assessments.loc[0] = [0, "crs", 1, 20.0]  # patient, scale, grade, hours
    >>> landmarks = pd.DataFrame({"patient": [0, 0], "hours": [12.0, 24.0]})
    >>> matrix = build_features(cohort, landmarks, learn_spec(cohort, load_config(), {}))
    >>> matrix.frame()[["state_crs__grade", "state_crs__hours_since_onset", "time__hours"]]
       state_crs__grade  state_crs__hours_since_onset  time__hours
    0               NaN                           NaN         12.0
    1               1.0                           4.0         24.0
    """
    metas = feature_metas(spec)
    # all parts share one matrix: it takes most of the memory of a large cohort
    values = allocate(len(landmarks), len(metas))
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
