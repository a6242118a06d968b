"""When no estimate is given: too few results, most of them rejected, or far from training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Bools, Floats, Ints
from pipeline.cohort.reject_summary import PatientRejects
from pipeline.cohort.tables import Cohort
from pipeline.config import Config, PredictConfig
from pipeline.errors import listed
from pipeline.features.cell_size import MIN_PATIENTS, frequent
from pipeline.features.host import products_of
from pipeline.features.landmarks import landmark_days
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.training_reference import TrainingReference, feature_ranges
from pipeline.reading.read_result import ReadResult

NO_LAB, FEW_LABS, LATE, PRODUCT, FAR = "no_lab", "few_labs", "late", "unseen_product", "far"
_DAY = 24.0
_MOST_PRODUCTS = 5


Codes = NDArray[np.object_]


@dataclass(frozen=True)
class TrainingSupport:
    """What training has seen, as far as the rule asks.

    Attributes
    ----------
    analytes : tuple of str
    ranges : mapping
        Feature to (low, high) end of its training range.
    last_day : float
        Last day since time zero with a training landmark.
    products : mapping
        Product to training patients, five or more; empty where the cohort names none.
    """

    analytes: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]]
    last_day: float
    products: Mapping[str, int]


@dataclass(frozen=True)
class AbstentionCodes:
    """Why each landmark gets no estimate: a code and a sentence, both empty where it gets one."""

    code: np.typing.NDArray[np.object_]
    sentence: np.typing.NDArray[np.object_]


def support_from_reference(reference: TrainingReference) -> TrainingSupport:
    """What the training behind a bundle has seen."""
    days = [
        entry["day"]
        for rows in reference.base_rates.values()
        for table in rows.values()
        for entry in table
    ]
    keys = tuple(analyte.key for analyte in reference.spec.analytes)
    return TrainingSupport(keys, reference.ranges, max(days, default=np.inf), reference.products)


def support_from_rows(
    matrix: FeatureMatrix,
    analytes: tuple[str, ...],
    product: pd.Series | None,
    person: Ints | None = None,
) -> TrainingSupport:
    """What the given training landmarks have seen.

    Parameters
    ----------
    product : Series or None
        Product of each patient.
    person : ndarray, shape (n_landmarks,), optional
        Whose landmark it is, where a patient may have several episodes.
    """
    found = pd.Series(dtype=int) if product is None else product.value_counts()
    counts = frequent(found.to_dict())
    last = float(landmark_days(matrix).max(initial=0))
    return TrainingSupport(analytes, feature_ranges(matrix, person), last, counts)


def abstention_codes(
    matrix: FeatureMatrix,
    product: pd.Series | None,
    familiar: TrainingSupport,
    config: PredictConfig,
) -> AbstentionCodes:
    """Apply the rule to each landmark; the first reason counts.

    Parameters
    ----------
    matrix : FeatureMatrix
        As measured: ages not clipped to the training range.
    product : Series, shape (n_landmarks,), or None
        Product of each landmark's patient, missing where unknown.
    """
    count = len(matrix.values)
    result = AbstentionCodes(np.full(count, "", dtype=object), np.full(count, "", dtype=object))

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
        least = max(needed, MIN_PATIENTS)
        words = [
            f"product '{name}' has fewer than {least} training patients{told}" for name in names
        ]
        refuse(unseen, PRODUCT, words)
    measured = np.maximum((~np.isnan(ages)).sum(axis=1), 1)
    share = out_of_range(matrix, familiar).sum(axis=1) / measured
    far = ["most analytes lie outside the range seen in training"] * count
    refuse(share > config.max_out_of_range_share, FAR, far)
    return result


def without_lab(matrix: FeatureMatrix) -> Bools:
    """Landmarks at which no analyte of the model was ever measured."""
    return np.asarray(np.isnan(analyte_ages(matrix)[1]).all(axis=1))


def out_of_range(matrix: FeatureMatrix, familiar: TrainingSupport) -> Bools:
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


def mostly_rejected_reasons(
    patient_ids: Iterable[str], read: ReadResult, config: PredictConfig
) -> NDArray[np.object_]:
    """Why there is no estimate where most of a patient's results were refused, else "".

    Counted are rows of labs of analytes that the model's dictionary knows: the refused ones
    against those and the accepted ones, over the whole batch. Left out of both are rows without a
    result, withdrawn ones, rows after the moment of prediction, and repeats that were collapsed.

    Parameters
    ----------
    patient_ids : iterable of str
        One per landmark.

    Returns
    -------
    ndarray of str, shape (n_landmarks,)
    """
    accepted = read.sources["patient_id"].value_counts()
    sentences = [
        mostly_rejected_reason(
            sum(read.refused.get(patient, PatientRejects()).results.values()),
            int(accepted.get(patient, 0)),
            config,
        )
        for patient in patient_ids
    ]
    return np.array(sentences, dtype=object)


def mostly_rejected_reason(refused: int, accepted: int, config: PredictConfig) -> str:
    """The rule for one patient.

    Examples
    --------
    >>> mostly_rejected_reason(5, 3, PredictConfig())
    'most results of this patient were refused (5 of 8), see rejects.csv'
    >>> [mostly_rejected_reason(*counts, PredictConfig()) for counts in ((4, 4), (2, 1))]
    ['', '']
    """
    whole = refused + accepted
    if refused < config.min_refused_results or refused <= config.max_refused_share * whole:
        return ""
    return f"most results of this patient were refused ({refused} of {whole}), see rejects.csv"


def applied_abstentions(
    cohort: Cohort, matrix: FeatureMatrix, familiar: TrainingSupport, config: Config
) -> Codes:
    """Code of each landmark's refusal by a bundle; ``matrix`` holds features as measured."""
    product = products_of(cohort, matrix.landmarks["patient"].to_numpy())
    return abstention_codes(matrix, product, familiar, config.predict).code
