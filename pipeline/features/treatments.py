"""Features of drugs given before the landmark, by class; no vasopressors, oxygen or devices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.features import segments
from pipeline.features.names import FeatureMeta, group_meta
from pipeline.features.spec import FeatureSpec
from pipeline.resources import schema_yaml

UNITS = {
    "given": "1",
    "hours_since_last": "h",
    "n_doses": "1",
    "dex_mg": "mg",
    "prophylaxis": "1",
    "therapy": "1",
}
# for the documentation; doses are those of the class given before L
FORMULAS = {
    "given": "1 if there is a dose, else 0",
    "hours_since_last": "L - hour of the newest dose",
    "n_doses": "number of doses",
    "dex_mg": "sum of milligrams x dex_equivalent of the drug, unknown where a dose is not stated",
    "prophylaxis": "1 if a dose has the intent prophylaxis, else 0",
    "therapy": "1 if a dose has the intent therapy, else 0",
}


def drug_classes() -> dict[str, str]:
    """Class of each drug that may be a feature, by drug key."""
    drugs = schema_yaml("drugs.yaml")["drugs"]
    return {key: entry["class"] for key, entry in drugs.items() if entry["feature"]}


def treatment_meta(spec: FeatureSpec) -> list[FeatureMeta]:
    """Metadata of the columns that :func:`treatment_features` returns, in order."""
    return [
        group_meta(
            f"treat_{name}", statistic, "treatments", UNITS[statistic], name.replace("_", " ")
        )
        for name in spec.drug_classes
        for statistic in _statistics(name, spec)
    ]


def treatment_features(
    treatments: pd.DataFrame, landmarks: pd.DataFrame, spec: FeatureSpec
) -> Floats:
    """Summarise the doses of each drug class given strictly before each landmark.

    Returns
    -------
    ndarray, shape (n_landmarks, n_columns)
    """
    group = treatments["drug"].map(drug_classes())
    parts = [
        _one_class(treatments.loc[(group == name).to_numpy()], landmarks, _statistics(name, spec))
        for name in spec.drug_classes
    ]
    return np.hstack(parts) if parts else np.empty((len(landmarks), 0))


def _statistics(name: str, spec: FeatureSpec) -> list[str]:
    """Statistics of one class; only corticosteroids have equivalent doses."""
    return [
        item for item in spec.treatment_statistics if item != "dex_mg" or name == "corticosteroid"
    ]


def _one_class(rows: pd.DataFrame, landmarks: pd.DataFrame, wanted: list[str]) -> Floats:
    moment = landmarks["hours"].to_numpy(dtype=float)
    size = len(landmarks)
    rows = rows.sort_values(["patient", "given_hours"], kind="stable")
    patient = rows["patient"].to_numpy()
    start = np.searchsorted(patient, landmarks["patient"].to_numpy(), side="left")
    stop = np.searchsorted(patient, landmarks["patient"].to_numpy(), side="right")
    cell, position = segments.expand(start, stop)
    time = rows["given_hours"].to_numpy(dtype=float)[position]
    seen = time < moment[cell]
    cell, time, position = cell[seen], time[seen], position[seen]
    doses = segments.count(cell, size)
    intent = rows["intent"].to_numpy()[position]
    columns = {
        "given": (doses > 0).astype(float),
        "hours_since_last": moment - segments.last(cell, time, size),
        "n_doses": doses,
        "prophylaxis": (segments.count(cell[intent == "prophylaxis"], size) > 0).astype(float),
        "therapy": (segments.count(cell[intent == "therapy"], size) > 0).astype(float),
    }
    if "dex_mg" in wanted:
        equivalent = rows["drug"].map(_dexamethasone()).astype("float64") * rows["dose_mg"]
        amount = equivalent.to_numpy(dtype=float)[position]
        # a dose of unknown size makes the sum unknown
        columns["dex_mg"] = np.bincount(cell, weights=amount, minlength=size)
    return np.stack([columns[name] for name in wanted], axis=1)


def _dexamethasone() -> dict[str, float]:
    """Milligrams of dexamethasone that one milligram of each corticosteroid equals."""
    drugs = schema_yaml("drugs.yaml")["drugs"]
    return {
        key: float(entry["dex_equivalent"])
        for key, entry in drugs.items()
        if "dex_equivalent" in entry
    }
