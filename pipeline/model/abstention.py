"""Decides when no estimate is given: few results, most rejected, or far from training data."""

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
    """Range of the training data that the rule needs.

    Attributes
    ----------
    analytes : tuple of str
        Analytes of the model.
    ranges : mapping
        Feature to (low, high) ends of its training range.
    last_day : float
        Last day since time zero with a training landmark.
    products : mapping
        Product to number of training patients, at least five; empty if the cohort has no column
        ``product``.
    """

    analytes: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]]
    last_day: float
    products: Mapping[str, int]


@dataclass(frozen=True)
class AbstentionCodes:
    """Code and sentence of the reason for no estimate, by landmark; empty where one is given."""

    code: np.typing.NDArray[np.object_]
    sentence: np.typing.NDArray[np.object_]


def support_from_reference(reference: TrainingReference) -> TrainingSupport:
    """Support of the training data of a bundle.

    Parameters
    ----------
    reference : TrainingReference

    Returns
    -------
    TrainingSupport

    Examples
    --------
    >>> from pipeline.model.bundle import empty_bundle
    >>> reference = empty_bundle().reference
    >>> reference.products["axi_cel"] = 12
    >>> support_from_reference(reference).products
    {'axi_cel': 12}
    """
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
    """Support of the given training landmarks.

    Parameters
    ----------
    matrix : FeatureMatrix
        Of the training landmarks.
    analytes : tuple of str
        Analytes of the model.
    product : Series or None
        Product of each patient; None if unknown.
    person : ndarray of int, shape (n_landmarks,), optional
        Person of each landmark, if a patient has several episodes.

    Returns
    -------
    TrainingSupport

    Examples
    --------
    >>> landmarks = pd.DataFrame({"patient": range(6), "hours": 50.0})
    >>> matrix = FeatureMatrix(np.empty((6, 0)), (), landmarks)
    >>> support = support_from_rows(matrix, ("crp",), pd.Series(["axi_cel"] * 6))
    >>> support.last_day, support.products
    (2.0, {'axi_cel': 6})
    """
    patients = pd.Series(dtype=int) if product is None else product.value_counts()
    counts = frequent(patients.to_dict())
    last = float(landmark_days(matrix).max(initial=0))
    return TrainingSupport(analytes, feature_ranges(matrix, person), last, counts)


