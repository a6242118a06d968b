"""Who the patient is and what was infused, and the time since then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.patients import category
from pipeline.cohort.tables import Cohort
from pipeline.features.names import FeatureMeta, group_meta
from pipeline.features.spec import FeatureSpec, HostColumn

_SEX = {"m": 1.0, "male": 1.0, "f": 0.0, "female": 0.0}


def host_meta(spec: FeatureSpec) -> list[FeatureMeta]:
    """Metadata of the columns that :func:`host_features` returns, in order."""
    metas = [group_meta("time", "hours", "host_product", "h", "time")]
    for column in spec.host:
        name, words = normalise_name(column.name), column.name.replace("_", " ")
        if column.kind == "number":
            metas.append(group_meta("host", name, "host_product", "", words, "number"))
        elif column.kind == "sex":
            metas.append(group_meta("host", "sex_male", "host_product", "1", "male", "level"))
        else:
            subject = "product" if column.name == "product" else f"host_{name}"
            metas += [
                group_meta(subject, level, "host_product", "1", f"{words} {level}", "level")
                for level in column.levels
            ]
    return metas


def host_features(patients: pd.DataFrame, landmarks: pd.DataFrame, spec: FeatureSpec) -> Floats:
    """Host, product and time at every landmark.

    A category of fewer than five training patients has 0 in every column of its levels; a missing
    one NaN.

    Returns
    -------
    ndarray, shape (n_landmarks, n_columns)
    """
    row = landmarks["patient"].to_numpy()
    columns = [landmarks["hours"].to_numpy(dtype=float)]
    for column in spec.host:
        columns += [values[row] for values in _values(patients, column)]
    return np.stack(columns, axis=1)


def _values(patients: pd.DataFrame, column: HostColumn) -> list[Floats]:
    width = max(1, len(column.levels))
    if column.name not in patients:
        unknown: Floats = np.full(len(patients), np.nan)
        return [unknown] * (width if column.kind == "category" else 1)
    cells = patients[column.name]
    if column.kind == "number":
        numbers = pd.to_numeric(cells.replace("", np.nan), errors="coerce")
        return [np.asarray(numbers.to_numpy(dtype=float))]
    if column.kind == "sex":
        return [np.asarray(cells.astype("str").str.lower().map(_SEX).to_numpy(dtype=float))]
    names = category(cells)
    known = names.notna().to_numpy()
    return [
        np.where(known, (names == level).to_numpy(dtype=float), np.nan) for level in column.levels
    ]


def products_of(cohort: Cohort, patient: np.typing.NDArray[np.intp]) -> pd.Series | None:
    """Product of each given patient, missing where unknown; None where the cohort names none."""
    if "product" not in cohort.patients:
        return None
    return category(cohort.patients["product"]).iloc[patient].reset_index(drop=True)
