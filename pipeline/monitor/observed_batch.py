"""What batches looked like when they were scored, as monitoring compares it with training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.ledger import HARMLESS
from pipeline.cohort.tables import Cohort
from pipeline.config import CohortConfig
from pipeline.explain.patient_record import newest_results
from pipeline.features.landmarks import given_landmarks, landmark_day
from pipeline.model.abstention import (
    applied_abstentions,
    mostly_rejected_reasons,
    support_from_reference,
)
from pipeline.model.bundle import Bundle, read_features
from pipeline.model.cohort_profile import recent_results
from pipeline.model.outcomes import build_targets
from pipeline.model.status import OK, outcome_statuses
from pipeline.model.training_reference import rates_of_days
from pipeline.predict.score import batch_landmarks
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_batch


@dataclass(frozen=True)
class ObservedBatch:
    """Patients of one or several batches, each at the newest landmark.

    Attributes
    ----------
    patients : DataFrame
        ``patient_id, hours, day, abstained`` and per outcome ``risk:<name>``, NaN where no
        estimate is given, and ``base:<name>``.
    recent : DataFrame
        ``patient_id, analyte, value, side``: newest results that are not stale.
    sources : DataFrame
        ``patient_id, analyte, unit, collected_hours, delay_hours`` of every accepted row.
    seen_ids, refused_ids : frozenset of str
        Every patient of the input, and those with a refused row.
    refusals : Counter
        Refused rows per name of the analyte as exported and code.
    n_results : int
        Rows of labs read.
    """

    patients: pd.DataFrame
    recent: pd.DataFrame
    sources: pd.DataFrame
    seen_ids: frozenset[str]
    refused_ids: frozenset[str]
    refusals: Counter[tuple[str, str]]
    n_results: int

    def refused_results(self) -> dict[tuple[str, str], int]:
        """Refused rows that held a result of a known analyte, by its name and code."""
        return {item: n for item, n in self.refusals.items() if item[1] not in HARMLESS}


def observe_batches(paths: Sequence[Path], bundle: Bundle, config: CohortConfig) -> ObservedBatch:
    """Read and score batches; a patient of several counts once, at the newest landmark."""
    scales = tuple(item.scale for item in bundle.config.outcomes.values())
    known = bundle.reference
    parts = [
        observed_batch(
            read_batch(
                path,
                config,
                known.local,
                limits=known.limits,
                products=known.products,
                extra_scales=scales,
            ),
            bundle,
        )
        for path in paths
    ]
    patients = pd.concat([part.patients for part in parts], ignore_index=True)
    patients["batch"] = np.repeat(np.arange(len(parts)), [len(part.patients) for part in parts])
    order = patients.sort_values(["patient_id", "hours", "batch"], kind="stable")
    newest = order.drop_duplicates("patient_id", keep="last").reset_index(drop=True)
    kept = dict(zip(newest["patient_id"], newest["batch"], strict=True))
    recent = [
        part.recent.loc[part.recent["patient_id"].map(kept) == number]
        for number, part in enumerate(parts)
    ]
    return ObservedBatch(
        patients=newest.drop(columns="batch"),
        recent=pd.concat(recent, ignore_index=True),
        sources=pd.concat([part.sources for part in parts], ignore_index=True),
        seen_ids=frozenset().union(*(part.seen_ids for part in parts)),
        refused_ids=frozenset().union(*(part.refused_ids for part in parts)),
        refusals=sum((part.refusals for part in parts), Counter()),
        n_results=sum(part.n_results for part in parts),
    )


def observed_batch(read: ReadResult, bundle: Bundle) -> ObservedBatch:
    """One batch as read; landmarks before time zero are left out."""
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, bundle.reference.limits))
    landmarks = batch_landmarks(cohort, None)
    landmarks = landmarks.loc[landmarks["hours"] >= 0].reset_index(drop=True)
    ids = cohort.patients["patient_id"].to_numpy(dtype=object)[landmarks["patient"].to_numpy()]
    keys = [analyte.key for analyte in bundle.reference.spec.analytes]
    recent = recent_results(
        newest_results(cohort.labs, landmarks), landmarks, keys, bundle.config.predict.stale_hours
    )
    recent.insert(0, "patient_id", ids[recent.pop("landmark").to_numpy()])
    refusals: Counter[tuple[str, str]] = Counter()
    for name, codes in read.analytes_rejected.items():
        refusals.update({(name, code): number for code, number in codes.items()})
    return ObservedBatch(
        patients=_scored(read, cohort, landmarks, ids, bundle),
        recent=recent,
        sources=read.sources.loc[read.sources["analyte"].isin(keys)],
        seen_ids=frozenset(read.seen_ids),
        refused_ids=frozenset(read.refused_ids()),
        refusals=refusals,
        n_results=sum(read.analytes_read.values()),
    )


def headline(bundle: Bundle, scale: str) -> float:
    """Fitted horizon nearest to the one shown large on the pages, hours."""
    horizons = bundle.models[scale].horizons
    wanted = bundle.config.predict.headline_hours
    return min(horizons, key=lambda hours: abs(hours - wanted))


def what_followed(patients: pd.DataFrame, cohort: Cohort, bundle: Bundle, name: str) -> pd.Series:
    """Whether the outcome came within the headline horizon of each patient's landmark.

    Returns
    -------
    Series of float
        1, 0, or NaN where the patient is not in the cohort or was not followed long enough.
    """
    outcome = bundle.config.outcomes[name]
    result = pd.Series(np.nan, index=patients.index)
    known = patients["patient_id"].isin(set(cohort.patients["patient_id"]))
    asked = patients.loc[known].sort_values("patient_id")
    if asked.empty:
        return result
    moments = given_landmarks(cohort, asked[["patient_id", "hours"]]).assign(weight=1.0)
    targets = build_targets(
        cohort, moments, outcome.scale, (outcome.threshold,), bundle.config.cohort.ungraded
    )
    label = targets.label(outcome.threshold, headline(bundle, outcome.scale))
    ids = cohort.patients["patient_id"].to_numpy()[moments["patient"].to_numpy()]
    result[asked.index] = pd.Series(label, index=ids)[asked["patient_id"]].to_numpy()
    return result


def _scored(
    read: ReadResult, cohort: Cohort, landmarks: pd.DataFrame, ids: np.ndarray, bundle: Bundle
) -> pd.DataFrame:
    measured, matrix = read_features(read.cohort, landmarks, bundle)
    unread = mostly_rejected_reasons(ids, read, bundle.config.predict)
    familiar = support_from_reference(bundle.reference)
    code = applied_abstentions(cohort, measured, familiar, bundle.config)
    silent = (code != "") | (unread != "")
    day = landmark_day(matrix)
    table = pd.DataFrame(
        {"patient_id": ids, "hours": landmarks["hours"], "day": day, "abstained": silent}
    )
    for name, outcome in bundle.config.outcomes.items():
        horizon = headline(bundle, outcome.scale)
        status, _ = outcome_statuses(
            cohort, measured, outcome, bundle.reference, bundle.config.predict, unread
        )
        rows = np.flatnonzero(status == OK)
        risk = np.full(len(table), np.nan)
        if len(rows):
            model = bundle.models[outcome.scale]
            risk[rows] = model.risk(matrix.take(rows), outcome.threshold, (horizon,))[:, 0]
        rates = bundle.reference.base_rates[name]
        table[f"risk:{name}"] = risk
        table[f"base:{name}"] = rates_of_days(rates, day, (horizon,))[0][:, 0]
    return table
