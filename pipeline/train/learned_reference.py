"""Learns the TrainingReference: base rates, ranges, prototypes, products and the profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.patients import category
from pipeline.cohort.tables import Cohort
from pipeline.config import Config
from pipeline.evaluate.scoring_protocol import ScoredOutcome
from pipeline.explain.patient_record import newest_results
from pipeline.features.cell_size import frequent
from pipeline.features.landmarks import every_result_landmarks, landmark_days, on_grid
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.abstention import Codes, analyte_ages
from pipeline.model.background import learn_background
from pipeline.model.cohort_profile import (
    MIN_PATIENTS,
    Profile,
    at_least_five,
    first_delays,
    profile_days,
    profile_risks,
    recent_results,
    rounded,
)
from pipeline.model.outcomes import nearest_horizon
from pipeline.model.training_reference import (
    TrainingReference,
    base_rate_table,
    feature_ranges,
)
from pipeline.reading.read_result import ReadResult
from pipeline.train.scale_fit import ScaleResult, TrainingTask


def learn_reference(
    read: ReadResult, task: TrainingTask, scales: Mapping[str, ScaleResult], profile: Profile
) -> TrainingReference:
    """Base rates, ranges, prototypes, products and limits of the training cohort.

    Parameters
    ----------
    scales : mapping
        Scale to its model and training data.
    profile : Profile
        For monitoring later batches.
    """
    base_rates, ranges, background = {}, {}, {}
    for name, outcome in task.config.outcomes.items():
        part = scales[outcome.scale]
        base_rates[name] = base_rate_table(
            part.matrix,
            part.targets,
            outcome.threshold,
            part.model.horizons,
            ipcw_floor=task.config.model.ipcw_floor,
        )
        at_risk = part.targets.at_risk[:, part.targets.thresholds.index(outcome.threshold)]
        background[name] = learn_background(
            part.matrix, at_risk, part.targets.patient, part.model.columns
        )
    for part in scales.values():
        ranges.update(feature_ranges(part.matrix, part.targets.patient))
    return TrainingReference(
        spec=task.spec,
        local=read.local,
        limits=task.limits,
        base_rates=base_rates,
        ranges=ranges,
        clip_ages=all(on_grid(part.matrix.landmarks).all() for part in scales.values()),
        products=_products(task.cohort),
        n_patients=task.cohort.n_patients,
        background=background,
        profile=profile,
    )


_SLOW = 0.8
_DAY = 24.0


def learn_profile(
    read: ReadResult,
    cohort: Cohort,
    keys: Sequence[str],
    config: Config,
    scored: Mapping[str, ScoredOutcome],
    refused: tuple[FeatureMatrix, Codes],
) -> Profile:
    """Profile of a training cohort.

    Parameters
    ----------
    cohort : Cohort
        With the inferred limits.
    keys : sequence of str
        The model's analytes.
    scored : mapping
        Per outcome: out-of-fold scores, with the rows that get an estimate.
    refused : tuple
        Features at the training landmarks, and their abstention codes.
    """
    matrix, codes = refused
    return Profile(
        **lab_profile(read, cohort, keys, config),
        abstained=_abstained(matrix, codes, cohort.persons()),
        risks={name: _risks(item, config.predict.headline_hours) for name, item in scored.items()},
    )


def lab_profile(
    read: ReadResult, cohort: Cohort, keys: Sequence[str], config: Config
) -> dict[str, Any]:
    """Fields of a :class:`Profile` without a model: days, units, delays and rejected rows."""
    landmarks = last_results_of_days(cohort, config.landmarks.last_hours)
    newest = newest_results(cohort.labs, landmarks)
    recent = recent_results(newest, landmarks, keys, config.predict.stale_hours)
    hours = landmarks["hours"].to_numpy(dtype=float)
    person = cohort.persons()[landmarks["patient"].to_numpy()]
    rows = read.sources.loc[read.sources["analyte"].isin(list(keys))]
    parts = {str(key): part for key, part in rows.groupby("analyte", sort=True)}
    delays = {key: first_delays(part) for key, part in parts.items()}
    return {
        "days": profile_days(hours, person, recent),
        "units": {key: unit_counts(part) for key, part in parts.items() if _enough(part)},
        "delays": {key: _delays(first) for key, first in delays.items() if _enough(first)},
        "refused": {
            "patients": len(read.seen_ids),
            "refused": at_least_five(len(read.refused_ids())),
        },
    }


def last_results_of_days(cohort: Cohort, last_hours: float) -> pd.DataFrame:
    """Landmarks just after the last result of each patient and day, when a batch is scored."""
    moments = every_result_landmarks(cohort, last_hours)
    day = np.floor(moments["hours"] / _DAY)
    return moments.loc[~_repeats(moments["patient"], day)].reset_index(drop=True)


def unit_counts(sources: pd.DataFrame) -> dict[str, Any]:
    """Number of patients with the analyte, in total and by unit."""
    counts = sources.groupby("unit", sort=True)["patient_id"].nunique()
    return {
        "patients": int(sources["patient_id"].nunique()),
        "units": {str(unit): at_least_five(int(number)) for unit, number in counts.items()},
    }


def _products(cohort: Cohort) -> dict[str, int]:
    """Patients by product, for products of at least five; empty without a product column."""
    if "product" not in cohort.patients:
        return {}
    product = category(cohort.patients["product"])
    counts = pd.Series(cohort.persons()).groupby(product.to_numpy()).nunique()
    return frequent(counts.to_dict())


def _repeats(patient: pd.Series, day: pd.Series) -> pd.Series:
    """Whether a later landmark of the same patient and day exists."""
    return pd.DataFrame({"patient": patient, "day": day}).duplicated(keep="last")


def _enough(part: pd.DataFrame) -> bool:
    return bool(part["patient_id"].nunique() >= MIN_PATIENTS)


def _delays(first: pd.DataFrame) -> dict[str, float]:
    hours = first["delay_hours"].to_numpy(dtype=float)
    slow = rounded(float(np.quantile(hours, _SLOW, method="inverted_cdf")))
    return {
        "patients": len(hours),
        "median": rounded(float(np.median(hours))),
        "slow_hours": slow,
        "slow": at_least_five(int((hours > slow).sum())),
    }


def _abstained(
    matrix: FeatureMatrix, codes: Codes, person: np.ndarray
) -> dict[int, dict[str, int]]:
    ages = analyte_ages(matrix)[1]
    fresh = (ages <= _DAY).any(axis=1) & on_grid(matrix.landmarks)
    day = landmark_days(matrix)
    patient = person[matrix.landmarks["patient"].to_numpy()]
    by_day = {}
    for centre in np.unique(day[fresh]):
        rows = np.flatnonzero(fresh & (day == centre))
        patients = len(np.unique(patient[rows]))
        if patients >= MIN_PATIENTS:
            count = int((codes[rows] != "").sum())
            by_day[int(centre)] = {
                "n": len(rows),
                "patients": patients,
                "abstained": at_least_five(count),
            }
    return by_day


def _risks(scored: ScoredOutcome, headline_hours: float) -> dict[str, Any]:
    """Held-out risks by day at the headline horizon, averaged over the repeats."""
    scores = scored.scores
    horizon = scores.horizons.index(nearest_horizon(scores.horizons, headline_hours))
    table = pd.DataFrame(
        {
            "person": scores.patient,
            "day": scores.day.astype(float),
            "episode": scores.episode,
            "hours": scores.hours,
            "risk": scores.risks["model"][:, horizon],
        }
    )
    if scored.answered is not None:
        table = table.loc[scored.answered]
    once = table.groupby(["person", "episode", "day", "hours"], as_index=False)["risk"].mean()
    return {
        "horizon": float(scores.horizons[horizon]),
        "days": profile_risks(
            once["risk"].to_numpy(), once["day"].to_numpy(), once["person"].to_numpy()
        ),
    }
