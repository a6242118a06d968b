"""When no estimate is given: too little information, too far from training, unseen product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.config import PredictConfig
from pipeline.errors import listed
from pipeline.features.build import FeatureMatrix
from pipeline.model.days import landmark_days
from pipeline.model.reference import TrainingReference, feature_ranges
from pipeline.model.stack import Floats

NO_LAB, FEW_LABS, LATE, PRODUCT, FAR = "no_lab", "few_labs", "late", "unseen_product", "far"
_DAY = 24.0
_MOST_PRODUCTS = 5

Bools = np.typing.NDArray[np.bool_]


@dataclass(frozen=True)
class Familiar:
    """What training has seen, as far as the rule asks.

    Attributes
    ----------
    analytes : tuple of str
    ranges : mapping
        Feature to (lowest, highest) training value.
    last_day : float
        Last day since time zero with a training landmark.
    products : mapping
        Product to training patients; empty where the cohort names none.
    """

    analytes: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]]
    last_day: float
    products: Mapping[str, int]


@dataclass(frozen=True)
class Refusals:
    """Why each landmark gets no estimate: a code and a sentence, both empty where it gets one."""

    code: np.typing.NDArray[np.object_]
    sentence: np.typing.NDArray[np.object_]


def familiar_from_reference(reference: TrainingReference) -> Familiar:
    """What the training behind a bundle has seen."""
    days = [
        entry["day"]
        for rows in reference.base_rates.values()
        for table in rows.values()
        for entry in table
    ]
    keys = tuple(analyte.key for analyte in reference.spec.analytes)
    return Familiar(keys, reference.ranges, max(days, default=np.inf), reference.products)


def familiar_from_rows(
    matrix: FeatureMatrix, analytes: tuple[str, ...], product: pd.Series | None
) -> Familiar:
    """What the given training landmarks have seen; ``product`` is that of each patient."""
    found = pd.Series(dtype=int) if product is None else product.value_counts()
    counts = {str(name): int(count) for name, count in found.items()}
    last = float(landmark_days(matrix).max(initial=0))
    return Familiar(analytes, feature_ranges(matrix), last, counts)


def refusals(
    matrix: FeatureMatrix, product: pd.Series | None, familiar: Familiar, config: PredictConfig
) -> Refusals:
    """Apply the rule to each landmark; the first reason counts.

    Parameters
    ----------
    matrix : FeatureMatrix
        As measured: ages not clipped to the training range.
    product : Series, shape (n_landmarks,), or None
        Product of each landmark's patient, missing where unknown.
    """
    count = len(matrix.values)
    result = Refusals(np.full(count, "", dtype=object), np.full(count, "", dtype=object))

    def refuse(chosen: Bools, code: str, sentences: list[str]) -> None:
        for row in np.flatnonzero(chosen & (result.code == "")):
            result.code[row], result.sentence[row] = code, sentences[row]

    moment = matrix.landmarks["hours"].to_numpy(dtype=float)
    late = moment > (familiar.last_day + 2.0) * _DAY
    refuse(late, LATE, ["later than any day seen in training"] * count)
    ages = analyte_ages(matrix)[1]
    recent = (ages <= config.newest_lab_hours).sum(axis=1)
    scarce = [
        f"{number} of the model's analytes measured in the last {config.newest_lab_hours:g} h, "
        f"at least {config.min_analytes} needed"
        for number in recent
    ]
    below = recent < config.min_analytes
    refuse(below & without_lab(matrix), NO_LAB, scarce)
    refuse(below, FEW_LABS, scarce)
    if product is not None and familiar.products:
        seen = product.map(dict(familiar.products)).fillna(0).to_numpy(dtype=float)
        needed = max(config.min_product_patients, 1)
        unseen = product.notna().to_numpy() & (seen < needed)
        names = product.fillna("").astype(str)
        known = [name for name, number in familiar.products.items() if number >= needed]
        told = f" (known: {listed(known, most=_MOST_PRODUCTS)})" if known else ""
        words = [f"product '{name}' was never seen in training{told}" for name in names]
        refuse(unseen, PRODUCT, words)
    measured = np.maximum((~np.isnan(ages)).sum(axis=1), 1)
    share = out_of_range(matrix, familiar).sum(axis=1) / measured
    far = ["most analytes lie outside the range seen in training"] * count
    refuse(share > config.max_out_of_range_share, FAR, far)
    return result


def without_lab(matrix: FeatureMatrix) -> Bools:
    """Landmarks at which no analyte of the model was ever measured."""
    return np.asarray(np.isnan(analyte_ages(matrix)[1]).all(axis=1))


def out_of_range(matrix: FeatureMatrix, familiar: Familiar) -> Bools:
    """Whether each analyte's last value lies outside its training range.

    A result below its limit is not unusually low: only the limit is known.

    Returns
    -------
    ndarray of bool, shape (n_landmarks, n_analytes)
    """
    columns = []
    for key in familiar.analytes:
        values = matrix.column(f"{key}__last")
        low, high = familiar.ranges.get(f"{key}__last", (np.inf, -np.inf))
        below_limit = matrix.column(f"{key}__last_censored") < 0
        columns.append(((values < low) & ~below_limit) | (values > high))
    return np.stack(columns, axis=1) if columns else np.zeros((len(matrix.values), 0), dtype=bool)


def analyte_ages(matrix: FeatureMatrix) -> tuple[list[str], Floats]:
    """Analyte keys and hours since each one's last sample (NaN where never measured).

    Series of one analyte, before and after a drug, count as one. Columns of a prior do not count.
    """
    ages: dict[str, Floats] = {}
    for number, meta in enumerate(matrix.metas):
        if meta.name == f"{meta.subject}__hours_since_last" and meta.group == "measurement":
            own = matrix.values[:, number]
            ages[meta.analyte] = np.fmin(ages.get(meta.analyte, own), own)
    if not ages:
        return [], np.zeros((len(matrix.values), 0))
    return list(ages), np.stack(list(ages.values()), axis=1)
