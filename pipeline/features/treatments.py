"""Drugs given before the landmark, by class; never vasopressors, oxygen or devices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.features import kernel
from pipeline.features.kernel import Floats
from pipeline.features.names import FeatureMeta, group_meta
from pipeline.features.spec import FeatureSpec
from pipeline.resources import schema_yaml

STATISTICS = {"given": "1", "hours_since_last": "h", "n_doses": "1"}


def drug_classes() -> dict[str, str]:
    """Drug key to class, for the drugs that may be features."""
    drugs = schema_yaml("drugs.yaml")["drugs"]
    return {key: entry["class"] for key, entry in drugs.items() if entry["feature"]}


def treatment_meta(spec: FeatureSpec) -> list[FeatureMeta]:
    """Metadata of the columns that :func:`treatment_features` returns, in order."""
    return [
        group_meta(f"treat_{name}", statistic, "treatments", unit, name.replace("_", " "))
        for name in spec.drug_classes
        for statistic, unit in STATISTICS.items()
    ]


def treatment_features(
    treatments: pd.DataFrame, landmarks: pd.DataFrame, spec: FeatureSpec
) -> Floats:
    """Doses per drug class given strictly before each landmark.

    Returns
    -------
    ndarray, shape (n_landmarks, n_classes * len(STATISTICS))
    """
    group = treatments["drug"].map(drug_classes())
    parts = [
        _one_class(treatments.loc[(group == name).to_numpy()], landmarks)
        for name in spec.drug_classes
    ]
    return np.hstack(parts) if parts else np.empty((len(landmarks), 0))


def _one_class(rows: pd.DataFrame, landmarks: pd.DataFrame) -> Floats:
    moment = landmarks["hours"].to_numpy(dtype=float)
    count = len(landmarks)
    rows = rows.sort_values(["patient", "given_hours"], kind="stable")
    patient = rows["patient"].to_numpy()
    start = np.searchsorted(patient, landmarks["patient"].to_numpy(), side="left")
    stop = np.searchsorted(patient, landmarks["patient"].to_numpy(), side="right")
    cell, position = kernel.expand(start, stop)
    time = rows["given_hours"].to_numpy(dtype=float)[position]
    seen = time < moment[cell]
    cell, time = cell[seen], time[seen]
    doses = kernel.count(cell, count)
    return np.stack(
        [(doses > 0).astype(float), moment - kernel.last(cell, time, count), doses], axis=1
    )
