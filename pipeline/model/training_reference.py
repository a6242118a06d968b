"""TrainingReference: everything learned from the training cohort except coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.cohort.analytes import Analyte, analyte_from_dict
from pipeline.features.cell_size import patient_range
from pipeline.features.landmarks import landmark_days, neighbourhood
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.features.spec import FeatureSpec, spec_from_dict
from pipeline.model.background import Background, background_from_dict
from pipeline.model.cohort_profile import Profile, profile_from_dict
from pipeline.model.stacked_rows import Targets, censoring_weight

_AGE = "hours_since_last"
RateTable = dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class TrainingReference:
    """Everything learned in training except coefficients; prediction applies it unchanged.

    Attributes
    ----------
    spec : FeatureSpec
        Columns, scales and units.
    local : dict
        Cohort-local analytes with their unit.
    limits : dict
        Limits in the canonical unit by analyte: inferred limits ``lower`` and ``upper``
        (``upper_2`` and so on for lots, absent from older bundles), and the most frequent limits
        for "not detected" and "above range", ``below`` and ``above``.
    base_rates : dict
        Outcome to horizon to a list of ``{day, n, patients, rate}``.
    ranges : dict
        Feature to (low, high) ends of its training range; see ``patient_range``.
    clip_ages : bool
        Whether prediction clips hours-since features to their training range, because all
        training landmarks were on a grid.
    products : dict
        Product to number of training patients, at least five.
    n_patients : int
    background : dict
        Outcome to the prototypes by day for explanations.
    profile : Profile or None
        Profile with which ``cytocast monitor`` compares later batches; None in bundles without it.
    """

    spec: FeatureSpec
    local: dict[str, Analyte]
    limits: dict[str, dict[str, float]]
    base_rates: dict[str, RateTable]
    ranges: dict[str, tuple[float, float]]
    clip_ages: bool
    products: dict[str, int]
    n_patients: int
    background: dict[str, Background] = field(default_factory=dict)
    profile: Profile | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "spec": self.spec.to_dict(),
            "local": {key: analyte.to_dict() for key, analyte in self.local.items()},
            "limits": self.limits,
            "base_rates": self.base_rates,
            "ranges": {name: list(pair) for name, pair in self.ranges.items()},
            "clip_ages": self.clip_ages,
            "products": self.products,
            "n_patients": self.n_patients,
            "background": {name: item.to_dict() for name, item in self.background.items()},
            "profile": None if self.profile is None else self.profile.to_dict(),
        }


def reference_from_dict(content: Mapping[str, Any]) -> TrainingReference:
    """Rebuild a reference stored with :meth:`TrainingReference.to_dict`."""
    return TrainingReference(
        spec=spec_from_dict(content["spec"]),
        local={key: analyte_from_dict(item) for key, item in content["local"].items()},
        limits={key: dict(item) for key, item in content["limits"].items()},
        base_rates={key: dict(item) for key, item in content["base_rates"].items()},
        ranges={name: (pair[0], pair[1]) for name, pair in content["ranges"].items()},
        clip_ages=bool(content["clip_ages"]),
        products=dict(content["products"]),
        n_patients=int(content["n_patients"]),
        background={
            name: background_from_dict(item) for name, item in content["background"].items()
        },
        profile=profile_from_dict(content.get("profile")),
    )


def feature_ranges(
    matrix: FeatureMatrix, person: Ints | None = None
) -> dict[str, tuple[float, float]]:
    """Training range of every feature that five or more patients have; see ``patient_range``.

    Parameters
    ----------
    matrix : FeatureMatrix
    person : ndarray of int, shape (n_landmarks,), optional
        Person of each landmark; by default the row of the patients table.

    Returns
    -------
    dict of str to tuple of float
        Feature to (low, high).

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.features.names import analyte_meta
    >>> landmarks = pd.DataFrame({"patient": np.arange(100), "hours": 24.0})
    >>> meta = analyte_meta(dictionary()["albumin"], "last", None)
    >>> feature_ranges(FeatureMatrix(np.arange(100.0)[:, None], (meta,), landmarks))
    {'albumin__last': (-20.0, 120.0)}
    """
    patient = matrix.landmarks["patient"].to_numpy() if person is None else person
    ranges = {
        meta.name: patient_range(matrix.values[:, number], patient, hours=_is_age(meta))
        for number, meta in enumerate(matrix.metas)
        if ":" not in meta.name  # the features of a prior have their own ranges
    }
    return {name: pair for name, pair in ranges.items() if pair is not None}


def _is_age(meta: FeatureMeta) -> bool:
    return meta.statistic in (_AGE, "hours_since_onset")


def clip_ages(matrix: FeatureMatrix, reference: TrainingReference) -> FeatureMatrix:
    """Clip hours-since features to their training range if ``reference.clip_ages``."""
    return clip_to_ranges(matrix, reference.ranges) if reference.clip_ages else matrix


def clip_to_ranges(
    matrix: FeatureMatrix, ranges: Mapping[str, tuple[float, float]]
) -> FeatureMatrix:
    """Clip hours-since features to the given ranges.

    Parameters
    ----------
    matrix : FeatureMatrix
    ranges : mapping
        Feature to its lowest and highest value, from :func:`feature_ranges`.

    Returns
    -------
    FeatureMatrix

    Examples
    --------
    >>> import pandas as pd
    >>> matrix = FeatureMatrix(np.ones((1, 0)), (), pd.DataFrame({"hours": [3.0]}))
    >>> clip_to_ranges(matrix, {}).values.shape
    (1, 0)
    """
    values = matrix.values.copy()
    for number, meta in enumerate(matrix.metas):
        if _is_age(meta) and meta.name in ranges:
            values[:, number] = np.clip(values[:, number], *ranges[meta.name])
    return FeatureMatrix(values, matrix.metas, matrix.landmarks)


def base_rate_table(
    matrix: FeatureMatrix,
    targets: Targets,
    threshold: int,
    horizons: tuple[float, ...],
    *,
    ipcw_floor: float,
) -> RateTable:
    """Event rate by landmark day and horizon among landmarks at risk, weighted for censoring.

    A day with fewer than 30 patients also uses neighbouring days, one more on each side until 30
    patients are reached.

    Parameters
    ----------
    matrix : FeatureMatrix
    targets : Targets
        One row per row of ``matrix``.
    threshold : int
    horizons : tuple of float
        Hours ahead.
    ipcw_floor : float
        Smallest probability of being followed.

    Returns
    -------
    dict of str to list of dict
        Horizon (``"24"``) to ``{day, n, patients, rate}`` per day.

    Examples
    --------
    >>> import pandas as pd
    >>> patient, hours = np.array([0, 1]), np.array([24.0, 24.0])
    >>> matrix = FeatureMatrix(np.empty((2, 0)), (), pd.DataFrame({"hours": hours}))
    >>> time, status = np.array([[18.0], [176.0]]), np.array([[1], [0]], dtype=np.int8)
    >>> rest = np.full((2, 1), True), np.ones(2), patient, hours, np.full((2, 1), 99.0), patient
    >>> base_rate_table(matrix, Targets((3,), time, status, *rest), 3, (24.0,), ipcw_floor=0.1)
    {'24': [{'day': 1.0, 'n': 2.0, 'patients': 2.0, 'rate': 0.5}]}
    """
    day = landmark_days(matrix)
    column, curve = targets.thresholds.index(threshold), targets.followed(threshold)
    table: RateTable = {}
    for horizon in horizons:
        label = targets.label(threshold, horizon)
        known = ~np.isnan(label)
        until = np.minimum(targets.time[known, column], horizon)
        inverse = np.ones(len(label))
        inverse[known] = censoring_weight(curve, targets.hours[known], until, ipcw_floor)
        entries = []
        for centre in np.unique(day[known]):
            rows = neighbourhood(day, known, targets.patient, centre)
            weight = targets.weight[rows] * inverse[rows]
            entries.append(
                {
                    "day": float(centre),
                    "n": float(round(float(targets.weight[rows].sum()))),
                    "patients": float(len(np.unique(targets.patient[rows]))),
                    "rate": float((weight * label[rows]).sum() / weight.sum()),
                }
            )
        table[f"{horizon:g}"] = entries
    return table


def rates_of_days(
    table: RateTable, day: Ints, horizons: tuple[float, ...]
) -> tuple[Floats, Floats]:
    """Look up base rate and number of patients for each landmark day, or the nearest known day.

    Parameters
    ----------
    table : dict
        From :func:`base_rate_table`.
    day : ndarray of int, shape (n_landmarks,)
        Whole days since time zero.
    horizons : tuple of float
        Hours ahead.

    Returns
    -------
    rate, n : ndarray, shape (n_landmarks, n_horizons)
        NaN and 0 for a horizon without entries.

    Examples
    --------
    >>> table = {"24": [{"day": 1.0, "n": 40.0, "patients": 40.0, "rate": 0.1}]}
    >>> rate, n = rates_of_days(table, np.array([1, 5]), (24.0,))
    >>> rate.tolist(), n.tolist()
    ([[0.1], [0.1]], [[40.0], [40.0]])
    """
    rate = np.full((len(day), len(horizons)), np.nan)
    n = np.zeros((len(day), len(horizons)))
    for number, horizon in enumerate(horizons):
        entries = table.get(f"{horizon:g}", [])
        if not entries:
            continue
        days = np.array([entry["day"] for entry in entries])
        nearest = np.abs(day[:, None] - days[None, :]).argmin(axis=1)
        rate[:, number] = np.array([entry["rate"] for entry in entries])[nearest]
        n[:, number] = np.array([entry["patients"] for entry in entries])[nearest]
    return rate, n
