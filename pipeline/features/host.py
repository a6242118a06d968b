"""Features of the patient, the infused product and the time since infusion."""

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
        name, label = normalise_name(column.name), column.name.replace("_", " ")
        if column.kind == "number":
            metas.append(group_meta("host", name, "host_product", "", label, "number"))
        elif column.kind == "sex":
            metas.append(group_meta("host", "sex_male", "host_product", "1", "male", "level"))
        else:
            subject = "product" if column.name == "product" else f"host_{name}"
            metas += [
                group_meta(subject, level, "host_product", "1", f"{label} {level}", "level")
                for level in column.levels
            ]
    return metas


def host_features(patients: pd.DataFrame, landmarks: pd.DataFrame, spec: FeatureSpec) -> Floats:
    """Compute host, product and time features at every landmark.

    A level of fewer than five training patients has no column: its patients get 0 in every column
    of that category. A missing cell gives NaN.

    Parameters
    ----------
    patients : DataFrame
        ``Cohort.patients``.
    landmarks : DataFrame
        ``patient`` and ``hours``.
    spec : FeatureSpec

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
    """Product of each given patient.

    Parameters
    ----------
    cohort : Cohort
    patient : ndarray of int, shape (n,)
        Row numbers in ``cohort.patients``.

    Returns
    -------
    Series of str, shape (n,), or None
        Missing where unknown; None if the cohort has no column ``product``.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P1", "P2"])
    >>> cohort.patients["product"] = ["axi-cel", "tisa-cel"]
    >>> products_of(cohort, np.array([1, 0, 1])).tolist()
    ['tisa_cel', 'axi_cel', 'tisa_cel']
    """
    if "product" not in cohort.patients:
        return None
    return category(cohort.patients["product"]).iloc[patient].reset_index(drop=True)