def abstention_codes(
    matrix: FeatureMatrix,
    product: pd.Series | None,
    familiar: TrainingSupport,
    config: PredictConfig,
) -> AbstentionCodes:
    """Apply the rule to each landmark; the first reason that applies is given.

    Parameters
    ----------
    matrix : FeatureMatrix
        Features as measured, with ages not clipped to the training range.
    product : Series of str, shape (n_landmarks,), or None
        Product of each landmark's patient, missing where unknown.
    familiar : TrainingSupport
    config : PredictConfig

    Returns
    -------
    AbstentionCodes

    Examples
    --------
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [50.0]})
    >>> matrix = FeatureMatrix(np.empty((1, 0)), (), landmarks)
    >>> familiar = TrainingSupport(("crp",), {}, last_day=14.0, products={})
    >>> abstention_codes(matrix, None, familiar, PredictConfig()).code.tolist()
    ['no_lab']
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
        f"{number} of the model's labs measured in the last {config.newest_lab_hours:g} h, "
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
        known_text = f" (known: {listed(known, most=_MOST_PRODUCTS)})" if known else ""
        least = max(needed, MIN_PATIENTS)
        sentences = [
            f"product '{name}' has fewer than {least} training patients{known_text}"
            for name in names
        ]
        refuse(unseen, PRODUCT, sentences)
    measured = np.maximum((~np.isnan(ages)).sum(axis=1), 1)
    share = out_of_range(matrix, familiar).sum(axis=1) / measured
    far = ["most analytes lie outside the range seen in training"] * count
    refuse(share > config.max_out_of_range_share, FAR, far)
    return result


def without_lab(matrix: FeatureMatrix) -> Bools:
    """Whether no analyte of the model was measured before each landmark.

    Parameters
    ----------
    matrix : FeatureMatrix

    Returns
    -------
    ndarray of bool, shape (n_landmarks,)

    Examples
    --------
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [50.0]})
    >>> without_lab(FeatureMatrix(np.empty((1, 0)), (), landmarks)).tolist()
    [True]
    """
    return np.asarray(np.isnan(analyte_ages(matrix)[1]).all(axis=1))


def out_of_range(matrix: FeatureMatrix, familiar: TrainingSupport) -> Bools:
    """Whether each analyte's last value lies outside its training range.

    A result below its detection limit is never out of range on the low side, as its value is
    unknown.

    Parameters
    ----------
    matrix : FeatureMatrix
    familiar : TrainingSupport

    Returns
    -------
    ndarray of bool, shape (n_landmarks, n_analytes)

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.features.names import analyte_meta
    >>> meta = analyte_meta(dictionary()["albumin"], "last", None)
    >>> landmarks = pd.DataFrame({"patient": [0, 0], "hours": [24.0, 48.0]})
    >>> matrix = FeatureMatrix(np.array([[3.0], [1.0]]), (meta,), landmarks)
    >>> familiar = TrainingSupport(("albumin",), {"albumin__last": (2.0, 5.0)}, 14.0, {})
    >>> out_of_range(matrix, familiar).tolist()
    [[False], [True]]
    """
    columns = []
    for key in familiar.analytes:
        values = matrix.column(f"{key}__last")
        low, high = familiar.ranges.get(f"{key}__last", (np.inf, -np.inf))
        below_limit = matrix.column(f"{key}__last_censored") < 0
        columns.append(((values < low) & ~below_limit) | (values > high))
    return np.stack(columns, axis=1) if columns else np.zeros((len(matrix.values), 0), dtype=bool)


def analyte_ages(matrix: FeatureMatrix) -> tuple[list[str], Floats]:
    """Hours since the last sample of each analyte.

    The series of an analyte before and after a drug are combined. Columns of a prior are ignored.

    Parameters
    ----------
    matrix : FeatureMatrix

    Returns
    -------
    keys : list of str
        Analytes.
    ages : ndarray, shape (n_landmarks, n_analytes)
        Hours; NaN where never measured.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.features.names import analyte_meta
    >>> meta = analyte_meta(dictionary()["crp"], "hours_since_last", None)
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [24.0]})
    >>> keys, ages = analyte_ages(FeatureMatrix(np.array([[5.0]]), (meta,), landmarks))
    >>> keys, ages.tolist()
    (['crp'], [[5.0]])
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
    """Reason for no estimate where most of a patient's results were rejected, else "".

    The share is of rejected rows among rejected and accepted lab rows of known analytes in the
    whole batch. Neither includes rows without a result, withdrawn rows, rows after the time of
    prediction, or collapsed repeats.

    Parameters
    ----------
    patient_ids : iterable of str
        One per landmark.
    read : ReadResult
    config : PredictConfig

    Returns
    -------
    ndarray of str, shape (n_landmarks,)

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> rejects = {"P1": PatientRejects({"crp": 7})}
    >>> sources = pd.DataFrame({"patient_id": ["P1", "P1", "P2"]})
    >>> read = SimpleNamespace(refused=rejects, sources=sources)
    >>> mostly_rejected_reasons(["P1", "P2"], read, PredictConfig()).tolist()
    ['most results of this patient are unreadable (7 of 9), see rejects.csv', '']
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
    """Apply the rule on rejected results to one patient.

    Examples
    --------
    >>> mostly_rejected_reason(5, 3, PredictConfig())
    'most results of this patient are unreadable (5 of 8), see rejects.csv'
    >>> [mostly_rejected_reason(*counts, PredictConfig()) for counts in ((4, 4), (2, 1))]
    ['', '']
    """
    whole = refused + accepted
    if refused < config.min_refused_results or refused <= config.max_refused_share * whole:
        return ""
    return f"most results of this patient are unreadable ({refused} of {whole}), see rejects.csv"


def applied_abstentions(
    cohort: Cohort, matrix: FeatureMatrix, familiar: TrainingSupport, config: Config
) -> Codes:
    """Abstention code of each landmark under the rule of a bundle.

    Parameters
    ----------
    cohort : Cohort
    matrix : FeatureMatrix
        Features as measured.
    familiar : TrainingSupport
    config : Config

    Returns
    -------
    ndarray of str, shape (n_landmarks,)
        Empty where there is an estimate.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [50.0]})
    >>> matrix = FeatureMatrix(np.empty((1, 0)), (), landmarks)
    >>> familiar = TrainingSupport(("crp",), {}, last_day=14.0, products={})
    >>> applied_abstentions(empty_cohort(["P1"]), matrix, familiar, load_config()).tolist()
    ['no_lab']
    """
    product = products_of(cohort, matrix.landmarks["patient"].to_numpy())
    return abstention_codes(matrix, product, familiar, config.predict).code
